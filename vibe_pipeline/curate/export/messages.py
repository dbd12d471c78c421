"""Where the turns of a conversation begin in its prompt, for those who want messages and not one text.

A prompt is its turns with blank lines between, and turns hold blank lines too. So their lengths come from the log, by
the example's interaction ids (a question that was not answered is no turn), and each cut is checked against the prompt.
Where one does not fit, or a turn has no words, the prompt stays whole, as one message, and is counted. Not here: how a
prompt is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from vibe_pipeline.store import sql_list

LENGTHS = """
CREATE TABLE lengths AS
SELECT hash(interaction_id) AS id, length(input) AS asked, length(output) AS said
FROM read_parquet({files}, hive_partitioning = false)
"""

NO_LENGTHS = "CREATE TABLE lengths (id UBIGINT, asked BIGINT, said BIGINT)"

TURNS = r"""
CREATE OR REPLACE TABLE turns AS
WITH told AS (
    SELECT row, unnest(interaction_ids) AS id, generate_subscripts(interaction_ids, 1) AS place,
        len(interaction_ids) AS last
    FROM chunk WHERE kind IN ('conversation', 'preference') AND len(interaction_ids) > 1
), known AS (
    SELECT row, place, last, asked, said FROM told JOIN lengths ON lengths.id = hash(told.id)
), spoken AS (
    SELECT row, 2 * place AS place, 'user' AS role, asked AS size FROM known WHERE said > 0 OR place = last
    UNION ALL
    SELECT row, 2 * place + 1, 'assistant', said FROM known WHERE said > 0 AND place < last
), placed AS (
    SELECT *, (sum(size + 2) OVER (PARTITION BY row ORDER BY place))::BIGINT - size - 1 AS start FROM spoken
), listed AS (
    SELECT row, list({role: role, start: start, size: size} ORDER BY place) AS turns
    FROM placed GROUP BY row
)
SELECT row, turns FROM listed JOIN chunk USING (row)
WHERE turns[-1].start + turns[-1].size - 1 = length(prompt)
    AND list_bool_and(list_transform(turns[2:], lambda it: substr(prompt, it.start - 2, 2) = E'\n\n'))
    AND NOT list_bool_or(list_transform(turns, lambda it: is_blank(substr(prompt, it.start, it.size))))
"""


def remember_lengths(db: duckdb.DuckDBPyConnection, segments: Iterable[Path]) -> None:
    """Fill the table `lengths` from these segments of the log: 24 bytes an interaction; without any it stays empty."""
    files = list(segments)
    db.execute(LENGTHS.format(files=sql_list(files)) if files else NO_LENGTHS)


def find_turns(db: duckdb.DuckDBPyConnection) -> None:
    """Fill the table `turns` (row, [{role, start, size}]) for the conversations of `chunk` that can be told apart.

    Needs the macros of shapes.py."""
    db.execute(TURNS)
