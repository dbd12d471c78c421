"""What an agent called, and what came back, while it gave an answer: a reply tells of it, and is none without it.

A call is of the chat that it came before by turn. An exchange that was imported stands where it was asked, with a turn
behind those of its calls; where no times are known, or somebody logs each when it is over, the calls stand before it.
The latest calls are told, each cut in its middle. Not here: where they stand in a prompt (builders/conversation.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.tables import Table
from vibe_pipeline.curate.sessions.turns import LINE

LATEST = 8
"""What a reply tells of is what it found last."""
CALL, RESULT = 300, 500
"""Characters of each; where an example may have few, less: all of them are three quarters of what is joined."""


def _cut(text: str, most: int, share: int) -> str:
    """SQL: a text of at most so many characters, of $joined no more than this part."""
    least = f"least({most}, $joined // {share})"
    return f"""CASE WHEN length({text}) <= {least} THEN {text}
        ELSE concat(left({text}, {least} // 2 - 1), '…', right({text}, {least} // 2 - 1)) END"""


SELECT = f"""
WITH
    steps AS (
        SELECT
            conversation_id, position, turn, interaction_id, input, output,
            CASE WHEN list_contains($chat_actions, action) THEN {{'id': interaction_id, 'turn': turn}} END AS chat
        FROM events
        WHERE list_contains($chat_actions, action) OR list_contains($tool_actions, action)
    ),
    placed AS (
        SELECT
            *,
            last_value(chat IGNORE NULLS) OVER (session ROWS UNBOUNDED PRECEDING) AS before,
            first_value(chat IGNORE NULLS) OVER (session ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS later
        FROM steps
        WINDOW session AS (PARTITION BY conversation_id ORDER BY position)
    ),
    called AS (
        SELECT
            CASE WHEN turn < before.turn THEN before.id WHEN turn <= later.turn THEN later.id END AS answer_id,
            position, interaction_id, input, output
        FROM placed
        WHERE chat IS NULL AND answer_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY answer_id ORDER BY position DESC) <= {LATEST}
    )
SELECT
    answer_id AS interaction_id,
    string_agg(concat_ws(
        chr(10), {_cut("stripped(input)", CALL, 32)}, nullif({_cut("stripped(output)", RESULT, 16)}, '')
    ), {LINE} ORDER BY position) AS found,
    list(interaction_id ORDER BY position) AS call_ids
FROM called
GROUP BY answer_id
"""

CALLED = Table(
    "called",
    "interaction_id VARCHAR, found VARCHAR, call_ids VARCHAR[]",
    "FROM events WHERE list_contains($tool_actions, action)",
    SELECT,
)
"""Of each answer that something was called for: the calls with their results, as text, and their ids."""
