"""error_prediction: an input → whether it will work, and else which error.

The completion is WORKS or FAILS, with the error's type behind it where that is known. From runs of which somebody said
how they ended; what the user broke off, or what told that nothing is found (evasions.py), did neither. An input that
both worked and failed, or failed in two ways, has two examples of one prompt: how it ends hangs on what is not in it,
and the quality rule for contradictions drops them all.

That it ran vouches for nothing: every prediction was seen once, as every reply was said. With that as evidence all of
them came before all replies and documents that nobody had judged.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.evasions import is_no_failure

WORKS = "works"
FAILS = "fails"
"""Alone, or as "fails: TypeError". Short words, so that one or two tokens decide; a scorer compares the first word,
then the whole."""

PYTHON = r"^[\s\S]*Traceback \(most recent call last\):\n(?:[ \t+|][^\n]*\n|\n)*([A-Za-z_][\w.]*)"
RUBY = r":\d+:in [^\n]*\(([A-Z][\w:]*)\)[ \t]*(?:\n|$)"
OTHERS = (
    r"^(?:[\s\S]*\n)?"
    r"(?:E[ \t]+|[^\n]*\bUncaught |[Uu]nhandled [Ee]xception[.:] |Exception in thread \x22[^\x22\n]*\x22 )?"
    r"([A-Za-z_][\w.$]*(?:Error|Exception|Exit|Failure|Interrupt))(?: \[\w+\])?(?::|[ \t]*(?:\n|$))"
)
"""Where an error's name stands: behind a traceback's indented lines; at the end of a line; where a line begins, of
several the last, for a stack or a statement may follow. `Error: …` is no name."""

NAMED = ", ".join(f"nullif(regexp_extract(right(output, 4000), '{it}', 1), '')" for it in (PYTHON, RUBY, OTHERS))

ERROR = rf"""
nullif(left(regexp_replace(
    stripped(coalesce(nullif(stripped(error_type), ''), {NAMED})), '^[\w.:$]*(?:[.$]|::)(\w+)$|\s*\n[\s\S]*', '\1'
), 60), '')
"""
"""The error's type without its module: what was logged, or what the output names; 60 characters."""

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
    []::VARCHAR[] AS evidence
FROM events
WHERE {RAN} AND (success OR NOT {is_no_failure("events")})
"""
