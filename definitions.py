"""The composition root: the one place where assets, their checks, jobs, sensors, schedules and resources are wired.

Loading it takes about a second: nothing here, nor anything it imports, imports torch, transformers, peft, mlflow or
huggingface_hub. Not here: a decision. What to do is in the jobs, how it is done in the engine.
"""

import dagster as dg

from assets.adapter import adapter
from assets.ancestry import ancestry
from assets.champion import champion
from assets.checks import chain_intact, freshness, ladder_is_current, quarantine_share
from assets.examples import examples
from assets.interactions import interactions
from assets.replay_mix import replay_mix
from assets.resources import LadderResource, duckdb
from assets.scorecard import scorecard
from jobs.check_ladder import check_ladder
from jobs.climb_rung import climb_rung
from jobs.open_generation import open_generation
from jobs.seal_log import seal_log
from jobs.steer_lineage import steer_lineage
from sensors.enough_interactions import enough_interactions
from sensors.examples_ready import examples_ready
from sensors.halted import halted
from sensors.hourly import hourly_checks, hourly_figures, hourly_generation, hourly_rungs
from sensors.run_failed import run_failed


def build(ladder: LadderResource | None = None) -> dg.Definitions:
    """Everything Dagster sees, around one Ladder resource."""
    return dg.Definitions(
        assets=[interactions, examples, ancestry, replay_mix, adapter, scorecard, champion],
        asset_checks=[freshness, quarantine_share, chain_intact, ladder_is_current],
        jobs=[open_generation, climb_rung, seal_log, check_ladder, steer_lineage],
        sensors=[enough_interactions, examples_ready, run_failed, halted],
        schedules=[hourly_figures, hourly_generation, hourly_rungs, hourly_checks],
        resources={"ladder": ladder or LadderResource(), "duckdb": duckdb},
        executor=dg.in_process_executor,
    )


defs = build()
