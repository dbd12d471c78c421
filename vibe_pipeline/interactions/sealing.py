"""Sealing: the spools of a stream become immutable Parquet segments, about one a month and 8 MB (months.py).

The order of the steps is the safety: take the spools, publish each segment, then its entry in the manifest, and only
when all are published remove the spools. A crash anywhere in between is mended by the next seal, because a row whose
id is already sealed is dropped (fresh.py). What is private is replaced on the way (scrub/); `user` and the ids stay: a
person is forgotten by `user`.
"""

from __future__ import annotations

import json
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
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.fresh import Fresh
from vibe_pipeline.interactions.months import by_month
from vibe_pipeline.interactions.schema import STREAMS, read_rows
from vibe_pipeline.interactions.segments import locked
from vibe_pipeline.interactions.spool import take
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Segment
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.store import Store, size_of

SEALED_BYTES = 8 << 20
"""Of lines in one batch: what is made of them on the way takes ten times as much."""

SCRUBBED = (
    *("module", "action", "input", "output", "error_type", "improvements", "learnings", "model_id", "source", "extra"),
    *("fact", "question", "answer", "text"),
)
"""All but `user`, ids, times and numbers."""

SPOILED = "extra is no JSON any more when what is private is out of it (nested too deep?)"


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
    done = 0
    with watch(f"sealing {stream}") as advance, by_month(store, stream, curate) as months:
        fresh = Fresh(store, stream, spools)
        for rows in _batches(store, stream, spools, log):
            months.add(_scrubbed(store, stream, fresh.of(rows), log))
            done += pc.sum(rows["line_bytes"]).as_py() or 0
            advance(done >> 20, size >> 20, "MiB")
        sealed = months.finish()
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


def _scrubbed(store: Store, stream: str, fresh: pa.Table, log: settings.Log) -> pa.Table:
    rows, _ = Scrubber(store, log).table(fresh, SCRUBBED)
    if "extra" in rows.column_names and not (is_json := _is_json_still(fresh["extra"], rows["extra"])).all():
        bad = rows.filter(pa.array(~is_json)).to_pylist()
        quarantine.keep(store, stream, [(json.dumps(row, default=str), SPOILED) for row in bad], "spool", log)
        fresh, rows = fresh.filter(pa.array(is_json)), rows.filter(pa.array(is_json))
    if log.keep_originals:
        _keep_originals(store, stream, fresh, rows)
    return rows


def _is_json_still(before: pa.ChunkedArray, after: pa.ChunkedArray) -> np.ndarray:
    """Which texts are JSON as they were before they were scrubbed: what is no JSON would stop every query."""
    is_json: np.ndarray = pc.fill_null(pc.equal(before, after), True).to_numpy(zero_copy_only=False).copy()
    if is_json.all():
        return is_json
    changed = pa.table({"text": after.filter(pa.array(~is_json))})
    with connect(threads=1) as database:
        database.register("changed", changed)
        is_json[~is_json] = database.sql("SELECT json_valid(text) AS it FROM changed").fetchnumpy()["it"]
    return is_json


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
