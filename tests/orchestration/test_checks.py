"""Checks tell what is wrong with a log, a generation's files, an adapter and a ladder; they stop nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.adapter import _liveness
from assets.checks import freshness, quarantine_share
from assets.interactions import interactions
from assets.resources import LadderResource, duckdb
from definitions import defs
from jobs.instance import QUIET
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Training


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """Log at these ages in days, with so many broken lines; what the two checks say then."""
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("VIBE_CONFIG", str(tmp_path / "vibe.toml"))

    def run(ages: list[float], broken: int = 0, limits: str = "") -> dict[str, dg.AssetCheckEvaluation]:
        (tmp_path / "vibe.toml").write_text(f"[log]\n{limits}")
        logger = InteractionLogger(tmp_path / "var")
        for age in ages:
            when = datetime.now(UTC) - timedelta(days=age)
            logger.log(module="m", action="ask", input=str(age), occurred_at=when)
        logger.close()
        spool: Path = tmp_path / "var" / "log" / "interactions" / "spool" / "broken.jsonl"
        spool.parent.mkdir(parents=True, exist_ok=True)
        spool.write_text("".join(f"broken {number}\n" for number in range(broken)))
        done = dg.materialize(
            [interactions, freshness, quarantine_share], resources={"ladder": LadderResource(), "duckdb": duckdb}
        )
        assert done.success
        return {found.check_name: found for found in done.get_asset_check_evaluations()}

    return run


@pytest.mark.parametrize(
    ("ages", "limits", "passed"),
    [
        ([1, 30], "", True),
        ([8, 30], "", False),
        ([8, 30], "stale_days = 10", True),
        ([30, -1], "", False),  # a clock that ran ahead proves nothing
        ([], "", False),
    ],
)
def test_the_newest_interaction_may_not_be_too_old(checked, ages, limits, passed):
    found = checked(ages, limits=limits)["freshness"]
    assert (found.passed, found.severity) == (passed, dg.AssetCheckSeverity.WARN)
    assert found.metadata["interactions"].value == len(ages)
    past = [age for age in ages if age > 0]
    if past:
        assert found.metadata["age_days"].value == pytest.approx(min(past), abs=0.01)


@pytest.mark.parametrize(
    ("broken", "limits", "passed"), [(0, "", True), (1, "", False), (1, "quarantine_limit = 0.1", True)]
)
def test_the_share_that_was_quarantined_may_not_be_too_large(checked, broken, limits, passed):
    found = checked([1] * 9, broken, limits)["quarantine_share"]
    assert (found.passed, found.severity) == (passed, dg.AssetCheckSeverity.WARN)
    assert found.metadata["quarantine_share"].value == broken / (9 + broken)
    assert found.metadata["quarantined"].value == broken


def found(done: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, dict]]:
    """By name: whether it passed, and what it tells."""
    its = done.get_asset_check_evaluations()
    return {it.check_name: (it.passed, {name: value.value for name, value in it.metadata.items()}) for it in its}


def check_ladder(world) -> dict[str, tuple[bool, dict]]:
    job = defs.resolve_job_def("check_ladder")
    return found(job.execute_in_process(instance=world.instance, run_config=QUIET))


def test_a_rung_comes_with_its_checks_and_without_those_of_the_whole_ladder(world):
    world.open()
    made = found(world.run("open_generation", "g000"))
    assert made["schema"] == (True, {"breaches": ""})
    assert made["contamination"][0]
    assert set(made["contamination"][1].values()) == {0}
    climbed = found(world.climb(0))
    assert climbed.keys() == {"liveness"}
    assert climbed["liveness"][0]
    assert climbed["liveness"][1]["steps"] > 0


def test_a_file_with_other_columns_is_named(world, tmp_path):
    made = world.ladder.examples(0)
    frame = world.ladder.store.read_frame(f"examples/{made.sha}.parquet")
    spoiled = frame.drop("fact").with_columns(tokens=frame["tokens"].cast(float), other=1)
    spoiled.write_parquet(tmp_path / "spoiled.parquet")
    its = world.ladder.store.path(f"examples/{made.sha}.parquet")
    kept = its.read_bytes()
    its.write_bytes((tmp_path / "spoiled.parquet").read_bytes())
    words = world.ladder.breaches(0)
    its.write_bytes(kept)
    assert "examples: fact is missing" in words
    assert "examples: tokens is double, not int32" in words
    assert "examples: other is unknown" in words


@pytest.mark.parametrize(
    ("facts", "is_alive"),
    [({}, True), ({"adapter_change": 0.0}, False), ({"loss_end": float("nan")}, False), ({"steps": 0}, False)],
)
def test_an_adapter_that_did_not_move_or_is_not_finite_is_not_alive(facts, is_alive):
    numbers = {"loss_start": 2.0, "loss_end": 1.0, "adapter_change": 0.1, "gradient_norm_max": 1.0, "steps": 4}
    its = dict.fromkeys(Training.__dataclass_fields__, 1) | numbers | {"label_tokens": 9} | facts
    assert _liveness(Training(**its)).passed is is_alive
    assert _liveness(None).passed


def test_what_would_be_another_rung_today_is_named_with_all_above_it(world):
    world.open()
    world.run("open_generation", "g001")
    world.climb(1)
    assert check_ladder(world) == {"chain_intact": (True, {"events": 4}), "ladder_is_current": (True, {})}
    settings = world.home / "vibe.toml"
    before = settings.read_text()
    settings.write_text(before.replace("epochs = 6", "epochs = 5"))
    assert check_ladder(world)["ladder_is_current"] == (False, {"main": "g000, g001"})
    settings.write_text(before)
    event = world.ladder.store.path("ledger/main/000001.json")
    event.write_text(event.read_text().replace("promoted", "demoted_"))
    passed, told = check_ladder(world)["chain_intact"]
    assert not passed
    assert "000001.json was changed" in told["damaged"]
