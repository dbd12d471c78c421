"""Parquet: a damaged part costs itself, columns of every type are kept, and a row group may be larger than memory."""

import io
import json
from decimal import Decimal
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.tables import rows
from vibe_pipeline.database import connect
from vibe_pipeline.interactions.importers import parquet
from vibe_pipeline.interactions.importers import rows as table_rows


def written(columns, names=None, **options) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.table(columns, names), data, **options)
    return data.getvalue()


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_damaged_row_group_costs_itself(bring_table, store, damaged):
    data = bytearray(written({"Input": [f"q{number}" for number in range(30)]}, row_group_size=10, compression="zstd"))
    column = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(damaged).column(0)
    start = column.dictionary_page_offset
    data[start + 20 : start + column.total_compressed_size] = b"\xff" * (column.total_compressed_size - 20)
    result = bring_table(bytes(data), "a.parquet", columns=())
    assert (result.imported, result.quarantined) == (20, 1)
    assert next(iter(result.reasons)).startswith("a row group of Parquet that cannot be read: ")
    assert {int(row["input"][1:]) // 10 for row in rows(store)} == {0, 1, 2} - {damaged}


@pytest.mark.parametrize(
    ("column", "kept"),
    [
        (pa.array([Decimal("1.50")], pa.decimal256(50, 2)), "1.50"),
        (pa.array([[1.5]], pa.list_(pa.float16())), [1.5]),
        (pa.array([{"a": [Decimal("1.50")]}], pa.struct({"a": pa.list_(pa.decimal256(50, 2))})), {"a": ["1.50"]}),
        (pa.array([b"caf\xe9"]).view(pa.string()), "caf\ufffd"),
        (pa.array([""], pa.large_string()), None),
        (pa.array([[1.5, float("nan"), float("-inf")]]), [1.5, None, None]),
        (pa.array([{"a": [{"b": float("nan"), "c": 1}]}]), {"a": [{"b": None, "c": 1}]}),
        (pa.array([[("k", float("inf")), ("l", 1.0)]], pa.map_(pa.string(), pa.float64())), {"l": 1.0}),
    ],
)
def test_a_column_of_any_type_costs_no_row(bring_table, store, column, kept):
    assert bring_table(written({"input": ["q"], "it": column}), "a.parquet", columns=()).imported == 1
    (row,) = rows(store)
    assert json.loads(row["extra"] or "{}") == ({} if kept is None else {"it": kept})


def test_half_floats_are_numbers(bring_table, store):
    data = written({"input": ["q"], "turn": pa.array([2.0], pa.float16())})
    assert bring_table(data, "a.parquet", columns=()).imported == 1
    assert rows(store)[0]["turn"] == 2


def test_columns_of_one_name_are_all_kept(bring_table, store):
    data = written([pa.array(["q"]), pa.array([1]), pa.array([2])], ["input", "n", "n"])
    assert bring_table(data, "a.parquet", columns=()).imported == 1
    assert json.loads(rows(store)[0]["extra"]) == {"n": 1, "n_3": 2}


def test_a_row_group_is_read_through_a_window(tmp_path):
    text = "x" * 1000
    path = tmp_path / "a.parquet"
    path.write_bytes(written({"input": [text] * 32_000}, use_dictionary=False, compression="none"))
    assert path.stat().st_size > 30e6
    before = pa.total_allocated_bytes()
    with connect() as database:
        for _ in islice(parquet.read(path, database), 3):
            assert pa.total_allocated_bytes() - before < 16e6


def test_rows_that_a_dictionary_makes_small_are_a_batch_when_they_are_large(tmp_path, monkeypatch):
    monkeypatch.setattr(table_rows, "BATCH_BYTES", 10_000)
    path = tmp_path / "a.parquet"
    path.write_bytes(written({"input": ["x" * 1000] * 100}))
    with connect() as database:
        lengths = [len(some.texts) for some in parquet.read(path, database)]
    assert sum(lengths) == 100
    assert max(lengths) <= 10
