"""The job that checks the whole ladder. It reads every rung, so it is no part of climbing one.

Not here: the checks (assets/checks.py), and `vibe verify`, which reads every byte.
"""

import dagster as dg

from assets.checks import chain_intact, ladder_is_current

check_ladder = dg.define_asset_job(
    "check_ladder",
    selection=dg.AssetSelection.checks(chain_intact, ladder_is_current),
    description="Checks that every chain is whole, and names the rungs that would be others today.",
    executor_def=dg.in_process_executor,
)
