"""What a user would write to import an export of chats: a loop over its lines into SQLite, or into a JSONL file.

Each question with its answer is a row. No scrubbing, no ids that tell a second import from the first, no quarantine:
that is what the difference to `vibe log import` pays for.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path


def to_sqlite(export: Path, folder: Path) -> None:
    """One transaction in WAL mode."""
    with closing(sqlite3.connect(folder / "log.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE log (conversation TEXT, at INTEGER, model TEXT, input TEXT, output TEXT)")
        database.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", _exchanges(export))
        database.commit()


def to_jsonl(export: Path, folder: Path) -> None:
    """One file, on the disk at its end."""
    names = ("conversation", "at", "model", "input", "output")
    with (folder / "log.jsonl").open("w", encoding="utf-8") as file:
        for exchange in _exchanges(export):
            file.write(json.dumps(dict(zip(names, exchange, strict=True))) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _exchanges(export: Path) -> Iterator[tuple[str, int, str, str, str]]:
    with export.open(encoding="utf-8") as file:
        for line in file:
            chat = json.loads(line)
            said = [message["content"] for message in chat["messages"]]
            for question, answer in zip(said[::2], said[1::2], strict=True):
                yield chat["id"], chat["create_time"], chat["model"], question, answer
