"""Messages → interactions: where an exchange begins and ends, and what it is called. Shared by the importers.

One exchange (what the user said since the last answer, then what the assistant said) is one "chat" interaction;
a tool call with its result is one "tool" interaction. Turns count the interactions of a conversation in order.
Ids are hashes. Where a format names its conversations the name decides, so that one which has grown brings only what
is new; elsewhere the content does: the same conversation from two files, or in two dialects, gives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text
from vibe_pipeline.records import Interaction


@dataclass(frozen=True, slots=True)
class Origin:
    """What all interactions of one record share."""

    module: str
    source: str
    at: datetime
    model: str | None = None
    user: str | None = None
    """Of the messages that name none."""
    extra: dict[str, Any] = field(default_factory=dict)
    rejected: str | None = None
    """Of a preference pair: what was answered worse than the last answer."""
    conversation: str | None = None
    """What the format calls the conversation, if it names it."""
    unasked: bool = False
    """Answers count without their question: the format does not keep it (the input is then empty)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One interaction before it has a place and an identity."""

    action: str
    input: str
    output: str
    messages: tuple[Message, ...]
    extra: dict[str, Any]


def interactions(messages: Sequence[Message], origin: Origin) -> list[Interaction]:
    """The complete exchanges of a conversation; Unusable where there is none."""
    steps = list(_steps(messages, origin.unasked))
    if not steps:
        raise Unusable("no answer follows a question")
    system = "\n\n".join(message.text for message in messages if message.role == "system" and message.text)
    shared = {**({"system": system} if system else {}), **origin.extra}
    said = [[message.role, message.text, [call for _, call in message.calls]] for message in messages]
    conversation_id = key_of([origin.module, origin.conversation] if origin.conversation else said)
    found = [_interaction(step, turn, conversation_id, shared, origin) for turn, step in enumerate(steps)]
    return [*found[:-1], _with_rejected(found[-1], origin.rejected)] if origin.rejected else found


def _steps(messages: Sequence[Message], unasked: bool) -> Iterator[Step]:
    question: list[Message] = []
    answer: list[Message] = []
    calls: list[tuple[str | None, str]] = []
    results: list[Message] = []
    for message in messages:
        if results and message.role != "result":
            yield from _tool_steps(calls, results)
            calls, results = [], []
        if message.role == "user" and message.text.strip():
            if _is_answer(answer):
                yield _chat_step(question, answer)
                question = []
            question, answer, calls = [*question, message], [], []
        elif message.role == "assistant":
            answer = [*answer, message] if question or unasked else []
            calls = [*calls, *message.calls]
        elif message.role == "result" and calls:
            results = [*results, message]
    yield from _tool_steps(calls, results)
    if _is_answer(answer):
        yield _chat_step(question, answer)


def _is_answer(messages: Sequence[Message]) -> bool:
    """Whether something was said, or the attempt to say it failed: that too is an event."""
    return bool(answer_text(messages)) or any(message.success is False for message in messages)


def _chat_step(question: list[Message], answer: list[Message]) -> Step:
    reasoning = "\n\n".join(message.reasoning for message in answer if message.reasoning)
    weights = [message.weight for message in answer if message.weight is not None]
    extra = {**({"reasoning": reasoning} if reasoning else {}), **({"weight": weights[-1]} if weights else {})}
    extra |= {name: value for message in (*question, *answer) for name, value in message.extra.items()}
    text = "\n\n".join(message.text for message in question)
    return Step("chat", text, answer_text(answer), (*question, *answer), extra)


def _tool_steps(calls: list[tuple[str | None, str]], results: list[Message]) -> Iterator[Step]:
    """Calls and results paired by id, else in order; when their numbers differ, as the one batch they were."""
    if not results:
        return
    by_id = {identity: call for identity, call in calls if identity}
    if all(result.call_id in by_id for result in results):
        for result in results:
            yield Step("tool", by_id[result.call_id or ""], result.text, (result,), result.extra)
    elif len(calls) == len(results):
        for (_, call), result in zip(calls, results, strict=True):
            yield Step("tool", call, result.text, (result,), result.extra)
    else:
        batch = calls[0][1] if len(calls) == 1 else "[" + ", ".join(call for _, call in calls) + "]"
        yield Step("tool", batch, "\n\n".join(result.text for result in results), tuple(results), {})


def _interaction(step: Step, turn: int, conversation_id: str, shared: dict[str, Any], origin: Origin) -> Interaction:
    return Interaction(
        interaction_id=key_of([conversation_id, turn, step.action, step.input, step.output]),
        conversation_id=conversation_id,
        turn=turn,
        occurred_at=next((message.at for message in step.messages if message.at), origin.at),
        module=origin.module,
        action=step.action,
        input=step.input,
        output=step.output,
        success=_success(step),
        error_type=next((message.error_type for message in step.messages if message.error_type), None),
        improvements=tuple(better for message in step.messages for better in message.improvements),
        feedback=next((message.feedback for message in reversed(step.messages) if message.feedback is not None), None),
        latency_ms=next((it.latency_ms for it in reversed(step.messages) if it.latency_ms is not None), None),
        user=next((message.user for message in step.messages if message.user), origin.user),
        model_id=next((message.model for message in reversed(step.messages) if message.model), origin.model),
        source=origin.source,
        extra={**shared, **step.extra},
    )


def _success(step: Step) -> bool | None:
    """An answer is one, unless the format says that it failed; of a tool nothing is known unless it says so."""
    said = [message.success for message in step.messages if message.success is not None]
    return all(said) if said else True if step.action == "chat" else None


def _with_rejected(interaction: Interaction, rejected: str) -> Interaction:
    """Another id than the plain exchange has (a pair says more), but the same conversation and so the same split."""
    identity = key_of([interaction.interaction_id, rejected])
    return replace(interaction, interaction_id=identity, extra={**interaction.extra, "rejected": rejected})
