"""What is launched: selections of assets as jobs, the registration of partitions, and the demo.

Not here: assets (assets/) and the wiring of both (definitions.py).
"""
