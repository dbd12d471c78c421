"""Segments: the sealed rows of a stream, in Parquet files that are named by their content, and the manifest over them.

The manifest is the log: a segment file without an entry does not exist for any reader, and an entry that replaces
others (compaction.py) takes their place in the moment in which it appears.

Rows lie by conversation and turn: a conversation is read from few row groups, similar texts compress together, and the
same rows give the same sha in one home, whichever process logged them first. Not here: how rows get there (sealing.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pyarrow as pa

from vibe_pipeline import settings
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.fingerprint import held_out_sql
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
        **counts(database, stream, rows, curate),
    )
    store.write_json(entry_name(stream, sequence), plain(segment))
    return segment


def counts(database: duckdb.DuckDBPyConnection, stream: str, rows: pa.Table, curate: settings.Curate) -> dict[str, int]:
    """What decisions need without opening the segment. A probe is always held out, a remark is no item at all."""
    conversations, held_out = "0", "count(*)" if stream == "probes" else "0"
    if stream == "interactions":
        conversations = "count(DISTINCT conversation_id)"
        is_held_out = held_out_sql("conversation_id", curate.salt, curate.held_out)
        held_out = f"count(*) FILTER (WHERE {is_held_out} AND extra ->> '$.fact' IS NULL)"  # facts always train
    database.register("counted", rows)
    query = f"SELECT coalesce(sum(line_bytes), 0)::BIGINT, {conversations}, {held_out} FROM counted"
    found = database.sql(query).fetchall()[0]
    database.unregister("counted")
    return dict(zip(("bytes", "conversations", "held_out"), found, strict=True))


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
