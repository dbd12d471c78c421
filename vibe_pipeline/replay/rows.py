"""Rows of example sets, read by their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.records import ExampleSet, Tier
from vibe_pipeline.store import ROW_GROUP, Store
from vibe_pipeline.withdrawn import Withdrawn

COLUMNS = ["example_id", "kind", "stage", "tier", "generation", "prompt", "completion"]

IS_SYNTHETIC = pl.col("tier") == Tier.SYNTHETIC


def positions(examples: ExampleSet, ranges: list[range], withdrawn: Withdrawn) -> np.ndarray:
    """Where the rows of these stretches are in the set's file, without what was taken back."""
    gone = withdrawn.of(examples.generation)
    rows = [np.setdiff1d(np.arange(it.start, it.stop), gone, assume_unique=True) for it in ranges]
    return np.concatenate([np.empty(0, np.int64), *rows])


def read(
    store: Store, wanted: Iterable[tuple[ExampleSet, np.ndarray]], columns: Sequence[str] = COLUMNS
) -> pl.DataFrame:
    """Those rows of those files, reading only the row groups that hold one."""
    tables = []
    for examples, rows in wanted:
        if rows.size:
            file = pq.ParquetFile(store.existing_table(f"examples/{examples.sha}.parquet"))
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
