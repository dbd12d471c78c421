"""What assets are given: a Ladder on this home, and a DuckDB in memory.

Home and settings are read when a step runs, from VIBE_HOME and vibe.toml, never at import. The one place where an
engine's error becomes a Dagster failure, retried only if a rerun can change anything.
Not here: anything that makes or judges. A step that fails inside the engine fails with the engine's own words.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import Field

from vibe_pipeline.errors import VibeError
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.progress import Advance, Watch

LOG_EVERY_S = 10.0

duckdb = DuckDBResource(database=":memory:")


class LadderResource(dg.ConfigurableResource):
    """Opens the Ladder for a step."""

    device: str = Field(default="auto", description="auto, cuda, mps or cpu")
    threads: int | None = Field(default=None, description="CPU threads; all cores this process may use if left out")

    @contextmanager
    def open(self, log: dg.DagsterLogManager) -> Iterator[Ladder]:
        """A Ladder that reports to the run's log; an expected error fails the step with one line."""
        try:
            yield Ladder(device=self.device, threads=self.threads, watch=self.watch(log))
        except VibeError as error:
            raise dg.Failure(description=str(error), allow_retries=error.retryable) from error

    def watch(self, log: dg.DagsterLogManager) -> Watch:
        """Who looks on while a stage works."""
        return LogWatch(log)


class LogWatch:
    """Writes progress to a run's log, at most once in LOG_EVERY_S seconds."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log

    def __call__(self, title: str) -> AbstractContextManager[Advance]:
        """Open a title."""
        return self._watching(title)

    @contextmanager
    def _watching(self, title: str) -> Iterator[Advance]:
        started = said = time.monotonic()

        def advance(done: int, total: int, words: str = "") -> None:
            nonlocal said
            now = time.monotonic()
            if now - said >= LOG_EVERY_S and 0 < done < total:
                said = now
                left = (now - started) / done * (total - done)
                self._log.info("%s: %d of %d, %s, about %.0f s left", title, done, total, words, left)

        self._log.info("%s", title)
        yield advance
        self._log.info("%s: done in %.1f s", title, time.monotonic() - started)
