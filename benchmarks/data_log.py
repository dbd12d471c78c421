"""A log of any size to curate, straight into segments: conversations as people have them, in four ways.

Texts are walks through real text (walk.py). In characters, log-normal, in brackets what somebody wrote in VIBE_DATA:
a question has a median of 110 (oasst 76), an answer of 420 (oasst 558, one in ten above 1,861), a function of 170 (mbpp
145), a command of 45 (nl2bash 40), an interaction of 380 with a long tail (imported files 184, for they hold more calls
of tools). No source have, and are chosen to be seen: two pieces of code in five fail, and are mended by a change of 5
words in a hundred; one answer in a hundred is a refusal, loops or is cut off; one question in twelve begins with one of
forty openings; one interaction in twenty-five is remarked on.

No more than one segment is ever held. Measured: docs/log.md, "the log that curation is measured on". Not here: which
conversations there are and what they repeat (data_turns.py), measuring (data.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.data_turns import Mask, Turns, turns_of
from benchmarks.text import code, commands, prose
from benchmarks.walk import Source
from vibe_pipeline.database import connect
from vibe_pipeline.interactions.schema import STREAMS
from vibe_pipeline.interactions.segments import ORDER, last_sequence, publish
from vibe_pipeline.ladder import Ladder

SEGMENT = 150_000
"""Rows, at most. There are two segments at least: what two processes read lies in two files."""

CHARACTERS = 30_000_000
"""Of prose and of code that walks are taken through, at most."""

OPENINGS = 40
ERRORS = ("TypeError", "ValueError", "KeyError", "AttributeError", "NameError", "ImportError", "IndexError", "OSError")
REFUSAL = "I'm sorry, but as an AI language model I cannot help with that."

LAID = """
SELECT md5(conversation || ':' || turn) AS interaction_id, md5(conversation::VARCHAR) AS conversation_id,
    turn::INTEGER AS turn, TIMESTAMPTZ '{month}-01 00:00:00+00' + to_seconds(9 * row_number() OVER ()) AS occurred_at,
    module, action, input, output, success, CASE WHEN NOT success THEN error END AS error_type, 'jo' AS user,
    NULL::DOUBLE AS feedback, []::VARCHAR[] AS improvements, []::VARCHAR[] AS learnings,
    'model-' || hash(conversation) % 3 AS model_id, (hash(conversation, turn) % 100000) / 10.0 AS latency_ms,
    'bench' AS source, extra, 400 + strlen(input) + strlen(output) AS line_bytes
FROM made"""

REMARKED = """
SELECT md5(interaction_id || kind) AS remark_id, interaction_id, kind, score, text, 'jo' AS user,
    occurred_at + INTERVAL 1 MINUTE AS occurred_at, 'bench' AS source, 200 + strlen(coalesce(text, '')) AS line_bytes
FROM (
    SELECT *, 'feedback' AS kind, CASE WHEN hash(interaction_id, 1) % 10 < 7 THEN 1 ELSE -1 END AS score,
        NULL::VARCHAR AS text
    FROM laid WHERE hash(interaction_id, 2) % 25 = 0
    UNION ALL BY NAME
    SELECT *, 'improvement' AS kind, NULL::DOUBLE AS score, output || ' Thanks.' AS text
    FROM laid WHERE hash(interaction_id, 3) % 100 = 0
) WHERE action IN ('ask', 'generate')"""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is walked through."""

    prose: Source
    code: Source
    commands: Source
    openings: pa.StringArray

    @classmethod
    def enough_for(cls, rows: int) -> Sources:
        """As much real text of each as so many interactions need, and less of commands."""
        characters = min(CHARACTERS, max(200_000, 300 * rows))
        said = Source.of(prose(characters))
        openings = said.texts(np.arange(OPENINGS, dtype=np.uint64), np.full(OPENINGS, 30.0))
        return cls(said, Source.of(code(characters)), Source.of(commands(characters // 20)), openings)


def fill(ladder: Ladder, rows: int, sources: Sources, done: Callable[[int], None]) -> None:
    """So many interactions in an empty log, and remarks on them; tells how many are there."""
    size, there = min(SEGMENT, -(-rows // 2)), 0
    with connect() as database:
        for turns in _planned(rows, size):
            seal(ladder, sources, turns, database)
            there += len(turns.turn)
            done(there)


def seal(ladder: Ladder, sources: Sources, turns: Turns, database: duckdb.DuckDBPyConnection) -> None:
    """Turns as the next segment of interactions, of a month of its own, and remarks on them as one of remarks."""
    number = last_sequence(ladder.store, "interactions") + 1
    month = f"{2000 + number // 12}-{number % 12 + 1:02d}"
    database.register("made", _made(sources, turns))
    database.execute(f"CREATE OR REPLACE TABLE laid AS {LAID.format(month=month)}")
    for stream, query in (("interactions", "FROM laid"), ("remarks", REMARKED)):
        found = database.sql(f"FROM ({query}) ORDER BY {ORDER[stream]}").to_arrow_table()
        table = found.cast(STREAMS[stream].append(pa.field("line_bytes", pa.int64())))
        if table.num_rows:
            publish(ladder.store, stream, table, ladder.settings.curate, month, database)


def _planned(rows: int, size: int) -> Iterator[Turns]:
    """Whole conversations, as many as make a segment each; the very last one may be cut."""
    first = 0
    while rows > 0:
        limit = rows if rows < 1.5 * size else size
        turns = turns_of(np.arange(first, first + limit))
        if len(turns.turn) > limit == rows:
            turns = turns.where(np.arange(len(turns.turn)) < rows)
        elif len(turns.turn) > limit:
            turns = turns.where(turns.conversation < turns.conversation[limit])
        first, rows = int(turns.conversation[-1]) + 1, rows - len(turns.turn)
        yield turns


def _made(sources: Sources, turns: Turns) -> pa.Table:
    """conversation, turn, module, action, input, output, success, error, extra."""
    ways = (_chats, _coding, _terminal, _documents)
    parts = [way(sources, turns.where(turns.kind == kind)) for kind, way in enumerate(ways)]
    return pa.concat_tables(parts)


def _chats(sources: Sources, turns: Turns) -> pa.Table:
    asked = turns.texts(sources.prose, 0, 76, 0.87)
    opening = sources.openings.take(pa.array((turns.odds(20) ** 2 * OPENINGS).astype(np.int64)))
    asked = _where(turns.odds(21) < 1 / 12, pc.binary_join_element_wise(opening, asked, " "), asked)
    said = turns.texts(sources.prose, 1, 350, 1.1)
    block = turns.texts(sources.code, 2, 145, 0.67)
    with_code = pc.binary_join_element_wise(pc.utf8_rtrim_whitespace(said), "\n\n```python\n", block, "```\n", "")
    said = _where(turns.odds(22) < 0.15, with_code, said)
    spoiled = turns.odds(23)
    said = _where(spoiled < 0.003, pa.repeat(REFUSAL, len(said)), said)
    looping = pc.binary_repeat(pc.utf8_slice_codeunits(said, 0, 60), 12)
    said = _where((spoiled >= 0.003) & (spoiled < 0.006), looping, said)
    said = _where((spoiled >= 0.006) & (spoiled < 0.01), pc.utf8_slice_codeunits(said, 0, 150), said)
    again = turns.where(turns.odds(24) < 0.02).texts(sources.prose, 3, 350, 1.1)
    others = iter(json.dumps({"alternatives": [text]}) for text in again.to_pylist())
    extra = pa.array([next(others) if it else None for it in turns.odds(24) < 0.02], pa.string())
    return _table(turns, "assistant", "ask", asked, said, turns.odds(25) >= 0.03, extra)


def _coding(sources: Sources, turns: Turns) -> pa.Table:
    """Code is asked for and run; where it fails, what is run next is the same mended, else something else."""
    step = turns.turn % 3
    base = turns.back(step)
    failing = base.odds(30) < 0.4
    written = base.texts(sources.code, 0, 145, 0.67, np.where(failing, 0.05, 0.0))
    mended = base.texts(sources.code, 0, 145, 0.67)
    another = turns.texts(sources.commands, 2, 30, 0.5)
    asked = turns.texts(sources.prose, 3, 77, 0.25)
    result = turns.texts(sources.prose, 4, 60, 1.2)
    error = _error(turns, result)
    second = _where(failing, mended, another)
    action = pa.array(np.array(["generate", "run", "run"])[step])
    return _table(
        turns,
        "editor",
        action,
        _where(step == 0, asked, _where(step == 1, written, second)),
        _where(step == 0, written, _where((step == 1) & failing, error, result)),
        pa.array((step != 1) | ~failing, mask=step == 0),
    )


def _terminal(sources: Sources, turns: Turns) -> pa.Table:
    """Commands, each with a name of its own at the end; where one fails, the next is often the same mended."""
    step = turns.turn % 2
    base = turns.back(step)
    failing = base.odds(40) < 0.25
    is_fix = (step == 1) & failing & (turns.odds(41) < 0.7)
    about = _named(turns, turns.texts(sources.commands, 0, 30, 0.5))
    mended = _named(base, base.texts(sources.commands, 0, 30, 0.5))
    failed = _named(base, base.texts(sources.commands, 0, 30, 0.5, 0.3))
    fails = (step == 0) & failing
    result = turns.texts(sources.prose, 1, 120, 1.3)
    typed = _where(fails, failed, _where(is_fix, mended, about))
    told = pa.array(~fails, mask=~fails & (turns.odds(42) < 0.2))
    return _table(turns, "terminal", "run", typed, _where(fails, _error(turns, result), result), told)


def _documents(sources: Sources, turns: Turns) -> pa.Table:
    """Parts of a section, as the importer of documents splits them."""
    heading = turns.back(turns.turn).texts(sources.prose, 0, 30, 0.4)
    text = pc.utf8_slice_codeunits(turns.texts(sources.prose, 1, 1500, 0.8), 0, 4000)
    return _table(turns, "document", "document", heading, text, pa.nulls(len(text), pa.bool_()))


def _named(turns: Turns, typed: pa.StringArray) -> pa.StringArray:
    number = pa.array((turns.odds(50) * 1e7).astype(np.int64)).cast(pa.string())
    return pc.binary_join_element_wise(
        pc.utf8_rtrim_whitespace(typed), pc.binary_join_element_wise("run", number, "-"), " "
    )


def _error(turns: Turns, result: pa.StringArray) -> pa.StringArray:
    name = pa.array(np.array(ERRORS)[(turns.odds(60) ** 2 * len(ERRORS)).astype(np.int64)])
    return pc.binary_join_element_wise("Traceback (most recent call last):\n", name, ": ", result, "")


def _where(mask: Mask, this: pa.Array, that: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(mask), this, that)


def _table(
    turns: Turns,
    module: str,
    action: str | pa.Array,
    asked: pa.Array,
    said: pa.Array,
    success: Mask | pa.Array,
    extra: pa.Array | None = None,
) -> pa.Table:
    rows = len(turns.turn)
    error = pa.array(np.array(ERRORS)[(turns.odds(60) ** 2 * len(ERRORS)).astype(np.int64)])
    return pa.table(
        {
            "conversation": turns.conversation,
            "turn": turns.turn,
            "module": pa.repeat(module, rows),
            "action": pa.repeat(action, rows) if isinstance(action, str) else action,
            "input": pc.utf8_rtrim_whitespace(asked),
            "output": pc.utf8_rtrim_whitespace(said),
            "success": pa.array(success),
            "error": error,
            "extra": pa.nulls(rows, pa.string()) if extra is None else extra,
        }
    )
