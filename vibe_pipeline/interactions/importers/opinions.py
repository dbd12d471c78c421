"""What people thought of an answer, on its way from a message to the log: there it is feedback, and a remark.

The remark goes by the interaction, the score and the words, so that what was thought, or thought otherwise, after the
first import comes with the next one; the latest counts. Not here: how a format tells it (one importer a format).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.messages import Message
from vibe_pipeline.records import Interaction, Remark

LABELS = ("kto_tag", "label")
"""Of unpaired preferences (KTO): whether the last answer is wanted."""

OPINIONS = "opinions"
"""In the extra of an answer, until the interaction that they are about has its id."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person thought: a score (1 is a thumb up, -1 a thumb down), words, or both."""

    score: float | None
    comment: str | None = None
    at: datetime | None = None
    user: str | None = None


def judged(message: Message, opinions: Sequence[Opinion]) -> Message:
    """The message with these opinions; the first score that is known of it is its feedback."""
    said = [opinion for opinion in opinions if opinion.score is not None or opinion.comment]
    if not said:
        return message
    scores = [message.feedback, *(opinion.score for opinion in said)]
    feedback = next((score for score in scores if score is not None), None)
    known = [*message.extra.get(OPINIONS, ()), *said]
    return replace(message, feedback=feedback, extra={**message.extra, OPINIONS: known})


def labelled(messages: Sequence[Message], record: dict[str, Any]) -> list[Message]:
    """The messages of a record, the last answer with the label that the record has for it."""
    label = next((record[key] for key in LABELS if isinstance(record.get(key), bool)), None)
    last = max((n for n, message in enumerate(messages) if message.role == "assistant"), default=None)
    if label is None or last is None:
        return list(messages)
    return [*messages[:last], replace(messages[last], feedback=1.0 if label else -1.0), *messages[last + 1 :]]


def with_remarks(interaction: Interaction, at: datetime) -> Iterator[Interaction | Remark]:
    """The interaction, then what was thought of it; `at` is when, for opinions that do not say it themselves."""
    extra = dict(interaction.extra)
    bare = [Opinion(interaction.feedback)] if interaction.feedback is not None else []
    opinions: list[Opinion] = extra.pop(OPINIONS, bare)
    yield replace(interaction, extra=extra) if OPINIONS in interaction.extra else interaction
    for opinion in opinions:
        yield Remark(
            remark_id=key_of([interaction.interaction_id, "feedback", opinion.score, opinion.comment]),
            interaction_id=interaction.interaction_id,
            kind="feedback",
            score=opinion.score,
            text=opinion.comment,
            user=opinion.user,
            occurred_at=opinion.at or at,
            source=interaction.source,
        )
