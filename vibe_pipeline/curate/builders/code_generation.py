"""code_generation: a request → code that worked.

Evidence is needed: the interaction itself says success, or the same code was run later in the same
conversation and succeeded. Code nobody vouched for is not learned. Its example belongs to the generation
of its first evidence: code written before a cut and proven after it is not lost.
"""

SELECT = """
SELECT
    written.conversation_id,
    written.input AS prompt,
    written.output AS completion,
    [written.interaction_id] AS interaction_ids,
    written.occurred_at AS occurred_at,
    bool_or(written.is_delta) OR bool_and(ran.is_delta AND written.success IS NULL) AS is_delta,
    written.extra ->> '$.fact' AS fact
FROM events AS written
LEFT JOIN (FROM events WHERE list_contains($run_actions, action) AND success) AS ran
    ON ran.conversation_id = written.conversation_id
    AND ran.input = written.output
    AND ran.turn >= written.turn
WHERE list_contains($generate_actions, written.action)
    AND written.success IS DISTINCT FROM false
    AND (written.success OR ran.interaction_id IS NOT NULL)
GROUP BY ALL
"""
