"""conversation: the turns so far → the next reply; `failure` says whether it was marked as failed or as bad, whether
its code failed when it was run (trials.py), or whether another reply was kept in its place.

The prompt is the turns before and the question, with blank lines between; before the question stands what was called
for the reply and came back (calls.py), in the length that the turns before have: a reply that reports it would teach to
invent. Where somebody wrote a better text in place of the reply, the last such text is the target; what follows in the
conversation still sees what was really said. An assistant turn that its source gave weight 0 is context and never a
target; a question that nothing was said to is neither.

That a reply came to its end is no evidence that it is good, so importers leave its success open; neither is it that an
agent's did, of which a program may say that it succeeded.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.turns import LINE, prompt, turns

SELECT = f"""
SELECT
    conversation_id,
    module,
    {prompt("input")} AS prompt,
    input AS question,
    coalesce(edited, output) AS completion,
    coalesce(turn_ids[:-2] || call_ids || turn_ids[-1:], turn_ids) AS interaction_ids,
    occurred_at,
    is_delta OR coalesce(is_rejected_now, false) OR coalesce(is_tried_now, false) AS is_delta,
    extra ->> '$.fact' AS fact,
    tier,
    list_filter(
        [
            CASE WHEN success AND found IS NULL THEN 'success' END,
            CASE WHEN feedback > 0 THEN 'feedback' END,
            CASE WHEN edited IS NOT NULL THEN 'edited' END
        ],
        lambda why: why IS NOT NULL
    ) AS evidence,
    CASE
        WHEN has_failed_code THEN 'failed since'
        WHEN edited IS NOT NULL THEN NULL
        WHEN success = false THEN coalesce(nullif(error_type, ''), 'failed')
        WHEN is_rejected_now IS NOT NULL THEN 'rejected'
        WHEN feedback < 0 THEN 'disliked'
    END AS failure
FROM (
    SELECT
        * REPLACE (CASE WHEN found IS NULL THEN before ELSE
            concat_ws({LINE}, nullif(right(before, greatest(0, $joined - length(found))), ''), found)
        END AS before),
        improvements[-1] AS edited
    FROM ({turns()})
    LEFT JOIN (SELECT * FROM called) USING (interaction_id)
)
LEFT JOIN (SELECT interaction_id, is_delta AS is_rejected_now FROM rejected) USING (interaction_id)
LEFT JOIN (
    SELECT interaction_id, run IS NULL AS has_failed_code, coalesce(run, failing).is_delta AS is_tried_now
    FROM trials WHERE has_failed AND NOT is_generated AND NOT is_corrected
) USING (interaction_id)
WHERE (output <> '' OR edited IS NOT NULL)
    AND coalesce(try_cast(extra ->> '$.weight' AS DOUBLE), 1) > 0
"""
