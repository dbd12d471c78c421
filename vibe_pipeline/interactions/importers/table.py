"""Plain tables: CSV, TSV, Parquet, JSONL and any SQLite table; a map, or their names, tell what the columns mean.

Rows are read in batches of bounded size, each row as one JSON text, and become lines of the log in SQL: a table may be
larger than memory. Without being asked for, a file is a table only if it says so: Parquet, a name that ends in .csv or
.tsv, or JSONL whose first object has the fields of an interaction.

Not here: the map and the SQL (columns.py), rows of bounded size (rows.py). A row that cannot be read costs itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vibe_pipeline.database import connect
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import delimited, parquet
from vibe_pipeline.interactions.importers.columns import MACROS, ColumnMap
from vibe_pipeline.interactions.importers.databases import FAILURES, MAGIC, opened, reason_of
from vibe_pipeline.interactions.importers.files import BLANK, File, first_bytes, is_text, open_text, records
from vibe_pipeline.interactions.importers.raw import TOO_DEEP, read_text
from vibe_pipeline.interactions.importers.rows import (
    Reject,
    Rows,
    as_json,
    batched,
    first_line,
    plain,
    size_of,
    text_of,
)
from vibe_pipeline.interactions.importers.tally import Line

LINES = (".jsonl", ".ndjson")
JSON = (*LINES, ".json")
SUFFIXES = (*delimited.SUFFIXES, *JSON, ".parquet", ".db", ".sqlite", ".sqlite3")

TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

OURS = {"module", "action", "input"}
"""An object with these keys is an interaction in our own words."""

SHALLOW = 500
"""Brackets of a line that cannot be nested too deep, however they stand."""

NO_TABLE = "neither text nor a SQLite database nor Parquet (encrypted?)"


class Read(NamedTuple):
    """What became of some rows."""

    lines: list[Line]
    rejects: list[Reject]
    size: int
    """Of the part of the file that they were read from, roughly."""
    told: Mapping[str, int] = MappingProxyType({})
    """What is to be said of rows that came in or were left out, with their number."""


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
        return (
            self.is_asked_for
            or suffix in delimited.SUFFIXES
            or start.startswith(parquet.MAGIC)
            or _is_ours(file, start)
        )

    def batches(self, file: File, source: str, at: datetime) -> Iterator[Read]:
        """All rows; SettingsInvalid where the map, or the table's name, does not fit what is there."""
        name = self.name or file.path.stem
        with connect() as database:
            database.execute(MACROS)
            batches = self._rows(file, database)
            first = next(batches, Rows([]))
            columns = self._columns(first, file)
            for rows in chain([first], batches):
                if len(rows.texts):
                    # By these rows' own columns, so that a field counts from the row on in which it first appears.
                    whole = columns.within(rows.columns)
                    lines, rejects = _lines(database, rows.texts, *whole.select(name, source, at))
                    told = whole.told(len(lines), len(rows.texts) - len(lines) - len(rejects))
                    yield Read(lines, [*rows.rejects, *rejects], rows.size, told)
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
        if start.startswith(parquet.MAGIC):
            return parquet.read(file.path, database)
        if not is_text(start):
            return iter([Rows([], rejects=[(file.name, NO_TABLE)])])
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
            return [], [(texts[0].as_py(), f"a row that cannot be read: {first_line(error)}")]
        half = len(texts) // 2
        halves = [_lines(database, part, query, parameters) for part in (texts[:half], texts[half:])]
        return halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]
    good, bad = found.filter(pc.field("reason").is_null()), found.filter(pc.field("reason").is_valid())
    if (are_deep := _are_too_deep(good["line"])).any():
        deep = good.filter(pa.array(are_deep)).set_column(1, "reason", pa.array([TOO_DEEP] * are_deep.sum()))
        good, bad = good.filter(pa.array(~are_deep)), pa.concat_tables([bad, deep])
    lines = zip(good["id"].to_pylist(), good["line"].cast(pa.binary()).to_pylist(), strict=True)
    rejects = zip(bad["raw"].to_pylist(), bad["reason"].to_pylist(), strict=True)
    return [Line("interactions", *line) for line in lines], list(rejects)


def _are_too_deep(lines: pa.ChunkedArray) -> np.ndarray:
    """Whose `extra` nobody could read again: what DuckDB makes of a text may be nested to any depth."""
    opened = pc.add(pc.count_substring(lines, "{"), pc.count_substring(lines, "["))
    are_deep: np.ndarray = opened.to_numpy() > SHALLOW
    for place in np.flatnonzero(are_deep):
        extra = json.loads(lines[place].as_py()).get("extra", "{}")
        are_deep[place] = read_text(extra).reason == TOO_DEEP
    return are_deep


def _delimited(path: Path, database: duckdb.DuckDBPyConnection) -> Iterator[Rows]:
    names = delimited.header(path)
    for batch in batched(delimited.rows(path, len(names))):
        good = [fields for _, fields in batch if not isinstance(fields, str)]
        columns = [pa.array(column, pa.string()) for column in zip(*good, strict=True)]
        rejects = [(text, reason) for text, reason in batch if isinstance(reason, str)]
        yield Rows(names, as_json(database, names, columns), rejects, size_of(batch))


def _objects(path: Path) -> Iterator[Rows]:
    for batch in batched((raw.text, raw) for raw in records(path, _is_row)):
        good = [raw for _, raw in batch if raw.reason is None]
        names = dict.fromkeys(name for raw in good if isinstance(raw.value, dict) for name in raw.value)
        texts = [plain(raw.text) for raw in good]
        rejects = [(raw.text, raw.reason) for _, raw in batch if raw.reason is not None]
        yield Rows(list(names), pa.array(texts, pa.string()), rejects, size_of(batch), are_alike=False)


def _is_row(value: object) -> bool:
    return isinstance(value, dict)


def _stored(path: Path, name: str | None) -> Iterator[Rows]:
    try:
        with opened(path) as database:
            tables = [table for (table,) in database.execute(TABLES)]
            if name not in tables and (name or len(tables) != 1):
                what = f"there is no table {name!r} in {path}" if name else f"{path} has {len(tables)} tables"
                raise SettingsInvalid(f"{what}; there are {', '.join(tables) or 'none'}", "Name one with --table")
            query = f"SELECT * FROM {_quoted(name or tables[0])}"
            names = [column[0] for column in database.execute(f"{query} LIMIT 0").description]
            for batch in batched(_as_far_as_possible(database, query, names, path)):
                texts = [text for text, reason in batch if reason is None]
                rejects = [(text, reason) for text, reason in batch if reason is not None]
                yield Rows(names, pa.array(texts, pa.string()), rejects, size_of(batch))
    except FAILURES as failure:
        yield Rows([], rejects=[(path.name, reason_of(failure))])


def _as_far_as_possible(
    database: sqlite3.Connection, query: str, names: list[str], path: Path
) -> Iterator[tuple[str, str | None]]:
    """(text, None) of each row up to one that SQLite cannot read, then (name, reason): it gives nothing behind it."""
    count = 0
    try:
        for row in database.execute(query):
            count += 1
            yield _row(names, row), None
    except FAILURES as failure:
        # Python steps ahead of the row that it gives, and loses that one where the step fails.
        with suppress(*FAILURES):
            for row in database.execute(f"{query} LIMIT 1 OFFSET {count}"):
                yield _row(names, row), None
        yield path.name, reason_of(failure)


def _row(names: list[str], row: tuple[object, ...]) -> str:
    return plain(json.dumps(dict(zip(names, row, strict=True)), default=text_of))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
