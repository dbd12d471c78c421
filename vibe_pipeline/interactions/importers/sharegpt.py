"""ShareGPT's shapes: {"conversations": [{"from", "value"}]}, its older keys, tool calls and preference pairs.

Not here: roles and content (messages.py) and files. Some dialects put a whole exchange into one object,
{"human": …, "assistant": …}; it is taken apart in the order of its keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.exchanges import Origin, interactions, unanswered
from vibe_pipeline.interactions.importers.messages import (
    ROLE_KEYS,
    ROLES,
    Message,
    Unusable,
    message_of,
    messages_of,
    moment_of,
    worse_text,
)
from vibe_pipeline.interactions.importers.opinions import labelled
from vibe_pipeline.records import Interaction

KEYS = ("conversations", "conversation", "items", "dialogue", "dialog")


def recognises(value: Any) -> bool:
    """Whether this is a record of ours."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) and "from" in item for item in value)
    return isinstance(value, dict) and (
        "conversations" in value or any(isinstance(value.get(key), list) for key in KEYS)
    )


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one record; Unusable where it has none."""
    record: dict[str, Any] = {"conversations": value} if isinstance(value, list) else value
    model = record.get("model")
    said = [*_system(record), *_messages(record)]
    whole = labelled([*said, *_answer(record, "chosen")], record)
    origin = Origin(
        module="sharegpt",
        source=source,
        at=moment_of(record) or at,
        model=model if isinstance(model, str) else None,
        extra=_extra(record),
        rejected=worse_text(_answer(record, "rejected"), whole),
        conversation=_name(record, said),
    )
    yield from interactions(whole, origin)
    yield from unanswered(whole)


def _name(record: dict[str, Any], said: list[Message]) -> str | None:
    """The id, with the first question: many data sets merely count their conversations."""
    question = next((message.text for message in said if message.role == "user"), "")
    return f"{record['id']} {question}" if isinstance(record.get("id"), (str, int)) else None


def _messages(record: dict[str, Any]) -> list[Message]:
    key = next(key for key in KEYS if key in record)
    values = record[key]
    if isinstance(values, list):
        values = [part for value in values for part in _taken_apart(value)]
    return messages_of(values, key)


def _taken_apart(value: Any) -> list[Any]:
    if not isinstance(value, dict) or any(key in value for key in ROLE_KEYS):
        return [value]
    pairs = [{"role": key, "content": item} for key, item in value.items() if key.lower() in ROLES]
    return pairs or [value]


def _answer(record: dict[str, Any], key: str) -> list[Message]:
    """One side of a preference pair: a message, a list of them or bare text."""
    if "chosen" not in record or "rejected" not in record:
        return []
    value = record[key]
    if isinstance(value, str):
        value = {"from": "gpt", "value": value}
    return [message_of(item) for item in (value if isinstance(value, list) else [value])]


def _system(record: dict[str, Any]) -> list[Message]:
    text = next((record[key] for key in ("system", "system_prompt") if isinstance(record.get(key), str)), "")
    return [Message("system", text)] if text else []


def _extra(record: dict[str, Any]) -> dict[str, Any]:
    extra = {"id": record["id"]} if isinstance(record.get("id"), (str, int)) else {}
    tools = record.get("tools")
    if isinstance(tools, str):
        with suppress(ValueError, RecursionError):
            tools = json.loads(tools)
    return {**extra, "tools": tools} if tools else extra
