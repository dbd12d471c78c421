"""A sign of life for each run: its process holds a lock as long as it lives, and the system lets go of it after that.

Dagster itself cannot tell a run that works from one whose process died with the daemon. Not here: what becomes of such
a run (jobs/lost_runs.py).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from vibe_pipeline.errors import Busy, VibeError
from vibe_pipeline.settings import home
from vibe_pipeline.store import Store


@contextmanager
def alive(run_id: str | None) -> Iterator[None]:
    """Hold the lock of a run, unless another process of the same run does. A sensor has no run; and where no lock can
    be made, the step says why."""
    with ExitStack() as held:
        try:
            if run_id:
                store, name = Store(home()), lock_of(run_id)
                held.enter_context(store.lock(name, 0))
                held.callback(store.path(f"locks/{name}").unlink, missing_ok=True)  # before it is let go of
        except VibeError:
            pass
        yield


def is_held(store: Store, run_id: str) -> bool | None:
    """Whether a process of a run lives on this machine; None where none has shown a sign of life, or it ended well."""
    name = lock_of(run_id)
    if not store.path(f"locks/{name}").exists():
        return None
    try:
        with store.lock(name, 0):
            return False
    except Busy:
        return True


def lock_of(run_id: str) -> str:
    """The name of its lock."""
    return f"run-{run_id}"
