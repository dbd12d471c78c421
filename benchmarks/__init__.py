"""What `make bench-…` runs: one module a subject, each beside what a user would write by hand, in the same run.

Not here: tests, and anything that the product imports.
"""
