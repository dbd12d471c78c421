"""The log as it grows: what arrives is shown once, when it arrives and whatever its clock says.

What was shown is remembered by its id for as long as somebody follows: a row comes from its spool and from its segment,
in either order. Not here: what is said of an interaction after it was shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

from vibe_pipeline import settings
from vibe_pipeline.database import connect
from vibe_pipeline.interactions import forgotten
from vibe_pipeline.interactions.reading import REMARKED, rows_of, scrubbed, tail_with
from vibe_pipeline.interactions.schema import INTERACTIONS, REMARKS
from vibe_pipeline.interactions.segments import entries, last_sequence, paths
from vibe_pipeline.interactions.waiting import Seen, Waiting
from vibe_pipeline.store import Store, sql_list


def follow(store: Store, limit: int, log: settings.Log = settings.DEFAULT_LOG) -> Iterator[list[dict[str, Any]]]:
    """The latest interactions, oldest first; then what arrives, in lists, and an empty one where nothing more has."""
    last = last_sequence(store, "interactions")  # before what waits is read: what is sealed from here on is looked at
    shown = Seen()
    waiting = Waiting(store, "interactions", shown)
    latest = tail_with(store, limit, log, waiting.batches())
    shown.new("interactions", pa.table({"interaction_id": [row["interaction_id"] for row in latest]}))
    with connect() as database:
        database.register("logged_remarks", REMARKS.empty_table())
        database.register("logged_interactions", INTERACTIONS.empty_table())
        database.execute(REMARKED)
        yield latest
        while True:
            for batch in waiting.batches():
                yield from _read(database, scrubbed(store, log, _kept(database, store, batch)))
            for entry in entries(store, "interactions", after=last):
                last = entry.sequence
                if not entry.replaces:  # a merged one holds nothing new, and what it replaces stays for an hour
                    files = sql_list(paths(store, "interactions", [entry.sha]))
                    sealed = database.sql(f"FROM read_parquet({files}, hive_partitioning = false)").to_arrow_table()
                    yield from _read(database, shown.new("interactions", _kept(database, store, sealed)))
            yield []


def _kept(database: duckdb.DuckDBPyConnection, store: Store, came: pa.Table) -> pa.Table:
    """Of the rows that came, those that sealing will keep."""
    database.register("came", came)
    return database.sql(f"FROM came WHERE NOT {forgotten.row_condition(store, 'interactions')}").to_arrow_table()


def _read(database: duckdb.DuckDBPyConnection, new: pa.Table) -> Iterator[list[dict[str, Any]]]:
    if new.num_rows:
        database.register("logged_interactions", new)
        yield rows_of(database.sql("FROM interactions ORDER BY occurred_at, turn, interaction_id"))
