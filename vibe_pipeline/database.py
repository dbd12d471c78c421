"""DuckDB in memory, as a query engine only: the one way to connect, so that every query runs under the same rules.

Nothing reaches for the network, days begin in UTC, and no progress bar is drawn: DuckDB draws it on stdout, also where
that is a file, and results stand alone there. Not here: what is asked (each stage its own).
"""

from __future__ import annotations

import duckdb

SESSION = "SET enable_progress_bar = false; SET TimeZone = 'UTC'"
"""For a connection that somebody else has made, such as Dagster's resource."""


def connect(**config: int) -> duckdb.DuckDBPyConnection:
    """A connection of its own, with DuckDB's options, such as threads=1."""
    database = duckdb.connect(config={"autoinstall_known_extensions": "false", **config})
    database.execute(SESSION)
    return database
