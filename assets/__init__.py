"""The ladder as Dagster draws it: one asset for every noun of a rung, each a few lines around `Ladder`.

Nothing here computes: a body resolves the rung, calls one stage and returns what people want to see of it.
Not here: partitions' registration and job selections (jobs/), wiring (definitions.py), and anything heavy at import.
"""
