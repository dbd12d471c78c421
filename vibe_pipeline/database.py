"""DuckDB in memory, as a query engine only: the one way to connect, so that every query runs under the same rules.

Nothing reaches for the network, days begin in UTC, and no progress bar is drawn: DuckDB draws it on stdout, also where
that is a file, and results stand alone there. Not here: what is asked (each stage its own).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

SESSION = "SET enable_progress_bar = false; SET TimeZone = 'UTC'"
"""For a connection that somebody else has made, such as Dagster's resource."""


SPILL = "spill"
"""Where in a home DuckDB puts what does not fit in memory: private as all of it is, and swept by forgetting."""


def connect(spill: Path | None = None, **config: int) -> duckdb.DuckDBPyConnection:
    """A connection of its own, with DuckDB's options, such as threads=1. What does not fit in memory goes to `spill`;
    without it DuckDB refuses: by itself it would write people's words into the current folder, for all to read."""
    rules = {"autoinstall_known_extensions": "false", "temp_directory": str(spill or "")}
    database = duckdb.connect(config={**rules, **config})
    database.execute(SESSION)
    return database
