"""preference: a question → the answer that was chosen, and the one that was rejected.

Who says so is the evidence: the source holds the pair ('preferred', extra.rejected), somebody asked again and went on
with the new answer ('regenerated': of extra.alternatives, or where the answer before was disliked), wrote a better text
in its place ('edited'), liked one answer and not the other ('feedback'), or ordered several ('ranked', extra.rank, 0 is
best).

Answers are compared only where they answer the same question in the same place: retries that follow each other, and the
branches of a conversation. Who says "continue" twice asks for two continuations, unless the source says that it was a
retry; under another instruction it is another question. A place is told by what was said before it, which a branch
leaves to the conversation that it is a branch of. Not in two conversations: a thumb up in one and down in another are
about other choices (docs/log.md, "the builders").

Not a pair: equal texts, an edit of an answer that was liked, choices of one API call (nobody chose: they are no
alternatives, but extra.other_choices), and two pairs that contradict each other: what was said outright stands against
what was only asked again. `failure` says whether the answer that was chosen failed or was cut off, and nobody liked it.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.branches import PARENT
from vibe_pipeline.curate.sessions.choices import FAMILY, TEXTS
from vibe_pipeline.curate.sessions.retries import IS_GOING_ON
from vibe_pipeline.curate.sessions.turns import SYSTEM, prompt, turns

HALF = 0.5
"""A liked answer outdoes another whose score is less than half its own: thumbs (1, -1), stars (5, 2), not 5 and 4."""

IS_MARKED = """(
    feedback <> 0 OR len(improvements) > 0
    OR json_exists(extra, '$.rejected') OR json_exists(extra, '$.alternatives') OR json_exists(extra, '$.rank')
)"""

FAILURE = "CASE WHEN count(failure) = count(*) THEN min(failure) END AS failure"
"""Of a text that was said more than once, where each time it failed."""

SELECT = f"""
WITH
    families AS (
        SELECT DISTINCT {FAMILY} AS family FROM events WHERE list_contains($chat_actions, action) AND {IS_MARKED}
    ),
    answers AS (
        SELECT
            * EXCLUDE (learnings, comments),
            list_contains($chat_actions, action) AS is_chat,
            stripped(input) AS asked,
            folded(output) AS answer,
            {PARENT} AS trunk,
            {SYSTEM} AS told_first,
            CASE WHEN success = false AND coalesce(feedback, 0) <= 0
                THEN coalesce(nullif(error_type, ''), 'failed') END AS failure
        FROM events
        WHERE (list_contains($generate_actions, action) AND {IS_MARKED})
            OR (is_chat AND (output <> '' OR len(improvements) > 0) AND {FAMILY} IN (FROM families))
    ),
    retried AS (
        SELECT
            *,
            count(*) FILTER (is_new) OVER conversation AS round,
            lead(is_new) OVER conversation AS is_gone_on_with,
            lead(is_delta) OVER conversation AS is_gone_on_now
        FROM (
            SELECT
                *,
                lag(answer) OVER conversation AS last_answer,
                CASE
                    WHEN asked IS DISTINCT FROM lag(asked) OVER conversation THEN true
                    WHEN told_first IS DISTINCT FROM lag(told_first) OVER conversation THEN true
                    WHEN {IS_GOING_ON} THEN NOT coalesce(
                        json_exists(extra, '$.rank') OR list_contains(list_transform(
                            {TEXTS.format("alternatives")}, lambda text: folded(text)
                        ), last_answer), false
                    )
                    ELSE false
                END AS is_new
            FROM answers
            WINDOW conversation AS (PARTITION BY conversation_id, is_chat ORDER BY position)
        )
        WINDOW conversation AS (PARTITION BY conversation_id, is_chat ORDER BY position)
    ),
    rounds AS (
        SELECT
            *,
            CASE
                WHEN NOT is_chat THEN concat_ws(
                    chr(0), 'code', conversation_id, module, asked, CASE WHEN {IS_GOING_ON} THEN round END
                )
                WHEN trunk IS NOT NULL AND round = 1 THEN concat_ws(
                    chr(0), 'branch', trunk, extra ->> '$.branch_turn', asked
                )
                ELSE concat_ws(chr(0), 'round', conversation_id, round)
            END AS own_place
        FROM retried
    ),
    forks AS (
        SELECT conversation_id AS trunk, asked, any_value(own_place) AS place FROM rounds
        WHERE (conversation_id, asked) IN (SELECT (trunk, asked) FROM rounds)
        GROUP BY ALL HAVING count(DISTINCT own_place) = 1
    ),
    placed AS (
        SELECT rounds.*, coalesce(CASE WHEN round = 1 THEN forks.place END, own_place) AS place
        FROM rounds LEFT JOIN forks USING (trunk, asked)
    ),
    scored AS (
        SELECT *, 'feedback' AS why, feedback AS score FROM placed WHERE feedback <> 0 AND answer <> ''
        UNION ALL BY NAME
        SELECT *, 'ranked' AS why, -try_cast(extra ->> '$.rank' AS DOUBLE) AS score FROM placed
        WHERE answer <> '' AND score IS NOT NULL
    ),
    texts AS (
        SELECT
            place, why, answer, min(score) AS lowest, max(score) AS highest, bool_or(is_delta) AS is_delta,
            {FAILURE},
            arg_min({{
                'id': interaction_id, 'at': occurred_at, 'output': output, 'module': module, 'tier': tier
            }}, (position, interaction_id)) AS event
        FROM scored GROUP BY ALL
    ),
    judged AS (SELECT *, max(lowest) OVER (PARTITION BY place, why) AS best FROM texts),
    chosen AS (
        SELECT * FROM judged WHERE lowest = best AND (why = 'ranked' OR best > 0)
        QUALIFY row_number() OVER (PARTITION BY place, why ORDER BY event.at, event.id) = 1
    ),
    known AS (
        SELECT
            place, answer, max(feedback) AS liked, arg_min(interaction_id, position) AS other_id
        FROM placed GROUP BY ALL
    ),
    within AS (
        SELECT *, unnest({TEXTS.format("rejected")}) AS other, 'preferred' AS why, output AS better FROM placed
        UNION ALL BY NAME
        SELECT again.*, other_id
        FROM (
            SELECT
                *, unnest({TEXTS.format("alternatives")}) AS other, 'regenerated' AS why, output AS better
            FROM placed WHERE coalesce(feedback, 0) >= 0
        ) AS again
        LEFT JOIN known ON known.place = again.place AND known.answer = folded(again.other)
        WHERE coalesce(liked, 0) <= 0
        UNION ALL BY NAME
        SELECT
            * EXCLUDE (failure),
            output AS other,
            'edited' AS why,
            improvements[-1] AS better
        FROM placed WHERE len(improvements) > 0 AND coalesce(feedback, 0) <= 0
    ),
    told AS (
        SELECT
            place, why, module, better, other, CASE WHEN other_id IS NULL THEN [interaction_id]
                ELSE [other_id, interaction_id] END AS ids, occurred_at, is_delta, tier, failure
        FROM within
        UNION ALL BY NAME
        SELECT
            place, 'regenerated' AS why, kept.module, kept.output AS better, worse.output AS other,
            [worse.interaction_id, kept.interaction_id] AS ids, kept.occurred_at,
            kept.is_delta OR worse.is_delta OR kept.is_gone_on_now AS is_delta, kept.tier, kept.failure
        FROM placed AS worse JOIN placed AS kept USING (place, conversation_id)
        WHERE worse.feedback < 0 AND worse.is_chat AND kept.is_chat AND worse.round = kept.round
            AND kept.is_gone_on_with AND coalesce(kept.feedback, 0) = 0 AND len(kept.improvements) = 0
        UNION ALL BY NAME
        SELECT
            place,
            why,
            chosen.event.module AS module,
            chosen.event.output AS better,
            worse.event.output AS other,
            CASE WHEN chosen.event.at <= worse.event.at THEN [chosen.event.id, worse.event.id]
                ELSE [worse.event.id, chosen.event.id] END AS ids,
            greatest(chosen.event.at, worse.event.at) AS occurred_at,
            chosen.is_delta OR worse.is_delta AS is_delta,
            chosen.event.tier AS tier,
            chosen.failure
        FROM chosen JOIN judged AS worse USING (place, why)
        WHERE CASE why WHEN 'ranked' THEN worse.highest < chosen.lowest ELSE worse.highest < {HALF} * chosen.lowest END
    ),
    pairs AS (
        SELECT
            place,
            sha256(folded(better)) AS better_key,
            sha256(folded(other)) AS other_key,
            bool_or(why <> 'regenerated') AS is_outright,
            list_sort(list_distinct(list(why))) AS evidence,
            arg_min(COLUMNS(['module', 'better', 'other', 'ids', 'tier']), (occurred_at, ids)),
            max(occurred_at) AS occurred_at,
            bool_or(is_delta) AS is_delta,
            {FAILURE}
        FROM told
        WHERE stripped(better) <> '' AND stripped(other) <> '' AND better_key <> other_key
        GROUP BY ALL
    ),
    places AS (
        SELECT
            place,
            arg_min(
                {{'id': interaction_id, 'conversation': conversation_id, 'input': input}},
                (trunk IS NOT NULL, position, interaction_id)
            ) AS anchor
        FROM placed WHERE place IN (SELECT place FROM pairs) GROUP BY place
    )
SELECT
    anchor.conversation AS conversation_id,
    pairs.module,
    {prompt("anchor.input")} AS prompt,
    anchor.input AS question,
    pairs.better AS completion,
    pairs.other AS rejected,
    list_filter(coalesce(turn_ids[:-2], []), lambda told: NOT list_contains(pairs.ids, told)) || pairs.ids
        AS interaction_ids,
    pairs.occurred_at,
    pairs.is_delta,
    pairs.tier,
    pairs.evidence,
    pairs.failure
FROM pairs
JOIN places USING (place)
LEFT JOIN pairs AS reverse
    ON reverse.place = pairs.place AND reverse.better_key = pairs.other_key AND reverse.other_key = pairs.better_key
LEFT JOIN (
    SELECT interaction_id, told, before, turn_ids
    FROM ({turns("conversation_id IN (SELECT anchor.conversation FROM places)")})
) AS turns ON turns.interaction_id = anchor.id
WHERE reverse.place IS NULL OR (pairs.is_outright AND NOT reverse.is_outright)
"""
