"""The chain of a lineage in the store: verified whenever it is read, appended to by one writer at a time.

Each event carries the hash of the one before. What depends on the clock or on who ran it (times, run ids)
stands outside the hashed body, so that a rung climbed by Dagster, CLI or script gives the same body. An event
is written by rename and the head after it: a rung is settled wholly or not at all, and a lost tail is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vibe_pipeline.errors import LedgerDamaged, RungRefused
from vibe_pipeline.fingerprint import key_of, short
from vibe_pipeline.ledger.event import (
    GENESIS,
    HALTED,
    OPENED,
    ORIGIN,
    RESUMED,
    ROLLED_BACK,
    SETTLED,
    TAINTED,
    Event,
)
from vibe_pipeline.ledger.line import Line
from vibe_pipeline.records import SCHEMA_VERSION
from vibe_pipeline.store import Store

LOCK_WAIT_S = 60.0


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
        return fold(self.events())

    def open(self, generation: int, facts: dict[str, Any], outside: dict[str, Any]) -> Event:
        """Open a rung, unless it is open or settled with the same rung key; returns the event that says so.

        RungRefused where the lineage is halted, or where the line moved since the rung was resolved: a run must not
        train on an old verdict.
        """
        with self._writing() as events:
            line = fold(events)
            settled = line.settled.get(generation)
            if settled and settled.rung_key == facts["rung_key"]:
                return settled
            opened = line.opened
            if opened and opened.generation == generation and opened.rung_key == facts["rung_key"]:
                return opened
            require_going(line)
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
            line = fold(events)
            settled = line.settled.get(generation)
            if settled and settled.rung_key == facts["rung_key"]:
                return settled
            opened = line.opened
            if not opened or opened.generation != generation or opened.rung_key != facts["rung_key"]:
                require_going(line)
                how = "was reopened with other inputs" if opened else "was closed by a rollback"
                raise RungRefused(
                    f"g{generation:03d} of {self.lineage} {how} while this run was at work",
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

    def begin(self, facts: dict[str, Any], outside: dict[str, Any]) -> Event:
        """Begin as a branch (fork.py); beginning again in the same way returns the event that says so."""
        with self._writing() as events:
            if events and (events[0].kind, events[0].facts) == (ORIGIN, facts):
                return events[0]
            if events:
                raise RungRefused(
                    f"{self.lineage} cannot branch from {facts['source']}: it has {len(events)} events of its own",
                    "Declare a new lineage in vibe.toml",
                )
            at = facts["fork"] or {"generation": facts["from_generation"], "attempt": 1}
            return self._append(events, ORIGIN, at["generation"], at["attempt"], facts, outside)

    def roll_back(self, to: int | None, why: str, outside: dict[str, Any]) -> Event | None:
        """Make a promoted rung of the current line (None: the base model) champion and parent of the next rung.

        None where it is both already. RungRefused where it is no such rung, with those that are.
        """
        with self._writing() as events:
            line = fold(events)
            target = line.target(self.lineage, to)
            if target == line.champion == line.head:
                return None
            return self._tell(events, line, ROLLED_BACK, {**target_facts(target), "why": why}, outside)

    def halt(self, why: Callable[[Line], dict[str, Any] | None], outside: dict[str, Any]) -> Event | None:
        """Halt for the reason that `why` finds in the line, while nobody else writes; None where it finds none.

        A lineage that is halted already stays so, for its first reason: the event that says so is returned.
        """
        with self._writing() as events:
            line = fold(events)
            if line.halted or not (facts := why(line)):
                return line.halted
            return self._tell(events, line, HALTED, facts, outside)

    def resume(self, why: str, outside: dict[str, Any]) -> Event | None:
        """Let a halted lineage climb again; None where it is not halted."""
        with self._writing() as events:
            line = fold(events)
            if not line.halted:
                return None
            return self._tell(events, line, RESUMED, {"why": why, "halted_sha": line.halted.sha}, outside)

    def _tell(
        self, events: list[Event], line: Line, kind: str, facts: dict[str, Any], outside: dict[str, Any]
    ) -> Event:
        """An event about the whole line bears the number of its highest rung."""
        top = line.settled.get(line.top)
        return self._append(events, kind, max(0, line.top), top.attempt if top else 1, facts, outside)

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


def chains(store: Store) -> list[Ledger]:
    """The ledgers of all lineages that have climbed."""
    heads = {Path(name).stem for name in store.names("ledger/heads", ".json")}
    folders = {Path(name).name for name in store.names("ledger")}
    return [Ledger(store, name) for name in sorted((heads | folders) - {"heads"})]


def trunk(store: Store, origin: Event | None) -> list[Event]:
    """What a branch grew from, in any lineage, lowest first: the promoted rungs from its fork down to the base model.
    Nothing of what its source climbed later, or of what was rejected on the way."""
    if origin is None or not (fork := origin.facts["fork"]):
        return []
    ledger, grown = Ledger(store, fork["lineage"]), list[Event]()
    for event in reversed(ledger.events()):
        if event.kind != SETTLED or not (child := event.facts["child_sha"]):
            continue
        if child == grown[-1].facts["parent_sha"] if grown else event.sha == fork["event_sha"]:
            grown.append(event)
    is_whole = grown[-1].facts["parent_sha"] is None
    return [*([] if is_whole else trunk(store, ledger.line().origin)), *reversed(grown)]


def target_facts(target: Event | None) -> dict[str, Any]:
    """How an event names what is rolled back to; None is the base model."""
    if target is None:
        return {"to": None, "event_sha": None, "child_sha": None}
    return {"to": target.generation, "event_sha": target.sha, "child_sha": target.facts["child_sha"]}


def require_going(line: Line) -> None:
    """RungRefused where the lineage is halted."""
    if line.halted:
        name = line.halted.lineage
        raise RungRefused(
            f"{name} is halted: {line.halted.facts['why']}",
            f"Mend the data of the next generation, then `vibe lineage resume {name}`",
        )


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


def fold(events: Iterable[Event]) -> Line:
    """The line that these events draw."""
    line = Line()
    for event in events:
        line.apply(event)
    return line
