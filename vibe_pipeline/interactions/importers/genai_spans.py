"""Spans of generative AI → interactions: the one place that knows the names of the attributes.

The conventions changed often and instrumentations follow different ones: gen_ai.input.messages (since 1.37, as JSON
in an attribute or in an event), one event a message (gen_ai.user.message …, 1.28 to 1.36), one event a side
(gen_ai.content.prompt), OpenLLMetry's numbered gen_ai.prompt.0.content, OpenInference's llm.input_messages.0 …, which
some write as lists and objects, the AI SDK's ai.prompt.messages, Logfire's events and request_data, all messages of an
agent's run (pydantic_ai.all_messages). A conversation is a gen_ai.conversation.id, a session or, without either, a trace.

Not here: how spans are written down (otel_genai.py) and how calls become a conversation (calls.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline.interactions.importers.calls import (
    Call,
    ToolRun,
    around,
    conversations,
    error_name,
    lost,
    only,
    result_of,
)
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import rows_of, text_at
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, moment_of
from vibe_pipeline.interactions.importers.payloads import answered, asked, parsed, text_of
from vibe_pipeline.records import Interaction

CONVERSATION = (
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
    "langfuse.session.id",
    "ai.telemetry.metadata.sessionId",
)
USER = ("user.id", "enduser.id", "traceloop.association.properties.user_id", "langfuse.user.id", "gen_ai.request.user")
MODEL = (
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.model_name",
    "ai.response.model",
    "ai.model.id",
    "model_name",
)

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

TOOL_OPERATIONS = ("execute_tool", "tool_call", "tool")
TOOL_KIND = ("gen_ai.operation.name", "traceloop.span.kind", "openinference.span.kind", "operation.name")
TOOL_NAME = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name")
TOOL_ID = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id")
TOOL_ARGUMENTS = ("gen_ai.tool.call.arguments", "gen_ai.tool.arguments", "ai.toolCall.args", "input.value")
TOOL_RESULT = ("gen_ai.tool.call.result", "gen_ai.tool.result", "ai.toolCall.result", "output.value")

EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}

NOTHING = "no span holds what was asked and answered (not of a model, or its content was not captured)"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """One span in plain values."""

    trace: str | None
    identity: str | None
    parent: str | None
    name: str
    start: datetime | None
    end: datetime | None
    attributes: Attributes
    shared: Attributes = field(default_factory=dict)
    """Of the resource."""
    events: tuple[tuple[str, Attributes], ...] = ()
    failed: bool = False
    status: str | None = None


def interactions_of(spans: Sequence[Span], source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of all spans; Unusable where none of them holds what was said."""
    parents: dict[str | None, str | None] = {span.identity: span.parent for span in spans if span.identity}
    calls: dict[str, list[Call]] = defaultdict(list)
    runs: dict[str, list[ToolRun]] = defaultdict(list)
    users = _users(spans)
    bad: list[Unusable] = []
    explicit = {name for span in spans if (name := _conversation(span))}
    seen: set[tuple[str | None, str | None]] = set()
    for span, key in zip(spans, conversations_of(spans), strict=True):
        if span.identity and (span.trace, span.identity) in seen:
            continue  # the same span, exported twice
        seen.add((span.trace, span.identity))
        try:
            found = _run(span, at) or _call(span, parents, at)
        except (Unusable, RecursionError) as error:
            bad.append(lost(error, {"name": span.name, "span_id": span.identity}))
            continue
        if isinstance(found, ToolRun):
            runs[key].append(replace(found, result=replace(found.result, user=users[span.trace, span.identity])))
        elif found:
            calls[key].append(replace(found, user=users[span.trace, span.identity]))
    keys = list(dict.fromkeys([*calls, *runs]))
    if not keys:
        raise Unusable(str(bad[0]) if bad else NOTHING)
    yield from bad
    for key in keys:
        origin = Origin("otel_genai", source, at, user=only(call.user for call in calls[key]), conversation=key or None)
        yield from conversations(calls[key], runs[key], origin, is_one=key in explicit)


def conversations_of(spans: Sequence[Span]) -> list[str]:
    """What each span is a part of: the conversation that it or its trace names, else its trace."""
    named = {span.trace: name for span in spans if span.trace and (name := _conversation(span))}
    return [_conversation(span) or named.get(span.trace or "") or span.trace or span.identity or "" for span in spans]


def tells(span: Span) -> bool:
    """Whether it holds what was asked and answered, or the run of a tool; Unusable where that cannot be read."""
    return bool(_run(span, EPOCH) or _call(span, {}, EPOCH))


def names_a_model(span: Span) -> bool:
    """Whether it is about a model, with its content captured or not."""
    return text_at(span.attributes, *MODEL) is not None


def moment(value: Any) -> datetime | None:
    """Nanoseconds since 1970, as a number or a text, or an ISO text."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            return moment_of({"time": value})
        nanoseconds = int(value)
        return datetime.fromtimestamp(nanoseconds // 1000 / 1_000_000, UTC) if nanoseconds > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _conversation(span: Span) -> str | None:
    return text_at(span.attributes, *CONVERSATION) or text_at(span.shared, *CONVERSATION)


def _users(spans: Sequence[Span]) -> dict[tuple[str | None, str | None], str | None]:
    """Whose each span is: of whom it or the nearest span around it names, else of the only one its trace names."""
    parents = {(span.trace, span.identity): (span.trace, span.parent) for span in spans}
    named = {(span.trace, span.identity): _user(span) for span in spans}
    traces: dict[str | None, set[str | None]] = defaultdict(set)
    for (trace, _), user in named.items():
        traces[trace].add(user)
    found: dict[tuple[str | None, str | None], str | None] = {}
    for span in parents:
        place, seen = span, {span}
        while not named[place] and (above := parents[place]) in named and above not in seen:
            place = above
            seen.add(above)
        found[span] = named[place] or only(traces[span[0]])
    return found


def _user(span: Span) -> str | None:
    return text_at(span.attributes, *USER) or text_at(span.shared, *USER)


def _call(span: Span, parents: dict[str | None, str | None], at: datetime) -> Call | None:
    """The call of a model that the span tells of; None where it tells of none, or not what was said."""
    said, came_back = _payloads(span)
    if not said and not came_back:
        return None
    failure = _failure(span)
    start = span.start or at
    if failure and not any(message.text for message in came_back):
        came_back = [Message("assistant", success=False, error_type=failure)]
    if not came_back:
        raise Unusable("a span holds a question without an answer")
    extra = {"error": span.status} if failure and span.status else {}
    model, latency = text_at(span.attributes, *MODEL), _latency(span)
    answer = [_finished(message, model, latency, extra) for message in came_back]
    return Call(said, answer, start, span.identity, within=around(span.identity, parents))


def _finished(message: Message, model: str | None, latency: float | None, extra: Attributes) -> Message:
    return replace(message, model=model, latency_ms=latency, extra={**message.extra, **extra})


def _run(span: Span, at: datetime) -> ToolRun | None:
    kind = text_at(span.attributes, *TOOL_KIND)
    name = text_at(span.attributes, *TOOL_NAME) or text_at(span.attributes, "traceloop.entity.name")
    if not (kind and (kind.lower() in TOOL_OPERATIONS or kind.startswith("ai.toolCall"))):
        return None
    arguments = parsed(_first(span.attributes, *TOOL_ARGUMENTS, "traceloop.entity.input"))
    result = _first(span.attributes, *TOOL_RESULT, "traceloop.entity.output")
    failure = _failure(span)
    if arguments is None and result is None and not failure:
        return None
    call_id = text_at(span.attributes, *TOOL_ID)
    message = result_of(result, failure, words=span.status, latency_ms=_latency(span), call_id=call_id)
    return ToolRun(call_of(name or span.name, arguments), message, span.start or at)


def _payloads(span: Span) -> tuple[list[Message], list[Message]]:
    """What was asked and what was answered, from whichever convention the span follows."""
    found = span.attributes
    for name, attributes in span.events:
        if name.startswith("gen_ai."):
            found = {**attributes, **found}
    system = text_of(parsed(_first(found, *SYSTEM)))
    said = asked(_json_items(_first(found, *ASKED))) if _first(found, *ASKED) is not None else []
    came_back = answered(_json_items(_first(found, *ANSWERED))) if _first(found, *ANSWERED) is not None else []
    events = [*span.events, *_written_events(found)]
    said = said or asked(_numbered(found, "asked")) or _event_messages(events)
    came_back = came_back or _chosen(_numbered(found, "answered")) or _chosen(_event_choices(events))
    came_back = came_back or _ai_sdk(found)
    if not came_back and text_at(found, "openinference.span.kind") == "LLM":
        said, came_back = said or asked(found.get("input.value")), answered(found.get("output.value"))
    if not came_back and (WHOLE in found or "all_messages_events" in found):
        said, came_back = _parted(said or asked(found.get(WHOLE)))
    return ([Message("system", system), *said] if system else said), came_back


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


def _written_events(found: Attributes) -> Iterator[tuple[str, Attributes]]:
    """Events that are JSON in an attribute."""
    written = parsed(_first(found, *EVENTS))
    for event in rows_of(written):
        yield str(event.get("event.name")), event


def _json_items(value: Any) -> Any:
    """An array attribute can hold no objects: its messages are JSON texts."""
    return [parsed(item) for item in value] if isinstance(value, list) else value


def _numbered(attributes: Attributes, side: str) -> list[Attributes]:
    """gen_ai.prompt.0.role, gen_ai.prompt.0.content, …, gen_ai.prompt.2.tool_calls.0.name as messages."""
    found: dict[int, Attributes] = defaultdict(dict)
    for key, value in attributes.items():
        if match := NUMBERED[side].match(key):
            found[int(match[1][:9])][match[2].removeprefix("message.")] = value
    return [_numbered_message(found[number], side) for number in sorted(found)]


def _numbered_message(flat: Attributes, side: str) -> Attributes:
    calls: dict[str, Attributes] = defaultdict(dict)
    contents: dict[str, str] = {}
    for key, value in flat.items():
        if match := re.match(r"^(?:tool_calls|message\.tool_calls)\.(\d+)\.(.+)$", key):
            calls[match[1]][match[2].removeprefix("tool_call.").removeprefix("function.")] = value
        elif (match := re.match(r"^contents\.(\d+)\.message_content\.text$", key)) and isinstance(value, str):
            contents[match[1]] = value
    content = parsed(flat.get("content")) if str(flat.get("content")).startswith("[") else flat.get("content")
    called = {"tool_calls": [{"id": call.get("id"), "function": call} for call in calls.values()]} if calls else {}
    return {
        "role": flat.get("role") or ("assistant" if side == "answered" else "user"),
        "content": content if content is not None else "\n".join(contents.values()),
        **({"tool_call_id": flat["tool_call_id"]} if "tool_call_id" in flat else {}),
        **({"reasoning": flat["reasoning"]} if "reasoning" in flat else {}),
        **called,
    }


def _event_messages(events: Sequence[tuple[str, Attributes]]) -> list[Message]:
    """One event a message; its body is spread over the attributes, or JSON in one of them."""
    said: list[Message] = []
    for name, attributes in events:
        if name in EVENT_ROLES:
            body = _body(attributes)
            role = body.get("role") if isinstance(body.get("role"), str) else EVENT_ROLES[name]
            content = _first(body, "content", "message", name)
            identity = {"tool_call_id": body["id"]} if name == "gen_ai.tool.message" and "id" in body else {}
            calls = {"tool_calls": parsed(body["tool_calls"])} if "tool_calls" in body else {}
            said.extend(asked([{"role": role, "content": parsed(content), **identity, **calls}]))
    return said


def _event_choices(events: Sequence[tuple[str, Attributes]]) -> list[Attributes]:
    choices = []
    for name, attributes in events:
        if name == "gen_ai.choice":
            body = _body(attributes)
            message = parsed(_first(body, "message", "content"))
            whole = message if isinstance(message, dict) else {"content": message}
            calls = {"tool_calls": parsed(body["tool_calls"])} if "tool_calls" in body else {}
            choices.append({"role": "assistant", **calls, **whole})
    return choices


def _body(attributes: Attributes) -> Attributes:
    body = parsed(_first(attributes, "event.body", "body", "gen_ai.event.content"))
    return body if isinstance(body, dict) else attributes


def _ai_sdk(found: Attributes) -> list[Message]:
    text, calls = _first(found, *AI_SDK), parsed(found.get("ai.response.toolCalls"))
    if not isinstance(text, str) and not calls:
        return []
    return answered({"role": "assistant", "content": text, "tool_calls": calls})


def _failure(span: Span) -> str | None:
    """What kind of error it was, where it was one."""
    raised = next(
        (text_at(attributes, "exception.type") for name, attributes in span.events if name == "exception"), None
    )
    named = text_at(span.attributes, "error.type") or (raised if span.failed else None)
    return named or (error_name(span.status) if span.failed else None)


def _latency(span: Span) -> float | None:
    if span.start is None or span.end is None or span.end < span.start:
        return None
    return round((span.end - span.start).total_seconds() * 1000, 3)


def _first(value: Attributes, *keys: str) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)
