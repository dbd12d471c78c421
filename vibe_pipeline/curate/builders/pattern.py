"""pattern: what happened so far in a session → the next step, or how the last one ended.

A step is told by its module and action, by the tool or command it names, and by its outcome where that is known: never
by its texts. A step that was over only after the next had begun has none: an agent's answer stands where it was asked
for, with a turn behind those of the tools that it called. The prompt is the last eight steps, a line each; the
completion the next step, or the outcome of the last, whose line then ends with a colon. A session teaches from its
third step on, once it has seen two different steps.
What was synthesised is no step: nobody took it.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.versions import TOOL

STEPS = 8
"""What comes next rarely hangs on more, and a line is some ten tokens."""

NAME = rf"""
concat_ws(' ', module, action, nullif(left(CASE
    WHEN {TOOL} IS NOT NULL THEN {TOOL}
    WHEN list_contains($run_actions, action) THEN regexp_extract(left(input, 100), '^\s*([\w./-]{{1,40}})(?:\s|$)', 1)
END, 60), ''))
"""

OUTCOME = r"CASE WHEN success THEN 'works' WHEN NOT success THEN 'fails' || coalesce(': ' || error, '') END"

SELECT = f"""
WITH
    steps AS (
        SELECT *, {NAME} AS name, nullif(left(string_split(stripped(error_type), chr(10))[1], 60), '') AS error
        FROM events
        WHERE NOT list_contains($document_actions, action) AND NOT list_contains($log_actions, action)
            AND tier <> 'synthetic'
    ),
    told AS (
        SELECT *, CASE WHEN coalesce(lead(turn) OVER session >= turn, true) THEN {OUTCOME} END AS outcome
        FROM steps
        WINDOW session AS (PARTITION BY conversation_id ORDER BY position)
    ),
    sequences AS (
        SELECT
            *,
            count(*) OVER so_far AS nth,
            min(name) OVER so_far <> max(name) OVER so_far AS is_varied,
            lead(interaction_id) OVER session IS NULL AS is_last,
            string_agg(name || coalesce(': ' || outcome, ''), chr(10)) OVER before AS history,
            list(interaction_id) OVER seen AS interaction_ids
        FROM told
        WINDOW
            session AS (PARTITION BY conversation_id ORDER BY position),
            so_far AS (session ROWS UNBOUNDED PRECEDING),
            before AS (session ROWS BETWEEN {STEPS} PRECEDING AND 1 PRECEDING),
            seen AS (session ROWS BETWEEN {STEPS} PRECEDING AND CURRENT ROW)
    ),
    asked AS (
        SELECT *, history AS prompt, name AS completion FROM sequences
        UNION ALL BY NAME
        SELECT *, history || chr(10) || name || ':' AS prompt, outcome AS completion FROM sequences
        WHERE is_last AND outcome IS NOT NULL
    )
SELECT
    conversation_id,
    module,
    prompt,
    prompt AS question,
    completion,
    interaction_ids,
    occurred_at,
    is_delta,
    tier,
    CASE WHEN success THEN ['success'] ELSE [] END AS evidence
FROM asked
WHERE nth >= 3 AND is_varied
"""
