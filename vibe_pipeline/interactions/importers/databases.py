"""SQLite databases of other programs: opened to read, never locked, never changed. Not here: what their tables mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

MAGIC = b"SQLite format 3\0"
BROKEN = "a SQLite database that cannot be read to its end (cut off?)"

FAILURES = (sqlite3.Error, OverflowError, UnicodeError)
"""What reading a damaged one raises."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can only read; bytes that are no UTF-8 become U+FFFD."""
    with closing(sqlite3.connect(_address(path.resolve()), uri=True)) as database:
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        yield database


def _address(path: Path) -> str:
    """A database in use has its newest rows in a -wal file beside it, which an immutable one would not look at."""
    in_use = path.with_name(path.name + "-wal")
    return path.as_uri() + ("?mode=ro" if in_use.exists() else "?mode=ro&immutable=1")
