"""error_prediction: an input → whether it will work, and else which error.

The completion is WORKS or FAILS, with the error's type behind it where that is known. From runs of which somebody said
how they ended. An input that both worked and failed, or failed in two ways, has two examples of one prompt: how it ends
hangs on what is not in it, and the quality rule for contradictions drops them all.
"""

from __future__ import annotations

WORKS = "works"
FAILS = "fails"
"""Alone, or as "fails: TypeError". Short words, so that one or two tokens decide; a scorer compares the first word,
then the whole."""

ERROR = r"""
nullif(left(regexp_replace(stripped(coalesce(
    nullif(stripped(error_type), ''),
    regexp_extract(
        right(output, 4000), '(?:.*\n)*([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit))\b(?::[^\n]*)?\s*$', 1
    )
)), '^[\w.]*\.(\w+)$|\s*\n[\s\S]*', '\1'), 60), '')
"""
"""The error's type without its module: what was logged, or what the last line of a traceback names; 60 characters."""

RAN = "list_contains($run_actions, action) AND success IS NOT NULL AND stripped(input) <> ''"
"""Of what was logged, what an example may be made of."""

SELECT = f"""
SELECT
    conversation_id,
    module,
    input AS prompt,
    input AS question,
    CASE WHEN success THEN '{WORKS}' ELSE '{FAILS}' || coalesce(': ' || {ERROR}, '') END AS completion,
    [interaction_id] AS interaction_ids,
    occurred_at,
    is_delta,
    tier,
    ['ran'] AS evidence
FROM events
WHERE {RAN}
"""
