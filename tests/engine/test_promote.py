"""The gate on hand-made scorecards: each rule alone can block, and only what it is about."""

from dataclasses import replace

import pytest

from vibe_pipeline.evaluate.figures import NOT_APPLICABLE
from vibe_pipeline.promote import judge, skipped
from vibe_pipeline.records import Figure, Outcome, PartScore, Scorecard
from vibe_pipeline.settings import Gate

DEFAULTS = Gate()


def figure(value: float, n: int = 60) -> Figure:
    return Figure(value=value, n=n, low=max(0.0, value - 0.1), high=min(1.0, value + 0.1))


def part(*, is_new: bool, child: float = 0.5, parent: float = 2.0, n: int = 60, items: int = 60) -> PartScore:
    scores = {model: {"nll": figure(nll, n)} for model, nll in (("base", 3.0), ("parent", parent), ("child", child))}
    fixed = {"suite_sha": "s", "generation": 0, "part": "knowledge", "scorer": "x"}
    return PartScore(**fixed, is_new=is_new, items=items, **scores)


GOOD = Scorecard(
    adapter_sha="a",
    parts=(part(is_new=True), part(is_new=False)),
    recall=figure(0.95),
    recall_parent=figure(0.97),
    recall_is="exact",
    generalization=figure(0.9),
    generalization_parent=figure(0.3),
    generalization_base=figure(0.0),
    generalization_is="exact",
    style_drift=figure(0.1, 10),
    tone=tuple((f"q{n}", "a", "I'm sorry" if n < 1 else "") for n in range(10)),
    measured={},
)


def failed(card: Scorecard, gate: Gate = DEFAULTS) -> list[str]:
    return [rule.name for rule in judge(card, gate).rules if not rule.passed]


def test_a_good_scorecard_is_promoted():
    verdict = judge(GOOD, Gate())
    assert (verdict.outcome, failed(GOOD)) == (Outcome.PROMOTED, [])


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"recall": figure(0.90)}, ["recall floor"]),
        ({"recall": figure(0.91), "recall_parent": figure(1.0)}, []),
        ({"recall": figure(0.5), "recall_parent": figure(0.6), "recall_is": "retention"}, []),
        ({"recall": figure(0.89), "recall_parent": figure(1.0), "recall_is": "retention"}, ["recall against parent"]),
        ({"generalization": figure(0.85)}, ["generalization floor"]),
        ({"generalization": figure(0.4), "generalization_is": "beats base"}, []),
        ({"generalization": figure(0.9), "generalization_parent": figure(0.91)}, ["gain"]),
        ({"parts": (part(is_new=True, child=2.0, parent=2.0),)}, ["gain"]),
        ({"parts": (part(is_new=True), part(is_new=False, child=9.0))}, []),
        ({"parts": (part(is_new=True, n=59), part(is_new=False))}, ["complete"]),
        ({"parts": (part(is_new=True), part(is_new=False, n=59))}, ["complete"]),
        ({"tone": tuple(("q", "a", "As an AI") for _ in range(2))}, ["style"]),
    ],
)
def test_each_rule_blocks_alone_and_only_what_it_is_about(change, rules):
    card = replace(GOOD, **change)
    assert failed(card) == rules
    assert judge(card, Gate()).outcome == (Outcome.REJECTED if rules else Outcome.PROMOTED)


def test_a_recall_that_does_not_apply_blocks_nothing():
    card = replace(GOOD, recall=NOT_APPLICABLE, recall_parent=NOT_APPLICABLE, recall_is="not applicable")
    assert judge(card, Gate()).outcome == Outcome.PROMOTED


def test_a_recall_of_which_every_score_is_missing_blocks():
    """Missing looks like not applicable in its figure (1.0, n = 0), so it must not pass for it."""
    parts = (part(is_new=True), part(is_new=False, n=0))
    card = replace(GOOD, parts=parts, recall=NOT_APPLICABLE, recall_parent=NOT_APPLICABLE)
    assert judge(card, Gate()).outcome == Outcome.REJECTED


@pytest.mark.parametrize("model", ["base", "parent", "child"])
def test_a_score_missing_from_any_of_the_three_models_blocks(model):
    whole = part(is_new=True)
    card = replace(GOOD, parts=(replace(whole, **{model: {"nll": figure(0.5, 59)}}),))
    assert "complete" in failed(card)


@pytest.mark.parametrize("parts", [(), (part(is_new=False),)])
def test_without_a_new_item_nothing_is_decided(parts):
    verdict = judge(replace(GOOD, parts=parts), Gate())
    assert verdict.outcome == Outcome.UNDECIDED
    assert "no held-out item" in verdict.reasons[0]


def test_a_collapsed_model_is_rejected_however_well_it_keeps_its_tone():
    parts = (part(is_new=True, child=11.0), part(is_new=False, child=11.0))
    nothing = {"recall": figure(0.0), "generalization": figure(0.0), "style_drift": figure(0.0, 10)}
    card = replace(GOOD, parts=parts, tone=(("q", "!!!!", ""),) * 10, **nothing)
    assert failed(card) == ["recall floor", "recall against parent", "generalization floor", "gain"]


def test_the_nll_of_the_gain_is_weighted_by_items():
    many, few = part(is_new=True, child=1.9, n=90, items=90), part(is_new=True, child=2.5, n=10, items=10)
    assert judge(replace(GOOD, parts=(many, few)), Gate()).outcome == Outcome.PROMOTED
    assert failed(replace(GOOD, parts=(part(is_new=True, child=2.1, n=90, items=90), few))) == ["gain"]


def test_the_gate_is_what_the_settings_say():
    assert failed(GOOD, Gate(recall_floor=0.96)) == ["recall floor"]
    assert failed(GOOD, Gate(margin=0.01)) == ["recall against parent"]
    assert failed(GOOD, Gate(corporate_limit=1)) == ["style"]


def test_the_reasons_carry_the_numbers():
    (reason,) = judge(replace(GOOD, generalization=figure(0.5)), Gate()).reasons
    assert reason == "generalization 0.50 [0.40, 0.60] (n = 60), not above the floor of 0.85"


def test_nothing_to_learn_is_skipped_with_its_reason():
    verdict = skipped("g004 holds nothing to learn for main")
    assert (verdict.outcome, verdict.reasons) == (Outcome.SKIPPED, ("g004 holds nothing to learn for main",))
