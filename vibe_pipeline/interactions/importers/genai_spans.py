"""Spans of generative AI → interactions: whose they are, which model answered, what failed, which tools ran.

A conversation is a gen_ai.conversation.id, a session or, without either, a trace.

Not here: what was asked and answered (genai_messages.py), how spans are written down (otel_genai.py) and how calls
become a conversation (calls.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline.interactions.importers.calls import (
    Call,
    answer_of,
    conversations,
    error_name,
    nested,
    only,
    result_of,
)
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import first_at, ms_between, text_at
from vibe_pipeline.interactions.importers.genai_messages import Attributes, Event, ran_in, said_in
from vibe_pipeline.interactions.importers.losses import Losses, lost
from vibe_pipeline.interactions.importers.messages import Unusable, call_of, moment_of
from vibe_pipeline.interactions.importers.nesting import nearest
from vibe_pipeline.interactions.importers.parts import parsed
from vibe_pipeline.interactions.importers.stop_reasons import stopped
from vibe_pipeline.interactions.importers.threads import words_of
from vibe_pipeline.interactions.importers.tool_runs import ToolRun
from vibe_pipeline.records import Interaction

CONVERSATION = (
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
    "langfuse.session.id",
    "ai.telemetry.metadata.sessionId",
    "gcp.vertex.agent.session_id",
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

STOPPED = (
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "ai.response.finishReason",
    "llm.finish_reason",
    "llm.response.finish_reason",
    "llm.response.stop_reason",
)
"""Why the model stopped: one reason, or one of each of its answers."""

TOOL_OPERATIONS = ("execute_tool", "tool_call", "tool")
TOOL_KIND = ("gen_ai.operation.name", "traceloop.span.kind", "openinference.span.kind", "operation.name")
TOOL_NAME = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name")
TOOL_ID = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id")
TOOL_ARGUMENTS = (
    *("gen_ai.tool.call.arguments", "gen_ai.tool.arguments", "ai.toolCall.args"),
    *("gcp.vertex.agent.tool_call_args", "input.value"),
)
TOOL_STATUS = ("gen_ai.tool.status", "tool.status")
TOOL_RESULT = (
    *("gen_ai.tool.call.result", "gen_ai.tool.result", "ai.toolCall.result"),
    *("gcp.vertex.agent.tool_response", "output.value"),
)
MERGED = "(merged tools)"
"""ADK's span of several tools, each of which has its own."""

KIND = ("llm.request.type", "gen_ai.operation.name", "openinference.span.kind")
NO_EXCHANGE = ("embedding", "embeddings", "rerank", "reranker")

NOTHING = "no span holds what was asked and answered (not of a model, or its content was not captured)"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    events: tuple[Event, ...] = ()
    failed: bool = False
    status: str | None = None


def interactions_of(spans: Sequence[Span], source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of all spans; Unusable where none of them holds what was said."""
    parents: dict[str | None, str | None] = {span.identity: span.parent for span in spans if span.identity}
    called: list[tuple[str, Call]] = []
    runs: dict[str, list[ToolRun]] = defaultdict(list)
    users = _users(spans)
    unanswered: list[tuple[str, Call, Span]] = []
    losses = Losses()
    explicit = {name for span in spans if (name := _conversation(span))}
    seen: set[tuple[str | None, str | None]] = set()
    for span, key in zip(spans, conversations_of(spans), strict=True):
        if span.identity and (span.trace, span.identity) in seen:
            continue  # the same span, exported twice
        seen.add((span.trace, span.identity))
        found: ToolRun | Call | None = None
        with losses.of(span):
            found = _run(span, at) or _call(span, at)
        if isinstance(found, ToolRun):
            runs[key].append(replace(found, result=replace(found.result, user=users[span.trace, span.identity])))
        elif found and not found.answer:
            unanswered.append((key, found, span))
        elif found:
            called.append((key, replace(found, user=users[span.trace, span.identity])))
    calls: dict[str, list[Call]] = defaultdict(list)
    for (key, _), call in zip(called, nested((call for _, call in called), parents), strict=True):
        calls[key].append(call)
    losses += _never_answered(unanswered, calls)
    keys = list(dict.fromkeys([*calls, *runs]))
    yield from losses.beside(keys, NOTHING)
    for key in keys:
        origin = Origin("otel_genai", source, at, user=only(call.user for call in calls[key]), conversation=key or None)
        yield from conversations(calls[key], runs[key], origin, is_one=key in explicit)


def _never_answered(
    unanswered: Sequence[tuple[str, Call, Span]], calls: Mapping[str, list[Call]]
) -> Iterator[Unusable]:
    """Not those whose answer another span tells: Logfire logs one for what was streamed, with its question; Strands
    one for each round of its agent, without the system prompt."""
    known = {(key, _question(call)) for key, found in calls.items() for call in found} if unanswered else ()
    for key, call, span in unanswered:
        if (key, _question(call)) not in known:
            yield lost(Unusable("a span holds a question without an answer"), span)


def _question(call: Call) -> tuple[tuple[tuple[str, str], ...], ...]:
    return tuple(words_of(message) for message in call.asked if message.role != "system")


def conversations_of(spans: Sequence[Span]) -> list[str]:
    """What each span is a part of: the conversation that it or its trace names, else its trace."""
    named = {span.trace: name for span in spans if span.trace and (name := _conversation(span))}
    return [_conversation(span) or named.get(span.trace or "") or span.trace or span.identity or "" for span in spans]


def tells(span: Span) -> bool:
    """Whether it holds what was asked and answered, or the run of a tool; Unusable where that cannot be read."""
    return bool(_run(span, EPOCH) or _call(span, EPOCH))


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
    around = nearest(parents, {span for span, user in named.items() if user})
    users = {trace: only(them) for trace, them in traces.items()}
    return {span: named[around[span]] if span in around else users[span[0]] for span in parents}


def _user(span: Span) -> str | None:
    return text_at(span.attributes, *USER) or text_at(span.shared, *USER)


def _call(span: Span, at: datetime) -> Call | None:
    """The call of a model that the span tells of; None where it tells of none, or not what was said.

    Without an answer where the span holds none.
    """
    if any((text_at(span.attributes, key) or "").lower() in NO_EXCHANGE for key in KIND):
        return None
    said, came_back = said_in(span.attributes, span.events)
    if not said and not any(message.text or message.reasoning or message.calls for message in came_back):
        return None
    reasons = parsed(first_at(span.attributes, *STOPPED))
    came_back = stopped(came_back, reasons[0] if isinstance(reasons, list) and reasons else reasons)
    model, latency = text_at(span.attributes, *MODEL), ms_between(span.start, span.end)
    answer = answer_of(came_back, _failure(span), span.status, model=model, latency_ms=latency, extra={})
    return Call(said, answer, span.start or at, span.identity)


def _run(span: Span, at: datetime) -> ToolRun | None:
    kind = text_at(span.attributes, *TOOL_KIND)
    name = text_at(span.attributes, *TOOL_NAME) or text_at(span.attributes, "traceloop.entity.name")
    if not (kind and (kind.lower() in TOOL_OPERATIONS or kind.startswith("ai.toolCall"))) or name == MERGED:
        return None
    arguments = parsed(first_at(span.attributes, *TOOL_ARGUMENTS, "traceloop.entity.input"))
    result = first_at(span.attributes, *TOOL_RESULT)
    if result is None:
        result = parsed(span.attributes.get("traceloop.entity.output"))
    if arguments is None and result is None:
        arguments, result = ran_in(span.attributes, span.events)
    failure = _failure(span) or ("tool_error" if text_at(span.attributes, *TOOL_STATUS) == "error" else None)
    if arguments is None and result is None and not failure:
        return None
    call_id = text_at(span.attributes, *TOOL_ID)
    message = result_of(
        result, failure, words=span.status, latency_ms=ms_between(span.start, span.end), call_id=call_id
    )
    return ToolRun(call_of(name or span.name, arguments), message, span.start or at)


def _failure(span: Span) -> str | None:
    """What kind of error it was, where it was one."""
    raised = next(
        (text_at(attributes, "exception.type") for name, attributes in span.events if name == "exception"), None
    )
    named = text_at(span.attributes, "error.type") or (raised if span.failed else None)
    return named or (error_name(span.status) if span.failed else None)
