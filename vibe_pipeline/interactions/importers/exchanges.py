"""Messages → interactions: where an exchange begins and ends, and what it is called. Shared by the importers.

One exchange (what the user said since the assistant or a tool last did, then what the assistant said) is one "chat"
interaction, with no output and no success where nothing was said; a tool call with its result is one "tool"
interaction. What was said before the first question is the "opening" in its extra. A last question that nothing
followed yet waits until it is answered; `unanswered` tells of it. Turns count the interactions of a conversation.

Ids are hashes. Where a format names its conversations an interaction is known by the name and by what was said, equal
ones by their number: whether a file holds the whole or a day of it, the ids are the same, for the turn is not in them.
Elsewhere an interaction is what it is by all that was said before it. So a conversation that has grown brings only
what is new (without a name under another conversation, for two that begin alike are not one), and the same one from two
files, or in two dialects, has the same ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import conversation_key, key_of
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text
from vibe_pipeline.records import Interaction

NOTHING_SAID = "neither a question nor an answer"
UNANSWERED = "no answer follows a question"


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
    """The exchanges of a conversation; Unusable where there is none."""
    steps = list(_steps(messages, origin.unasked))
    if not steps:
        is_silent = all(message.role == "system" for message in messages)
        raise Unusable(NOTHING_SAID if is_silent else UNANSWERED)
    if origin.rejected and not steps[-1].output:
        raise Unusable("a preference without the better answer")
    system = "\n\n".join(message.text for message in messages if message.role == "system" and message.text)
    shared = {**({"system": system} if system else {}), **origin.extra}
    named = conversation_key(origin.module, origin.conversation) if origin.conversation else None
    conversation_id = named or _content(messages, origin)
    before = named or key_of(["", system, origin.user])
    found: list[Interaction] = []
    times: Counter[tuple[str, str, str]] = Counter()
    for turn, step in enumerate(steps):
        said = (step.action, step.input, step.output)
        identity = key_of([before, times[said], *said])
        times[said] += 1
        found.append(_interaction(step, identity, turn, conversation_id, shared, origin))
        before = named or identity
    return [*found[:-1], _with_rejected(found[-1], origin.rejected)] if origin.rejected else found


def unanswered(messages: Sequence[Message]) -> Iterator[Unusable]:
    """The last question, where nothing followed it and others were answered; for what is not written any more."""
    *before, (question, reply) = _exchanges(messages)
    if question and not reply and any(asked for asked, _ in before):
        yield Unusable(UNANSWERED, "\n\n".join(message.text for message in question))


def _content(messages: Sequence[Message], origin: Origin) -> str:
    """The name of a conversation that has none."""
    said = [[message.role, message.text, [call for _, call in message.calls]] for message in messages]
    return key_of([said, origin.user] if origin.user else said)


def _steps(messages: Sequence[Message], unasked: bool) -> Iterator[Step]:
    opening: list[Message] = []
    for question, reply in _exchanges(messages):
        yield from _tool_steps(reply)
        answer = [message for message in reply if message.role == "assistant"]
        if (question and reply) or (unasked and _is_answer(answer)):
            yield _chat_step(question, answer, answer_text(opening))
            opening = []
        elif answer:
            opening = answer
    if _is_answer(opening) and any(message.calls or message.role == "result" for message in messages):
        yield _chat_step([], opening, "")  # tools ran, and nobody had asked


def _exchanges(messages: Sequence[Message]) -> Iterator[tuple[list[Message], list[Message]]]:
    """Each question with all that followed it before the next: answers, calls and results, though without a word."""
    question: list[Message] = []
    reply: list[Message] = []
    for message in messages:
        if message.role == "user" and message.text.strip():
            if reply:
                yield question, reply
                question, reply = [], []
            question.append(message)
        elif message.role in ("assistant", "result"):
            reply.append(message)
    yield question, reply


def _is_answer(messages: Sequence[Message]) -> bool:
    """Whether something was said, or the attempt to say it failed: that too is an event."""
    return bool(answer_text(messages)) or any(message.success is False for message in messages)


def _chat_step(question: list[Message], answer: list[Message], opening: str) -> Step:
    reasoning = "\n\n".join(message.reasoning for message in answer if message.reasoning)
    weights = [message.weight for message in answer if message.weight is not None]
    extra = {**({"reasoning": reasoning} if reasoning else {}), **({"weight": weights[-1]} if weights else {})}
    extra |= {"opening": opening} if opening else {}
    extra |= {name: value for message in (*question, *answer) for name, value in message.extra.items()}
    text = "\n\n".join(message.text for message in question)
    return Step("chat", text, answer_text(answer), (*question, *answer), extra)


def _tool_steps(reply: Sequence[Message]) -> Iterator[Step]:
    """The calls of a reply with their results, one batch of them after the other."""
    named = {identity: call for message in reply for identity, call in message.calls if identity}
    answered = {message.call_id for message in reply if message.role == "result"}
    asked: list[Message] = []
    results: list[Message] = []
    for message in reply:
        if message.role == "result":
            results.append(message)
            continue
        if results:
            yield from _batch(asked, results, named, answered)
            asked, results = [], []
        asked += [message] if message.calls else []
    yield from _batch(asked, results, named, answered)


def _batch(
    asked: Sequence[Message], results: Sequence[Message], named: dict[str, str], answered: set[str | None]
) -> Iterator[Step]:
    """Calls and results paired by id, else in order; when their numbers differ, as the one batch they were.

    A call without a result has an empty one, for that the model asked for it is worth keeping. So is a result without a
    call: it came late (`named` and `answered` are of the whole reply), or the call was not kept.
    """
    calls = [(identity, call, message) for message in asked for identity, call in message.calls]
    by_id = {identity: call for identity, call, _ in calls if identity}
    came = {result.call_id for result in results}
    if came <= by_id.keys() or (len(by_id) == len(calls) and by_id.keys() <= came):
        for result in results:
            name = result.call_id or ""
            if name in by_id or result.text or result.success is False:
                call = by_id.get(name) or named.get(name, "")
                yield Step("tool", call, result.text, (result,), result.extra)
        for identity, call, message in calls:
            if not identity or identity not in answered:
                nothing = Message("result", at=message.at, model=message.model, user=message.user)
                yield Step("tool", call, "", (nothing,), {})
    elif len(calls) == len(results):
        for (_, call, _), result in zip(calls, results, strict=True):
            yield Step("tool", call, result.text, (result,), result.extra)
    else:
        batch = calls[0][1] if len(calls) == 1 else "[" + ", ".join(call for _, call, _ in calls) + "]"
        yield Step("tool", batch, "\n\n".join(result.text for result in results), tuple(results), {})


def _interaction(
    step: Step, identity: str, turn: int, conversation_id: str, shared: dict[str, Any], origin: Origin
) -> Interaction:
    return Interaction(
        interaction_id=identity,
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
    """What was answered is a success, unless the format says that it failed; of a tool only the format knows."""
    said = [message.success for message in step.messages if message.success is not None]
    if not all(said):
        return False
    return True if (step.output if step.action == "chat" else said) else None


def _with_rejected(interaction: Interaction, rejected: str) -> Interaction:
    """Another id than the plain exchange has (a pair says more), but the same conversation and so the same split."""
    identity = key_of([interaction.interaction_id, rejected])
    return replace(interaction, interaction_id=identity, extra={**interaction.extra, "rejected": rejected})
