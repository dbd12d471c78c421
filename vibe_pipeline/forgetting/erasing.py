"""The steps of forgetting. Each finds what is still there by its salted id, so that all of them may be repeated.

An example file keeps an empty place for every erased row, because counts and positions in it are what replay and rung
keys read; every other file just gets shorter. Not here: in which order, and what a kill leaves (acting.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vibe_pipeline import settings
from vibe_pipeline.fingerprint import sha_of_bytes
from vibe_pipeline.forgetting.plan import Holding
from vibe_pipeline.interactions import forgotten, segments
from vibe_pipeline.interactions.schema import STREAMS, connect
from vibe_pipeline.store import ROW_GROUP, Store

PLACE = ("kind", "stage", "split", "generation")
"""What stays of an erased example."""

QUARANTINED = "quarantined"
"""The kind under which a line in quarantine is remembered."""

WRITTEN_BY_HALF = re.compile(r"\.[0-9a-f]{32}")
"""What a killed writer of the store leaves behind; nobody is writing while we are at work."""

IMPORT_S = 3600.0
"""An import may be writing to quarantine beside us; what is older than this was left by a dead one."""

FOLDERS = ("log/*/segments/*", "examples", "suites", "mixes", "scores", "scores/*", "results/*", "models/adapters")


class Erased:
    """The rows of one tombstone, by their salted ids."""

    def __init__(self, db: duckdb.DuckDBPyConnection, salt: str) -> None:
        self._db = db
        self._salt = salt

    def among(self, ids: pa.Array | pa.ChunkedArray, kind: str) -> np.ndarray:
        """Which of these ids are to go."""
        mask = np.zeros(len(ids), dtype=bool)
        self._db.register("asked", pa.table({"ordinal": np.arange(len(ids)), "id": ids}))
        is_erased = f"hash = {forgotten.hashed('id', self._salt)} AND kind = '{kind}'"
        mask[self._db.sql(f"SELECT ordinal FROM asked SEMI JOIN erased ON {is_erased}").fetchnumpy()["ordinal"]] = True
        return mask


@contextmanager
def erased(store: Store, tombstone: str) -> Iterator[Erased]:
    """What a tombstone remembers, loaded once for all steps."""
    with connect() as db:
        db.register("kept", pq.read_table(store.existing(f"{forgotten.FOLDER}/{tombstone}.parquet")))
        db.execute("CREATE TABLE erased AS FROM kept")
        yield Erased(db, forgotten.salt(store))


def shrink(store: Store, holding: Holding, rows: Erased) -> None:
    """Take the erased rows out of one file."""
    if not store.path(holding.name).exists():
        return  # done before a kill
    with pq.ParquetFile(store.path(holding.name)) as file:
        table = file.read()
    gone = rows.among(table[holding.column], holding.kind)
    if holding.name.startswith("examples/"):
        store.supersede(holding.name, _emptied(table, pa.array(gone)))
    elif holding.name.startswith("scores/"):
        store.write_parquet(holding.name, table.filter(pa.array(~gone)))
    else:
        group = segments.ROW_GROUP if holding.name.startswith("log/") else ROW_GROUP
        store.supersede(holding.name, table.filter(pa.array(~gone)), group)


def amend_manifest(store: Store, stream: str, curate: settings.Curate) -> None:
    """Bring the entries of shrunken segments up to date; what a cut named keeps its place."""
    for name in store.names(f"log/{stream}/manifest", ".json"):
        entry = store.read_json(name)
        lies = store.current(f"log/{stream}/segments/{entry.get('month', '')}/{entry['sha']}.parquet")
        if (sha := Path(lies).stem) == entry["sha"]:
            continue
        with pq.ParquetFile(store.existing(lies)) as file:
            rows = file.read()
        weight = round(entry["bytes"] * rows.num_rows / max(1, entry["rows"]))  # the lines themselves are long gone
        counts = segments.counts(stream, rows.append_column("line_bytes", pa.nulls(len(rows), pa.int64())), curate)
        store.write_json(name, {**entry, **counts, "sha": sha, "rows": len(rows), "bytes": weight})


def empty_quarantine(store: Store, rows: Erased) -> None:
    """Drop the lines in quarantine that are to go."""
    for stream in STREAMS:
        for name in store.names(f"log/{stream}/quarantine", ".jsonl"):
            lines = store.path(name).read_bytes().splitlines(keepends=True)
            gone = rows.among(pa.array([line.decode() for line in lines]), QUARANTINED)
            if not gone.any():
                continue
            left = b"".join(line for line, is_gone in zip(lines, gone, strict=True) if not is_gone)
            if left:
                store.write(f"{Path(name).parent}/{sha_of_bytes(left)}.jsonl", left)
            store.remove(name)


def silence(store: Store, adapters: set[str | None]) -> None:
    """Blank what these adapters answered to the tone probes: a model may say what it was trained on."""
    for name in store.names("results/scorecard", ".json"):
        card: dict[str, Any] = store.read_json(name)
        silent = [[question, "", phrase] for question, _, phrase in card["tone"]]
        if card["adapter_sha"] in adapters and card["tone"] != silent:
            store.write_json(name, {**card, "tone": silent})


def sweep(store: Store) -> None:
    """Remove what killed writers left half-written."""
    left = [path for folder in FOLDERS for path in store.root.glob(f"{folder}/.*")]
    left += [path for path in store.root.glob("log/*/quarantine/.*") if time.time() - path.stat().st_mtime > IMPORT_S]
    for path in left:
        if WRITTEN_BY_HALF.fullmatch(path.name):
            store.remove(path.relative_to(store.root).as_posix())


def _emptied(table: pa.Table, gone: pa.Array) -> pa.Table:
    """The same table with nothing but their places left of the erased rows."""
    for number, field in enumerate(table.schema):
        if field.name not in PLACE:
            left = pc.if_else(gone, pa.scalar(None, field.type), table[field.name])
            table = table.set_column(number, field, left)
    return table
