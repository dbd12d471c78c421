"""Which answers somebody passed over for another answer to the same question, as the source says it.

By name: `extra.alternatives` and `extra.rejected` of the answer that was kept; or by order: `extra.rank`, 0 is best. A
question is asked in one conversation, or in a branch of it. Not here: pairs of answers (builders/preference.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.tables import Table

FAMILY = """
CASE WHEN contains(extra, '"branch_of"') THEN coalesce(extra ->> '$.branch_of', conversation_id)
    ELSE conversation_id END
"""

TEXTS = """
CASE json_type(extra, '$.{0}') WHEN 'ARRAY' THEN extra ->> '$.{0}[*]' WHEN 'VARCHAR' THEN [extra ->> '$.{0}'] END
"""

IS_SAID = "regexp_matches(extra, '\"(?:alternatives|rejected|rank)\"')"

SELECT = f"""
WITH
    placed AS (
        SELECT interaction_id, extra, feedback, is_delta, folded(output) AS answer, {FAMILY} AS family, input AS asked
        FROM events
        WHERE list_contains($chat_actions, action) OR list_contains($generate_actions, action)
    ),
    kept AS (
        SELECT
            family, asked, answer, is_delta,
            try_cast(extra ->> '$.rank' AS DOUBLE) AS rank,
            list_transform(
                list_concat({TEXTS.format("alternatives")}, {TEXTS.format("rejected")}), lambda text: folded(text)
            ) AS others
        FROM placed
        WHERE {IS_SAID} AND coalesce(feedback, 0) >= 0
    )
SELECT interaction_id, bool_or(kept.is_delta) AS is_delta
FROM placed JOIN kept USING (family, asked)
WHERE coalesce(feedback, 0) <= 0 AND placed.answer <> kept.answer
    AND (list_contains(others, placed.answer) OR rank < try_cast(extra ->> '$.rank' AS DOUBLE))
GROUP BY interaction_id
"""

REJECTED = Table("rejected", "interaction_id VARCHAR, is_delta BOOLEAN", f"FROM events WHERE {IS_SAID}", SELECT)
"""Their ids, and whether the answer that was kept is of the delta. What somebody liked stands, and what was kept in its
place and then disliked rejects nothing."""
