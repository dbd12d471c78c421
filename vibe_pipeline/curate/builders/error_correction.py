"""error_correction: failing input and its error → the input that worked next.

"Next" is the first later success of the same conversation and module. The failing run and its fix must
differ, or the lesson would be to try again.
"""

SELECT = """
SELECT
    conversation_id,
    input || chr(10) || chr(10) || output AS prompt,
    fix.input AS completion,
    [interaction_id, fix.interaction_id] AS interaction_ids,
    fix.occurred_at AS occurred_at,
    fix.is_delta AS is_delta,
    CAST(NULL AS VARCHAR) AS fact
FROM (
    SELECT
        *,
        first_value(CASE WHEN success THEN {
            'input': input, 'interaction_id': interaction_id,
            'occurred_at': occurred_at, 'is_delta': is_delta
        } END IGNORE NULLS) OVER (
            PARTITION BY conversation_id, module
            ORDER BY turn, occurred_at, interaction_id
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS fix
    FROM events
    WHERE list_contains($run_actions, action)
)
WHERE success = false AND fix IS NOT NULL AND fix.input <> input
"""
