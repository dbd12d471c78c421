"""Code that was said, with what vouches for it and what speaks against it.

A table of each version of an answer that is code: whether it ran later, failed, was thanked for. Read where code is
learned and where a reply that holds it is. Not here: what is learned (builders/).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.holding import is_run_between
from vibe_pipeline.curate.sessions.tables import Table
from vibe_pipeline.curate.sessions.thanks import ACCEPTS

NEARBY = 10
"""Runs after the answer that are searched for the code as a part; as a whole it is found at any distance."""
WHOLE = 20
"""Characters: shorter code stands in many a run by chance."""

BLOCK = r"(?ms)^([ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?)```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$"
"""Its groups are the fence's indent, which in a list is the item's and taken from each line, and the code."""
INDENTED = r"^\n*[ \t]"

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
                CASE WHEN is_run THEN [input] ELSE list_prepend(output, improvements) END AS versions
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
            AND (is_generated OR conversation_id IN (SELECT conversation_id FROM tries))
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
    )
SELECT
    conversation_id, module, interaction_id, position, occurred_at, is_delta, tier, extra ->> '$.fact' AS fact,
    input, code, is_generated, is_edited, is_corrected, is_disliked, is_vouched, is_generated AND is_thanked
        AS is_accepted,
    success, tests, feedback, reply, run, failing, has_failed, has_worked
FROM tried
WHERE run IS NOT NULL OR has_failed OR (is_generated AND (is_disliked OR is_vouched OR is_thanked))
"""

COLUMNS = """
    conversation_id VARCHAR, module VARCHAR, interaction_id VARCHAR, position BIGINT, occurred_at TIMESTAMPTZ,
    is_delta BOOLEAN, tier VARCHAR, fact VARCHAR, input VARCHAR, code VARCHAR, is_generated BOOLEAN, is_edited BOOLEAN,
    is_corrected BOOLEAN, is_disliked BOOLEAN, is_vouched BOOLEAN, is_accepted BOOLEAN, success BOOLEAN, tests BOOLEAN,
    feedback DOUBLE, reply {proof}, run {proof}, failing {proof}, has_failed BOOLEAN, has_worked BOOLEAN
""".format(proof='STRUCT(position BIGINT, id VARCHAR, "at" TIMESTAMPTZ, is_delta BOOLEAN, words VARCHAR)')

TRIALS = Table(
    "trials",
    COLUMNS,
    "FROM events WHERE list_contains($generate_actions, action) OR list_contains($run_actions, action)",
    SELECT,
)
"""`reply` is the next turn, `failing` the last run that held the code and failed, and `run` the first one behind it (or
behind the code, where none failed) that worked."""
