"""SQLite databases of other programs: what was committed last, read from a private copy of the file and its journal.

The copy is taken under SQLite's own lock where the program locks, and taken again where the file changed meanwhile. So
a half-written transaction is rolled back in the copy, nothing is made or changed beside the original, and its program
waits no longer than copying takes. Not here: what the tables mean.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from vibe_pipeline.interactions.importers.files import readable
from vibe_pipeline.interactions.importers.temporary import room

MAGIC = b"SQLite format 3\0"
BROKEN = "a SQLite database that cannot be read to its end (cut off?)"
IN_USE = "a SQLite database that another program keeps locked (import it again when it is done)"

REFUSED = "a table that SQLite cannot read: "

FAILURES = (sqlite3.Error, OverflowError, UnicodeError)
"""What reading a damaged one raises."""

WRITE_VERSION = 18
"""The byte of the header that is 2 where there is a write-ahead log."""

WAL_HEADER = 32
"""Bytes; another one from when the log begins anew, and the database holds what was in it."""

PATIENCE_S = 5.0
TRIES = 5


class InUse(sqlite3.OperationalError):
    """Another program does not let anybody read."""


def reason_of(failure: Exception) -> str:
    """Why one of FAILURES came, in words."""
    if isinstance(failure, InUse):
        return IN_USE
    is_refused = getattr(failure, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return f"{REFUSED}{failure}" if is_refused else BROKEN


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a copy of the database; bytes that are no UTF-8 become U+FFFD. It raises FAILURES."""
    path = path.resolve()
    with TemporaryDirectory() as folder:
        for _ in range(TRIES):
            if _is_copied(path, Path(folder)):
                break
        else:
            raise InUse(IN_USE)
        copy = Path(folder) / path.name
        with closing(sqlite3.connect(copy)) as database:
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            database.execute("PRAGMA journal_mode = DELETE")  # brings in what the log still holds
            database.execute("SELECT count(*) FROM sqlite_master").fetchall()  # takes back what was never committed
            copy.unlink()  # a killed import leaves nothing that is not scrubbed
            yield database


def _is_copied(path: Path, folder: Path) -> bool:
    """Whether nothing was written meanwhile that makes the copies of database and journal belong to two states."""
    journal, log = (path.with_name(path.name + suffix) for suffix in ("-journal", "-wal"))
    with readable(path), path.open("rb") as file:
        has_log = file.read(WRITE_VERSION + 1).endswith(b"\2")
    if has_log:
        # What moves from the log to the database stays in the log until that begins anew.
        before = _start(log) or _state(path)
        _copy(path, folder)
        _copy(log, folder)
        return before == (_start(log) or _state(path))
    with _shared_lock(path) as is_held:
        if is_held:
            _copy(path, folder)
            return True
        states = _state(path), _state(journal)
        _copy(path, folder)
        _copy(journal, folder)
        return states == (_state(path), _state(journal))


@contextmanager
def _shared_lock(path: Path) -> Iterator[bool]:
    """While it is held nobody writes. It cannot be had where a program died and left its journal."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", PATIENCE_S, uri=True)) as database:
        try:
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM sqlite_master").fetchall()
            is_held = True
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise InUse(IN_USE) from error
            is_held = False
        yield is_held


def _copy(path: Path, folder: Path) -> None:
    copy = folder / path.name
    copy.unlink(missing_ok=True)
    with readable(path), suppress(FileNotFoundError), room(f"copying {path.name}"):
        shutil.copyfile(path, copy)


def _start(log: Path) -> bytes:
    """Nothing where there is no log."""
    with readable(log), suppress(FileNotFoundError), log.open("rb") as file:
        return file.read(WAL_HEADER)
    return b""


def _state(path: Path) -> tuple[int, int, int] | None:
    """None where there is no such file."""
    with suppress(FileNotFoundError):
        seen = path.stat()
        return seen.st_ino, seen.st_size, seen.st_mtime_ns
    return None
