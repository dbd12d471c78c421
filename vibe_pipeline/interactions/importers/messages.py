"""One message of any chat dialect: its role, its text, its tool calls, when it was said.

Not here: what messages together mean (exchanges.py) and how a record holds them (one importer a format).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby, takewhile
from typing import Any

from vibe_pipeline.interactions.importers import tool_parts
from vibe_pipeline.interactions.importers.moments import moment
from vibe_pipeline.interactions.lines import repaired

ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "bing", "bard", "model", "bot", "ai", "claude", "llm"), "assistant"
    ),
    **dict.fromkeys(("function_call", "tool_call", "tool_calls"), "call"),
    **dict.fromkeys(("tool", "function", "observation", "ipython"), "result"),
    **dict.fromkeys(("tool_response", "function_response", "tool_result", "tool_results"), "result"),
}

ROLE_KEYS = ("role", "from", "speaker", "sender")
CONTENT_KEYS = ("content", "value", "text", "message")
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
PART_KEYS = ("text", "value", "content", "reasoning", "thinking", "refusal")
MEDIA = ("image", "audio", "video", "file", "document")
TIME_KEYS = ("create_time", "created_at", "createdAt", "created", "timestamp", "date", "time")


class Unusable(Exception):
    """A record that gives no interaction; the text is the reason, in plain words. Never shown as an error.

    It is raised for a whole record. Where one record holds many (a session, a trace), a part that gives nothing is
    yielded among the interactions of the others, with the part itself.
    """

    def __init__(self, reason: str, part: str = "") -> None:
        super().__init__(reason)
        self.part = part


class NothingAsked(Unusable):
    """A chat that was opened and left: it is no record, so that it is neither counted nor kept."""

    def __init__(self) -> None:
        super().__init__("nothing was asked")


@dataclass(frozen=True, slots=True)
class Message:
    """One message in our words: role is system, user, assistant or result."""

    role: str
    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str | None, str], ...] = ()
    """(call id, the call as JSON)."""
    call_id: str | None = None
    weight: float | None = None
    at: datetime | None = None
    model: str | None = None
    user: str | None = None
    """Who said it, or for whom it was said, where not all of a conversation are one person's."""
    success: bool | None = None
    """Whether what the message tells of worked, where the format says so."""
    error_type: str | None = None
    latency_ms: float | None = None
    is_awaited: bool = False
    """Of a result: whether it has not come, or not told how it ended, and may do so yet."""
    feedback: float | None = None
    """What a person thought of an answer: 1 is a thumb up, -1 a thumb down (with words: opinions.py)."""
    improvements: tuple[str, ...] = ()
    """What a person would rather have read."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Kept with the interaction that the message becomes part of."""


def message_of(value: Any) -> Message:
    """One message of any dialect; Unusable says what is wrong with it."""
    if not isinstance(value, dict):
        raise Unusable("a message is not an object")
    role = _role(value)
    text, reasoning, calls = _content(next((value[key] for key in CONTENT_KEYS if value.get(key) is not None), None))
    if role == "call":
        role, text, calls = "assistant", "", [(None, _normal(text))]
    elif role == "assistant":
        text, written = tool_parts.taken_out(text)
        calls += [(None, _normal(json.dumps(call))) for call in written]
    refusal = None if text else _text_or(value.get("refusal"))
    return Message(
        role=role,
        text=text or refusal or _transcript(value),
        reasoning=reasoning or next((it for key in REASONING_KEYS if (it := _text_or(value.get(key)))), ""),
        calls=(*calls, *_tool_calls(value)),
        call_id=_text_or(value.get("tool_call_id")),
        weight=value["weight"] if isinstance(value.get("weight"), (int, float)) else None,
        at=moment_of(value),
        model=_text_or(value.get("model")),
        extra={"refusal": True} if refusal else {},
    )


def messages_of(values: Any, name: str) -> list[Message]:
    """A list of messages; `name` is what the record calls it."""
    if not isinstance(values, list):
        raise Unusable(f"{name} is not a list")
    if not values:
        raise Unusable(f"{name} is empty")
    return [message for value in values for message in _taken_apart(value)]


def _taken_apart(value: Any) -> Iterator[Message]:
    """A message in which tools answer as their results, in order, and what was said before and after them."""
    content = value.get("content") if isinstance(value, dict) else None
    parts = content if isinstance(content, list) else []
    for are_results, group in groupby(parts, _is_result):
        if are_results:
            yield from map(_result, group)
        elif len(rest := list(group)) < len(parts):
            yield message_of({**value, "content": rest})
    if not any(map(_is_result, parts)):
        message = message_of(value)
        texts = tool_parts.responses(message.text) if message.role == "result" else [message.text]
        yield from (replace(message, text=text) for text in texts)


def _is_result(part: Any) -> bool:
    return isinstance(part, dict) and tool_parts.is_result(str(part.get("type")))


def _result(part: dict[str, Any]) -> Message:
    content = part.get("content")
    kind = content.get("type") if isinstance(content, dict) else None
    failed = part.get("is_error") is True or str(kind).endswith("_error")
    text = _content(content)[0] if all(map(_is_readable, content if isinstance(content, list) else [content])) else ""
    return Message(
        role="result",
        text=text or (tool_parts.json_of(content) if content else ""),
        call_id=_text_or(part.get("tool_use_id")),
        success=False if failed else None,
        error_type="tool_error" if failed else None,
    )


def answer_text(messages: Sequence[Message]) -> str:
    """All that the assistant said."""
    return "\n\n".join(message.text for message in messages if message.role == "assistant" and message.text.strip())


def worse_text(worse: Sequence[Message], better: Sequence[Message]) -> str:
    """What the assistant said in the worse of two conversations, from where it leaves the better one."""
    told, known = ([message for message in said if message.role != "system"] for said in (worse, better))
    shared = sum(1 for _ in takewhile(lambda pair: _words(pair[0]) == _words(pair[1]), zip(told, known, strict=False)))
    return answer_text(told[shared:])


def _words(message: Message) -> tuple[str, str, list[str]]:
    return message.role, message.text, [call for _, call in message.calls]


def moment_of(value: dict[str, Any]) -> datetime | None:
    """When a record or message says it happened, by the first of its times that can be read."""
    return next((at for key in TIME_KEYS if (at := moment(value.get(key)))), None)


def has_role(value: dict[str, Any]) -> bool:
    """Whether an object may be a message: somebody is named in it who takes part in chats."""
    return _role_of(_name(value)) is not None


def _role(value: dict[str, Any]) -> str:
    name = _name(value)
    if (role := _role_of(name)) is not None:
        return role
    raise Unusable(f"a message has the unknown role {name!r:.40}" if name is not None else "a message has no role")


def _name(value: dict[str, Any]) -> Any:
    return next((value[key] for key in ROLE_KEYS if key in value), None)


def _role_of(name: Any) -> str | None:
    return ROLES.get(name.strip().lower()) if isinstance(name, str) else None


def _content(content: Any) -> tuple[str, str, list[tuple[str | None, str]]]:
    """(text, reasoning, calls) of a content that is text or a list of parts."""
    if content is None or isinstance(content, str):
        return content or "", "", []
    texts: list[str] = []
    reasoning: list[str] = []
    calls: list[tuple[str | None, str]] = []
    for part in content if isinstance(content, list) else [content]:
        kind, text = _part(part)
        if tool_parts.is_call(kind):
            calls.append((_text_or(part.get("id")), _normal(text) if text else call_of(*tool_parts.called(part))))
        else:
            (reasoning if kind in ("reasoning", "thinking") else texts).append(text)
    return "\n".join(filter(None, texts)), "\n".join(filter(None, reasoning)), calls


def _part(part: Any) -> tuple[str, str]:
    """(type, text) of one part; what is no text leaves a mark where it stood."""
    if isinstance(part, str):
        return "text", part
    if not isinstance(part, dict):
        raise Unusable("a message whose content is neither text nor a list of parts")
    kind = str(part.get("type", "text"))
    if tool_parts.is_call(kind) or "thinking" in kind or "reasoning" in kind or _is_readable(part):
        mark = None if tool_parts.is_call(kind) else next((f"[{medium}]" for medium in MEDIA if medium in kind), None)
        text = mark or next((part[key] for key in PART_KEYS if part.get(key)), "")
        return kind, text if isinstance(text, str) else _content(text)[0]
    if kind == "text":
        raise Unusable("a part of a message has no text and no type")
    return kind, f"[{kind}]"


def _is_readable(part: Any) -> bool:
    """Whether a part says in words what it holds, or is of a medium that has its mark."""
    if not isinstance(part, dict):
        return True
    return any(key in part for key in PART_KEYS) or any(medium in str(part.get("type")) for medium in MEDIA)


def _transcript(value: dict[str, Any]) -> str:
    """What was spoken, where only the sound of it is the content."""
    audio = value.get("audio")
    return _text_or(audio.get("transcript"), "") or "" if isinstance(audio, dict) else ""


def _tool_calls(value: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    for call in tool_parts.calls_beside(value):
        yield _text_or(call.get("id")), call_of(*tool_parts.called(call))


def call_of(name: Any, arguments: Any) -> str:
    """A tool call as the input of its interaction; arguments that are JSON in a text are taken out of it."""
    call = json.dumps({"name": name, "arguments": _parsed(arguments)}, ensure_ascii=False)
    return str(repaired(call))  # what was JSON in a text may hold what UTF-8 cannot


def file_mark(name: str | None) -> str:
    """What stands in a text for a file that was sent along with it."""
    return f"[file: {name}]" if name else "[file]"


def _normal(text: str) -> str:
    """A call that was written as text in the form in which `call_of` writes it, so that dialects agree."""
    call = _parsed(text)
    if isinstance(call, dict) and "name" in call:
        return call_of(call["name"], call.get("arguments", call.get("parameters")))
    return text


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _text_or(value: Any, otherwise: str | None = None) -> str | None:
    return value if isinstance(value, str) and value else otherwise
