"""conversation: the turns so far → the next reply, unless that reply was marked as failed.

The prompt is the turns before (the last 16 at most) and the question, with blank lines between; what
does not fit the model's length loses its beginning when it is encoded. An assistant turn that its source
gave weight 0 is context and never a target; a question that nothing was said to is neither.
"""

SELECT = """
SELECT
    conversation_id,
    coalesce(context || chr(10) || chr(10), '') || input AS prompt,
    output AS completion,
    interaction_ids,
    occurred_at,
    is_delta,
    extra ->> '$.fact' AS fact,
    success IS DISTINCT FROM false AND coalesce(try_cast(extra ->> '$.weight' AS DOUBLE), 1) > 0 AS is_target
FROM (
    SELECT
        *,
        string_agg(input || chr(10) || chr(10) || output, chr(10) || chr(10)) OVER before AS context,
        list(interaction_id) OVER (conversation ROWS BETWEEN 16 PRECEDING AND CURRENT ROW) AS interaction_ids
    FROM events
    WHERE list_contains($chat_actions, action) AND output <> ''
    WINDOW
        conversation AS (PARTITION BY conversation_id ORDER BY turn, occurred_at, interaction_id),
        before AS (conversation ROWS BETWEEN 16 PRECEDING AND 1 PRECEDING)
)
WHERE is_target
"""
