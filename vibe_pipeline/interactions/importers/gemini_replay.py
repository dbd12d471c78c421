"""The lines of a Gemini CLI file → its sessions, each with its messages in the order in which they were said.

A message with a known id replaces it (tools and tokens arrive later), `$rewindTo` takes back everything from a message
on. With `$set.messages` and `$patch` the program rewrites what the model remembers: it compresses the history, hides
what tools answered, writes messages again under other ids. That takes nothing back: what was said was said.

Not here: what a message says (gemini_cli.py).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

from vibe_pipeline.interactions.importers.fields import list_of, text_at
from vibe_pipeline.interactions.importers.gemini_parts import said_in
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Unusable

REWRITES = ("$set", "$patch", "$rewindTo")
HEADER = ("sessionId", "startTime", "summary", "kind")


@dataclass(slots=True)
class Session:
    """One session while it is replayed."""

    header: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, message: Any, losses: Losses) -> None:
        with losses.of(message):
            self.messages[self._name(message)] = message

    def set(self, values: Any, losses: Losses) -> None:
        with losses.of(values):
            if not isinstance(values, dict):
                raise Unusable("$set is not an object")
            self.header |= {key: values[key] for key in HEADER if key in values}
            if "messages" in values:
                self._remember(values["messages"], losses)

    def patch(self, values: Any, losses: Losses) -> None:
        with losses.of(values):
            if not isinstance(values, dict):
                raise Unusable("$patch is not an object")
            for message in list_of(values.get("updates")):
                with losses.of(message):
                    if (name := self._name(message)) in self.messages:
                        self._update(name, message)
            self._forget({name for name in list_of(values.get("removeIds")) if isinstance(name, str)})

    def rewind(self, to: Any) -> None:
        """The program itself forgets everything when it does not know the message."""
        names = list(self.messages)
        for name in names[names.index(to) if to in names else 0 :]:
            del self.messages[name]

    def _name(self, message: Any) -> str:
        if not isinstance(message, dict):
            raise Unusable("a message is not an object")
        return text_at(message, "id") or f"number {len(self.messages)}"

    def _remember(self, messages: Any, losses: Losses) -> None:
        if not isinstance(messages, list):
            raise Unusable("messages is not a list")
        left = set(self.messages)
        for message in messages:
            with losses.of(message):
                name = self._name(message)
                left.discard(name)
                self._update(name, message)
        self._forget(left)

    def _update(self, name: str, message: dict[str, Any]) -> None:
        """What a tool answered stays as it was first written: later it is hidden to save context."""
        before = self.messages.get(name, {})
        self.messages[name] = before | message | {key: before[key] for key in ("toolCalls",) if before.get(key)}

    def _forget(self, left: Set[str]) -> None:
        """Messages that the model remembers no more stay; one that was written again goes by its new name."""
        names = list(self.messages)
        last = max((place for place, name in enumerate(names) if name in left), default=len(names))
        again: dict[tuple[str, str], list[str]] = {}
        for name in names[last + 1 :]:
            again.setdefault(_words(self.messages[name]), []).append(name)
        renamed: dict[str, str] = {}
        for name in reversed(names):
            if name in left and (copies := again.get(_words(self.messages[name]))):
                renamed[name] = copies.pop()
        copied = set(renamed.values())
        self.messages = {renamed.get(name, name): self.messages[name] for name in names if name not in copied}


def sessions_in(records: list[dict[str, Any]], losses: Losses) -> list[Session]:
    """All sessions of a file, replayed."""
    sessions: list[Session] = []
    for record in records:
        starts = "sessionId" in record and not (
            sessions and sessions[-1].header.get("sessionId") == record["sessionId"]
        )
        if starts or not sessions:
            sessions.append(Session())
        if "$rewindTo" in record:
            sessions[-1].rewind(record["$rewindTo"])
        elif "$patch" in record:
            sessions[-1].patch(record["$patch"], losses)
        elif "$set" in record or "sessionId" in record:
            sessions[-1].set(record.get("$set", record), losses)
        else:
            sessions[-1].put(record, losses)
    return sessions


def _words(message: dict[str, Any]) -> tuple[str, str]:
    return str(message.get("type")), said_in(message.get("content")).strip()
