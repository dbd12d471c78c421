"""CSV and TSV: the header, and the rows with as many fields as it has. Quotes may hold delimiters and line breaks,
in the header too. Excel often writes no UTF-8 but Windows-1252; each line is judged by itself, for files are put
together from both.

A quote that is never closed would swallow the rows after it. So a record of several lines with the wrong number of
fields costs its first line, and the others are read again. Not here: what the columns mean (columns.py).
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from vibe_pipeline.interactions.importers.files import open_text
from vibe_pipeline.interactions.importers.raw import ESCAPED_BYTE, NOT_UTF8
from vibe_pipeline.interactions.importers.rows import distinct
from vibe_pipeline.interactions.lines import repaired

SUFFIXES = (".csv", ".tsv")
DELIMITERS = (",", ";", "\t", "|")

EXCEL = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""A line before the header by which Excel knows the delimiter."""

QUOTED = re.compile(r'(?:^|(?<=[,;\t|]))[ ]*"(?:[^"]|"")*(?:"|$)')
BREAK = re.compile(r"\s*[\r\n]+\s*")

LONGEST = 16 << 20
"""Characters of a field: as far as the end of a quotation is looked for."""

TOO_LONG = f"a field that is longer than {LONGEST >> 20} million characters"

Row = list[str]


def header(path: Path) -> Row:
    """The names of the columns, each once and on one line; nothing of an empty file."""
    with open_text(path) as file:
        names = (BREAK.sub(" ", repaired(name).strip()) for name in _header(_Lines(file))[0])
        return distinct(name or f"column_{number}" for number, name in enumerate(names, 1))


def rows(path: Path, width: int) -> Iterator[tuple[str, Row | str]]:
    """(text, fields) of every row below the header, or (text, reason)."""
    with open_text(path) as file:
        lines = _Lines(file)
        _, delimiter = _header(lines)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:  # text after a closing quote, or a field without one to the end or to LONGEST
                row, reader = [""] * (width + 1), csv.reader(lines, delimiter=delimiter, strict=True)
            if len(row) == width:
                yield _judged("".join(lines.record), row)
            elif len(lines.record) > 1:
                lines.put_back(1)
                yield repaired(lines.record[0]), "a quote that is not closed where it should be"
            elif row:
                is_long = len(lines.record[0]) > LONGEST
                reason = TOO_LONG if is_long else f"not {width} fields as in the header, or a stray quote"
                yield repaired(lines.record[0]), reason
            lines.record = []


class _Lines:
    """The lines of a file, with those that the record now being read has taken."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.record: list[str] = []
        self.again: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else _as_excel_writes(next(self.file))
        self.record.append(line)
        return line

    def put_back(self, kept: int) -> None:
        """What the record has taken beyond so many lines is read again."""
        self.again.extendleft(reversed(self.record[kept:]))
        self.record = self.record[:kept]


def _header(lines: _Lines) -> tuple[Row, str]:
    """The fields of the first line that is not blank, and the delimiter that it has most of outside of quotes.

    Then the lines stand at the first row.
    """
    csv.field_size_limit(LONGEST)  # of the whole process, and there is no other way
    first = next(filter(str.strip, lines), "")
    if given := EXCEL.fullmatch(first):
        first = next(filter(str.strip, lines), "")
    delimiters = given[1] if given else DELIMITERS
    best: tuple[int, Row, str, int] = -1, [], max(delimiters, key=first.count), 1
    lines.record = [first]
    for delimiter in delimiters:
        lines.put_back(0)
        with suppress(csv.Error, StopIteration):
            row = next(csv.reader(lines, delimiter=delimiter, strict=True))
            count = QUOTED.sub("", "".join(lines.record)).count(delimiter)
            best = max(best, (count, row, delimiter, len(lines.record)), key=itemgetter(0))
    _, row, delimiter, length = best
    lines.put_back(length)
    lines.record = []
    return row or next(csv.reader([first], delimiter=delimiter), []), delimiter


def _as_excel_writes(line: str) -> str:
    """A line in which no character beyond ASCII is UTF-8 is read as Windows-1252; a damaged one is left as it is."""
    if line.isascii() or not ESCAPED_BYTE.sub("", line).isascii():
        return line
    with suppress(UnicodeDecodeError):
        return line.encode("utf-8", "surrogateescape").decode("cp1252")
    return line


def _judged(text: str, row: Row) -> tuple[str, Row | str]:
    if not text.isascii() and repaired(text) != text:
        return repaired(text), NOT_UTF8
    return text, row
