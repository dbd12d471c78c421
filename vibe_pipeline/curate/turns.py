"""The turns of chats, each with what was said before it: what the builders that read chats begin with.

Sixteen turns at most, and of these the latest that fit: what does not fit the model's length loses its beginning when
it is encoded, and more of a session in which files are pasted would be copied again for every reply. Lengths are summed
before a text is touched. Not here: which replies are targets.
"""

from __future__ import annotations

from vibe_pipeline.settings import Quality

CONTEXT = 16

LINE = "chr(10) || chr(10)"
"""Between what is said, and what is answered to it."""


def joined(settings: Quality) -> int:
    """Characters of the turns before, at most: half of what an example may have, the rest is for what it is about."""
    return settings.longest // 2


def turns(which: str = "true") -> str:
    """SQL: the events of $chat_actions for which `which` holds, with number (1 is the conversation's first that was
    answered), context, the turns before that have at most $joined characters (NULL where there are none), and turn_ids,
    of these and itself; `which` must hold for all of a conversation or for none."""
    back = range(CONTEXT, 0, -1)
    said = f"CASE WHEN size BETWEEN 1 AND $joined THEN concat(input, {LINE}, output) END"
    before = ", ".join(f"lag({said}, CASE WHEN fitting >= {turn} THEN {turn} END) OVER session" for turn in back)
    fitting = " + ".join(f"coalesce((earlier - lag(earlier, {turn}) OVER session <= $joined)::INT, 0)" for turn in back)
    return f"""
SELECT
    * EXCLUDE (all_ids, fitting),
    nullif(concat_ws({LINE}, {before}), '') AS context,
    all_ids[greatest(1, len(all_ids) - fitting):] AS turn_ids
FROM events JOIN (
    SELECT
        conversation_id, position, size,
        row_number() OVER session AS number,
        list(interaction_id) OVER (session ROWS BETWEEN {CONTEXT} PRECEDING AND CURRENT ROW) AS all_ids,
        {fitting} AS fitting
    FROM (
        SELECT *, sum(size) OVER (PARTITION BY conversation_id ORDER BY position) - size AS earlier FROM (
            SELECT
                conversation_id, position, interaction_id,
                CASE WHEN output <> '' THEN length(input) + length(output) + 4 ELSE 0 END AS size
            FROM events
            WHERE list_contains($chat_actions, action) AND (output <> '' OR len(improvements) > 0) AND {which}
        )
    )
    WINDOW session AS (PARTITION BY conversation_id ORDER BY position)
) USING (conversation_id, position)
WINDOW session AS (PARTITION BY conversation_id ORDER BY position)
"""


def prompt(question: str) -> str:
    """SQL: the context of a turn and a question."""
    return f"concat_ws({LINE}, context, {question})"
