"""What an agent changed in a file between a failure and the success of the same command: the text that failed and its
error → the text that worked. The same is what has more flags at most, wherever it runs, its output goes and what `&&`
adds to it; and of tests a run that holds what failed, as the runner names and counts it (testing.py).

Only where nothing else can have mended it: the success is the first of these runs, and close, between the two one file
was changed by edits that say exactly which text became which, or written after it was read as a whole, no other
command did more than to look or to check, and the file is named in the command or in what it printed. Of several edits
one becomes another's text, or stands beside it. A test that was changed is not mended, nor what hides the failure
(evasions.py). Not here: commands that were put in other words (builders/error_correction.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.changes import PATHS, first
from vibe_pipeline.curate.sessions.evasions import EVASIONS, is_hidden, is_no_failure
from vibe_pipeline.curate.sessions.looking import only_checks
from vibe_pipeline.curate.sessions.tables import Table
from vibe_pipeline.curate.sessions.testing import are_held, failed, failing, named, passed, runner
from vibe_pipeline.curate.sessions.turns import LINE
from vibe_pipeline.curate.sessions.versions import ARGUMENTS, SHAPE, command

BETWEEN = 20
"""Steps from the failure to the success: who mends it does little else meanwhile."""

FLAG = r"\s(?:--(?:capture|colou?r|tb)[ \t]+[a-z]+\b|--?[A-Za-z][\w-]*(?:=[^\s;&|]*|[ \t]+\d+\b)?)"
PLACED = r"^\s*(?:cd[ \t][^;&|\n]*&&\s*)+|\s--(?:\s|$)|[ \t]*(?:\b[12]|&)?>[ \t]*(?:&[12]|[^\s;&|]+)"
"""Where a command runs and where its output goes."""
BARE = f"CASE WHEN is_command THEN stripped(regexp_replace(text, '{PLACED}|{FLAG}', '', 'g')) ELSE text END"
FLAGS = f"list_distinct(regexp_extract_all(text, '{FLAG}'))"
"""The same command may have more of them when it runs again, but for what hides that it fails: one that went may have
been what failed."""
LOUD = (
    r"^\s-(?:[lqsvx]+|r\w+)$|^\s--(?:bail|capture|colou?r|durations|exitfirst|fail-?fast|maxfail|no-colou?r|no-header"
    r"|no-summary|quiet|show-?locals|silent|tb|verbos\w*)(?:[=\s].*)?$"
)
"""Of a program that tests: how much it prints and when it stops. These may come and go."""
SINGLE = r"^[^;&|\n]*$"
FIRST = r"^([^;&|\n]*)&&"
BEGIN = f"coalesce(nullif(stripped(regexp_extract(bare, '{FIRST}', 1)), ''), bare)"
"""The first of several commands that are run as long as they work: it worked where all did."""

TEST_FILE = (
    r"(?:^|[/\\])(?:tests?|specs?|__tests__|__snapshots__|testdata|fixtures)[/\\]"
    r"|(?:^|[/\\])(?:test_|conftest\.)[^/\\]*$|[._-](?:tests?|spec|snap)\.[^/\\]*$|Tests?\.\w+$"
)


NUMBERED = r"^ *(\d+)(?:→|\t)"
"""Before each line of a file that an agent reads; a file that was cut begins later, or is as long as may be read."""
SEEN = rf"""list_transform(
    [string_split(rtrim(regexp_replace(commands.output, '(?s)\n*<system-reminder>.*$', ''), chr(10)), chr(10))],
    lambda lines: CASE WHEN read_path <> '' AND len(lines) < 2000 AND len(list_filter(
        lines, lambda line, nth: regexp_extract(line, '{NUMBERED}', 1) <> nth::VARCHAR
    )) = 0 THEN array_to_string(list_transform(lines, lambda line: regexp_replace(line, '{NUMBERED}', '')), chr(10)) END
)[1]"""
"""A whole file, as it was read."""

PROVES = f"""(
    failed.runner <> '' AND again.runner = failed.runner
    AND list_has_all(again.flags, failed.flags) AND list_has_all(failed.flags, again.flags)
    AND again.evasions = failed.evasions
    AND CASE WHEN len(failed.tests) > 0 AND {are_held("failed.tests", "again.tests")}
        THEN again.passed >= greatest(1, failed.failed + failed.passed)
        ELSE len(failed.failing) >= greatest(1, failed.failed) AND {are_held("failed.failing", "again.tests")}
            AND again.passed >= len(failed.failing) END
)"""
"""More tests ran, at least as many as had run before, or fewer with each that had failed by its name."""


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
            concat_ws(chr(0), arguments ->> '$.workdir', arguments ->> '$.cwd') AS place,
            CASE WHEN len(json_keys(arguments)) = 1 THEN {first(PATHS)} END AS read_path
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
            * EXCLUDE (output, all_flags),
            list_filter(all_flags, lambda it: runner = '' OR NOT regexp_matches(it, '{LOUD}')) AS flags,
            sha256(bare || evasions) AS same,
            sha256(begin || evasions) AS begins,
            CASE WHEN runner <> '' THEN {named("begin", "runner")} END AS tests,
            CASE WHEN runner <> '' THEN {passed("output")} END AS passed,
            CASE WHEN runner <> '' AND is_failure THEN {failed("output")} END AS failed,
            CASE WHEN runner <> '' AND is_failure THEN {failing("output")} END AS failing
        FROM (
            SELECT *, CASE WHEN is_command AND regexp_matches(begin, '{SINGLE}') THEN {runner("begin")} ELSE '' END
                AS runner
            FROM (
                SELECT
                    interaction_id, conversation_id, module, place, position, is_command, output,
                    success AND coalesce(stripped(error_type), '') = '' AS is_good,
                    CASE WHEN success = false THEN NOT {is_no_failure("commands")} ELSE false END AS is_failure,
                    {BARE} AS bare,
                    {BEGIN} AS begin,
                    CASE WHEN is_command THEN {EVASIONS} ELSE [] END::VARCHAR AS evasions,
                    {FLAGS} AS all_flags
                FROM commands ANTI JOIN changes USING (interaction_id)
            )
        )
    ),
    reruns AS (
        SELECT
            failed.interaction_id,
            min(again.position) AS again_at,
            arg_min(again.is_good AND list_has_all(again.flags, failed.flags), again.position) AS is_mended
        FROM (
            SELECT *, unnest(range(position + 1, position + {BETWEEN} + 1)) AS step FROM tries WHERE is_failure
        ) AS failed
        JOIN tries AS again ON again.conversation_id = failed.conversation_id AND again.position = step
        WHERE again.module = failed.module AND again.place = failed.place
            AND (again.same = failed.same OR again.is_good AND failed.same = failed.begins AND (
                again.begins = failed.same OR {PROVES}
            ))
        GROUP BY failed.interaction_id
    ),
    pairs AS (
        SELECT commands.*, {{
            'id': again.interaction_id, 'position': again_at, 'at': again.occurred_at, 'is_delta': again.is_delta,
            'output': again.output, 'error_type': again.error_type, 'is_disliked': coalesce(again.feedback < 0, false)
        }} AS again
        FROM reruns
        JOIN commands USING (interaction_id)
        JOIN commands AS again ON again.conversation_id = commands.conversation_id AND again.position = again_at
        WHERE is_mended AND again_at - commands.position >= 2
    ),
    steps AS (
        SELECT interaction_id, conversation_id, unnest(range(position + 1, again.position)) AS step FROM pairs
    ),
    between AS (
        SELECT
            steps.interaction_id, step, changes.path, changes.file, changes.interaction_id AS edit_id, content,
            changes.is_delta, coalesce(changes.feedback < 0, false) AS is_disliked,
            CASE WHEN is_command THEN text END AS text,
            coalesce(
                edits,
                CASE WHEN content IS NOT NULL AND count(edit_id) OVER so_far = 1 THEN list_transform(
                    [last_value({SEEN} IGNORE NULLS) OVER (
                        PARTITION BY steps.interaction_id, coalesce(changes.path, read_path) ORDER BY step
                    )],
                    lambda seen: {{'old': seen, 'new': content}}
                ) END
            ) AS known
        FROM steps
        LEFT JOIN changes ON changes.conversation_id = steps.conversation_id AND changes.position = step
        LEFT JOIN commands ON commands.conversation_id = steps.conversation_id AND commands.position = step
            AND changes.position IS NULL AND success IS DISTINCT FROM false
        WINDOW so_far AS (PARTITION BY steps.interaction_id ORDER BY step)
    ),
    mended AS (
        SELECT
            interaction_id,
            any_value(path) AS path,
            any_value(file) AS file,
            flatten(list(known ORDER BY step) FILTER (known IS NOT NULL)) AS edits,
            list(edit_id ORDER BY step) FILTER (edit_id IS NOT NULL) AS edit_ids,
            bool_or(coalesce(is_delta, false)) AS is_delta,
            bool_or(is_disliked) AS is_disliked
        FROM between
        GROUP BY ALL
        HAVING count(edit_id) = count(known[1].old) AND count(DISTINCT path) = 1
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
    "FROM changes WHERE path <> ''",
    SELECT,
)
