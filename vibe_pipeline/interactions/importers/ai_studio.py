"""Google AI Studio's saved prompts: {"chunkedPrompt": {"chunks": [{"role", "text", "isThought", …}]}}.

A saved prompt names neither itself nor its time: both come from the content and the file. Not here: prompts of AI
Studio that are no chats.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.fields import text_at
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, moment_of
from vibe_pipeline.records import Interaction

MARKS = {"Image": "[image]", "Audio": "[audio]", "Video": "[video]", "Document": "[file]", "File": "[file]"}
"""Part of the key of what was attached: driveImage, inlineImage, driveDocument, youtubeVideo …"""


def recognises(value: Any) -> bool:
    """Whether this is a saved prompt."""
    return isinstance(value, dict) and "chunkedPrompt" in value


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction]:
    """The interactions of one saved prompt."""
    prompt, settings = value["chunkedPrompt"], value.get("runSettings")
    chunks = prompt.get("chunks") if isinstance(prompt, dict) else None
    if not isinstance(chunks, list):
        raise Unusable("chunks is not a list")
    if not chunks:
        raise Unusable("chunks is empty")
    system = _body(value["systemInstruction"]) if isinstance(value.get("systemInstruction"), dict) else ""
    said = [message for chunk in chunks for message in _said(chunk)]
    model = text_at(settings, "model") if isinstance(settings, dict) else None
    origin = Origin(module="ai_studio", source=source, at=at, model=model.removeprefix("models/") if model else None)
    yield from interactions([*([Message("system", system)] if system else []), *said], origin)


def _said(chunk: Any) -> Iterator[Message]:
    if not isinstance(chunk, dict):
        raise Unusable("a chunk is not an object")
    role, body, at = chunk.get("role"), _body(chunk), moment_of({"time": chunk.get("createTime")})
    if role == "user":
        yield Message("user", body or _mark(chunk), at=at)
    elif role != "model":
        raise Unusable(f"a chunk has the unknown role {role!r:.40}")
    elif chunk.get("isThought") is True:
        yield Message("assistant", reasoning=body, at=at)
    elif isinstance(code := chunk.get("executableCode"), dict):
        yield Message("assistant", calls=((None, call_of(code.get("language"), code.get("code"))),), at=at)
    elif isinstance(ran := chunk.get("codeExecutionResult"), dict):
        outcome = text_at(ran, "outcome")
        worked = outcome.endswith("OK") if outcome else None
        yield Message(
            "result", text_at(ran, "output") or "", at=at, success=worked, error_type=None if worked else outcome
        )
    elif error := text_at(chunk, "errorMessage"):
        yield Message("assistant", body, at=at, success=False, error_type="error", extra={"error": error})
    else:
        yield Message("assistant", body or _mark(chunk), at=at)


def _body(chunk: dict[str, Any]) -> str:
    parts = chunk.get("parts")
    listed = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return text_at(chunk, "text") or "".join(text_at(part, "text") or "" for part in listed)


def _mark(chunk: dict[str, Any]) -> str:
    return next((mark for key in chunk for word, mark in MARKS.items() if word in key), "")
