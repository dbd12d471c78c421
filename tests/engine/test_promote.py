"""The gate on hand-made scorecards: each rule alone can stand in the way, and only what it is about."""

import math
from dataclasses import replace

import pytest

from vibe_pipeline.evaluate.figures import NOT_APPLICABLE
from vibe_pipeline.judgement import (
    Balance,
    Comparison,
    Comparisons,
    Figure,
    Finding,
    Outcome,
    PartScore,
    Scorecard,
    Standing,
)
from vibe_pipeline.promote import Case, judge, skipped
from vibe_pipeline.records import Training
from vibe_pipeline.settings import Gate


def figure(value: float, n: int = 300) -> Figure:
    return Figure(value=value, n=n, low=max(0.0, value - 0.1), high=min(1.0, value + 0.1))


def shares(gained: int, lost: int, n: int = 300, effect: float = 1.0) -> Comparison:
    fixed = {"error": 0.01, "clusters": int(n / effect), "effect": effect}
    return Comparison(n=n, difference=(gained - lost) / n, gained=gained, lost=lost, **fixed)


def means(difference: float, error: float = 0.05, n: int = 300) -> Comparison:
    return Comparison(n=n, clusters=n, difference=difference, error=error)


def standing(name: str, parent: float = 0.0, base: float = 0.0) -> Standing:
    compared = {"parent_comparison": means(parent, 0.03), "base_comparison": means(base, 0.03)}
    figures = dict.fromkeys(("base", "parent", "child"), figure(0.6, 120))
    return Standing(name=name, suite_sha="g", scorer="x", items=120, **figures, **compared)


def part(*, is_new: bool, items: int = 300) -> PartScore:
    fixed = {"suite_sha": "s", "generation": 0, "part": "knowledge", "scorer": "x", "is_exact": True}
    return PartScore(**fixed, is_new=is_new, items=items, base={}, parent={}, child={})


ALIVE = Training(
    adapter_sha="a",
    steps=118,
    learning_rate=8e-4,
    loss_start=3.4,
    loss_end=0.08,
    label_tokens=9000,
    tokens=20000,
    loss_curve=(3.4, 0.08),
    gradient_norm_max=4.0,
    adapter_change=12.0,
    device="cpu",
    dtype="bfloat16",
    threads=2,
    stopped="complete",
    measured={},
)
COMPARED = Comparisons(
    recall=shares(4, 5),
    since=shares(3, 6),
    since_by_suite=((0, shares(3, 6)),),
    gain=shares(270, 1),
    gain_nll=means(2.5),
)
GOOD = Scorecard(
    adapter_sha="a",
    parts=(part(is_new=True), part(is_new=False)),
    recall=figure(0.95),
    recall_parent=figure(0.97),
    recall_is="exact",
    generalization=figure(0.9),
    generalization_parent=figure(0.0),
    generalization_base=figure(0.0),
    generalization_is="exact",
    style_drift=figure(0.1, 10),
    tone=tuple((f"q{n}", "a", "I'm sorry" if n < 1 else "") for n in range(10)),
    measured={},
    comparisons=COMPARED,
    standing=(standing("general"),),
    missing=0,
    asked=1800,
)


def verdict(card: Scorecard = GOOD, attempt: int = 1, training: Training = ALIVE, **gate):
    return judge(Case(card=card, training=training, gate=Gate(**gate), attempt=attempt, events=3))


def compared(**changes) -> Scorecard:
    return replace(GOOD, comparisons=replace(COMPARED, **changes))


def in_the_way(card: Scorecard, **gate) -> dict[str, Finding]:
    return {rule.name: rule.finding for rule in verdict(card, **gate).rules if not rule.passed}


FAILED, UNDECIDED = Finding.FAILED, Finding.UNDECIDED


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
        ({"gain_nll": means(0.05)}, {"gain in NLL": UNDECIDED}),
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


SLIDE = "retention since promotion"
FREE = {"recall": None, "gained_before": means(2.0)}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        (FREE | {"kept": means(0.3)}, {}),
        (FREE | {"kept": means(0.01)}, {"retention": UNDECIDED}),
        (FREE | {"kept": means(-0.3)}, {"retention": FAILED}),
        (FREE | {"kept": means(0.3), "gained_before": means(0.01)}, {"retention": UNDECIDED}),
        ({"kept": means(0.01), "gained_before": means(0.01)}, {"retention": UNDECIDED}),
        ({"kept": means(0.01, n=20), "gained_before": means(0.01, n=20)}, {}),
        ({"kept": means(-6.0), "gained_before": means(0.01)}, {"retention": FAILED}),
        (FREE | {"kept": means(-6.0), "gained_before": means(-0.5)}, {"retention": FAILED}),
        ({"kept": means(-0.3), "gained_before": means(2.0)}, {"retention": FAILED}),
        ({"kept": means(0.01, n=20), "gained_before": means(2.0, n=20)}, {}),
    ],
)
def test_what_has_no_right_answer_is_kept_by_its_gain_over_the_base(changes, rules):
    """Where the parent had gained nothing that can be seen there is nothing to measure by: that blocks, unless so few
    items, beside more right answers, only veto."""
    assert in_the_way(compared(**changes)) == rules


HAD = means(2.0)
SINCE = FREE | {"kept": means(0.3), "gained_then": means(2.0), "since": None, "since_by_suite": ()}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"kept_since": means(0.3)}, {}),
        ({"kept_since": means(0.01)}, {SLIDE: UNDECIDED}),
        ({"kept_since": means(-0.3)}, {SLIDE: FAILED}),
        (
            {"kept_since": means(0.3), "kept_since_by_suite": ((0, means(0.4), HAD), (1, means(-0.3), HAD))},
            {"retention of g001 since its promotion": FAILED},
        ),
        ({"kept_since": means(0.3), "kept_since_by_suite": ((0, means(0.4), HAD), (1, means(0.01), HAD))}, {}),
        ({"kept_since": means(0.3), "gained_then": means(0.01)}, {SLIDE: UNDECIDED}),
    ],
)
def test_a_slow_slide_of_what_has_no_right_answer_adds_up(changes, rules):
    """And one suite alone only stands in the way: it has few items."""
    assert in_the_way(compared(**SINCE | changes)) == rules


@pytest.mark.parametrize("n", [1, 5, 20, 29])
def test_a_few_right_answers_beside_many_free_form_items_do_not_block_for_ever(n):
    """However alike they are answered, so few never show a margin."""
    few = {"recall": shares(0, 0, n), "since": shares(0, 0, n), "since_by_suite": ((0, shares(0, 0, n)),)}
    free = {"kept": means(0.3), "gained_before": means(2.0)}
    assert in_the_way(compared(**few, **free)) == {}
    passed = {rule.name for rule in verdict(compared(**few, **free)).rules if rule.only_veto}
    assert passed == {"recall against parent", "recall since promotion"}
    lost = {"since": shares(0, n, n), "since_by_suite": ((0, shares(0, n, n)),)}
    assert n == 1 or "recall since promotion" in in_the_way(compared(**few | lost, **free))


@pytest.mark.parametrize(("parent", "finding"), [(0.0, Finding.NOT_APPLICABLE), (0.6, Finding.PASSED)])
def test_where_nothing_can_be_lost_a_suite_shows_nothing(parent, finding):
    """All of 60 questions are beyond the parent: to be no worse than that by ten points is no merit."""
    mine = replace(standing("mine"), parent=figure(parent, 60), parent_comparison=means(0.0, 0.02))
    (rule,) = (it for it in verdict(replace(GOOD, standing=(mine,))).rules if it.name == "mine against parent")
    assert (rule.finding, rule.power is None) == (finding, finding == Finding.NOT_APPLICABLE)


@pytest.mark.parametrize(("items", "rules"), [(40, {"balance": UNDECIDED}), (12, {})])
def test_labels_that_so_few_items_cannot_tell_apart_are_undecided(items, rules):
    """And still fewer, beside more new items of other sorts, only veto."""
    told = Figure(value=0.8, n=items, low=0.6, high=1.0)
    balance = Balance(generation=3, items=items, labels=4, balanced=told, spread=0.9)
    assert in_the_way(replace(GOOD, balances=(balance,))) == rules


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


def test_the_power_of_retention_is_that_of_a_child_that_keeps_all_that_was_gained():
    """It is measured in nats of what the parent had gained, not in the points of `margin`."""
    found = {}
    for gained in (0.5, 2.0):
        rules = verdict(compared(recall=None, kept=means(0.2, 0.1), gained_before=means(gained)), margin=0.01).rules
        (found[gained],) = (rule.power for rule in rules if rule.name == "retention")
    assert found[0.5] < 0.3 < 0.9 < found[2.0]


def test_one_cluster_has_no_bounds_in_words_either():
    alone = Comparison(n=1, clusters=1, difference=0.2, error=None)
    (words,) = (rule.words for rule in verdict(compared(gain_nll=alone)).rules if rule.name == "gain in NLL")
    assert "no bounds of one cluster alone (n = 1)" in words
    assert "inf" not in words


def test_a_majority_class_is_no_skill():
    """90 of 100 items have one label: always saying it is right 90 times of 100."""
    always = Balance(generation=3, items=100, labels=2, balanced=figure(0.5), spread=0.0)
    told = Balance(generation=3, items=100, labels=2, balanced=figure(0.91), spread=1.0)
    assert in_the_way(replace(GOOD, balances=(always,))) == {"balance": FAILED}
    assert in_the_way(replace(GOOD, balances=(told,))) == {}


@pytest.mark.parametrize(
    ("lost", "rules"), [(means(-0.5, 0.2), {"balance of g001": FAILED}), (means(-0.5, 0.5), {}), (means(-0.05), {})]
)
def test_a_child_that_tells_the_labels_of_an_earlier_suite_apart_no_longer_is_rejected(lost, rules):
    """Beyond noise, and by more than a suite may slide: where one label is rare few right answers are lost with it."""
    of_old = Balance(generation=1, items=300, labels=2, balanced=figure(0.5), spread=0.0, beside_parent=lost)
    assert in_the_way(replace(GOOD, balances=(of_old,))) == rules


def test_of_two_new_suites_with_labels_each_has_a_rule_by_its_name():
    two = tuple(Balance(generation=g, items=90, labels=2, balanced=figure(0.5), spread=0.0) for g in (2, 3))
    assert in_the_way(replace(GOOD, balances=two)) == {"balance of g002": FAILED, "balance of g003": FAILED}


WORSE = means(-0.5)
"""What is worse than the base."""


@pytest.mark.parametrize(("child", "finding"), [(0.0, UNDECIDED), (0.2, UNDECIDED), (-0.4, FAILED)])
def test_who_had_gained_less_than_nothing_asks_for_no_share_of_it(child, finding):
    """The child's loss itself is refused, and to be like a parent that is worse than the base is none."""
    kept = means(child + 0.2 * WORSE.difference)
    free = {"recall": None, "since": None, "since_by_suite": (), "kept": kept, "gained_before": WORSE}
    assert in_the_way(compared(**free)) == {"retention": finding}
    alone = compared(kept_since_by_suite=((0, means(child + 0.4 * WORSE.difference), WORSE),))
    assert in_the_way(alone) == ({"retention of g000 since its promotion": FAILED} if finding == FAILED else {})


@pytest.mark.parametrize(
    ("balanced", "rules"),
    [(figure(0.5), {"balance": FAILED}), (Figure(value=0.58, n=90, low=0.4, high=0.7), {"balance": FAILED}),
     (Figure(value=0.83, n=90, low=0.7, high=1.0), {}), (figure(0.95), {})],
)  # fmt: skip
def test_who_says_one_of_a_few_answers_to_everything_is_rejected_though_nobody_called_them_labels(balanced, rules):
    """84 of 90 right with one of two answers. Where the rarer is only told badly nothing blocks for ever."""
    few = Balance(generation=3, items=90, labels=2, balanced=balanced, spread=None, only_veto=True)
    assert in_the_way(replace(GOOD, balances=(few,))) == rules


def test_one_cluster_of_new_items_is_told_that_further_ones_would_decide():
    alone = Comparison(n=3, clusters=1, difference=0.2, error=None)
    (words,) = (rule.words for rule in verdict(compared(gain=None, gain_nll=alone)).rules if rule.name == "gain in NLL")
    assert words.endswith("these items cannot tell, further ones would")


def test_bounds_of_right_answers_lie_between_all_and_none():
    few = Comparison(n=4, clusters=2, difference=0.0, error=0.4)
    rules = verdict(replace(GOOD, standing=(replace(standing("general"), parent_comparison=few),))).rules
    (words,) = (rule.words for rule in rules if rule.name == "general against parent")
    assert "bounds -100.0 to +100.0" in words


def test_one_label_alone_shows_nothing_and_breaks_nothing():
    """Of two labels the rarer may not be among so few items as are asked: nothing that a model can mend."""
    alone = Balance(generation=3, items=100, labels=1, balanced=figure(1.0), spread=1.0)
    assert in_the_way(replace(GOOD, balances=(alone,))) == {"balance": UNDECIDED}


def test_at_the_first_rung_recall_does_not_apply_and_blocks_nothing():
    none = Comparisons(gain=COMPARED.gain, gain_nll=COMPARED.gain_nll)
    recall = {"recall": NOT_APPLICABLE, "recall_parent": NOT_APPLICABLE, "recall_is": "not applicable"}
    first = verdict(replace(GOOD, comparisons=none, **recall))
    assert first.outcome == Outcome.PROMOTED
    found = {rule.name for rule in first.rules if rule.finding == Finding.NOT_APPLICABLE}
    assert found == {"recall floor", "recall against parent", "retention", "recall since promotion", SLIDE}


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
    assert in_the_way(same) == {"gain": FAILED, "gain in NLL": FAILED}


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
