"""The ledger of one lineage: a chain of immutable events, the line they draw, its head and its champion.

Each event carries the hash of the one before. What depends on the clock or on who ran it (times, run ids)
stands outside the hashed body, so that a rung climbed by Dagster, CLI or script gives the same body. An event
is written by rename and the head after it: a rung is settled wholly or not at all, and a lost tail is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vibe_pipeline.errors import LedgerDamaged, RungRefused
from vibe_pipeline.fingerprint import key_of, short
from vibe_pipeline.records import SCHEMA_VERSION, Outcome
from vibe_pipeline.store import Store

OPENED = "opened"
SETTLED = "settled"
TAINTED = "tainted"
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
    tainted: dict[str, str] = field(default_factory=dict)
    """Settled event → in words, how it was built from data that was erased."""

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
            if words := event.facts.get("tainted"):
                self.tainted[event.sha] = words
        elif event.kind == TAINTED:
            self.tainted |= {rung["event_sha"]: rung["because"] for rung in event.facts["rungs"]}

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
        try:
            return self._read()
        except LedgerDamaged:
            with self._alone():  # beside a writer, chain and head may have been read at two moments
                return self._read()

    def _read(self) -> list[Event]:
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
        """Open a rung, unless it is open or settled with the same rung key; returns the event that says so.

        RungRefused where the line moved since the rung was resolved: a run must not train on an old verdict.
        """
        with self._writing() as events:
            line = _fold(events)
            settled = line.settled.get(generation)
            if settled and settled.rung_key == facts["rung_key"]:
                return settled
            opened = line.opened
            if opened and opened.generation == generation and opened.rung_key == facts["rung_key"]:
                return opened
            parent = line.parent_of(generation)
            if facts["parent_sha"] != (parent.facts["child_sha"] if parent else None):
                raise RungRefused(
                    f"g{generation:03d} of {self.lineage} was resolved before its parent changed", "Climb it again"
                )
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

    def taint(self, tombstone: str, rungs: list[dict[str, Any]]) -> Event:
        """Say which settled rungs were built from erased data: {generation, attempt, event_sha, because}, lowest first.

        Saying it again for the same tombstone returns the event that says so.
        """
        with self._writing() as events:
            told = [event for event in events if event.kind == TAINTED and event.facts["tombstone"] == tombstone]
            if told:
                return told[0]
            facts = {"tombstone": tombstone, "rungs": rungs}
            return self._append(events, TAINTED, rungs[0]["generation"], rungs[0]["attempt"], facts, {})

    @contextmanager
    def _writing(self) -> Iterator[list[Event]]:
        """The chain, with the right to append to it; mends a head that a kill left one event behind."""
        with self._alone():
            events = self._read()
            if events:
                self._write_head(events[-1])
            yield events

    def _alone(self) -> AbstractContextManager[None]:
        return self._store.lock(f"ledger-{self.lineage}", LOCK_WAIT_S)

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
        head = _head_at(event)
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
        if head not in [_head_at(event) for event in events[-2:]]:
            raise LedgerDamaged(
                f"the chain of {self.lineage} holds {len(events)} events, its head names {head.get('events')} of them, "
                f"the last as {short(str(head.get('sha')))}",
                "Restore the ledger folder from a backup",
            )


def attempts(events: Sequence[Event], generation: int, rung_key: str) -> int:
    """How many other rungs were judged at a generation before this one: they took their share of the gate's level.

    A generation that held nothing to learn was not judged. The same rung, judged anew, is the attempt that it was."""
    judged = [it for it in events if it.kind == SETTLED and it.generation == generation and it.facts["child_sha"]]
    keys = list(dict.fromkeys(it.rung_key for it in judged))
    return keys.index(rung_key) if rung_key in keys else len(keys)


def chains(store: Store) -> list[Ledger]:
    """The ledgers of all lineages that have climbed."""
    heads = {Path(name).stem for name in store.names("ledger/heads", ".json")}
    folders = {Path(name).name for name in store.names("ledger")}
    return [Ledger(store, name) for name in sorted((heads | folders) - {"heads"})]


def _head_at(event: Event) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "events": event.sequence + 1, "sha": event.sha}


def _event(stored: dict[str, Any], name: str) -> Event:
    """A stored event whose hash is right."""
    body = stored.get("body", {})
    if key_of(body) != stored.get("sha"):
        raise LedgerDamaged(
            f"{name} was changed: its body hashes to {short(key_of(body))}, not {short(str(stored.get('sha')))}",
            "Restore it from a backup",
        )
    fields = {key: value for key, value in body.items() if key != "schema_version"}
    return Event(**fields, outside=stored.get("outside", {}), sha=stored["sha"])


def _fold(events: list[Event]) -> Line:
    line = Line()
    for event in events:
        line.apply(event)
    return line
