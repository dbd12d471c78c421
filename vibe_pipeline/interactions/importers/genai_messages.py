"""What a span of generative AI holds, asked and answered, in whichever convention it follows.

The conventions changed often and instrumentations follow different ones: gen_ai.input.messages (since 1.37, as JSON
in an attribute or in an event), one event a message (gen_ai.user.message …, 1.28 to 1.36), one event a side
(gen_ai.content.prompt), OpenLLMetry's numbered gen_ai.prompt.0.content, OpenInference's llm.input_messages.0 …, which
some write as lists and objects, the AI SDK's ai.prompt.messages, Logfire's events and request_data, all messages of an
agent's run (pydantic_ai.all_messages).

Not here: what else a span tells (genai_spans.py) and the payloads themselves (payloads.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from vibe_pipeline.interactions.importers import tool_parts
from vibe_pipeline.interactions.importers.fields import first_at, rows_of, text_at
from vibe_pipeline.interactions.importers.messages import Message
from vibe_pipeline.interactions.importers.parts import parsed, text_of
from vibe_pipeline.interactions.importers.payloads import answered, asked, parts_in

ASKED = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "gen_ai.request.messages",
    "ai.prompt.messages",
    "ai.prompt",
    "request_data",
)
SYSTEM = ("gen_ai.system_instructions", "gen_ai.system.instructions")
ANSWERED = ("gen_ai.output.messages", "gen_ai.completion", "gen_ai.response.messages", "response_data")
AI_SDK = ("ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object")
EVENTS = ("events", "all_messages_events")
WHOLE = "pydantic_ai.all_messages"
"""What was asked and answered in one list, of a run that may hold several calls."""

NESTED = ("llm", "openinference", "input", "output", "session", "user", "tool")
LISTED = ("llm.input_messages", "llm.output_messages")
"""OpenInference's attributes that are written as objects and as lists too."""

NUMBERED = {
    "asked": re.compile(r"^(?:gen_ai\.prompt|llm\.prompts|llm\.input_messages)\.(\d+)\.(.+)$"),
    "answered": re.compile(r"^(?:gen_ai\.completion|llm\.completions|llm\.output_messages)\.(\d+)\.(.+)$"),
}

EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}

Attributes = dict[str, Any]

Event = tuple[str, Attributes]
"""Its name and what it says."""


def said_in(attributes: Attributes, events: Sequence[Event]) -> tuple[list[Message], list[Message]]:
    """What was asked and what was answered."""
    found = _with_events(attributes, events)
    system = text_of(parsed(first_at(found, *SYSTEM)))
    said = asked(_payload(found, ASKED, "user"))
    came_back = answered(_payload(found, ANSWERED, "assistant"))
    events = [*events, *_written_events(found)]
    said = said or asked(_numbered(found, "asked")) or _event_messages(events)
    came_back = came_back or _chosen(_numbered(found, "answered")) or _chosen(_event_choices(events))
    came_back = came_back or _ai_sdk(found)
    if not came_back and text_at(found, "openinference.span.kind") == "LLM":
        said, came_back = said or asked(found.get("input.value")), answered(found.get("output.value"))
    if not came_back and (WHOLE in found or "all_messages_events" in found):
        said, came_back = _parted(said or asked(found.get(WHOLE)))
    return ([Message("system", system), *said] if system else said), came_back


def ran_in(attributes: Attributes, events: Sequence[Event]) -> tuple[Any, Any]:
    """(arguments, result) of a tool's run that are told as messages: Strands writes them so, in both conventions."""
    bodies = {name: _body(more) for name, more in events}
    arguments = parsed(bodies.get("gen_ai.tool.message", {}).get("content"))
    result = parsed(bodies.get("gen_ai.choice", {}).get("message"))
    found = _with_events(attributes, events)
    for part in _tool_parts(found, "gen_ai.input.messages", tool_parts.is_call):
        arguments = tool_parts.called(part)[1]
    for part in _tool_parts(found, "gen_ai.output.messages", tool_parts.is_result):
        result = part.get("response")
    return arguments, result


def _with_events(attributes: Attributes, events: Sequence[Event]) -> Attributes:
    """The attributes, with those that some write into events."""
    found = attributes
    for name, more in events:
        if name.startswith("gen_ai."):
            found = {**more, **found}
    return found


def _tool_parts(found: Attributes, side: str, is_wanted: Callable[[str], bool]) -> Iterator[Attributes]:
    for message in rows_of(parsed(found.get(side))):
        for part in rows_of(message.get("parts")):
            if is_wanted(str(part.get("type"))):
                yield part


def flat(attributes: Attributes) -> Attributes:
    """The attributes with those that are objects or lists of messages under the names that stand for their parts."""
    if not any(isinstance(attributes.get(key), (dict, list)) for key in (*NESTED, *LISTED)):
        return attributes
    return dict(_flattened(attributes, ""))


def _flattened(value: Attributes, within: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{within}{key}"
        if isinstance(inner, dict) and (within or key in NESTED):
            yield from _flattened(inner, f"{name}.")
        elif isinstance(inner, list) and name.startswith(LISTED) and all(isinstance(item, dict) for item in inner):
            for number, item in enumerate(inner):
                yield from _flattened(item, f"{name}.{number}.")
        else:
            yield name, inner


def _parted(said: list[Message]) -> tuple[list[Message], list[Message]]:
    """A list that ends with the answer, without it, and the answer."""
    end = next((n for n in range(len(said), 0, -1) if said[n - 1].role != "assistant"), 0)
    return said[:end], said[end:]


def _chosen(messages: Sequence[Attributes]) -> list[Message]:
    """The first is the answer, the others are its alternatives."""
    return answered({"choices": [{"message": message} for message in messages]}) if messages else []


def _written_events(found: Attributes) -> Iterator[Event]:
    """Events that are JSON in an attribute."""
    written = parsed(first_at(found, *EVENTS))
    for event in rows_of(written):
        yield str(event.get("event.name")), event


def _payload(found: Attributes, names: Sequence[str], role: str) -> Any:
    """What the first of these attributes holds; an array can hold no objects, so that its messages are JSON texts."""
    name = next((name for name in names if found.get(name) is not None), "")
    value = found.get(name)
    if isinstance(value, list):
        return [parsed(item) for item in value]
    is_said = name.startswith("gen_ai.") and parsed(value) is not value and parts_in(value) is value
    return [{"role": role, "content": value}] if is_said else value


def _numbered(attributes: Attributes, side: str) -> list[Attributes]:
    """gen_ai.prompt.0.role, gen_ai.prompt.0.content, …, gen_ai.prompt.2.tool_calls.0.name as messages."""
    found: dict[int, Attributes] = defaultdict(dict)
    for key, value in attributes.items():
        if match := NUMBERED[side].match(key):
            found[int(match[1][:9])][match[2].removeprefix("message.")] = value
    return [_numbered_message(found[number], side) for number in sorted(found)]


def _numbered_message(flat: Attributes, side: str) -> Attributes:
    calls: dict[str, Attributes] = defaultdict(dict)
    contents: dict[str, Attributes] = defaultdict(dict)
    for key, value in flat.items():
        if match := re.match(r"^(?:tool_calls|message\.tool_calls)\.(\d+)\.(.+)$", key):
            calls[match[1]][match[2].removeprefix("tool_call.").removeprefix("function.")] = value
        elif match := re.match(r"^contents\.(\d+)\.message_content\.(type|text)$", key):
            contents[match[1]][match[2]] = value
    content = parts_in(flat.get("content"))
    called: Attributes = (
        {"tool_calls": [{"id": call.get("id"), "function": call} for call in calls.values()]} if calls else {}
    )
    if name := text_at(flat, "function_call_name"):
        called["function_call"] = {"name": name, "arguments": flat.get("function_call_arguments_json")}
    return {
        "role": flat.get("role") or ("assistant" if side == "answered" else "user"),
        "content": content if content is not None else list(contents.values()),
        **({"tool_call_id": flat["tool_call_id"]} if "tool_call_id" in flat else {}),
        **{key: flat[key] for key in ("reasoning", "finish_reason") if key in flat},
        **called,
    }


def _event_messages(events: Sequence[Event]) -> list[Message]:
    """One event a message; its body is spread over the attributes, or JSON in one of them."""
    said: list[Message] = []
    for name, attributes in events:
        if name in EVENT_ROLES:
            body = _body(attributes)
            role = body.get("role") if isinstance(body.get("role"), str) else EVENT_ROLES[name]
            content = first_at(body, "content", "message", name)
            identity = {"tool_call_id": body["id"]} if name == "gen_ai.tool.message" and "id" in body else {}
            calls = {"tool_calls": parsed(body["tool_calls"])} if "tool_calls" in body else {}
            said.extend(asked([{"role": role, "content": parts_in(content), **identity, **calls}]))
    return said


def _event_choices(events: Sequence[Event]) -> list[Attributes]:
    choices = []
    for name, attributes in events:
        if name == "gen_ai.choice":
            body = _body(attributes)
            message = parts_in(first_at(body, "message", "content"))
            whole = message if isinstance(message, dict) else {"content": message}
            calls = {"tool_calls": parsed(body["tool_calls"])} if "tool_calls" in body else {}
            reason = {"finish_reason": body["finish_reason"]} if "finish_reason" in body else {}
            choices.append({"role": "assistant", **calls, **reason, **whole})
    return choices


def _body(attributes: Attributes) -> Attributes:
    body = parsed(first_at(attributes, "event.body", "body", "gen_ai.event.content"))
    return body if isinstance(body, dict) else attributes


def _ai_sdk(found: Attributes) -> list[Message]:
    text, calls = first_at(found, *AI_SDK), parsed(found.get("ai.response.toolCalls"))
    if not isinstance(text, str) and not calls:
        return []
    return answered({"role": "assistant", "content": text, "tool_calls": calls})
