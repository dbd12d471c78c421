"""Real answers, weighed until what is true of them is known: a population to draw generations from.

Whole clusters are drawn, so that wordings of one fact go together as they do in real scorecards. Each comes as it was
and with parent and child exchanged. How often each is drawn is the least change (exponential tilting, Efron 1981) that
gives the wanted shares of items gained and lost. Not here: the gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from vibe_pipeline.evaluate.sampling import OF_A_CLUSTER

Clustering = Literal["alone", "as answered", "alike", "uneven", "by turns"]
"""Each item alone; clusters as real models answered them; three wordings that are always answered alike; most items
alone, and one of ten the first of as many turns as are asked, which are; turns of conversations that are answered as
items alone are (gate_cases.py puts them together)."""

TURNS = OF_A_CLUSTER
EVERY = 10

STEEPEST = 30.0
"""No cluster is drawn e^30 times as often for an item more: what needs that cannot be made of these clusters."""

CLOSE = 1e-3
"""So close must a share come to what was wanted."""

Array = np.ndarray


@dataclass(frozen=True)
class Items:
    """Items of one sort, by rows: clusters (n), right answers (n, 3: then, parent, child), NLL (n, 3: base, …)."""

    clusters: Array
    exact: Array
    nll: Array
    is_exact: bool = True

    def __len__(self) -> int:
        return len(self.clusters)

    def take(self, rows: Array | slice) -> Items:
        """Some of them."""
        return Items(self.clusters[rows], self.exact[rows], self.nll[rows], self.is_exact)


@dataclass(frozen=True)
class Truth:
    """What is true of a population of items with right answers, as shares of them."""

    gained: float
    lost: float
    right: float = 0.95
    """By the parent, less what the child gains where that leaves no room."""
    slide: float | None = None
    """So many fewer are right than by the champion of old; None: whatever it is."""


class Pool:
    """Clusters of real items, each with the weight that makes the truth true."""

    def __init__(self, items: Items, truth: Truth | None = None) -> None:
        order = np.argsort(items.clusters, kind="stable")
        self.items = items.take(order)
        _, self.starts, self.sizes = np.unique(self.items.clusters, return_index=True, return_counts=True)
        weights = np.full(len(self.sizes), 1 / len(self.sizes)) if truth is None else _tilted(self, truth)
        self.reach = np.cumsum(weights) / weights.sum()

    def per_cluster(self, values: Array) -> Array:
        """Sums over the items of each cluster."""
        return np.add.reduceat(values.astype(float), self.starts)

    def draw(self, random: np.random.Generator, count: int) -> Items:
        """So many items in whole clusters (but the last), in an order that tells nothing of them."""
        chosen = np.searchsorted(self.reach, random.random(count // self.sizes.min() + 1), side="right")
        sizes = self.sizes[chosen]
        rows = np.repeat(self.starts[chosen] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
        rows = (rows + np.arange(len(rows)))[:count]
        clusters = np.repeat(np.arange(len(sizes)), sizes)[:count]
        order = random.permutation(count)
        drawn = self.items.take(rows[order])
        return Items(clusters[order], drawn.exact, drawn.nll, drawn.is_exact)


def exact(rows: pl.DataFrame, clustering: Clustering) -> Items:
    """Items with a right answer, and the same with parent and child exchanged."""
    its = rows.filter(pl.col("part") == "exact").drop_nulls(["exact_parent", "exact_child", "nll_parent", "nll_child"])
    hits = its.select(pl.coalesce("exact_then", "exact_parent"), "exact_parent", "exact_child").to_numpy().astype(bool)
    nll = its.select(pl.coalesce("nll_base", "nll_parent"), "nll_parent", "nll_child").to_numpy().astype(float)
    clusters = its["cluster"].to_numpy().astype(np.int64)
    turned = (0, 2, 1)
    both = Items(
        np.concatenate([clusters, clusters + clusters.max() + 1]),
        np.concatenate([hits, hits[:, turned]]),
        np.concatenate([nll, nll[:, turned]]),
    )
    if clustering == "as answered":
        return both
    every, alike = np.arange(len(both)), clustering == "alike"
    sizes = np.where(every % EVERY, 1, TURNS) if clustering == "uneven" else np.full_like(every, 3 if alike else 1)
    copies = np.repeat(every, sizes)
    return Items(copies, both.exact[copies], both.nll[copies])


def free(rows: pl.DataFrame, answers: str, *, is_new: bool) -> Items:
    """Items without one right answer, of the ladders whose names begin like this."""
    is_wanted = (pl.col("part") == "free") & (pl.col("is_new") == is_new) & pl.col("source").str.starts_with(answers)
    its = rows.filter(is_wanted).drop_nulls("nll_base")
    nll = its.select("nll_base", "nll_parent", "nll_child").to_numpy().astype(float)
    return Items(its["cluster"].to_numpy(), np.zeros((len(its), 3), bool), nll, is_exact=False)


def _tilted(pool: Pool, truth: Truth) -> Array:
    """The weights of clusters nearest to equal ones under which the truth holds over items."""
    then, parent, child = pool.items.exact.T
    right = min(truth.right, 0.99 - truth.gained)
    wanted = {
        "gained": (child & ~parent, truth.gained),
        "lost": (parent & ~child, truth.lost),
        "right": (1.0 * parent + child, 2 * right + truth.gained - truth.lost),
    }
    if truth.slide is not None:
        wanted["slide"] = (1.0 * child - then, -truth.slide)
    sums = {name: pool.per_cluster(values) for name, (values, _) in wanted.items()}
    possible = np.ones(len(pool.sizes), bool)
    for name in ("gained", "lost"):
        possible &= (sums[name] == 0) | (wanted[name][1] > 0)
    matrix = np.stack([sums[name] - share * pool.sizes for name, (_, share) in wanted.items()])[:, possible]
    weights = np.zeros(len(pool.sizes))
    weights[possible] = _least_changed(matrix)
    off = matrix @ weights[possible] / (weights @ pool.sizes)
    if not np.abs(off).max() <= CLOSE:
        raise ValueError(
            f"{truth} cannot be made of these {len(pool.sizes)} clusters (off by {np.abs(off).max():.3f}): "
            "bring scorecards of more rungs (--home DIR)"
        )
    return weights


def _least_changed(matrix: Array) -> Array:
    """Weights ∝ exp(λ·x) with mean 0 of each row."""
    from scipy.optimize import minimize

    def dual(slope: Array) -> tuple[float, Array]:
        heights = slope @ matrix
        top = heights.max()
        weights = np.exp(heights - top)
        return float(top + np.log(weights.sum())), matrix @ weights / weights.sum()

    steep = [(-STEEPEST, STEEPEST)] * len(matrix)
    found = minimize(dual, np.zeros(len(matrix)), jac=True, method="L-BFGS-B", bounds=steep, options={"ftol": 1e-14})
    heights = found.x @ matrix
    weights: Array = np.exp(heights - heights.max())
    return weights / weights.sum()
