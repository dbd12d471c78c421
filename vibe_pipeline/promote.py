"""Scorecard → verdict: pure functions, one per rule; all must pass.

Fails closed: a missing score blocks. Not applicable (no earlier suite at the first rung) is not missing and
does not block. Training loss is never a criterion. Without one held-out item the answer is undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vibe_pipeline.records import Figure, Outcome, PartScore, Rule, Scorecard, Verdict
from vibe_pipeline.settings import Gate


def judge(card: Scorecard, gate: Gate) -> Verdict:
    """The verdict on one adapter, with every rule and its numbers in words."""
    if not any(part.is_new for part in card.parts):
        words = "no held-out item came with this generation, so nothing can be shown; open larger generations"
        return Verdict(outcome=Outcome.UNDECIDED, rules=(Rule(name="items", passed=False, words=words),))
    rules = tuple(rule(card, gate) for rule in RULES)
    outcome = Outcome.PROMOTED if all(rule.passed for rule in rules) else Outcome.REJECTED
    return Verdict(outcome=outcome, rules=rules)


def skipped(why: str) -> Verdict:
    """The verdict on a generation that holds nothing to learn for this lineage."""
    return Verdict(outcome=Outcome.SKIPPED, rules=(Rule(name="delta", passed=True, words=why),))


def _complete(card: Scorecard, _: Gate) -> Rule:
    """Every item has a score from base, parent and child."""
    missing = sum(part.items - min(_scored(part)) for part in card.parts)
    total = sum(part.items for part in card.parts)
    return Rule(name="complete", passed=missing == 0, words=f"{total - missing} of {total} items have a score")


def _recall_floor(card: Scorecard, gate: Gate) -> Rule:
    """Exact recall above the floor; free-form recall has no floor."""
    if card.recall_is != "exact":
        return Rule(name="recall floor", passed=True, words=f"recall floor: {card.recall_is}, no floor applies")
    passed = card.recall.value > gate.recall_floor
    return Rule(
        name="recall floor", passed=passed, words=_against("recall", card.recall, "the floor", gate.recall_floor)
    )


def _recall_parent(card: Scorecard, gate: Gate) -> Rule:
    """Recall no more than the margin below the parent's on the same items."""
    if card.recall_is == "not applicable":
        return Rule(
            name="recall against parent", passed=True, words="recall against parent: not applicable, no earlier suite"
        )
    passed = card.recall.value >= card.recall_parent.value - gate.margin
    words = f"recall {_show(card.recall)}, parent {card.recall_parent.value:.2f}, margin {gate.margin:.2f}"
    return Rule(name="recall against parent", passed=passed, words=words)


def _generalization_floor(card: Scorecard, gate: Gate) -> Rule:
    """Exact generalization above the floor; free-form parts have none."""
    if card.generalization_is != "exact":
        words = f"generalization floor: {card.generalization_is}, no floor applies"
        return Rule(name="generalization floor", passed=True, words=words)
    passed = card.generalization.value > gate.generalization_floor
    words = _against("generalization", card.generalization, "the floor", gate.generalization_floor)
    return Rule(name="generalization floor", passed=passed, words=words)


def _gain(card: Scorecard, _: Gate) -> Rule:
    """The new items became likelier than they were to the parent, and no fewer are answered exactly."""
    new = [part for part in card.parts if part.is_new]
    child, parent = _nll(new, "child"), _nll(new, "parent")
    passed = child < parent and card.generalization.value >= card.generalization_parent.value
    words = (
        f"gain: NLL of the new items {child:.3f}, parent {parent:.3f} (n = {sum(part.items for part in new)}); "
        f"generalization {card.generalization.value:.2f}, parent {card.generalization_parent.value:.2f}"
    )
    return Rule(name="gain", passed=passed, words=words)


def _style(card: Scorecard, gate: Gate) -> Rule:
    """Corporate answers to the tone probes below the limit."""
    count = sum(bool(phrase) for _, _, phrase in card.tone)
    probes = card.style_drift.n
    words = f"style: {count} of {probes} tone probes answered with a corporate phrase, limit {gate.corporate_limit}"
    return Rule(name="style", passed=count < gate.corporate_limit, words=words)


RULES: tuple[Callable[[Scorecard, Gate], Rule], ...] = (
    _complete,
    _recall_floor,
    _recall_parent,
    _generalization_floor,
    _gain,
    _style,
)


def _scored(part: PartScore) -> Iterable[int]:
    return [model["nll"].n for model in (part.base, part.parent, part.child)]


def _nll(parts: list[PartScore], model: str) -> float:
    """Item-weighted mean NLL over parts, in nats a token."""
    figures = [getattr(part, model)["nll"] for part in parts]
    return sum(figure.value * figure.n for figure in figures) / max(1, sum(figure.n for figure in figures))


def _show(figure: Figure) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}] (n = {figure.n})"


def _against(name: str, figure: Figure, what: str, limit: float) -> str:
    verb = "above" if figure.value > limit else "not above"
    return f"{name} {_show(figure)}, {verb} {what} of {limit:.2f}"
