"""Per-item results → figures: a value with its n and its 95 % interval, paired wherever two models are compared.

Shares carry Wilson's score interval (Wilson 1927), means Student's t interval, retention a seeded percentile
bootstrap (Efron 1979), all of them over clusters of items. A missing score stays missing: it makes a figure's n
smaller, never a zero.
"""

from __future__ import annotations

import statistics
from fractions import Fraction

import numpy as np
import polars as pl

from vibe_pipeline.judgement import Figure
from vibe_pipeline.paired import compare_means, design_effect

NOT_APPLICABLE = Figure(value=1.0, n=0, low=0.0, high=1.0)
"""At the first rung there is no earlier suite; a floor does not block on it, and n = 0 says why."""

CONFIDENCE = 0.95
RESAMPLES = 2000


def share(hits: pl.Series, clusters: pl.Series | None = None) -> Figure:
    """A share of items with Wilson's interval; nulls are left out of n. Items of a cluster tell less than as many that
    have nothing to do with each other: the interval is that of so many items as tell as much."""
    from scipy.stats import norm

    of = pl.Series(range(len(hits))) if clusters is None else clusters
    kept = pl.DataFrame({"hit": hits.cast(pl.Float64), "cluster": of.rank("dense")}).drop_nulls("hit")
    if kept.is_empty():
        return NOT_APPLICABLE
    values = kept["hit"].to_numpy()
    middle, n = float(values.mean()), len(values) / design_effect(values, kept["cluster"].to_numpy())
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    centre = (middle + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (middle * (1 - middle) / n + z**2 / (4 * n**2)) ** 0.5
    return Figure(value=middle, n=len(values), low=max(0.0, centre - half), high=min(1.0, centre + half))


def mean(values: pl.Series, clusters: pl.Series | None = None, *, most: float = np.inf) -> Figure:
    """A mean of values from 0 to `most` with Student's t interval inside them, between clusters where items have any; a
    single value or cluster has none but itself."""
    from scipy.stats import t

    of = pl.Series(range(len(values))) if clusters is None else clusters
    kept = pl.DataFrame({"value": values, "cluster": of.rank("dense")}).drop_nulls("value")
    if kept.is_empty():
        return NOT_APPLICABLE
    it = compare_means(kept["value"].to_numpy(), kept["cluster"].to_numpy())
    half = float(t.ppf((1 + CONFIDENCE) / 2, it.clusters - 1)) * it.error if it.error is not None else 0.0
    return Figure(value=it.difference, n=it.n, low=max(0.0, it.difference - half), high=min(most, it.difference + half))


def retention(
    base: pl.Series, parent: pl.Series, child: pl.Series, clusters: pl.Series | None = None, seed: int = 0
) -> Figure:
    """(NLL_base − NLL_child) / (NLL_base − NLL_parent), clipped to 0–1: how much of what was gained is kept.

    Not applicable where the parent had gained nothing: there is nothing to keep.
    """
    nll = pl.DataFrame({"base": base, "parent": parent, "child": child})
    of = pl.Series(range(nll.height)) if clusters is None else clusters
    together = nll.group_by(of.alias("cluster"), maintain_order=True).agg(pl.all().sum(), pl.len().alias("items"))
    sums, items = together.select(nll.columns).to_numpy().T, together["items"].to_numpy()
    draws = np.random.default_rng(seed).integers(0, items.size, (RESAMPLES, items.size))
    drawn = sums[:, draws].sum(axis=2) / items[draws].sum(axis=1)
    means = np.concatenate([sums.sum(axis=1)[:, None] / items.sum(), drawn], axis=1)
    gained = means[0] - means[1]
    if gained[0] <= 0:
        return NOT_APPLICABLE
    kept = np.clip((means[0] - means[2]) / np.where(gained > 0, gained, np.inf), 0, 1)
    low, high = np.quantile(kept[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(value=float(kept[0]), n=nll.height, low=float(low), high=float(high))


def balanced(answers: pl.Series, hits: pl.Series) -> Figure:
    """Mean over labels of the share of their items that was told right (balanced accuracy, Brodersen et al. 2010). Its
    interval is the mean of those of the labels, which are exact (Clopper & Pearson 1934): wider than it need be where
    there are many labels, and never too narrow where one has a single item. Nulls are left out of n."""
    from scipy.stats import binomtest

    kept = pl.DataFrame({"answer": answers, "hit": hits}).drop_nulls("hit")
    if kept.is_empty():
        return NOT_APPLICABLE
    counts = kept.group_by("answer").agg(pl.col("hit").sum(), pl.len()).sort("answer").select("hit", "len").rows()
    bounds = [binomtest(right, items).proportion_ci(CONFIDENCE) for right, items in counts]
    middle = statistics.mean(Fraction(right, items) for right, items in counts)  # exactly: a tie with a floor is one
    low, high = (np.mean([getattr(it, end) for it in bounds]) for end in ("low", "high"))
    return Figure(value=float(middle), n=kept.height, low=float(low), high=float(high))


def spread(answers: pl.Series, said: pl.Series) -> float:
    """Entropy of what was said beside that of what is right: 0 where a model always says the same."""
    from scipy.stats import entropy

    right, told = (entropy(it.drop_nulls().value_counts()["count"].sort().to_numpy()) for it in (answers, said))
    return float(told / right) if right else 1.0


def smallest_gain(items: int, discordance: float = 0.12) -> float | None:
    """The difference in the share of right answers that a paired one-sided test at 5 % finds 80 % of the time.

    `discordance` is the share of items that parent and child answer differently (McNemar 1947, normal
    approximation: (z₀.₉₅ + z₀.₈₀)·√(discordance / n)). None without items.
    """
    return round((1.645 + 0.842) * (discordance / items) ** 0.5, 3) if items else None
