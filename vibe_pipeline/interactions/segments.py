"""Sealing: the spools of a stream become immutable Parquet segments, one a month and batch of lines.

The order of the steps is the safety: take the spools, publish the segment, publish its entry in the manifest, only
then remove the spools. A crash anywhere in between is mended by the next seal, because a row whose id is already
sealed is dropped. The manifest is the log: a segment file without an entry does not exist for any reader, and an
entry that replaces others (compaction.py) takes their place in the moment in which it appears.

Rows lie by conversation and turn: a conversation is read from few row groups, similar texts compress together,
and the same rows give the same sha in one home, whichever process logged them first. What is private is replaced on
the way (scrub/); `user` and the ids stay: a person is forgotten by `user`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from vibe_pipeline import settings
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.fingerprint import held_out_sql
from vibe_pipeline.interactions import forgotten, quarantine
from vibe_pipeline.interactions.hashes import Hashes, held
from vibe_pipeline.interactions.schema import (
    STREAMS,
    connect,
    id_of_line,
    identity_of,
    read_lines,
    read_rows,
    require_readable,
    require_version,
)
from vibe_pipeline.interactions.spool import make_folder, sync_folder, take
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Segment, plain
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.store import Store, size_of, sql_list

LOCK_WAIT_S = 60.0

ROW_GROUP = 1 << 16
"""Segments are scanned, not picked from: larger groups than the store's own compress and scan better."""

SEALED_BYTES = 8 << 20
"""Of lines in one segment: what is made of them on the way takes ten times as much."""

SCRUBBED = (
    *("module", "action", "input", "output", "error_type", "improvements", "learnings", "model_id", "source", "extra"),
    *("fact", "question", "answer", "text"),
)
"""All but `user`, ids, times and numbers."""

ORDER = {
    "interactions": "conversation_id, turn, occurred_at, interaction_id",
    "probes": "fact, probe_id",
    "remarks": "interaction_id, occurred_at, remark_id",
}


def seal(
    store: Store, curate: settings.Curate, log: settings.Log = settings.DEFAULT_LOG, watch: Watch = nobody
) -> list[Segment]:
    """Seal what was logged so far; returns the new segments, none where there is nothing new."""
    with locked(store), _frugal():
        return seal_alone(store, curate, log, watch)


def seal_alone(store: Store, curate: settings.Curate, log: settings.Log, watch: Watch = nobody) -> list[Segment]:
    """The same for a caller that holds the lock."""
    return [segment for stream in STREAMS for segment in _seal_stream(store, stream, curate, log, watch)]


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


def publish(
    store: Store, stream: str, rows: pa.Table, curate: settings.Curate, month: str, replaces: tuple[int, ...] = ()
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
        **counts(stream, rows, curate),
    )
    store.write_json(entry_name(stream, sequence), plain(segment))
    return segment


def unsealed(store: Store, stream: str) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Rows and rejects of what is logged and not sealed yet, as it was written; the caller holds the lock."""
    yield from read_rows(stream, [*_taken(store, stream), *_spools(store, stream)])


def waiting_bytes(store: Store) -> int:
    """Of lines that are logged and not sealed yet."""
    places = [f"log/{stream}/{folder}" for stream in STREAMS for folder in ("spool", "sealing")]
    return size_of(store.path(name) for place in places for name in store.names(place, ".jsonl"))


def locked(store: Store) -> AbstractContextManager[None]:
    """One sealer (or compactor) at a time."""
    return store.lock("seal", LOCK_WAIT_S)


@contextmanager
def _frugal() -> Iterator[None]:
    """Arrow's own pool keeps what a batch has freed; the program around gets it back as it was."""
    pool = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(pool)


class Known:
    """The ids of everything that was logged, sealed or not, as 64-bit hashes: 80 MB for ten million, 240 MB while read.

    What was forgotten counts as known. Of two ids that share a hash, one record would count as a duplicate.
    """

    def __init__(self, store: Store, stream: str = "interactions") -> None:
        self._is_forgotten = forgotten.condition(store, stream, "id")
        with locked(store), connect() as database:
            hashes = [_column(database.sql(f"SELECT hash(id) FROM ({_sealed(store, stream)})"))]
            for rows, _ in read_rows(stream, [*_spools(store, stream), *_taken(store, stream)]):
                database.register("waiting", rows)
                hashes.append(_column(database.sql(f"SELECT hash({identity_of(stream)}) FROM waiting")))
        self._known = Hashes(np.concatenate(hashes))
        self._database = connect()
        self._database.execute("SET threads = 1")  # a few ids at a time: waking others takes longer than hashing

    def new(self, ids: Sequence[str]) -> list[bool]:
        """Which of these ids are new; of an id that comes twice, the first."""
        return self._new(ids)[0].tolist()

    def add(self, ids: Sequence[str]) -> list[bool]:
        """Which of these ids are new; from now on all of them are known."""
        new, hashes = self._new(ids)
        self._known.add(hashes[new])
        return new.tolist()

    def _new(self, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Which are new, and the hashes of all."""
        query = f"SELECT hash(id) AS id, {self._is_forgotten} AS gone FROM (SELECT unnest($1::VARCHAR[]) AS id)"
        found = self._database.execute(query, [list(ids)]).fetchnumpy()
        hashes, gone = found["id"], found["gone"].astype(bool)
        return self._known.new(hashes) & ~gone, hashes


def _column(found: duckdb.DuckDBPyRelation) -> np.ndarray:
    """The first column, batch by batch: ten million ids at once would be held several times over."""
    batches = [batch.column(0).to_numpy() for batch in found.to_arrow_reader()]
    return np.concatenate([np.empty(0, np.uint64), *batches])


def _entry(store: Store, name: str) -> Segment:
    value = store.read_json(name)
    require_version(value.get("schema_version", 1), name)
    try:
        return Segment(**{**value, "replaces": tuple(value.get("replaces", ()))})
    except TypeError as error:
        raise LedgerDamaged(f"{name} is no manifest entry: {error}", "Restore it from a backup") from error


def _seal_stream(store: Store, stream: str, curate: settings.Curate, log: settings.Log, watch: Watch) -> list[Segment]:
    _take_all(store, stream)
    spools = _taken(store, stream)
    if not spools:
        return []
    size = sum(path.stat().st_size for path in spools)
    store.require(size, f"sealing {stream}")
    sealed: list[Segment] = []
    done = 0
    with watch(f"sealing {stream}") as advance:
        doubtful = _doubtful(store, stream, spools)
        for rows in _batches(store, stream, spools, log):
            sealed += _seal_rows(store, stream, rows, doubtful, curate, log)
            done += pc.sum(rows["line_bytes"]).as_py() or 0
            advance(done >> 20, size >> 20, "MiB")
    for path in spools:
        path.unlink()
    sync_folder(store.path(f"log/{stream}/sealing"))
    return sealed


def _batches(store: Store, stream: str, spools: Sequence[Path], log: settings.Log) -> Iterator[pa.Table]:
    """The rows of spools, as many as are sealed at once; what cannot be read goes to quarantine."""
    batch: list[pa.Table] = []
    size = 0
    for rows, rejects in read_rows(stream, spools):
        bad = list(zip(rejects["line"].to_pylist(), rejects["reason"].to_pylist(), strict=True))
        quarantine.keep(store, stream, bad, "spool", log)
        batch.append(rows)
        size += rows.nbytes
        if size >= SEALED_BYTES:
            yield pa.concat_tables(batch)
            batch, size = [], 0
    if batch:
        yield pa.concat_tables(batch)


def _seal_rows(
    store: Store, stream: str, rows: pa.Table, doubtful: np.ndarray, curate: settings.Curate, log: settings.Log
) -> list[Segment]:
    fresh = _fresh(store, stream, rows, doubtful)
    rows, _ = Scrubber(store, log).table(fresh, SCRUBBED)
    if log.keep_originals:
        _keep_originals(store, stream, fresh, rows)
    months = pc.strftime(rows["occurred_at"], format="%Y-%m")
    return [
        publish(store, stream, rows.filter(pc.equal(months, month)), curate, month)
        for month in sorted(months.unique().to_pylist())
    ]


def counts(stream: str, rows: pa.Table, curate: settings.Curate) -> dict[str, int]:
    """What decisions need without opening the segment. A probe is always held out, a remark is no item at all."""
    conversations, held_out = "0", "count(*)" if stream == "probes" else "0"
    if stream == "interactions":
        conversations = "count(DISTINCT conversation_id)"
        is_held_out = held_out_sql("conversation_id", curate.salt, curate.held_out)
        held_out = f"count(*) FILTER (WHERE {is_held_out} AND extra ->> '$.fact' IS NULL)"  # facts always train
    with connect(threads=1) as database:
        database.register("fresh", rows)
        query = f"SELECT coalesce(sum(line_bytes), 0)::BIGINT, {conversations}, {held_out} FROM fresh"
        found = database.sql(query).fetchall()[0]
    return dict(zip(("bytes", "conversations", "held_out"), found, strict=True))


def _doubtful(store: Store, stream: str, spools: Sequence[Path]) -> np.ndarray:
    """Hashes of the ids in these spools that come twice, or seem to be sealed already: once for all batches, because
    the ids of the whole log are read for it."""
    with connect(threads=1) as database:
        hashes = [np.empty(0, np.uint64)]
        for lines in read_lines(spools):
            database.register("lines", lines)
            hashes.append(_column(database.sql(f"SELECT hash({id_of_line(stream)}) FROM lines")))
    ids = np.sort(np.concatenate(hashes))
    with connect() as database:
        database.register("waiting", pa.table({"hash": ids}))
        query = f"FROM waiting SEMI JOIN (SELECT hash(id) AS hash FROM ({_sealed(store, stream)})) USING (hash)"
        return np.union1d(ids[1:][ids[1:] == ids[:-1]], _column(database.sql(query)))


def _fresh(store: Store, stream: str, rows: pa.Table, doubtful: np.ndarray) -> pa.Table:
    """Rows whose id is neither sealed nor forgotten, each id once (the first line written wins), in file order."""
    identity, known, first = identity_of(stream), "", ""
    with connect(threads=1) as database:
        database.register("batch", rows)
        if held(doubtful, _column(database.sql(f"SELECT hash({identity}) FROM batch"))).any():
            known = f"ANTI JOIN ({_sealed(store, stream)}) AS sealed ON batch.{identity} = sealed.id"
            first = f"QUALIFY row_number() OVER (PARTITION BY {identity} ORDER BY ordinal) = 1"
        query = f"""
            SELECT batch.* FROM batch {known} WHERE NOT {forgotten.row_condition(store, stream)}
            {first} ORDER BY {ORDER[stream]}"""
        return database.sql(query).to_arrow_table().cast(rows.schema)


def _sealed(store: Store, stream: str) -> str:
    """SQL for the ids of everything sealed."""
    shas = [segment.sha for segment in manifest(store, stream)]
    if not shas:
        return "SELECT NULL::VARCHAR AS id WHERE false"
    files = sql_list(paths(store, stream, shas))
    return f"SELECT {identity_of(stream)} AS id FROM read_parquet({files}, hive_partitioning = false)"


def _keep_originals(store: Store, stream: str, originals: pa.Table, scrubbed: pa.Table) -> None:
    """The rows that scrubbing changed, as they were: for a person, and for no stage."""
    changed = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(f"{name}_scrubbed")) for name in SCRUBBED if name in originals.column_names
    )
    pairs = pl.DataFrame(pl.from_arrow(originals)).hstack(
        pl.DataFrame(pl.from_arrow(scrubbed)).select(pl.all().name.suffix("_scrubbed"))
    )
    kept = pairs.filter(changed).select(STREAMS[stream].names)
    if not kept.is_empty():
        store.write_table(f"log/{stream}/originals", kept.to_arrow().cast(STREAMS[stream]))


def _take_all(store: Store, stream: str) -> None:
    make_folder(store.path(f"log/{stream}/sealing"))
    for spool in _spools(store, stream):
        take(spool, store.path(f"log/{stream}/sealing") / spool.name)


def _spools(store: Store, stream: str) -> list[Path]:
    return [store.path(name) for name in store.names(f"log/{stream}/spool", ".jsonl")]


def _taken(store: Store, stream: str) -> list[Path]:
    """Spools on their way into a segment, oldest first; a seal that crashed may have left some."""
    taken = [store.path(name) for name in store.names(f"log/{stream}/sealing", ".jsonl")]
    return sorted(taken, key=lambda path: (path.stat().st_mtime_ns, path.name))
