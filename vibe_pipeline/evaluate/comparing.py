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
from vibe_pipeline.paired import compare_gains, compare_means, compare_scores, compare_shares
from vibe_pipeline.settings import Gate

WEIGHED = ("cluster", "exact_child", "exact_parent")

OFTEN = 5
"""Clusters whose answer it is, from which on an answer is taken for a label."""


def comparisons(table: pl.DataFrame, gate: Gate) -> Comparisons:
    """Of a table with nll_ and exact_ of base, parent and child, and exact_then where there are earlier items."""
    old, new = table.filter(~pl.col("is_new")), table.filter("is_new")
    free, told = old.filter(~pl.col("is_exact")), new.filter(~pl.col("is_exact"))
    told = new if told.is_empty() else told
    slide, balance = gate.retention_slide_margin, _balance(old)
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
        balance=balance[0],
        of_rarest=balance[1],
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


def means(rows: pl.DataFrame, difference: pl.Expr, at_stake: pl.Expr | None = None) -> Comparison | None:
    """The mean of a difference between models; None where no item was scored by all of them."""
    if not {*difference.meta.root_names()} <= {*rows.columns}:
        return None
    stakes = {} if at_stake is None else {"at_stake": at_stake}
    both = rows.select("cluster", difference=difference, **stakes).drop_nulls("difference")
    if both.is_empty():
        return None
    staked = both["at_stake"].to_numpy() if stakes else None
    return compare_gains(both["difference"].to_numpy(), _clusters(both), staked)


def kept(free: pl.DataFrame, other: str, margin: float) -> Comparison | None:
    """What the child gained over the base on earlier free-form items, less the share of another's gain that it must
    have kept, in nats a token: a ratio's test as that of a linear contrast (Fieller 1954). All of that gain may be lost
    of a cluster."""
    gain = pl.col("nll_base") - pl.col(f"nll_{other}")
    return means(free, pl.col("nll_base") - pl.col("nll_child") - (1 - margin) * gain, gain)


def gained(free: pl.DataFrame, model: str) -> Comparison | None:
    """What a model gained over the base on these items, in nats a token."""
    return means(free, pl.col("nll_base") - pl.col(f"nll_{model}"))


def balances(table: pl.DataFrame) -> tuple[Balance, ...]:
    """Whether the child tells the labels of each suite apart, and of an earlier one the parent. Labels are also answers
    that are those of many questions each: a model that says one of them to everything is often right."""
    return tuple(
        Balance(
            generation=generation,
            items=its.height,
            labels=its["answer"].n_unique(),
            balanced=balanced(its["answer"], its["exact_child"]),
            spread=spread(its["answer"], its["said_child"]) if _is_called(its) else None,
            beside_parent=None if its["is_new"].all() else _beside_parent(its),
            only_veto=not _is_called(its),
        )
        for generation, its in _labelled(table)
    )


def _labelled(table: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Suites with labels: those that are called so, and answers of OFTEN questions that have nothing else to do with
    each other, where there are two such answers and they are most of the part."""
    for part in table.filter("is_exact").partition_by("part", maintain_order=True):
        for generation, rows in _by_generation(part):
            its = rows.filter(pl.col("cluster").n_unique().over("answer") >= OFTEN)
            if _is_called(rows):
                yield generation, rows
            elif its["answer"].n_unique() > 1 and 2 * its.height >= rows.height:
                yield generation, its


def _is_called(rows: pl.DataFrame) -> bool:
    return bool(rows["part"][0] == LABELS)


def _beside_parent(rows: pl.DataFrame) -> Comparison | None:
    """Balanced accuracy less the parent's: right answers, those to each label weighing as much together."""
    weighed = _weighed(rows)
    return None if weighed.is_empty() else compare_means(weighed["won"].to_numpy(), _clusters(weighed))


def _balance(old: pl.DataFrame) -> tuple[Comparison | None, int]:
    """The same over all earlier suites, and how many items have the rarest label. A label is one of its suite: who says
    each suite's commonest is found out, whichever that is. A suite of which one label was asked shows nothing. What the
    heaviest cluster weighs is drawn along in the error: where no rare item is lost yet, few tell little."""
    named = pl.format("{}/{}/{}", "generation", "part", "answer")
    suites = [rows.select(*WEIGHED, answer=named) for _, rows in _labelled(old) if rows["answer"].n_unique() > 1]
    its = _weighed(pl.concat(suites)) if suites else old.clear()
    if its.is_empty():
        return None, 0
    heaviest = its.group_by("cluster", maintain_order=True).agg(pl.col("weight").sum())["weight"].to_numpy().max()
    compared = compare_scores(its["won"].to_numpy(), _clusters(its), float(heaviest))
    return compared, int(its["answer"].value_counts()["count"].to_numpy().min())


def _weighed(rows: pl.DataFrame) -> pl.DataFrame:
    """With the weight of each item, 1 on average and the same for all labels together, and what the child has won."""
    both = rows.drop_nulls(["exact_child", "exact_parent"])
    won = pl.col("exact_child").cast(pl.Float64) - pl.col("exact_parent").cast(pl.Float64)
    weight = pl.len() / (pl.len().over("answer") * pl.col("answer").n_unique())
    return both.with_columns(weight=weight).with_columns(won=won * pl.col("weight"))


def _by_generation(rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    for (generation,), its in rows.sort("generation", maintain_order=True).group_by("generation", maintain_order=True):
        yield int(generation), its


def _clusters(rows: pl.DataFrame) -> np.ndarray:
    return rows["cluster"].rank("dense").to_numpy()
