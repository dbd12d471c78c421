"""Langfuse's tables as CSV, traces or observations: each row the record that it would be as JSON.

Cells that hold JSON stay texts, which langfuse.py reads. Columns that are named after a score are not read: they do not
say who gave it. Not here: what a row means (langfuse.py), and CSV (delimited.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from vibe_pipeline.interactions.importers import delimited
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.raw import Raw

OBSERVATIONS = {"id", "traceId", "type", "startTime", "input", "output"}
TRACES = {"id", "timestamp", "sessionId", "userId", "input", "output"}

NUMBERS = {"latency", "value"}


def opens(file: File, start: bytes) -> bool:
    """Whether the file is a CSV with the columns of a table of ours."""
    if file.path.suffix.lower() not in delimited.SUFFIXES:
        return False
    names = set(_names(file.path))
    return names >= OBSERVATIONS or names >= TRACES


def records(path: Path) -> Iterator[Raw]:
    """One record a row."""
    names = _names(path)
    for text, row in delimited.rows(path, len(names)):
        if isinstance(row, str):
            yield Raw(text, reason=row)
        else:
            value = {name: _number(cell) if name in NUMBERS else cell for name, cell in zip(names, row, strict=True)}
            value = {name: cell for name, cell in value.items() if cell not in ("", None)}
            yield Raw(json.dumps(value, ensure_ascii=False), value)


def name_of(column: str) -> str:
    """As JSON calls it: some exports write trace_id."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), column) if "_" in column else column


def _names(path: Path) -> list[str]:
    return [name_of(name) for name in delimited.header(path)]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
