"""Requests the next rung of each lineage that climbs: one at a time, for each rung needs the verdict on the one below.

Not here: what a failed rung means (run_failed.py), and backfills, which a person launches.
"""

from functools import partial

import dagster as dg

from assets.partitions import rung_key
from assets.resources import LadderResource
from jobs.attempts import of_partition
from jobs.climb_rung import climb_rung
from jobs.partitions import requests
from sensors.looking import every_s, look
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import generation_name


@dg.sensor(job=climb_rung, minimum_interval_seconds=every_s(), default_status=dg.DefaultSensorStatus.RUNNING)
def examples_ready(context: dg.SensorEvaluationContext, ladder: LadderResource) -> dg.SensorResult:
    """Requests a rung for each lineage whose next generation has its examples, unless it is halted or waits."""
    return look(context, ladder, partial(ask, context.instance))


def ask(instance: dg.DagsterInstance, here: Ladder) -> dg.SensorResult:
    """One rung a lineage, or why there is none."""
    found = {lineage: _next(instance, here, lineage) for lineage in here.settings.lineages}
    wanted = [it for it in found.values() if isinstance(it, dg.RunRequest)]
    words = "; ".join(f"{lineage} {it}" for lineage, it in found.items() if isinstance(it, str))
    added = requests(instance, here)
    return dg.SensorResult(wanted, None if wanted else words, dynamic_partitions_requests=added)


def _next(instance: dg.DagsterInstance, here: Ladder, lineage: str) -> dg.RunRequest | str:
    """The request, or why there is none."""
    if not here.settings.lineage(lineage).automatic:
        return "is climbed by a person (automatic = false)"
    if waits := here.waits(lineage):
        return waits
    if here.line(lineage).halted:
        return "is halted"
    generation = next(iter(here.pending(lineage)), None)
    if generation is None:
        return f"has settled all {here.log.opened()} generations"
    name, key = generation_name(generation), rung_key(lineage, generation)
    if here.generations.curated(generation) is None:
        return f"waits for the examples of {name}"
    its = of_partition(instance, key)
    if its.words:
        return f"{name} {its.words}"
    return dg.RunRequest(its.next_key(lineage, name), partition_key=key)
