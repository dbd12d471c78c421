"""code_generation: a request → code that worked.

Evidence is needed: the interaction says success or that its tests passed, somebody liked it, the next turn thanks for
it, or the code was run later in the conversation and succeeded. Code nobody vouched for is not learned, nor is code
that failed whenever it was run, whatever else was said of it. Of an answer with one fenced block the block is the code.
An answer in a chat needs the run: there "success" only says that the reply came to its end. A commit's diff is code
that was accepted.

`extra.tests` is "passed" or "failed", true or false, or {"passed": n, "failed": n}. The example belongs to the
generation of its first evidence: code written before a cut and proven after it is not lost.
"""

from __future__ import annotations

from vibe_pipeline.curate.turns import prompt, turns

NEARBY = 10
"""Runs after the answer that are searched for the code as a part; as a whole it is found at any distance."""
WHOLE = 20
"""Characters: shorter code stands in many a run by chance."""

BLOCKS = r"regexp_extract_all(output, '(?ms)^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$', 1)"

THANKS = r"(?i)^\W*(?:thanks|thank you|thx|perfect|great|awesome|excellent|(?:it |that |this )?work(?:s|ed)\b|lgtm)"
DOUBTS = (
    r"(?i)error|exception|traceback|crash|fail|wrong|brok|break|problem|issue|warning|n.t\b"
    r"|\b(?:but|no|never\w*|nothing|none|however|still|almost|except|instead|another|different|opposite|myself|undo"
    r"|revert|get an?|hangs?|stuck|thr[eo]w\w*|raise[sd]?|los[et]s?|miss(?:es|ing)|slow\w*|worse|weird|bugs?|buggy)\b"
)
"""The next turn accepts the code where it begins with the first and holds none of the second, in 200 characters."""

TESTS = r"""
CASE
    WHEN json_type(extra, '$.tests') = 'OBJECT' THEN
        CASE WHEN try_cast(extra ->> '$.tests.failed' AS INTEGER) > 0 THEN false
            WHEN try_cast(extra ->> '$.tests.passed' AS INTEGER) > 0 THEN true END
    WHEN lower(extra ->> '$.tests') IN ('passed', 'true') THEN true
    WHEN lower(extra ->> '$.tests') IN ('failed', 'false') THEN false
END
"""

PROOF = """{
    'position': position, 'id': interaction_id, 'at': occurred_at, 'is_delta': is_delta, 'words': left(input, 201)
}"""

SELECT = f"""
WITH
    told AS (
        SELECT
            * EXCLUDE (output),
            list_contains($generate_actions, action) AS is_generated,
            list_contains($run_actions, action) AS is_run,
            CASE WHEN contains(output, '```') AND NOT is_run THEN {BLOCKS} ELSE [] END AS blocks,
            CASE WHEN len(blocks) = 1 THEN rtrim(blocks[1], chr(13) || chr(10)) WHEN is_generated THEN output END
                AS code,
            sha256(stripped(CASE WHEN is_run THEN input ELSE code END)) AS code_key,
            count(*) FILTER (is_run AND success IS NOT NULL) OVER so_far AS runs
        FROM events
        WHERE is_generated OR is_run OR list_contains($chat_actions, action)
        WINDOW so_far AS (PARTITION BY conversation_id ORDER BY position)
    ),
    tries AS (
        SELECT
            conversation_id, code_key, runs AS nth, position AS ran_at, input AS ran_input, success AS is_good,
            {PROOF} AS ran
        FROM told WHERE is_run AND success IS NOT NULL
    ),
    good AS (SELECT * FROM tries WHERE is_good),
    bad AS (SELECT * FROM tries WHERE NOT is_good),
    written AS (
        SELECT
            *,
            {TESTS} AS tests,
            coalesce(success OR feedback > 0 OR tests, false) AS is_vouched,
            regexp_matches(reply.words, '{THANKS}') AND NOT regexp_matches(reply.words, '{DOUBTS}')
                AND length(reply.words) <= 200 AS is_thanked
        FROM (
            SELECT *, lead({PROOF}) OVER (PARTITION BY conversation_id ORDER BY position) AS reply
            FROM told WHERE NOT is_run
        )
        WHERE stripped(code) <> '' AND success IS DISTINCT FROM false AND coalesce(feedback, 0) >= 0
            AND coalesce(tests, true) AND (is_generated OR conversation_id IN (SELECT conversation_id FROM good))
    ),
    around AS (
        SELECT
            interaction_id,
            min(ran_at) FILTER (is_good) AS contained_at,
            arg_min(ran, ran_at) FILTER (is_good) AS containing,
            bool_or(NOT is_good) AS has_failed
        FROM (
            SELECT interaction_id, conversation_id, code, unnest(range(runs + 1, runs + {NEARBY} + 1)) AS nth
            FROM written WHERE length(stripped(code)) >= {WHOLE}
        ) JOIN tries USING (conversation_id, nth)
        WHERE contains(ran_input, stripped(code))
        GROUP BY interaction_id
    ),
    tried AS (
        SELECT
            written.*,
            bad.ran IS NOT NULL OR coalesce(around.has_failed, false) AS has_failed,
            CASE WHEN contained_at < coalesce(good.ran_at, contained_at + 1) THEN containing ELSE good.ran END AS run
        FROM written
        ASOF LEFT JOIN good ON good.conversation_id = written.conversation_id AND good.code_key = written.code_key
            AND good.ran_at > written.position
        ASOF LEFT JOIN bad ON bad.conversation_id = written.conversation_id AND bad.code_key = written.code_key
            AND bad.ran_at > written.position
        LEFT JOIN around ON around.interaction_id = written.interaction_id
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
        WHERE run IS NOT NULL OR (is_generated AND (is_vouched OR is_accepted) AND NOT has_failed)
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
            CASE WHEN is_generated AND success THEN 'success' END,
            CASE WHEN tests THEN 'tests' END,
            CASE WHEN run IS NOT NULL THEN 'ran later' END,
            CASE WHEN feedback > 0 THEN 'feedback' END,
            CASE WHEN is_accepted THEN 'accepted' END
        ],
        lambda why: why IS NOT NULL
    ) AS evidence,
    unjoined
FROM proven LEFT JOIN (
    SELECT interaction_id, context, unjoined, turn_ids FROM (
        {turns("conversation_id IN (SELECT conversation_id FROM proven WHERE NOT is_generated)")}
    )
) AS turns ON turns.interaction_id = proven.interaction_id
UNION ALL BY NAME
SELECT
    conversation_id,
    module,
    concat_ws(chr(10) || chr(10), input, nullif(output, '')) AS prompt,
    prompt AS question,
    improvements[-1] AS completion,
    [interaction_id] AS interaction_ids,
    occurred_at,
    is_delta,
    tier,
    ['committed'] AS evidence
FROM events
WHERE list_contains($commit_actions, action) AND success IS DISTINCT FROM false AND len(improvements) > 0
"""
