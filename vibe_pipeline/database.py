"""DuckDB in memory, as a query engine only: the one way to connect, so that every query runs under the same rules.

Nothing reaches for the network, days begin in UTC, and no progress bar is drawn: DuckDB draws it on stdout, also where
that is a file, and results stand alone there. Not here: what is asked (each stage its own).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

SPILL = "log/spill"
"""Where in a home DuckDB puts what does not fit in memory: it makes the folder itself, for all to read, in one that is
private whoever made the home. Forgetting sweeps it."""


def connect(spill: Path | None = None, **config: int) -> duckdb.DuckDBPyConnection:
    """A connection of its own, with DuckDB's options, such as threads=1; what memory cannot hold goes to `spill`."""
    database = duckdb.connect(config={"autoinstall_known_extensions": "false", **config})
    prepare(database, spill)
    return database


def prepare(database: duckdb.DuckDBPyConnection, spill: Path | None = None) -> None:
    """The rules, for a connection that somebody else has made too, such as Dagster's resource.

    Without a folder to spill to DuckDB refuses what does not fit: by itself it would write people's words into the
    current folder, for all to read.
    """
    folder = str(spill or "").replace("'", "''")
    database.execute(f"SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET temp_directory = '{folder}'")
