"""What is learned no longer: rows of earlier generations that were disliked since, or in whose place something came.

A row is told by its place, generation and row of its file, so that nothing of its words is written down. What was taken
back stays taken back; who says it once more says it as something new. Not here: what takes a row's place (judging.py),
and what replay, exports and cards do with it (replay/, curate/export/, curate/cards/).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import LOW, Entries, found, pairs
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


class Withdrawing:
    """Which rows of earlier generations stand, and which of them a generation takes back."""

    def __init__(self, runs: Sequence[Entries], exact: np.ndarray) -> None:
        """`exact` are keys of what is taken back whoever said it."""
        self._runs = runs
        self.places = np.empty(0, np.uint64)
        """Sorted: of the rows that the generation takes back."""
        for run in runs:
            self.withdraw(run, pairs(run, exact, len(run.keys))[1])

    def withdraw(self, run: Entries, refs: np.ndarray) -> None:
        """Take back those rows of a run that are learned from and stand."""
        rows = np.unique(refs.astype(np.int64))
        rows = rows[rows & 1 == 0]
        self.places = np.union1d(self.places, run.places[rows[self.stand(run, rows)] >> 1])

    def stand(self, run: Entries, refs: np.ndarray) -> np.ndarray:
        """bool: whether the row of each ref of a run was not taken back, before or by this generation."""
        places = run.places[refs.astype(np.int64) >> 1]
        told, is_gone = keys.withdrawn_keys(places), np.isin(places, self.places)
        for it in self._runs:
            is_gone |= found(it, told)
        return ~is_gone


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
    own = pa.table(columns, schema=SCHEMA)
    earlier = [pq.read_table(store.existing(f"{FOLDER}/{before}.parquet"), schema=SCHEMA)] if before else []
    return store.write_tables(FOLDER, SCHEMA, [*earlier, own], key_of([FOLDER, generation])[:32])


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
