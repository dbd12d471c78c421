"""CSV and TSV: the header, and the rows with as many fields as it has. Quotes may hold delimiters and line breaks.

A quote that is never closed would swallow the rows after it. So a record of several lines with the wrong number of
fields costs its first line, and the others are read again. Not here: what the columns mean (columns.py).
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from vibe_pipeline.interactions.importers.files import open_text
from vibe_pipeline.interactions.importers.raw import NOT_UTF8
from vibe_pipeline.interactions.lines import repaired

SUFFIXES = (".csv", ".tsv")
DELIMITERS = (",", ";", "\t", "|")

Row = list[str]


def header(path: Path) -> Row:
    """The names of the columns, each once; nothing of an empty file."""
    with open_text(path) as file:
        first, delimiter = _first(file)
        names: Row = []
        for number, name in enumerate(next(csv.reader([first], delimiter=delimiter), []), 1):
            name = name.strip() or f"column_{number}"
            names.append(f"{name}_{number}" if name in names else name)
        return names


def rows(path: Path, width: int) -> Iterator[tuple[str, Row | str]]:
    """(text, fields) of every row below the header, or (text, reason)."""
    with open_text(path) as file:
        _, delimiter = _first(file)
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:  # text after a closing quote, or a field without one to the end or csv's limit
                row, reader = [""] * (width + 1), csv.reader(lines, delimiter=delimiter, strict=True)
            if len(row) == width:
                yield _judged("".join(lines.record), row)
            elif len(lines.record) > 1:
                first, *others = lines.record
                lines.again.extendleft(reversed(others))
                yield repaired(first), "a quote that is not closed where it should be"
            elif row:
                yield repaired(lines.record[0]), f"not {width} fields as in the header, or a stray quote"
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
        line = self.again.popleft() if self.again else next(self.file)
        self.record.append(line)
        return line


def _first(file: TextIO) -> tuple[str, str]:
    """The header's line and its delimiter: the candidate that it has most of."""
    first = file.readline()
    return first, max(DELIMITERS, key=first.count)


def _judged(text: str, row: Row) -> tuple[str, Row | str]:
    if not text.isascii() and repaired(text) != text:
        return repaired(text), NOT_UTF8
    return text, row
