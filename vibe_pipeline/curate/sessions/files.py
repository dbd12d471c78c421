"""Files that an agent wrote and then ran: a request → the file as it was when it worked.

Only where the text is known: the whole was written in the turn of the request, and edited there by edits that say which
text became which. A run counts that gives the file to an interpreter, or begins with it, and hides no failure; between
the last change and the run no other command did more than to look. One that failed speaks against the file until the
same command works. So does what removes the file or moves it away, at any time later, and what undoes changes in the
same turn.

Tests that passed count as a run of what they import, where they were written in the same turn and the run names them or
is of all tests, and of the file by whose name the run names its test. Nothing else is a test of it: that a suite passes
says little of a file. Tests that failed speak against the file as it was then, whatever of them is changed afterwards,
but not in a later turn, which may ask for more. Rows have the form of code that was said (trials.py). Not here: what is
asked for (asking.py), and learned (builders/).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.asking import BESIDE, TEMPORARY, is_asked
from vibe_pipeline.curate.sessions.evasions import EVASIONS
from vibe_pipeline.curate.sessions.holding import INTERPRETERS
from vibe_pipeline.curate.sessions.looking import only_looks
from vibe_pipeline.curate.sessions.mending import BARE, BEGIN, BETWEEN, SINGLE, TEST_FILE
from vibe_pipeline.curate.sessions.tables import Table
from vibe_pipeline.curate.sessions.testing import READ, named, passed, runner
from vibe_pipeline.curate.sessions.trials import COLUMNS
from vibe_pipeline.curate.sessions.turns import LINE
from vibe_pipeline.curate.sessions.versions import ARGUMENTS, TOOL, command

RUNS = (
    r"(?:^|[;&\n(])\s*(?:\w+=\S+\s+)*(?:(?:sudo|time|uv run|poetry run|npx|bunx)\s+)*"
    rf"(?:(?:{INTERPRETERS}|go run|deno run|tsx)(?:\s+-[uBOI])*\s+|\./)[\x22\x27]?([^\s;&|<>()\x22\x27]+)"
)
"""A command that runs a file, which is the group; with other options it may only check it."""

REMOVES = r"(?:^|[\s;&|({])(?:rm|unlink|shred|trash|del|[Rr]emove-[Ii]tem|mv|[Mm]ove-[Ii]tem)((?:[ \t]+[^\s;&|()]+)+)"
"""A command that takes away what the group names."""
REMOVER = r"(?i)(?:delete|remove|trash|move|rename)(?:_?(?:file|path))?$"
"""A tool that does."""
UNDOES = (
    r"\bgit\s+(?:-C\s+\S+\s+)?(?:checkout\s+(?:[^;&|\n]*\s)?(?:--|\.)(?:\s|$)|restore\s|reset\s[^;&|\n]*--hard"
    r"|clean\s|stash\s*(?:$|[;&|]|push|save|-)|revert\s)"
)
"""What was done in the turn came to nothing."""

IMPORTS = r"(?m)^\s*(?:(?:export|from|import|include|require\w*|use)\b|(?:const|let|var)\b.*\brequire\(|\}\s*from\b).*$"
QUOTED = r"[\x22\x27/]([\w-]+\.\w+)[\x22\x27]"
TEST = r"\bdef test_|\b(?:it|test)\("
KEY = r"regexp_replace(file, '\.(\w)\w*$', '.\1')"
"""A file's name with the first letter of its kind: what is imported has no more, and `.ts` may test `.tsx`."""
TOLD = rf"""list_concat(
    list_transform(
        regexp_extract_all(array_to_string(regexp_extract_all(content, '{IMPORTS}'), ' '), '[\w-]+'),
        lambda word: word || regexp_extract(file, '\.\w')
    ),
    list_transform(regexp_extract_all(content, '{QUOTED}', 1), lambda file: {KEY})
)"""
"""The keys of what a test's text imports, or names as one that is run or read."""
FILE_OF_NAME = "regexp_extract(split_part(name, '::', 1), '[^/]*$')"
KEY_OF_NAME = rf"""list_transform(
    [regexp_replace(suites.file, '^test_|[._-](?:tests?|spec)(\.\w+)$', '\1', 'g')], lambda file: {KEY}
)[1]"""
"""Of a test that nobody saw: `test_wc.py` is one of `wc.py`."""

EDITS = 8
"""Changes of a file in one turn: who needs more knows no longer what was asked for."""

IS_KNOWN = f"version > 0 AND is_one AND len(parts) <= {EDITS} AND runs.position - states.position <= {BETWEEN}"
TRIED = """
    runs.conversation_id, runs.interaction_id, runs.position, success, text, ran, is_good, is_hidden,
    states.interaction_id AS state_id, states.position AS changed_at
"""

SELECT = f"""
WITH
    chats AS (
        SELECT conversation_id, position, turn, interaction_id, module, input, occurred_at, is_delta, tier, feedback,
            extra ->> '$.fact' AS fact, lead(position) OVER (PARTITION BY conversation_id ORDER BY position) AS until
        FROM events WHERE list_contains($chat_actions, action) AND stripped(input) <> ''
    ),
    placed AS (
        SELECT changes.*, chats.position AS asked_at, regexp_matches(path, '{TEST_FILE}') AS is_test, {KEY} AS key
        FROM changes ASOF JOIN chats
            ON chats.conversation_id = changes.conversation_id AND chats.position < changes.position
        WHERE chats.turn > changes.turn AND (content IS NOT NULL OR edits IS NOT NULL)
            AND changes.conversation_id NOT IN (
                SELECT conversation_id FROM changes WHERE content IS NULL AND edits IS NULL
            )
    ),
    states AS (
        SELECT
            *,
            list({{'content': content, 'edits': edits}}) OVER so_far AS parts,
            list(interaction_id) OVER so_far AS change_ids,
            bool_or(is_delta) OVER so_far AS is_new,
            min(file) FILTER (NOT regexp_matches(path, '{BESIDE}')) OVER turn
                = max(file) FILTER (NOT regexp_matches(path, '{BESIDE}')) OVER turn AS is_alone,
            bool_or(coalesce(feedback < 0, false)) OVER so_far AS is_disliked,
            min(path) OVER (PARTITION BY conversation_id, file) = max(path) OVER (PARTITION BY conversation_id, file)
                AS is_one
        FROM (
            SELECT *, count(content) OVER (PARTITION BY conversation_id, asked_at, file ORDER BY position) AS version
            FROM placed WHERE NOT is_test
        )
        WINDOW so_far AS (PARTITION BY conversation_id, asked_at, file, version ORDER BY position),
            turn AS (PARTITION BY conversation_id, asked_at)
    ),
    commands AS (
        SELECT *, {{
            'position': position, 'id': interaction_id, 'at': occurred_at, 'is_delta': is_delta,
            'words': NULL::VARCHAR
        }} AS ran
        FROM (
            SELECT
                conversation_id, position, interaction_id, occurred_at, is_delta, success, error_type, output,
                coalesce(
                    {command(ARGUMENTS)},
                    CASE WHEN list_contains($run_actions, action) THEN input
                        WHEN regexp_matches({TOOL}, '{REMOVER}')
                        THEN 'rm ' || array_to_string(json_extract_string({ARGUMENTS}, '$.*'), ' ') END
                ) AS text
            FROM events
            WHERE (list_contains($run_actions, action) OR list_contains($tool_actions, action))
                AND conversation_id IN (SELECT conversation_id FROM states)
        ) WHERE text IS NOT NULL
    ),
    attempts AS (
        SELECT
            *, true AS is_command, success AND coalesce(stripped(error_type), '') = '' AS is_good,
            contains(text, '|') OR {EVASIONS} <> [] AS is_hidden
        FROM commands WHERE success IS NOT NULL
    ),
    tests AS (
        SELECT
            conversation_id, asked_at, path, file, min(position) AS written_at, arg_max(content, position) AS text,
            arg_max({TOLD}, position) AS told, len(regexp_extract_all(text, '{TEST}')) AS size
        FROM placed WHERE is_test AND content IS NOT NULL
        GROUP BY ALL
    ),
    suites AS (
        SELECT *, {named("begin", "runner")} AS names, {passed("output")} AS passed
        FROM (
            SELECT *, CASE WHEN regexp_matches(begin, '{SINGLE}') THEN {runner("begin")} END AS runner
            FROM (
                SELECT
                    attempts.* EXCLUDE (output), right(output, {READ}) AS output, chats.position AS asked_at,
                    {BARE} AS bare, {BEGIN} AS begin
                FROM attempts
                ASOF JOIN chats
                    ON chats.conversation_id = attempts.conversation_id AND chats.position < attempts.position
            )
        ) WHERE runner <> ''
    ),
    covered AS (
        SELECT suites.*, CASE WHEN tests.file IS NULL THEN [{KEY_OF_NAME}] ELSE told END AS keys
        FROM (SELECT *, unnest(names) AS name, {FILE_OF_NAME} AS file FROM suites) AS suites
        LEFT JOIN tests USING (conversation_id, asked_at, file)
        WHERE passed > 0 OR NOT is_good
        UNION ALL BY NAME
        SELECT suites.*, told AS keys FROM suites JOIN tests USING (conversation_id, asked_at)
        WHERE written_at < position
            AND CASE WHEN is_good THEN passed >= greatest(1, size) ELSE contains(output, file) END
            AND (names = [] AND NOT regexp_matches(path, '{TEMPORARY}') OR len(list_filter(
                names, lambda name: contains('/' || replace(path, chr(92), '/'), '/' || name || '/')
            )) > 0)
    ),
    runs AS (
        SELECT *, regexp_extract(name, '[^/]*$') AS file
        FROM (SELECT *, unnest(list_distinct(regexp_extract_all(text, '{RUNS}', 1))) AS name FROM attempts)
    ),
    tried AS (
        SELECT {TRIED}, false AS is_suite
        FROM runs ASOF JOIN states
            ON states.conversation_id = runs.conversation_id AND states.file = runs.file
            AND states.position < runs.position
        WHERE {IS_KNOWN} AND (name = path OR ends_with(path, '/' || regexp_replace(name, '^(?:\\./)+', '')))
        UNION ALL
        SELECT {TRIED}, true
        FROM (SELECT * EXCLUDE (keys), unnest(list_distinct(keys)) AS key FROM covered) AS runs ASOF JOIN states
            ON states.conversation_id = runs.conversation_id AND states.asked_at = runs.asked_at
            AND states.key = runs.key AND states.position < runs.position
        WHERE {IS_KNOWN}
    ),
    spoiled AS (
        SELECT DISTINCT tried.interaction_id, state_id
        FROM (SELECT *, unnest(range(changed_at + 1, position)) AS step FROM tried WHERE is_good) AS tried
        JOIN commands ON commands.conversation_id = tried.conversation_id AND commands.position = step
        WHERE commands.success IS DISTINCT FROM false AND NOT {only_looks("commands.text")}
            AND stripped(commands.text) <> stripped(tried.text)
    ),
    failures AS (
        SELECT state_id, max(position) AS failed_at, arg_max(ran, position) AS failing,
            arg_max(stripped(text), position) AS failing_text
        FROM tried WHERE NOT is_good GROUP BY ALL
    ),
    judged AS (
        SELECT
            state_id,
            any_value(failing) AS failing,
            bool_or(is_good AND NOT is_hidden) AS has_worked,
            arg_min(ran, position) FILTER (
                is_good AND NOT is_hidden AND position > coalesce(failed_at, 0)
                AND stripped(text) = coalesce(failing_text, stripped(text))
                AND NOT (is_suite AND failed_at IS NOT NULL)
            ) AS run
        FROM tried LEFT JOIN failures USING (state_id)
        ANTI JOIN spoiled ON spoiled.interaction_id = tried.interaction_id AND spoiled.state_id = tried.state_id
        GROUP BY state_id
    ),
    made AS (
        SELECT
            states.conversation_id, path, file, is_alone, asked_at, states.position AS changed_at, change_ids, is_new,
            is_disliked,
            failing, has_worked, run,
            list_reduce(parts, lambda before, part: {{
                'content': list_reduce(
                    list_prepend({{'old': before.content, 'new': before.content}}, part.edits),
                    lambda text, it: {{'old': it.old, 'new': CASE WHEN contains(text.new, it.old)
                        THEN replace(text.new, it.old, it.new) END}}
                ).new,
                'edits': part.edits
            }}).content AS code
        FROM states JOIN judged ON judged.state_id = states.interaction_id
        WHERE run IS NOT NULL OR (failing IS NOT NULL AND has_worked)
        QUALIFY row_number() OVER (
            PARTITION BY states.conversation_id, asked_at, file ORDER BY run IS NULL, states.position DESC
        ) = 1
    ),
    asked AS (
        SELECT made.*, chats.* EXCLUDE (conversation_id, position) FROM made
        JOIN chats ON chats.conversation_id = made.conversation_id AND chats.position = asked_at
        WHERE code IS NOT NULL AND {is_asked("input", "path", "file", "is_alone")}
    ),
    removals AS (
        SELECT
            conversation_id, position, ran, regexp_matches(text, '{UNDOES}') AS undoes,
            list_transform(
                flatten(list_transform(
                    regexp_extract_all(replace(text, chr(92), '/'), '{REMOVES}', 1),
                    lambda rest: regexp_extract_all(rest, '[^\\s\\x22\\x27]+')
                )),
                lambda word: regexp_replace(word, '^(?:\\./)+|/?\\*?$', '', 'g')
            ) AS removed
        FROM commands WHERE success IS DISTINCT FROM false AND regexp_matches(text, '{REMOVES}|{UNDOES}')
    ),
    lost AS (
        SELECT interaction_id, file, arg_min(ran, position) AS losing
        FROM asked JOIN removals USING (conversation_id)
        WHERE position > changed_at AND (
            undoes AND position < coalesce(until, position + 1)
            OR len(list_filter(removed, lambda word: word <> '' AND (
                regexp_extract(word, '[^/]*$') IN (file, '*' || regexp_extract(file, '\\.\\w+$'))
                OR contains('/' || replace(path, chr(92), '/'), '/' || word || '/')
            ))) > 0
        )
        GROUP BY ALL
    )
SELECT
    conversation_id, module, interaction_id, changed_at AS position, occurred_at, is_delta OR is_new AS is_delta, tier,
    fact, concat_ws({LINE}, input, CASE WHEN NOT contains(input, file) THEN file END) AS input,
    code, false AS is_generated, false AS is_edited, false AS is_corrected,
    is_disliked OR coalesce(feedback < 0, false) AS is_disliked, false AS is_vouched, false AS is_accepted,
    CASE WHEN losing IS NULL THEN run END AS run, coalesce(losing, failing) AS failing,
    failing IS NOT NULL OR losing IS NOT NULL AS has_failed, has_worked, change_ids
FROM asked LEFT JOIN lost USING (interaction_id, file)
"""

FILES = Table(
    "files",
    f"{COLUMNS}, change_ids VARCHAR[]",
    "FROM changes WHERE content IS NOT NULL",
    SELECT,
)
"""`change_ids` are the calls that wrote and edited the file."""
