"""Reading millions: a filter and a count per module, over segments, a SQLite table and JSONL read by DuckDB.

The interactions are made by SQL straight into segments, laid out as sealing does: each text from the halves of two
passages of real text, so that hardly one comes twice, and everything else by arithmetic. The other two hold the same
rows, as many as fit; the whole log is then scanned alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.report import Figures, rows, seconds, shown, spread
from benchmarks.text import passages
from vibe_pipeline.database import connect
from vibe_pipeline.interactions.schema import INTERACTIONS
from vibe_pipeline.interactions.segments import ORDER, publish
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.progress import Advance

Answer = list[tuple[str, int]]
Ask = Callable[[str], Answer]

SLICE = 250_000
"""Rows a segment."""

POOL, CHARACTERS = 20_000, 120
"""Passages, and how much of each is taken."""

ROW_BYTES = {"segments": 300, "others": 1600}
"""Room asked for before work starts."""

GENERATED = """
SELECT md5(i::VARCHAR) AS interaction_id, md5((i // 4)::VARCHAR) AS conversation_id, (i % 4)::INTEGER AS turn,
    TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i * 3) AS occurred_at,
    ['shell', 'editor', 'browser', 'notebook', 'tests', 'review', 'mail', 'build'][
        (1 + hash(i, 1) % 8)::BIGINT] AS module,
    ['ask', 'run', 'generate'][(1 + hash(i, 2) % 3)::BIGINT] AS action,
    pool[(1 + hash(i, 3) % len(pool))::BIGINT][:$half] || pool[(1 + hash(i, 8) % len(pool))::BIGINT][$half:] AS input,
    pool[(1 + hash(i, 4) % len(pool))::BIGINT][:$half] || pool[(1 + hash(i, 9) % len(pool))::BIGINT][$half:] AS output,
    hash(i, 5) % 10 > 0 AS success, CASE WHEN hash(i, 5) % 10 = 0 THEN 'ValueError' END AS error_type,
    'jo' AS user, NULL::DOUBLE AS feedback, []::VARCHAR[] AS improvements, []::VARCHAR[] AS learnings,
    'model-' || hash(i, 6) % 3 AS model_id, (hash(i, 7) % 10000) / 10.0 AS latency_ms, 'bench' AS source,
    NULL::VARCHAR AS extra, 400 + strlen(input) + strlen(output) AS line_bytes
FROM range($first, $last) AS numbers(i), (SELECT list(text) AS pool FROM texts)"""

QUESTIONS = {
    "scan": "SELECT module, count(*) FROM {log} WHERE NOT success AND latency_ms > 500 GROUP BY module ORDER BY module",
    "text_scan": "SELECT module, count(*) FROM {log} WHERE output LIKE '%raise%' GROUP BY module ORDER BY module",
}

COLUMNS = "interaction_id, occurred_at::VARCHAR, module, action, input, output, success, model_id, latency_ms"


def measure(work: Path, count: int, shared: int, rounds: int, advance: Advance) -> Figures:
    """Seconds of both questions at `shared` rows in all three, and at `count` rows in the log alone."""
    ladder = Ladder(work / "scan")
    shared = min(shared, count)
    ladder.store.require(count * ROW_BYTES["segments"] + shared * ROW_BYTES["others"], f"a log of {count} rows")
    steps = -(-count // SLICE) + 2
    _fill(ladder, 0, shared, lambda done: advance(done, steps, "making interactions"))
    figures: Figures = {"shared_rows": shared, "rows": count}
    sqlite, jsonl = _sqlite(ladder, work / "log.db"), _jsonl(ladder, work / "log.jsonl")
    with closing(ladder.connect()) as log:
        ways: dict[str, Ask] = {
            "log": partial(_ask_duckdb, log, "interactions"),
            "sqlite": sqlite,
            "duckdb_jsonl": jsonl,
        }
        for name, question in QUESTIONS.items():
            figures |= _compared(name, question, ways, rounds)
    _fill(ladder, shared, count, lambda done: advance(done, steps, "making interactions"))
    with closing(ladder.connect()) as log:
        for name, question in QUESTIONS.items():
            ask = partial(_ask_duckdb, log, "interactions", question)
            figures |= spread(f"{name}_seconds", [seconds(ask) for _ in range(rounds)])
    advance(steps, steps, "scanned")
    return figures | {"scan_stored_mb": ladder.log.stats()["stored_bytes"] / 1e6}


def _compared(name: str, question: str, ways: dict[str, Ask], rounds: int) -> Figures:
    """Seconds of each way and how many times faster the first is; all must give the same answer."""
    took: dict[str, list[float]] = {way: [] for way in ways}
    answers = [ask(question) for ask in ways.values()]
    if any(answer != answers[0] for answer in answers):
        raise SystemExit(f"{name}: {', '.join(ways)} do not agree")
    for _ in range(rounds):
        for way, ask in ways.items():
            took[way].append(seconds(partial(ask, question)))
    figures: Figures = {}
    for way, times in took.items():
        figures |= spread(f"{name}_{way}_seconds", times)
        if way != "log":
            ratios = [theirs / ours for ours, theirs in zip(took["log"], times, strict=True)]
            figures |= spread(f"{name}_vs_{way}_ratio", ratios)
    return figures


def _fill(ladder: Ladder, first: int, last: int, done: Callable[[int], None]) -> None:
    with connect() as database:
        texts = [text[:CHARACTERS] for text in islice(passages(), POOL)]
        database.register("texts", pa.table({"text": texts}))
        for start in range(first, last, SLICE):
            numbers = {"first": start, "last": min(start + SLICE, last), "half": CHARACTERS // 2}
            made = database.sql(f"{GENERATED} ORDER BY {ORDER['interactions']}", params=numbers).to_arrow_table()
            laid = made.cast(INTERACTIONS.append(pa.field("line_bytes", pa.int64())))
            months = pc.strftime(laid["occurred_at"], format="%Y-%m")
            for month in sorted(months.unique().to_pylist()):
                chosen = laid.filter(pc.equal(months, month))
                publish(ladder.store, "interactions", chosen, ladder.settings.curate, month, database)
            done(start // SLICE + 1)


def _sqlite(ladder: Ladder, path: Path) -> Ask:
    """The same rows in a table without an index, as a log has them."""
    names = [column.partition("::")[0] for column in COLUMNS.split(", ")]
    with closing(ladder.connect()) as source, closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"CREATE TABLE log ({', '.join(names)})")
        found = source.execute(f"SELECT {COLUMNS} FROM interactions")
        while batch := found.fetchmany(10_000):
            database.executemany(f"INSERT INTO log VALUES ({', '.join('?' * len(names))})", batch)
        database.commit()

    def ask(question: str) -> Answer:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA case_sensitive_like = true")
            return database.execute(question.format(log="log")).fetchall()

    return ask


def _jsonl(ladder: Ladder, path: Path) -> Ask:
    with closing(ladder.connect()) as source:
        source.execute(f"COPY (SELECT {COLUMNS} FROM interactions) TO '{path}' (FORMAT json)")
    return partial(_ask_duckdb, connect(), f"read_json('{path}')")


def _ask_duckdb(database: duckdb.DuckDBPyConnection, log: str, question: str) -> Answer:
    return database.execute(question.format(log=log)).fetchall()


def table(figures: Figures) -> str:
    """For people."""
    lines = [
        (
            words,
            shown(figures, f"{name}_seconds"),
            *(shown(figures, f"{name}_{where}_seconds") for where in ("log", "sqlite", "duckdb_jsonl")),
            *(shown(figures, f"{name}_vs_{other}_ratio") for other in ("sqlite", "duckdb_jsonl")),
        )
        for name, words in (("scan", "two columns"), ("text_scan", "a text in the output"))
    ]
    few, many = shown(figures, "shared_rows"), shown(figures, "rows")
    titles = ("filter, and a count per module", f"log, {many} rows, s", f"log, {few}, s", f"SQLite, {few}, s")
    return rows((*titles, f"DuckDB over JSONL, {few}, s", "× SQLite", "× JSONL"), lines)
