"""Calls of a model, as traces and gateways log them, → conversations. Each call repeats the history it was sent.

What a call adds to what was already said is taken, so that a conversation of three calls is three exchanges and not
six. Calls that follow one another are told by their history; a call without any begins a conversation of its own,
unless the format itself says that it belongs to one. A tool that was run on its own record (a span) completes the
call of the model that asked for it: its result, time and error.

Not here: reading payloads (payloads.py) and what an exchange is (exchanges.py).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text
from vibe_pipeline.interactions.importers.payloads import result_text
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
    within: frozenset[str] = frozenset()
    """What it was a part of: the identities of the spans around it."""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One run of a tool, recorded apart from the call that asked for it."""

    call: str
    """As `call_of` writes it."""
    result: Message
    at: datetime


@dataclass(slots=True)
class _Thread:
    """One conversation while it is put together."""

    messages: list[Message] = field(default_factory=list)
    runs: list[Message] = field(default_factory=list)
    """The results that came from runs."""
    said: set[tuple[str, ...]] = field(default_factory=set)
    """The words and calls of `messages`, to know them again in the history of later calls."""

    def is_idle(self) -> bool:
        """Whether the last answer was given: while a tool is waited for, another call is that of another agent."""
        return bool(self.messages) and self.messages[-1].role == "assistant" and not self.messages[-1].calls

    def complete(self, run: ToolRun) -> bool:
        """Put the run where its result belongs; False if no call of this thread asked for it."""
        for place, message in enumerate(self.messages):
            for identity, call in message.calls:
                asked_for = identity == run.result.call_id if identity and run.result.call_id else call == run.call
                known = self._result(place, identity) if asked_for else None
                if not asked_for or (known is not None and any(self.messages[known] is done for done in self.runs)):
                    continue
                if known is None:
                    known = self._end_of_results(place)
                    self.messages.insert(known, Message("result"))
                said = self.messages[known]
                text, extra = said.text or run.result.text, message.extra | said.extra | run.result.extra
                user = run.result.user or message.user
                completed = replace(run.result, text=text, call_id=identity, at=run.at, user=user, extra=extra)
                self.messages[known] = completed
                self.runs.append(self.messages[known])
                return True
        return False

    def add(self, run: ToolRun) -> None:
        """A run that no call asked for: before the first question that was asked later."""
        later = (n for n, each in enumerate(self.messages) if each.role == "user" and each.at and each.at >= run.at)
        place = next(later, len(self.messages))
        call = Message("assistant", calls=((run.result.call_id, run.call),), at=run.at)
        self.messages[place:place] = [call, replace(run.result, at=run.at)]

    def _result(self, place: int, identity: str | None) -> int | None:
        """Where the result of a call stands: by its id, else the only one of an only call."""
        results = range(place + 1, self._end_of_results(place))
        named = next((n for n in results if identity and self.messages[n].call_id == identity), None)
        alone = len(results) == len(self.messages[place].calls) == 1
        return results[0] if named is None and alone else named

    def _end_of_results(self, place: int) -> int:
        following = range(place + 1, len(self.messages))
        return next((n for n in following if self.messages[n].role != "result"), len(self.messages))


def conversations(
    calls: Sequence[Call], runs: Sequence[ToolRun], origin: Origin, is_one: bool
) -> Iterator[Interaction | Unusable]:
    """The interactions of all calls of a session or trace; `is_one` where the format calls it one conversation."""
    threads: list[_Thread] = []
    for call in sorted(_leaves(calls), key=lambda call: call.at):
        _add(threads, call, is_one)
    for run in sorted(runs, key=lambda run: run.at):
        if not any(thread.complete(run) for thread in threads):
            threads = threads or [_Thread()]
            threads[0].add(run)
    begun: Counter[str] = Counter()
    for number, thread in enumerate(threads):
        beginning = _beginning(thread)
        name = key_of([origin.conversation, beginning, begun[beginning]]) if number else origin.conversation
        begun[beginning] += 1
        losses = Losses()
        with losses.of(beginning):
            yield from interactions(thread.messages, replace(origin, conversation=name))
        yield from losses


def _leaves(calls: Sequence[Call]) -> list[Call]:
    """Without the calls that only wrap others: an agent's run repeats what its models were asked and said."""
    inside: dict[str, list[str]] = {}
    for call in calls:
        for around in call.within:
            inside.setdefault(around, []).append(answer_text(call.answer).strip())
    return [call for call in calls if not _repeats(call, inside.get(call.identity or ""))]


def _repeats(call: Call, inside: list[str] | None) -> bool:
    """Whether it says nothing but what was said inside of it; a tool of its own may have asked another model."""
    left = answer_text(call.answer).strip()
    for text in sorted(inside or (), key=len, reverse=True):
        left = "" if left in text else left.replace(text, "").strip() if text else left
    return inside is not None and not left


def _add(threads: list[_Thread], call: Call, is_one: bool) -> None:
    """What was said in it; a system prompt is kept with what was said under it, since calls may differ in theirs."""
    thread, new = _place(threads, call, is_one)
    system = "\n\n".join(message.text for message in call.asked if message.role == "system" and message.text)
    told = {"system": system} if system else {}
    added = [
        replace(message, at=message.at or call.at, user=message.user or call.user, extra=told | message.extra)
        for message in (*new, *call.answer)
        if message.role != "system"
    ]
    thread.messages += added
    thread.said.update(words for words in map(_words, added) if any(words[1:]))


def _place(threads: list[_Thread], call: Call, is_one: bool) -> tuple[_Thread, Sequence[Message]]:
    """The thread that the call goes on with, and what of its history is new there."""
    history = [n for n, message in enumerate(call.asked) if message.role in ("assistant", "result")]
    words = [_words(message) for message in call.asked[: history[-1] + 1]] if history else []
    for thread in reversed(threads):
        known = max((n for n, each in enumerate(words) if each[0] == "assistant" and each in thread.said), default=None)
        if known is None and not thread.said.isdisjoint(words):
            known = history[-1]  # an answer that was edited before it was sent on
        if known is not None:
            return thread, call.asked[known + 1 :]
    if not (is_one and threads and threads[0].is_idle()):
        threads.append(_Thread())
        return threads[-1], call.asked
    return threads[0], call.asked


def _words(message: Message) -> tuple[str, ...]:
    return (
        (message.role, *(call for _, call in message.calls)) if message.calls else (message.role, message.text.strip())
    )


def _beginning(thread: _Thread) -> str:
    return next((message.text for message in thread.messages if message.role == "user"), "")


def only(users: Iterable[str | None]) -> str | None:
    """The one user of them, None where they are several: nobody is given another's words."""
    named = set(filter(None, users))
    return named.pop() if len(named) == 1 else None


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


def around(identity: str | None, parents: Mapping[str | None, str | None]) -> frozenset[str]:
    """All that a span is a part of, by the parent of each; a cycle ends as the outermost does."""
    found: set[str] = set()
    parent = parents.get(identity)
    while parent and parent not in found:
        found.add(parent)
        parent = parents.get(parent)
    return frozenset(found)
