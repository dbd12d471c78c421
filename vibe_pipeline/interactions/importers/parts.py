"""Messages and their parts, whichever API or framework wrote them: text, calls and results of tools, thoughts, media.

Not here: what they are wrapped in (payloads.py), and what tells of tools (tool_parts.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from vibe_pipeline.interactions.importers import blocks, tool_parts
from vibe_pipeline.interactions.importers.messages import ROLES, Message, Unusable, call_of
from vibe_pipeline.interactions.lines import repaired

CALL_IDS = ("call_id", "tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "id")
RESULT_VALUES = ("response", "output", "result", "content", "text")
REASONING = re.compile("reasoning|thinking", re.I)
NULL = "None"
"""What a program in Python makes a text of where nothing was said."""
MEDIA = ("image", "audio", "video", "file", "document", "blob", "uri")


def parsed(value: Any) -> Any:
    """JSON that was written into a text, or an object as Python prints it; any other text stays text."""
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "[", '"'):
        return value
    try:
        return repaired(json.loads(value))
    except (ValueError, RecursionError):
        return tool_parts.object_in(value) or value


def text_of(value: Any) -> str:
    """All text of a content, without calls, results and reasoning."""
    return "\n\n".join(message.text for message in messages_in(parsed(value), "system") if message.text)


def is_message(value: dict[str, Any]) -> bool:
    """Whether it is a message or a part that says what it is, and no envelope of messages."""
    kind = value.get("type")
    known = isinstance(kind, str) and (kind.lower() in ROLES or is_tools(kind) or bool(REASONING.search(kind)))
    return isinstance(value.get("role"), str) or known or (kind == "message" and "content" in value)


def messages_in(value: Any, role: str) -> Iterator[Message]:
    """The messages of a list, of one message or of bare text; `role` is whose they are if they do not say."""
    value = parsed(value)
    if value is None:
        return
    if isinstance(value, list):
        loose: list[Any] = []
        for item in _with_roles([parsed(item) for item in value]):
            if isinstance(item, list):
                yield from messages_in(item, role)
            elif isinstance(item, dict) and _stands_alone(item):
                yield from _parts(loose, role, {})
                loose = []
                yield from _message(item, role)
            else:
                loose.append(item)
        yield from _parts(loose, role, {})
    elif isinstance(value, dict) and _stands_alone(value):
        yield from _message(value, role)
    else:
        yield from _parts([value], role, {})


def _with_roles(items: list[Any]) -> list[Any]:
    """LangChain's JavaScript gives what a tool gave back the tool's own name as its role."""
    if not any(map(_is_strange, items)):
        return items
    rows = [item for item in items if isinstance(item, dict)]
    names = {tool_parts.called(call)[0] for item in rows for call in tool_parts.calls_beside(item)}
    return [{**item, "role": "tool"} if _is_strange(item) and item["role"] in names else item for item in items]


def _is_strange(item: Any) -> bool:
    role = item.get("role") if isinstance(item, dict) else None
    return isinstance(role, str) and role.lower() not in ROLES


def is_tools(kind: Any) -> bool:
    """Whether a part of this type is a call of a tool or its result."""
    return isinstance(kind, str) and (tool_parts.is_call(kind) or tool_parts.is_result(kind))


def _stands_alone(item: dict[str, Any]) -> bool:
    """Whether it is a message and no part of one."""
    kind = item.get("type")
    inner = "text" not in item and any(key in item for key in ("message", "kwargs", "data", "parts"))
    generation = isinstance(item.get("message"), dict)  # LangChain's, with the text of its message beside it
    named = isinstance(item.get("role"), str) or (isinstance(kind, str) and kind.lower() in ROLES)
    return (named and not is_tools(kind)) or kind == "message" or inner or generation


def _message(value: dict[str, Any], role: str) -> Iterator[Message]:
    inner = next((value[key] for key in ("message", "kwargs", "data") if isinstance(value.get(key), dict)), None)
    if inner is not None and not isinstance(value.get("role"), str):
        kind = value.get("type") if str(value.get("type")).lower() in ROLES else _of_class(value)
        yield from _message({**({"type": kind} if kind else {}), **inner}, role)
        return
    name = value.get("role") or (value.get("type") if value.get("type") != "message" else None) or role
    if not isinstance(name, str) or name.lower() not in ROLES:
        raise Unusable(f"a message has the unknown role {name!r:.40}")
    said = ROLES[name.lower()]
    content = next((value[key] for key in ("parts", "content", "text") if value.get(key) is not None), None)
    content = tool_parts.functions_in(content) or content
    parts = content if isinstance(content, list) else [] if content is None else [content]
    if not parts or not all(map(tool_parts.is_definition, parts)):
        calls = ({**call, "type": "tool_call"} for call in tool_parts.calls_beside(value))
        yield from _parts([*parts, *calls], "assistant" if said == "call" else said, value)


def _of_class(value: dict[str, Any]) -> str | None:
    """LangChain's serialised messages are called by their class: …, "HumanMessage"]."""
    path = value.get("id")
    name = str(path[-1]) if isinstance(path, list) and path else ""
    kind = name.removesuffix("Chunk").removesuffix("Message").lower()
    return kind if kind in ROLES else None


def _parts(parts: Iterable[Any], role: str, whole: dict[str, Any]) -> Iterator[Message]:
    """One message of what is said, called and thought; a tool's result is one of its own and parts the others."""
    texts: list[str] = []
    thoughts = [value for key in ("reasoning_content", "reasoning") if isinstance(value := whole.get(key), str)][:1]
    calls: list[tuple[str | None, str]] = []
    results = 0
    for part in parts:
        kind, value = _part(part)
        if kind == "result":
            yield from _said(role, texts, thoughts, calls)
            texts, thoughts, calls, results = [], [], [], results + 1
            yield value
        elif kind == "run":
            yield from _said("assistant", texts, thoughts, [*calls, value[0]])
            texts, thoughts, calls = [], [], []
            yield value[1]
        elif kind == "call":
            calls.append(value)
        elif value:
            (thoughts if kind == "reasoning" else texts).append(value)
    if role != "result" or calls:
        yield from _said(role, texts, thoughts, calls)
    elif not results:
        failed = bool(whole.get("error")) or whole.get("status") == "error" or whole.get("is_error") is True
        yield Message("result", "\n".join(texts), call_id=_call_id(whole), success=False if failed else None)


def _said(role: str, texts: list[str], thoughts: list[str], calls: list[tuple[str | None, str]]) -> Iterator[Message]:
    if texts or calls or (thoughts and role == "assistant"):
        yield Message("assistant" if calls else role, "\n".join(texts), "\n".join(thoughts), tuple(calls))


def _part(part: Any) -> tuple[str, Any]:
    if isinstance(part, str):
        return "text", part
    if not isinstance(part, dict):
        return "text", "" if part is None else as_json(part)
    part = blocks.typed(part)
    kind = part.get("type")
    kind = kind if isinstance(kind, str) else ""
    if tool_parts.is_result(kind):
        return "result", _result(part)
    if tool_parts.is_call(kind) or kind == "function" or "toolName" in part:
        return _run(part) or ("call", _call(part))
    if REASONING.search(kind) or part.get("thought") is True:
        return "reasoning", _inner_text(part)
    for medium in MEDIA:
        if medium in kind or (not kind and medium in str(part.get("mime_type", part.get("inlineData", "")))):
            return "text", f"[{medium}]"
    if not kind and ("inlineData" in part or "inline_data" in part):
        return "text", "[file]"
    text = _inner_text(part)
    return "text", text if text or kind or "text" in part else as_json(part)


def _inner_text(part: dict[str, Any]) -> str:
    keys = ("text", "content", "value", "reasoning", "reasoningText", "thinking", "refusal", "summary", "logs")
    value = next((part[key] for key in keys if part.get(key)), "")
    return value if isinstance(value, str) else text_of(value)


def _call(part: dict[str, Any]) -> tuple[str | None, str]:
    return _call_id(part), call_of(*tool_parts.called(part))


def _run(part: dict[str, Any]) -> tuple[str, Any] | None:
    """A tool that ran where the model is: its call, and its result."""
    came = tool_parts.outcome(part)
    if came is None:
        return None
    value, worked = came
    error_type = "tool_error" if worked is False else None
    result = Message("result", result_text(value), call_id=_call_id(part), success=worked, error_type=error_type)
    return "run", (_call(part), result)


def _result(part: dict[str, Any]) -> Message:
    value = next((part[key] for key in RESULT_VALUES if part.get(key) is not None), "")
    failed = part.get("is_error") is True or part.get("isError") is True or part.get("status") == "error"
    return Message("result", result_text(value), call_id=_call_id(part), success=False if failed else None)


def result_text(value: Any) -> str:
    """What a tool gave back: text, the text of its parts, else JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.get("type") in ("text", "json", "error-text", "error-json"):
        return result_text(value.get("value", value.get("text", "")))
    parts = [blocks.of_result(item) for item in value] if isinstance(value, list) else []
    if parts and all(parts):
        return text_of(parts) or tool_parts.json_of(value)
    return tool_parts.json_of(value)


def _call_id(part: dict[str, Any]) -> str | None:
    return next((part[key] for key in CALL_IDS if isinstance(part.get(key), str) and part[key]), None)


def as_json(value: Any) -> str:
    """As people read it."""
    return json.dumps(value, ensure_ascii=False)
