"""What stages made, kept under the key of their inputs: results/<stage>/<key>.json, made once and never twice.

Not here: the stages, and what goes into a key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vibe_pipeline import forgetting
from vibe_pipeline.records import plain
from vibe_pipeline.settings import Settings
from vibe_pipeline.store import Store

T = TypeVar("T")

STAGE_WAIT_S = 3600.0
"""A second process that wants the same result waits for the first instead of making it twice."""


class Results:
    """The results of one home."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def once(self, stage: str, key: str, kind: type[T], make: Callable[[], T]) -> T:
        """The kept result of these inputs; made, under a lock, if there is none."""
        name = _name(stage, key)
        if not self._store.exists(name):
            with (
                forgetting.making(self._store, self._settings),
                self._store.lock(f"{stage}-{key[:16]}", STAGE_WAIT_S),
            ):
                if not self._store.exists(name):
                    self._store.write_json(name, plain(make()))
        return self._store.read_record(kind, name)

    def kept(self, stage: str, key: str, kind: type[T]) -> T | None:
        """The kept result of these inputs, if there is one."""
        name = _name(stage, key)
        return self._store.read_record(kind, name) if self._store.exists(name) else None


def _name(stage: str, key: str) -> str:
    return f"results/{stage}/{key}.json"
