"""Chats to import and what came of them, for the tests of importers: not a test itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import Unusable
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


def format_of(value: Any) -> str:
    """The name of the first format that recognises it."""
    return next(name for name, importer in formats().items() if importer.ask(importer.recognises, value))


def read(value: Any, name: str | None = None) -> list[Interaction]:
    """Straight through an importer, no file."""
    return list(formats()[name or format_of(value)].read(value, "test", MOMENT))


def lost(value: Any, name: str) -> list[tuple[str, str]]:
    """(reason, part) of all parts that give nothing."""
    found = formats()[name].read(value, "test", MOMENT)
    return [(str(it), it.part) for it in found if isinstance(it, Unusable)]


def pairs(value: Any) -> list[tuple[str, int, str, str]]:
    """(action, turn, input, output) of each interaction."""
    return [(item.action, item.turn, item.input, item.output) for item in read(value)]


def effort(work: Callable[..., Any], *given: Any) -> int:
    """How many functions are called by it: a measure that no other program on the machine changes."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work(*given)
    finally:
        sys.setprofile(None)
    return calls
