"""Forgetting takes the data out of every file and leaves the ladder standing; what was built from it says so.

A planted text is searched for in every file of the home, byte by byte and in decoded Parquet.
"""

import shutil
import signal
import subprocess
import sys
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import pytest

from tests.engine.planting import CONVERSATION, PLANTED, holders, plant, rows_of, state
from vibe_pipeline.errors import Busy
from vibe_pipeline.fingerprint import sha_of_file
from vibe_pipeline.forgetting.acting import CLIMBING, INTENT
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.ledger import TAINTED, Ledger
from vibe_pipeline.log import Log
from vibe_pipeline.settings import Gate, Replay
from vibe_pipeline.store import Store


@pytest.fixture(scope="module")
def planted_home(tmp_path_factory, new_ladder, log_facts, log_fixes) -> Path:
    """Three rungs: g000 learned the planted conversation, g001 and g002 grew from it. Read only."""
    home = tmp_path_factory.mktemp("planted") / "var"
    ladder = new_ladder(home)
    plant(home)
    for generation in range(3):
        log_facts(home, range(6 * generation, 6 * generation + 6))
        log_fixes(home, range(6 * generation, 6 * generation + 6))
        ladder.log.open_generation()
        ladder.climb("main", generation)
    return home


@pytest.fixture
def planted(planted_home, new_ladder, tmp_path) -> Ladder:
    shutil.copytree(planted_home, tmp_path / "var", symlinks=True)
    return new_ladder(tmp_path / "var")


@pytest.fixture(scope="module")
def forkserver():
    """Processes that start at once: what is heavy is imported before they are forked."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["vibe_pipeline.forgetting"])
    return context


def test_a_conversation_leaves_every_file_and_no_other_row_is_touched(planted):
    home = planted.store.root
    kept = [row for row in rows_of(planted, "interactions") if CONVERSATION not in row]
    examples = [row for row in rows_of(planted, "examples") if CONVERSATION not in row]
    held = {name.split("/")[0] for name in holders(home, PLANTED)}
    assert held >= {"log", "examples", "mixes"}
    ids = sorted({row[0] for row in rows_of(planted, "examples")} - {row[0] for row in examples})
    plan = planted.log.plan_forgetting(Criteria(conversation=CONVERSATION))
    assert plan["generations"] == [{"generation": "g000", "train": 2, "held_out": 0, "examples": ids}]
    done = planted.log.forget(Criteria(conversation=CONVERSATION))
    assert holders(home, PLANTED) == holders(home, CONVERSATION) == holders(home, "Stripes") == []
    assert (done["interactions"], done["remarks"], done["probes"], done["quarantined"]) == (2, 1, 0, 0)
    assert done["generations"] == plan["generations"]
    assert [name for identity in ids for name in holders(home, identity)] == []
    assert rows_of(planted, "interactions") == kept
    assert rows_of(planted, "examples") == examples
    assert planted.log.stats()["interactions"] == len(kept) == 72


def test_the_ladder_stands_and_nothing_is_made_again(planted):
    before = planted.records()
    adapters = planted.store.names("models/adapters")
    planted.log.forget(Criteria(conversation=CONVERSATION))
    assert [planted.climb("main", generation).facts["verdict"] for generation in range(3)] == ["promoted"] * 3
    changed = {"is_tainted", "taint"}
    assert [{k: v for k, v in row.items() if k not in changed} for row in planted.records()] == [
        {k: v for k, v in row.items() if k not in changed} for row in before
    ]
    assert planted.store.names("models/adapters") == adapters
    assert planted.pending("main") == []
    assert planted.chat("main", "In one sentence: thing3?")["champion"] == "Yes"
    for generation in range(3):
        assert planted.store.existing(f"suites/{planted.examples(generation).suite_sha}.parquet").exists()


def test_every_rung_above_is_tainted_and_says_why(planted):
    done = planted.log.forget(Criteria(conversation=CONVERSATION))
    events = Ledger(planted.store, "main").events()
    assert [event.kind for event in events].count(TAINTED) == 1
    assert events[-1].facts["tombstone"] == done["tombstone"]
    records = planted.records()
    assert [row["is_tainted"] for row in records] == [True, True, True]
    assert records[0]["taint"] == "its mix held 32 erased rows"
    csv = planted.store.path("models/lineage_ledger.csv").read_text().splitlines()
    assert csv[0].split(",").index("is_tainted") >= 12
    assert all(",True," in line for line in csv[1:])


def test_a_rung_that_grew_without_the_rows_is_tainted_by_its_parent(new_ladder, tmp_path, log_facts):
    ladder = new_ladder(tmp_path / "var", replay=Replay(minimum=0, share=0))
    plant(ladder.store.root)
    for generation in range(2):
        log_facts(ladder.store.root, range(6 * generation, 6 * generation + 6))
        ladder.log.open_generation()
        ladder.climb("main", generation)
    ladder.log.forget(Criteria(text=PLANTED))
    assert [row["taint"] for row in ladder.records()] == [
        "its mix held 32 erased rows",
        "it grew from main g000, which was",
    ]
    log_facts(ladder.store.root, range(12, 18))
    ladder.log.open_generation()
    event = ladder.climb("main", 2)
    assert event.facts["tainted"] == "it grew from g001, which was"
    assert ladder.records()[-1]["is_tainted"]


def test_later_rungs_learn_and_are_judged_on_what_is_left(planted, log_facts):
    planted.log.forget(Criteria(user="alice"))
    log_facts(planted.store.root, range(18, 24))
    planted.log.open_generation()
    event = planted.climb("main", 3)
    mix = planted.store.read_frame(f"mixes/{event.facts['mix_sha']}.parquet")
    assert mix["example_id"].null_count() == 0
    assert event.facts["delta_rows"] == 12
    assert holders(planted.store.root, PLANTED) == []


def test_every_file_named_by_its_content_still_is(planted):
    planted.log.forget(Criteria(conversation=CONVERSATION))
    for folder in ("examples", "suites", "mixes", "log/interactions/segments/*"):
        for path in planted.store.root.glob(f"{folder}/*.parquet"):
            assert sha_of_file(path) == path.stem


def test_two_forgettings_in_a_row_are_followed_through_both(planted):
    born = planted.log.cuts()[0].interaction_segments[0]
    planted.log.forget(Criteria(conversation=CONVERSATION))
    planted.log.forget(Criteria(conversation="fix 1"))
    found = planted.store.current(f"log/interactions/segments/2026-11/{born}.parquet")
    assert born not in found
    assert not {CONVERSATION, "fix 1"} & {row[1] for row in rows_of(planted, "interactions")}
    assert len(planted.store.names("forgotten", ".parquet")) == 2
    assert holders(planted.store.root, "print(x1)") == []


def test_probes_go_with_the_fact_that_was_told_and_their_items_with_them(planted):
    suite = planted.examples(0).suite_sha
    scored = list(planted.store.root.glob(f"scores/*/{suite}.parquet"))
    before = [pl.read_parquet(path).height for path in scored]
    done = planted.log.forget(Criteria(conversation="What does thing3 do?"))
    assert (done["interactions"], done["probes"]) == (1, 1)
    (generation,) = done["generations"]
    assert (generation["generation"], generation["train"], generation["held_out"]) == ("g000", 1, 1)
    assert len(generation["examples"]) == 2
    items = planted.store.read_frame(f"suites/{suite}.parquet")
    assert (items["fact"].to_list().count("thing3"), items.height) == (0, before[0] - 1)
    assert [pl.read_parquet(path).height for path in scored] == [height - 1 for height in before]


def test_a_source_and_a_user_narrow_each_other(planted):
    assert planted.log.plan_forgetting(Criteria(user="alice", source="logger"))["interactions"] == 2
    assert planted.log.plan_forgetting(Criteria(user="alice", source="elsewhere"))["interactions"] == 0
    assert planted.log.plan_forgetting(Criteria(user="bob"))["remarks"] == 1


def test_an_unfinished_rung_is_made_again_from_what_is_left(ladder, log_facts):
    home = ladder.store.root
    plant(home)
    log_facts(home, range(6))
    ladder.log.open_generation()
    rung = ladder.rung("main", 0)
    trained = ladder.train(rung)
    ladder.evaluate(rung)
    ladder.store.write(f"judged/{trained.adapter_sha}/parent/suite.parquet", b"what a judge said of its answers")
    its = [f"{folder}/{trained.adapter_sha}" for folder in ("models/adapters", "scores", "judged")]
    done = ladder.log.forget(Criteria(conversation=CONVERSATION))
    assert set(its) <= set(done["discarded"])
    assert not any(map(ladder.store.exists, its))
    event = ladder.settle(rung)
    assert event.facts["child_sha"] != trained.adapter_sha
    assert not ladder.records()[0]["is_tainted"]
    assert holders(home, PLANTED) == []


def test_what_a_tainted_adapter_answered_is_blank(planted):
    (adapter,) = {planted.champion("main").facts["child_sha"]}
    planted.log.forget(Criteria(conversation=CONVERSATION))
    cards = [planted.store.read_json(name) for name in planted.store.names("results/scorecard")]
    assert {answer for card in cards if card["adapter_sha"] == adapter for _, answer, _ in card["tone"]} == {""}
    scored = [planted.store.read_frame(name) for name in planted.store.names(f"scores/{adapter}", ".parquet")]
    assert [its["answer"].drop_nulls().to_list() for its in scored] == [[]] * len(scored) != []
    assert "tone" not in planted.champion("main").facts


def test_an_adapter_found_by_its_key_in_another_lineage_is_tainted_there(planted, settings):
    planted.log.forget(Criteria(conversation=CONVERSATION))
    lineages = {**settings.lineages, "twin": settings.lineages["main"].model_copy(update={"gate": Gate(min_items=1)})}
    both = Ladder(planted.store.root, settings.model_copy(update={"lineages": lineages}), device="cpu", threads=1)
    assert both.climb("twin", 0).facts["tainted"] == "its adapter was kept from a run over erased rows"


def test_the_tombstone_holds_neither_words_nor_ids(planted):
    identity = next(row[0] for row in rows_of(planted, "interactions") if row[1] == CONVERSATION)
    done = planted.log.forget(Criteria(conversation=CONVERSATION, user="alice"))
    stone = planted.store.read_json(f"forgotten/{done['tombstone']}.json")
    assert set(stone["asked"]) == {"conversation", "user"}
    assert stone["plan"]["counts"]["interactions"] == 2
    old, new = next(it for it in stone["became"].items() if it[0].startswith("examples/"))
    assert planted.store.current(old) == new
    for word in (identity, CONVERSATION, "alice"):
        assert [name for name in holders(planted.store.root, word) if "forgotten/" in name] == []


def test_nothing_matched_writes_nothing(planted):
    before = state(planted.store.root)
    assert planted.log.forget(Criteria(text="no such words"))["tombstone"] is None
    assert planted.log.plan_forgetting(Criteria(conversation=CONVERSATION))["interactions"] == 2
    assert state(planted.store.root) == before


def test_nobody_is_made_to_forget_while_climbing(planted, monkeypatch, python):
    monkeypatch.setattr("vibe_pipeline.forgetting.acting.WAIT_S", 0.1)
    hold = "import sys, time; from vibe_pipeline.store import Store\nwith Store(sys.argv[1]).shared(sys.argv[2], 1):\n"
    command = [sys.executable, "-c", hold + "    print(1, flush=True); time.sleep(60)", planted.store.root, CLIMBING]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as climber:
        climber.stdout.readline()
        with pytest.raises(Busy, match="being compacted, or a generation cut, curated or climbed"):
            planted.log.forget(Criteria(conversation=CONVERSATION))
        climber.kill()
    assert planted.log.forget(Criteria(conversation=CONVERSATION))["interactions"] == 2


DYING = """
import os, signal
from vibe_pipeline.forgetting import forget
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.settings import Settings
from vibe_pipeline.store import Store

def deadly(method):
    def step(*arguments, **options):
        global steps
        steps -= 1
        if steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*arguments, **options)
    return step

for owner, name in deadly_steps:
    setattr(owner, name, deadly(getattr(owner, name)))
forget(Store(home), Settings(), Criteria(conversation=conversation))
"""
"""Forgets, and is killed before one of its steps."""

STEPS = ((Path, "replace"), (Store, "remove"), (Store, "write_table"), (Store, "write_json"))
"""Writes, renames and removals, and what lies between two of them."""


def forget_and_die(forkserver, home: Path, steps: int, deadly_steps: tuple[tuple[type, str], ...] = STEPS) -> None:
    """Forget the planted conversation up to that step."""
    told = {"home": home, "conversation": CONVERSATION, "steps": steps, "deadly_steps": deadly_steps}
    process = forkserver.Process(target=exec, args=(DYING, told))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("steps", [2, 9, 14, 19, 24, 29, 34, 39, 44, 49, 54, 59])
def test_a_forgetting_killed_at_any_moment_is_finished_by_the_next(planted, forkserver, steps):
    home = planted.store.root
    InteractionLogger(home).log(module="m", action="a", input=PLANTED, conversation_id=CONVERSATION)
    forget_and_die(forkserver, home, steps)
    assert len(planted.records()) == 3
    if planted.store.exists(INTENT):
        planted.log.seal()
    else:
        planted.log.forget(Criteria(conversation=CONVERSATION))
    assert holders(home, PLANTED) == holders(home, CONVERSATION) == []
    assert not planted.store.exists(INTENT)
    assert planted.log.stats()["interactions"] == 72
    assert [row["is_tainted"] for row in planted.records()] == [True] * 3
    assert [event.kind for event in Ledger(planted.store, "main").events()].count(TAINTED) == 1
    assert [planted.climb("main", generation).facts["verdict"] for generation in range(3)] == ["promoted"] * 3


@pytest.mark.parametrize("merge", [Log.compact, partial(Log.open_generation, force=True)])
def test_who_merges_never_merges_what_is_half_forgotten(ladder, forkserver, monkeypatch, merge):
    """A forgetting begins, and is killed before its first step, while somebody waits to merge segments."""
    home, waited = ladder.store.root, []
    plant(home)
    ladder.log.seal()
    InteractionLogger(home).log(module="m", action="a", input="later")
    ladder.log.seal()

    def dying_first(wait):
        def waits(store, name, *arguments, **options):
            if name in (CLIMBING, "cuts") and not waited:
                waited.append(name)
                forget_and_die(forkserver, home, 0, ((Store, "supersede"),))
            return wait(store, name, *arguments, **options)

        return waits

    monkeypatch.setattr(Store, "lock", dying_first(Store.lock))
    monkeypatch.setattr(Store, "shared", dying_first(Store.shared))
    merge(ladder.log)
    ladder.log.seal()
    assert waited
    assert holders(home, PLANTED) == holders(home, CONVERSATION) == []
    assert [row[6] for row in rows_of(ladder, "interactions")] == ["later"]
