"""Rows in every kind of file, and what is read from them, for the tests of importers: not a test itself."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from tests.engine.serving import sealed
from vibe_pipeline.store import Store

MAP = ("input=question", "output=answer", "occurred_at=created", "latency_ms=ms", "success=ok", "module==shop")


def rows(store: Store) -> list[dict]:
    found = sealed(store.root)
    return found.sort("occurred_at", "input").rows(named=True) if len(found) else []


def as_parquet(values) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(values), data)
    return data.getvalue()


def as_lines(values) -> str:
    return "\n".join(json.dumps(value) for value in values)
