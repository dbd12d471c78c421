"""One file a kind; a builder is one SELECT over the table `events`, vectorised by DuckDB.

`events` holds the interactions of the delta and, of the conversations it touches, the earlier ones too
(`is_delta` tells them apart), with what was said of them afterwards. Their order in a conversation is `position`.
Tables beside it are TABLES.
Parameters: the lists of actions in [curate] of vibe.toml, and $joined (turns.py); macros: events/texts.py. What every
SELECT gives is COLUMNS.
An example belongs to the generation of its last event, which occurred_at and is_delta tell.

Not here: quality, dedup and split; what several builders read out of sessions (sessions/).
"""

from __future__ import annotations

from vibe_pipeline.curate.builders import (
    code_generation,
    conversation,
    document,
    error_correction,
    error_prediction,
    optimization,
    pattern,
    preference,
)
from vibe_pipeline.curate.sessions.branches import TRUNKS
from vibe_pipeline.curate.sessions.calls import CALLED
from vibe_pipeline.curate.sessions.changes import CHANGES
from vibe_pipeline.curate.sessions.choices import REJECTED
from vibe_pipeline.curate.sessions.files import FILES
from vibe_pipeline.curate.sessions.mending import MENDED
from vibe_pipeline.curate.sessions.rewriting import REWRITTEN
from vibe_pipeline.curate.sessions.trials import TRIALS
from vibe_pipeline.records import Kind

COLUMNS = (
    "conversation_id",
    "module",
    "prompt",
    "question",
    "completion",
    "rejected",
    "interaction_ids",
    "occurred_at",
    "is_delta",
    "fact",
    "tier",
    "stage",
    "section",
    "evidence",
)
"""Of a builder's SELECT. `question` is the last question without the turns before it, `interaction_ids` all that the
example was built from, oldest first, `stage` NULL for that of its kind, `section` what is held out as a whole in place
of the conversation, `evidence` why it is believed ([]: nobody vouched, which is no failure). A builder whose targets
may have failed gives `failure` as well: whether such are learned is a rule of quality."""

NOTHING = """
SELECT
    NULL::VARCHAR AS rejected, NULL::VARCHAR AS fact, NULL::VARCHAR AS stage, NULL::VARCHAR AS section,
    NULL::VARCHAR AS failure
WHERE false
"""
"""Columns that a builder leaves out where it has nothing to say."""

TABLES = (REJECTED, TRUNKS, CALLED, TRIALS, CHANGES, MENDED, FILES, REWRITTEN)
"""What builders read beside `events`; one may read those before it."""

SELECTS: dict[Kind, str] = {
    Kind.CODE_GENERATION: code_generation.SELECT,
    Kind.CONVERSATION: conversation.SELECT,
    Kind.DOCUMENT: document.SELECT,
    Kind.ERROR_CORRECTION: error_correction.SELECT,
    Kind.ERROR_PREDICTION: error_prediction.SELECT,
    Kind.OPTIMIZATION: optimization.SELECT,
    Kind.PATTERN: pattern.SELECT,
    Kind.PREFERENCE: preference.SELECT,
}

BUILDERS = {kind: f"{NOTHING} UNION ALL BY NAME FROM ({select})" for kind, select in SELECTS.items()}
"""The same with all columns."""
