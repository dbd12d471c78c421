"""One file per kind; a builder is one SELECT over the table `events`, vectorised by DuckDB.

`events` holds the interactions of the delta and, of the conversations it touches, the earlier ones too
(`is_delta` tells them apart). Every builder gives: conversation_id, prompt, completion, interaction_ids, and
occurred_at, is_delta and fact of the example's last event, for an example belongs to the generation of that event.
Parameters: $chat_actions, $generate_actions, $run_actions. Not here: dedup and split.
"""

from __future__ import annotations

from vibe_pipeline.curate.builders import code_generation, conversation, error_correction
from vibe_pipeline.records import Kind

BUILDERS: dict[Kind, str] = {
    Kind.CODE_GENERATION: code_generation.SELECT,
    Kind.CONVERSATION: conversation.SELECT,
    Kind.ERROR_CORRECTION: error_correction.SELECT,
}
