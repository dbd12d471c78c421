"""Of a conversation that never ends, which of its earlier events are near: a shell may log under one name for ever.

A generation would read, and its builders would look through, all that was logged under that name before. What they put
together lies near: the sixteen turns before an answer, the run behind it, the fix of a failure. Not here: how what came
before is found and loaded (window.py).
"""

from __future__ import annotations

import duckdb
import numpy as np

EARLIER = 2_000
"""Events of a conversation before what is new in it, and as many around each that is remarked on: more than a hundred
times what a prompt begins with, and little beside what a generation holds."""

GENERATIONS = 32
"""The latest that hold a conversation, and the first: twice what a prompt begins with, if each has one turn of it."""

COUNTED = """
SELECT coalesce(max(events), 0) FROM (SELECT count(*) AS events FROM {rows} GROUP BY conversation_id)
"""

NEARBY = """
CREATE OR REPLACE TEMP TABLE nearby AS
WITH
    told AS (
        SELECT conversation_id, occurred_at, turn, interaction_id, false AS is_new FROM {rows}
        UNION ALL
        SELECT conversation_id, occurred_at, turn, interaction_id, true FROM delta
        WHERE conversation_id IN (FROM met)
        UNION ALL
        SELECT conversation_id, occurred_at, turn, interaction_id, true FROM logged SEMI JOIN remarked
        USING (interaction_id) WHERE conversation_id IN (FROM met)
    ),
    numbered AS (
        SELECT
            *,
            count(*) FILTER (NOT is_new) OVER so_far AS number,
            count(*) FILTER (NOT is_new) OVER (PARTITION BY conversation_id) AS numbers
        FROM told
        WINDOW so_far AS (PARTITION BY conversation_id ORDER BY occurred_at, turn, interaction_id)
    ),
    placed AS (
        SELECT
            *,
            max(number) FILTER (is_new) OVER (session ROWS UNBOUNDED PRECEDING) AS before,
            min(number) FILTER (is_new) OVER (session ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS after
        FROM numbered
        WINDOW session AS (PARTITION BY conversation_id ORDER BY occurred_at, turn, interaction_id)
    )
SELECT interaction_id FROM placed
WHERE NOT is_new AND (number = 1 OR number - before <= {earlier} OR coalesce(after, numbers) - number < {earlier})
"""
"""The first event tells what a branch goes off from, and of which group it is."""


def nearby_generations(which: np.ndarray, generations: np.ndarray, remarked: np.ndarray) -> list[int]:
    """Of pairs of a conversation's number and a generation that holds it: the generations to be read. `remarked` hold
    what is remarked on now; those beside them, for what came before and after."""
    order = np.lexsort((generations, which))
    which, generations = which[order], generations[order]
    first, stop = (np.searchsorted(which, which, side=side) for side in ("left", "right"))
    places = np.arange(len(which))
    is_told = np.isin(generations, remarked)
    is_near = is_told | np.append(is_told[1:], False) | np.append(False, is_told[:-1])[: len(is_told)]
    chosen = (places == first) | (stop - places <= GENERATIONS) | is_near
    found: list[int] = np.unique(generations[chosen]).tolist()
    return found


def keep_nearby(db: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """Whether there are more of a conversation's events among these than are needed; then the ids of those that are
    are in the table `nearby`."""
    ((most,),) = db.sql(COUNTED.format(rows=rows)).fetchall()
    if most > EARLIER:
        db.execute(NEARBY.format(rows=rows, earlier=EARLIER))
    return bool(most > EARLIER)
