"""Parts of a message that are told by a key and not by a type, as Gemini and Bedrock write them: {"toolUse": {…}}.

Not here: parts with a type (parts.py).
"""

from __future__ import annotations

import json
from typing import Any

TYPES = {
    **dict.fromkeys(("functionCall", "function_call", "toolUse"), "tool_use"),
    **dict.fromkeys(("functionResponse", "function_response", "toolResult"), "tool_result"),
    "reasoningContent": "reasoning",
    **dict.fromkeys(("citationsContent", "guardContent", "cachePoint"), "text"),
}
MEDIA = ("image", "audio", "video", "document")
"""Bedrock's; an answer in JSON may be about an image, too, but says not where its bytes are."""


def typed(part: dict[str, Any]) -> dict[str, Any]:
    """The part as one with a type; the part itself where it is no such block."""
    if part.get("type") and isinstance(part["type"], str):
        return part
    for key, kind in TYPES.items():
        if isinstance(part.get(key), dict):
            return {**part[key], "type": kind}
    media = (key for key in MEDIA if isinstance(part.get(key), dict) and isinstance(part[key].get("source"), dict))
    return next(({"type": key} for key in media), part)


def is_block(part: dict[str, Any]) -> bool:
    """Whether its key says what it is."""
    return typed(part) is not part


def of_result(part: Any) -> dict[str, Any] | None:
    """A part of what a tool gave back, with its type; None where it is the tool's own JSON."""
    if not isinstance(part, dict):
        return None
    if part.keys() == {"json"}:
        return {"type": "text", "text": json.dumps(part["json"], ensure_ascii=False)}
    told = {**part, "type": "text"} if part.keys() == {"text"} else typed(part)
    return told if "type" in told else None
