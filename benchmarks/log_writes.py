"""Writing one interaction at a time: the logger, a SQLite log and a JSONL file as a user would write them by hand.

Like beside like: what is on the disk when the call returns (fsync, synchronous=FULL), and what survives a killed
process but maybe not a power cut (no fsync, synchronous=NORMAL). All take turns in the same run, and the ratio is taken
in each round.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.report import Figures, rows, seconds, shown, spread
from benchmarks.text import passages
from vibe_pipeline import InteractionLogger
from vibe_pipeline.interactions.logger import Durability
from vibe_pipeline.progress import Advance

Log = Callable[[str, str], object]
"""Logs one question with its answer."""

INSERT = "INSERT INTO log (at, module, action, input, output, success) VALUES (?, 'bench', 'ask', ?, ?, 1)"


def measure(work: Path, writes: int, rounds: int, advance: Advance) -> Figures:
    """Writes a second of each, and what a `with` block adds to a call in µs."""
    texts = list(islice(passages(), 2 * writes))
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    ways = {
        "durable": partial(_logger, "durable"),
        "durable_with": partial(_recorded, "durable"),
        "sqlite_full": partial(_sqlite, "FULL"),
        "jsonl_fsync": partial(_jsonl, True),
        "batched": partial(_logger, "batched"),
        "batched_with": partial(_recorded, "batched"),
        "sqlite_normal": partial(_sqlite, "NORMAL"),
        "jsonl_flush": partial(_jsonl, False),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for place, (name, way) in enumerate(ways.items()):
            folder = work / f"writes-{number}-{name}"
            folder.mkdir()
            with way(folder) as log:
                took[name].append(seconds(partial(_write, log, pairs)) / writes)
            advance(number * len(ways) + place + 1, rounds * len(ways), name)
    figures: Figures = {}
    for name in ("durable", "sqlite_full", "jsonl_fsync", "batched", "sqlite_normal", "jsonl_flush"):
        figures |= spread(f"{name}_writes_per_s", [1 / each for each in took[name]])
    for ours, theirs, name in RATIOS:
        figures |= spread(name, [b / a for a, b in zip(took[ours], took[theirs], strict=True)])
    for name in ("durable", "batched"):
        more = [1e6 * (b - a) for a, b in zip(took[name], took[f"{name}_with"], strict=True)]
        figures |= spread(f"{name}_with_block_adds_us", more)
    return figures


def _write(log: Log, pairs: list[tuple[str, str]]) -> None:
    for asked, said in pairs:
        log(asked, said)


RATIOS = (
    ("durable", "sqlite_full", "vs_sqlite_ratio"),
    ("durable", "jsonl_fsync", "vs_jsonl_ratio"),
    ("batched", "sqlite_normal", "batched_vs_sqlite_ratio"),
    ("batched", "jsonl_flush", "batched_vs_jsonl_ratio"),
)
"""(ours, theirs, figure): above 1 we are faster."""


def table(figures: Figures) -> str:
    """For people."""
    lines = [
        (
            kind,
            *(shown(figures, f"{name}_writes_per_s") for name in (ours, sqlite, jsonl)),
            *(shown(figures, name) for name in ratios),
        )
        for kind, ours, sqlite, jsonl, ratios in (
            ("on the disk", "durable", "sqlite_full", "jsonl_fsync", ("vs_sqlite_ratio", "vs_jsonl_ratio")),
            (
                "with the system",
                "batched",
                "sqlite_normal",
                "jsonl_flush",
                ("batched_vs_sqlite_ratio", "batched_vs_jsonl_ratio"),
            ),
        )
    ]
    titles = ("one call returns when it is", "log(), writes/s", "SQLite (WAL)", "JSONL", "× SQLite", "× JSONL")
    added = " and ".join(shown(figures, f"{name}_with_block_adds_us") for name in ("durable", "batched"))
    return (
        rows(titles, lines) + f"\n\nA `with log.interaction(…)` block adds {added} µs to a durable and a batched call."
    )


@contextmanager
def _logger(durability: Durability, folder: Path) -> Iterator[Log]:
    with closing(InteractionLogger(folder, durability=durability)) as logger:
        yield lambda asked, said: logger.log(module="bench", action="ask", input=asked, output=said, success=True)


@contextmanager
def _recorded(durability: Durability, folder: Path) -> Iterator[Log]:
    with closing(InteractionLogger(folder, durability=durability)) as logger:

        def log(asked: str, said: str) -> None:
            with logger.interaction(module="bench", action="ask", input=asked) as it:
                it.output = said

        yield log


@contextmanager
def _sqlite(synchronous: str, folder: Path) -> Iterator[Log]:
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {synchronous}")
        columns = "id INTEGER PRIMARY KEY, at REAL, module TEXT, action TEXT, input TEXT, output TEXT, success INTEGER"
        database.execute(f"CREATE TABLE log ({columns})")
        yield lambda asked, said: database.execute(INSERT, (time.time(), asked, said))


@contextmanager
def _jsonl(is_synced: bool, folder: Path) -> Iterator[Log]:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:

        def log(asked: str, said: str) -> None:
            entry = {"at": time.time(), "module": "bench", "action": "ask", "input": asked, "output": said}
            file.write(json.dumps({**entry, "success": True}) + "\n")
            file.flush()
            if is_synced:
                os.fsync(file.fileno())

        yield log
