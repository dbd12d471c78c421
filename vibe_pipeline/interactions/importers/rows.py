"""Some rows of a table as every kind of file gives them: each a JSON object as text, in batches of bounded size.

Not here: how a kind of file is read (delimited.py, parquet.py, databases.py) and what its columns mean (columns.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from vibe_pipeline.interactions.lines import repaired

T = TypeVar("T")

BATCH_ROWS = 2048
BATCH_BYTES = 2 << 20
"""Of rows turned into lines at once: some 200 MB while they are."""

STRANGE = ("\\ud", "\\uD", "NaN", "Infinity")
"""What Python and DuckDB write as JSON and others do not read: escaped surrogates, and numbers that are none."""

UNKNOWN = (duckdb.Error, pa.ArrowInvalid)
"""What a column raises of which DuckDB makes no JSON."""

NO_TEXTS = pa.array([], pa.string())

Reject = tuple[str, str]
"""(raw text, reason)."""


class Rows(NamedTuple):
    """Some rows as they lie in a file, and what of it could not be read."""

    columns: list[str]
    """Of these rows."""
    texts: pa.Array = NO_TEXTS
    rejects: Sequence[Reject] = ()
    size: int = 0
    """Of the part of the file that they were read from, roughly."""
    are_alike: bool = True
    """Whether all rows of the file have these columns, and not only these rows."""


def batched(rows: Iterable[tuple[str, T]]) -> Iterator[list[tuple[str, T]]]:
    """Lists of (text, …) that are neither long nor large."""
    batch: list[tuple[str, T]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row[0])
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def size_of(batch: Sequence[tuple[str, object]]) -> int:
    """Characters of its texts."""
    return sum(len(text) for text, _ in batch)


def distinct(names: Iterable[str]) -> list[str]:
    """The names of columns, each once: one that was there already has its number behind it."""
    found: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        while name in found:
            name = f"{name}_{number}"
        found[name] = None
    return list(found)


def as_json(database: duckdb.DuckDBPyConnection, names: Sequence[str], columns: Sequence[pa.Array]) -> pa.Array:
    """Each row as a JSON object; JSON has no NaN, and what is empty is as good as not there.

    A column of a type that DuckDB does not know, or with a text that is no UTF-8, is written by Python.
    """
    if not columns:
        return NO_TEXTS
    try:
        return _selected(database, names, columns)
    except UNKNOWN:
        return _selected(database, names, [it if _is_known(database, it) else _written(it) for it in columns])


def plain(text: str) -> str:
    """JSON of which nothing is strange to DuckDB, that refuses a whole batch for one lone surrogate, and to others."""
    if not any(strange in text for strange in STRANGE):
        return text
    return json.dumps(repaired(json.loads(text, parse_constant=lambda _: None)), ensure_ascii=False)


def text_of(value: Any) -> str:
    """What JSON has no type for: bytes that are no UTF-8 become U+FFFD."""
    return bytes(value).decode("utf-8", "replace") if isinstance(value, (bytes, memoryview)) else str(value)


def first_line(error: Exception) -> str:
    """What an error says, for a reason."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _selected(database: duckdb.DuckDBPyConnection, names: Sequence[str], columns: Sequence[pa.Array]) -> pa.Array:
    for column in columns:
        column.validate(full=True)  # DuckDB takes any bytes for text
    database.register("columns", pa.table(list(columns), [f"c{number}" for number in range(len(columns))]))
    pairs = (f"{_literal(name)}, {_value(f'c{number}', columns[number].type)}" for number, name in enumerate(names))
    found = database.sql(f"SELECT json_object({', '.join(pairs)})::VARCHAR AS row FROM columns").to_arrow_table()
    texts = found["row"].combine_chunks()
    if not any(pc.any(pc.match_substring(texts, strange)).as_py() for strange in STRANGE):
        return texts
    return pa.array([plain(text) for text in texts.to_pylist()], pa.string())


def _value(name: str, kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return f"CASE WHEN isfinite({name}) THEN {name} END"
    return f"nullif({name}, '')" if _is_text(kind) else name


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_known(database: duckdb.DuckDBPyConnection, column: pa.Array) -> bool:
    try:
        _selected(database, ["it"], [column])
    except UNKNOWN:
        return False
    return True


def _written(column: pa.Array) -> pa.Array:
    """Its values as JSON; ValueError and OverflowError where Python has no such value either."""
    values = (column.cast(pa.large_binary()) if _is_text(column.type) else column).to_pylist()
    texts = [None if it is None else plain(json.dumps(it, default=text_of)) for it in values]
    return pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
