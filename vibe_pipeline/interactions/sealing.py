"""Sealing: the spools of a stream become immutable Parquet segments, one a month and batch of lines.

The order of the steps is the safety: take the spools, publish the segment, publish its entry in the manifest, only
then remove the spools. A crash anywhere in between is mended by the next seal, because a row whose id is already
sealed is dropped. What is private is replaced on the way (scrub/); `user` and the ids stay: a person is forgotten by
`user`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from vibe_pipeline import settings
from vibe_pipeline.database import connect
from vibe_pipeline.durable import make_folder, sync
from vibe_pipeline.interactions import forgotten, quarantine
from vibe_pipeline.interactions.hashes import hashes_of, held
from vibe_pipeline.interactions.schema import STREAMS, id_of_line, identity_of, read_lines, read_rows
from vibe_pipeline.interactions.segments import ORDER, locked, publish, sealed_ids
from vibe_pipeline.interactions.spool import take
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Segment
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.store import Store, size_of

SEALED_BYTES = 8 << 20
"""Of lines in one segment: what is made of them on the way takes ten times as much."""

SCRUBBED = (
    *("module", "action", "input", "output", "error_type", "improvements", "learnings", "model_id", "source", "extra"),
    *("fact", "question", "answer", "text"),
)
"""All but `user`, ids, times and numbers."""


def seal(
    store: Store, curate: settings.Curate, log: settings.Log = settings.DEFAULT_LOG, watch: Watch = nobody
) -> list[Segment]:
    """Seal what was logged so far; returns the new segments, none where there is nothing new."""
    with locked(store), _frugal():
        return seal_alone(store, curate, log, watch)


def seal_alone(store: Store, curate: settings.Curate, log: settings.Log, watch: Watch = nobody) -> list[Segment]:
    """The same for a caller that holds the lock."""
    return [segment for stream in STREAMS for segment in _seal_stream(store, stream, curate, log, watch)]


def unsealed(store: Store, stream: str) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Rows and rejects of what is logged and not sealed yet, as it was written; the caller holds the lock."""
    yield from read_rows(stream, [*_taken(store, stream), *_spools(store, stream)])


def waiting_bytes(store: Store) -> int:
    """Of lines that are logged and not sealed yet."""
    places = [f"log/{stream}/{folder}" for stream in STREAMS for folder in ("spool", "sealing")]
    return size_of(store.path(name) for place in places for name in store.names(place, ".jsonl"))


@contextmanager
def _frugal() -> Iterator[None]:
    """Arrow's own pool keeps what a batch has freed; the program around gets it back as it was."""
    pool = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(pool)


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
    sync(store.path(f"log/{stream}/sealing"))
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


def _doubtful(store: Store, stream: str, spools: Sequence[Path]) -> np.ndarray:
    """Hashes of the ids in these spools that come twice, or seem to be sealed already: once for all batches, because
    the ids of the whole log are read for it."""
    with connect(threads=1) as database:
        hashes = [np.empty(0, np.uint64)]
        for lines in read_lines(spools):
            database.register("lines", lines)
            hashes.append(hashes_of(database.sql(f"SELECT hash({id_of_line(stream)}) FROM lines")))
    ids = np.sort(np.concatenate(hashes))
    with connect() as database:
        database.register("waiting", pa.table({"hash": ids}))
        query = f"FROM waiting SEMI JOIN (SELECT hash(id) AS hash FROM ({sealed_ids(store, stream)})) USING (hash)"
        return np.union1d(ids[1:][ids[1:] == ids[:-1]], hashes_of(database.sql(query)))


def _fresh(store: Store, stream: str, rows: pa.Table, doubtful: np.ndarray) -> pa.Table:
    """Rows whose id is neither sealed nor forgotten, each id once (the first line written wins), in file order."""
    identity, known, first = identity_of(stream), "", ""
    with connect(threads=1) as database:
        database.register("batch", rows)
        if held(doubtful, hashes_of(database.sql(f"SELECT hash({identity}) FROM batch"))).any():
            known = f"ANTI JOIN ({sealed_ids(store, stream)}) AS sealed ON batch.{identity} = sealed.id"
            first = f"QUALIFY row_number() OVER (PARTITION BY {identity} ORDER BY ordinal) = 1"
        query = f"""
            SELECT batch.* FROM batch {known} WHERE NOT {forgotten.row_condition(store, stream)}
            {first} ORDER BY {ORDER[stream]}"""
        return database.sql(query).to_arrow_table().cast(rows.schema)


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
