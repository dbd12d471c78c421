"""SQLite databases of others: what was committed is read, whatever is going on, and nothing is left beside them."""

import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from vibe_pipeline.interactions.importers import Wanted, databases, import_paths, llm_logs, mlflow_store
from vibe_pipeline.interactions.importers.databases import InUse, opened
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store

COMMITTED = [("one",), ("two",)]


def made(path: Path, mode: str = "delete") -> sqlite3.Connection:
    """A database with COMMITTED, held open by the program that writes to it."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(f"PRAGMA journal_mode={mode}")
    database.execute("CREATE TABLE t (input)")
    database.executemany("INSERT INTO t VALUES (?)", COMMITTED)
    return database


def torn(database: sqlite3.Connection) -> None:
    """Begin a transaction that is too large for memory: a part of it is in the file, and not committed."""
    database.execute("PRAGMA cache_size=2")
    database.execute("BEGIN")
    database.execute("UPDATE t SET input = 'torn'")
    database.executemany("INSERT INTO t VALUES (?)", [("x" * 900,)] * 500)


def left_by_a_crash(path: Path) -> None:
    child = os.fork()
    if not child:
        torn(made(path))
        os._exit(0)
    os.waitpid(child, 0)


def rows(path: Path) -> list[tuple[str]]:
    with opened(path) as database:
        return database.execute("SELECT input FROM t").fetchall()


def test_what_a_dead_program_did_not_commit_is_not_read(tmp_path):
    left_by_a_crash(tmp_path / "a.db")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert before.keys() == {"a.db", "a.db-journal"}
    assert rows(tmp_path / "a.db") == COMMITTED
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_while_it_is_read_no_copy_lies_about_that_a_kill_would_leave(tmp_path, mode, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with closing(made(tmp_path / "a.db", mode)), opened(tmp_path / "a.db") as database:
        assert [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()] == []
        assert database.execute("SELECT input FROM t").fetchall() == COMMITTED


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path):
    left_by_a_crash(tmp_path / "a.db")
    tmp_path.chmod(0o500)
    try:
        assert rows(tmp_path / "a.db") == COMMITTED
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_what_is_being_written_is_read_when_it_is_committed(tmp_path, mode):
    with closing(made(tmp_path / "a.db", mode)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES ('three')")
        assert rows(tmp_path / "a.db") == COMMITTED
        writer.execute("COMMIT")
        assert rows(tmp_path / "a.db") == [*COMMITTED, ("three",)]


def test_a_log_that_is_larger_than_what_was_moved_is_read_to_its_end(tmp_path):
    with closing(made(tmp_path / "a.db", "wal")) as writer:
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        writer.execute("INSERT INTO t VALUES ('three')")
        assert rows(tmp_path / "a.db") == [*COMMITTED, ("three",)]


@pytest.mark.parametrize("importer", [llm_logs, mlflow_store])
def test_nothing_is_made_beside_a_database_and_nobody_waits_for_us(tmp_path, importer):
    made(tmp_path / "a.db", "wal").close()
    file = File(tmp_path / "a.db", "a.db")
    importer.opens(file, databases.MAGIC)
    with opened(file.path) as database:
        assert database.execute("SELECT input FROM t").fetchone() == COMMITTED[0]
        with closing(sqlite3.connect(file.path, timeout=0)) as other:
            other.execute("INSERT INTO t VALUES ('three')")
            other.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


def test_one_that_is_locked_says_so_and_costs_no_neighbour(tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "PATIENCE_S", 0.05)
    (tmp_path / "in").mkdir()
    made(tmp_path / "in" / "b.db").close()
    with closing(made(tmp_path / "in" / "a.db")) as writer:
        torn(writer)
        store = Store(tmp_path / "home")
        first, second = import_paths(
            InteractionLogger(store.root), store, [tmp_path / "in"], Wanted(columns=["action==x"])
        )
        assert (first.quarantined, first.reasons) == (1, {databases.IN_USE: 1})
        assert second.imported == 2


def test_one_that_changes_all_the_time_is_in_use(tmp_path, monkeypatch):
    left_by_a_crash(tmp_path / "a.db")
    copy, times = databases.shutil.copyfile, count(1)

    def changing(path, to):
        copy(path, to)
        os.utime(tmp_path / "a.db", ns=(0, next(times)))

    monkeypatch.setattr(databases.shutil, "copyfile", changing)
    with pytest.raises(InUse):
        rows(tmp_path / "a.db")
