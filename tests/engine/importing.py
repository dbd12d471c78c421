"""Chats to import and what came of them, for the tests of importers: not a test itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.records import Interaction

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)

EXCHANGE = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


def chat(*texts: str, **more: Any) -> dict[str, Any]:
    """A record in which user and assistant take turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)], **more}


def lines(*values: Any) -> str:
    """JSON Lines; a text stands as it is."""
    return "\n".join(value if isinstance(value, str) else json.dumps(value) for value in values)


def read(value: Any, name: str | None = None) -> list[Interaction]:
    """Straight through an importer, no file."""
    name = name or next(name for name, importer in formats().items() if importer.recognises(value))
    return list(formats()[name].read(value, "test", MOMENT))


def pairs(value: Any) -> list[tuple[str, int, str, str]]:
    """(action, turn, input, output) of each interaction."""
    return [(item.action, item.turn, item.input, item.output) for item in read(value)]
