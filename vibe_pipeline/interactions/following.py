"""The log as it grows: what arrives is shown once, when it arrives and whatever its clock says.

What was shown is remembered by the place in each spool, by the last entry of the manifest, and by the ids that may
come both ways. Not here: what is said of an interaction after it was shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from vibe_pipeline import settings
from vibe_pipeline.interactions import forgotten
from vibe_pipeline.interactions.reading import REMARKED, rows_of, scrubbed, tail_with
from vibe_pipeline.interactions.schema import INTERACTIONS, REMARKS, connect
from vibe_pipeline.interactions.segments import paths
from vibe_pipeline.interactions.waiting import Waiting
from vibe_pipeline.store import Store, sql_list

SHOWN = """
CREATE TABLE shown AS
SELECT hash(interaction_id) AS id FROM (SELECT interaction_id FROM there UNION SELECT unnest($latest::VARCHAR[]))
"""
"""Hashes of ids, until their rows are sealed."""

NEW = """
SELECT DISTINCT ON (interaction_id) came.* FROM came ANTI JOIN shown ON hash(came.interaction_id) = shown.id
WHERE NOT {forgotten}
"""


def follow(store: Store, limit: int, log: settings.Log = settings.DEFAULT_LOG) -> Iterator[list[dict[str, Any]]]:
    """The latest interactions, oldest first; then what arrives, in lists, and an empty one where nothing more has."""
    waiting = Waiting(store, "interactions")
    there, last = waiting.table(), _last(store)
    latest = tail_with(store, limit, log, there)
    with connect() as database:
        database.register("there", there)
        database.execute(SHOWN, {"latest": [row["interaction_id"] for row in latest]})
        database.unregister("there")
        del there
        database.register("logged_interactions", INTERACTIONS.empty_table())
        database.register("logged_remarks", REMARKS.empty_table())
        database.execute(REMARKED)
        yield latest
        while True:
            for batch in waiting.batches():
                new = scrubbed(store, log, _new(database, store, batch))
                database.execute("INSERT INTO shown SELECT hash(interaction_id) FROM came")
                yield from _read(database, new)
            for sequence, file in _sealed(store, last):
                last = sequence
                sealed = database.sql(f"FROM read_parquet({sql_list([file])})").to_arrow_table()
                new = _new(database, store, sealed)
                database.execute("DELETE FROM shown WHERE id IN (SELECT hash(interaction_id) FROM came)")
                yield from _read(database, new)
            yield []


def _new(database: duckdb.DuckDBPyConnection, store: Store, came: pa.Table) -> pa.Table:
    """Of the rows that came, which `came` names from now on, those that were not shown."""
    database.register("came", came)
    condition = forgotten.row_condition(store, "interactions")
    return database.sql(NEW.format(forgotten=condition)).to_arrow_table()


def _read(database: duckdb.DuckDBPyConnection, new: pa.Table) -> Iterator[list[dict[str, Any]]]:
    if new.num_rows:
        database.register("logged_interactions", new)
        yield rows_of(database.sql("FROM interactions ORDER BY occurred_at, turn, interaction_id"))


def _last(store: Store) -> int:
    return max((int(Path(name).stem) for name in _entries(store)), default=-1)


def _sealed(store: Store, after: int) -> Iterator[tuple[int, Path]]:
    """Sequence and file of each segment that was sealed since. A merged one holds nothing new, and what it replaces
    may be new: it stays for an hour."""
    for name in _entries(store):
        if (sequence := int(Path(name).stem)) > after:
            entry = store.read_json(name)
            if not entry.get("replaces"):
                yield sequence, paths(store, "interactions", [entry["sha"]])[0]


def _entries(store: Store) -> list[str]:
    return store.names("log/interactions/manifest", ".json")
