"""Kept climbs → figures with 95 % intervals: what is known at the end, what was lost on the way, what it cost.

With a[g, j] the share of exact answers of generation g on the suite of generation j, and T the last generation:
average exact is the mean of a[T, ·]; learned is the mean of a[j, j]; backward transfer the mean over j < T of
a[T, j] − a[j, j] (Lopez-Paz and Ranzato 2017); forgetting the mean over j < T of max over g < T of a[g, j], − a[T, j]
(Chaudhry et al. 2018).

Intervals are percentiles of a seeded bootstrap over seeds and, within a seed, over clusters of items (facts, intents:
wordings of one fact are not independent). All strategies share its draws, so that differences are paired. In every
draw one item that is exact and one that is not weigh along, by Exp(1) each, anew for every strategy: without them items
that all agree would claim certainty (for independent items it is the posterior of a share under a uniform prior, Rubin
1981). Percentiles of three seeds are too narrow rather than too wide. Not here: tables and plots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from vibe_pipeline.evaluate.figures import CONFIDENCE, RESAMPLES
from vibe_pipeline.judgement import Figure

Array = npt.NDArray[np.float64]

MEASURES = ("average_exact", "backward_transfer", "forgetting", "learned")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Exact of a strategy on a stream: (draws, generation, suite). The first is not resampled; NaN: not asked."""

    exact: Array
    seeds: int
    items: int
    """Of all suites and seeds, at the end."""

    def measure(self, name: str) -> Array:
        """(draws,)"""
        last = self.exact[:, -1]
        own = np.diagonal(self.exact, axis1=1, axis2=2)
        if name == "average_exact":
            return last.mean(axis=1)
        if name == "learned":
            return own.mean(axis=1)
        if name == "backward_transfer":
            return (last - own)[:, :-1].mean(axis=1)
        return (np.nanmax(self.exact[:, :-1, :-1], axis=1) - last[:, :-1]).mean(axis=1)


def matrix(scores: pl.DataFrame, own: int = 0) -> Matrix:
    """Of one strategy on one stream: seed, generation, suite, cluster, item_id, exact. `own` seeds what it does not
    share with others."""
    cells = scores.group_by("seed", "generation", "suite", "cluster").agg(pl.col("exact").cast(pl.Float64).mean())
    seeds, suites, clusters = (cells[name].n_unique() for name in ("seed", "suite", "cluster"))
    at = [cells[name].rank("dense").cast(pl.Int64).to_numpy() - 1 for name in ("seed", "cluster", "suite")]
    generation = cells["generation"].to_numpy()
    last = int(generation.max())
    known = np.full((seeds, clusters, last + 1, suites), np.nan)
    known[at[0], at[1], generation, at[2]] = cells["exact"].to_numpy()
    weights = np.concatenate([np.full((1, seeds * clusters), 1 / (seeds * clusters)), _drawn(seeds, clusters)])
    exact = (weights @ known.reshape(seeds * clusters, -1)).reshape(-1, last + 1, suites)
    items = scores.filter(generation=last).height
    hit, missed = np.random.default_rng(own).standard_exponential((2, RESAMPLES, *exact.shape[1:])) / (items / suites)
    exact[1:] = (exact[1:] + hit) / (1 + hit + missed)
    return Matrix(exact, seeds, items)


def _drawn(seeds: int, clusters: int) -> Array:
    """(RESAMPLES, seeds × clusters): how often each cluster of each seed is drawn, as a share of all that are."""
    chance = np.random.default_rng(0)
    of = chance.integers(0, seeds, (RESAMPLES, seeds, 1))
    places = (of * clusters + chance.integers(0, clusters, (RESAMPLES, seeds, clusters))).reshape(RESAMPLES, -1)
    weights = np.zeros((RESAMPLES, seeds * clusters))
    np.add.at(weights, (np.arange(RESAMPLES)[:, None], places), 1 / places.shape[1])
    return weights


def figure(draws: Array, n: int) -> Figure:
    """The value without resampling, and the middle 95 % of the others, which it belongs to."""
    value = float(draws[0])
    low, high = np.quantile(draws[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(value=value, n=n, low=min(float(low), value), high=max(float(high), value))
