"""code_generation: a request → code that worked.

Evidence is needed: the interaction says success or that its tests passed, somebody liked it or wrote a better text in
its place, the next turn thanks for it, or the code was run later in the conversation and succeeded. Code nobody vouched
for is not learned. Of an answer with one fenced block the block is the code. A better text is the code, and what was
said of the one it replaced says nothing of it. An answer in a chat needs the run: there "success" only says that the
reply came to its end. A commit's diff is code that was accepted, where it changes lines that somebody wrote: no lock
file, nothing that a program made, no name or mode alone. Which file it is of stands in the prompt.

A run that failed and held the code speaks against it, whatever else was said, until one after it succeeds that holds at
least as much: to define a function again answers no assertion that failed. What only wrote the code to a file, quoted
it or left it out as a comment did not run it.

`extra.tests` is "passed" or "failed", true or false, what a test runner says ("3 passed, 1 failed"), or {"passed": n,
"failed": n, "errors": n}. The example belongs to the generation of its first evidence, or of the first run that worked
after one failed: code written before a cut and proven after it is not lost, nor what was taken back and works again.

What was vouched for and is code to learn no longer has a `failure`, so that it is taken back where it was learned
before: it was disliked, it failed since, somebody corrected it, or another answer was chosen.
"""

from __future__ import annotations

from vibe_pipeline.curate.holding import is_run_between
from vibe_pipeline.curate.turns import prompt, turns

NEARBY = 10
"""Runs after the answer that are searched for the code as a part; as a whole it is found at any distance."""
WHOLE = 20
"""Characters: shorter code stands in many a run by chance."""

BLOCK = r"(?ms)^([ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?)```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$"
"""Its groups are the fence's indent, which in a list is the item's and taken from each line, and the code."""
INDENTED = r"^\n*[ \t]"

PRAISES = (
    r"(?:many )?(?:thanks|thank you|thx|cheers|lgtm)"
    r"(?: again| a lot| a ton| so much| very much| for (?:this|that|it|(?:the|your) help))*"
    r"|(?:(?:it|that|this)(?: is|s|.s) )?"
    r"(?:very |just |exactly )?(?:nice|great|perfect|awesome|excellent|brilliant|wonderful|amazing|fantastic)(?:ly)?"
    r"(?: job| work| stuff| code| solution| answer| one)?"
    r"|(?:(?:it|that|this) )?(?:all )?work(?:s|ed)(?: now| fine| well| great| perfectly| nicely| beautifully"
    r"| flawlessly| like a charm| as (?:expected|intended|it should)| too| (?:the )?first (?:time|try)"
    r"| for me| on my machine)*"
    r"|(?:it|that|this)(?: is|s|.s) (?:it|(?:exactly )?what i (?:need|want)(?:ed)?)|much appreciated|well done"
)
BESIDE = (
    r"(?:add|write|generate|create)(?: me)?(?: an?| the| some| unit| more)*"
    r" (?:tests?|docs|documentation|docstrings?|comments|readme|type hints|benchmarks?|examples?|commit message)"
    r"(?: for (?:it|this|that|them))?"
    r"|(?:the same |do the same )?in (?:bash|c|c\+\+|c#|go|haskell|java|javascript|julia|kotlin|lua|perl|php|python|r"
    r"|ruby|rust|scala|sql|swift|typescript)"
)
MARK = r"[^\pL\pN_?]"
ACCEPTS = (
    rf"(?i)^{MARK}*(?:(?:and )?(?:{PRAISES})(?:{MARK}+|$))+(?:(?:and |now |next |then |please )*(?:{BESIDE}){MARK}*)?$"
)
"""The next turn accepts the code where it says thanks, praise or that it works, and nothing else but to ask for what
stands beside the code. Whatever is said besides may be a complaint ("Great, the tests are red now"), in words that no
list foresees: it is the weakest evidence, and little is lost with it."""

TESTS = r"""
CASE
    WHEN json_type(extra, '$.tests') = 'OBJECT' THEN CASE
        WHEN try_cast(extra ->> '$.tests.failed' AS INTEGER) > 0 OR try_cast(extra ->> '$.tests.errors' AS INTEGER) > 0
            THEN false
        WHEN try_cast(extra ->> '$.tests.passed' AS INTEGER) > 0 THEN true
    END
    WHEN json_type(extra, '$.tests') IN ('VARCHAR', 'BOOLEAN') THEN CASE
        WHEN regexp_matches(
            lower(extra ->> '$.tests'),
            '^\W*(?:fail|false|error)|\b0*[1-9]\d* (?:tests? )?(?:fail|error)|\b(?:fail\w*|errors?)\s*[:=]\s*0*[1-9]'
        ) THEN false
        WHEN regexp_matches(
            lower(extra ->> '$.tests'),
            '^\W*(?:pass|true)|\b0*[1-9]\d* (?:tests? )?pass|\bpass\w*\s*[:=]\s*0*[1-9]'
        ) THEN true
    END
END
"""

CHANGES = r"(?m)^(?:@@|[+-])"
"""A line of a diff that is more than names and modes: git has @@ before them."""
NAMES = r"(?m)^(?:\+\+\+ b|--- a)/([^\t\n]+)"
"""Of the files, where the source does not name one."""
MADE = (
    r"(?:^|/)(?:package-lock\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock|Cargo\.lock|Gemfile\.lock"
    r"|composer\.lock|go\.sum)$|\.min\.(?:js|css)$|\.(?:map|svg)$"
)
"""Files that programs write: nobody learns to."""

PROOF = """{
    'position': position, 'id': interaction_id, 'at': occurred_at, 'is_delta': is_delta, 'words': left(input, 201)
}"""


def outcomes(worked: str) -> str:
    """SQL: of runs, when the last one worked and failed, how long the longest failing one was, and the last such."""
    return f"""
        max(ran_at) FILTER ({worked}) AS worked_at,
        max(ran_at) FILTER (NOT is_good) AS failed_at,
        max(size) FILTER (NOT is_good) AS failed_size,
        arg_max(ran, ran_at) FILTER (NOT is_good) AS failing
    """


SELECT = f"""
WITH
    said AS (
        SELECT *, lead({PROOF}) OVER (PARTITION BY conversation_id, is_run ORDER BY position) AS reply
        FROM (
            SELECT
                *,
                list_contains($generate_actions, action) AS is_generated,
                list_contains($run_actions, action) AS is_run,
                CASE WHEN is_run THEN [input]
                    ELSE list_prepend(output, list_filter(improvements, lambda text: stripped(text) <> '')) END
                    AS versions
            FROM events
            WHERE is_generated OR is_run OR list_contains($chat_actions, action)
        )
    ),
    versions AS (
        SELECT *, versions[version] AS text, version > 1 AS is_edited, version < len(versions) AS is_corrected
        FROM (SELECT *, unnest(range(1, len(versions) + 1)) AS version FROM said)
    ),
    answered AS (
        SELECT
            *,
            CASE WHEN contains(answer, '```') AND NOT is_run THEN regexp_extract_all(answer, '{BLOCK}', 2) ELSE [] END
                AS blocks
        FROM (
            SELECT
                * EXCLUDE (output, versions),
                CASE WHEN contains(text, chr(13)) THEN replace(text, chr(13) || chr(10), chr(10)) ELSE text END
                    AS answer
            FROM versions
        )
    ),
    coded AS (
        SELECT
            *,
            CASE
                WHEN len(blocks) = 1 AND regexp_matches(block, '{INDENTED}') THEN regexp_replace(
                    block, concat('(?m)^[ \t]{{0,', length(regexp_extract(answer, '{BLOCK}', 1)), '}}'), '', 'g'
                )
                WHEN len(blocks) = 1 THEN block
                WHEN is_generated OR is_run THEN answer
            END AS code
        FROM (SELECT *, rtrim(blocks[1], chr(10)) AS block FROM answered)
    ),
    told AS (
        SELECT
            *,
            sha256(stripped(code)) AS code_key,
            count(*) FILTER (is_run AND success IS NOT NULL) OVER so_far AS runs
        FROM coded
        WINDOW so_far AS (PARTITION BY conversation_id ORDER BY position)
    ),
    tries AS (
        SELECT
            conversation_id, code_key, runs AS nth, position AS ran_at, code AS ran_input, success AS is_good,
            length(stripped(code)) AS size,
            {PROOF} AS ran
        FROM told WHERE is_run AND success IS NOT NULL
    ),
    good AS (SELECT * FROM tries WHERE is_good),
    whole AS (SELECT conversation_id, code_key, {outcomes("is_good")} FROM tries GROUP BY ALL),
    written AS (
        SELECT
            *,
            {TESTS} AS tests,
            coalesce(is_edited OR success OR feedback > 0 OR tests, false) AS is_vouched,
            coalesce(NOT is_edited AND feedback < 0, false) AS is_disliked,
            coalesce(NOT is_edited AND regexp_matches(reply.words, '{ACCEPTS}') AND length(reply.words) <= 200, false)
                AS is_thanked
        FROM told
        WHERE NOT is_run
            AND stripped(code) <> ''
            AND (is_edited OR (success IS DISTINCT FROM false AND coalesce(tests, true)))
            AND (is_generated OR conversation_id IN (SELECT conversation_id FROM good))
        QUALIFY row_number() OVER (PARTITION BY interaction_id, code_key ORDER BY version DESC) = 1
    ),
    near AS (
        SELECT
            interaction_id, part_of.code_key, ran_at, ran, is_good, size,
            strpos(ran_input, part) AS begins,
            CASE WHEN is_good THEN {
    is_run_between("left(ran_input, begins - 1)", "substr(ran_input, begins + length(part))")
} END AS is_proof
        FROM (
            SELECT interaction_id, conversation_id, code_key, stripped(code) AS part,
                unnest(range(runs + 1, runs + {NEARBY} + 1)) AS nth
            FROM written WHERE length(part) >= {WHOLE}
        ) AS part_of JOIN tries USING (conversation_id, nth)
        WHERE contains(ran_input, part)
    ),
    around AS (SELECT interaction_id, code_key, {outcomes("is_proof")} FROM near GROUP BY ALL),
    failed AS (
        SELECT *, failed_at IS NOT NULL AS has_failed, greatest(position, failed_at) AS since
        FROM (
            SELECT
                written.*,
                greatest(whole.failed_at, around.failed_at) AS failed_at,
                coalesce(greatest(whole.failed_size, around.failed_size), 0) AS failed_size,
                CASE WHEN around.failed_at > coalesce(whole.failed_at, 0) THEN around.failing ELSE whole.failing END
                    AS failing,
                coalesce(greatest(whole.worked_at, around.worked_at) > position, false) AS has_worked
            FROM written
            LEFT JOIN whole ON whole.conversation_id = written.conversation_id AND whole.code_key = written.code_key
                AND whole.failed_at > written.position
            LEFT JOIN around ON around.interaction_id = written.interaction_id
                AND around.code_key = written.code_key
        )
    ),
    contained AS (
        SELECT interaction_id, code_key, min(ran_at) AS contained_at, arg_min(ran, ran_at) AS containing
        FROM near JOIN failed USING (interaction_id, code_key)
        WHERE is_proof AND ran_at > since AND size >= failed_size
        GROUP BY ALL
    ),
    tried AS (
        SELECT
            failed.*,
            CASE WHEN good.size >= failed_size THEN good.ran END AS worked,
            CASE WHEN contained_at < coalesce((worked).position, contained_at + 1) THEN containing ELSE worked END
                AS run
        FROM failed
        ASOF LEFT JOIN good ON good.conversation_id = failed.conversation_id AND good.code_key = failed.code_key
            AND good.ran_at > failed.since
        LEFT JOIN contained ON contained.interaction_id = failed.interaction_id
            AND contained.code_key = failed.code_key
    ),
    proven AS (
        SELECT
            *,
            is_generated AND is_thanked AS is_accepted,
            has_failed AND run IS NULL AS is_failed,
            CASE
                WHEN is_failed THEN failing
                WHEN has_failed THEN run
                WHEN is_generated AND is_vouched THEN NULL
                WHEN is_accepted AND reply.position < coalesce(run.position, reply.position + 1) THEN reply
                ELSE run
            END AS proof
        FROM tried
        WHERE run IS NOT NULL OR (has_failed AND has_worked)
            OR (is_generated AND (is_disliked OR is_vouched OR is_accepted))
    )
SELECT
    proven.conversation_id,
    proven.module,
    {prompt("proven.input")} AS prompt,
    proven.input AS question,
    code AS completion,
    coalesce(turn_ids, [proven.interaction_id]) || list_transform(
        list_sort(list_distinct(list_filter([proof, run], lambda later: later IS NOT NULL))), lambda later: later.id
    ) AS interaction_ids,
    coalesce(proof.at, proven.occurred_at) AS occurred_at,
    coalesce(proof.is_delta, false) OR proven.is_delta OR coalesce(rejected.is_delta, false) AS is_delta,
    proven.extra ->> '$.fact' AS fact,
    proven.tier,
    list_filter(
        [
            CASE WHEN is_generated AND success AND NOT is_edited THEN 'success' END,
            CASE WHEN tests AND NOT is_edited THEN 'tests' END,
            CASE WHEN run IS NOT NULL THEN 'ran later' END,
            CASE WHEN feedback > 0 AND NOT is_edited THEN 'feedback' END,
            CASE WHEN is_edited THEN 'edited' END,
            CASE WHEN is_accepted THEN 'accepted' END
        ],
        lambda why: why IS NOT NULL
    ) AS evidence,
    CASE
        WHEN is_corrected THEN 'corrected'
        WHEN is_failed THEN 'failed since'
        WHEN rejected.interaction_id IS NOT NULL AND NOT is_edited THEN 'rejected'
        WHEN is_disliked THEN 'disliked'
    END AS failure
FROM proven
LEFT JOIN (
    SELECT interaction_id, context, turn_ids FROM (
        {turns("conversation_id IN (SELECT conversation_id FROM proven WHERE NOT is_generated)")}
    )
) AS turns ON turns.interaction_id = proven.interaction_id
LEFT JOIN rejected ON rejected.interaction_id = proven.interaction_id
UNION ALL BY NAME
SELECT
    conversation_id,
    module,
    concat_ws(chr(10) || chr(10), input, nullif(array_to_string(files, chr(10)), ''), nullif(output, '')) AS prompt,
    prompt AS question,
    improvements[-1] AS completion,
    [interaction_id] AS interaction_ids,
    occurred_at,
    is_delta,
    tier,
    ['committed'] AS evidence
FROM (
    SELECT
        *,
        CASE WHEN extra ->> '$.path' IS NULL
            THEN list_sort(list_distinct(regexp_extract_all(improvements[-1], '{NAMES}', 1)))
            ELSE [extra ->> '$.path'] END AS files
    FROM events
    WHERE list_contains($commit_actions, action) AND success IS DISTINCT FROM false AND len(improvements) > 0
)
WHERE regexp_matches(improvements[-1], '{CHANGES}')
    AND (files = [] OR len(list_filter(files, lambda file: NOT regexp_matches(file, '{MADE}'))) > 0)
"""
