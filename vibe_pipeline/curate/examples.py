"""Curation of one delta: interactions and probes → examples with a split, deduplicated, born clean.

A suite item that equals something already trained on leaves the *suite*; from then on a training row that
equals a suite item leaves *training*. For facts the question alone counts, for the answer is the same by
intent, and the last question of a conversation counts as well. A fact that is told anew replaces what was told
before. Equality is exact, after folding case and punctuation in questions. Every drop has a counted reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from vibe_pipeline.curate.builders import BUILDERS
from vibe_pipeline.database import connect
from vibe_pipeline.fingerprint import held_out_sql
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import sql_list

EVENTS = r"""
CREATE MACRO stripped(words) AS trim(words, E' \t\r\n');
CREATE TABLE events (
    interaction_id VARCHAR, conversation_id VARCHAR, turn INTEGER, occurred_at TIMESTAMPTZ, module VARCHAR,
    action VARCHAR, input VARCHAR, output VARCHAR, success BOOLEAN, extra JSON, is_delta BOOLEAN
);
CREATE TABLE probes (probe_id VARCHAR, fact VARCHAR, question VARCHAR, answer VARCHAR, occurred_at TIMESTAMPTZ);
CREATE TABLE previous (
    split VARCHAR, fact VARCHAR, question_key VARCHAR, last_question_key VARCHAR, content_key VARCHAR
);
CREATE MACRO keyed(words) AS sha256(trim(lower(regexp_replace(words, '[^\p{L}\p{N}]+', ' ', 'g'))));
"""

EVENT_COLUMNS = "interaction_id, conversation_id, turn, occurred_at, module, action, input, output, success, extra"

KEY_COLUMNS = "split, fact, question_key, last_question_key, content_key"

CANDIDATES = r"""
CREATE TABLE candidates AS
SELECT
    *,
    sha256(kind || chr(0) || content_key) AS example_id,
    $stages[kind] AS stage
FROM (
    SELECT
        *,
        keyed(prompt) AS question_key,
        keyed(string_split(stripped(prompt), E'\n\n')[-1]) AS last_question_key,
        sha256(stripped(prompt) || chr(0) || stripped(completion)) AS content_key
    FROM (
        SELECT
            kind, conversation_id, prompt, completion, interaction_ids, occurred_at, fact,
            CASE
                WHEN fact IN (SELECT fact FROM probes UNION SELECT fact FROM previous WHERE split = 'test') THEN 'train'
                WHEN {held_out} THEN 'validation'
                ELSE 'train'
            END AS split
        FROM ({built}) WHERE is_delta
        UNION ALL
        SELECT 'conversation', probe_id, question, answer, [], occurred_at, fact, 'test' FROM probes
    )
)
"""

JUDGED = """
CREATE TABLE judged AS
SELECT
    *,
    CASE
        WHEN stripped(prompt) = '' OR stripped(completion) = '' THEN 'empty prompt or completion'
        WHEN fact IS NOT NULL AND content_key <> first_value(content_key) OVER (
            PARTITION BY split, kind, fact, question_key ORDER BY occurred_at DESC, completion
        ) THEN 'fact told anew in the generation'
        WHEN row_number() OVER (
            PARTITION BY split = 'train', kind, content_key ORDER BY split, conversation_id, interaction_ids
        ) > 1 THEN 'duplicate within the generation'
        WHEN content_key IN (SELECT content_key FROM previous) THEN 'duplicate of an earlier generation'
        WHEN split = 'test' AND question_key IN (
            SELECT question_key FROM previous WHERE split = 'train'
            UNION ALL SELECT last_question_key FROM previous WHERE split = 'train'
        ) THEN 'suite item already trained on'
        WHEN split = 'train' AND (
            question_key IN (SELECT question_key FROM candidates WHERE split = 'test')
            OR question_key IN (SELECT question_key FROM previous WHERE split = 'test')
            OR last_question_key IN (SELECT question_key FROM candidates WHERE split = 'test')
            OR last_question_key IN (SELECT question_key FROM previous WHERE split = 'test')
            OR content_key IN (SELECT content_key FROM candidates WHERE split = 'validation')
        ) THEN 'training row equals a suite item'
    END AS reason
FROM candidates
"""

EXAMPLES = """
SELECT
    example_id, kind, stage, split, conversation_id, fact, prompt, completion, interaction_ids,
    question_key, last_question_key, content_key, $generation::INTEGER AS generation
FROM judged WHERE reason IS NULL
ORDER BY split <> 'train', split DESC, kind, example_id
"""

COUNTS = """
SELECT split, kind, count(*), sum(length(prompt) + length(completion))::BIGINT
FROM judged WHERE reason IS NULL
GROUP BY split, kind ORDER BY split <> 'train', split DESC, kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parquet files that a generation is curated from."""

    delta: list[Path]
    """Interactions between the two cuts."""
    before: list[Path]
    """Earlier interactions, of which those are read whose conversation the delta continues."""
    probes: list[Path]
    previous: list[Path]
    """Examples of earlier generations: only their keys are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """The examples of a generation in file order (train first, then by kind), and what was dropped for which reason."""

    examples: pa.Table
    counts: tuple[tuple[str, str, int, int], ...]
    """(split, kind, rows, characters) in file order."""
    dropped: dict[str, int]


def curate(inputs: Inputs, generation: int, settings: Curate, spill: Path | None = None) -> Curated:
    """Build, split, deduplicate and clean one delta. Same inputs and settings, same table, byte for byte."""
    with connect(spill) as db:
        _load(db, inputs)
        db.execute(_candidates(settings), _parameters(settings))
        db.execute(JUDGED)
        dropped = db.execute("SELECT reason, count(*) FROM judged WHERE reason IS NOT NULL GROUP BY ALL ORDER BY ALL")
        return Curated(
            dropped=dict(dropped.fetchall()),
            counts=tuple(db.execute(COUNTS).fetchall()),
            examples=db.sql(EXAMPLES, params={"generation": generation}).to_arrow_table(),
        )


def _load(db: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Fill the three tables; a list without files leaves its table empty."""
    db.execute(EVENTS)
    columns = {
        f"INSERT INTO events BY NAME SELECT {EVENT_COLUMNS}, true AS is_delta FROM": inputs.delta,
        "INSERT INTO probes BY NAME SELECT probe_id, fact, question, answer, occurred_at FROM": inputs.probes,
        f"INSERT INTO previous BY NAME SELECT {KEY_COLUMNS} FROM": inputs.previous,
    }
    for insert, paths in columns.items():
        if paths:
            db.execute(f"{insert} read_parquet({sql_list(paths)})")
    if inputs.delta and inputs.before:
        earlier = f"SELECT {EVENT_COLUMNS}, false AS is_delta FROM read_parquet({sql_list(inputs.before)})"
        is_continued = "conversation_id IN (SELECT conversation_id FROM events)"
        db.execute(f"INSERT INTO events BY NAME {earlier} WHERE {is_continued}")


def _candidates(settings: Curate) -> str:
    """All builders in one statement."""
    columns = "conversation_id, prompt, completion, interaction_ids, occurred_at, is_delta, fact"
    built = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, {columns} FROM ({select})" for kind, select in BUILDERS.items()
    )
    return CANDIDATES.format(built=built, held_out=held_out_sql("conversation_id", settings.salt, settings.held_out))


def _parameters(settings: Curate) -> dict[str, object]:
    return {
        "chat_actions": list(settings.chat_actions),
        "generate_actions": list(settings.generate_actions),
        "run_actions": list(settings.run_actions),
        "stages": {
            "key": [str(kind) for kind in settings.stages],
            "value": [str(stage) for stage in settings.stages.values()],
        },
    }
