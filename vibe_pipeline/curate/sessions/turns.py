"""The turns of chats, each with what was said before it: what the builders that read chats begin with.

First what the assistant was told to be or to do (`extra.system`), for the same question under another instruction is
another question; where that is longer than a tenth of what the turns may have it is a program's own manual, which would
be copied into every row, and stays out. Then sixteen turns at most, and of these the latest that fit: what does not fit
the model's length loses its beginning when it is encoded, and more of a session in which files are pasted would be
copied again for every reply. Lengths are summed before a text is touched.

A branch begins with the turns of what it leaves, as far as it says where (`extra.branch_turn`). A turn that was asked
again in the same words directly after was given up: later turns do not see it. Not here: which replies are targets.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.retries import IS_GOING_ON
from vibe_pipeline.settings import Quality

CONTEXT = 16

LINE = "chr(10) || chr(10)"
"""Between what is said, and what is answered to it."""

MANUAL = 10
"""What the assistant was told is at most this part of what the turns before may have."""

DEPENDENT = 12
"""Bytes: a shorter question, asked again, may ask about the answer ("Why?", "fix it"), and is none given up."""

SYSTEM = """CASE WHEN regexp_matches(extra, '"system": ?"') THEN nullif(extra ->> '$.system', '') END"""
"""SQL: what the assistant was told before the conversation, or NULL; most rows are not read as JSON for it."""


def joined(settings: Quality) -> int:
    """Characters of the turns before, at most: half of what an example may have, the rest is for what it is about."""
    return settings.longest // 2


def turns(which: str = "true") -> str:
    """SQL: the events of $chat_actions for which `which` holds, with number (1 is the conversation's first that was
    answered), told, the instruction, before, the latest turns that have at most $joined characters (NULL where there
    are none), and turn_ids, of these and itself; `which` must hold for all of a conversation or for none."""
    back = range(CONTEXT, 0, -1)
    said = f"CASE WHEN size BETWEEN 1 AND $joined THEN concat(input, {LINE}, output) END"
    earlier = ", ".join(f"lag({said}, CASE WHEN fitting >= {turn} THEN {turn} END) OVER session" for turn in back)
    fitting = " + ".join(f"coalesce((earlier - lag(earlier, {turn}) OVER session <= $joined)::INT, 0)" for turn in back)
    told = f"CASE WHEN length({SYSTEM}) <= $joined // {MANUAL} THEN {SYSTEM} END"
    return f"""
SELECT
    * EXCLUDE (ids_before, fitting),
    {told} AS told,
    nullif(concat_ws({LINE}, {earlier}), '') AS before,
    list_append(
        list_filter(ids_before[len(ids_before) - fitting + 1:], lambda it: it IS NOT NULL), interaction_id
    ) AS turn_ids
FROM (FROM events UNION ALL FROM trunks) JOIN (
    SELECT
        conversation_id, position, size,
        row_number() OVER session AS number,
        coalesce(list(seen_id) OVER (session ROWS BETWEEN {CONTEXT} PRECEDING AND 1 PRECEDING), []) AS ids_before,
        {fitting} AS fitting
    FROM (
        SELECT
            conversation_id, position,
            CASE WHEN NOT is_given_up THEN interaction_id END AS seen_id,
            CASE WHEN is_given_up THEN 0 ELSE length END AS size,
            sum(size) OVER (PARTITION BY conversation_id ORDER BY position) - size AS earlier
        FROM (
            SELECT
                conversation_id, position, interaction_id, length,
                CASE WHEN question = lead(question) OVER session AND position + 1 = lead(position) OVER session
                    THEN NOT ({IS_GOING_ON}) ELSE false END AS is_given_up
            FROM (
                SELECT
                    conversation_id, position, interaction_id,
                    CASE WHEN output <> '' THEN length(input) + length(output) + 4 ELSE 0 END AS length,
                    left(stripped(input), 61) AS asked,
                    CASE WHEN strlen(asked) >= {DEPENDENT} THEN hash(stripped(input), {SYSTEM}) END AS question
                FROM (FROM events UNION ALL FROM trunks)
                WHERE list_contains($chat_actions, action) AND (output <> '' OR len(improvements) > 0) AND {which}
            )
            WINDOW session AS (PARTITION BY conversation_id ORDER BY position)
        )
    )
    WINDOW session AS (PARTITION BY conversation_id ORDER BY position)
) USING (conversation_id, position)
WINDOW session AS (PARTITION BY conversation_id ORDER BY position)
QUALIFY position > 0
"""


def prompt(question: str) -> str:
    """SQL: the instruction and the turns before a question, and the question."""
    return f"concat_ws({LINE}, told, before, {question})"
