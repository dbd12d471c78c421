"""Plain tables: CSV, TSV, Parquet, JSONL and any SQLite table; a map, or their names, tell what the columns mean.

Rows are read in batches of bounded size, each row as one JSON text, and become lines of the log in SQL: a table may be
larger than memory. Without being asked for, a file is a table only if it says so: Parquet, a name that ends in .csv or
.tsv, or JSONL whose first object has the fields of an interaction.

Not here: the map and the SQL (columns.py). A row that cannot be read costs itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vibe_pipeline.database import connect
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import delimited
from vibe_pipeline.interactions.importers.columns import MACROS, ColumnMap
from vibe_pipeline.interactions.importers.databases import FAILURES, MAGIC, opened, reason_of
from vibe_pipeline.interactions.importers.files import BLANK, File, first_bytes, is_text, open_text, records
from vibe_pipeline.interactions.importers.tally import Line
from vibe_pipeline.interactions.lines import repaired

T = TypeVar("T")

LINES = (".jsonl", ".ndjson")
JSON = (*LINES, ".json")
SUFFIXES = (*delimited.SUFFIXES, *JSON, ".parquet", ".db", ".sqlite", ".sqlite3")

PARQUET = b"PAR1"
STRANGE = ("\\ud", "\\uD", "NaN", "Infinity")
"""What Python reads and writes as JSON and others do not: escaped surrogates, and numbers that are none."""

TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

OURS = {"module", "action", "input"}
"""An object with these keys is an interaction in our own words."""

NO_TABLE = "neither text nor a SQLite database nor Parquet (encrypted?)"

BATCH_ROWS = 2048
BATCH_BYTES = 2 << 20
"""Of rows turned into lines at once: some 200 MB while they are."""

Reject = tuple[str, str]
"""(raw text, reason)."""


class Read(NamedTuple):
    """What became of some rows."""

    lines: list[Line]
    rejects: list[Reject]
    size: int
    """Of the part of the file that they were read from, roughly."""


class Rows(NamedTuple):
    """Some rows as they lie in a file: each a JSON object as text."""

    columns: list[str]
    """Of these rows."""
    texts: pa.Array
    rejects: Sequence[Reject] = ()
    size: int = 0
    are_alike: bool = True
    """Whether all rows of the file have these columns, and not only these rows."""


@dataclass(frozen=True, slots=True)
class Table:
    """The importer of tables; `name` is that of a table in a database."""

    columns: ColumnMap = field(default_factory=ColumnMap)
    name: str | None = None
    is_asked_for: bool = False

    SUFFIXES = SUFFIXES

    def opens(self, file: File, start: bytes) -> bool:
        """Whether the file is a table, as far as it says so itself."""
        suffix = file.path.suffix.lower()
        return self.is_asked_for or suffix in delimited.SUFFIXES or start.startswith(PARQUET) or _is_ours(file, start)

    def batches(self, file: File, source: str, at: datetime) -> Iterator[Read]:
        """All rows; SettingsInvalid where the map, or the table's name, does not fit what is there."""
        name = self.name or file.path.stem
        with connect() as database:
            database.execute(MACROS)
            batches = self._rows(file, database)
            first = next(batches, Rows([], pa.array([], pa.string())))
            columns = self._columns(first, file)
            for rows in chain([first], batches):
                if len(rows.texts):
                    # By these rows' own columns, so that a field counts from the row on in which it first appears.
                    select = columns.within(rows.columns).select(name, source, at)
                    lines, rejects = _lines(database, rows.texts, *select)
                    yield Read(lines, [*rows.rejects, *rejects], rows.size)
                elif rows.rejects:
                    yield Read([], list(rows.rejects), rows.size)

    def _columns(self, first: Rows, file: File) -> ColumnMap:
        """The map, where the rows have all that it names: of objects the last may be the first to have a key."""
        columns = self.columns.in_any_case(first.columns) if first.are_alike else self.columns
        names = dict.fromkeys(first.columns)
        if not first.are_alike and not columns.is_satisfied(names):
            for rows in _objects(file.path):
                names |= dict.fromkeys(rows.columns)
                if columns.is_satisfied(names):
                    break
        if names:
            columns.check(names, f"the table {self.name} in {file.path}" if self.name else str(file.path))
        return columns

    def _rows(self, file: File, database: duckdb.DuckDBPyConnection) -> Iterator[Rows]:
        start = first_bytes(file.path)
        if start.startswith(MAGIC):
            return _stored(file.path, self.name)
        if self.name:
            raise SettingsInvalid(
                f"{file.path} is no SQLite database: it has no table {self.name!r}", "Leave --table out"
            )
        if start.startswith(PARQUET):
            return _parquet(file.path, database)
        if not is_text(start):
            return iter([Rows([], pa.array([], pa.string()), [(file.name, NO_TABLE)])])
        if file.path.suffix.lower() in JSON:
            return _objects(file.path)
        return _delimited(file.path, database)


def _is_ours(file: File, start: bytes) -> bool:
    if file.path.suffix.lower() not in LINES or not start.lstrip(BLANK).startswith(b"{"):
        return False
    with open_text(file.path) as text:
        try:
            first = json.loads(next(line for line in text if line.strip()))
        except (ValueError, RecursionError):
            return False
    return isinstance(first, dict) and first.keys() >= OURS


def _lines(
    database: duckdb.DuckDBPyConnection, texts: pa.Array, query: str, parameters: dict[str, object]
) -> tuple[list[Line], list[Reject]]:
    """What DuckDB makes of the rows; where one of them makes it fail, that one is looked for and costs itself."""
    database.register("rows", pa.table({"raw": texts}))
    try:
        found: pa.Table = database.sql(query, params=parameters).to_arrow_table()
    except duckdb.Error as error:
        if len(texts) == 1:
            return [], [(texts[0].as_py(), f"a row that cannot be read: {_first_line(error)}")]
        half = len(texts) // 2
        halves = [_lines(database, part, query, parameters) for part in (texts[:half], texts[half:])]
        return halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]
    good, bad = found.filter(pc.field("reason").is_null()), found.filter(pc.field("reason").is_valid())
    lines = zip(good["id"].to_pylist(), good["line"].cast(pa.binary()).to_pylist(), strict=True)
    rejects = zip(bad["raw"].to_pylist(), bad["reason"].to_pylist(), strict=True)
    return [Line("interactions", *line) for line in lines], list(rejects)


def _delimited(path: Path, database: duckdb.DuckDBPyConnection) -> Iterator[Rows]:
    names = delimited.header(path)
    for batch in _batched(delimited.rows(path, len(names))):
        good = [fields for _, fields in batch if not isinstance(fields, str)]
        columns = [pa.array(column, pa.string()) for column in zip(*good, strict=True)]
        rejects = [(text, reason) for text, reason in batch if isinstance(reason, str)]
        yield Rows(names, _as_json(database, names, columns), rejects, _size(batch))


def _objects(path: Path) -> Iterator[Rows]:
    for batch in _batched((raw.text, raw) for raw in records(path)):
        good = [raw for _, raw in batch if raw.reason is None]
        names = dict.fromkeys(name for raw in good if isinstance(raw.value, dict) for name in raw.value)
        texts = [_plain(raw.text) for raw in good]
        rejects = [(raw.text, raw.reason) for _, raw in batch if raw.reason is not None]
        yield Rows(list(names), pa.array(texts, pa.string()), rejects, _size(batch), are_alike=False)


def _parquet(path: Path, database: duckdb.DuckDBPyConnection) -> Iterator[Rows]:
    try:
        with pq.ParquetFile(path) as file:
            count, size = (
                max(1, file.metadata.num_rows),
                sum(file.metadata.row_group(number).total_byte_size for number in range(file.metadata.num_row_groups)),
            )
            for batch in file.iter_batches(max(1, min(BATCH_ROWS, BATCH_BYTES * count // max(1, size)))):
                part = path.stat().st_size * len(batch) // count
                yield Rows(batch.schema.names, _as_json(database, batch.schema.names, batch.columns), size=part)
    except (OSError, pa.ArrowException, duckdb.Error) as error:
        yield Rows([], pa.array([], pa.string()), [(path.name, f"Parquet that cannot be read: {_first_line(error)}")])


def _stored(path: Path, name: str | None) -> Iterator[Rows]:
    try:
        with opened(path) as database:
            tables = [table for (table,) in database.execute(TABLES)]
            if name not in tables and (name or len(tables) != 1):
                what = f"there is no table {name!r} in {path}" if name else f"{path} has {len(tables)} tables"
                raise SettingsInvalid(f"{what}; there are {', '.join(tables) or 'none'}", "Name one with --table")
            rows = database.execute(f"SELECT * FROM {_quoted(name or tables[0])}")
            names = [column[0] for column in rows.description]
            values = (dict(zip(names, row, strict=True)) for row in rows)
            for batch in _batched((_plain(json.dumps(value, default=_blob)), None) for value in values):
                yield Rows(names, pa.array([text for text, _ in batch], pa.string()), size=_size(batch))
    except FAILURES as failure:
        yield Rows([], pa.array([], pa.string()), [(path.name, reason_of(failure))])


def _batched(rows: Iterable[tuple[str, T]]) -> Iterator[list[tuple[str, T]]]:
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


def _size(batch: Sequence[tuple[str, object]]) -> int:
    return sum(len(text) for text, _ in batch)


def _as_json(database: duckdb.DuckDBPyConnection, names: Sequence[str], columns: Sequence[pa.Array]) -> pa.Array:
    """Each row as a JSON object; JSON has no NaN, and what is empty is as good as not there."""
    if not columns:
        return pa.array([], pa.string())
    known = [it.cast(pa.float32()) if pa.types.is_float16(it.type) else it for it in columns]  # DuckDB has no float16
    database.register("columns", pa.table(known, [f"c{number}" for number in range(len(columns))]))
    pairs = (f"{_literal(name)}, {_value(f'c{number}', columns[number])}" for number, name in enumerate(names))
    found = database.sql(f"SELECT json_object({', '.join(pairs)})::VARCHAR AS row FROM columns").to_arrow_table()
    return found["row"].combine_chunks()


def _value(name: str, column: pa.Array) -> str:
    if pa.types.is_floating(column.type):
        return f"CASE WHEN isfinite({name}) THEN {name} END"
    return f"nullif({name}, '')" if pa.types.is_string(column.type) else name


def _plain(text: str) -> str:
    """JSON of which nothing is strange to DuckDB, that refuses a whole batch for one lone surrogate, and to others."""
    if not any(strange in text for strange in STRANGE):
        return text
    return json.dumps(repaired(json.loads(text, parse_constant=lambda _: None)), ensure_ascii=False)


def _blob(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
