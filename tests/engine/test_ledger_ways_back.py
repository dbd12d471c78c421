"""Rollbacks, halts, branches, one by one: what moves, what is refused, what a run at work finds, what a kill leaves."""

import signal
import subprocess
import sys

import pytest

from tests.engine.planted_rungs import BASE, climb, opened, resolved, settled
from vibe_pipeline import halting
from vibe_pipeline.errors import LedgerDamaged, RungRefused
from vibe_pipeline.ledger import HALTED, ORIGIN, RESUMED, ROLLED_BACK, Ledger, origin_of
from vibe_pipeline.store import Store

WHY = "it forgets"


@pytest.fixture
def ledger(store) -> Ledger:
    """Four promoted rungs."""
    ledger = Ledger(store, "main")
    for _ in range(4):
        climb(ledger)
    return ledger


def deltas(ledger: Ledger) -> tuple[int | None, list[int]]:
    """What the next rung grows from, and which generations it is to learn."""
    rung = resolved(ledger)
    return (rung.parent.generation if rung.parent else None), [it.generation for it in rung.delta]


def back(ledger: Ledger, to: int | None):
    return ledger.roll_back(to, WHY, {})


def branch(ledger: Ledger, at: int, name: str = "branch") -> Ledger:
    other = Ledger(Store(ledger._store.root), name)
    other.begin(origin_of(ledger.line(), ledger.lineage, at, BASE.sha), {})
    return other


# rolling back


def test_a_rollback_is_an_event_and_deletes_nothing(ledger):
    before = ledger.events()
    event = back(ledger, 1)
    assert ledger.events() == [*before, event]
    assert event.kind == ROLLED_BACK
    target = before[3]
    assert event.facts == {"to": 1, "event_sha": target.sha, "child_sha": target.facts["child_sha"], "why": WHY}


@pytest.mark.parametrize(
    ("to", "grows_from", "delta"),
    [(3, 3, [4]), (2, 2, [3, 4]), (1, 1, [2, 3, 4]), (0, 0, [2, 3, 4]), (None, None, [2, 3, 4])],
)
def test_the_next_rung_climbs_from_there_and_takes_up_the_last_two_deltas(ledger, to, grows_from, delta):
    back(ledger, to)
    assert deltas(ledger) == (grows_from, delta)
    champion = ledger.line().champion
    assert (champion.generation if champion else None) == to
    below = [] if to is None else [*range(to + 1)]
    assert climb(ledger).facts["learned"] == [*below, *delta]


def test_rolling_back_to_where_it_stands_adds_nothing(ledger):
    before = ledger.events()
    assert back(ledger, 3) is None
    back(ledger, 1)
    assert back(ledger, 1) is None
    assert len(ledger.events()) == len(before) + 1


def test_a_champion_that_no_longer_lies_on_the_line_is_replaced_by_what_does(ledger):
    climb(ledger, "rejected", 2, seed=1)
    assert ledger.line().champion.generation == 3
    assert back(ledger, 1)
    assert ledger.line().champion.generation == 1


def test_what_is_no_promoted_rung_of_the_line_is_refused_with_those_that_are(ledger):
    climb(ledger, "rejected")
    climb(ledger, "promoted", 2, seed=1)
    before = ledger.events()
    for to in (3, 4, 9):
        with pytest.raises(RungRefused, match=f"g00{to} is not a promoted rung .* of main; promoted: g000, g001, g002"):
            back(ledger, to)
    assert ledger.events() == before
    with pytest.raises(RungRefused, match="promoted: none"):
        back(Ledger(ledger._store, "empty"), 0)
    assert back(Ledger(ledger._store, "empty"), None) is None


def test_what_was_stepped_over_can_be_rolled_forward_to_with_all_that_it_grew_from(ledger):
    back(ledger, 0)
    fifth = climb(ledger)
    back(ledger, 2)
    assert deltas(ledger) == (2, [3, 4, 5])
    assert [ledger.line().parent_of(g).generation for g in (1, 2, 3)] == [0, 1, 2]
    back(ledger, 4)
    assert (ledger.line().champion, deltas(ledger)) == (fifth, (4, [5]))
    assert ledger.line().parent_of(4).generation == 0, "it grew from g000, and g001 to g003 are stepped over again"


def test_a_rung_that_was_stepped_over_is_returned_for_the_same_inputs_and_climbed_anew_for_others(ledger):
    line = ledger.line()
    back(ledger, 1)
    before = ledger.events()
    assert climb(ledger, "rejected", 2) == line.settled[2], "g002 would grow from g001 as it did"
    assert ledger.events() == before
    third = climb(ledger, "promoted", 3)
    assert (third.attempt, third.facts["parent_generation"], third.facts["delta_generations"]) == (2, 1, [2, 3])


def test_retraining_from_below_supersedes_what_was_rolled_back(ledger):
    back(ledger, 1)
    climb(ledger, "promoted", 1, seed=1)
    assert ledger.line().rolled_back == {}
    assert deltas(ledger) == (1, [2])
    with pytest.raises(RungRefused, match="promoted: g000, g001"):
        back(ledger, 2)


def test_a_tainted_rung_can_be_gone_back_to_and_stays_tainted(ledger):
    event = ledger.line().settled[1]
    ledger.taint(
        "stone", [{"generation": 1, "attempt": 1, "event_sha": event.sha, "because": "its mix held 2 erased rows"}]
    )
    back(ledger, 1)
    assert event.sha in ledger.line().tainted
    assert ledger.line().champion == event


# a run at work


@pytest.mark.parametrize("to", [2, None])
def test_a_run_that_a_rollback_overtook_cannot_settle(ledger, to):
    rung = resolved(ledger)
    opened(ledger, rung)
    back(ledger, to)
    before = ledger.events()
    with pytest.raises(RungRefused, match="g004 of main was closed by a rollback while this run was at work"):
        settled(ledger, rung)
    with pytest.raises(RungRefused, match="resolved before its parent changed"):
        opened(ledger, rung)
    assert ledger.events() == before
    back(ledger, 3)
    assert climb(ledger).rung_key == rung.key, "forward again it is the same rung"


def test_a_run_of_a_lineage_that_was_halted_settles_after_the_resumption(ledger):
    rung = resolved(ledger)
    opened(ledger, rung)
    ledger.halt(lambda _: halting.by_a_person("the data is bad"), {})
    for act in (opened, settled):
        with pytest.raises(RungRefused, match=r"main is halted: the data is bad.*`vibe lineage resume main`"):
            act(ledger, rung)
    ledger.resume("mended", {})
    opened(ledger, rung)
    assert settled(ledger, rung).attempt == 2


# halting


def test_a_halted_lineage_still_returns_what_has_settled(ledger):
    ledger.halt(lambda _: halting.by_a_person("wait"), {})
    events = ledger.events()
    assert climb(ledger, generation=2) == ledger.line().settled[2]
    assert ledger.halt(lambda _: halting.by_a_person("another reason"), {}) == events[-1]
    assert ledger.events() == events


def test_halting_without_a_reason_and_resuming_what_is_not_halted_add_nothing(ledger):
    before = ledger.events()
    assert ledger.halt(lambda _: None, {}) is None
    assert ledger.resume("mended", {}) is None
    assert ledger.events() == before


def test_a_halted_lineage_can_be_rolled_back_and_stays_halted(ledger):
    ledger.halt(lambda _: halting.by_a_person("wait"), {})
    back(ledger, 1)
    assert ledger.line().halted
    ledger.resume("mended", {})
    assert deltas(ledger) == (1, [2, 3, 4])
    assert [it.kind for it in ledger.events()[-3:]] == [HALTED, ROLLED_BACK, RESUMED]


# branching


def test_a_branch_grows_from_what_stands_at_its_fork_and_climbs_what_lies_above(ledger):
    climb(ledger, "rejected")
    other = branch(ledger, 4)
    line = other.line()
    (origin,) = other.events()
    assert (origin.kind, origin.sequence, origin.generation) == (ORIGIN, 0, 3)
    third = ledger.line().settled[3]
    named = {"lineage": "main", "generation": 3, "attempt": 1, "event_sha": third.sha}
    assert origin.facts["fork"] == named
    assert (origin.facts["child_sha"], origin.facts["learned"]) == (third.facts["child_sha"], [0, 1, 2, 3])
    assert (line.begins, line.champion, deltas(other)) == (5, origin, (3, [4, 5]))
    event = climb(other)
    assert (event.facts["parent_sha"], event.facts["learned"]) == (third.facts["child_sha"], [0, 1, 2, 3, 4, 5])


def test_a_branch_of_a_line_that_was_rolled_back_grows_from_what_stands(ledger):
    back(ledger, 1)
    assert deltas(branch(ledger, 3)) == (1, [2, 3, 4])
    assert deltas(branch(ledger, 0, "low")) == (0, [1])


def test_a_branch_where_nothing_was_promoted_grows_from_the_base_model(store):
    trunk = Ledger(store, "main")
    climb(trunk, "rejected")
    climb(trunk, "rejected")
    other = branch(trunk, 1)
    assert (other.line().champion, deltas(other)) == (None, (None, [0, 1, 2]))
    climb(other)


def test_a_branch_of_a_branch_names_the_trunk_until_the_first_one_promoted_a_rung(ledger):
    other = branch(ledger, 1)
    climb(other, "rejected")
    twig = branch(other, 2, "twig")
    assert (twig.events()[0].facts["source"], twig.events()[0].facts["fork"]["lineage"]) == ("branch", "main")
    assert deltas(twig) == (1, [2, 3])
    climb(other)
    assert branch(other, 3, "leaf").events()[0].facts["fork"]["lineage"] == "branch"


def test_a_branch_goes_back_to_its_fork_and_to_the_base_model(ledger):
    other = branch(ledger, 1)
    climb(other)
    back(other, 1)
    assert (other.line().champion, deltas(other)) == (other.events()[0], (1, [2, 3]))
    back(other, None)
    assert (other.line().champion, deltas(other)) == (None, (None, [1, 2, 3]))
    back(other, 2)
    assert deltas(other) == (2, [3])


def test_what_lies_below_the_fork_is_not_climbed_by_the_branch(ledger):
    other = branch(ledger, 1)
    with pytest.raises(
        RungRefused, match=r"g001 is not climbed by branch, which branched from main at g001. Climb g002"
    ):
        resolved(other, 1)
    with pytest.raises(RungRefused, match="g003 cannot be climbed: g002 is not settled"):
        resolved(other, 3)


@pytest.mark.parametrize(
    ("begun", "at", "words"),
    [
        (True, 9, "main has settled g000 to g003"),
        (True, -1, "main has settled g000 to g003"),
        (False, 0, "has settled nothing"),
    ],
)
def test_what_has_not_settled_is_no_fork(ledger, begun, at, words):
    trunk = ledger if begun else Ledger(ledger._store, "empty")
    with pytest.raises(RungRefused, match=words):
        origin_of(trunk.line(), trunk.lineage, at, BASE.sha)


def test_below_its_own_fork_a_branch_is_no_source(ledger):
    with pytest.raises(RungRefused, match="branch has settled g002 to g002"):
        origin_of(branch(ledger, 2).line(), "branch", 1, BASE.sha)


def test_beginning_again_adds_nothing_and_beginning_otherwise_is_refused(ledger):
    other = branch(ledger, 1)
    branch(ledger, 1)
    assert len(other.events()) == 1
    with pytest.raises(RungRefused, match="branch cannot branch from main: it has 1 events of its own"):
        branch(ledger, 2)
    with pytest.raises(RungRefused, match="main cannot branch from branch: it has 8 events"):
        ledger.begin(origin_of(other.line(), "branch", 1, BASE.sha), {})


# kills, and versions


ACTS = """
from vibe_pipeline import halting
from vibe_pipeline.ledger import Ledger, origin_of
from vibe_pipeline.store import Store
import os, signal
ledger = Ledger(Store(home), "main")
branch = Ledger(Store(home), "branch")
def kill(event):
    os.kill(os.getpid(), signal.SIGKILL)
ledger._write_head = branch._write_head = lambda event: event.sequence >= since and kill(event)
acts = {
    "roll back": lambda: ledger.roll_back(1, "why", {}),
    "halt": lambda: ledger.halt(lambda line: halting.by_a_person("why"), {}),
    "resume": lambda: ledger.resume("why", {}),
    "begin": lambda: branch.begin(origin_of(ledger.line(), "main", 1, "base"), {}),
}
acts[act]()
"""


@pytest.mark.parametrize("act", ["roll back", "halt", "resume", "begin"])
def test_a_kill_between_event_and_head_is_mended_by_the_same_command(ledger, act):
    if act == "resume":
        ledger.halt(lambda _: halting.by_a_person("why"), {})
    written = Ledger(ledger._store, "branch") if act == "begin" else ledger
    before = written.events()
    code = f"home, act, since = {str(ledger._store.root)!r}, {act!r}, {len(before)}\n{ACTS}"
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    after = written.events()
    assert after[:-1] == before
    acts = {
        "roll back": lambda: ledger.roll_back(1, "why", {}),
        "halt": lambda: ledger.halt(lambda _: halting.by_a_person("why"), {}),
        "resume": lambda: ledger.resume("why", {}),
        "begin": lambda: branch(ledger, 1),
    }
    acts[act]()
    assert written.events() == after
    assert ledger._store.read_json(f"ledger/heads/{written.lineage}.json")["events"] == len(after)


def test_an_event_of_a_later_version_is_named(ledger, monkeypatch):
    monkeypatch.setattr("vibe_pipeline.ledger.chain.RESUMED", "praised")
    ledger.halt(lambda _: halting.by_a_person("wait"), {})
    ledger.resume("why", {})
    with pytest.raises(LedgerDamaged, match="event 9 of main is of a kind unknown to this version: 'praised'"):
        ledger.line()


def test_the_same_steps_give_the_same_chain_elsewhere(ledger, tmp_path):
    back(ledger, 1)
    ledger.halt(lambda _: halting.by_a_person("wait"), {"by": "one"})
    ledger.resume("mended", {"by": "one"})
    other = Ledger(Store(tmp_path / "other"), "main")
    for _ in range(4):
        climb(other)
    other.roll_back(1, WHY, {"run_id": "another"})
    other.halt(lambda _: halting.by_a_person("wait"), {})
    other.resume("mended", {})
    assert [it.sha for it in ledger.events()] == [it.sha for it in other.events()]
