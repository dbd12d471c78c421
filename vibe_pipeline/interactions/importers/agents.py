"""What the logs of coding agents have in common: results that come late, answers that go on after an error.

Not here: any one format, and where an exchange begins and ends (exchanges.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.messages import Message


def in_order(messages: Sequence[Message]) -> list[Message]:
    """Each result right behind its call, and no failure that was overcome. Every call has to have an id.

    A result whose call was lost, or has another one, stays where it is; one that says the same again falls away. A call
    without a result gets an empty one, for that it was made is worth keeping.
    """
    calls = Counter(identity for message in messages for identity, _ in message.calls if identity)
    results: dict[str, list[Message]] = {}
    for message in messages:
        found = results.setdefault(message.call_id or "", [])
        if message.role == "result" and len(found) < calls[message.call_id or ""]:
            found.append(message)
    told = {(name, result.text) for name, found in results.items() for result in found}
    said: list[Message] = []
    failed: list[int] = []
    for message in messages:
        if message.role == "result":
            said += [] if (message.call_id, message.text) in told else [message]
            continue
        if message.role == "user":
            failed = []
        elif message.success is False:
            failed.append(len(said))
        else:
            for place in failed:
                said[place] = replace(said[place], success=None, error_type=None, extra={})
            failed = []
        said.append(message)
        for call_id in (identity for identity, _ in message.calls if identity):
            waiting = results.get(call_id)
            result = waiting.pop(0) if waiting else Message("result", call_id=call_id, at=message.at, is_awaited=True)
            said.append(replace(result, model=result.model or message.model))
    return said


def mark_answer(messages: list[Message], **changes: Any) -> None:
    """Change the last message of the answer that is being given; where there is none yet, a failure stands for it."""
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == "assistant":
            messages[place] = replace(messages[place], **changes)
            return
        if messages[place].role == "user":
            if changes.get("success") is False:
                messages.append(Message("assistant", **changes))
            return
