"""Ends runs whose process is gone: else they would hold their lineage's turn in the queue for ever.

Not here: the sign of life that tells them from others (assets/alive.py), and what is tried again
(sensors/run_failed.py).
"""

import time

import dagster as dg

from assets.alive import is_held, lock_of
from vibe_pipeline.store import Store

SILENT_S = 180.0
"""A run that starts shows its first sign of life in a few seconds, and later on a machine that swaps."""

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

GONE = "Its process is gone: it was killed, ran out of memory, or the machine went down."


def end_lost_runs(instance: dg.DagsterInstance, store: Store, silent_s: float = SILENT_S) -> list[str]:
    """Mark them as failed, or as canceled where somebody had asked for that; returns their ids."""
    lost = [it for it in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)) if _is_lost(store, it, silent_s)]
    for record in lost:
        run = record.dagster_run
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message=GONE)
        else:
            instance.report_run_failed(run, message=GONE)
        store.remove(f"locks/{lock_of(run.run_id)}")
    return [record.dagster_run.run_id for record in lost]


def _is_lost(store: Store, record: dg.RunRecord, silent_s: float) -> bool:
    held = is_held(store, record.dagster_run.run_id)
    if held is None:
        return time.time() - record.update_timestamp.timestamp() > silent_s  # of its status: it may have been queued
    return not held
