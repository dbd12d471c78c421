"""Which interactions are meaningful: whether an example may come of one, told of it alone and at little cost.

By rules of quality.py, those that look at lengths, outcomes and beginnings; what is repetitive, cut off or a duplicate
is found out by curation. A run or a call that failed is half of an error's correction, so its outcome is no fault. Not
here: how many there have to be (trigger.py).
"""

from __future__ import annotations

import duckdb

from vibe_pipeline.curate import quality
from vibe_pipeline.curate.events import texts
from vibe_pipeline.settings import Curate, Quality

COSTLY = dict.fromkeys(("truncated", "repetition", "corporate", "language"), "off")

KINDS = {
    "chat_actions": "conversation",
    "generate_actions": "code_generation",
    "document_actions": "document",
    "log_actions": "document",
}
"""Of the lists of actions that name what an answer is; of the others an input alone may be half of an example."""

SELECT = """
SELECT * EXCLUDE (prompt, question, completion, rejected, kind, stage, evidence, failure, reason, marks),
    listed IS NOT NULL AND reason IS NULL AS is_meaningful
FROM (
    SELECT *, {judging} FROM (
        SELECT *,
            CASE WHEN kind = 'document' THEN '' ELSE input END AS prompt, prompt AS question, NULL AS rejected,
            CASE WHEN kind IN ('document', 'pattern') AND output = '' THEN input ELSE output END AS completion,
            NULL AS stage, []::VARCHAR[] AS evidence,
            CASE WHEN kind <> 'pattern' AND NOT success THEN 'failed' END AS failure
        FROM (SELECT *, CASE listed {kinds} ELSE 'pattern' END AS kind FROM (
            SELECT *, CASE {lists} END AS listed FROM {rows}
        ))
    )
)
"""


def prepare(db: duckdb.DuckDBPyConnection, settings: Curate) -> None:
    """Define what the query needs."""
    db.execute(texts.MACROS)
    quality.prepare(db, _cheap(settings))


def meaningful(rows: str, settings: Curate) -> str:
    """SQL: interactions with `listed`, which list of [curate] names their action (NULL: none does), and
    `is_meaningful`. Its parameters are those lists by their names."""
    lists = " ".join(f"WHEN list_contains(${name}, action) THEN '{name}'" for name in settings.actions())
    kinds = " ".join(f"WHEN '{name}' THEN '{kind}'" for name, kind in KINDS.items())
    return SELECT.format(judging=quality.judging(_cheap(settings)), kinds=kinds, lists=lists, rows=rows)


def _cheap(settings: Curate) -> Quality:
    return settings.quality.model_copy(update=COSTLY)
