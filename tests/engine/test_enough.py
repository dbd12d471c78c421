"""A first generation that holds too little to compare any child on says so when it is opened."""

import polars as pl
import pytest

from vibe_pipeline.evaluate.enough import smallest_loss, too_few
from vibe_pipeline.settings import Gate, Lineage


def suite(exact: int, together: int = 1, free: int = 0) -> pl.DataFrame:
    """So many items with right answers, so many of a fact, and conversations of one turn."""
    rows = [(f"{n:03}", "knowledge", "conversation", f"fact {n // together}") for n in range(exact)]
    rows += [(f"free {n}", "behaviour", "conversation", None) for n in range(free)]
    return pl.DataFrame(rows, schema=["item_id", "part", "kind", "cluster"], orient="row")


@pytest.mark.parametrize(
    ("its", "margin", "is_too_few"),
    [
        (suite(30), 0.05, True),
        (suite(60), 0.05, False),
        (suite(60, together=3), 0.05, True),
        (suite(180, together=3), 0.05, False),
        (suite(60, together=3), 0.15, False),
        (suite(60, together=60), 0.05, True),
        (suite(29, free=100), 0.05, False),
        (suite(30, free=100), 0.05, True),
        (suite(15, free=15), 0.05, True),
        (suite(0), 0.05, False),
        (suite(0, free=100), 0.05, False),
    ],
)
def test_what_its_own_twin_could_not_follow_is_too_few(its, margin, is_too_few):
    """Few beside more free-form items only veto, and of those the gain decides."""
    words = too_few(its, "main", Lineage(gate=Gate(margin=margin)))
    assert bool(words) == is_too_few
    assert not words or f"gate.margin is {100 * margin:g}" in words


def test_the_smallest_loss_is_that_of_as_many_independent_items():
    alone, thrice = suite(60)["cluster"], suite(180, together=3)["cluster"]
    assert smallest_loss(alone, 0.04) == pytest.approx(smallest_loss(thrice, 0.04), rel=0.01)
    assert smallest_loss(alone, 0.04) == pytest.approx(0.0486, abs=1e-3)


def test_opening_says_so_until_something_is_promoted(new_ladder, log_facts, tmp_path):
    strict = new_ladder(tmp_path / "var", gate=Gate(min_items=4))
    log_facts(tmp_path / "var", range(6))
    strict.log.open_generation()
    (doubt,) = strict.describe_generation(0)["doubts"]
    assert doubt.startswith("Too little to follow for main: its ")
    assert new_ladder(tmp_path / "var").describe_generation(0)["doubts"] == []


def test_a_lineage_that_has_promoted_has_more_to_be_compared_on_unless_it_begins_again(climbed, new_ladder):
    strict = new_ladder(climbed.store.root, gate=Gate(min_items=4))
    assert strict.line("main").promoted
    assert strict.describe_generation(1)["doubts"] == []
    strict.rollback("main", None, "its first suite is too small")
    (doubt,) = strict.describe_generation(1)["doubts"]
    assert doubt.startswith("Too little to follow for main: its ")


def test_a_damaged_chain_is_told_of_and_a_generation_opened_all_the_same(climbed):
    climbed.store.path("ledger/main/000000.json").write_text("{")
    (doubt,) = climbed.describe_generation(1)["doubts"]
    assert "000000.json" in doubt
