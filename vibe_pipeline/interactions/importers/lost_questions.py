"""Questions that cannot be read, in a conversation whose other messages can: what answers them answers no other.

Not here: why they cannot be read (one importer a format), and what becomes of them (losses.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import ROLES, Message, Unusable

LOST = Message("user")
"""Stands in the place of such a question."""

ANSWERS_NOTHING = "the question of an answer cannot be read"


def may_ask(role: Any) -> bool:
    """Whether a message that cannot be read may be a question: its role names nobody else."""
    return not isinstance(role, str) or ROLES.get(role.lower(), "user") == "user"


def heard(said: Iterable[Message], losses: Losses) -> Iterator[Message]:
    """What was said, less the answers to a question that is lost; what tools did is known without it."""
    is_asked = is_lost = False
    for message in said:
        if message is LOST:
            is_lost = not is_asked
        elif message.role != "assistant" or not is_lost:
            is_lost &= message.role != "user"
            is_asked = message.role == "user" or (is_asked and message.role == "system")
            yield message
        else:
            losses += [Unusable(ANSWERS_NOTHING, message.text)] if message.text.strip() else []
            if message.calls:
                yield replace(message, text="", reasoning="")
