"""What an agent changed in a file between a failure and the success of the same command: the text that failed and its
error → the text that worked. The same is what has more flags at most, wherever it runs and its output goes.

Only where nothing else can have mended it: both are next to each other among the runs of that command, close together,
between them one file was changed by edits that say exactly which text became which, no other command did more than to
look or to check, and the file is named in the command or in what it printed. Of several edits one becomes another's
text, or stands beside it. A test that was changed is not mended, nor what hides the failure (evasions.py). Not here:
commands that were put in other words (builders/error_correction.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.evasions import EVASIONS, is_hidden, is_no_failure
from vibe_pipeline.curate.sessions.looking import only_checks
from vibe_pipeline.curate.sessions.tables import Table
from vibe_pipeline.curate.sessions.turns import LINE
from vibe_pipeline.curate.sessions.versions import ARGUMENTS, SHAPE, command

BETWEEN = 20
"""Steps from the failure to the success: who mends it does little else meanwhile."""

FLAG = r"\s--?[A-Za-z][\w-]*(?:=[^\s;&|]*|[ \t]+\d+\b)?"
PLACED = r"^\s*(?:cd[ \t][^;&|\n]*&&\s*)+|\s--(?:\s|$)|[ \t]*(?:\b[12]|&)?>[ \t]*(?:&[12]|[^\s;&|]+)"
"""Where a command runs and where its output goes."""
SAME = f"""sha256(CASE WHEN is_command
    THEN stripped(regexp_replace(text, '{PLACED}|{FLAG}', '', 'g')) || {EVASIONS}::VARCHAR ELSE text END)"""
FLAGS = f"list_distinct(regexp_extract_all(text, '{FLAG}'))"
"""The same command may have more of them when it runs again, but for what hides that it fails: one that went may have
been what failed."""

TEST_FILE = (
    r"(?:^|[/\\])(?:tests?|specs?|__tests__|__snapshots__|testdata|fixtures)[/\\]"
    r"|(?:^|[/\\])(?:test_|conftest\.)[^/\\]*$|[._-](?:tests?|spec|snap)\.[^/\\]*$|Tests?\.\w+$"
)


def _version(name: str) -> str:
    """SQL: a text with what evasions are told by."""
    return f"""{{
        'text': text, 'shape': {SHAPE}, 'evasions': {EVASIONS}, 'output': {name}_output, 'error_type': {name}_error
    }}"""


SELECT = f"""
WITH
    commands AS (
        SELECT
            * EXCLUDE (arguments),
            {command("arguments")} AS called,
            coalesce(called, input) AS text,
            called IS NOT NULL OR is_run AS is_command,
            concat_ws(chr(0), arguments ->> '$.workdir', arguments ->> '$.cwd') AS place
        FROM (
            SELECT
                conversation_id, module, position, interaction_id, occurred_at, is_delta, tier, input, output, success,
                error_type, feedback, list_contains($run_actions, action) AS is_run,
                {ARGUMENTS} AS arguments
            FROM events
            WHERE (list_contains($run_actions, action) OR list_contains($tool_actions, action))
                AND conversation_id IN (SELECT conversation_id FROM changes)
        )
    ),
    tries AS (
        SELECT
            *,
            {FLAGS} AS flags,
            lead({{
                'id': interaction_id, 'flags': {FLAGS}, 'position': position, 'at': occurred_at, 'is_delta': is_delta,
                'output': output, 'error_type': error_type, 'is_disliked': coalesce(feedback < 0, false),
                'is_good': success AND coalesce(stripped(error_type), '') = ''
            }}) OVER (PARTITION BY conversation_id, module, place, {SAME} ORDER BY position) AS again
        FROM commands ANTI JOIN changes USING (interaction_id)
    ),
    pairs AS (
        SELECT * FROM tries
        WHERE success = false AND again.is_good AND again.position - position BETWEEN 2 AND {BETWEEN}
            AND list_has_all(again.flags, flags) AND NOT {is_no_failure("tries")}
    ),
    steps AS (
        SELECT interaction_id, conversation_id, unnest(range(position + 1, again.position)) AS step FROM pairs
    ),
    mended AS (
        SELECT
            steps.interaction_id,
            any_value(changes.path) AS path,
            any_value(changes.file) AS file,
            flatten(list(edits ORDER BY step) FILTER (edits IS NOT NULL)) AS edits,
            list(changes.interaction_id ORDER BY step) FILTER (edits IS NOT NULL) AS edit_ids,
            bool_or(coalesce(changes.is_delta, false)) AS is_delta,
            bool_or(coalesce(changes.feedback < 0, false)) AS is_disliked
        FROM steps
        LEFT JOIN changes ON changes.conversation_id = steps.conversation_id AND changes.position = step
        LEFT JOIN commands ON commands.conversation_id = steps.conversation_id AND commands.position = step
            AND changes.position IS NULL AND success IS DISTINCT FROM false AND is_command
        GROUP BY ALL
        HAVING count(changes.position) = count(edits) AND count(DISTINCT path) = 1
            AND bool_and(coalesce({only_checks("text")}, true))
    ),
    known AS (
        SELECT
            pairs.* EXCLUDE (is_delta),
            pairs.is_delta OR again.is_delta OR mended.is_delta AS is_delta,
            again.is_disliked OR mended.is_disliked AS is_disliked,
            edit_ids,
            list_reduce(edits, lambda before, it: CASE
                WHEN contains(before.new, it.old) THEN {{'old': before.old, 'new': replace(before.new, it.old, it.new)}}
                ELSE {{
                    'old': concat(before.old, {LINE}, it.old), 'new': concat(before.new, {LINE}, it.new)
                }}
            END) AS edit
        FROM pairs JOIN mended USING (interaction_id)
        WHERE NOT regexp_matches(path, '{TEST_FILE}')
            AND (contains(text, file) OR contains(pairs.output, file))
    ),
    failures AS (
        SELECT * EXCLUDE (text), {_version("old")} AS failed
        FROM (SELECT * REPLACE (edit.old AS text), output AS old_output, error_type AS old_error FROM known)
    ),
    both_known AS (
        SELECT * EXCLUDE (text), {_version("new")} AS worked
        FROM (
            SELECT *, edit.new AS text, again.output AS new_output, again.error_type AS new_error FROM failures
        )
    )
SELECT
    conversation_id,
    module,
    concat_ws(
        {LINE}, failed.text, nullif(stripped(output), ''),
        CASE WHEN NOT contains(output, error_type) THEN error_type END
    ) AS prompt,
    worked.text AS completion,
    [interaction_id] || edit_ids || [again.id] AS interaction_ids,
    again.at AS occurred_at,
    is_delta,
    tier,
    CASE WHEN is_disliked THEN 'disliked' END AS failure
FROM both_known
WHERE stripped(failed.text) <> stripped(worked.text) AND NOT {is_hidden("failed", "worked")}
"""

MENDED = Table(
    "mended",
    """conversation_id VARCHAR, module VARCHAR, prompt VARCHAR, completion VARCHAR, interaction_ids VARCHAR[],
    occurred_at TIMESTAMPTZ, is_delta BOOLEAN, tier VARCHAR, failure VARCHAR""",
    "FROM changes WHERE edits IS NOT NULL",
    SELECT,
)
