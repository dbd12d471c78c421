"""The job for a generation that was opened: seal the log, make the generation's examples.

Not here: opening it. The cut is written before any run is launched (`vibe generation open`, jobs/demo.py).
"""

import dagster as dg

open_generation = dg.define_asset_job(
    "open_generation",
    selection=["interactions", "examples"],
    description="Seals the log and makes the examples and the suite of one opened generation.",
    executor_def=dg.in_process_executor,
)
