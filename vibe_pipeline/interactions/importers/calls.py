"""Calls of a model, as traces and gateways log them, → conversations. Each call repeats the history it was sent.

What a call adds to what was already said is taken, so that a conversation of three calls is three exchanges and not
six. Calls that follow one another are told by their history; a call without any begins a conversation of its own,
unless the format itself says that it belongs to one. A tool that was run on its own record (a span) completes the
call of the model that asked for it: its result, time and error.

Not here: reading payloads (payloads.py), which run is of which call (tool_runs.py) and what an exchange is
(exchanges.py).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text
from vibe_pipeline.interactions.importers.nesting import nearest
from vibe_pipeline.interactions.importers.parts import NULL, result_text
from vibe_pipeline.interactions.importers.threads import Thread, Threads
from vibe_pipeline.interactions.importers.tool_runs import ToolRun, complete
from vibe_pipeline.records import Interaction


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model: all that was sent, and what came back; a failed call has one answer without text."""

    asked: Sequence[Message]
    answer: Sequence[Message]
    at: datetime
    identity: str | None = None
    user: str | None = None
    """Who asked; what a call repeats of its history was asked by whom it was asked of first."""
    within: str | None = None
    """The identity of the call that is nearest around it."""


def conversations(
    calls: Sequence[Call], runs: Sequence[ToolRun], origin: Origin, is_one: bool
) -> Iterator[Interaction | Unusable]:
    """The interactions of all calls of a session or trace; `is_one` where the format calls it one conversation."""
    threads = Threads()
    for call in sorted(_leaves(calls), key=lambda call: call.at):
        _add(threads, call, is_one)
    if left := complete(threads.all, runs):
        first = threads.all[0] if threads.all else threads.begin()
        first.insert([(run.call, replace(run.result, at=run.at)) for run in left])
    begun: Counter[str] = Counter()
    for number, thread in enumerate(threads.all):
        beginning = thread.beginning()
        name = key_of([origin.conversation, beginning, begun[beginning]]) if number else origin.conversation
        begun[beginning] += 1
        messages, losses = list(thread.messages()), Losses()
        with losses.of(messages):
            yield from interactions(messages, replace(origin, conversation=name))
        yield from losses


def nested(calls: Iterable[Call], parents: Mapping[str | None, str | None]) -> list[Call]:
    """The calls, each with the one that is nearest around it, by the parent of each span."""
    found = list(calls)
    around = nearest(parents, {call.identity for call in found if call.identity})
    return [replace(call, within=around.get(parents.get(call.identity))) for call in found]


def _leaves(calls: Sequence[Call]) -> list[Call]:
    """Without the calls that only wrap others: an agent's run repeats what its models were asked and said."""
    inside: dict[str, list[int]] = defaultdict(list)
    for number, call in enumerate(calls):
        if call.within:
            inside[call.within].append(number)
    told = list(calls)
    for call in calls:
        match inside.get(call.identity or ""):
            case [number] if _tells_more(call, calls[number]):
                told[number] = replace(calls[number], answer=call.answer)
    texts = {around: [answer_text(told[n].answer).strip() for n in numbers] for around, numbers in inside.items()}
    return [call for call in told if not _repeats(call, texts.get(call.identity or ""))]


def _tells_more(call: Call, inner: Call) -> bool:
    """Whether both tell of one answer, of which the inner leaves out that it asks for tools: it may write "None"."""
    asks = [any(message.calls for message in each.answer) for each in (call, inner)]
    said, repeated = (answer_text(each.answer).strip() for each in (call, inner))
    return asks == [True, False] and repeated in (said, said or NULL)


def _repeats(call: Call, inside: list[str] | None) -> bool:
    """Whether it says nothing but what was said inside of it; a tool of its own may have asked another model."""
    left = answer_text(call.answer).strip()
    for text in sorted(inside or (), key=len, reverse=True):
        left = "" if left in text else left.replace(text, "").strip() if text else left
    return inside is not None and not left


def _add(threads: Threads, call: Call, is_one: bool) -> None:
    """What was said in it; a system prompt is kept with what was said under it, since calls may differ in theirs."""
    thread, new = _place(threads, call, is_one)
    system = "\n\n".join(message.text for message in call.asked if message.role == "system" and message.text)
    told = {"system": system} if system else {}
    for at, messages in ((None, new), (call.at, call.answer)):
        for message in messages:
            if message.role != "system":
                user, extra = message.user or call.user, told | message.extra
                threads.say(thread, replace(message, at=message.at or call.at, user=user, extra=extra), at)


def _place(threads: Threads, call: Call, is_one: bool) -> tuple[Thread, Sequence[Message]]:
    """The thread that the call goes on with, and what of its history is new there."""
    asked = call.asked
    end = max((n + 1 for n, message in enumerate(asked) if message.role in ("assistant", "result")), default=0)
    if thread := threads.knowing(message for message in asked[:end] if message.role == "assistant"):
        known = {n for n, message in enumerate(asked[:end]) if message.role == "assistant" and thread.knows(message)}
        begin = _news(thread, asked, sorted(known))
        return thread, [message for n, message in enumerate(asked) if n > begin and n not in known]
    if any(message.role == "result" for message in asked[:end]):
        for thread in threads.waiting(asked):
            awaited = _awaited(thread, asked)
            if awaited is not None:
                return thread, asked[awaited:]
    if thread := threads.knowing(asked[:end]):  # an answer that was edited before it was sent on
        return thread, asked[end:]
    if is_one and threads.all and threads.all[0].is_idle():
        return threads.all[0], asked
    return threads.begin(), asked


def _news(thread: Thread, asked: Sequence[Message], known: Sequence[int]) -> int:
    """The known message behind which there is news: the first whose calls wait, for results may stand among them."""
    waiting = Counter(call.call for call in thread.waiting)
    begin = known[-1]
    for place in reversed(known):
        calls = Counter(call for _, call in asked[place].calls)
        if not calls or not calls <= waiting:
            break
        waiting -= calls
        begin = place
    return begin


def _awaited(thread: Thread, asked: Sequence[Message]) -> int | None:
    """Where the results begin that the thread waits for: by their ids, or because all before them was said in it.

    A server that keeps the history is sent results alone, and some logs leave the call out of the history.
    """
    is_known = True
    for place, message in enumerate(asked):
        call = thread.awaits(message) if message.role == "result" else None
        if call and (is_known or (message.call_id and message.call_id == call.identity)):
            return place
        is_known &= message.role == "system" or thread.knows(message)
    return None


def only(users: Iterable[str | None]) -> str | None:
    """The one user of them, None where they are several: nobody is given another's words."""
    named = set(filter(None, users))
    return named.pop() if len(named) == 1 else None


def answer_of(
    came_back: Sequence[Message],
    failure: str | None,
    words: str | None,
    *,
    model: str | None,
    latency_ms: float | None,
    extra: dict[str, Any],
) -> list[Message]:
    """What came back from a model, with what its call tells of it; of a call that failed with `failure`, saying
    `words`, that is a failed answer, however much of it came. What a tool gave back where the model is, stays."""
    if failure and not any(message.text for message in came_back):
        came_back = [Message("assistant")]
    extra = extra | ({"error": words} if failure and words else {})
    return [
        replace(
            it,
            model=model,
            latency_ms=latency_ms,
            success=False if failure else it.success,
            error_type=failure or it.error_type,
            extra=it.extra | extra,
        )
        if it.role == "assistant"
        else it
        for it in came_back
    ]


def result_of(
    value: Any, failure: str | None, *, words: str | None, latency_ms: float | None, call_id: str | None = None
) -> Message:
    """What a tool gave back; `failure` is the class of the error with which it ended, `words` what that said."""
    return Message(
        "result",
        result_text(value) if value is not None else "",
        call_id=call_id,
        success=not failure,
        error_type=failure,
        latency_ms=latency_ms,
        extra={"error": words} if failure and words else {},
    )


def error_name(words: str | None) -> str:
    """The class in front of an error's words, as in "litellm.RateLimitError: too many"; "error" where there is none."""
    name = (words or "").partition(":")[0].partition("(")[0].strip().rpartition(".")[2]
    return name if name.isidentifier() and name[:1].isupper() else "error"


def is_finite(value: Any) -> bool:
    """Whether the log can hold a value: a number like 1e999 must not cost what it came with."""
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(is_finite(item) for item in inner)
