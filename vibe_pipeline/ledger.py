"""The ledger of one lineage: a chain of immutable events, the line they draw, its head and its champion.

Each event carries the hash of the one before. What depends on the clock or on who ran it (times, run ids)
stands outside the hashed body, so that a rung climbed by Dagster, CLI or script gives the same body. An event
is written by rename and the head after it: a rung is settled wholly or not at all, and a lost tail is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline.errors import LedgerDamaged, RungRefused
from vibe_pipeline.fingerprint import key_of, short
from vibe_pipeline.records import SCHEMA_VERSION, Outcome
from vibe_pipeline.store import Store

OPENED = "opened"
SETTLED = "settled"
GENESIS = "0" * 64
LOCK_WAIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry; `sha` is the hash of everything but `outside`."""

    kind: str
    lineage: str
    generation: int
    attempt: int
    sequence: int
    previous: str
    facts: dict[str, Any]
    outside: dict[str, Any]
    sha: str

    @property
    def rung_key(self) -> str:
        """The hash of all inputs of the rung this event is about."""
        return str(self.facts["rung_key"])

    @property
    def is_promotion(self) -> bool:
        """Whether this event made its adapter champion."""
        return self.kind == SETTLED and self.facts["verdict"] == Outcome.PROMOTED


@dataclass(slots=True)
class Line:
    """What a chain says now: opening at g supersedes everything from g up; the champion moves by verdicts only."""

    settled: dict[int, Event] = field(default_factory=dict)
    opened: Event | None = None
    champion: Event | None = None
    attempts: dict[int, int] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Fold one event in."""
        if event.kind == OPENED:
            self.settled = {g: settled for g, settled in self.settled.items() if g < event.generation}
            self.opened = event
            self.attempts[event.generation] = event.attempt
        elif event.kind == SETTLED:
            self.settled[event.generation] = event
            self.opened = None
            if event.is_promotion:
                self.champion = event

    def parent_of(self, generation: int) -> Event | None:
        """The last promoted rung below a generation; RungRefused if one below is not settled."""
        missing = [g for g in range(generation) if g not in self.settled]
        if missing:
            raise RungRefused(
                f"g{generation:03d} cannot be climbed: g{missing[0]:03d} is not settled on the current line",
                f"Climb g{missing[0]:03d} first",
            )
        promoted = [g for g, event in self.settled.items() if g < generation and event.is_promotion]
        return self.settled[max(promoted)] if promoted else None


class Ledger:
    """The chain of one lineage in the store, under ledger/<lineage>/."""

    def __init__(self, store: Store, lineage: str) -> None:
        self._store = store
        self._folder = f"ledger/{lineage}"
        self.lineage = lineage

    def events(self) -> list[Event]:
        """The whole chain, verified: every hash, every link, and the head."""
        events: list[Event] = []
        for name in self._store.names(self._folder, ".json"):
            event = _event(self._store.read_json(name), name)
            previous = events[-1].sha if events else GENESIS
            if (event.sequence, event.previous) != (len(events), previous):
                raise LedgerDamaged(
                    f"{name} is event {event.sequence} after {short(event.previous)}, "
                    f"the chain stands at event {len(events)} after {short(previous)}",
                    "Restore the ledger folder from a backup",
                )
            events.append(event)
        self._check_head(events)
        return events

    def line(self) -> Line:
        """The chain folded into its current state."""
        line = Line()
        for event in self.events():
            line.apply(event)
        return line

    def open(self, generation: int, facts: dict[str, Any], outside: dict[str, Any]) -> Event:
        """Open a rung, unless it is open or settled with the same rung key; returns the event that says so."""
        with self._writing() as events:
            line = _fold(events)
            settled = line.settled.get(generation)
            if settled and settled.rung_key == facts["rung_key"]:
                return settled
            opened = line.opened
            if opened and opened.generation == generation and opened.rung_key == facts["rung_key"]:
                return opened
            attempt = line.attempts.get(generation, 0) + 1
            return self._append(events, OPENED, generation, attempt, facts, outside)

    def settle(self, generation: int, facts: dict[str, Any], outside: dict[str, Any]) -> Event:
        """Settle the open rung; settling it again with the same key returns what stands."""
        with self._writing() as events:
            line = _fold(events)
            settled = line.settled.get(generation)
            if settled and settled.rung_key == facts["rung_key"]:
                return settled
            opened = line.opened
            if not opened or opened.generation != generation or opened.rung_key != facts["rung_key"]:
                raise RungRefused(
                    f"g{generation:03d} of {self.lineage} was reopened with other inputs while this run was at work",
                    "Climb it again: what was trained is kept and found by its key",
                )
            return self._append(events, SETTLED, generation, opened.attempt, facts, outside)

    @contextmanager
    def _writing(self) -> Iterator[list[Event]]:
        """The chain, with the right to append to it; mends a head that a kill left one event behind."""
        with self._store.lock(f"ledger-{self.lineage}", LOCK_WAIT_S):
            events = self.events()
            if events:
                self._write_head(events[-1])
            yield events

    def _append(
        self,
        events: list[Event],
        kind: str,
        generation: int,
        attempt: int,
        facts: dict[str, Any],
        outside: dict[str, Any],
    ) -> Event:
        body = {
            "schema_version": SCHEMA_VERSION,
            "kind": kind,
            "lineage": self.lineage,
            "generation": generation,
            "attempt": attempt,
            "sequence": len(events),
            "previous": events[-1].sha if events else GENESIS,
            "facts": facts,
        }
        outside = {"recorded_at": datetime.now(UTC).isoformat(timespec="milliseconds"), **outside}
        name = f"{self._folder}/{len(events):06d}.json"
        self._store.write_json(name, {"body": body, "sha": key_of(body), "outside": outside})
        event = _event(self._store.read_json(name), name)
        self._write_head(event)
        return event

    def _write_head(self, event: Event) -> None:
        head = {"schema_version": SCHEMA_VERSION, "events": event.sequence + 1, "sha": event.sha}
        if not self._store.exists(self._head) or self._store.read_json(self._head) != head:
            self._store.write_json(self._head, head)

    @property
    def _head(self) -> str:
        return f"ledger/heads/{self.lineage}.json"

    def _check_head(self, events: list[Event]) -> None:
        """The head may lag by one event (a kill between the two writes) and never lead."""
        if not self._store.exists(self._head):
            if len(events) > 1:
                raise LedgerDamaged(f"the head of {self.lineage} is missing", "Restore ledger/heads from a backup")
            return
        head = self._store.read_json(self._head)
        count = head["events"]
        if len(events) - count not in (0, 1) or events[count - 1].sha != head["sha"]:
            raise LedgerDamaged(
                f"the chain of {self.lineage} holds {len(events)} events, its head names {count} of them, "
                f"the last as {short(head['sha'])}",
                "Restore the ledger folder from a backup",
            )


def _event(stored: dict[str, Any], name: str) -> Event:
    """A stored event whose hash is right."""
    body = stored["body"]
    if key_of(body) != stored["sha"]:
        raise LedgerDamaged(
            f"{name} was changed: its body hashes to {short(key_of(body))}, not {short(stored['sha'])}", "Restore it"
        )
    fields = {key: value for key, value in body.items() if key != "schema_version"}
    return Event(**fields, outside=stored["outside"], sha=stored["sha"])


def _fold(events: list[Event]) -> Line:
    line = Line()
    for event in events:
        line.apply(event)
    return line
