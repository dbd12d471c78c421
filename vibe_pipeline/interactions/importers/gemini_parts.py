"""The text of Gemini's parts, as its CLI and its API write them. What is no text leaves a mark where it stood.

Not here: who said it, and the calls of tools (gemini_cli.py).
"""

from __future__ import annotations

import json
from typing import Any

from vibe_pipeline.interactions.importers.fields import text_at


def text_of(content: Any) -> str:
    """All that the parts say, what tools answered with it."""
    return "".join(map(_part, _parts(content)))


def said_in(content: Any) -> str:
    """What somebody said: beside what tools answered only words are, for files there are the tools' too."""
    parts = _parts(content)
    if any(isinstance(part, dict) and "functionResponse" in part for part in parts):
        parts = [part for part in parts if isinstance(part, dict) and "text" in part]
    return "".join(map(_part, parts))


def result_in(content: Any, call: str) -> str:
    """What a tool answered to the call of this id: the parts may tell of its neighbours too."""
    parts = _parts(content)
    named = [part for part in parts if isinstance(part, dict) and _id(part) == call]
    others = [part for part in parts if not isinstance(part, dict) or not _id(part)]
    return text_of([*named, *others] if named else parts)


def response_of(response: Any) -> str:
    """What a tool answered."""
    if isinstance(response, dict):
        response = next((response[key] for key in ("output", "error") if text_at(response, key)), response)
    return (
        response if isinstance(response, str) else "" if response is None else json.dumps(response, ensure_ascii=False)
    )


def _id(part: dict[str, Any]) -> str | None:
    answer = part.get("functionResponse")
    return text_at(answer, "id") if isinstance(answer, dict) else None


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content]


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("thought") is True:
        return ""
    answer = part.get("functionResponse")
    if isinstance(answer, dict):
        return response_of(answer.get("response"))
    for key in ("inlineData", "fileData"):
        if isinstance(part.get(key), dict):
            medium = str(part[key].get("mimeType", "")).partition("/")[0]
            return f"[{medium if medium in ('image', 'audio', 'video') else 'file'}]"
    return text_at(part, "text") or ""
