"""Langfuse's blob storage: a folder a table, and the rows of one trace in all of them, each window of time a file.

Only traces, and enriched observations, tell their session: the rows of the other tables are given that of their trace,
so that what belongs together is read together. Not here: what a row means (langfuse.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.importers import delimited, files, langfuse_table
from vibe_pipeline.interactions.importers.fields import Row, row_of, text_at
from vibe_pipeline.interactions.importers.raw import Raw

OBSERVATIONS = ("observations_v2", "observations")
TABLES = ("traces", *OBSERVATIONS, "scores")
"""Those that tell the session first; of observations that stand in two tables the first tell more."""

SUFFIXES = tuple(
    f"{suffix}{packed}" for suffix in (*files.JSON_SUFFIXES, *delimited.SUFFIXES) for packed in ("", ".gz")
)
ROWS = {"traceId", "timestamp"}
"""One of which each row has."""

OTHER = "a table of Langfuse that is neither JSON nor CSV: let it export JSONL"


def joins(folder: Path) -> Sequence[str]:
    """The tables that lie here, if some are of observations and some are not, by their names and their first rows."""
    with suppress(OSError, SourceUnreadable):  # told when what lies there is read
        tables = [name for name in TABLES if (folder / name).is_dir()]
        if len(tables) > 1 and any(name in OBSERVATIONS for name in tables):
            firsts = [row for row in (_first(folder / name) for name in tables) if row is not None]
            return tables if firsts and all("id" in row and ROWS & row.keys() for row in firsts) else []
    return []


def records(folder: Path) -> Iterator[Raw]:
    """All rows of all tables, one record each."""
    sessions: dict[str, str] = {}
    for path in (path for table in TABLES for path in _files(folder / table)):
        try:
            for raw in _rows(path):
                yield _with_session(raw, sessions)
        except SourceUnreadable as failure:
            yield Raw(path.name, reason=failure.what)


def _with_session(raw: Raw, sessions: dict[str, str]) -> Raw:
    """The row under the session of its trace, which is noted in `sessions`."""
    row = row_of(raw.value)
    trace, session = text_at(row, "trace_id", "traceId", "id"), text_at(row, "session_id", "sessionId")
    if session and trace:
        sessions.setdefault(trace, session)
    if session or trace not in sessions:
        return raw
    row = row | {"sessionId": sessions[trace]}
    return Raw(json.dumps(row, ensure_ascii=False), row)


def _first(table: Path) -> Row | None:
    """None where nothing was written yet."""
    values = (raw.value for path in _files(table) for raw in _rows(path))
    first = next((value for value in values if value is not None), None)
    return None if first is None else {langfuse_table.name_of(key): value for key, value in row_of(first).items()}


def _files(table: Path) -> list[Path]:
    with files.readable(table):
        return sorted(it for it in table.iterdir() if it.name[0] != ".") if table.is_dir() else []


def _rows(path: Path) -> Iterator[Raw]:
    if not path.name.lower().endswith(SUFFIXES):
        return iter([Raw(path.name, reason=OTHER)])
    if path.suffix.lower() in delimited.SUFFIXES:
        return langfuse_table.records(path)
    return files.records(path, lambda row: isinstance(row, dict))
