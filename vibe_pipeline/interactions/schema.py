"""The columns of sealed interactions and probes, and the one place that reads older versions of either.

Not here: which rows are kept (sealing.py) and how a line is written (lines.py). `extra` is JSON text, because
its shape is the logger's affair; a missing list is an empty list. Whatever was written by a newer version is
never guessed at: reading stops and says "upgrade".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vibe_pipeline.database import connect
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.records import SCHEMA_VERSION

MOMENT = pa.timestamp("us", tz="UTC")

INTERACTIONS = pa.schema(
    [
        pa.field("interaction_id", pa.string(), nullable=False),
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("turn", pa.int32(), nullable=False),
        pa.field("occurred_at", MOMENT, nullable=False),
        pa.field("module", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("input", pa.string(), nullable=False),
        pa.field("output", pa.string(), nullable=False),
        pa.field("success", pa.bool_()),
        pa.field("error_type", pa.string()),
        pa.field("user", pa.string()),
        pa.field("feedback", pa.float64()),
        pa.field("improvements", pa.list_(pa.string())),
        pa.field("learnings", pa.list_(pa.string())),
        pa.field("model_id", pa.string()),
        pa.field("latency_ms", pa.float64()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("extra", pa.string()),
    ]
)

PROBES = pa.schema(
    [
        pa.field("probe_id", pa.string(), nullable=False),
        pa.field("fact", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("occurred_at", MOMENT, nullable=False),
        pa.field("source", pa.string(), nullable=False),
    ]
)

REMARKS = pa.schema(
    [
        pa.field("remark_id", pa.string(), nullable=False),
        pa.field("interaction_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("user", pa.string()),
        pa.field("occurred_at", MOMENT, nullable=False),
        pa.field("source", pa.string(), nullable=False),
    ]
)

STREAMS = {"interactions": INTERACTIONS, "probes": PROBES, "remarks": REMARKS}

SQL_TYPES = {pa.int32(): "INTEGER", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}

BATCH_BYTES = 2 << 20
"""Lines parsed at once: what is made of them on the way takes some twenty times as much."""

UPGRADE = "Upgrade vibe-pipeline on this machine"


def identity_of(stream: str) -> str:
    """The column that names a row of that stream."""
    return STREAMS[stream].names[0]


def require_version(version: int, what: str) -> None:
    """LedgerDamaged where something was written by a newer program."""
    if version > SCHEMA_VERSION:
        raise LedgerDamaged(
            f"{what} has schema version {version}, and this program reads up to {SCHEMA_VERSION}", UPGRADE
        )


def require_readable(path: Path) -> None:
    """LedgerDamaged where a segment is not Parquet or was sealed by a newer version."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid) as error:
        raise LedgerDamaged(f"{path.name} is not a readable segment: {error}", "Restore it from a backup") from error
    require_version(int(metadata.get(b"schema_version", b"1")), path.name)


def read_lines(paths: Sequence[Path], batch_bytes: int = BATCH_BYTES) -> Iterator[pa.Table]:
    """(ordinal, line) of all lines that are not blank, in batches; bytes that are not UTF-8 become U+FFFD."""
    return lines_of(_texts(paths, batch_bytes), batch_bytes)


def lines_of(texts: Iterable[bytes], batch_bytes: int = BATCH_BYTES) -> Iterator[pa.Table]:
    """The same of texts that each end with a line."""
    held: list[bytes] = []
    size = count = 0
    for text in texts:
        if held and size + len(text) > batch_bytes:
            yield (lines := _lines(held, count))
            size, count = 0, count + len(lines)
        held.append(text)
        size += len(text)
    if held:
        yield _lines(held, count)


def _texts(paths: Sequence[Path], batch_bytes: int) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while text := file.read(batch_bytes):
                yield text + file.readline() + b"\n"  # a line that was cut off is not glued to the next file's


def _lines(texts: list[bytes], first: int) -> pa.Table:
    """Takes the texts away as it goes: each copy of a batch is as large as the batch."""
    data = b"".join(texts)
    texts.clear()
    try:
        text = _whole(data).cast(pa.large_string())
    except pa.ArrowInvalid:
        text = _whole(data.decode(errors="replace").encode()).cast(pa.large_string())
    lines = pc.split_pattern(text, pattern="\n").flatten()
    lines = lines.filter(pc.not_equal(lines, ""))
    return pa.table({"ordinal": np.arange(first, first + len(lines)), "line": lines})


def _whole(data: bytes) -> pa.LargeBinaryArray:
    """An array of one value, without a copy."""
    offsets = pa.py_buffer(np.array([0, len(data)]))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)])


def read_rows(stream: str, paths: Sequence[Path]) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Rows (the stream's columns, then ordinal and line_bytes) and rejects (line, reason) of files, batch by batch."""
    with connect(threads=1) as database:  # a batch is small: more threads take more memory and no less time
        for lines in read_lines(paths):
            yield parse(database, stream, lines)


def rows_of(stream: str, lines: Sequence[bytes]) -> tuple[pa.Table, pa.Table]:
    """The same of lines that are in no file."""
    texts = pa.array([line.decode() for line in lines], pa.large_string())
    with connect(threads=1) as database:
        return parse(database, stream, pa.table({"ordinal": np.arange(len(texts)), "line": texts}))


def parse(database: duckdb.DuckDBPyConnection, stream: str, lines: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The same for some lines."""
    database.register("lines", lines)
    database.execute(f"CREATE OR REPLACE TABLE parsed AS {_parsing(stream)}")
    newest = database.sql("SELECT max(version) FROM parsed").fetchall()[0][0]
    require_version(newest or SCHEMA_VERSION, f"a line in the spool of {stream}")
    schema = STREAMS[stream].append(pa.field("ordinal", pa.int64())).append(pa.field("line_bytes", pa.int64()))
    columns = ", ".join(f'"{name}"' for name in schema.names)
    rows = database.sql(f"SELECT {columns} FROM parsed WHERE reason IS NULL").to_arrow_table()
    rejects = database.sql("SELECT line, reason FROM parsed WHERE reason IS NOT NULL").to_arrow_table()
    database.execute("DROP TABLE parsed")
    return rows.cast(schema), rejects


def id_of_line(stream: str) -> str:
    """SQL for the id that `parse` will find in a line; NULL where there is none."""
    shape = json.dumps({identity_of(stream): "VARCHAR"})
    return f"TRY(from_json(line, '{shape}').{identity_of(stream)})"


def _parsing(stream: str) -> str:
    """One pass over the lines. `from_json` gives NULL for a value of the wrong type, and fails on what is no JSON."""
    schema = STREAMS[stream]
    shape = {field.name: _json_type(field.type) for field in schema} | {"schema_version": "INTEGER"}
    lost = ", ".join(
        f"CASE WHEN {_cast(field)} IS NULL THEN '{field.name}' END" for field in schema if not field.nullable
    )
    columns = ", ".join(f'{_cast(field)} AS "{field.name}"' for field in schema)
    return f"""
        WITH typed AS (SELECT *, CASE WHEN json_valid(line) THEN json_type(line) END AS type FROM lines),
        read AS (SELECT *, from_json(CASE WHEN type = 'OBJECT' THEN line END, '{json.dumps(shape)}') AS r FROM typed),
        judged AS (SELECT *, concat_ws(', ', {lost}) AS lost FROM read)
        SELECT {columns}, r.schema_version AS version, ordinal, strlen(line) AS line_bytes, line, CASE
            WHEN type IS NULL THEN 'not JSON (a write that was cut off?)'
            WHEN type <> 'OBJECT' THEN 'JSON, but not an object'
            WHEN lost <> '' THEN 'missing or of the wrong type: ' || lost END AS reason
        FROM judged ORDER BY ordinal"""


def _json_type(kind: pa.DataType) -> str | list[str]:
    return ["VARCHAR"] if pa.types.is_list(kind) else SQL_TYPES.get(kind, "VARCHAR")


def _cast(field: pa.Field) -> str:
    value = f'r."{field.name}"'
    if pa.types.is_timestamp(field.type):
        return f"try_cast({value} AS TIMESTAMP)"
    return f"coalesce({value}, [])" if pa.types.is_list(field.type) else value
