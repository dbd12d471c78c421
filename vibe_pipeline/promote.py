"""Scorecard → verdict: pure functions, one per rule. Promoted when every rule is met, rejected when one is broken, and
undecided when the items cannot tell.

Fails closed: what is missing is broken, not skipped. Not applicable (no earlier suite at the first rung) is not
missing. All rules must be met, so each may be wrong as often as the whole (an intersection–union test, Berger 1982): no
correction over rules. Repeated attempts at a generation share one level. Training loss is never a criterion, held-out
NLL beside enough right answers is only a veto. Why these rules: docs/decisions/0018-the-gate-is-a-test.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from vibe_pipeline import paired
from vibe_pipeline.records import (
    Comparison,
    Figure,
    Finding,
    Outcome,
    Rule,
    Scorecard,
    Standing,
    Training,
    Verdict,
    generation_name,
)
from vibe_pipeline.settings import Gate

DECIDES = 30
"""Items that decide by themselves; fewer, beside more of another sort, only veto."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is judged: the scorecard, how its adapter was trained, by which gate, at which attempt."""

    card: Scorecard
    training: Training
    gate: Gate
    attempt: int = 1
    events: int = 0
    """Of the ledger's chain, whose hashes were all right."""

    @property
    def level(self) -> float:
        """How often a rule may be wrong in this attempt."""
        return self.gate.level_of(self.attempt)


def judge(case: Case) -> Verdict:
    """The verdict on one adapter, with every rule and its numbers in words."""
    if not any(part.is_new and part.items for part in case.card.parts):
        words = "no held-out item came with this generation, so nothing can be shown; open larger generations"
        return Verdict(outcome=Outcome.UNDECIDED, rules=(Rule(name="items", finding=Finding.UNDECIDED, words=words),))
    rules = tuple(rule for rules in RULES for rule in rules(case))
    return Verdict(outcome=_outcome({rule.finding for rule in rules}), rules=rules)


def skipped(why: str) -> Verdict:
    """The verdict on a generation that holds nothing to learn for this lineage."""
    rule = Rule(name="delta", finding=Finding.NOT_APPLICABLE, words=why)
    return Verdict(outcome=Outcome.SKIPPED, rules=(rule,))


def _outcome(findings: set[Finding]) -> Outcome:
    if Finding.FAILED in findings:
        return Outcome.REJECTED
    return Outcome.UNDECIDED if Finding.UNDECIDED in findings else Outcome.PROMOTED


def _complete(case: Case) -> Iterator[Rule]:
    """Every item has a score from every model that is compared."""
    there = case.card.asked - case.card.missing
    words = f"complete: {there:,} of {case.card.asked:,} scores are there"
    yield _plain("complete", there == case.card.asked and case.card.asked > 0, words)


def _alive(case: Case) -> Iterator[Rule]:
    """The adapter really learned something, and the ledger that says so is whole."""
    it = case.training
    numbers = (it.loss_start, it.loss_end, it.adapter_change, it.gradient_norm_max)
    is_good = all(map(math.isfinite, numbers)) and it.steps > 0 and it.label_tokens > 0 and it.adapter_change > 0
    words = (
        f"liveness: {it.steps} steps on {it.label_tokens:,} label tokens, loss {it.loss_start:.2f} → "
        f"{it.loss_end:.2f}, adapter moved by {it.adapter_change:.3g}; the ledger's {case.events} events are whole"
    )
    yield _plain("liveness", is_good, words)


def _recall_floor(case: Case) -> Iterator[Rule]:
    """Exact recall above the floor; free-form recall has none."""
    yield _floor("recall floor", case.card.recall, case.card.recall_is, case.gate.recall_floor)


def _recall_parent(case: Case) -> Iterator[Rule]:
    """Right answers to earlier suites: shown to be at most the margin fewer than the parent's."""
    its, margin = case.card.comparisons, case.gate.margin
    yield _not_worse(case, "recall against parent", its.recall, margin, only_veto=_too_few(its.recall, its.kept))


def _retention(case: Case) -> Iterator[Rule]:
    """What the parent had gained on earlier free-form items is shown to be kept, but for the margin."""
    its, name, share = case.card.comparisons, "retention", 1 - case.gate.retention_margin
    if its.kept is None or its.gained_before is None:
        yield _not_applicable(name, "no earlier free-form item")
        return
    gained, only_veto = its.gained_before, _too_few(its.kept, its.recall)
    if paired.low(gained, case.level) <= 0:
        words = (
            f"retention: the parent's own gain on earlier free-form items cannot be told from none "
            f"({gained.difference:.3f} nats a token, n = {gained.n}), so there is nothing to measure what is kept by"
        )
        decided = only_veto or (its.recall is not None and its.recall.n >= DECIDES)
        yield Rule(name=name, finding=Finding.NOT_APPLICABLE if decided else Finding.UNDECIDED, words=words, n=gained.n)
        return
    it = its.kept
    low, high = paired.low(it, case.level), paired.high(it, case.level)
    finding = Finding.PASSED if low > 0 else Finding.FAILED if high < 0 else Finding.UNDECIDED
    words = (
        f"retention: {it.difference:+.3f} nats a token beside {share:.0%} of what the parent had gained, "
        f"{_interval(low, high, '.3f')} (n = {_count(it)})"
    )
    harmless = case.gate.retention_margin * gained.difference
    told = _told(case, name, it, finding, words, limit=0.0, margin=0.0, truth=it.difference, only_veto=only_veto)
    yield replace(told, power=paired.power(it, case.level, 0.0, harmless))


def _recall_since(case: Case) -> Iterator[Rule]:
    """Recall of earlier suites beside that of the champions of their own generations: a slow slide adds up."""
    its, margin = case.card.comparisons, case.gate.slide_margin
    yield _not_worse(case, "recall since promotion", its.since, margin, only_veto=False)
    for generation, it in its.since_by_suite:
        level = case.level / len(its.since_by_suite)
        if it.difference <= -margin and paired.high(it, level) < 0:
            name = f"recall of {generation_name(generation)} since its promotion"
            yield _not_worse(case, name, it, margin, level=level)


def _generalization_floor(case: Case) -> Iterator[Rule]:
    """Exact generalization above the floor; free-form parts have none."""
    card = case.card
    yield _floor("generalization floor", card.generalization, card.generalization_is, case.gate.generalization_floor)


def _balance(case: Case) -> Iterator[Rule]:
    """Labels are told apart: whoever always says the commonest is right often, and of no use."""
    for it in case.card.balances:
        if it.labels < 2:
            words = (
                f"balance: the {it.items} labelled items of {generation_name(it.generation)} that were asked have one "
                "label, so nothing shows whether labels are told apart; raise gate.new_items"
            )
            yield Rule(name="balance", finding=Finding.UNDECIDED, words=words, n=it.items)
            continue
        floor = max(case.gate.generalization_floor, 1 / it.labels)
        words = (
            f"balance: {_show(it.balanced)} over the {it.labels} labels of {generation_name(it.generation)}, floor "
            f"{floor:.2f}; its predictions have {it.spread:.0%} of the spread of the answers"
        )
        yield _plain("balance", it.balanced.value > floor, words)


def _gain(case: Case) -> Iterator[Rule]:
    """New items are answered better than by the parent, beyond noise: right answers, and the NLL of free-form ones."""
    its = case.card.comparisons
    if its.gain is None and its.gain_nll is None:
        yield _plain("gain", False, "gain: no new item has a score of both parent and child")
    if its.gain is not None:
        more = "more" if its.gain.difference >= 0 else "fewer"
        words = f"{abs(100 * its.gain.difference):.1f} points {more} of the new items are right than with the parent"
        yield _better(case, "gain", its.gain, words, "{:.1f}", 100, only_veto=_too_few(its.gain, its.gain_nll))
    if its.gain_nll is not None:
        words = f"the new items are likelier than to the parent by {its.gain_nll.difference:.3f} nats a token"
        only_veto = its.gain is not None and _too_few(its.gain_nll, its.gain)
        yield _better(case, "gain in NLL", its.gain_nll, words, "{:.3f}", 1, only_veto=only_veto)


def _standing(case: Case) -> Iterator[Rule]:
    """Base abilities, and suites of one's own: not worse than the parent by the margin; they nor than the base."""
    for it in case.card.standing:
        yield _stands(case, it, "parent", it.parent_comparison)
        if it.name == "general":
            yield _stands(case, it, "base", it.base_comparison)


def _stands(case: Case, it: Standing, other: str, compared: Comparison | None) -> Rule:
    """Of a suite that leaked into training, what is left decides; nothing is left to decide where all of it did."""
    name, left_out = (
        f"{it.name} against {other}",
        f"{len(it.trained_on)} of {it.items + len(it.trained_on)} items were trained on",
    )
    if it.trained_on and not it.items:
        words = f"{name}: {left_out}, so nothing can be shown; write others"
        return Rule(name=name, finding=Finding.UNDECIDED, words=words)
    if compared is None:
        return _plain(name, False, f"{name}: no item has a score of both")
    rule = _not_worse(case, name, compared, case.gate.general_margin)
    return replace(rule, words=f"{rule.words}; {left_out}, and left out") if it.trained_on else rule


def _style(case: Case) -> Iterator[Rule]:
    """Corporate answers to the tone probes below the limit."""
    count, probes = sum(bool(phrase) for _, _, phrase in case.card.tone), case.card.style_drift.n
    limit = case.gate.corporate_limit
    words = f"style: {count} of {probes} tone probes answered with a corporate phrase, limit {limit}"
    yield _plain("style", probes > 0 and count < limit, words)


RULES: tuple[Callable[[Case], Iterable[Rule]], ...] = (
    _complete,
    _alive,
    _recall_floor,
    _recall_parent,
    _retention,
    _recall_since,
    _generalization_floor,
    _balance,
    _gain,
    _standing,
    _style,
)


def _plain(name: str, is_met: bool, words: str) -> Rule:
    return Rule(name=name, finding=Finding.PASSED if is_met else Finding.FAILED, words=words)


def _not_applicable(name: str, why: str) -> Rule:
    return Rule(name=name, finding=Finding.NOT_APPLICABLE, words=f"{name}: not applicable, {why}")


def _floor(name: str, figure: Figure, figure_is: str, floor: float) -> Rule:
    """A point estimate above a floor."""
    if figure_is != "exact":
        return _not_applicable(name, f"{figure_is.replace('not applicable', 'no item')} has no floor")
    is_above = figure.n > 0 and (figure.value > floor or floor == 0)
    words = f"{name}: {_show(figure)}, {'above' if is_above else 'not above'} {floor:.2f}"
    words = words if figure.n else f"{name}: no item has a score, so nothing is above {floor:.2f}"
    finding = Finding.PASSED if is_above else Finding.FAILED
    return Rule(name=name, finding=finding, words=words, limit=floor, n=figure.n)


def _not_worse(
    case: Case,
    name: str,
    it: Comparison | None,
    margin: float,
    *,
    only_veto: bool = False,
    level: float | None = None,
) -> Rule:
    """Non-inferiority: the lower bound of the difference lies not below −margin. Broken where the difference itself
    does, and is a loss beyond noise."""
    if it is None:
        return _not_applicable(name, "no earlier item")
    level = level or case.level
    low, high = paired.low(it, level), paired.high(it, level)
    is_lost = it.difference <= -margin and high < 0
    finding = Finding.PASSED if low >= -margin else Finding.FAILED if is_lost else Finding.UNDECIDED
    words = (
        f"{name}: {_points(it.difference)}, {_interval(100 * low, 100 * high, '.1f')} (n = {_count(it)}); "
        f"at most {100 * margin:.0f} lower is allowed"
    )
    return _told(case, name, it, finding, words, -margin, margin, it.difference, only_veto=only_veto, level=level)


def _better(case: Case, name: str, it: Comparison, said: str, form: str, unit: float, *, only_veto: bool) -> Rule:
    """Superiority: the lower bound of the difference lies above 0. Broken where there is no gain on these items."""
    low, high = paired.low(it, case.level), paired.high(it, case.level)
    finding = Finding.PASSED if low > 0 else Finding.FAILED if it.difference <= 0 else Finding.UNDECIDED
    if only_veto and high >= 0 and finding == Finding.FAILED:
        finding = Finding.UNDECIDED
    words = f"{name}: {said}, {_interval(unit * low, unit * high, form[2:-1])} (n = {_count(it)})"
    return _told(case, name, it, finding, words, 0.0, 0.0, it.difference, only_veto=only_veto)


def _told(
    case: Case,
    name: str,
    it: Comparison,
    finding: Finding,
    words: str,
    limit: float,
    margin: float,
    truth: float,
    *,
    only_veto: bool = False,
    level: float | None = None,
) -> Rule:
    """A rule with all its numbers; one that is undecided says what would decide it, one that only vetoes passes."""
    level = level or case.level
    needed = None
    if only_veto and finding != Finding.FAILED:
        finding, words = Finding.PASSED, f"{words}; so few only veto"
    if finding == Finding.UNDECIDED:
        needed = paired.items_needed(it, level, margin, truth)
        would = f"about {needed:,} items would" if needed else "no number of items would, if it stays what it is"
        words = f"{words}: these items cannot tell, {would}"
    return Rule(
        name=name,
        finding=finding,
        words=words,
        limit=limit,
        difference=it.difference,
        low=_finite(paired.low(it, level)),
        high=_finite(paired.high(it, level)),
        n=it.n,
        clusters=it.clusters,
        level=level,
        power=paired.power(it, level, margin or case.gate.margin),
        items_needed=needed,
    )


def _too_few(these: Comparison | None, others: Comparison | None) -> bool:
    """Whether some items only veto beside others, of which there are more."""
    return these is not None and others is not None and these.n < min(DECIDES, others.n)


def _finite(bound: float) -> float | None:
    """One cluster has no bounds."""
    return bound if math.isfinite(bound) else None


def _points(difference: float) -> str:
    return f"{abs(100 * difference):.1f} points {'lower' if difference < 0 else 'higher'}"


def _interval(low: float, high: float, form: str) -> str:
    return f"bounds {low:+{form}} to {high:+{form}}" if math.isfinite(high - low) else "no bounds of one cluster alone"


def _count(it: Comparison) -> str:
    return f"{it.n}" if it.clusters == it.n else f"{it.n} in {it.clusters} clusters"


def _show(figure: Figure) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}] (n = {figure.n})"
