"""The turns of chats, each with what was said before it: what the builders that read chats begin with.

Sixteen turns at most: what does not fit the model's length loses its beginning when it is encoded, and more of a long
session would be copied again for every reply. Not here: which replies are targets.
"""

from __future__ import annotations

CONTEXT = 16

ALONE = "CASE WHEN tier = 'synthetic' AND extra ->> '$.augmented_from' IS NOT NULL THEN interaction_id END"
"""What was made from a turn stays in its conversation for the split, but nobody said it there."""


def turns(which: str = "true") -> str:
    """SQL: the events of $chat_actions for which `which` holds, with number (1 is the conversation's first that was
    answered), context (NULL at the first) and turn_ids; `which` must hold for all of a conversation or for none."""
    return f"""
SELECT
    *,
    row_number() OVER conversation AS number,
    string_agg(CASE WHEN output <> '' THEN input || chr(10) || chr(10) || output END, chr(10) || chr(10))
        OVER before AS context,
    list(interaction_id) OVER so_far AS turn_ids
FROM events
WHERE list_contains($chat_actions, action) AND (output <> '' OR len(improvements) > 0) AND {which}
WINDOW
    conversation AS (PARTITION BY conversation_id, {ALONE} ORDER BY position),
    before AS (conversation ROWS BETWEEN {CONTEXT} PRECEDING AND 1 PRECEDING),
    so_far AS (conversation ROWS BETWEEN {CONTEXT} PRECEDING AND CURRENT ROW)
"""
