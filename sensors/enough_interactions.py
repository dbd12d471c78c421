"""Opens the next generation as soon as the log holds enough, and requests the run that makes its examples.

Collection goes on meanwhile: sealing takes what was written, and what comes after the cut is of the next generation.
Not here: how much is enough ([trigger] in vibe.toml, vibe_pipeline/trigger.py).
"""

from functools import partial

import dagster as dg

from assets.resources import LadderResource
from jobs.attempts import of_job, of_partition
from jobs.open_generation import open_generation
from jobs.partitions import requests
from jobs.seal_log import seal_log
from sensors.looking import WAIT_S, every_s, look
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import generation_name

MOST_BYTES = 64 << 20
"""Of lines that a tick seals itself, in some ten seconds; more are sealed by a run of their own."""


@dg.sensor(
    jobs=[open_generation, seal_log],
    minimum_interval_seconds=every_s(),
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def enough_interactions(context: dg.SensorEvaluationContext, ladder: LadderResource) -> dg.SensorResult:
    """Opens a generation when a budget of [trigger] is reached and all that it requires is there; says all numbers."""
    return look(context, ladder, partial(ask, context.instance))


def ask(instance: dg.DagsterInstance, here: Ladder) -> dg.SensorResult:
    """Seal, open what is due, and request what is missing."""
    waiting = here.log.waiting_bytes()
    if waiting > MOST_BYTES:
        return _seal(instance, waiting)
    _, words = here.log.open_when_due(WAIT_S)
    return _make_examples(instance, here, words)


def _seal(instance: dg.DagsterInstance, waiting: int) -> dg.SensorResult:
    its = of_job(instance, seal_log.name)
    if its.is_at_work:
        return dg.SensorResult(skip_reason=f"{waiting / 1e6:,.0f} MB are being sealed by a run of {seal_log.name}")
    return dg.SensorResult([dg.RunRequest(its.next_key("seal"), job_name=seal_log.name)])


def _make_examples(instance: dg.DagsterInstance, here: Ladder, words: str) -> dg.SensorResult:
    """Of the last generation that has none: whoever opened it may have died before a run was requested."""
    added, generation = requests(instance, here), here.generations.broken_off()
    if generation is None:
        return dg.SensorResult(skip_reason=words, dynamic_partitions_requests=added)
    name = generation_name(generation)
    its = of_partition(instance, name)
    if its.words:
        words = f"the run that makes the examples of {name} {its.words}; {words}"
        return dg.SensorResult(skip_reason=words, dynamic_partitions_requests=added)
    request = dg.RunRequest(its.next_key(name), partition_key=name, job_name=open_generation.name)
    return dg.SensorResult([request], dynamic_partitions_requests=added)
