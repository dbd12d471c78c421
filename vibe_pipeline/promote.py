"""Scorecard → verdict: pure functions, one per rule. Promoted when every rule is met, rejected when one is broken, and
undecided when the items cannot tell.

Fails closed: what is missing is broken, not skipped. Not applicable (no earlier suite at the first rung) is not
missing. All rules must be met, so each may be wrong as often as the whole (an intersection–union test, Berger 1982): no
correction over rules. Repeated attempts at a generation share one level. Training loss is never a criterion, held-out
NLL beside enough right answers is only a veto. Why these rules: docs/decisions/0018-the-gate-is-a-test.md. Not here:
how a comparison is tested and told (ruling.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from vibe_pipeline import ruling
from vibe_pipeline.judgement import DECIDES, Balance, Comparison, Finding, Outcome, Rule, Scorecard, Standing, Verdict
from vibe_pipeline.records import Training, generation_name
from vibe_pipeline.ruling import NATS, POINTS, Question
from vibe_pipeline.settings import Gate

NO_FREE = "no earlier free-form item"

SHOWS = 60
"""Items of a label with which a harmless child is mostly shown to tell it as before; of fewer what was measured is
enough."""

SO_FEW = "so few only veto"
BESIDE = "beside right answers to the same items it only vetoes"


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
    words = f"{there:,} of {case.card.asked:,} scores are there"
    yield ruling.plain("complete", there == case.card.asked and case.card.asked > 0, words)


def _alive(case: Case) -> Iterator[Rule]:
    """The adapter really learned something, and the ledger that says so is whole."""
    it = case.training
    numbers = (it.loss_start, it.loss_end, it.adapter_change, it.gradient_norm_max)
    is_good = all(map(math.isfinite, numbers)) and it.steps > 0 and it.label_tokens > 0 and it.adapter_change > 0
    words = (
        f"{it.steps} steps on {it.label_tokens:,} label tokens, loss {it.loss_start:.2f} → {it.loss_end:.2f}, adapter "
        f"moved by {it.adapter_change:.3g}; the ledger's {case.events} events are whole"
    )
    yield ruling.plain("liveness", is_good, words)


def _recall_floor(case: Case) -> Iterator[Rule]:
    """Exact recall above the floor; free-form recall has none."""
    yield ruling.above("recall floor", case.card.recall, case.card.recall_is, case.gate.recall_floor)


def _recall_parent(case: Case) -> Iterator[Rule]:
    """Right answers to earlier suites: shown to be at most the margin fewer than the parent's."""
    its = case.card.comparisons
    yield _on_earlier(case, "recall against parent", its.recall, case.gate.margin, _too_few(its.recall, its.kept))


def _retention(case: Case) -> Iterator[Rule]:
    """What the parent had gained on earlier free-form items is shown to be kept, but for the margin."""
    its, margin = case.card.comparisons, case.gate.retention_margin
    if its.kept is None or its.gained_before is None:
        yield ruling.not_applicable("retention", NO_FREE)
        return
    asked = Question("retention", its.kept, case.level, only_veto=_too_few(its.kept, its.recall))
    yield ruling.kept(asked, its.gained_before, margin, "the parent")


def _recall_since(case: Case) -> Iterator[Rule]:
    """Recall of earlier suites beside that of the champions of their own generations: a slow slide adds up."""
    its, margin = case.card.comparisons, case.gate.slide_margin
    yield _on_earlier(case, "recall since promotion", its.since, margin, _too_few(its.since, its.kept))
    level = case.level / max(1, len(its.since_by_suite))
    for generation, it in its.since_by_suite:
        name = f"recall of {generation_name(generation)} since its promotion"
        yield from _veto(ruling.not_worse(Question(name, it, level, margin)))


def _retention_since(case: Case) -> Iterator[Rule]:
    """The same of what the champions of their own generations had gained on each suite: a slow slide adds up."""
    its, margin, whose = case.card.comparisons, case.gate.retention_slide_margin, "the champion of its own generation"
    name, few = "retention since promotion", _too_few(its.kept_since, its.since)
    if its.kept_since is None or its.gained_then is None:
        yield ruling.not_applicable(name, NO_FREE)
    else:
        yield ruling.kept(Question(name, its.kept_since, case.level, only_veto=few), its.gained_then, margin, whose)
    level = case.level / max(1, len(its.kept_since_by_suite))
    for generation, it, had in its.kept_since_by_suite:
        name = f"retention of {generation_name(generation)} since its promotion"
        yield from _veto(ruling.kept(Question(name, it, level), had, margin, whose))


def _generalization_floor(case: Case) -> Iterator[Rule]:
    """Exact generalization above the floor; free-form parts have none."""
    card, floor = case.card, case.gate.generalization_floor
    yield ruling.above("generalization floor", card.generalization, card.generalization_is, floor)


def _balance(case: Case) -> Iterator[Rule]:
    """Labels are told apart: whoever always says the commonest is right often, and of no use. Of an earlier suite only
    what became of it since the parent: where labels are unequal few answers are lost with it."""
    old = [(it, beside) for it in case.card.balances if (beside := it.beside_parent)]
    for it, beside in old:
        name = f"balance of {generation_name(it.generation)}"
        yield from _veto(ruling.not_worse(Question(name, beside, case.level / len(old), case.gate.slide_margin)))
    if case.card.comparisons.balance is not None:
        yield _still_told_apart(case, case.card.comparisons.balance)
    new = [it for it in case.card.balances if it.beside_parent is None]
    for it in new:
        yield _told_apart(case, it, "balance" if len(new) == 1 else f"balance of {generation_name(it.generation)}")


def _told_apart(case: Case, it: Balance, name: str) -> Rule:
    """Above the floor; broken where that is shown not to be so, or that it is nearer to chance than to all."""
    suite, chance = generation_name(it.generation), 1 / it.labels
    others = sum(part.items for part in case.card.parts if part.is_new) - it.items
    only_veto = it.only_veto or it.items < min(DECIDES, others)
    if it.labels < 2 and only_veto:
        return ruling.not_applicable(name, f"what was asked of {suite} has one label (n = {it.items})")
    if it.labels < 2:
        words = (
            f"what was asked of {suite} has one label (n = {it.items}), so nothing shows whether labels are told "
            "apart; larger generations bring more"
        )
        return ruling.undecided(name, words, it.items)
    floor = max(case.gate.generalization_floor, chance)
    words = f"{ruling.shown(it.balanced)} over the {it.labels} labels of {suite}, floor {floor:.2f}"
    if it.spread is not None:
        words += f"; its predictions have {it.spread:.0%} of the spread of the answers"
    is_chance = it.balanced.value <= chance and it.balanced.high < (1 + chance) / 2
    finding = Finding.PASSED if it.balanced.value > floor or only_veto else Finding.UNDECIDED
    if it.balanced.high < floor or is_chance:
        finding = Finding.FAILED
    elif it.balanced.value <= floor:
        words += f"; {SO_FEW}" if only_veto else "; more labelled items would tell"
    return Rule(name=name, finding=finding, words=f"{name}: {words}", limit=floor, n=it.items)


def _still_told_apart(case: Case, it: Comparison) -> Rule:
    """Of all earlier suites together. A label that few items have can hardly be shown to be told as before: then it is
    enough that what was measured is no loss of the margin."""
    margin, few = case.gate.slide_margin, case.card.comparisons.of_rarest
    is_near = few < SHOWS and it.difference > -margin
    asked = Question("balance against parent", it, case.level, margin, SO_FEW if is_near else "")
    rule = ruling.not_worse(asked)
    if rule.finding == Finding.UNDECIDED and few < SHOWS:  # of all together no number may do
        words = f"{asked.name}: {asked.moved()}; of the rarest label there are {few}, and more would tell"
        return replace(rule, words=words, items_needed=None)
    return replace(rule, words=f"{rule.words}; items of the rarest label: {few}")


def _gain(case: Case) -> Iterator[Rule]:
    """New items are answered better than by the parent, beyond noise: right answers, and the NLL of free-form ones."""
    its, notable = case.card.comparisons, case.gate.margin
    if its.gain is None and its.gain_nll is None:
        yield ruling.plain("gain", False, "no new item has a score of both parent and child")
    if its.gain is not None:
        asked = Question("gain", its.gain, case.level, only_veto=_too_few(its.gain, its.gain_nll))
        more = "more" if its.gain.difference >= 0 else "fewer"
        words = f"{abs(100 * its.gain.difference):.1f} points {more} of the new items are right than with the parent"
        yield ruling.better(asked, words, POINTS, notable)
    if its.gain_nll is not None:
        is_of_the_same = not any(part.is_new and part.items and not part.is_exact for part in case.card.parts)
        is_shown = its.gain is not None and is_of_the_same and its.gain.n >= DECIDES
        only_veto = BESIDE if is_shown else _too_few(its.gain_nll, its.gain)
        asked = Question("gain in NLL", its.gain_nll, case.level, only_veto=only_veto)
        gained = its.gain_nll.difference
        likelier = "likelier" if gained >= 0 else "less likely"
        words = f"the new items are {likelier} than to the parent by {abs(gained):.3f} nats a token"
        yield ruling.better(asked, words, NATS, notable * its.nll_before)


def _standing(case: Case) -> Iterator[Rule]:
    """Base abilities, and suites of one's own: not worse than the parent by the margin; they nor than the base. A slow
    slide below the promoted ancestor that did best adds up: beyond twice the margin it stands in the way."""
    for it in case.card.standing:
        yield _stands(case, it, "parent", it.parent_comparison)
        if it.name == "general":
            yield _stands(case, it, "base", it.base_comparison)
        if it.best_comparison is not None:
            name, margin = f"{it.name} against its best", 2 * case.gate.general_margin
            yield from _veto(ruling.not_worse(Question(name, it.best_comparison, case.level, margin)))


def _stands(case: Case, it: Standing, other: str, compared: Comparison | None) -> Rule:
    """Of a suite that leaked into training, what is left decides; nothing is left to decide where all of it did."""
    name, leaked = f"{it.name} against {other}", len(it.trained_on)
    left_out = f"{leaked} of {it.items + leaked} items were trained on"
    if leaked and not it.items:
        return ruling.undecided(name, f"{left_out}, so nothing can be shown; write others")
    if compared is None:
        return ruling.plain(name, False, "no item has a score of both")
    rule = ruling.not_worse(Question(name, compared, case.level, case.gate.general_margin))
    return replace(rule, words=f"{rule.words}; {left_out}, and left out") if leaked else rule


def _style(case: Case) -> Iterator[Rule]:
    """Corporate answers to the tone probes below the limit."""
    count, probes = sum(bool(phrase) for _, _, phrase in case.card.tone), case.card.style_drift.n
    limit = case.gate.corporate_limit
    words = f"{count} of {probes} tone probes answered with a corporate phrase, limit {limit}"
    yield ruling.plain("style", probes > 0 and count < limit, words)


RULES: tuple[Callable[[Case], Iterable[Rule]], ...] = (
    _complete,
    _alive,
    _recall_floor,
    _recall_parent,
    _retention,
    _recall_since,
    _retention_since,
    _generalization_floor,
    _balance,
    _gain,
    _standing,
    _style,
)


def _on_earlier(case: Case, name: str, it: Comparison | None, margin: float, only_veto: str = "") -> Rule:
    """Not worse on items of earlier suites; the first rung has none."""
    if it is None:
        return ruling.not_applicable(name, "no earlier item with one right answer")
    return ruling.not_worse(Question(name, it, case.level, margin, only_veto))


def _veto(rule: Rule) -> Iterator[Rule]:
    """One suite alone has few items: it only stands in the way."""
    if rule.finding == Finding.FAILED:
        yield rule


def _too_few(these: Comparison | None, others: Comparison | None) -> str:
    """Whether some items only veto beside others, of which there are more: why, or nothing."""
    is_few = these is not None and others is not None and these.n < min(DECIDES, others.n)
    return SO_FEW if is_few else ""
