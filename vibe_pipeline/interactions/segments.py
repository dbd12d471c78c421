"""Segments: the sealed rows of a stream, in Parquet files that are named by their content, and the manifest over them.

The manifest is the log: a segment file without an entry does not exist for any reader, and an entry that replaces
others (compaction.py) takes their place in the moment in which it appears.

Rows lie by conversation and turn: a conversation is read from few row groups, similar texts compress together, and the
same rows give the same sha in one home, whichever process logged them first. Not here: how rows get there (sealing.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline import settings
from vibe_pipeline.database import connect
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.fingerprint import group_sql, held_out_sql, key_of
from vibe_pipeline.interactions.schema import STREAMS, identity_of, require_readable, require_version
from vibe_pipeline.records import Segment, plain
from vibe_pipeline.store import Store, sql_list

LOCK_WAIT_S = 60.0

ROW_GROUP = 1 << 16
"""Segments are scanned, not picked from: larger groups than the store's own compress and scan better."""

ORDER = {
    "interactions": "conversation_id, turn, occurred_at, interaction_id",
    "probes": "fact, probe_id",
    "remarks": "interaction_id, occurred_at, remark_id",
}

ANY = "SELECT coalesce(sum(line_bytes), 0)::BIGINT AS bytes, 0 AS conversations, {held_out} AS held_out FROM counted"

INTERACTIONS = """
SELECT
    coalesce(sum(size), 0)::BIGINT AS bytes,
    count(*) AS conversations,
    coalesce(sum(held) + round({share} * sum(sections)), 0)::BIGINT AS held_out,
    coalesce(sum(told + passages), 0)::BIGINT - held_out AS learned,
    coalesce(sum(lines) FILTER (grouping IS NOT NULL), 0)::BIGINT AS grouped
FROM (
    SELECT
        *,
        CASE WHEN NOT {is_held_out} THEN 0 WHEN grouping IS NULL THEN told - facts ELSE told + passages END AS held,
        CASE WHEN grouping IS NULL THEN passages ELSE 0 END AS sections
    FROM (
        SELECT
            sum(line_bytes) AS size,
            count(*) AS lines,
            count(*) FILTER (list_contains($documents, action)) AS passages,
            count(*) FILTER (list_contains($answers, action)) AS listed,
            CASE WHEN lines > 2 AND min(action) <> max(action) THEN lines - passages ELSE listed END AS told,
            count(*) FILTER (list_contains($answers, action) AND extra ->> '$.fact' IS NOT NULL) AS facts,
            arg_min({group}, (occurred_at, turn, interaction_id)) AS grouping,
            coalesce('group:' || grouping, conversation_id) AS held_with
        FROM counted GROUP BY conversation_id
    )
)
"""
"""What curation will hold out, without its rules and its duplicates: by group or by conversation, of documents without
a group a share of their sections; what tells a fact is learned. Of actions that no list names nothing comes but the
next step of a session, where it has several."""

COUNTED = ("conversation_id", "turn", "occurred_at", "interaction_id", "action", "module", "user", "source", "extra")


def manifest(store: Store, stream: str, after: int = -1) -> list[Segment]:
    """The sealed segments of a stream whose sequence lies above `after`, in order."""
    found = entries(store, stream, after)
    replaced = {sequence for entry in found for sequence in entry.replaces}
    return [entry for entry in found if entry.sequence not in replaced]


def entries(store: Store, stream: str, after: int = -1) -> list[Segment]:
    """The same with those that were replaced, and that a reader with an old list may still open.

    An entry that goes between listing and reading is no loss: what took its place lies there for an hour by then."""
    found: list[Segment] = []
    for name in store.names(f"log/{stream}/manifest", ".json"):
        if int(Path(name).stem) > after:
            try:
                found.append(_entry(store, name))
            except LedgerDamaged:
                if store.exists(name):
                    raise
    return found


def last_sequence(store: Store, stream: str) -> int:
    """The highest in the manifest; -1 where it is empty."""
    last = store.names(f"log/{stream}/manifest", ".json")[-1:]
    return int(Path(last[0]).stem) if last else -1


def entry_name(stream: str, sequence: int) -> str:
    """Where the entry of a segment lies."""
    return f"log/{stream}/manifest/{sequence:08d}.json"


def file_name(store: Store, segment: Segment) -> str:
    """Where the rows of a segment lie by now."""
    return store.current(f"log/{segment.stream}/segments/{segment.month}/{segment.sha}.parquet")


def paths(store: Store, stream: str, shas: Iterable[str]) -> list[Path]:
    """The Parquet files of these segments; LedgerDamaged where one is missing or newer than this program."""
    lying = {path.stem: path for path in store.path(f"log/{stream}/segments").glob("*/*.parquet")}
    return [_readable(store, stream, sha, lying) for sha in shas]


def publish(
    store: Store,
    stream: str,
    rows: pa.Table,
    curate: settings.Curate,
    month: str,
    database: duckdb.DuckDBPyConnection,
    replaces: tuple[int, ...] = (),
    sealed_at: str = "",
) -> Segment:
    """Write rows (with `line_bytes`) as the next segment of a stream: the file, then its entry in the manifest."""
    sha = store.write_table(f"log/{stream}/segments/{month}", rows.select(STREAMS[stream].names), ROW_GROUP)
    sequence = last_sequence(store, stream) + 1
    segment = Segment(
        stream=stream,
        sequence=sequence,
        sha=sha,
        rows=rows.num_rows,
        month=month,
        replaces=replaces,
        sealed_at=sealed_at or datetime.now(UTC).isoformat(timespec="seconds"),
        **counts(database, stream, rows, curate),
    )
    store.write_json(entry_name(stream, sequence), plain(segment))
    return segment


def counts(database: duckdb.DuckDBPyConnection, stream: str, rows: pa.Table, curate: settings.Curate) -> dict[str, Any]:
    """What decisions need without opening the segment. A probe is always held out, a remark is no item at all."""
    query, actions = ANY.format(held_out="count(*)" if stream == "probes" else "0"), {}
    if stream == "interactions":
        is_held_out = held_out_sql("held_with", curate.salt, curate.held_out)
        query = INTERACTIONS.format(share=curate.held_out, is_held_out=is_held_out, group=group_sql(curate.group))
        documents = {*curate.document_actions, *curate.log_actions}
        answers = {name for its in curate.actions().values() for name in its} - documents
        actions = {"documents": [*documents], "answers": [*answers]}
    database.register("counted", rows)
    found = database.sql(query, params=actions)
    told = dict(zip(found.columns, found.fetchall()[0], strict=True))
    database.unregister("counted")
    return told | ({"counted_by": _counted_by(curate)} if stream == "interactions" else {})


def recounted(store: Store, sealed: Iterable[Segment], curate: settings.Curate) -> list[Segment]:
    """Segments of interactions with what is expected of their rows by the settings of today: what was counted by others
    is counted once more."""
    return [it if it.counted_by == _counted_by(curate) else _recounted(store, it, curate) for it in sealed]


def locked(store: Store) -> AbstractContextManager[None]:
    """One sealer (or compactor) at a time."""
    return store.lock("seal", LOCK_WAIT_S)


def sealed_ids(store: Store, stream: str) -> str:
    """SQL for the ids of everything sealed."""
    shas = [segment.sha for segment in manifest(store, stream)]
    if not shas:
        return "SELECT NULL::VARCHAR AS id WHERE false"
    files = sql_list(paths(store, stream, shas))
    return f"SELECT {identity_of(stream)} AS id FROM read_parquet({files}, hive_partitioning = false)"


def _counted_by(curate: settings.Curate) -> str:
    return key_of([curate.salt, curate.held_out, curate.group, curate.actions()])


def _recounted(store: Store, segment: Segment, curate: settings.Curate) -> Segment:
    (path,) = paths(store, segment.stream, [segment.sha])
    with pq.ParquetFile(path) as file, connect(threads=1) as database:
        rows = file.read(columns=list(COUNTED))
        weightless = rows.append_column("line_bytes", pa.nulls(len(rows), pa.int64()))
        return replace(segment, **{**counts(database, segment.stream, weightless, curate), "bytes": segment.bytes})


def _readable(store: Store, stream: str, sha: str, lying: dict[str, Path]) -> Path:
    path = lying.get(sha) or _moved(store, stream, sha, lying)
    try:
        require_readable(path)
    except LedgerDamaged:
        if path.exists():
            raise
        return paths(store, stream, [sha])[0]  # rows of it were forgotten since we looked
    return path


def _moved(store: Store, stream: str, sha: str, lying: dict[str, Path]) -> Path:
    """Where the rows of a segment lie since some of them were forgotten."""
    name = f"log/{stream}/segments/{sha}.parquet"
    return lying.get(Path(store.current(name)).stem) or store.existing(name)


def _entry(store: Store, name: str) -> Segment:
    value = store.read_json(name)
    require_version(value.get("schema_version", 1), name)
    try:
        return Segment(**{**value, "replaces": tuple(value.get("replaces", ()))})
    except TypeError as error:
        raise LedgerDamaged(f"{name} is no manifest entry: {error}", "Restore it from a backup") from error
