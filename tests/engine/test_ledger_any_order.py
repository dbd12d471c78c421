"""Rollbacks, branches, retraining, halts, taints in any order: there is always a next rung, and it is the right one."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from tests.engine.planted_rungs import BASE, SETS, climb, measured, opened, resolved, settled
from vibe_pipeline import halting
from vibe_pipeline.errors import RungRefused
from vibe_pipeline.ledger import HALTED, ORIGIN, ROLLED_BACK, SETTLED, Event, Ledger, Line, fold, origin_of
from vibe_pipeline.rung import OFFERED_AGAIN, Rung, resolve
from vibe_pipeline.settings import Lineage, Stop
from vibe_pipeline.store import Store

VERDICTS = st.sampled_from(["promoted", "promoted", "rejected", "undecided", "skipped"])
FIGURES = st.builds(measured, st.sampled_from([0.9, 0.92, 0.99]), st.sampled_from([0.0, 0.3]), st.sampled_from([0, 60]))
PLACES = st.integers(0, 9)
NAMES = ("main", "late", "branch", "twig")


names = st.sampled_from(NAMES)


class AnyOrder(RuleBasedStateMachine):
    """Two lineages that begin at g000, and two that branch from whatever is there."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(self.folder.name)
        self.ledgers = {name: Ledger(self.store, name) for name in NAMES[:2]}
        self.seeds: dict[str, int] = {}
        self.seed = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize(verdicts=st.lists(VERDICTS, max_size=5))
    def main_has_climbed(self, verdicts):
        for verdict in verdicts:
            self._climb("main", None, 0, verdict, measured(0.99))

    @rule(name=names, verdict=VERDICTS, figures=FIGURES)
    def climbs_the_next(self, name, verdict, figures):
        self._climb(name, None, 0, verdict, figures)

    @rule(name=names, place=PLACES, verdict=VERDICTS, figures=FIGURES)
    def climbs_one_anew_with_other_settings(self, name, place, verdict, figures):
        line = self._of(name).line()
        self.seed += 1
        if line.settled:
            self._climb(name, sorted(line.settled)[place % len(line.settled)], self.seed, verdict, figures)

    @rule(name=names, place=PLACES, verdict=VERDICTS, figures=FIGURES)
    def climbs_one_anew_with_its_own_settings(self, name, place, verdict, figures):
        """A finished backfill, repeated: what stands on the same parent is returned."""
        ledger, line = self._of(name), self._of(name).line()
        if not line.settled:
            return
        event = line.settled[sorted(line.settled)[place % len(line.settled)]]
        seed, before = self.seeds[event.sha], ledger.events()
        if resolved(ledger, event.generation, seed).key == event.rung_key:
            assert climb(ledger, verdict, event.generation, seed, **figures) == event
            assert ledger.events() == before
        else:
            self._climb(name, event.generation, seed, verdict, figures)

    @rule(target=runs, name=names, seed=st.integers(0, 1))
    def a_run_begins(self, name, seed):
        ledger = self._of(name)
        rung = resolved(ledger, seed=seed)
        if not ledger.line().halted:
            opened(ledger, rung)
        return rung, seed

    @rule(run=runs, verdict=VERDICTS, figures=FIGURES)
    def a_run_ends(self, run, verdict, figures):
        """Whatever happened meanwhile: it settles on the parent that it trained from, or is refused."""
        rung, seed = run
        ledger = self.ledgers[rung.lineage]
        before, line = ledger.events(), ledger.line()
        try:
            event = settled(ledger, rung, verdict, **figures)
        except RungRefused:
            assert ledger.events() == before
            return
        if event not in before:
            assert line.opened
            assert line.opened.rung_key == rung.key
            parent = line.parent_of(rung.generation)
            assert rung.parent_sha == (parent.facts["child_sha"] if parent else None)
            self._settled(ledger, event, seed)

    @rule(name=names, place=PLACES)
    def rolls_back_or_forward(self, name, place):
        ledger = self._of(name)
        targets = [None, *ledger.line().promoted]
        target = targets[place % len(targets)]
        ledger.roll_back(target.generation if target else None, "why", {})
        line, before = ledger.line(), ledger.events()
        assert line.champion == line.head == target
        assert ledger.roll_back(target.generation if target else None, "again", {}) is None
        assert ledger.events() == before

    @rule(name=names, generation=PLACES)
    def rolls_back_to_what_was_not_promoted(self, name, generation):
        ledger = self._of(name)
        before, promoted = ledger.events(), {it.generation for it in ledger.line().promoted}
        if generation not in promoted:
            with pytest.raises(RungRefused, match="promoted: "):
                ledger.roll_back(generation, "why", {})
            assert ledger.events() == before

    @rule(name=names, place=PLACES)
    def branches(self, name, place):
        line = self._of(name).line()
        places = range(max(0, line.begins - 1), line.top + 1)
        free = [it for it in NAMES if it not in self.ledgers]
        if not places or not free:
            return
        branch = self.ledgers[free[0]] = Ledger(self.store, free[0])
        facts = origin_of(line, self._of(name).lineage, places[place % len(places)], BASE.sha)
        assert branch.begin(facts, {}) == branch.begin(facts, {})

    @rule(name=names)
    def a_person_halts(self, name):
        halted = self._of(name).halt(lambda _: halting.by_a_person("a person"), {})
        assert self._of(name).line().halted == halted

    @rule(name=names)
    def a_person_resumes(self, name):
        ledger = self._of(name)
        resumed = ledger.resume("mended", {})
        assert (ledger.line().halted, ledger.resume("again", {})) == (None, None)
        assert halting.due(ledger.line(), Stop()) is None or not resumed, "it must not halt again at once"

    @rule(name=names, place=PLACES)
    def one_is_tainted(self, name, place):
        ledger, events = self._of(name), [it for it in self._of(name).events() if it.kind == SETTLED]
        if events:
            event = events[place % len(events)]
            rung = {"generation": event.generation, "attempt": event.attempt, "event_sha": event.sha, "because": "…"}
            ledger.taint(f"tombstone {event.sha}", [rung])
            assert event.sha in ledger.line().tainted

    @invariant()
    def every_lineage_is_whole(self):
        for ledger in self.ledgers.values():
            events = ledger.events()
            line = ledger.line()
            assert fold(events) == fold(events) == line
            assert sorted(line.settled) == list(range(line.begins, line.top + 1))
            assert line.champion == _last_champion(events)
            self._can_go_on(ledger, line)
            self._is_as_it_was_resolved(line)

    def _of(self, name: str) -> Ledger:
        """Those that have not branched yet mean the trunk."""
        return self.ledgers.get(name) or self.ledgers["main"]

    def _climb(self, name, generation, seed, verdict, figures):
        ledger = self._of(name)
        before = ledger.events()
        if ledger.line().halted:
            with pytest.raises(RungRefused, match=f"`vibe lineage resume {ledger.lineage}`"):
                climb(ledger, verdict, generation, seed, **figures)
            assert ledger.events() == before
        else:
            self._settled(ledger, climb(ledger, verdict, generation, seed, **figures), seed)

    def _settled(self, ledger: Ledger, event: Event, seed: int) -> None:
        """What the ladder does next: the seed is kept for checks, the stop rule asked."""
        self.seeds[event.sha] = seed
        ledger.halt(lambda line: halting.due(line, Stop()), {})

    def _can_go_on(self, ledger: Ledger, line: Line) -> None:
        rung = resolved(ledger)
        ancestors = _ancestors(line)
        assert rung.parent == (ancestors[0] if ancestors else None)
        delta = [examples.generation for examples in rung.delta]
        assert delta == list(range(delta[0], rung.generation + 1))
        assert len(delta) <= OFFERED_AGAIN + 1
        assert rung.parent is None or delta[0] > rung.parent.generation
        assert len(set(rung.learned)) == len(rung.learned)
        taught = {g for it in ancestors for g in it.facts.get("delta_generations", it.facts["learned"])}
        assert {examples.generation for examples in rung.request.ancestors} == taught
        assert all(g <= rung.parent.generation for g in taught)

    def _is_as_it_was_resolved(self, line: Line) -> None:
        """On the line on which it was resolved each rung has its key; those that stand have it on the line of now."""
        for generation, event in line.settled.items():
            assert self._again(event, line.as_of(event)).key == event.rung_key
            if event.sha not in line.rolled_back:
                assert self._again(event, line).key == event.rung_key, generation

    def _again(self, event: Event, line: Line) -> Rung:
        return resolve(event.lineage, event.generation, Lineage(seed=self.seeds[event.sha]), BASE, line, SETS)


def _ancestors(line: Line) -> list[Event]:
    """From the head down, by the adapters that they grew from: each must be a promoted rung that stands."""
    by_child = {it.facts["child_sha"]: it for it in line.promoted}
    found, event = [], line.head
    while event:
        assert event.kind == ORIGIN or event.is_promotion
        assert event.sha not in line.rolled_back
        found.append(event)
        parent = event.facts.get("parent_sha")
        event = by_child[parent] if parent else None
    standing = [it for it in line.promoted if it.sha not in line.rolled_back]
    assert found == standing[::-1], "what stands is what the head grew from, and nothing else"
    return found


def _last_champion(events: list[Event]) -> Event | None:
    """The last promotion, origin or rollback says who is served."""
    by_sha, champion = {it.sha: it for it in events}, None
    for event in events:
        back = event.facts.get("back") if event.kind == HALTED else event.facts if event.kind == ROLLED_BACK else None
        if event.is_promotion or (event.kind == ORIGIN and event.facts["child_sha"]):
            champion = event
        elif back:
            champion = by_sha[back["event_sha"]] if back["event_sha"] else None
    return champion


AnyOrder.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestAnyOrder = AnyOrder.TestCase
