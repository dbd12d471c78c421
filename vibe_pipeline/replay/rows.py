"""Rows of example sets, read by their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.records import ExampleSet, Tier
from vibe_pipeline.store import ROW_GROUP, Store

COLUMNS = ["example_id", "kind", "stage", "tier", "generation", "prompt", "completion"]

IS_SYNTHETIC = pl.col("tier") == Tier.SYNTHETIC


class Withdrawn:
    """Rows that are learned no longer: disliked since, or answered anew by a later generation."""

    def __init__(self, store: Store, sha: str) -> None:
        """Those of withdrawn/<sha>.parquet, or none."""
        self._rows: dict[Any, np.ndarray] = {}
        if sha:
            gone = store.read_frame(f"withdrawn/{sha}.parquet").sort("generation", "row")
            parts = gone.partition_by("generation", as_dict=True)
            self._rows = {generation: part["row"].to_numpy() for (generation,), part in parts.items()}

    def among(self, examples: ExampleSet, rows: range) -> np.ndarray:
        """int64, sorted: those of a stretch of a set's rows."""
        gone = self._rows.get(examples.generation, np.empty(0, np.int64))
        return gone[np.searchsorted(gone, rows.start) : np.searchsorted(gone, rows.stop)]


def positions(examples: ExampleSet, ranges: list[range], withdrawn: Withdrawn) -> np.ndarray:
    """Where the rows of these stretches are in the set's file, without what was taken back."""
    rows = [
        np.setdiff1d(np.arange(it.start, it.stop), withdrawn.among(examples, it), assume_unique=True) for it in ranges
    ]
    return np.concatenate([np.empty(0, np.int64), *rows])


def read(
    store: Store, wanted: Iterable[tuple[ExampleSet, np.ndarray]], columns: Sequence[str] = COLUMNS
) -> pl.DataFrame:
    """Those rows of those files, reading only the row groups that hold one."""
    tables = []
    for examples, rows in wanted:
        if rows.size:
            file = pq.ParquetFile(store.existing(f"examples/{examples.sha}.parquet"))
            groups = np.unique(rows // ROW_GROUP)
            table = file.read_row_groups(groups.tolist(), columns=list(columns))
            at = np.searchsorted(groups, rows // ROW_GROUP) * ROW_GROUP + rows % ROW_GROUP
            tables.append(table.take(pa.array(at)))
    frame = (
        pl.from_arrow(pa.concat_tables(tables)) if tables else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    )
    assert isinstance(frame, pl.DataFrame)
    return frame.drop_nulls("example_id")


def synthetic_rows(rows: pl.DataFrame) -> int:
    """How many of these are."""
    return rows.filter(IS_SYNTHETIC).height
