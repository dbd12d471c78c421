"""error_correction: failing input and its error → the later success of the same conversation and module.

The success must be a version of what failed (versions.py), and not just the next thing that worked; it must mend it and
not hide it, and what the user forbade did not fail (evasions.py). Of several the nearest is taken that nobody disliked,
and each try that failed before it is a lesson of its own. Where the very input that failed worked at another time in
the conversation, the world was at fault and not the words: nothing is learned. A pair is of the generation in which the
second of the two arrived, be it the failure.

Those that may have been learned before and are no fixes have a `failure`, so that they are taken back: the fix was
disliked, or the input worked unchanged in a later generation.

Where an agent changed a file between the two, and the command is the same, the words of the file were at fault: what
they became is the fix (mending.py).

Looked at are the next ten successes, so that the cost grows with the log and not with the length of a session.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.changes import UNDESCRIBED
from vibe_pipeline.curate.sessions.evasions import EVASIONS, USAGE, is_hidden, is_no_failure
from vibe_pipeline.curate.sessions.versions import READ, SHAPE, TEXT, TOOL, is_version

NEXT = 10
"""Successes: who mends something does little else meanwhile, and what works later is likelier another task."""

SAID = f"concat_ws(chr(10), left(worked.usage, {4 * READ}), right(failed.output, {READ}))"
"""Where another word may be proposed: the error, and the usage where that was looked up just before."""

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
        SELECT *, {TOOL} AS tool, {TEXT} AS text FROM runs
        WHERE success = false AND (works_now OR NOT has_worked) AND NOT {is_no_failure("runs")}
    ),
    goods AS (
        SELECT *, {TOOL} AS tool, {TEXT} AS text FROM runs
        WHERE is_good AND (conversation_id, module) IN (SELECT (conversation_id, module) FROM failures)
    ),
    failed AS (
        SELECT *, unnest(range(goods + 1, least(goods + {NEXT}, all_goods) + 1)) AS nearby
        FROM (SELECT *, {SHAPE} AS shape, {EVASIONS} AS evasions FROM failures WHERE goods < all_goods)
    ),
    worked AS (
        SELECT
            *, {SHAPE} AS shape, {EVASIONS} AS evasions, coalesce(feedback < 0, false) AS is_disliked,
            lag(CASE WHEN regexp_matches(left(output, {READ}), '{USAGE}') THEN output END) OVER so_far AS usage
        FROM goods WINDOW so_far AS (PARTITION BY conversation_id, module ORDER BY position)
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
            AND worked.tool IS NOT DISTINCT FROM failed.tool
        WHERE CASE WHEN {is_version("failed", "worked", said=SAID)}
            THEN NOT {is_hidden("failed", "worked")} END
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
