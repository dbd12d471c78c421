"""The gate on hand-made scorecards: each rule alone can stand in the way, and only what it is about."""

import math
from dataclasses import replace

import pytest

from tests.engine.scorecards import (
    ALIVE,
    COMPARED,
    FAILED,
    GOOD,
    UNDECIDED,
    compared,
    figure,
    in_the_way,
    means,
    part,
    shares,
    standing,
    verdict,
)
from vibe_pipeline.evaluate.figures import NOT_APPLICABLE
from vibe_pipeline.judgement import Comparison, Comparisons, Finding, Outcome
from vibe_pipeline.promote import Case, skipped
from vibe_pipeline.settings import Gate


def test_a_good_scorecard_is_promoted():
    assert (verdict().outcome, in_the_way(GOOD)) == (Outcome.PROMOTED, {})


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"recall": figure(0.90)}, {"recall floor": FAILED}),
        ({"recall": figure(0.91)}, {}),
        ({"generalization": figure(0.85)}, {"generalization floor": FAILED}),
        ({"generalization": figure(0.4), "generalization_is": "beats base"}, {}),
        ({"tone": tuple(("q", "a", "As an AI") for _ in range(2))}, {"style": FAILED}),
        ({"style_drift": NOT_APPLICABLE, "tone": ()}, {"style": FAILED}),
        ({"missing": 1}, {"complete": FAILED}),
        ({"asked": 0}, {"complete": FAILED}),
        ({"recall": NOT_APPLICABLE}, {"recall floor": FAILED}),
        ({"generalization": NOT_APPLICABLE}, {"generalization floor": FAILED}),
        ({"standing": (replace(standing("general"), base_comparison=None),)}, {"general against base": FAILED}),
        ({"standing": (standing("general", parent=-0.09),)}, {"general against parent": UNDECIDED}),
        ({"standing": (standing("general", base=-0.3),)}, {"general against base": FAILED}),
        ({"standing": (standing("general"), standing("mine", base=-0.3))}, {}),
        ({"standing": (standing("general"), standing("mine", parent=-0.3))}, {"mine against parent": FAILED}),
    ],
)
def test_each_rule_stands_in_the_way_alone_and_only_for_what_it_is_about(changes, rules):
    assert in_the_way(replace(GOOD, **changes)) == rules


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"recall": shares(0, 0)}, {}),
        ({"recall": shares(10, 18)}, {"recall against parent": UNDECIDED}),
        ({"recall": shares(5, 35)}, {"recall against parent": FAILED}),
        ({"recall": shares(5, 35, n=30_000)}, {}),
        ({"recall": shares(4, 5, effect=6)}, {"recall against parent": UNDECIDED}),
        ({"recall": None}, {}),
        ({"since": shares(2, 42)}, {"recall since promotion": FAILED}),
        ({"since": None, "since_by_suite": ()}, {}),
        (
            {"since_by_suite": ((0, shares(0, 0)), (4, shares(1, 30, 60)))},
            {"recall of g004 since its promotion": FAILED},
        ),
        ({"gain": shares(0, 0)}, {"gain": FAILED}),
        ({"gain": shares(5, 9)}, {"gain": FAILED}),
        ({"gain": shares(9, 5)}, {"gain": UNDECIDED}),
        ({"gain": None}, {}),
        ({"gain": None, "gain_nll": None}, {"gain": FAILED}),
        ({"gain_nll": means(-0.2)}, {"gain in NLL": FAILED}),
        ({"gain_nll": means(0.05)}, {}),
        ({"gain_nll": means(-0.05)}, {}),
        ({"gain": shares(20, 0, 29), "gain_nll": means(0.05)}, {"gain in NLL": UNDECIDED}),
        ({"gain_nll": means(0.05, n=20)}, {}),
        ({"gain_nll": means(-0.2, n=20)}, {"gain in NLL": FAILED}),
        ({"gain_nll": means(-0.01, n=20)}, {}),
        ({"gain": None, "gain_nll": means(0.05, n=20)}, {"gain in NLL": UNDECIDED}),
        ({"gain": None, "gain_nll": means(0.5, n=20)}, {}),
    ],
)
def test_a_test_can_show_fail_to_show_or_show_the_contrary(changes, rules):
    card = compared(**changes)
    assert in_the_way(card) == rules
    found = set(rules.values())
    expected = Outcome.REJECTED if FAILED in found else Outcome.UNDECIDED if found else Outcome.PROMOTED
    assert verdict(card).outcome == expected


@pytest.mark.parametrize(("gained", "rules"), [(40, {"gain in NLL": UNDECIDED}), (60, {})])
def test_nll_of_items_without_a_right_answer_decides_beside_those_that_have_one(gained, rules):
    """And of the very items with right answers it only vetoes: a few wrong ones may be as unlikely as they like."""
    both = (*GOOD.parts, replace(part(is_new=True), is_exact=False))
    assert in_the_way(replace(compared(gain_nll=means(gained / 500)), parts=both)) == rules


@pytest.mark.parametrize(
    ("compared", "rules"),
    [(shares(0, 5, 60), {"mine against parent": UNDECIDED}), (shares(0, 0, 10), {"mine against parent": UNDECIDED}),
     (shares(0, 0, 40), {})],
)  # fmt: skip
def test_a_suite_of_which_the_parent_knows_little_is_compared_like_any_other(compared, rules):
    """Of 60 questions it knew 7, and the child two: that no loss of ten points is possible says an estimate alone."""
    mine = replace(standing("mine"), parent=figure(0.11, 60), parent_comparison=compared)
    assert in_the_way(replace(GOOD, standing=(mine,))) == rules


@pytest.mark.parametrize(("lost", "rules"), [(55, {}), (90, {"mine against its best": FAILED})])
def test_a_slow_slide_below_the_best_of_ones_ancestors_adds_up(lost, rules):
    """Each rung may lose a little: twice what one may lose is the most that may be lost in all."""
    mine = replace(standing("mine"), best_comparison=shares(0, lost, 300), best_sha="b")
    assert in_the_way(replace(GOOD, standing=(mine,))) == rules


@pytest.mark.parametrize(
    "broken",
    [
        {"adapter_change": 0.0},
        {"steps": 0},
        {"label_tokens": 0},
        {"loss_end": math.nan},
        {"gradient_norm_max": math.inf},
    ],
)
def test_an_adapter_that_did_not_learn_is_never_promoted(broken):
    rules = verdict(training=replace(ALIVE, **broken)).rules
    assert [rule.name for rule in rules if not rule.passed] == ["liveness"]


def test_one_cluster_has_no_bounds_in_words_either():
    alone = Comparison(n=1, clusters=1, difference=0.2, error=None)
    (words,) = (rule.words for rule in verdict(compared(gain_nll=alone)).rules if rule.name == "gain in NLL")
    assert "no bounds of one cluster alone (n = 1)" in words
    assert "inf" not in words


def test_one_cluster_of_new_items_is_told_that_further_ones_would_decide():
    alone = Comparison(n=3, clusters=1, difference=0.2, error=None)
    (words,) = (rule.words for rule in verdict(compared(gain=None, gain_nll=alone)).rules if rule.name == "gain in NLL")
    assert words.endswith("these items cannot tell, further ones would")


def test_bounds_of_right_answers_lie_between_all_and_none():
    few = Comparison(n=4, clusters=2, difference=0.0, error=0.4)
    rules = verdict(replace(GOOD, standing=(replace(standing("general"), parent_comparison=few),))).rules
    (words,) = (rule.words for rule in rules if rule.name == "general against parent")
    assert "bounds -100.0 to +100.0" in words


def test_at_the_first_rung_recall_does_not_apply_and_blocks_nothing():
    none = Comparisons(gain=COMPARED.gain, gain_nll=COMPARED.gain_nll)
    recall = {"recall": NOT_APPLICABLE, "recall_parent": NOT_APPLICABLE, "recall_is": "not applicable"}
    first = verdict(replace(GOOD, comparisons=none, **recall))
    assert first.outcome == Outcome.PROMOTED
    found = {rule.name for rule in first.rules if rule.finding == Finding.NOT_APPLICABLE}
    assert found == {
        "recall floor",
        "recall against parent",
        "retention",
        "recall since promotion",
        "retention since promotion",
    }


@pytest.mark.parametrize("parts", [(), (part(is_new=False),), (part(is_new=True, items=0),)])
def test_without_a_new_item_nothing_is_decided(parts):
    empty = verdict(replace(GOOD, parts=parts))
    assert empty.outcome == Outcome.UNDECIDED
    assert "no held-out item" in empty.reasons[0]


def test_a_collapsed_model_is_rejected_however_well_it_keeps_its_tone():
    lost = Comparisons(recall=shares(0, 285), since=shares(0, 285), gain=shares(0, 0), gain_nll=means(-8.0))
    nothing = {"recall": figure(0.0), "generalization": figure(0.0), "tone": (("q", "!!!!", ""),) * 10}
    card = replace(GOOD, comparisons=lost, standing=(standing("general", -0.35, -0.35),), **nothing)
    assert verdict(card).outcome == Outcome.REJECTED
    assert set(in_the_way(card)) == {
        *("recall floor", "recall against parent", "recall since promotion", "generalization floor"),
        *("gain", "gain in NLL", "general against parent", "general against base"),
    }


def test_a_child_equal_to_its_parent_is_not_promoted():
    same = compared(recall=shares(0, 0), since=shares(0, 0), gain=shares(0, 0), gain_nll=means(0.0, 0.0))
    assert in_the_way(same) == {"gain": FAILED}
    assert in_the_way(replace(same, comparisons=replace(same.comparisons, gain=None))) == {"gain in NLL": FAILED}


def test_attempts_share_one_level():
    levels = [Case(card=GOOD, training=ALIVE, gate=Gate(level=0.05), attempt=n).level for n in range(1, 30)]
    assert levels[:2] == pytest.approx([0.04, 0.008])
    assert sum(levels) == pytest.approx(0.05)
    close = compared(recall=shares(5, 8))
    outcomes = [verdict(close, attempt).outcome for attempt in (1, 4)]
    assert outcomes == [Outcome.PROMOTED, Outcome.UNDECIDED]


def test_the_gate_is_what_the_settings_say():
    assert in_the_way(GOOD, recall_floor=0.96) == {"recall floor": FAILED}
    assert in_the_way(GOOD, margin=0.01) == {"recall against parent": UNDECIDED}
    assert in_the_way(GOOD, corporate_limit=1) == {"style": FAILED}
    assert in_the_way(GOOD, general_margin=0.01) == {
        "general against parent": UNDECIDED,
        "general against base": UNDECIDED,
    }


def test_an_undecided_rule_says_what_would_decide():
    (rule,) = [rule for rule in verdict(compared(recall=shares(10, 18))).rules if rule.finding == UNDECIDED]
    assert (rule.n, rule.limit, rule.level) == (300, -0.05, pytest.approx(0.04))
    assert rule.low < -0.05 < rule.difference < rule.high
    assert 0.7 < rule.power < 0.9
    assert rule.items_needed > 300
    assert rule.words.endswith(f"these items cannot tell, about {rule.items_needed:,} items would")


def test_what_would_stay_a_loss_needs_no_more_items():
    card = compared(recall=shares(0, 2, n=30), kept=None)
    (words,) = verdict(card).reasons
    assert words.endswith("these items cannot tell, no number of items would, if it stays what it is")


def test_one_cluster_tells_nothing():
    alone = Comparison(n=50, clusters=1, difference=3.0, error=None)
    (rule,) = [rule for rule in verdict(compared(gain=None, gain_nll=alone)).rules if not rule.passed]
    told = (rule.name, rule.finding, rule.low, rule.high, rule.power)
    assert told == ("gain in NLL", UNDECIDED, None, None, None)


def test_the_reasons_are_those_that_failed_then_those_that_are_undecided():
    card = replace(compared(recall=shares(10, 18)), generalization=figure(0.5, 60))
    first, second = verdict(card).reasons
    assert first == "generalization floor: 0.50 [0.40, 0.60] (n = 60), not above 0.85"
    assert second.startswith("recall against parent: 2.7 points lower, bounds -6.0 to +0.4 (n = 300)")


def test_nothing_to_learn_is_skipped_with_its_reason():
    it = skipped("g004 holds nothing to learn for main")
    assert (it.outcome, it.reasons) == (Outcome.SKIPPED, ("g004 holds nothing to learn for main",))
