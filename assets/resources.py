"""What assets are given: a Ladder on this home, and a DuckDB in memory.

Home and settings are read when a step runs, from VIBE_HOME and vibe.toml, never at import. The one place where an
engine's error becomes a Dagster failure, retried only if a rerun can change anything.
Not here: anything that makes or judges. A step that fails inside the engine fails with the engine's own words.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import Field

from assets.alive import alive
from vibe_pipeline import progress
from vibe_pipeline.errors import VibeError
from vibe_pipeline.ladder import Ladder

duckdb = DuckDBResource(database=":memory:")


def failure(error: VibeError) -> dg.Failure:
    """An expected error as Dagster tells it; run_failed reads why, and whether a rerun can help."""
    metadata = {"error": type(error).__name__, "remedy": error.remedy, "retryable": error.retryable}
    return dg.Failure(description=str(error), metadata=metadata, allow_retries=error.retryable)


class LadderResource(dg.ConfigurableResource):
    """Opens the Ladder for a step."""

    device: str = Field(default="auto", description="auto, cuda, mps or cpu")
    threads: int | None = Field(default=None, description="CPU threads; all cores this process may use if left out")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["LadderResource"]:
        """As long as a run has it, the run is known to live."""
        with alive(context.run_id):
            yield self

    @contextmanager
    def open(self, log: dg.DagsterLogManager) -> Iterator[Ladder]:
        """A Ladder that reports to the run's log; an expected error fails the step with one line."""
        try:
            yield Ladder(device=self.device, threads=self.threads, watch=self.watch(log))
        except VibeError as error:
            raise failure(error) from error

    def watch(self, log: dg.DagsterLogManager) -> progress.Watch:
        """Who looks on while a stage works: the run's log, a line every ten seconds."""
        return progress.lines(log.info)
