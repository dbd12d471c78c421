"""The job that seals what was logged and counts it anew, for the asset's page, and where a sensor would take too long.

Not here: opening a generation (sensors/enough_interactions.py).
"""

import dagster as dg

seal_log = dg.define_asset_job(
    "seal_log",
    selection=["interactions"],
    description="Seals what was logged since the last time, and counts the log anew.",
    executor_def=dg.in_process_executor,
)
