"""Conversations while they are put together of the calls of a model: what was said, and which tool calls wait.

A result belongs to its call and not to a place among the messages: it may come with the next call of the model, from
the run of the tool, or from both.

Not here: which call of a model goes on with which conversation (calls.py), and which run is of which call
(tool_runs.py).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import merge
from itertools import groupby

from vibe_pipeline.interactions.importers.messages import Message


@dataclass(slots=True, eq=False)
class ToolCall:
    """One call of a tool that a model asked for."""

    identity: str | None
    call: str
    """As `call_of` writes it."""
    by: Message
    """In which it was asked for."""
    asked_at: datetime | None
    """None where only later history tells of it."""
    result: Message | None = None
    is_run: bool = False
    """Whether its run was found."""

    def complete(self, run: Message) -> None:
        """The run tells time, success and error; the text is what the model was told, if that is known."""
        told = self.result or Message("result")
        extra = self.by.extra | told.extra | run.extra
        self.result = replace(run, text=told.text or run.text, user=run.user or self.by.user, extra=extra)
        self.is_run = True


@dataclass(slots=True)
class Thread:
    """One conversation."""

    turns: list[tuple[Message, list[ToolCall]]] = field(default_factory=list)
    """Each message with the calls that it asks for; the results are theirs."""
    waiting: list[ToolCall] = field(default_factory=list)
    """The calls since the last question whose results have not come."""
    number: int = 0
    """Among the threads of its session."""
    said: set[tuple[str, str]] = field(default_factory=set)
    """The words and calls of all messages, to know them again in the history of later calls."""

    def say(self, message: Message, at: datetime | None) -> tuple[list[ToolCall], list[ToolCall]]:
        """The next message; `at` is when a model said it, None where it is history. Returns the calls that wait since
        then, and those that wait no longer."""
        self.said.update(words_of(message))
        if message.role == "result" and (call := self.awaits(message) or self._only()):
            call.result = message
            self.waiting.remove(call)
            return [], [call]
        if message.role == "result" and not message.text:
            return [], []
        calls = [ToolCall(identity, call, message, at) for identity, call in message.calls]
        self.turns.append((message, calls))
        left = self.waiting if message.role == "user" else []
        self.waiting = [] if left else self.waiting
        self.waiting += calls
        return calls, left

    def knows(self, message: Message) -> bool:
        """Whether it was said; calls that came together may be told again one by one."""
        words = words_of(message)
        return bool(words) and self.said.issuperset(words)

    def awaits(self, result: Message) -> ToolCall | None:
        """The call that waits for this result: the one with its id, else the first; ids that differ are no match."""
        named = (call for call in self.waiting if call.identity and call.identity == result.call_id)
        unnamed = (call for call in self.waiting if not (call.identity and result.call_id))
        return next(named, None) or next(unnamed, None)

    def _only(self) -> ToolCall | None:
        """Some call a tool by one id and answer by another."""
        return self.waiting[0] if len(self.waiting) == 1 else None

    def is_idle(self) -> bool:
        """Whether the last answer was given: while a tool is waited for, another call is that of another agent."""
        return bool(self.turns) and self.turns[-1][0].role == "assistant" and not self.turns[-1][1]

    def insert(self, runs: Sequence[tuple[str, Message]]) -> None:
        """Calls of tools that no model asked for with their runs, by time: each before the first question that was
        asked later."""
        turns: list[tuple[Message, list[ToolCall]]] = []
        done = 0
        for message, calls in self.turns:
            if message.role == "user" and message.at:
                while done < len(runs) and (at := runs[done][1].at) and at <= message.at:
                    turns.append(_unasked(*runs[done]))
                    done += 1
            turns.append((message, calls))
        self.turns = turns + [_unasked(call, run) for call, run in runs[done:]]

    def messages(self) -> Iterator[Message]:
        """All that was said; calls and results have ids of the thread's own, for given ones are missing or repeated."""
        for place, (message, calls) in enumerate(self.turns):
            named = {f"{place}.{number}": call for number, call in enumerate(calls)}
            yield replace(message, calls=tuple((name, call.call) for name, call in named.items()))
            yield from (replace(call.result, call_id=name) for name, call in named.items() if call.result)

    def beginning(self) -> str:
        """Its first question."""
        return next((message.text for message, _ in self.turns if message.role == "user"), "")


class Threads:
    """The conversations of one session, found again by what was said in them, however many there are."""

    def __init__(self) -> None:
        self.all: list[Thread] = []
        self._saying: dict[tuple[str, str], list[int]] = defaultdict(list)
        """Words → the numbers of the threads that know them, in order."""
        self._waiting: list[int] = []
        """The number of its thread for each call that waits, in order."""
        self._awaiting: dict[str | None, list[int]] = defaultdict(list)
        """The same of the calls with an id, and of those without."""

    def begin(self) -> Thread:
        """The next one."""
        self.all.append(Thread(number=len(self.all)))
        return self.all[-1]

    def say(self, thread: Thread, message: Message, at: datetime | None) -> None:
        """The next message of a thread; `at` as there."""
        begun, ended = thread.say(message, at)
        for call in begun:
            for numbers in (self._waiting, self._awaiting[call.identity or None]):
                insort(numbers, thread.number)
        for call in ended:
            for numbers in (self._waiting, self._awaiting[call.identity or None]):
                del numbers[bisect_left(numbers, thread.number)]
        for words in words_of(message):
            numbers = self._saying[words]
            place = bisect_left(numbers, thread.number)
            if numbers[place : place + 1] != [thread.number]:
                numbers.insert(place, thread.number)

    def knowing(self, messages: Iterable[Message]) -> Thread | None:
        """The newest that knows one of these messages."""
        newest = max(map(self._newest, messages), default=-1)
        return self.all[newest] if newest >= 0 else None

    def waiting(self, asked: Iterable[Message]) -> Iterator[Thread]:
        """Those that may wait for one of the results in a history, the newest first: by its id, else because they know
        all that stands before it."""
        several: list[list[int]] = []
        before = self._waiting
        for message in asked:
            if message.role == "result":
                named = self._awaiting.get(message.call_id, []) if message.call_id else []
                unnamed = self._awaiting[None] if message.call_id else self._waiting
                several += [named, min(before, unnamed, key=len)]
            if message.role != "system":
                before = min(before, self._telling(message), key=len)
        found = merge(*map(reversed, filter(None, several)), reverse=True)
        return (self.all[number] for number, _ in groupby(found))

    def _newest(self, message: Message) -> int:
        return next((number for number in reversed(self._telling(message)) if self.all[number].knows(message)), -1)

    def _telling(self, message: Message) -> list[int]:
        """The threads among which are all that know it."""
        return min((self._saying.get(words, []) for words in words_of(message)), key=len, default=[])


def _unasked(call: str, run: Message) -> tuple[Message, list[ToolCall]]:
    asking = Message("assistant", calls=((run.call_id, call),), at=run.at)
    return asking, [ToolCall(run.call_id, call, asking, run.at, run, is_run=True)]


def words_of(message: Message) -> tuple[tuple[str, str], ...]:
    """What a message says, to know it again: each of its calls, else its text; nothing of one without either."""
    said = [call for _, call in message.calls] or [message.text.strip()]
    return tuple((message.role, words) for words in said if words)
