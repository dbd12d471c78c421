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

`extra.tests` is "passed" or "failed", true or false, or {"passed": n, "failed": n}. The example belongs to the
generation of its first evidence: code written before a cut and proven after it is not lost.
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

THANKS = (
    r"(?i)^\W*(?:thanks|thank you|thx|lgtm"
    r"|(?:perfect|great|awesome|excellent)(?:\W*$|\s*[-–—!.,;:)]"
    r"|\s+(?:thank|thx|job|work|stuff|code|solution|answer|it|that|this|now|and)\w*\b)"
    r"|(?:it |that |this )?work(?:s|ed)(?:\W*$|\s*[-–—!.,;:)]"
    r"|\s+(?:now|fine|well|great|perfect|nice|beautiful|flawless|like|as|too|first|and|thank|for me|on my)\w*\b))"
)
DOUBTS = (
    r"(?i)error|exception|traceback|crash|fail|wrong|brok|break|problem|issue|warning|n.t\b"
    r"|\b(?:but|no|only|never\w*|nothing|none|however|still|almost|except|instead|another|different|opposite|myself"
    r"|any(?:way|how)|all the same|regardless|by hand|manually|for trying|never ?mind|giv(?:e|ing) up|useless|pointless"
    r"|undo|revert|redo|rewrite|actually|get an?|hangs?|stuck|thr[eo]w\w*|raise[sd]?|los[et]s?|miss(?:es|ing)|slow\w*"
    r"|worse|weird|bugs?|buggy|should (?:be|have|return|print|give)|(?:i|we|was|were)(?: ha|.)?d? expect\w*"
    r"|(?:it|this|that) (?:prints|printed|returns|returned|gives|gave|outputs|shows|showed))\b"
)
"""The next turn accepts the code where it begins with the first and holds none of the second, in 200 characters.
"Perfect numbers" and "works only for" accept nothing: praise stands alone or goes on as praise does."""

TESTS = r"""
CASE
    WHEN json_type(extra, '$.tests') = 'OBJECT' THEN
        CASE WHEN try_cast(extra ->> '$.tests.failed' AS INTEGER) > 0 THEN false
            WHEN try_cast(extra ->> '$.tests.passed' AS INTEGER) > 0 THEN true END
    WHEN lower(extra ->> '$.tests') IN ('passed', 'true') THEN true
    WHEN lower(extra ->> '$.tests') IN ('failed', 'false') THEN false
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

SELECT = f"""
WITH
    said AS (
        SELECT
            *,
            list_contains($generate_actions, action) AS is_generated,
            list_contains($run_actions, action) AS is_run,
            list_filter(improvements, lambda text: stripped(text) <> '')[-1] AS edited
        FROM events
        WHERE is_generated OR is_run OR list_contains($chat_actions, action)
    ),
    answered AS (
        SELECT
            *,
            CASE WHEN contains(answer, '```') AND NOT is_run THEN regexp_extract_all(answer, '{BLOCK}', 2) ELSE [] END
                AS blocks
        FROM (
            SELECT
                * EXCLUDE (output),
                CASE WHEN contains(text, chr(13)) THEN replace(text, chr(13) || chr(10), chr(10)) ELSE text END
                    AS answer
            FROM (SELECT *, CASE WHEN is_run THEN input ELSE coalesce(edited, output) END AS text FROM said)
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
    bad AS (
        SELECT conversation_id, code_key, max(ran_at) AS failed_at, max(size) AS failed_size FROM tries
        WHERE NOT is_good GROUP BY ALL
    ),
    written AS (
        SELECT
            *,
            {TESTS} AS tests,
            coalesce(edited IS NOT NULL OR success OR feedback > 0 OR tests, false) AS is_vouched,
            coalesce(edited IS NULL AND feedback < 0, false) AS is_disliked,
            edited IS NULL AND regexp_matches(reply.words, '{THANKS}') AND NOT regexp_matches(reply.words, '{DOUBTS}')
                AND length(reply.words) <= 200 AS is_thanked
        FROM (
            SELECT *, lead({PROOF}) OVER (PARTITION BY conversation_id ORDER BY position) AS reply
            FROM told WHERE NOT is_run
        )
        WHERE stripped(code) <> ''
            AND (
                edited IS NOT NULL
                OR (success IS DISTINCT FROM false AND coalesce(tests, true))
            )
            AND (is_generated OR conversation_id IN (SELECT conversation_id FROM good))
    ),
    near AS (
        SELECT
            interaction_id, ran_at, ran, is_good, size,
            strpos(ran_input, part) AS begins,
            CASE WHEN is_good THEN {
    is_run_between("left(ran_input, begins - 1)", "substr(ran_input, begins + length(part))")
} END AS is_proof
        FROM (
            SELECT interaction_id, conversation_id, stripped(code) AS part,
                unnest(range(runs + 1, runs + {NEARBY} + 1)) AS nth
            FROM written WHERE length(part) >= {WHOLE}
        ) JOIN tries USING (conversation_id, nth)
        WHERE contains(ran_input, part)
    ),
    failed AS (
        SELECT
            written.*,
            greatest(bad.failed_at, around.failed_at) AS failed_at,
            coalesce(greatest(bad.failed_size, around.failed_size), 0) AS failed_size,
            greatest(written.position, bad.failed_at, around.failed_at) AS since
        FROM written
        LEFT JOIN bad ON bad.conversation_id = written.conversation_id AND bad.code_key = written.code_key
            AND bad.failed_at > written.position
        LEFT JOIN (
            SELECT interaction_id, max(ran_at) AS failed_at, max(size) AS failed_size FROM near
            WHERE NOT is_good GROUP BY interaction_id
        ) AS around ON around.interaction_id = written.interaction_id
    ),
    contained AS (
        SELECT interaction_id, min(ran_at) AS contained_at, arg_min(ran, ran_at) AS containing
        FROM near JOIN failed USING (interaction_id)
        WHERE is_proof AND ran_at > since AND size >= failed_size
        GROUP BY interaction_id
    ),
    tried AS (
        SELECT
            failed.*,
            failed_at IS NOT NULL AS has_failed,
            CASE WHEN good.size >= failed_size THEN good.ran END AS whole,
            CASE WHEN contained_at < coalesce((whole).position, contained_at + 1) THEN containing ELSE whole END AS run
        FROM failed
        ASOF LEFT JOIN good ON good.conversation_id = failed.conversation_id AND good.code_key = failed.code_key
            AND good.ran_at > failed.since
        LEFT JOIN contained ON contained.interaction_id = failed.interaction_id
    ),
    proven AS (
        SELECT
            *,
            is_generated AND coalesce(is_thanked, false) AS is_accepted,
            CASE
                WHEN is_generated AND is_vouched THEN NULL
                WHEN is_accepted AND reply.position < coalesce(run.position, reply.position + 1) THEN reply
                ELSE run
            END AS proof
        FROM tried
        WHERE run IS NOT NULL
            OR (is_generated AND (is_disliked OR ((is_vouched OR is_accepted) AND NOT has_failed)))
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
    coalesce(proof.is_delta, false) OR proven.is_delta AS is_delta,
    proven.extra ->> '$.fact' AS fact,
    proven.tier,
    list_filter(
        [
            CASE WHEN is_generated AND success AND edited IS NULL THEN 'success' END,
            CASE WHEN tests AND edited IS NULL THEN 'tests' END,
            CASE WHEN run IS NOT NULL THEN 'ran later' END,
            CASE WHEN feedback > 0 AND edited IS NULL THEN 'feedback' END,
            CASE WHEN edited IS NOT NULL THEN 'edited' END,
            CASE WHEN is_accepted THEN 'accepted' END
        ],
        lambda why: why IS NOT NULL
    ) AS evidence,
    CASE WHEN is_disliked THEN 'disliked' END AS failure
FROM proven LEFT JOIN (
    SELECT interaction_id, context, turn_ids FROM (
        {turns("conversation_id IN (SELECT conversation_id FROM proven WHERE NOT is_generated)")}
    )
) AS turns ON turns.interaction_id = proven.interaction_id
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
