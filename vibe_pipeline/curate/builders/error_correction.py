"""error_correction: failing input and its error → the later success of the same conversation and module.

The success must be a version of what failed (versions.py), and not just the next thing that worked; it must mend it and
not hide it, and what the user forbade did not fail (evasions.py). Of several the nearest is taken, and each try that
failed before it is a lesson of its own. Where the very input that failed worked at another time in the conversation,
the world was at fault and not the words: nothing is learned. `failure` says whether the fix was disliked. A pair is of
the generation in which the second of the two arrived, be it the failure.

Looked at are the next ten successes, so that the cost grows with the log and not with the length of a session.
"""

from __future__ import annotations

from vibe_pipeline.curate.evasions import EVASIONS, is_declined, is_hidden
from vibe_pipeline.curate.versions import SHAPE, TEXT, TOOL, is_version

NEXT = 10
"""Successes: who mends something does little else meanwhile, and what works later is likelier another task."""

SELECT = f"""
WITH
    runs AS (
        SELECT
            *,
            success AND coalesce(stripped(error_type), '') = '' AS is_good,
            count(*) FILTER (is_good) OVER so_far AS goods,
            count(*) FILTER (is_good) OVER (PARTITION BY conversation_id, module) AS all_goods,
            bool_or(coalesce(success, false)) OVER (PARTITION BY conversation_id, module, sha256(stripped(input)))
                AS has_worked
        FROM events
        WHERE list_contains($run_actions, action) OR list_contains($tool_actions, action)
        WINDOW so_far AS (PARTITION BY conversation_id, module ORDER BY position)
    ),
    failures AS (
        SELECT *, {TOOL} AS tool, {TEXT} AS text FROM runs
        WHERE success = false AND NOT has_worked AND NOT {is_declined("runs")}
    ),
    goods AS (
        SELECT *, {TOOL} AS tool, {TEXT} AS text FROM runs
        WHERE is_good AND (conversation_id, module) IN (SELECT (conversation_id, module) FROM failures)
    ),
    failed AS (
        SELECT *, unnest(range(goods + 1, least(goods + {NEXT}, all_goods) + 1)) AS nearby
        FROM (SELECT *, {SHAPE} AS shape, {EVASIONS} AS evasions FROM failures WHERE goods < all_goods)
    ),
    worked AS (SELECT *, {SHAPE} AS shape, {EVASIONS} AS evasions FROM goods)
SELECT
    failed.conversation_id,
    failed.module,
    concat_ws(
        chr(10) || chr(10),
        any_value(failed.input),
        nullif(stripped(any_value(failed.output)), ''),
        CASE WHEN NOT contains(any_value(failed.output), any_value(failed.error_type))
            THEN any_value(failed.error_type) END
    ) AS prompt,
    prompt AS question,
    arg_min(worked.input, worked.position) AS completion,
    [failed.interaction_id, arg_min(worked.interaction_id, worked.position)] AS interaction_ids,
    arg_min(worked.occurred_at, worked.position) AS occurred_at,
    any_value(failed.is_delta) OR arg_min(worked.is_delta, worked.position) AS is_delta,
    arg_min(worked.tier, worked.position) AS tier,
    ['success'] AS evidence,
    CASE WHEN arg_min(coalesce(worked.feedback, 0), worked.position) < 0 THEN 'disliked' END AS failure
FROM failed JOIN worked
    ON worked.conversation_id = failed.conversation_id
    AND worked.module = failed.module
    AND worked.goods = failed.nearby
    AND worked.tool IS NOT DISTINCT FROM failed.tool
WHERE CASE WHEN {is_version("failed", "worked", said="failed.output")} THEN NOT {is_hidden("failed", "worked")} END
GROUP BY failed.conversation_id, failed.module, failed.interaction_id
"""
