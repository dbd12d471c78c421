"""The steps of forgetting. Each finds what is still there by its salted id, so that all of them may be repeated.

An example file keeps an empty place for every erased row, because counts and positions in it are what replay and rung
keys read; every other file just gets shorter. Not here: in which order, and what a kill leaves (acting.py).
"""

from __future__ import annotations

import os
import re
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
from vibe_pipeline.curate.cards.page import page_name
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.forgetting.plan import Holding
from vibe_pipeline.interactions import forgotten, quarantine, segments
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.records import generation_name
from vibe_pipeline.store import ROW_GROUP, Store, sql_list

PLACE = ("kind", "stage", "split", "generation")
"""What stays of an erased example."""

WRITTEN_BY_HALF = re.compile(r"\.[0-9a-f]{32}")
"""What a killed writer of the store leaves behind."""

LEFT = """
SELECT since, count(*) FROM read_parquet({withdrawn}, hive_partitioning = false) ANTI JOIN (
    SELECT generation, file_row_number AS row
    FROM read_parquet({examples}, file_row_number = true, hive_partitioning = false) WHERE example_id IS NULL
) USING (generation, row) GROUP BY since
"""

SPILLED = re.compile(r"duckdb_temp_([0-9]+)_")
"""By the process that asked DuckDB for something large."""

LOGGED = ("log/*/*", "log/*/segments/*")
MADE = (
    "examples",
    "suites",
    "withdrawn",
    "mixes",
    "scores",
    "scores/*",
    "scorecards",
    "results/*",
    "models/adapters",
    "reports",
)


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
        db.register("kept", pq.read_table(store.existing(forgotten.hashes_name(tombstone))))
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
    """Bring the entries of shrunken segments up to date; what a cut named keeps its place. What was counted
    of them for a trigger goes."""
    for name in store.names(f"log/{stream}/counts"):
        store.remove(name)
    with connect(threads=1) as db:
        for name in store.names(f"log/{stream}/manifest", ".json"):
            entry = store.read_json(name)
            lies = store.current(f"log/{stream}/segments/{entry.get('month', '')}/{entry['sha']}.parquet")
            if (sha := Path(lies).stem) == entry["sha"]:
                continue
            with pq.ParquetFile(store.existing(lies)) as file:
                rows = file.read()
            weight = round(entry["bytes"] * rows.num_rows / max(1, entry["rows"]))  # the lines are long gone
            weightless = rows.append_column("line_bytes", pa.nulls(len(rows), pa.int64()))
            counts = segments.counts(db, stream, weightless, curate)
            store.write_json(name, {**entry, **counts, "sha": sha, "rows": len(rows), "bytes": weight})


def empty_quarantine(store: Store, rows: Erased) -> None:
    """Drop the lines in quarantine that are to go."""
    with quarantine.locked(store):
        for stream, name, lines, entries in quarantine.files(store):
            gone = rows.among(pa.array([entry["raw"] for entry in entries]), quarantine.KIND)
            if not gone.any():
                continue
            if left := [line for line, is_gone in zip(lines, gone, strict=True) if not is_gone]:
                quarantine.write(store, stream, left)
            store.remove(name)


def recount(store: Store) -> None:
    """Say of each generation how many rows it took back that are left; the pages that said otherwise go."""
    made = {name: store.read_json(name) for name in store.names("results/examples", ".json")}
    newest = max(made.values(), key=lambda it: it["generation"], default={}).get("withdrawn_sha")
    every = f"withdrawn/{newest}.parquet"  # with what those before it took back
    names = [name for it in made.values() if store.exists(name := f"examples/{it['sha']}.parquet")]
    if not (names and newest and store.exists(every)):
        return
    files = sql_list([store.path(store.current(name)) for name in names])
    with connect(store.path(SPILL)) as db:
        left = dict(db.sql(LEFT.format(withdrawn=sql_list([store.path(every)]), examples=files)).fetchall())
    for name, it in made.items():
        if it.get("withdrawn", 0) != (rows := left.get(it["generation"], 0)):
            store.write_json(name, {**it, "withdrawn": rows})
            store.remove(page_name(generation_name(it["generation"])))


def silence(store: Store, adapters: set[str | None]) -> None:
    """Blank what these adapters said, to the tone probes and to suites: a model may say what it was trained on."""
    for name in store.names("results/scorecard", ".json"):
        card: dict[str, Any] = store.read_json(name)
        silent = [[question, "", phrase] for question, _, phrase in card["tone"]]
        if card["adapter_sha"] in adapters and card["tone"] != silent:
            store.write_json(name, {**card, "tone": silent})
    for name in (name for adapter in adapters if adapter for name in store.names(f"scores/{adapter}", ".parquet")):
        with pq.ParquetFile(store.path(name)) as file:
            said = file.read()
        if "answer" in said.column_names and said["answer"].null_count < len(said):
            at = said.column_names.index("answer")
            store.write_parquet(name, said.set_column(at, "answer", pa.nulls(len(said), pa.string())))


def sweep(store: Store) -> None:
    """Remove what killed writers left half-written. Nobody alive is writing there: the caller holds all other locks."""
    with spans.locked(store), quarantine.locked(store):
        for path in (path for folder in (*LOGGED, *MADE) for path in store.root.glob(f"{folder}/.*")):
            if WRITTEN_BY_HALF.fullmatch(path.name):
                store.remove(path.relative_to(store.root).as_posix())
    for path in store.path(SPILL).glob("duckdb_temp_*"):
        owner = SPILLED.match(path.name)
        if not (owner and _is_alive(int(owner[1]))):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True


def _emptied(table: pa.Table, gone: pa.Array) -> pa.Table:
    """The same table with nothing but their places left of the erased rows."""
    for number, field in enumerate(table.schema):
        if field.name not in PLACE:
            left = pc.if_else(gone, pa.scalar(None, field.type), table[field.name])
            table = table.set_column(number, field, left)
    return table
