"""A `paired` table of results → what the gate tests: the child beside its parent, beside the base, and beside the
champions of old. Items without a score are left out here, and counted as missing on the scorecard, which blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from vibe_pipeline.evaluate.figures import balanced, spread
from vibe_pipeline.evaluate.suites import LABELS
from vibe_pipeline.judgement import Balance, Comparison, Comparisons
from vibe_pipeline.paired import compare_gains, compare_means, compare_shares
from vibe_pipeline.settings import Gate

OFTEN = 5
"""Clusters whose answer it is, from which on an answer is taken for a label."""


def comparisons(table: pl.DataFrame, gate: Gate) -> Comparisons:
    """Of a table with nll_ and exact_ of base, parent and child, and exact_then where there are earlier items."""
    old, new = table.filter(~pl.col("is_new")), table.filter("is_new")
    free, told = old.filter(~pl.col("is_exact")), new.filter(~pl.col("is_exact"))
    told = new if told.is_empty() else told
    slide = gate.retention_slide_margin
    return Comparisons(
        recall=shares(old, "parent"),
        since=shares(old, "then"),
        since_by_suite=tuple((of, it) for of, rows in _by_generation(old) if (it := shares(rows, "then"))),
        kept=kept(free, "parent", gate.retention_margin),
        gained_before=gained(free, "parent"),
        kept_since=kept(free, "then", slide),
        gained_then=gained(free, "then"),
        kept_since_by_suite=tuple(
            (of, it, had)
            for of, rows in _by_generation(free)
            if (it := kept(rows, "then", slide)) and (had := gained(rows, "then"))
        ),
        gain=shares(new, "parent"),
        gain_nll=means(told, pl.col("nll_parent") - pl.col("nll_child")),
        nll_before=told.select(pl.col("nll_parent").mean().fill_null(0.0)).item(),
    )


def shares(rows: pl.DataFrame, other: str) -> Comparison | None:
    """Right answers of the child beside those of another model; None without an item that has one right answer."""
    if f"exact_{other}" not in rows.columns:
        return None
    both = rows.filter("is_exact").drop_nulls(["exact_child", f"exact_{other}"])
    if both.is_empty():
        return None
    return compare_shares(both["exact_child"].to_numpy(), both[f"exact_{other}"].to_numpy(), _clusters(both))


def means(rows: pl.DataFrame, difference: pl.Expr) -> Comparison | None:
    """The mean of a difference between models; None where no item was scored by all of them."""
    if not {*difference.meta.root_names()} <= {*rows.columns}:
        return None
    both = rows.select("cluster", difference=difference).drop_nulls("difference")
    return None if both.is_empty() else compare_gains(both["difference"].to_numpy(), _clusters(both))


def kept(free: pl.DataFrame, other: str, margin: float) -> Comparison | None:
    """What the child gained over the base on earlier free-form items, less the share of another's gain that it must
    have kept, in nats a token: a ratio's test as that of a linear contrast (Fieller 1954)."""
    must = (1 - margin) * (pl.col("nll_base") - pl.col(f"nll_{other}"))
    return means(free, pl.col("nll_base") - pl.col("nll_child") - must)


def gained(free: pl.DataFrame, model: str) -> Comparison | None:
    """What a model gained over the base on these items, in nats a token."""
    return means(free, pl.col("nll_base") - pl.col(f"nll_{model}"))


def balances(table: pl.DataFrame) -> tuple[Balance, ...]:
    """Whether the child tells the labels of each suite apart, and of an earlier one the parent. Labels are also answers
    that are those of many questions each: a model that says one of them to everything is often right."""
    parts = table.filter("is_exact").partition_by("part", maintain_order=True)
    return tuple(
        Balance(
            generation=generation,
            items=its.height,
            labels=its["answer"].n_unique(),
            balanced=balanced(its["answer"], its["exact_child"]),
            spread=spread(its["answer"], its["said_child"]) if is_called else None,
            beside_parent=None if its["is_new"].all() else _beside_parent(its),
            only_veto=not is_called,
        )
        for part in parts
        for generation, every in _by_generation(part)
        if not (its := every if (is_called := every["part"][0] == LABELS) else _labelled(every)).is_empty()
    )


def _labelled(rows: pl.DataFrame) -> pl.DataFrame:
    """Those whose answer is that of OFTEN questions that have nothing else to do with each other; none where there are
    not two such answers, or they are not most of the part."""
    its = rows.filter(pl.col("cluster").n_unique().over("answer") >= OFTEN)
    return its if its["answer"].n_unique() > 1 and 2 * its.height >= rows.height else its.clear()


def _beside_parent(rows: pl.DataFrame) -> Comparison | None:
    """Balanced accuracy less the parent's: right answers, those to each label weighing as much together."""
    both = rows.drop_nulls(["exact_child", "exact_parent"])
    if both.is_empty():
        return None
    won = pl.col("exact_child").cast(pl.Float64) - pl.col("exact_parent").cast(pl.Float64)
    weighed = both.select(won * both.height / (pl.len().over("answer") * pl.col("answer").n_unique())).to_series()
    return compare_means(weighed.to_numpy(), _clusters(both))


def _by_generation(rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    for (generation,), its in rows.sort("generation", maintain_order=True).group_by("generation", maintain_order=True):
        yield int(generation), its


def _clusters(rows: pl.DataFrame) -> np.ndarray:
    return rows["cluster"].rank("dense").to_numpy()
