"""What a chain says now, and the one place that says what a rung means for those above it.

    promoted       parent of the next rung, which learns its own delta alone
    rejected, undecided, skipped
                   no parent; its delta is offered again (rung.py: the last two), as part of what is new
    rolled back    the same, whatever its verdict was. It stays settled: the generation above can be climbed, and
                   climbing it again with the same inputs returns what is there, still rolled back. The same inputs
                   give the same adapter and the same verdict, so to climb it anew would repeat for ever what a person
                   stepped back from. It comes back by rolling forward to it, and is climbed anew where its inputs are
                   others: with other settings, or because it would grow from another parent now

Rolling back to a rung restores what stood when that rung settled and steps over all above it, so that each rung that
stands grew from the rung that is its parent now. Opening at g supersedes everything from g up, rolled back or not.
The champion that is served moves only by a verdict, a rollback, or the origin of a branch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vibe_pipeline.errors import LedgerDamaged, RungRefused
from vibe_pipeline.ledger.event import HALTED, OPENED, ORIGIN, RESUMED, ROLLED_BACK, SETTLED, TAINTED, Event
from vibe_pipeline.records import generation_name


@dataclass(slots=True)
class Line:
    """A chain, folded."""

    settled: dict[int, Event] = field(default_factory=dict)
    opened: Event | None = None
    champion: Event | None = None
    """The settled event, or the origin of a branch, whose adapter is served."""
    attempts: dict[int, int] = field(default_factory=dict)
    tainted: dict[str, str] = field(default_factory=dict)
    """Settled event → in words, how it was built from data that was erased."""
    rolled_back: dict[str, Event] = field(default_factory=dict)
    """Settled event (or origin) that is stepped over now → the event that says so."""
    halted: Event | None = None
    resumed: Event | None = None
    """The last time that a person resumed it."""
    origin: Event | None = None
    _passed: dict[str, dict[str, Event]] = field(default_factory=dict)
    """Settled event → what was rolled back when it settled."""

    def apply(self, event: Event) -> None:
        """Fold one event in; LedgerDamaged for a kind that this version does not know."""
        if event.kind not in _FOLDS:
            raise LedgerDamaged(
                f"event {event.sequence} of {event.lineage} is of a kind unknown to this version: {event.kind!r}",
                "Update vibe-pipeline",
            )
        _FOLDS[event.kind](self, event)

    # Reading

    @property
    def begins(self) -> int:
        """The first generation that this lineage climbs itself."""
        return self.origin.facts["from_generation"] + 1 if self.origin else 0

    @property
    def top(self) -> int:
        """The highest settled generation; one below `begins` where none is."""
        return max(self.settled, default=self.begins - 1)

    @property
    def promoted(self) -> list[Event]:
        """What can be rolled back to, lowest first: promoted rungs of the current line, and what a branch grew from."""
        forked = [self.origin] if self.origin and self.origin.facts["child_sha"] else []
        return [*forked, *(self.settled[g] for g in sorted(self.settled) if self.settled[g].is_promotion)]

    @property
    def trained(self) -> list[Event]:
        """Settled rungs that stand and have an adapter, whatever their verdict, lowest first."""
        its = [self.settled[g] for g in sorted(self.settled)]
        return [it for it in its if it.facts["child_sha"] and it.sha not in self.rolled_back]

    @property
    def head(self) -> Event | None:
        """What the next generation grows from; None for the base model."""
        return self.last_standing(self.top)

    def parent_of(self, generation: int) -> Event | None:
        """The last promoted rung below a generation that stands; RungRefused if one below is not settled."""
        if self.origin and generation < self.begins:
            raise RungRefused(
                f"{generation_name(generation)} is not climbed by {self.origin.lineage}, which branched from "
                f"{self.origin.facts['source']} at {generation_name(self.begins - 1)}",
                f"Climb {generation_name(self.begins)} or a later one",
            )
        missing = [g for g in range(self.begins, generation) if g not in self.settled]
        if missing:
            raise RungRefused(
                f"g{generation:03d} cannot be climbed: g{missing[0]:03d} is not settled on the current line",
                f"Climb g{missing[0]:03d} first",
            )
        return self.last_standing(generation - 1)

    def last_standing(self, up_to: int) -> Event | None:
        """The last promoted rung at or below a generation that is not rolled back; None for the base model."""
        below = (it for it in self.promoted if it.generation <= up_to and it.sha not in self.rolled_back)
        return max(below, key=lambda it: it.generation, default=None)

    def target(self, lineage: str, to: int | None) -> Event | None:
        """What a rollback to a generation makes current (None: the base model); RungRefused names what there is."""
        found = [it for it in self.promoted if it.generation == to]
        if to is None or found:
            return found[0] if found else None
        there = ", ".join(generation_name(it.generation) for it in self.promoted) or "none"
        raise RungRefused(
            f"{generation_name(to)} is not a promoted rung of the current line of {lineage}; promoted: {there}",
            "Roll back to one of these, or to base",
        )

    def as_of(self, settled: Event) -> Line:
        """The line on which a rung of the current line was resolved: what lay below, and stood, when it settled."""
        below = {g: it for g, it in self.settled.items() if g < settled.generation}
        return Line(settled=below, origin=self.origin, rolled_back=self._passed[settled.sha])

    # Folding

    def _begin(self, event: Event) -> None:
        self.origin = event
        if event.facts["child_sha"]:
            self.champion = event

    def _open(self, event: Event) -> None:
        self.settled = {g: settled for g, settled in self.settled.items() if g < event.generation}
        kept = {it.sha for it in (*self.settled.values(), self.origin) if it}
        self.rolled_back = {sha: by for sha, by in self.rolled_back.items() if sha in kept}
        self.opened = event
        self.attempts[event.generation] = event.attempt

    def _settle(self, event: Event) -> None:
        self.settled[event.generation] = event
        self._passed[event.sha] = self.rolled_back
        self.opened = None
        if event.is_promotion:
            self.champion = event
        if words := event.facts.get("tainted"):
            self.tainted[event.sha] = words

    def _taint(self, event: Event) -> None:
        self.tainted |= {rung["event_sha"]: rung["because"] for rung in event.facts["rungs"]}

    def _roll_back(self, event: Event) -> None:
        self._step_back(event, event.facts["event_sha"])

    def _halt(self, event: Event) -> None:
        self.halted, self.opened = event, None  # a run at work is refused when it settles, and found by its key
        if back := event.facts["back"]:
            self._step_back(event, back["event_sha"])

    def _resume(self, event: Event) -> None:
        self.halted, self.resumed = None, event

    def _step_back(self, by: Event, to_sha: str | None) -> None:
        to = next((it for it in self.promoted if it.sha == to_sha), None)
        above = [it for it in self.settled.values() if to is None or it.generation > to.generation]
        if to is None and self.origin:
            above.append(self.origin)
        self.rolled_back = {**(self._passed.get(to.sha, {}) if to else {}), **{it.sha: by for it in above}}
        self.champion, self.opened = to, None


_FOLDS: dict[str, Callable[[Line, Event], None]] = {
    ORIGIN: Line._begin,
    OPENED: Line._open,
    SETTLED: Line._settle,
    TAINTED: Line._taint,
    ROLLED_BACK: Line._roll_back,
    HALTED: Line._halt,
    RESUMED: Line._resume,
}
