"""For those who prefer a clock: once an hour what the sensors ask all the time, and the figures of the log.

Off until somebody switches them on in the UI. Beside the sensors they do no harm: whatever is requested twice is found
made. Not here: the questions (enough_interactions.py, examples_ready.py).
"""

from collections.abc import Callable
from functools import partial

import dagster as dg

from assets.resources import LadderResource
from jobs.check_ladder import check_ladder
from jobs.climb_rung import climb_rung
from jobs.open_generation import open_generation
from jobs.seal_log import seal_log
from sensors import enough_interactions, examples_ready
from sensors.looking import look
from vibe_pipeline.ladder import Ladder

HOURLY = "0 * * * *"
SOON = "5 * * * *"
"""By then the examples of a generation that was opened on the hour are mostly there."""

Ask = Callable[[dg.DagsterInstance, Ladder], dg.SensorResult]
Found = list[dg.RunRequest] | dg.SkipReason

hourly_figures = dg.ScheduleDefinition(
    name="hourly_figures",
    job=seal_log,
    cron_schedule=HOURLY,
    description="Seals the log once an hour and counts it anew.",
)
hourly_checks = dg.ScheduleDefinition(
    name="hourly_checks",
    job=check_ladder,
    cron_schedule=HOURLY,
    description="Checks once an hour that every chain is whole and every rung what it would be today.",
)


@dg.schedule(job=open_generation, cron_schedule=HOURLY)
def hourly_generation(context: dg.ScheduleEvaluationContext, ladder: LadderResource) -> Found:
    """Once an hour: seals, opens a generation where [trigger] says so, and requests its examples."""
    return _by_the_clock(context, ladder, enough_interactions.ask)


@dg.schedule(job=climb_rung, cron_schedule=SOON)
def hourly_rungs(context: dg.ScheduleEvaluationContext, ladder: LadderResource) -> Found:
    """Once an hour: requests the next rung of each lineage that climbs."""
    return _by_the_clock(context, ladder, examples_ready.ask)


def _by_the_clock(context: dg.ScheduleEvaluationContext, ladder: LadderResource, ask: Ask) -> Found:
    """A schedule launches one job, and adds no partitions by what it returns."""
    found = look(context, ladder, partial(ask, context.instance))
    for added in found.dynamic_partitions_requests or ():
        context.instance.add_dynamic_partitions(added.partitions_def_name, added.partition_keys)
    requests = [it for it in found.run_requests or () if it.job_name != seal_log.name]
    return requests or found.skip_reason or dg.SkipReason("hourly_figures seals what waits")
