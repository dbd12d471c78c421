"""code_generation: a request → code that worked.

Evidence is needed: the interaction itself says success, or the same code was run later in the same
conversation and succeeded. Code nobody vouched for is not learned.
"""

SELECT = """
SELECT
    conversation_id,
    input AS prompt,
    output AS completion,
    [interaction_id] AS interaction_ids,
    is_delta,
    extra ->> '$.fact' AS fact
FROM events AS written
WHERE list_contains($generate_actions, action)
    AND success IS DISTINCT FROM false
    AND (
        success
        OR EXISTS (
            FROM events AS ran
            WHERE list_contains($run_actions, ran.action)
                AND ran.success
                AND ran.conversation_id = written.conversation_id
                AND ran.input = written.output
                AND ran.turn >= written.turn
        )
    )
"""
