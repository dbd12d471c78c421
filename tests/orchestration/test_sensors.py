"""What sensors request and what they say, tick by tick, in one process. The daemon that asks them: tests/acceptance."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg
import pytest

from assets.partitions import rung_key
from assets.resources import LadderResource
from definitions import defs
from jobs.instance import QUIET
from tests.orchestration.conftest import SETTINGS, World
from vibe_pipeline import larger
from vibe_pipeline.errors import Busy, DiskFull, TrainingDied
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.log import Log

TRIGGER = """
[trigger]
conversations = 20
min_entropy = 2.0

[retry]
pause_seconds = 0
"""

LARGER = """
[lineages.main.larger]
lineage = "reckless"
below = 0.0
"""


@dataclass(frozen=True)
class Daemon(World):
    """Ticks sensors and obeys them as the daemon does, one run at a time."""

    cursors: dict[str, str | None] = field(default_factory=dict)

    def tick(self, name: str, *, obey: bool = True) -> str | list[str]:
        """The run keys that a sensor requests, once each run is over; or its reason to skip."""
        its = {"ladder": LadderResource()}
        cursor = self.cursors.get(name)
        with dg.build_sensor_context(self.instance, cursor, resources=its, definitions=defs) as context:
            found = defs.resolve_sensor_def(name)(context)
        if obey:
            self._obey(name, found)
        return [it.run_key for it in found.run_requests] or found.skip_reason.skip_message

    def _obey(self, name: str, found: dg.SensorResult) -> None:
        for added in found.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(added.partitions_def_name, added.partition_keys)
        self.cursors[name] = found.cursor
        for event in found.asset_events:
            self.instance.report_runless_asset_event(event)
        for request in found.run_requests:
            self._run(request.job_name or "climb_rung", request.partition_key)

    def _run(self, job: str, key: str | None) -> None:
        """Whatever becomes of it."""
        defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=key, run_config=QUIET, raise_on_error=False
        )

    def backfill(self, *keys: str) -> None:
        """Rungs one after the other."""
        for key in keys:
            self._run("climb_rung", key)


@pytest.fixture
def daemon(tiny_base, few_questions, tmp_path, monkeypatch) -> Iterator[Daemon]:
    """An empty home and an empty instance."""
    (tmp_path / "vibe.toml").write_text(SETTINGS.format(base=tiny_base, few=few_questions) + TRIGGER)
    monkeypatch.setenv("VIBE_HOME", str(tmp_path))
    monkeypatch.setenv("VIBE_CONFIG", str(tmp_path / "vibe.toml"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    with dg.instance_for_test() as instance:
        yield Daemon(tmp_path, instance)


def test_below_the_threshold_there_are_only_reasons_with_numbers(daemon):
    assert daemon.tick("enough_interactions") == (
        "0 of 57.6 MB; 0 of 20 new conversations; 0 of 50 karma; 0 of 168 hours"
    )
    daemon.chat(19)
    assert "; 19 of 20 new conversations; " in daemon.tick("enough_interactions")
    assert daemon.ladder.log.opened() == 0
    assert daemon.tick("examples_ready") == (
        "main has settled all 0 generations; reckless has settled all 0 generations"
    )


def test_at_the_threshold_one_generation_is_opened_and_each_lineage_climbs_one_rung(daemon):
    daemon.chat(24)
    assert daemon.tick("enough_interactions") == ["g000/1"]
    assert "0 of 20 new conversations" in daemon.tick("enough_interactions")
    assert daemon.tick("examples_ready") == ["main/g000/1", "reckless/g000/1"]
    assert daemon.tick("examples_ready") == (
        "main has settled all 1 generations; reckless has settled all 1 generations"
    )
    assert [event.kind for event in daemon.events()] == ["opened", "settled"]
    assert daemon.tick("run_failed") == "nothing that is to be done next has failed"


def test_whoever_died_between_the_cut_and_the_request_is_made_up_for(daemon):
    daemon.chat(24)
    assert daemon.tick("enough_interactions", obey=False) == ["g000/1"]  # the daemon is killed
    assert daemon.ladder.log.opened() == 1
    assert daemon.tick("examples_ready") == (
        "main waits for the examples of g000; reckless waits for the examples of g000"
    )
    assert daemon.tick("enough_interactions") == ["g000/1"]
    assert daemon.ladder.generations.curated(0)
    assert daemon.tick("examples_ready", obey=False) == daemon.tick("examples_ready")
    assert daemon.ladder.pending("main") == []


def test_rungs_of_a_late_lineage_are_requested_one_at_a_time(daemon):
    for _ in range(2):
        daemon.chat(24)
        daemon.tick("enough_interactions")
    assert daemon.tick("examples_ready") == ["main/g000/1", "reckless/g000/1"]
    assert daemon.tick("examples_ready") == ["main/g001/1", "reckless/g001/1"]


def test_a_halted_lineage_asks_for_nothing_and_says_why(daemon):
    daemon.chat(24)
    daemon.tick("enough_interactions")
    assert daemon.tick("halted") == "none of 2 lineages is halted"
    daemon.ladder.halt("main", "the data is bad")
    assert daemon.tick("examples_ready") == ["reckless/g000/1"]
    assert daemon.tick("examples_ready") == "main is halted; reckless has settled all 1 generations"
    assert "the data is bad" in daemon.tick("halted")
    daemon.ladder.resume("main", "mended")
    assert daemon.tick("examples_ready") == ["main/g000/1"]


def test_a_larger_lineage_waits_for_the_smaller_one(daemon, monkeypatch):
    settings = daemon.home / "vibe.toml"
    settings.write_text(settings.read_text() + LARGER)
    daemon.chat(24)
    daemon.tick("enough_interactions")
    assert daemon.tick("examples_ready") == ["main/g000/1"]
    assert "reckless begins when the last rung stays under 0 " in daemon.tick("examples_ready")
    with monkeypatch.context() as patch:
        patch.setattr(larger, "is_due", lambda *_: True)  # tests/engine/test_larger.py says when
        assert daemon.tick("examples_ready") == ["reckless/g000/1"]
    assert "reckless has settled all 1 generations" in daemon.tick("examples_ready")


def failing(monkeypatch, lineage: str, *errors: Exception) -> None:
    """The next trainings of a lineage fail with these; those after them train."""
    train, left = Ladder.train, list(errors)

    def plan(self, rung):
        if rung.lineage == lineage and left:
            raise left.pop(0)
        return train(self, rung)

    monkeypatch.setattr(Ladder, "train", plan)


def told(daemon: Daemon) -> list[dict]:
    """What was observed of failures, oldest first."""
    found = daemon.instance.fetch_observations(dg.AssetKey("champion"), limit=9).records
    return [{k: v.value for k, v in it.asset_observation.metadata.items()} for it in reversed(found)]


def test_what_may_pass_is_tried_again_so_often_and_then_waits_for_a_person(daemon, monkeypatch):
    daemon.chat(24)
    daemon.tick("enough_interactions")
    failing(monkeypatch, "main", *[DiskFull("the disk is full", "Free some room")] * 3)
    daemon.tick("examples_ready")
    assert daemon.tick("examples_ready").startswith("main g000 failed, see run_failed")
    assert daemon.tick("run_failed") == ["main/g000/2"]
    assert daemon.tick("run_failed") == ["main/g000/3"]
    waits = "main g000: the disk is full. Free some room. It failed 3 times and waits for a person"
    assert [daemon.tick("run_failed"), daemon.tick("run_failed")] == [waits, waits]
    assert [(it["attempt"], it["next"]) for it in told(daemon)] == [
        (1, "is tried again (1 of 2)"),
        (2, "is tried again (2 of 2)"),
        (3, "waits for a person"),
    ]
    assert {name: told(daemon)[0][name] for name in ("failed", "step", "error", "words", "remedy")} == {
        "failed": "main g000",
        "step": "adapter",
        "error": "DiskFull",
        "words": "the disk is full. Free some room.",
        "remedy": "Free some room",
    }
    daemon.climb(0)  # a person
    assert daemon.tick("run_failed") == "nothing that is to be done next has failed"


def test_what_a_rerun_cannot_change_waits_for_a_person_at_once(daemon, monkeypatch):
    daemon.chat(24)
    daemon.tick("enough_interactions")
    failing(monkeypatch, "main", TrainingDied("the loss is not finite", "Lower the rate"))
    failing(monkeypatch, "reckless", ValueError("a bug of ours"))
    daemon.tick("examples_ready")
    words = daemon.tick("run_failed")
    assert "main g000: the loss is not finite. Lower the rate. It waits for a person" in words
    assert "reckless g000: ValueError: a bug of ours. It waits for a person" in words
    assert [(it["failed"], it["error"]) for it in told(daemon)] == [
        ("main g000", "TrainingDied"),
        ("reckless g000", "ValueError"),
    ]


def test_what_was_refused_because_one_below_had_failed_is_tried_again_when_it_has_not(daemon, monkeypatch):
    for _ in range(2):
        daemon.chat(24)
        daemon.tick("enough_interactions")
    with monkeypatch.context() as patch:
        failing(patch, "main", TrainingDied("the loss is not finite", "Lower the rate"))
        daemon.backfill(rung_key("main", 0), rung_key("main", 1))
    daemon.tick("run_failed")
    daemon.climb(0)  # a person
    assert daemon.tick("run_failed") == ["main/g001/2"]
    assert sorted(daemon.ladder.line("main").settled) == [0, 1]


def test_a_lock_that_somebody_holds_is_a_reason_to_skip_and_damage_is_not(daemon, monkeypatch):
    def busy(self, wait_s):
        raise Busy("the log is being cut", "Wait")

    monkeypatch.setattr(Log, "open_when_due", busy)
    assert daemon.tick("enough_interactions") == "the log is being cut. Wait."
    daemon.chat(1)
    daemon.ladder.log.open_generation(force=True)
    daemon.ladder.store.path("cuts/000000.json").write_text("{")
    with pytest.raises(dg.Failure, match="cuts/000000"):
        daemon.tick("examples_ready")


def test_what_a_person_canceled_waits_for_a_person(daemon):
    daemon.chat(24)
    daemon.tick("enough_interactions")
    job = defs.resolve_job_def("climb_rung")
    run = daemon.instance.create_run_for_job(job, tags={"dagster/partition": rung_key("main", 0)})
    assert daemon.tick("examples_ready") == ["reckless/g000/1"]
    assert daemon.tick("examples_ready").startswith("main g000 is at work")
    daemon.instance.report_run_canceled(run)
    assert daemon.tick("examples_ready").startswith("main g000 was canceled, and waits for a person")
    assert daemon.tick("run_failed") == "nothing that is to be done next has failed"


def test_a_large_backlog_is_sealed_by_a_run_of_its_own(daemon, monkeypatch):
    monkeypatch.setattr("sensors.enough_interactions.MOST_BYTES", 1000)
    daemon.chat(24)
    assert daemon.tick("enough_interactions") == ["seal/1"]
    assert daemon.tick("enough_interactions") == ["g000/1"]


def clock(daemon: Daemon, name: str) -> list[str] | str:
    """What an hourly schedule requests, and its reason to skip."""
    its = {"ladder": LadderResource()}
    with dg.build_schedule_context(daemon.instance, resources=its) as context:
        found = defs.resolve_schedule_def(name)(context)
    return [it.run_key for it in found] if isinstance(found, list) else found.skip_message


def test_a_clock_asks_the_same_questions(daemon):
    assert "0 of 20 new conversations" in clock(daemon, "hourly_generation")
    daemon.chat(24)
    assert clock(daemon, "hourly_generation") == ["g000/1"]
    assert daemon.instance.get_dynamic_partitions("generations") == ["g000"]
    daemon.run("open_generation", "g000")
    assert clock(daemon, "hourly_rungs") == ["main/g000/1", "reckless/g000/1"]


def test_a_clock_leaves_a_large_backlog_to_the_schedule_that_seals(daemon, monkeypatch):
    monkeypatch.setattr("sensors.enough_interactions.MOST_BYTES", 1000)
    daemon.chat(24)
    assert clock(daemon, "hourly_generation") == "hourly_figures seals what waits"
