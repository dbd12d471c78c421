"""code_generation: a request → code that worked.

Evidence is needed: the interaction says success or that its tests passed, somebody liked it or wrote a better text in
its place, the next turn thanks for it, or the code was run later in the conversation and succeeded. Code nobody vouched
for is not learned. Of an answer with one fenced block the block is the code. A better text is the code, and what was
said of the one it replaced says nothing of it. An answer in a chat needs the run: there "success" only says that the
reply came to its end. A commit's diff is code that was accepted (commits.py).

What vouches for code that was said is told by trials.py, of files that an agent wrote and ran by files.py.

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

from vibe_pipeline.curate.sessions import commits
from vibe_pipeline.curate.sessions.turns import prompt, turns

SELECT = f"""
WITH
    proven AS (
        SELECT
            *,
            has_failed AND run IS NULL AS is_failed,
            CASE
                WHEN is_failed THEN failing
                WHEN has_failed THEN run
                WHEN is_generated AND is_vouched THEN NULL
                WHEN is_accepted AND reply.position < coalesce(run.position, reply.position + 1) THEN reply
                ELSE run
            END AS proof
        FROM (FROM trials UNION ALL BY NAME FROM files)
        WHERE run IS NOT NULL OR (has_failed AND has_worked)
            OR (is_generated AND (is_disliked OR is_vouched OR is_accepted))
    )
SELECT
    proven.conversation_id,
    proven.module,
    {prompt("proven.input")} AS prompt,
    proven.input AS question,
    code AS completion,
    coalesce(turn_ids, [proven.interaction_id]) || coalesce(change_ids, []) || list_transform(
        list_sort(list_distinct(list_filter([proof, run], lambda later: later IS NOT NULL))), lambda later: later.id
    ) AS interaction_ids,
    coalesce(proof.at, proven.occurred_at) AS occurred_at,
    coalesce(proof.is_delta, false) OR proven.is_delta OR coalesce(rejected.is_delta, false) AS is_delta,
    proven.fact,
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
    SELECT interaction_id, told, before, turn_ids FROM (
        {turns("conversation_id IN (SELECT conversation_id FROM proven WHERE NOT is_generated)")}
    )
) AS turns ON turns.interaction_id = proven.interaction_id
LEFT JOIN rejected ON rejected.interaction_id = proven.interaction_id
UNION ALL BY NAME
FROM ({commits.SELECT})
"""
