"""Messages → interactions: where an exchange begins and ends, and what it is called. Shared by the importers.

One exchange (what the user said since the assistant or a tool last did, then what the assistant said) is one "chat"
interaction, with no output where nothing was said; a tool call with its result is one "tool" interaction. What the
assistant was told up to then is the "system" in its extra, what it said before the first question the "opening". A last
question that nothing followed yet waits until it is answered; `unanswered` tells of it. Turns count the interactions of
a conversation.

Ids are hashes. Where a format names its conversations an interaction is known by the name and by what was said, equal
ones by their number: whether a file holds the whole or a day of it, the ids are the same, for the turn is not in them.
Elsewhere an interaction is what it is by all that was said before it. So a conversation that has grown brings only
what is new (without a name under another conversation, for two that begin alike are not one), and the same one from two
files, or in two dialects, has the same ids.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from vibe_pipeline.fingerprint import conversation_key, key_of
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text
from vibe_pipeline.interactions.importers.threads import ToolCall
from vibe_pipeline.interactions.importers.unfinished import Unanswered, Unfinished
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
    grows: bool = False
    """Whether more may be written of it: then its end is Unfinished, and all where what is said is its name."""
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
    is_open: bool = False
    """Whether it may go on, where more is written."""


def interactions(messages: Sequence[Message], origin: Origin) -> list[Interaction]:
    """The exchanges of a conversation; Unusable where there is none."""
    first = next((message.at for message in messages if message.at), None)
    messages = dated(messages, min(first, origin.at)) if first else messages
    steps = list(_steps(_with_what_was_told(messages), origin.unasked))
    if not steps:
        is_silent = all(message.role == "system" for message in messages)
        raise (Unanswered if origin.grows else Unusable)(NOTHING_SAID if is_silent else UNANSWERED)
    if origin.rejected and not steps[-1].output:
        raise Unusable("a preference without the better answer")
    system = _told(messages)
    named = conversation_key(origin.module, origin.conversation) if origin.conversation else None
    conversation_id = named or _content(messages, origin)
    before = named or key_of(["", system, origin.user])
    found: list[Interaction] = []
    times: Counter[tuple[str, str, str]] = Counter()
    for turn, step in enumerate(steps):
        said = (step.action, step.input, step.output)
        identity = key_of([before, times[said], *said])
        times[said] += 1
        found.append(_interaction(step, identity, turn, conversation_id, origin))
        before = named or identity
    if origin.grows:
        finished = next((n for n, step in enumerate(steps) if step.is_open), len(steps)) if named else 0
        found[finished:] = map(Unfinished.of, found[finished:])
    return [*found[:-1], _with_rejected(found[-1], origin.rejected)] if origin.rejected else found


def turns_of(messages: Sequence[Message], unasked: bool) -> int:
    """How many interactions they make."""
    return sum(1 for _ in _steps(messages, unasked))


def _told(messages: Iterable[Message]) -> str:
    """What the assistant was told."""
    return "\n\n".join(message.text for message in messages if message.role == "system" and message.text)


def _with_what_was_told(messages: Sequence[Message]) -> list[Message]:
    """Each with what the assistant was told up to then as "system": what it is told later, it did not know before."""
    told = ""
    found: list[Message] = []
    for message in messages:
        if message.role == "system" and message.text:
            told = f"{told}\n\n{message.text}" if told else message.text
        found.append(replace(message, extra={"system": told} | message.extra) if told else message)
    return found


def dated(messages: Sequence[Message], at: datetime | None) -> list[Message]:
    """Each with a time, that without one has the time of what stands before it (`at` before the first): so no turn
    comes before what it goes on with. A question may have that of its answer."""
    found: list[Message] = []
    for message, following in pairwise([*messages, Message("user")]):
        at = message.at or (following.at if message.role == "user" else None) or at
        found.append(message if message.at == at else replace(message, at=at))
    return found


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
    first = next((message for message in messages if message.role in ("user", "assistant", "result")), None)
    is_begun = unasked or (first is not None and first.role == "user")  # though without a word
    exchanges = list(_exchanges(messages))
    replied = (n for n, (_, reply) in enumerate(exchanges) if any(it.role == "assistant" for it in reply))
    last = max(replied, default=0)
    for number, (question, reply) in enumerate(exchanges):
        for step in _tool_steps(reply):  # what is awaited when the model answers another question was lost
            yield replace(step, is_open=False) if step.is_open and number < last else step
        answer = [message for message in reply if message.role == "assistant"]
        if (question and reply) or ((is_begun or number) and _is_answer(answer)):
            yield _chat_step(question, answer, answer_text(opening), is_open=number == len(exchanges) - 1)
            opening = []
        elif answer:
            opening = answer
    if _is_answer(opening) and any(message.calls or message.role == "result" for message in messages):
        yield _chat_step([], opening, "", is_open=True)  # tools ran, and nobody had asked


def _exchanges(messages: Sequence[Message]) -> Iterator[tuple[list[Message], list[Message]]]:
    """Each question with all that followed it before the next: answers, calls and results, though without a word.

    One without a word is none, but what follows it answers no other either, unless a tool was waited for.
    """
    question: list[Message] = []
    reply: list[Message] = []
    for message in messages:
        if message.role == "user":
            is_asked = bool(message.text.strip())
            if reply and (is_asked or _is_idle(reply[-1])):
                yield question, reply
                question, reply = [], []
            question += [message] if is_asked else []
        elif message.role in ("assistant", "result"):
            reply.append(message)
    yield question, reply


def _is_idle(last: Message) -> bool:
    return last.role == "assistant" and not last.calls


def _is_answer(messages: Sequence[Message]) -> bool:
    """Whether something was said, or the attempt to say it failed: that too is an event."""
    return bool(answer_text(messages)) or any(message.success is False for message in messages)


def _chat_step(question: list[Message], answer: list[Message], opening: str, is_open: bool) -> Step:
    reasoning = "\n\n".join(message.reasoning for message in answer if message.reasoning)
    weights = [message.weight for message in answer if message.weight is not None]
    extra = {**({"reasoning": reasoning} if reasoning else {}), **({"weight": weights[-1]} if weights else {})}
    extra |= {"opening": opening} if opening else {}
    extra |= {name: value for message in (*question, *answer) for name, value in message.extra.items()}
    text = "\n\n".join(message.text for message in question)
    return Step("chat", text, answer_text(answer), (*question, *answer), extra, is_open)


def _tool_steps(reply: Sequence[Message]) -> Iterator[Step]:
    """The calls of a reply with their results, one batch of them after the other.

    A call without a result has an empty one, for that the model asked for it is worth keeping. So is a result without a
    call, which was not kept.
    """
    waiting: dict[str | None, deque[ToolCall]] = defaultdict(deque)
    for calls, steps in [(calls, _paired(calls, results, waiting)) for calls, results in _batches(reply)]:
        yield from steps
        for call in calls:
            if call.result is None:
                by = call.by
                yield _tool_step(call.call, Message("result", at=by.at, model=by.model, user=by.user, is_awaited=True))


def _batches(reply: Sequence[Message]) -> Iterator[tuple[list[ToolCall], list[Message]]]:
    """What was called together, with the results that came before anything else was said."""
    calls: list[ToolCall] = []
    results: list[Message] = []
    for message in reply:
        if message.role == "result":
            results.append(message)
            continue
        if results:
            yield calls, results
            calls, results = [], []
        calls += [ToolCall(identity, call, message, message.at) for identity, call in message.calls]
    yield calls, results


def _paired(
    calls: Sequence[ToolCall], results: Sequence[Message], waiting: dict[str | None, deque[ToolCall]]
) -> list[Step]:
    """The results of a batch, by id each with the first call that waits for it: of the batch, else of one before, for
    ids are repeated and results late. Without ids in order; when their numbers differ, as the one batch they were."""
    named, came = {call.identity for call in calls}, {result.call_id for result in results}
    if came <= named - {None} or (None not in named and named <= came):
        for call in reversed(calls):
            if (queue := waiting[call.identity]) and queue[-1].result:
                queue.pop()
            queue.appendleft(call)
        asked = [_answered(waiting[result.call_id], result) for result in results]
        return [_tool_step(call, it) for call, it in zip(asked, results, strict=True) if call or _is_telling(it)]
    for call in calls:
        call.result = results[-1]
    if len(calls) == len(results):
        return [_tool_step(call.call, result) for call, result in zip(calls, results, strict=True)]
    batch = calls[0].call if len(calls) == 1 else "[" + ", ".join(call.call for call in calls) + "]"
    return [Step("tool", batch, "\n\n".join(result.text for result in results), tuple(results), {})]


def _answered(queue: deque[ToolCall], result: Message) -> str:
    """The first call that waits; the last is kept, for some results come in parts."""
    if not queue:
        return ""
    call = queue.popleft() if len(queue) > 1 else queue[0]
    call.result = result
    return call.call


def _tool_step(call: str, result: Message) -> Step:
    return Step("tool", call, result.text, (result,), result.extra, result.is_awaited)


def _is_telling(result: Message) -> bool:
    return bool(result.text) or result.success is False


def _interaction(step: Step, identity: str, turn: int, conversation_id: str, origin: Origin) -> Interaction:
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
        extra={**origin.extra, **step.extra},
    )


def _success(step: Step) -> bool | None:
    """Only the format knows: that an answer came to its end says nothing of whether it is good."""
    said = [message.success for message in step.messages if message.success is not None]
    return all(said) if said else None


def _with_rejected(interaction: Interaction, rejected: str) -> Interaction:
    """Another id than the plain exchange has (a pair says more), but the same conversation and so the same split."""
    identity = key_of([interaction.interaction_id, rejected])
    return replace(interaction, interaction_id=identity, extra={**interaction.extra, "rejected": rejected})
