"""Parquet: its row groups one after the other, each read through a window of its pages.

A row group that cannot be read costs itself. Not here: what the columns mean (columns.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.interactions.importers import rows
from vibe_pipeline.interactions.importers.rows import Rows, as_json, distinct, first_line

MAGIC = b"PAR1"

WINDOW = 1 << 20
"""Bytes of a column that are read ahead: without one, Arrow loads all that a row group has of it."""

FAILURES = (OSError, ValueError, OverflowError, pa.ArrowException, duckdb.Error)
"""What reading a damaged one raises."""


def read(path: Path, database: duckdb.DuckDBPyConnection) -> Iterator[Rows]:
    """All rows in order, and what could not be read with its reason."""
    try:
        with pq.ParquetFile(path, buffer_size=WINDOW, pre_buffer=False) as file:
            names = distinct(file.schema_arrow.names)
            for number in range(file.num_row_groups):
                yield from _group(file, number, names, path, database)
    except FAILURES as error:
        yield Rows([], rejects=[(path.name, f"Parquet that cannot be read: {first_line(error)}")])


def _group(
    file: pq.ParquetFile, number: int, names: list[str], path: Path, database: duckdb.DuckDBPyConnection
) -> Iterator[Rows]:
    group = file.metadata.row_group(number)
    part = path.stat().st_size / max(1, file.metadata.num_rows)
    try:
        for batch in file.iter_batches(_count(group.num_rows, group.total_byte_size), row_groups=[number]):
            # A dictionary makes what is repeated small in the file alone.
            count = _count(len(batch), batch.nbytes)
            for start in range(0, len(batch), count):
                some = batch.slice(start, count)
                yield Rows(names, as_json(database, names, some.columns), size=int(part * len(some)))
    except FAILURES as error:
        where = f"{path.name}, row group {number + 1} of {file.num_row_groups}"
        yield Rows(names, rejects=[(where, f"a row group of Parquet that cannot be read: {first_line(error)}")])


def _count(length: int, size: int) -> int:
    """How many of so many rows with so many bytes are a batch."""
    return max(1, min(rows.BATCH_ROWS, rows.BATCH_BYTES * length // max(1, size)))
