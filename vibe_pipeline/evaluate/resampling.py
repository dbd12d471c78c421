"""Intervals by resampling clusters of items: answers to questions about one fact stand or fall together.

The bootstrap is Rubin's (1981, the Bayesian one): each cluster weighs a seeded Exp(1), so that any items that two
models share have a mean in every draw. Of shares, and of differences between them, one cluster that was hit and one
that was missed are drawn along: without them items that all agree would claim certainty. For independent items that is
the posterior of a share under a uniform prior, Beta(hits + 1, misses + 1), which covers like Wilson's interval (Brown,
Cai & DasGupta 2001); for differences it is the shrinkage of Bonett & Price (2012). What has no bounds (NLL) has its
percentiles widened to Student's t (Hesterberg 2015), and no interval where there is one cluster a suite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from vibe_pipeline.evaluate.figures import CONFIDENCE, RESAMPLES
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.judgement import Figure

BLOCK = 1 << 22
"""Weights in memory at a time: 16 MiB."""

TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over some items, or several such means of as many suites added up, with its draws."""

    value: float
    n: int
    """Items."""
    facts: int
    """Clusters of items."""
    draws: np.ndarray
    weight: np.ndarray
    """Of all clusters, in each draw."""
    added: float
    """What a cluster weighs that is drawn along: between that of an item and that of a whole cluster."""
    suites: tuple[str, ...]

    def __add__(self, other: Estimate) -> Estimate:
        """Both, as what a mean over suites is made of."""
        return Estimate(
            self.value + other.value,
            self.n + other.n,
            self.facts + other.facts,
            self.draws + other.draws,
            self.weight + other.weight,
            self.added + other.added,
            (*self.suites, *other.suites),
        )

    def mean(self) -> Estimate:
        """Over suites, each as heavy as the others."""
        whole = len(self.suites)
        return replace(self, value=self.value / whole, draws=self.draws / whole, added=self.added / whole)

    def between(self, least: float, most: float) -> Figure:
        """A figure that has bounds: a share, or a difference between two."""
        hit, missed = np.float32(self.added) * _drawn_along()
        whole = self.weight + hit + missed
        low, high = np.quantile((self.weight * self.draws + most * hit + least * missed) / whole, TAILS)
        return Figure(value=self.value, n=self.n, low=min(float(low), self.value), high=max(float(high), self.value))

    def unbounded(self) -> Figure:
        """A figure that has none."""
        from scipy.special import ndtri, stdtrit

        freedom = self.facts - len(self.suites)
        if freedom < 1:
            return Figure(value=self.value, n=self.n, low=self.value, high=self.value)
        wider = stdtrit(freedom, TAILS[1]) / ndtri(TAILS[1]) * math.sqrt((freedom + 2) / freedom)
        low, high = self.value + wider * (np.quantile(self.draws, TAILS) - self.value)
        return Figure(value=self.value, n=self.n, low=min(float(low), self.value), high=max(float(high), self.value))


@cache
def _drawn_along() -> np.ndarray:
    """Weights of the cluster that was hit and of the one that was missed; the same for all figures."""
    return np.random.default_rng(0).standard_exponential((2, RESAMPLES), dtype=np.float32)


def resample(values: np.ndarray, starts: np.ndarray, suite: str) -> list[Estimate | None]:
    """The mean of each column of items × columns over what is not NaN; None where nothing is.

    Clusters of items begin at `starts`. The same items and suite give the same draws.
    """
    kept = ~np.isnan(values)
    filled = np.where(kept, values, 0.0)
    sums = np.add.reduceat(filled, starts, axis=0)
    counts = np.add.reduceat(kept.astype(float), starts, axis=0)
    present = (counts > 0).astype(float)
    random = np.random.default_rng(int(key_of(suite)[:16], 16))
    columns = np.hstack([sums, counts, present]).astype(np.float32).T
    totals = [
        columns @ random.standard_exponential((len(block), len(starts)), dtype=np.float32).T
        for block in np.array_split(np.arange(RESAMPLES), math.ceil(RESAMPLES * len(starts) / BLOCK))
    ]
    drawn, of, weight = np.split(np.concatenate(totals, axis=1), 3)
    n, facts = counts.sum(axis=0).astype(int), present.sum(axis=0).astype(int)
    value = sums.sum(axis=0) / np.maximum(n, 1)
    added = _added((sums - value * counts) ** 2, np.where(kept, filled - value, 0.0) ** 2, n, facts)
    out: list[Estimate | None] = [None] * values.shape[1]
    for it in np.flatnonzero(n):
        draws = drawn[it] / of[it]
        out[it] = Estimate(float(value[it]), int(n[it]), int(facts[it]), draws, weight[it], float(added[it]), (suite,))
    return out


def _added(between: np.ndarray, within: np.ndarray, n: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """One over the effective number of items in a cluster, by Kish's (1965) design effect: 1 where items of a cluster
    say the same, and where nothing tells whether they do (one cluster, or items that all agree); else less."""
    items, others = np.maximum(n, 1) / np.maximum(facts, 1), facts - 1
    variances = between.sum(axis=0) * facts, within.sum(axis=0) * others
    effect = np.divide(*variances, out=np.full(len(n), np.inf), where=variances[1] > 0)
    return np.clip(effect, 1, items) / items


def greatest(estimates: Sequence[Estimate]) -> Estimate:
    """The greatest of some means of one suite; drawn anew each time, so that its interval knows of the choice."""
    best = max(estimates, key=lambda it: it.value)
    return replace(best, draws=np.max([it.draws for it in estimates], axis=0))
