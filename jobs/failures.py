"""Why a run failed, in the engine's own words: step, error, remedy, and whether a rerun can change anything.

Not here: what follows from it (sensors/run_failed.py).
"""

from dataclasses import dataclass

import dagster as dg

from jobs.lost_runs import GONE

FAILED = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}

LAUNCH_AGAIN = "See the run, and launch it again"


@dataclass(frozen=True, slots=True)
class RunFailed:
    """Of one run."""

    step: str
    error: str
    words: str
    remedy: str
    is_retryable: bool


def why(instance: dg.DagsterInstance, run_id: str) -> RunFailed:
    """What its events say. A run that ended without a failed step was killed, which says nothing of its inputs."""
    events = [it.dagster_event for it in instance.all_logs(run_id, of_type=FAILED)]
    step = next((it for it in events if it and it.is_step_failure), None)
    if step is None:
        return RunFailed("none", "Killed", GONE, LAUNCH_AGAIN, is_retryable=True)
    data = step.step_failure_data
    if told := data.user_failure_data:
        values = {name: it.value for name, it in told.metadata.items()}
        error, remedy = str(values.get("error", "Failure")), str(values.get("remedy", LAUNCH_AGAIN))
        return RunFailed(str(step.step_key), error, told.description or "", remedy, bool(values.get("retryable")))
    error = data.error
    while error and error.cause:  # Dagster's own stands around what was raised
        error = error.cause
    words = " ".join(error.message.split()).rstrip(".") + "." if error else "It ended without a word."
    name = str(error.cls_name) if error else "unknown"
    return RunFailed(str(step.step_key), name, words, LAUNCH_AGAIN, is_retryable=False)
