"""A larger lineage waits until a smaller one does not get far, and nothing that was not measured calls for it."""

import pytest

from tests.engine.planted_rungs import climb, figure
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.larger import is_due, words
from vibe_pipeline.ledger import Ledger
from vibe_pipeline.settings import Larger, Lineage, Settings, load


@pytest.fixture
def ledger(store) -> Ledger:
    return Ledger(store, "main")


def rule(generations: int = 1) -> Larger:
    return Larger(lineage="big", below=0.8, generations=generations)


def settle(ledger: Ledger, recall: float | None, generalization: float | None, verdict: str = "promoted"):
    its = {"recall": recall, "generalization": generalization}
    climb(ledger, verdict, **{name: figure(1.0, 0) if it is None else figure(it, 60) for name, it in its.items()})


@pytest.mark.parametrize(
    ("rungs", "generations", "due"),
    [
        ([], 1, False),
        ([(0.9, 0.9)], 1, False),
        ([(0.79, 0.9)], 1, True),
        ([(0.9, 0.79)], 1, True),
        ([(0.8, 0.8)], 1, False),
        ([(None, 0.5)], 1, True),
        ([(None, None)], 1, False),
        ([(0.5, 0.5), (0.9, 0.9)], 1, False),
        ([(0.5, 0.5)], 2, False),
        ([(0.9, 0.9), (0.5, 0.9), (0.9, 0.5)], 2, True),
        ([(0.5, 0.9), (0.9, 0.9), (0.9, 0.5)], 2, False),
    ],
)
def test_it_begins_when_the_last_rungs_stay_below(ledger, rungs, generations, due):
    for recall, generalization in rungs:
        settle(ledger, recall, generalization)
    assert is_due(rule(generations), ledger.line()) is due


def test_what_was_rejected_counts_and_what_was_skipped_or_rolled_back_does_not(ledger):
    settle(ledger, 0.9, 0.9)
    settle(ledger, 0.5, 0.9, "rejected")
    climb(ledger, "skipped")
    assert is_due(rule(), ledger.line())
    settle(ledger, 0.9, 0.9)
    assert not is_due(rule(), ledger.line())
    settle(ledger, 0.5, 0.9)
    assert is_due(rule(), ledger.line())
    ledger.roll_back(3, "it forgets", {})
    assert not is_due(rule(), ledger.line())


def test_its_words_tell_what_was_found(ledger):
    settle(ledger, None, 0.91)
    assert words("main", rule(), ledger.line()) == (
        "begins when the last rung stays under 0.8 in recall or generalization in main: "
        "g000 recall not measured, generalization 0.91"
    )


def test_a_lineage_waits_until_then_and_no_more_once_it_has_begun(store, ledger):
    its = {"main": Lineage(larger=rule()), "big": Lineage()}
    ladder = Ladder(store.root, Settings(lineages=its))
    settle(ledger, 0.9, 0.9)
    assert "begins when the last rung stays under 0.8 " in (ladder.waits("big") or "")
    assert ladder.waits("main") is None
    settle(ledger, 0.5, 0.9)
    assert ladder.waits("big") is None
    climb(Ledger(store, "big"), "promoted")
    settle(ledger, 0.9, 0.9)
    assert ladder.waits("big") is None


@pytest.mark.parametrize(
    ("larger", "words"),
    [
        ({"main": "huge"}, "main.larger names 'huge', which is no lineage"),
        ({"main": "main"}, "main → main wait for each other"),
        ({"main": "big", "big": "main"}, "main → big → main wait for each other"),
    ],
)
def test_a_larger_one_that_could_never_begin_is_refused(tmp_path, larger, words):
    tables = "".join(f"[lineages.{name}.larger]\nlineage = '{it}'\n" for name, it in larger.items())
    path = tmp_path / "vibe.toml"
    path.write_text(f"[lineages.main]\n[lineages.big]\n{tables}")
    with pytest.raises(SettingsInvalid, match=words):
        load(path)
