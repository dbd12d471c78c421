"""withdrawn/<sha>.parquet: which rows of examples are learned no longer, told by their places.

A row's place is its generation and, in the lower half of 64 bits, its number in that generation's file, so that nothing
of its words is written down. A file holds what all generations up to one took back: whoever reads reads one, however
high the ladder. Not here: what is taken back (curate/dedup/), and who leaves it out (replay/, curate/export/).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

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

HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


class Withdrawn:
    """What one file holds."""

    def __init__(self, store: Store, sha: str) -> None:
        """LedgerDamaged where that file is missing; nothing was taken back where the sha is empty."""
        self._rows: dict[Any, np.ndarray] = {}
        if sha:
            parts = _read(store, sha).sort("generation", "row").partition_by("generation", as_dict=True)
            self._rows = {generation: part["row"].to_numpy() for (generation,), part in parts.items()}

    def of(self, generation: int) -> np.ndarray:
        """int64, sorted: numbers of the rows of a generation that were taken back."""
        return self._rows.get(generation, np.empty(0, np.int64))

    def among(self, generation: int, rows: range) -> np.ndarray:
        """int64, sorted: those of a stretch of its rows."""
        gone = self.of(generation)
        return gone[np.searchsorted(gone, rows.start) : np.searchsorted(gone, rows.stop)]


def write(store: Store, places: np.ndarray, generation: int, before: str) -> str:
    """What a generation took back (uint64, n), after all in the file of the sha `before`, which may be empty. The sha
    of the file that holds all: the same again where there is nothing to add."""
    if not len(places):
        return before
    columns = {
        "generation": (places >> HALF).astype(np.int32),
        "row": (places & LOW).astype(np.int64),
        "since": np.full(len(places), generation, np.int32),
    }
    own = pa.table(columns, schema=SCHEMA)
    earlier = [_read(store, before).to_arrow().cast(SCHEMA)] if before else []
    return store.write_tables(FOLDER, SCHEMA, [*earlier, own], key_of([FOLDER, generation])[:32])


def taken_back(store: Store, sha: str, generation: int) -> np.ndarray:
    """uint64 (n): places of what one generation took back, of the file that it wrote."""
    rows = _read(store, sha).filter(pl.col("since") == generation)
    return rows["generation"].to_numpy().astype(np.uint64) << HALF | rows["row"].to_numpy().astype(np.uint64)


def _read(store: Store, sha: str) -> pl.DataFrame:
    return store.read_frame(f"{FOLDER}/{sha}.parquet")
