"""The turns of chats, each with what was said before it: what the builders that read chats begin with.

Sixteen turns at most: what does not fit the model's length loses its beginning when it is encoded, and more of a long
session would be copied again for every reply. What is too long for an example is measured and never joined: a session
in which files are pasted would else be copied sixteen times to be dropped. Not here: which replies are targets.
"""

from __future__ import annotations

CONTEXT = 16

ALONE = "CASE WHEN tier = 'synthetic' AND extra ->> '$.augmented_from' IS NOT NULL THEN interaction_id END"
"""What was made from a turn stays in its conversation for the split, but nobody said it there."""

LINE = "chr(10) || chr(10)"
"""Between what is said, and what is answered to it."""


def turns(which: str = "true") -> str:
    """SQL: the events of $chat_actions for which `which` holds, with number (1 is the conversation's first that was
    answered), context (NULL at the first), turn_ids, and unjoined: the characters of a context that is NULL because it
    and the question are longer than $joined. `which` must hold for all of a conversation or for none."""
    said = f"CASE WHEN output <> '' AND size <= $joined THEN concat(input, {LINE}, output) END"
    before = ", ".join(
        f"lag({said}, CASE WHEN unjoined IS NULL THEN {turn} END) OVER conversation" for turn in range(CONTEXT, 0, -1)
    )
    return f"""
SELECT *, nullif(concat_ws({LINE}, {before}), '') AS context
FROM events JOIN (
    SELECT
        conversation_id,
        position,
        apart,
        size,
        row_number() OVER conversation AS number,
        list(interaction_id) OVER (conversation ROWS BETWEEN {CONTEXT} PRECEDING AND CURRENT ROW) AS turn_ids,
        sum(size) OVER (conversation ROWS BETWEEN {CONTEXT} PRECEDING AND 1 PRECEDING)::BIGINT AS before,
        CASE WHEN before + asked > $joined THEN before END AS unjoined
    FROM (
        SELECT
            *,
            {ALONE} AS apart,
            length(input) AS asked,
            CASE WHEN output <> '' THEN asked + length(output) + 4 END AS size
        FROM events
        WHERE list_contains($chat_actions, action) AND (output <> '' OR len(improvements) > 0) AND {which}
    )
    WINDOW conversation AS (PARTITION BY conversation_id, apart ORDER BY position)
) USING (conversation_id, position)
WINDOW conversation AS (PARTITION BY conversation_id, apart ORDER BY position)
"""


def prompt(question: str) -> str:
    """SQL: the context of a turn and a question."""
    return f"concat_ws({LINE}, context, {question})"
