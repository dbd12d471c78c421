"""Generations that start themselves, under the real `dagster dev`: people ask while it runs, and it is killed.

What shell users really asked (VIBE_DATA) is logged beside the daemon, and a tiny model climbs. One story, told in
order, for what comes later needs what was before. The timeline of runs and ledgers is printed: `pytest -s` shows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.scheduler.instigation import InstigatorTick

from assets.partitions import rung_key
from tests.acceptance.dagster_dev import Dev
from tests.conftest import ROOT
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.ledger import OPENED, SETTLED, Ledger

SENSORS = ("enough_interactions", "examples_ready", "run_failed", "halted")

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "dev"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")

SETTINGS = """
[gate]
min_items = 4

[trigger]
conversations = 40
every_seconds = 2

[retry]
pause_seconds = 1

[lineages.main]
{lineage}

[lineages.late]
automatic = false
seed = {seed}
{lineage}
"""

LINEAGE = """
base_model = "{base}"
general_suite = "{few}"
kinds = ["conversation"]
recipe = {{rank = 4, epochs = 8, max_length = 128, learning_rate = 0.005}}
replay = {{minimum = 4}}
gate = {{margin = 1.0, retention_margin = 1.0, slide_margin = 1.0, general_margin = 1.0, level = 0.4}}
style = {{probes = ["Can you help me?"], max_tokens = 2}}
"""

A_GENERATION = 40


class World:
    """A home that `dagster dev` serves, and people who ask on, whatever becomes of it."""

    def __init__(self, home: Path, lineage: str) -> None:
        self.home, self.dev, self._lineage, self._next = home, Dev(home), lineage, count()
        self._asked = pl.read_ndjson(DATA / "nl2bash.jsonl").select("description", "command").rows()
        self.set(seed=1)

    def set(self, seed: int) -> None:
        """Of the lineage `late`."""
        (self.home / "vibe.toml").write_text(SETTINGS.format(lineage=self._lineage, seed=seed))

    @property
    def ladder(self) -> Ladder:
        return Ladder(device="cpu", threads=1)

    def ask(self, conversations: int) -> None:
        logger = InteractionLogger(self.home)
        for _ in range(conversations):
            question, answer = self._asked[next(self._next)]
            logger.log(module="shell", action="ask", input=question, output=answer, success=True)
        logger.close()

    def settles(self, lineage: str, generation: int) -> None:
        """Come back when that rung is settled and no run of its lineage is at work."""
        self.dev.until(f"{lineage} g{generation:03d} is settled", lambda: generation in self.settled(lineage))

    def settled(self, lineage: str) -> dict[int, int]:
        """Generation → attempt, on the current line."""
        return {g: event.attempt for g, event in Ledger(self.ladder.store, lineage).line().settled.items()}

    def told(self, lineage: str) -> list[tuple[int, str]]:
        """Generation and kind of every event, in the order of the chain."""
        return [(event.generation, event.kind) for event in Ledger(self.ladder.store, lineage).events()]

    def runs(self, key: str) -> list[dg.DagsterRun]:
        """Of a partition, newest first."""
        with dg.DagsterInstance.get() as instance:
            return list(instance.get_runs(dg.RunsFilter(tags={"dagster/partition": key})))

    def ticks(self, sensor: str) -> list[InstigatorTick]:
        """Newest first."""
        with dg.DagsterInstance.get() as instance:
            states = [it for it in instance.all_instigator_state() if it.name == sensor]
            return [
                tick for it in states for tick in instance.get_ticks(it.instigator_origin_id, it.selector_id, limit=100)
            ]

    def says(self, sensor: str, words: str) -> str:
        """What a sensor says, as soon as it holds these words."""

        def found() -> str:
            return next((it.skip_reason for it in self.ticks(sensor) if words in (it.skip_reason or "")), "")

        return str(self.dev.until(f"{sensor} says {words!r}", found))


@pytest.fixture(scope="module")
def world(tiny_base, few_questions, tmp_path_factory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("dev")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("VIBE_HOME", home), ("VIBE_CONFIG", home / "vibe.toml"), ("DAGSTER_HOME", ROOT)):
            patch.setenv(name, str(value))
        world = World(home, LINEAGE.format(base=tiny_base, few=few_questions))
        with world.dev.serving():
            yield world
            print(world.dev.timeline())


def test_below_the_threshold_there_are_only_reasons_to_skip(world):
    world.ask(10)
    world.says("enough_interactions", "10 of 40 new conversations")
    world.says("examples_ready", "main has settled all 0 generations; late is climbed by a person")
    every = [tick for sensor in SENSORS for tick in world.ticks(sensor)]
    assert {tick.status.value for tick in every} <= {"SKIPPED", "STARTED"}
    assert world.ladder.log.opened() == 0


def test_at_the_threshold_one_generation_is_opened_and_climbed_once(world):
    world.ask(A_GENERATION - 10)
    world.settles("main", 0)
    assert world.told("main") == [(0, OPENED), (0, SETTLED)]
    assert world.told("late") == []
    world.says("examples_ready", "main has settled all 1 generations")
    assert (len(world.runs("g000")), len(world.runs("g000|main"))) == (1, 1)
    assert world.ladder.log.opened() == 1


def test_a_daemon_killed_between_cut_and_launch_opens_nothing_twice(world):
    world.ask(A_GENERATION)
    world.dev.until("g001 is cut", lambda: world.ladder.log.opened() == 2)
    world.dev.kill_daemon()
    world.ask(5)  # collection goes on
    world.dev.start()
    world.settles("main", 1)
    assert world.told("main")[2:] == [(1, OPENED), (1, SETTLED)]
    assert [run.status.value for run in world.runs("g001")] == ["SUCCESS"]


def test_all_killed_in_the_middle_of_a_run_is_finished_by_another_attempt(world):
    world.ask(A_GENERATION - 5)
    world.dev.until("g002 is at work", lambda: (2, OPENED) in world.told("main"))
    world.dev.kill_all()
    assert (2, SETTLED) not in world.told("main")
    world.dev.start()
    world.settles("main", 2)
    assert world.told("main")[4:] == [(2, OPENED), (2, SETTLED)]
    world.dev.until(
        "its second run ends", lambda: [it.status.value for it in world.runs("g002|main")][:1] == ["SUCCESS"]
    )
    assert [run.status.value for run in world.runs("g002|main")] == ["SUCCESS", "FAILURE"]


def test_a_late_lineage_is_backfilled_in_order_while_the_first_keeps_climbing(world):
    for generation in (3, 4, 5):
        world.ask(A_GENERATION)
        world.settles("main", generation)
    world.dev.backfill(*(rung_key("late", generation) for generation in (4, 1, 5, 0, 3, 2)))
    world.ask(A_GENERATION)
    world.settles("late", 5)
    world.settles("main", 6)
    in_order = [(generation, kind) for generation in range(6) for kind in (OPENED, SETTLED)]
    assert world.told("late") == in_order
    assert {len(world.runs(rung_key("late", generation))) for generation in range(6)} == {1}


def test_of_a_retraining_that_fails_in_the_middle_the_rest_refuses_and_goes_on_when_it_is_mended(world):
    world.set(seed=2)
    its = world.ladder.store.path(f"examples/{world.ladder.examples(3).sha}.parquet")
    away = its.rename(its.with_suffix(".away"))
    again = [rung_key("late", generation) for generation in (2, 3, 4, 5)]
    world.dev.backfill(*again)
    world.dev.until("g005 is refused", lambda: len(world.runs(again[-1])) == 2 and ended(world.runs(again[-1])[0]))
    assert [world.runs(key)[0].status.value for key in again] == ["SUCCESS", "FAILURE", "FAILURE", "FAILURE"]
    assert world.settled("late") == {0: 1, 1: 1, 2: 2}
    assert "It waits for a person" in world.says("run_failed", "late g003: ")
    away.rename(its)
    world.dev.backfill(*again[1:])
    world.settles("late", 5)
    assert world.settled("late") == {0: 1, 1: 1, 2: 2, 3: 2, 4: 2, 5: 2}


def test_in_the_end_all_is_as_it_should_be(world):
    assert world.ladder.log.opened() == 7
    assert world.settled("main") == dict.fromkeys(range(7), 1)
    assert world.ladder.verify().ok


def ended(run: dg.DagsterRun) -> bool:
    return run.status.value in ("SUCCESS", "FAILURE", "CANCELED")
