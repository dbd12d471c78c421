"""What is learned no longer: rows of earlier generations that were disliked since, or whose prompt was answered anew.

A row is told by its place, generation and row of its file, so that nothing of its words is written down. What was taken
back stays taken back; who says it once more says it as something new. Not here: what replay, exports and cards do with
it (replay/, curate/export/, curate/cards/).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import LOW, Entries, found, pairs
from vibe_pipeline.curate.dedup.keys import Features
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.store import Store

FOLDER = "withdrawn"

SCHEMA = pa.schema(
    [
        pa.field("generation", pa.int32()),
        pa.field("row", pa.int64()),
        pa.field("since", pa.int32()),  # the generation that took it back
    ]
)
"""A file holds what all generations up to one took back: a mix reads one, however high the ladder."""


def standing(runs: Sequence[Entries], run: Entries, refs: np.ndarray) -> np.ndarray:
    """Which of these refs of a run are of rows that none of the runs says was taken back."""
    told = keys.withdrawn_keys(run.places[refs.astype(np.int64) >> 1])
    return ~np.any([np.zeros(len(told), bool), *(found(it, told) for it in runs)], axis=0)


def withdrawn(these: Features, anew: np.ndarray, disliked: np.ndarray, runs: Sequence[Entries]) -> np.ndarray:
    """uint64, sorted: places of the rows that a generation takes back. Of `these`, by a mask, those that answer anew;
    `disliked` are exact keys of what would be taught but for its feedback."""
    asked = np.concatenate([keys.answered(these)[anew], disliked])
    gone = [np.empty(0, np.uint64)]
    for run in runs:
        _, refs, _ = pairs(run, asked, len(run.keys))
        rows = np.unique(refs[refs & np.uint64(1) == 0])
        gone.append(run.places[rows[standing(runs, run, rows)].astype(np.int64) >> 1])
    return np.unique(np.concatenate(gone))


def write(store: Store, places: np.ndarray, generation: int, before: str) -> str:
    """withdrawn/<sha>.parquet: what a generation took back, after all in the file before, of which there may be none.
    The sha of the file that holds all; empty where nothing was ever taken back."""
    if not len(places):
        return before
    columns = {
        "generation": (places >> np.uint64(32)).astype(np.int32),
        "row": (places & LOW).astype(np.int64),
        "since": np.full(len(places), generation, np.int32),
    }
    earlier = (
        pq.read_table(store.existing(f"{FOLDER}/{before}.parquet"), schema=SCHEMA) if before else SCHEMA.empty_table()
    )
    only = key_of([FOLDER, generation])[:32]
    return store.write_tables(FOLDER, SCHEMA, [earlier, pa.table(columns, schema=SCHEMA)], only)


def taken_back(store: Store, sha: str, generation: int) -> np.ndarray:
    """uint64: places of what one generation took back, of the file that it wrote."""
    rows = pq.read_table(store.existing(f"{FOLDER}/{sha}.parquet"), filters=[("since", "=", generation)])
    return rows["generation"].to_numpy().astype(np.uint64) << np.uint64(32) | rows["row"].to_numpy().astype(np.uint64)


def gone_since(store: Store, sha: str, generation: int) -> np.ndarray:
    """int64, sorted: rows of one generation that later ones took back, of the file that holds all, if there is one."""
    if not sha:
        return np.empty(0, np.int64)
    rows = pq.read_table(store.existing(f"{FOLDER}/{sha}.parquet"), filters=[("generation", "=", generation)])
    return np.sort(rows["row"].to_numpy())
