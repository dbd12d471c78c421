"""Where the turns of a conversation begin in its prompt, for those who want messages and not one text.

A prompt is its turns with blank lines between, and turns hold blank lines too. So their lengths come from the log, by
the example's interaction ids (a question that was not answered is no turn), and each cut is checked against the prompt.
The question is the turn with which the lengths make up the prompt (a file's name may stand behind it): what comes after
it are other answers, and runs of code.
Where one does not fit, or a turn has no words, the prompt stays whole, as one message, and is counted. What the
assistant was told stands before the turns of any kind, and is known by its words. Not here: how a prompt is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from vibe_pipeline.curate.sessions.turns import SYSTEM
from vibe_pipeline.store import sql_list

LENGTHS = """
CREATE TABLE lengths AS
SELECT hash(interaction_id) AS id, length(input) AS asked, length(output) AS said
FROM read_parquet({files}, hive_partitioning = false)
"""

INSTRUCTIONS = f"""
CREATE TABLE instructions AS
SELECT hash(interaction_id) AS id, length(told) AS size, hash(told) AS words
FROM (SELECT interaction_id, {SYSTEM} AS told FROM read_parquet({{files}}, hive_partitioning = false))
WHERE told IS NOT NULL
"""

NOTHING = """
CREATE TABLE lengths (id UBIGINT, asked BIGINT, said BIGINT);
CREATE TABLE instructions (id UBIGINT, size BIGINT, words UBIGINT);
"""

TURNS = r"""
CREATE OR REPLACE TABLE turns AS
WITH named AS (
    SELECT row, kind, prompt, unnest(interaction_ids) AS id, generate_subscripts(interaction_ids, 1) AS place,
        len(interaction_ids) AS last
    FROM chunk
), headed AS (
    SELECT row, max(size) AS size FROM named JOIN instructions ON instructions.id = hash(named.id)
    WHERE hash(left(prompt, size)) = words AND substr(prompt, size + 1, 2) = E'\n\n'
        AND NOT is_blank(left(prompt, size))
    GROUP BY row
), told AS (
    SELECT row, kind, id, place, prompt FROM named
    WHERE kind IN ('conversation', 'preference', 'code_generation')
        AND (last > 1 OR row IN (SELECT row FROM headed))
), timed AS (
    SELECT
        row, kind, place, asked, said, prompt, length(prompt) AS whole,
        coalesce(sum(CASE WHEN said > 0 THEN asked + said + 4 END) OVER (
            PARTITION BY row ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) + coalesce(headed.size + 2, 0) AS before
    FROM told JOIN lengths ON lengths.id = hash(told.id) LEFT JOIN headed USING (row)
), known AS (
    SELECT row, place, last, said, CASE WHEN place = last THEN (whole - before)::BIGINT ELSE asked END AS asked
    FROM timed JOIN (
        SELECT row, min(place) AS last FROM timed
        WHERE before + asked = whole OR (
            kind = 'code_generation'
            AND regexp_full_match(substr(prompt, before::BIGINT + asked + 1), '\n\n[^\n]+')
        )
        GROUP BY row
    ) USING (row) WHERE place <= last
), spoken AS (
    SELECT row, 2 * place AS place, 'user' AS role, asked AS size FROM known WHERE said > 0 OR place = last
    UNION ALL
    SELECT row, 2 * place + 1, 'assistant', said FROM known WHERE said > 0 AND place < last
    UNION ALL
    SELECT row, 0, 'system', size FROM headed
), placed AS (
    SELECT *, (sum(size + 2) OVER (PARTITION BY row ORDER BY place))::BIGINT - size - 1 AS start FROM spoken
), listed AS (
    SELECT row, list({role: role, start: start, size: size} ORDER BY place) AS turns
    FROM placed GROUP BY row
), parted AS (
    SELECT row, turns FROM listed JOIN chunk USING (row)
    WHERE turns[-1].start + turns[-1].size - 1 = length(prompt)
        AND list_bool_and(list_transform(turns[2:], lambda it: substr(prompt, it.start - 2, 2) = E'\n\n'))
        AND NOT list_bool_or(list_transform(turns, lambda it: is_blank(substr(prompt, it.start, it.size))))
)
SELECT row, turns, true AS is_parted FROM parted
UNION ALL
SELECT row, [
    {role: 'system', start: 1::BIGINT, size: size},
    {role: 'user', start: size + 3, size: length(prompt) - size - 2}
], false
FROM headed JOIN chunk USING (row)
WHERE row NOT IN (SELECT row FROM parted) AND NOT is_blank(substr(prompt, size + 3))
"""


def remember_lengths(db: duckdb.DuckDBPyConnection, segments: Iterable[Path]) -> None:
    """Fill the tables `lengths` and `instructions` from these segments of the log: 24 bytes an interaction, and as many
    for each that was told something; without any they stay empty."""
    files = list(segments)
    db.execute((LENGTHS + ";" + INSTRUCTIONS).format(files=sql_list(files)) if files else NOTHING)


def find_turns(db: duckdb.DuckDBPyConnection) -> None:
    """Fill the table `turns` (row, [{role, start, size}], is_parted) for the conversations of `chunk` that can be told
    apart, and for what begins with an instruction.

    Needs the macros of shapes.py."""
    db.execute(TURNS)
