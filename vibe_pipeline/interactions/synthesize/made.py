"""How a synthesised interaction and a probe look: source, ids that hash what is said, and where it was made from.

Ids leave out what a clock measured, so that synthesising twice adds nothing. What is made from a logged interaction
keeps its conversation (one side of the held-out split) and its user (forgetting a person forgets it too).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.records import Interaction, Probe

SOURCE = "synthesize"


def interaction(
    now: datetime,
    about: list[Any],
    *,
    module: str,
    action: str,
    input: str,
    output: str = "",
    turn: int = 0,
    **known: Any,
) -> Interaction:
    """One of the conversation about something."""
    identity = key_of([SOURCE, *about])
    return Interaction(
        interaction_id=key_of([identity, turn, module, action, input, output]),
        conversation_id=identity,
        turn=turn,
        occurred_at=now,
        module=module,
        action=action,
        input=input,
        output=output,
        source=SOURCE,
        **known,
    )


def derived(now: datetime, origin: Interaction, augmentation: str, **changed: Any) -> Interaction:
    """One made from `origin`: `extra.augmented_from` says from which, `extra.augmentation` how."""
    extra = {"augmented_from": origin.interaction_id, "augmentation": augmentation, **changed.pop("extra", {})}
    said = [changed.get(name, getattr(origin, name)) for name in ("action", "input", "output")]
    turn = changed.pop("turn", origin.turn)
    return Interaction(
        interaction_id=key_of([SOURCE, origin.interaction_id, augmentation, turn, *said]),
        conversation_id=origin.conversation_id,
        turn=turn,
        occurred_at=now,
        module=origin.module,
        action=said[0],
        input=said[1],
        output=said[2],
        success=changed.get("success", origin.success),
        error_type=changed.get("error_type", origin.error_type),
        latency_ms=changed.get("latency_ms"),
        user=origin.user,
        source=SOURCE,
        extra=extra,
    )


def probe(now: datetime, module: str, fact: str, question: str, answer: str) -> Probe:
    """A question whose wording is never logged."""
    return Probe(
        probe_id=key_of([SOURCE, module, fact, question, answer]),
        fact=fact,
        question=question,
        answer=answer,
        occurred_at=now,
        source=SOURCE,
    )
