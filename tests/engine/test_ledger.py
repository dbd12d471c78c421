"""The chain keeps its promises under any sequence of writers, kills and fingers on its files."""

import json
import signal
import subprocess
import sys
from multiprocessing import get_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.errors import LedgerDamaged, RungRefused
from vibe_pipeline.ledger import GENESIS, OPENED, SETTLED, Ledger
from vibe_pipeline.store import Store

CLIMB_FOR_EVER = """
import itertools
from vibe_pipeline.ledger import Ledger
from vibe_pipeline.store import Store
ledger = Ledger(Store(home), "main")
for number in itertools.count():
    facts = {"rung_key": f"{number} of {name}", "verdict": "promoted", "child_sha": "c", "parent_sha": None}
    ledger.open(0, facts, {})
    print("opened", flush=True)
"""


@pytest.fixture
def ledger(store) -> Ledger:
    return Ledger(store, "main")


def facts(key: str = "k", verdict: str = "promoted", parent: str | None = None) -> dict:
    return {"rung_key": key, "verdict": verdict, "child_sha": f"child of {key}", "parent_sha": parent}


def climb(ledger: Ledger, generation: int, verdict: str = "promoted", key: str | None = None):
    """Open and settle a rung on whatever its parent is now."""
    parent = ledger.line().parent_of(generation)
    inputs = facts(key or f"{generation} {verdict}", verdict, parent.facts["child_sha"] if parent else None)
    ledger.open(generation, inputs, {})
    return ledger.settle(generation, inputs, {})


def files(store: Store) -> list[str]:
    return store.names("ledger/main", ".json")


def change(store: Store, name: str, **values):
    stored = store.read_json(name)
    stored["body"] |= values
    store.write_json(name, stored)


def test_each_event_carries_the_hash_of_the_one_before(ledger):
    climb(ledger, 0)
    climb(ledger, 1)
    events = ledger.events()
    assert [event.kind for event in events] == [OPENED, SETTLED] * 2
    assert [event.previous for event in events] == [GENESIS, *(event.sha for event in events[:-1])]
    assert [event.sequence for event in events] == [0, 1, 2, 3]


def test_who_ran_it_and_when_does_not_change_the_chain(tmp_path):
    shas = []
    for runner in ("dagster", "cli"):
        ledger = Ledger(Store(tmp_path / runner), "main")
        ledger.open(0, facts(), {"run_id": runner})
        shas.append(ledger.settle(0, facts(), {"run_id": runner}).sha)
    assert shas[0] == shas[1]


@pytest.mark.parametrize("values", [{"generation": 7}, {"facts": facts(verdict="rejected")}, {"lineage": "other"}])
def test_a_changed_event_is_found(store, ledger, values):
    climb(ledger, 0)
    change(store, files(store)[1], **values)
    with pytest.raises(LedgerDamaged, match=r"000001\.json was changed"):
        ledger.events()


@given(st.data())
def test_no_flipped_bit_goes_unnoticed(tmp_path_factory, data):
    store = Store(tmp_path_factory.mktemp("store"))
    ledger = Ledger(store, "main")
    climb(ledger, 0)
    before = ledger.line()
    path = store.path(data.draw(st.sampled_from([*files(store), "ledger/heads/main.json"])))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        after = ledger.line()
    except LedgerDamaged:
        return
    assert {g: event.sha for g, event in after.settled.items()} == {g: event.sha for g, event in before.settled.items()}
    assert after.champion.facts == before.champion.facts


def test_a_lost_tail_is_found(store, ledger):
    climb(ledger, 0)
    store.path(files(store)[-1]).unlink()
    with pytest.raises(LedgerDamaged, match="holds 1 events, its head names 2"):
        ledger.line()


def test_a_chain_lost_as_a_whole_is_found(store, ledger):
    climb(ledger, 0)
    for name in files(store):
        store.path(name).unlink()
    with pytest.raises(LedgerDamaged, match="holds 0 events"):
        ledger.line()


def test_an_event_lost_in_the_middle_is_found(store, ledger):
    climb(ledger, 0)
    climb(ledger, 1)
    store.path(files(store)[1]).unlink()
    with pytest.raises(LedgerDamaged, match=r"000002\.json is event 2"):
        ledger.line()


def test_a_lost_head_is_found(store, ledger):
    climb(ledger, 0)
    store.path("ledger/heads/main.json").unlink()
    with pytest.raises(LedgerDamaged, match="head of main is missing"):
        ledger.line()


def test_a_tail_that_was_replaced_is_found(store, ledger):
    climb(ledger, 0, "rejected")
    other = Ledger(Store(store.root / "other"), "main")
    climb(other, 0, "promoted")
    for name in files(store):
        store.write(name, Store(store.root / "other").path(name).read_bytes())
    with pytest.raises(LedgerDamaged, match="its head names"):
        ledger.line()


@pytest.mark.parametrize("lost", [True, False])
def test_a_head_that_a_kill_left_one_event_behind_is_mended(store, ledger, lost):
    ledger.open(0, facts(), {})
    old_head = store.path("ledger/heads/main.json").read_bytes()
    if lost:
        store.path("ledger/heads/main.json").unlink()
    else:
        ledger.settle(0, facts(), {})
        store.write("ledger/heads/main.json", old_head)
    events = ledger.events()
    ledger.open(0, facts(), {})
    assert ledger.events() == events
    assert store.read_json("ledger/heads/main.json")["events"] == len(events)


def test_a_head_two_events_behind_is_damage(store, ledger):
    climb(ledger, 0)
    old_head = store.path("ledger/heads/main.json").read_bytes()
    climb(ledger, 1)
    store.write("ledger/heads/main.json", old_head)
    with pytest.raises(LedgerDamaged, match="holds 4 events, its head names 2"):
        ledger.line()


def test_opening_again_and_settling_again_add_nothing(ledger):
    ledger.open(0, facts(), {})
    assert ledger.open(0, facts(), {}) == ledger.events()[0]
    settled = ledger.settle(0, facts(), {})
    assert ledger.settle(0, facts(), {"run_id": "late"}) == settled
    assert ledger.open(0, facts(), {}) == settled
    assert len(ledger.events()) == 2


def test_opening_a_rung_again_supersedes_everything_from_there_up(ledger):
    for generation in range(3):
        climb(ledger, generation)
    kept = ledger.line().settled[0]
    ledger.open(1, facts("new", parent=kept.facts["child_sha"]), {})
    line = ledger.line()
    assert line.settled == {0: kept}
    assert (line.opened.generation, line.opened.attempt) == (1, 2)


def test_the_champion_moves_only_by_a_promoting_verdict(ledger):
    first = climb(ledger, 0)
    climb(ledger, 1, "rejected")
    climb(ledger, 2, "undecided")
    assert ledger.line().champion == first
    ledger.open(0, facts("new"), {})
    assert ledger.line().champion == first
    ledger.settle(0, facts("new", "rejected"), {})
    assert ledger.line().champion == first
    second = climb(ledger, 1)
    assert ledger.line().champion == second


def test_the_parent_is_the_last_promoted_rung_below(ledger):
    climb(ledger, 0)
    second = climb(ledger, 1)
    climb(ledger, 2, "rejected")
    assert ledger.line().parent_of(3) == second
    assert ledger.line().parent_of(0) is None


def test_a_rung_above_one_that_is_not_settled_is_refused(ledger):
    climb(ledger, 0)
    ledger.open(1, facts("1", parent="child of 0 promoted"), {})
    with pytest.raises(RungRefused, match="g002 cannot be climbed: g001 is not settled"):
        ledger.line().parent_of(2)
    with pytest.raises(RungRefused, match="g002 cannot be climbed: g001 is not settled"):
        ledger.open(2, facts("2", parent="child of 0 promoted"), {})


def test_a_rung_that_was_resolved_before_its_parent_changed_is_refused(ledger):
    """Otherwise it would train on the old verdict: superseding removes the rung, not the run that holds its inputs."""
    climb(ledger, 0)
    climb(ledger, 0, key="0 again")
    with pytest.raises(RungRefused, match=r"g001 .* its parent"):
        ledger.open(1, facts("1", parent="child of 0 promoted"), {})
    assert len(ledger.events()) == 4


def test_a_run_whose_rung_was_reopened_with_other_inputs_cannot_settle_it(ledger):
    ledger.open(0, facts("old"), {})
    ledger.open(0, facts("new"), {})
    with pytest.raises(RungRefused, match="reopened with other inputs"):
        ledger.settle(0, facts("old"), {})
    assert ledger.settle(0, facts("new"), {}).attempt == 2


def test_a_rung_that_was_never_opened_cannot_be_settled(ledger):
    with pytest.raises(RungRefused):
        ledger.settle(0, facts(), {})
    assert ledger.events() == []


def test_lineages_have_chains_of_their_own(store, ledger):
    climb(ledger, 0)
    assert Ledger(store, "other").events() == []
    assert len(climb(Ledger(store, "other"), 0).previous) == 64


steps = st.tuples(
    st.sampled_from(["open", "settle"]),
    st.integers(0, 3),
    st.sampled_from(["promoted", "rejected", "undecided", "skipped"]),
    st.integers(0, 1),
)


@given(st.lists(steps, max_size=15))
def test_any_sequence_of_opening_and_settling_keeps_the_line_whole(tmp_path_factory, sequence):
    ledger = Ledger(Store(tmp_path_factory.mktemp("store")), "main")
    for act, generation, verdict, number in sequence:
        before = ledger.events()
        parent = max((g for g, e in ledger.line().settled.items() if g < generation and e.is_promotion), default=None)
        child = None if parent is None else ledger.line().settled[parent].facts["child_sha"]
        inputs = facts(f"{generation}/{number}/{child}", verdict, child)
        try:
            getattr(ledger, act)(generation, inputs, {})
        except RungRefused:
            assert ledger.events() == before
        line = ledger.line()
        assert ledger.events()[: len(before)] == before
        assert sorted(line.settled) == list(range(len(line.settled)))
        assert line.opened is None or line.opened.generation == len(line.settled)
        promotions = [event for event in ledger.events() if event.is_promotion]
        assert line.champion == (promotions[-1] if promotions else None)
        for g, event in line.settled.items():
            grown_from = line.parent_of(g)
            assert event.facts["parent_sha"] == (grown_from.facts["child_sha"] if grown_from else None)


def test_a_reader_beside_a_writer_never_sees_damage(store, ledger):
    writer = get_context("spawn").Process(target=exec, args=(CLIMB_FOR_EVER, {"home": store.root, "name": "writer"}))
    writer.start()
    try:
        while (seen := len(ledger.events())) < 100:
            assert len(ledger.events()) >= seen
            assert writer.is_alive()  # else there is nobody to read beside, and no end
    finally:
        writer.kill()
        writer.join()


def test_a_killed_writer_leaves_a_chain_that_can_be_read_and_continued(store, ledger):
    for name in ("a", "b", "c"):
        code = f"home, name = {str(store.root)!r}, {name!r}\n{CLIMB_FOR_EVER}"
        writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        told = len(ledger.events()) + sum(writer.stdout.readline() == "opened\n" for _ in range(20))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert len(ledger.events()) >= told
    climb(ledger, 0, key="afterwards")
    assert ledger.line().settled[0].rung_key == "afterwards"
    assert json.loads(store.path("ledger/heads/main.json").read_bytes())["events"] == len(ledger.events())
