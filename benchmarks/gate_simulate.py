"""One simulated generation: items are drawn, asked as a rung asks them, and judged by the gate.

First some of the earlier items are asked, then as many as they say are wanted; what is compared and how it is judged
are paired.py and promote.py. A table of items through `wanted`, `scorecard` and `judge`, as in a rung, costs ten times
as much as the same comparisons without one: the figures come from the latter, and `by_table` is there so that each run
shows on some of its generations that both give the same verdict. Not here: which truths are simulated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import polars as pl

from benchmarks.gate_pool import Items
from vibe_pipeline.evaluate.sampling import MOST, planned, ranked, wanted
from vibe_pipeline.evaluate.scorecard import scorecard
from vibe_pipeline.judgement import Comparison, Comparisons, Figure, PartScore, Scorecard, Standing, Verdict
from vibe_pipeline.paired import compare_gains, compare_shares
from vibe_pipeline.promote import Case as Judged
from vibe_pipeline.promote import judge
from vibe_pipeline.records import Training
from vibe_pipeline.settings import Gate

MODELS = ("base", "parent", "child")

ALIVE = Training(
    adapter_sha="simulated",
    steps=100,
    learning_rate=8e-4,
    loss_start=3.0,
    loss_end=0.1,
    label_tokens=9000,
    tokens=20_000,
    loss_curve=(3.0, 0.1),
    gradient_norm_max=4.0,
    adapter_change=10.0,
    device="cpu",
    dtype="bfloat16",
    threads=1,
    stopped="complete",
    measured={},
)
"""Training that went well: it is not what is simulated."""

TONE = tuple((f"probe {number}", "an answer", "") for number in range(10))


@dataclass(frozen=True)
class Generation:
    """Items that a rung may ask: earlier ones, new ones, and differences on the general suite."""

    earlier: Items
    new: Items
    standing: tuple[Standing, ...] = ()


def in_turn(it: Items) -> Items:
    """Items of one suite in the order in which a rung asks them."""
    ids = [f"{place:06d}" for place in range(len(it))]
    table = pl.DataFrame(
        {"item_id": ids, "cluster": it.clusters}, schema_overrides={"cluster": pl.String}, strict=False
    )
    ordered = ranked(table.with_columns(suite_sha=pl.lit("s")).with_row_index("row"))
    return it.take(ordered["row"].to_numpy())


def asked(it: Items, gate: Gate, attempt: int = 1) -> Items:
    """Of earlier items those that a rung asks (exam.py): the first ones, or as many as they say are wanted."""
    first = it.take(slice(0, gate.first_items))
    needed = [count for _, count in planned(_earlier(first, gate), gate, gate.level_of(attempt))]
    more = min(max(int(count or MOST) + 1 for count in needed), gate.recall_items)
    return it.take(slice(0, max(len(first), more)))


def verdict(it: Generation, gate: Gate, attempt: int = 1) -> Verdict:
    """What the gate says of items that were asked."""
    its = _comparisons(it, gate)
    old, new = it.earlier, it.new
    card = Scorecard(
        adapter_sha="simulated",
        parts=tuple(_part(items, is_new) for items, is_new in ((new, True), (old, False))),
        recall=_share(old, 2),
        recall_parent=_share(old, 1),
        recall_is="exact" if old.is_exact else "retention",
        generalization=_share(new, 2),
        generalization_parent=_share(new, 1),
        generalization_base=_share(new, 0),
        generalization_is="exact" if new.is_exact else "beats base",
        style_drift=Figure(value=0.0, n=len(TONE), low=0.0, high=0.3),
        tone=TONE,
        measured={},
        comparisons=its,
        standing=it.standing,
        missing=0,
        asked=3 * (len(old) + len(new)) + (len(old) if old.is_exact else 0) + sum(3 * its.items for its in it.standing),
    )
    return judge(Judged(card=card, training=ALIVE, gate=gate, attempt=attempt))


def by_table(it: Generation, gate: Gate, attempt: int = 1) -> tuple[int, Verdict]:
    """How many earlier items a rung asks, and its verdict: through the tables and functions of a rung (exam.py)."""
    old, new = _table(it.earlier, is_new=False), _table(it.new, is_new=True)
    first = pl.concat([new, old.head(gate.first_items)])
    more = max(min(wanted(first, gate, math.inf, attempt), old.height), min(gate.first_items, old.height))
    card = scorecard("simulated", pl.concat([new, old.head(more)]), gate, TONE, standing=it.standing)
    return more, judge(Judged(card=card, training=ALIVE, gate=gate, attempt=attempt))


def _comparisons(it: Generation, gate: Gate) -> Comparisons:
    new = it.new
    lower = compare_gains(new.nll[:, 1] - new.nll[:, 2], new.clusters)
    return replace(_earlier(it.earlier, gate), gain=_shares(new, 1) if new.is_exact else None, gain_nll=lower)


def _earlier(old: Items, gate: Gate) -> Comparisons:
    if old.is_exact:
        since = _shares(old, 0)
        return Comparisons(recall=_shares(old, 1), since=since, since_by_suite=((0, since),))
    base, parent, child = old.nll.T  # the parent is the champion of old, too
    kept, since = (
        compare_gains(base - child - (1 - margin) * (base - parent), old.clusters, base - parent)
        for margin in (gate.retention_margin, gate.retention_slide_margin)
    )
    had = compare_gains(base - parent, old.clusters)
    return Comparisons(
        kept=kept, gained_before=had, kept_since=since, gained_then=had, kept_since_by_suite=((0, since, had),)
    )


def _shares(its: Items, other: int) -> Comparison:
    """The child beside the champion of old (0) or its parent (1)."""
    return compare_shares(its.exact[:, 2], its.exact[:, other], its.clusters)


def _share(its: Items, model: int) -> Figure:
    value = float(its.exact[:, model].mean())
    return Figure(value=value, n=len(its), low=0.0, high=1.0)


def _part(its: Items, is_new: bool) -> PartScore:
    fixed = {"suite_sha": "s", "generation": int(is_new), "part": "simulated", "scorer": "simulated"}
    nothing: dict[str, dict[str, Figure]] = {model: {} for model in MODELS}
    return PartScore(**fixed, is_new=is_new, is_exact=its.is_exact, items=len(its), **nothing)  # type: ignore[arg-type]


def _table(its: Items, *, is_new: bool) -> pl.DataFrame:
    """A `paired` table (evaluate/scorecard.py)."""
    then = its.exact[:, 0] if not is_new else [None] * len(its)
    columns = {"nll_then": its.nll[:, 1], "exact_then": then}
    for place, model in enumerate(MODELS):
        columns |= {f"nll_{model}": its.nll[:, place], f"exact_{model}": its.exact[:, place]}
    fixed = {"token_accuracy": 0.5, "seconds": 0.01}
    return pl.DataFrame(
        {"cluster": its.clusters, **columns},
        schema_overrides={"exact_then": pl.Boolean},
    ).with_columns(
        *(pl.lit(value).alias(f"{name}_{model}") for name, value in fixed.items() for model in MODELS),
        *(pl.col(f"nll_{model}").alias(f"score_{model}") for model in (*MODELS, "then")),
        cluster=pl.col("cluster").cast(pl.String),
        suite_sha=pl.lit("s"),
        generation=pl.lit(int(is_new)),
        is_new=pl.lit(is_new),
        part=pl.lit("knowledge" if its.is_exact else "behaviour"),
        scorer=pl.lit("simulated"),
        is_exact=pl.lit(its.is_exact),
        answer=pl.lit(None, pl.String),
        said_child=pl.lit(None, pl.String),
    )
