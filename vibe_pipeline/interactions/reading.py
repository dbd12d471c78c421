"""Looking into the log: the latest interactions and those that hold a text, sealed or still in a spool.

Interactions are read with what was said of them afterwards, here and in SQL (views.py) through the same view. What is
not sealed yet is scrubbed before it is shown, as sealing would. Not here: waiting for more (following.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from vibe_pipeline import settings
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.interactions import forgotten
from vibe_pipeline.interactions.schema import STREAMS, identity_of
from vibe_pipeline.interactions.sealing import SCRUBBED
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.interactions.waiting import Waiting
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.store import Store, sql_list

NEWEST = "ORDER BY occurred_at DESC, interaction_id LIMIT $limit"

MATCHING = f"WHERE contains(lower(input), lower($text)) OR contains(lower(output), lower($text)) {NEWEST}"

REMARKED = """
CREATE VIEW interactions AS
WITH said AS (
    SELECT interaction_id,
        max_by(score, (occurred_at, remark_id)) FILTER (WHERE kind = 'feedback') AS score,
        list(text ORDER BY occurred_at, remark_id)
            FILTER (WHERE kind = 'feedback' AND text IS NOT NULL) AS comments,
        list(text ORDER BY occurred_at, remark_id)
            FILTER (WHERE kind = 'improvement' AND text IS NOT NULL) AS improvements,
        list(text ORDER BY occurred_at, remark_id)
            FILTER (WHERE kind = 'learning' AND text IS NOT NULL) AS learnings
    FROM logged_remarks GROUP BY interaction_id)
SELECT logged.* REPLACE (
        coalesce(said.score, logged.feedback) AS feedback,
        list_concat(logged.improvements, said.improvements) AS improvements,
        list_concat(logged.learnings, said.learnings) AS learnings),
    coalesce(said.comments, []) AS comments
FROM logged_interactions AS logged LEFT JOIN said USING (interaction_id)
"""
"""What was logged, with what was said of it afterwards: the latest score, all texts in order."""


def tail(store: Store, limit: int, log: settings.Log = settings.DEFAULT_LOG) -> list[dict[str, Any]]:
    """The latest interactions, oldest first."""
    return tail_with(store, limit, log, Waiting(store, "interactions").batches())


def tail_with(store: Store, limit: int, log: settings.Log, waiting: Iterable[pa.Table]) -> list[dict[str, Any]]:
    """The same for a caller that looks itself at what waits."""
    with connect(store.path(SPILL)) as database:
        newest = _left(database, store, "interactions", waiting, NEWEST, limit=limit)
        return _chosen(database, store, log, NEWEST, scrubbed(store, log, newest), limit=limit)[::-1]


def search(store: Store, text: str, limit: int, log: settings.Log = settings.DEFAULT_LOG) -> list[dict[str, Any]]:
    """Interactions whose input or output holds a text, in any case, newest first."""
    waiting = (scrubbed(store, log, batch) for batch in Waiting(store, "interactions").batches())
    with connect(store.path(SPILL)) as database:
        matching = _left(database, store, "interactions", waiting, MATCHING, text=text, limit=limit)
        return _chosen(database, store, log, MATCHING, matching, text=text, limit=limit)


def newest(store: Store) -> datetime | None:
    """When the latest sealed interaction happened; a clock that ran ahead does not count. None where there is none."""
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    if not files:
        return None
    with connect(store.path(SPILL)) as database:
        query = f"SELECT max(occurred_at) FROM read_parquet({sql_list(files)}) WHERE occurred_at <= $now"
        found: datetime | None = database.sql(query, params={"now": datetime.now(UTC)}).fetchall()[0][0]
    return found


def scrubbed(store: Store, log: settings.Log, rows: pa.Table) -> pa.Table:
    """Rows as sealing would write them."""
    return Scrubber(store, log).table(rows, SCRUBBED)[0]


def rows_of(found: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """Rows as plain values."""
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def define_sealed(database: duckdb.DuckDBPyConnection, name: str, store: Store, stream: str) -> None:
    """A view over the sealed rows of a stream; over nothing it has its columns and no rows."""
    files = paths(store, stream, [segment.sha for segment in manifest(store, stream)])
    if files:
        options = "union_by_name = true, hive_partitioning = false"
        database.execute(f"CREATE VIEW {name} AS FROM read_parquet({sql_list(files)}, {options})")
    else:
        database.register(name, STREAMS[stream].empty_table())


def _left(
    database: duckdb.DuckDBPyConnection,
    store: Store,
    stream: str,
    waiting: Iterable[pa.Table],
    choice: str,
    **given: Any,
) -> pa.Table:
    """What a choice leaves of the rows that wait and that sealing will keep, in the memory of a batch."""
    left = STREAMS[stream].empty_table()
    is_kept = f"NOT {forgotten.row_condition(store, stream)}"
    for batch in waiting:
        database.register("left_so_far", left)
        database.register("batch", batch)
        query = f"FROM (FROM left_so_far UNION ALL BY NAME FROM batch WHERE {is_kept}) {choice}"
        left = database.sql(query, params=given).to_arrow_table()
    return left


def _chosen(
    database: duckdb.DuckDBPyConnection, store: Store, log: settings.Log, choice: str, waiting: pa.Table, **given: Any
) -> list[dict[str, Any]]:
    """Interactions are chosen first: remarks are read for these alone."""
    _define(database, store, "interactions", waiting)
    database.execute(f"CREATE TABLE logged_interactions AS FROM all_interactions {choice}", given)
    of_these = "SEMI JOIN logged_interactions USING (interaction_id)"
    remarks = _left(database, store, "remarks", Waiting(store, "remarks").batches(), of_these)
    _define(database, store, "remarks", scrubbed(store, log, remarks))
    database.execute(f"CREATE VIEW logged_remarks AS FROM all_remarks {of_these}")
    database.execute(REMARKED)
    return rows_of(database.sql("FROM interactions ORDER BY occurred_at DESC, interaction_id"))


def _define(database: duckdb.DuckDBPyConnection, store: Store, stream: str, waiting: pa.Table) -> None:
    """The view `all_<stream>`: what is sealed, and of what waits the rows that are not.

    What waits was read before: a row that is sealed meanwhile is not missed."""
    define_sealed(database, f"sealed_{stream}", store, stream)
    database.register(f"waiting_{stream}", waiting)
    database.execute(
        f"CREATE VIEW all_{stream} AS FROM sealed_{stream} "
        f"UNION ALL BY NAME FROM waiting_{stream} ANTI JOIN sealed_{stream} USING ({identity_of(stream)})"
    )
