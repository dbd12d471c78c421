"""Looking into the log: the latest interactions and those that hold a text, sealed or still in a spool.

What is not sealed yet is scrubbed before it is shown, as sealing would. Not here: SQL over the views (views.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb

from vibe_pipeline import settings
from vibe_pipeline.interactions.schema import INTERACTIONS, connect
from vibe_pipeline.interactions.segments import manifest, paths, waiting
from vibe_pipeline.store import Store, sql_list

NEWEST = "SELECT * FROM log WHERE occurred_at > $after ORDER BY occurred_at DESC, interaction_id LIMIT $limit"

MATCHING = """
SELECT * FROM log WHERE contains(lower(input), lower($text)) OR contains(lower(output), lower($text))
ORDER BY occurred_at DESC, interaction_id LIMIT $limit"""

LONG_AGO = datetime(1, 1, 1)


def tail(
    store: Store, limit: int, log: settings.Log = settings.DEFAULT_LOG, *, after: datetime = LONG_AGO
) -> list[dict[str, Any]]:
    """The latest interactions, oldest first; with `after`, only those that happened later."""
    with _log(store, log) as database:
        return _rows(database.sql(NEWEST, params={"after": after, "limit": limit}))[::-1]


def search(store: Store, text: str, limit: int, log: settings.Log = settings.DEFAULT_LOG) -> list[dict[str, Any]]:
    """Interactions whose input or output holds a text, in any case, newest first."""
    with _log(store, log) as database:
        return _rows(database.sql(MATCHING, params={"text": text, "limit": limit}))


def newest(store: Store) -> datetime | None:
    """When the latest sealed interaction happened; a clock that ran ahead does not count. None where there is none."""
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    if not files:
        return None
    with connect() as database:
        query = f"SELECT max(occurred_at) FROM read_parquet({sql_list(files)}) WHERE occurred_at <= $now"
        found: datetime | None = database.sql(query, params={"now": datetime.now(UTC)}).fetchall()[0][0]
    return found


@contextmanager
def _log(store: Store, log: settings.Log) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `log`. Waiting rows are read first: one that is sealed meanwhile is not missed."""
    names = ", ".join(f'"{name}"' for name in INTERACTIONS.names)
    with connect() as database:
        database.register("waiting", waiting(store, "interactions", log))
        files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
        sealed = f"SELECT {names} FROM read_parquet({sql_list(files)}, hive_partitioning = false)"
        if files:
            database.execute(f"CREATE VIEW sealed AS {sealed}")
        else:
            database.register("sealed", INTERACTIONS.empty_table())
        unsealed = f"SELECT {names} FROM waiting ANTI JOIN sealed USING (interaction_id)"
        database.execute(f"CREATE VIEW log AS FROM sealed UNION ALL {unsealed}")
        yield database


def _rows(found: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
