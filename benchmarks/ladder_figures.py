"""Kept climbs → figures with 95 % intervals: what is known at the end, what was lost on the way, what it cost.

With a[g, j] the share of exact answers of generation g on the suite of generation j, and T the last generation:
average exact is the mean of a[T, ·]; learned is the mean of a[j, j]; backward transfer the mean over j < T of
a[T, j] − a[j, j] (Lopez-Paz and Ranzato 2017); forgetting the mean over j < T of max over g < T of a[g, j], − a[T, j]
(Chaudhry et al. 2018).

Intervals are percentiles of a seeded bootstrap over seeds and, within a seed, over clusters of items (facts, intents:
wordings of one fact are not independent). All strategies share its draws, so that differences are paired. Percentiles
of three seeds are too narrow rather than too wide. Not here: tables and plots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from vibe_pipeline.evaluate.figures import CONFIDENCE, RESAMPLES
from vibe_pipeline.records import Figure

Array = npt.NDArray[np.float64]

MEASURES = ("average_exact", "backward_transfer", "forgetting", "learned")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Exact of a strategy on a stream: (draws, generation, suite), the first without resampling; NaN above the diagonal."""

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


def matrix(scores: pl.DataFrame, seed: int = 0) -> Matrix:
    """Of one strategy on one stream: seed, generation, suite, cluster, item_id, exact."""
    cells = scores.group_by("seed", "generation", "suite", "cluster").agg(pl.col("exact").cast(pl.Float64).mean())
    size = [cells[name].n_unique() for name in ("seed", "generation", "suite", "cluster")]
    at = [cells[name].rank("dense").cast(pl.Int64).to_numpy() - 1 for name in ("seed", "suite", "cluster")]
    generation = cells["generation"].to_numpy()
    known = np.full((size[0], int(generation.max()) + 1, size[2], size[3]), np.nan)
    known[at[0], generation, at[1], at[2]] = cells["exact"].to_numpy()
    means = [known.mean(axis=(0, 3))[None]]
    chance = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        drawn = known[chance.integers(0, size[0], size[0])]
        clusters = chance.integers(0, size[3], (size[0], 1, 1, size[3]))
        means.append(np.take_along_axis(drawn, clusters, axis=3).mean(axis=(0, 3))[None])
    last = scores.filter(generation=int(generation.max()))
    return Matrix(np.concatenate(means), size[0], last.height)


def figure(draws: Array, n: int) -> Figure:
    """The value without resampling, and the middle 95 % of the others."""
    low, high = np.quantile(draws[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(value=float(draws[0]), n=n, low=float(low), high=float(high))


def together(matrices: Mapping[str, Matrix], name: str) -> Array:
    """A measure as the mean over streams, each drawn by itself."""
    return np.mean([it.measure(name) for it in matrices.values()], axis=0)
