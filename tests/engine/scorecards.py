"""Hand-made scorecards for the tests of the gate: a good one, and what its rules find."""

from dataclasses import replace

from vibe_pipeline.judgement import (
    Comparison,
    Comparisons,
    Figure,
    Finding,
    PartScore,
    Scorecard,
    Standing,
)
from vibe_pipeline.promote import Case, judge
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
