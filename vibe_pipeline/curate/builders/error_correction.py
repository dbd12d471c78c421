"""error_correction: failing input and its error → the later success of the same conversation and module.

The success must be a version of what failed (versions.py), and not just the next thing that worked; it must mend it and
not hide it, and what the user forbade did not fail (evasions.py). Of several the nearest is taken that nobody disliked,
and each try that failed before it is a lesson of its own. Where the very input that failed worked at another time in
the conversation, the world was at fault and not the words: nothing is learned. A pair is of the generation in which the
second of the two arrived, be it the failure.

Those that may have been learned before and are no fixes have a `failure`, so that they are taken back: the fix was
disliked, or the input worked unchanged in a later generation.

The words of a command are the fix only where nothing else that may have mended it was done between the two: a file that
was changed, a command that does more than to look (looking.py). But for a slip, and what the error proposed. Where an
agent changed a file and the command is the same but for flags, what the file's words became is the fix (mending.py).

Looked at are the next ten successes, so that the cost grows with the log and not with the length of a session.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.changes import UNDESCRIBED
from vibe_pipeline.curate.sessions.evasions import EVASIONS, USAGE, is_hidden, is_no_failure
from vibe_pipeline.curate.sessions.looking import only_looks
from vibe_pipeline.curate.sessions.versions import (
    ARGUMENTS,
    READ,
    SHAPE,
    TEXT,
    TOOL,
    command,
    is_program,
    is_sure,
    is_version,
)

NEXT = 10
"""Successes: who mends something does little else meanwhile, and what works later is likelier another task."""

SAID = f"concat_ws(chr(10), left(worked.usage, {4 * READ}), right(failed.output, {READ}))"
"""Where another word may be proposed: the error, and the usage where that was looked up just before."""

IS_COMMAND = f"(list_contains($run_actions, action) OR {command(ARGUMENTS)} IS NOT NULL)"

WAS_MENDED = f"""CASE
    WHEN NOT failed.is_command THEN false
    WHEN {is_program("failed", "worked")} THEN worked.changed_at > failed.position
    ELSE worked.done_at > failed.position
END"""
"""Between the two something else was done that may have: a file was changed, or a command did more than to look. A
program says by itself what it does: only a change of a file counts."""

SELECT = f"""
WITH
    runs AS (
        SELECT
            *,
            success AND coalesce(stripped(error_type), '') = '' AS is_good,
            count(*) FILTER (is_good) OVER so_far AS goods,
            count(*) FILTER (is_good) OVER (PARTITION BY conversation_id, module) AS all_goods,
            bool_or(coalesce(success, false)) OVER same AS has_worked,
            bool_or(coalesce(success AND is_delta, false)) OVER same AS works_now
        FROM events
        WHERE list_contains($run_actions, action) OR list_contains($tool_actions, action)
        WINDOW
            so_far AS (PARTITION BY conversation_id, module ORDER BY position),
            same AS (PARTITION BY conversation_id, module, sha256({UNDESCRIBED}))
    ),
    failures AS (
        SELECT *, {TOOL} AS tool, {TEXT} AS text, {IS_COMMAND} AS is_command FROM runs
        WHERE success = false AND (works_now OR NOT has_worked) AND NOT {is_no_failure("runs")}
    ),
    goods AS (
        SELECT *, is_change OR CASE WHEN {IS_COMMAND} THEN NOT {only_looks("text")} ELSE false END AS is_deed
        FROM (
            SELECT *, {TOOL} AS tool, {TEXT} AS text,
                interaction_id IN (SELECT interaction_id FROM changes) AS is_change
            FROM runs
            WHERE (is_good OR success IS NULL)
                AND (conversation_id, module) IN (SELECT (conversation_id, module) FROM failures)
        )
        WHERE is_good OR is_deed
    ),
    failed AS (
        SELECT *, unnest(range(goods + 1, least(goods + {NEXT}, all_goods) + 1)) AS nearby
        FROM (SELECT *, {SHAPE} AS shape, {EVASIONS} AS evasions FROM failures WHERE goods < all_goods)
    ),
    worked AS (
        SELECT
            *, {SHAPE} AS shape, {EVASIONS} AS evasions, coalesce(feedback < 0, false) AS is_disliked,
            lag(CASE WHEN regexp_matches(left(output, {READ}), '{USAGE}') THEN output END) OVER so_far AS usage,
            max(CASE WHEN is_deed AND NOT is_disliked THEN position END) OVER before AS done_at,
            max(CASE WHEN is_change THEN position END) OVER before AS changed_at
        FROM goods
        WINDOW
            so_far AS (PARTITION BY conversation_id, module ORDER BY position),
            before AS (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    pairs AS (
        SELECT
            failed, worked,
            bool_or(worked.is_disliked AND worked.is_delta) OVER nearest AS is_disliked_now,
            row_number() OVER (PARTITION BY failed.interaction_id, worked.is_disliked ORDER BY worked.position) AS nth
        FROM failed JOIN worked
            ON worked.conversation_id = failed.conversation_id
            AND worked.module = failed.module
            AND worked.goods = failed.nearby
            AND worked.is_good
            AND worked.tool IS NOT DISTINCT FROM failed.tool
        WHERE CASE WHEN {is_version("failed", "worked", said=SAID)}
            THEN CASE WHEN {WAS_MENDED} THEN {is_sure("failed", "worked", SAID)} ELSE true END
                AND NOT {is_hidden("failed", "worked")} END
        WINDOW nearest AS (PARTITION BY failed.interaction_id ORDER BY worked.position)
    )
SELECT
    failed.conversation_id,
    failed.module,
    concat_ws(
        chr(10) || chr(10),
        failed.input,
        nullif(stripped(failed.output), ''),
        CASE WHEN NOT contains(failed.output, failed.error_type) THEN failed.error_type END
    ) AS prompt,
    prompt AS question,
    worked.input AS completion,
    [failed.interaction_id, worked.interaction_id] AS interaction_ids,
    worked.occurred_at,
    failed.works_now OR failed.is_delta OR worked.is_delta OR is_disliked_now AS is_delta,
    worked.tier,
    ['success'] AS evidence,
    CASE WHEN failed.has_worked THEN 'worked unchanged' WHEN worked.is_disliked THEN 'disliked' END AS failure
FROM pairs
WHERE (worked.is_disliked OR nth = 1) AND NOT (failed.has_worked AND failed.is_delta AND worked.is_delta)
UNION ALL BY NAME
SELECT *, prompt AS question, ['success'] AS evidence FROM mended
"""
