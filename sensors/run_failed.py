"""Says once why a run failed, and tries again what may pass by itself; the rest waits for a person.

It looks at what is to be done next: the examples of the last generation, and the lowest rung of each lineage that is
not settled. A rung that was refused because one below was not settled is such a rung later, and is tried again then.
Not here: the first attempt (enough_interactions.py, examples_ready.py).
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import dagster as dg

from assets.champion import champion
from assets.examples import examples
from assets.partitions import rung_key
from assets.resources import LadderResource
from jobs import failures
from jobs.attempts import Attempts, of_partition
from jobs.climb_rung import climb_rung
from jobs.lost_runs import end_lost_runs
from jobs.open_generation import open_generation
from sensors.looking import every_s, look
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import generation_name
from vibe_pipeline.settings import Retry

REFUSED = "RungRefused"


@dataclass(frozen=True, slots=True)
class Failed:
    """What is to be done next, and failed."""

    name: str
    asset: dg.AssetKey
    job: str
    partition: str
    attempts: Attempts
    why: failures.RunFailed

    @property
    def run_id(self) -> str:
        """Of the last attempt."""
        return self.attempts.failed[0].dagster_run.run_id


@dg.sensor(
    jobs=[open_generation, climb_rung],
    minimum_interval_seconds=every_s(),
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def run_failed(context: dg.SensorEvaluationContext, ladder: LadderResource) -> dg.SensorResult:
    """Tries a failed run again where that may help, at most [retry] times; says what waits for a person, and why."""
    return look(context, ladder, partial(_ask, context.instance, context.cursor))


def _ask(instance: dg.DagsterInstance, cursor: str | None, here: Ladder) -> dg.SensorResult:
    end_lost_runs(instance, here.store)
    told: list[str] = json.loads(cursor) if cursor else []
    every = list(_failed(instance, here))
    wanted = {it.run_id: _next(it, here.settings.retry) for it in every}
    requests = [next_ for next_ in wanted.values() if isinstance(next_, dg.RunRequest)]
    words = "; ".join(f"{it.name}: {next_}" for it in every if isinstance(next_ := wanted[it.run_id], str))
    return dg.SensorResult(
        requests,
        None if requests else words or "nothing that is to be done next has failed",
        cursor=json.dumps([it.run_id for it in every]),
        asset_events=[_event(it, here.settings.retry) for it in every if it.run_id not in told],
    )


def _failed(instance: dg.DagsterInstance, here: Ladder) -> Iterator[Failed]:
    generation = here.generations.broken_off()
    if generation is not None:
        name = generation_name(generation)
        yield from _if_failed(instance, name, examples.key, open_generation.name, name)
    for lineage in here.settings.lineages:
        if pending := here.pending(lineage):
            key = rung_key(lineage, pending[0])
            name = f"{lineage} {generation_name(pending[0])}"
            yield from _if_failed(instance, name, champion.key, climb_rung.name, key)


def _if_failed(instance: dg.DagsterInstance, name: str, asset: dg.AssetKey, job: str, key: str) -> Iterator[Failed]:
    its = of_partition(instance, key)
    if its.failed and not its.is_at_work:
        yield Failed(name, asset, job, key, its, failures.why(instance, its.failed[0].dagster_run.run_id))


def _next(it: Failed, retry: Retry) -> dg.RunRequest | str:
    """The next attempt, or why there is none (yet)."""
    times, again = len(it.attempts.failed), it.why.is_retryable or it.why.error == REFUSED
    if not again:
        return f"{it.why.words} It waits for a person"
    if times > retry.times:
        return f"{it.why.words} It failed {times} times and waits for a person"
    since = time.time() - (it.attempts.failed[0].end_time or 0)
    pause = 0 if it.why.error == REFUSED else retry.pause_seconds * 2 ** (times - 1)
    if 0 <= since < pause:
        return f"{it.why.words} It is tried again in {pause - since:.0f} s"
    return dg.RunRequest(it.attempts.next_key(it.name.replace(" ", "/")), partition_key=it.partition, job_name=it.job)


def _event(it: Failed, retry: Retry) -> dg.AssetObservation:
    """The one event of a failure, on the page of the partition that it is about."""
    times, again = len(it.attempts.failed), it.why.is_retryable or it.why.error == REFUSED
    goes_on = f"is tried again ({times} of {retry.times})" if again and times <= retry.times else "waits for a person"
    return dg.AssetObservation(
        asset_key=it.asset,
        partition=it.partition,
        description=f"{it.name} failed at {it.why.step}: {it.why.words} It {goes_on}.",
        metadata={
            "failed": it.name,
            "step": it.why.step,
            "error": it.why.error,
            "words": it.why.words,
            "remedy": it.why.remedy,
            "attempt": times,
            "next": goes_on,
            "run": dg.MetadataValue.dagster_run(it.run_id),
        },
    )
