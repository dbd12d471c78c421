"""What carries its own checksum: any flipped bit of it is found, whatever it says."""

from __future__ import annotations

import json

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.progress import nobody
from vibe_pipeline.store import Store, as_json, write_pages
from vibe_pipeline.verifying import Findings, files

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def flipped(data: bytes, at: int, bit: int) -> bytes:
    new = bytearray(data)
    new[at % len(data)] ^= 1 << bit
    return bytes(new)


def problems(check, data: bytes) -> list:
    findings = Findings()
    check("a", data, findings)
    return findings.problems


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.integers(0, 1 << 20), st.integers(0, 7))
def test_every_flipped_bit_of_json_is_found(value, at, bit):
    data = as_json(value)
    assert problems(files._check_json, data) == []
    assert problems(files._check_json, flipped(data, at, bit))


@given(
    st.lists(st.tuples(st.text(), st.floats() | st.none(), st.booleans() | st.none()), max_size=30),
    st.integers(0, 1 << 20),
    st.integers(0, 7),
)
def test_every_flipped_bit_of_a_parquet_file_is_found(rows, at, bit):
    schema = {"item_id": pl.String, "nll": pl.Float64, "exact": pl.Boolean}
    sink = pa.BufferOutputStream()
    write_pages(pl.DataFrame(rows, schema=schema, orient="row").to_arrow(), sink)
    data = sink.getvalue().to_pybytes()
    assert problems(files._check_parquet, data) == []
    assert problems(files._check_parquet, flipped(data, at, bit))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a": NaN, "checksum": "x"}', b"\xff", b"3"])
def test_what_is_no_object_is_a_problem_and_no_crash(data):
    assert problems(files._check_json, data)


def test_readers_of_json_never_see_its_checksum(store: Store):
    store.write_json("a.json", {"b": 1, "c": (2, 3)})
    assert store.read_json("a.json") == {"b": 1, "c": [2, 3]}
    assert [*json.loads(store.path("a.json").read_bytes())] == ["b", "c", "checksum"]


def test_the_same_rows_give_the_same_file_however_they_were_put_together(store: Store):
    table = pa.table({"a": [*range(9)]})
    store.write_parquet("a.parquet", table)
    store.write_parquet("b.parquet", pa.concat_tables([table.slice(0, 4), table.slice(4)]))
    assert store.path("a.parquet").read_bytes() == store.path("b.parquet").read_bytes()


def test_every_name_is_checked_or_left_for_a_reason(store: Store):
    names = {
        "locks/csv": "locks",
        "log/spill/duckdb_temp_1_x": "DuckDB",
        "log/probes/spool/1.jsonl": "not sealed",
        "log/spans/joining/1.jsonl": "not sealed",
        "index/places/0/keys.npy": "index",
        "reports/g000.html": "pages",
        "private/placeholders.key": "placeholders",
        "suites/.0123": "half-written",
        "models/adapters/.0123/adapter_config.json": "half-written",
        "history/runs.db": "did not write",
    }
    for name, why in names.items():
        path = store.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        findings = Findings()
        files.check(store, findings, nobody)
        assert (findings.problems, [why in it for it in findings.not_checked]) == ([], [True]), name
        path.unlink()
