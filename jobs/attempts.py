"""What became of the runs of one partition: the one place that reads runs.

A partition's runs are counted whoever launched them: a sensor, a backfill, a person. Not here: what follows from it
(sensors/), and what a rung is worth (the ledger).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import dagster as dg

PARTITION = "dagster/partition"

MOST = 100
"""Runs of one partition that are looked at, the newest ones."""

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Runs, newest first."""

    runs: Sequence[dg.RunRecord]

    @property
    def is_at_work(self) -> bool:
        """Whether one of them is queued or runs."""
        return any(_status(run) not in ENDED for run in self.runs)

    @property
    def failed(self) -> list[dg.RunRecord]:
        """The last ones that failed, after the last that did not."""
        return list(takewhile(lambda run: _status(run) == dg.DagsterRunStatus.FAILURE, self.runs))

    @property
    def words(self) -> str:
        """Why no further one is simply requested; nothing where it may be."""
        if self.is_at_work:
            return "is at work"
        if self.failed:
            return "failed, see run_failed"
        is_canceled = bool(self.runs) and _status(self.runs[0]) == dg.DagsterRunStatus.CANCELED
        return "was canceled, and waits for a person to launch it again" if is_canceled else ""

    def next_key(self, *names: str) -> str:
        """The run key of the next one: Dagster launches each once, however often it is requested."""
        return "/".join([*names, str(len(self.runs) + 1)])


def of_partition(instance: dg.DagsterInstance, key: str) -> Attempts:
    """Of a generation's examples (g003) or a rung (g003|main)."""
    return Attempts(instance.get_run_records(dg.RunsFilter(tags={PARTITION: key}), limit=MOST))


def of_job(instance: dg.DagsterInstance, name: str) -> Attempts:
    """Of a job without partitions."""
    return Attempts(instance.get_run_records(dg.RunsFilter(job_name=name), limit=MOST))


def _status(run: dg.RunRecord) -> dg.DagsterRunStatus:
    return run.dagster_run.status
