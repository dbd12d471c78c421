"""One conversation while it is put together of the calls of a model: what was said, and which tool calls wait.

A result belongs to its call and not to a place among the messages: it may come with the next call of the model, from
the run of the tool, or from both.

Not here: which call of a model goes on with which conversation, and which run is of which call (calls.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

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
    said: set[tuple[str, str]] = field(default_factory=set)
    """The words and calls of all messages, to know them again in the history of later calls."""

    def say(self, message: Message, at: datetime | None) -> None:
        """The next message; `at` is when a model said it, None where it is history."""
        self.said.update(words_of(message))
        if message.role == "result" and (call := self.awaits(message) or self._only()):
            call.result = message
            self.waiting.remove(call)
        elif message.role != "result" or message.text:
            calls = [ToolCall(identity, call, message, at) for identity, call in message.calls]
            self.turns.append((message, calls))
            self.waiting = self.waiting + calls if message.role != "user" else []

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

    def insert(self, call: str, run: Message, at: datetime) -> None:
        """The run of a tool that no call asked for: before the first question that was asked later."""
        later = (n for n, (each, _) in enumerate(self.turns) if each.role == "user" and each.at and each.at >= at)
        asking = Message("assistant", calls=((run.call_id, call),), at=at)
        made = ToolCall(run.call_id, call, asking, at, run, is_run=True)
        self.turns.insert(next(later, len(self.turns)), (asking, [made]))

    def messages(self) -> Iterator[Message]:
        """All that was said; calls and results have ids of the thread's own, for given ones are missing or repeated."""
        for place, (message, calls) in enumerate(self.turns):
            named = {f"{place}.{number}": call for number, call in enumerate(calls)}
            yield replace(message, calls=tuple((name, call.call) for name, call in named.items()))
            yield from (replace(call.result, call_id=name) for name, call in named.items() if call.result)

    def beginning(self) -> str:
        """Its first question."""
        return next((message.text for message, _ in self.turns if message.role == "user"), "")


def words_of(message: Message) -> tuple[tuple[str, str], ...]:
    """What a message says, to know it again: each of its calls, else its text; nothing of one without either."""
    said = [call for _, call in message.calls] or [message.text.strip()]
    return tuple((message.role, words) for words in said if words)
