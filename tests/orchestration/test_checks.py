"""The log's checks warn by the figures and limits of a real log, and stop nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.checks import freshness, quarantine_share
from assets.interactions import interactions
from assets.resources import LadderResource, duckdb
from vibe_pipeline.interactions.logger import InteractionLogger


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
