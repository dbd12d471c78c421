"""The turns that a branch begins with: of what it leaves, and of what that goes off from, as far as it says where.

Not here: how they are put together (turns.py), and which conversations are one family (families.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.tables import Table
from vibe_pipeline.curate.sessions.turns import CONTEXT

PARENT = "coalesce(extra ->> '$.branch_from', extra ->> '$.branch_of')"
"""SQL: the conversation that a branch leaves; `branch_of` alone may be further up."""

IS_BRANCHED = "contains(extra, '\"branch_turn\"')"

SELECT = f"""
WITH RECURSIVE
    branches AS (
        SELECT
            conversation_id,
            arg_min({PARENT}, position) AS parent,
            arg_min(try_cast(extra ->> '$.branch_turn' AS BIGINT), position) AS begins
        FROM events WHERE {IS_BRANCHED} GROUP BY conversation_id
    ),
    above AS (
        SELECT conversation_id AS branch, parent, begins, 1 AS steps FROM branches
        UNION ALL
        SELECT branch, up.parent, up.begins, steps + 1
        FROM above JOIN branches AS up ON up.conversation_id = above.parent WHERE steps < {CONTEXT}
    ),
    nearest AS (
        SELECT branch, parent, position, row_number() OVER (PARTITION BY branch ORDER BY steps, position DESC) AS back
        FROM above JOIN events ON conversation_id = parent AND turn < begins
        WHERE list_contains($chat_actions, action) AND output <> ''
        QUALIFY back <= {CONTEXT}
    )
SELECT events.* REPLACE (branch AS conversation_id, -back AS position)
FROM nearest JOIN events ON conversation_id = parent AND events.position = nearest.position
"""

TRUNKS = Table("trunks", "", f"FROM events WHERE {IS_BRANCHED}", SELECT)
"""The latest turns before each branch, of all that it goes off from, as if they were its own; their position is below
0."""
