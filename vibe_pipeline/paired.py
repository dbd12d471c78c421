"""Two models on the same items: how far apart they are, and what so many items can tell.

Right answers are compared by the score interval for matched pairs (Tango 1998, Statistics in Medicine 17:891), means by
Student's t, mended for skewness (Johnson 1978, JASA 73:536) and for what few clusters lose. Items that are seen
together (wordings of one fact, turns of one conversation) are no independent observations: shares count as many items
as tell as much alone (the design effect, Kish 1965), and means vary between clusters (Liang & Zeger 1986). How much
items of a cluster go together is read from those in which the models differ, and from one cluster more that is supposed
to go wholly: a long conversation in which nothing was lost yet may be lost whole. All bounds are one-sided. Not here:
which difference is enough, which promote.py says.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from vibe_pipeline.judgement import Comparison

POWER = 0.8
"""What people ask of a test that is worth running."""

TINY = 1e-9
"""Where both models agree on all items, the difference itself solves the equation too: the search begins beside it."""

FEWEST = 4.0
"""Degrees of freedom at least: where fewer clusters differ the score interval is wide by itself."""

STEPS = 3
GENTLEST = -0.25
"""Bounds draw together with the number of items like its root, and of items that all agree like the number."""

MOST_ITEMS = 1_000_000
"""More than that is no answer to "how many would do?"."""


def compare_shares(model: np.ndarray, other: np.ndarray, clusters: np.ndarray) -> Comparison:
    """Right answers (bool, n) of a model beside those of another to the same items, which lie in clusters (int, n)."""
    ours, theirs = model.astype(bool), other.astype(bool)
    differences = ours.astype(float) - theirs
    error, count = _error(differences, clusters)
    return Comparison(
        n=len(ours),
        clusters=count,
        difference=float(differences.mean()),
        error=error,
        gained=int((ours & ~theirs).sum()),
        lost=int((theirs & ~ours).sum()),
        effect=design_effect(differences, clusters),
    )


def compare_means(differences: np.ndarray, clusters: np.ndarray) -> Comparison:
    """Differences (float, n) between two models, above 0 where the first is better, of items in clusters (int, n)."""
    error, count = _error(differences, clusters)
    return Comparison(
        n=len(differences),
        clusters=count,
        difference=float(differences.mean()),
        error=error,
        skew=_skew(differences, clusters),
    )


def compare_gains(differences: np.ndarray, clusters: np.ndarray, at_stake: np.ndarray | None = None) -> Comparison:
    """The same of what has no bounds, such as nats saved. Where a few clusters lose much, a sample that happens to hold
    none of them looks safe: two more are drawn along in the error, as far off as the farthest that was seen, or as all
    that is `at_stake` (float, n) in the cluster that holds most of it."""
    it = compare_means(differences, clusters)
    if it.error is None:
        return it
    sums, sizes = _sums(differences, clusters), np.unique(clusters, return_counts=True)[1]
    farthest, size = float(np.abs(sums / sizes).max()), _mean_size(clusters)
    effect = design_effect(differences, clusters, farthest)
    drawn = max(float(np.abs(sums).max()), farthest * math.sqrt(size * effect))
    if at_stake is not None:
        drawn = max(drawn, float(_added(at_stake, clusters).max()))
    return replace(it, error=math.hypot(it.error, math.sqrt(2) * drawn / it.n))


def compare_scores(differences: np.ndarray, clusters: np.ndarray, heaviest: float | None = None) -> Comparison:
    """The same of scores from 0 to 1. Ten questions that both answer alike have no variance, and yet tell little: one
    cluster that the first alone has right and one that the other has are drawn along in the error (Bonett & Price
    2012), each of the size in which an item lies, or as heavy as the `heaviest`."""
    it = compare_means(differences, clusters)
    if it.error is None:
        return it
    size = _mean_size(clusters) if heaviest is None else heaviest
    return replace(it, error=math.hypot(it.error * it.n, math.sqrt(2) * size) / (it.n + 2 * size))


def design_effect(values: np.ndarray, clusters: np.ndarray, unit: float = 1.0) -> float:
    """Items that tell as much as one would alone: the variance between clusters beside what it would be if their items
    had nothing to do with each other (Kish 1965). To what was seen comes one cluster, as large as the largest, whose
    items go together and are as far off as `unit`: that items differ here and there does not say that no conversation
    is lost whole, and where all agree nothing says it."""
    largest = float(np.unique(clusters, return_counts=True)[1].max())
    alone = float(np.square(values - values.mean()).sum()) + unit**2 * largest
    between = float(np.square(_sums(values, clusters)).sum()) + (unit * largest) ** 2
    return min(largest, max(1.0, between / alone)) if alone else largest


def _mean_size(clusters: np.ndarray) -> float:
    """Items of the cluster that an item lies in, on average over items (Kish 1965)."""
    return float(np.square(np.unique(clusters, return_counts=True)[1]).sum() / len(clusters))


def low(it: Comparison, level: float) -> float:
    """Below it the difference lies with a chance of at most `level`."""
    return _bound(it, level, -1)


def high(it: Comparison, level: float) -> float:
    """Above it the difference lies with a chance of at most `level`."""
    return _bound(it, level, 1)


def power(it: Comparison, level: float, margin: float, truth: float = 0.0) -> float:
    """How often the lower bound lies above −margin for a model whose true difference is `truth` (normal approximation
    with the variance that these items have)."""
    from scipy.special import ndtr, ndtri

    error = _spread(it, level)
    if error == 0:
        return 1.0 if truth > -margin else 0.0
    return float(ndtr((truth + margin) / error + ndtri(level)))


def items_needed(it: Comparison, level: float, margin: float, truth: float = 0.0, chance: float = POWER) -> int | None:
    """Items with which that happens with this chance; None where no number of items would do. Few items that all agree
    have wider bounds than their number alone says, so what the bounds would be is followed to that number."""
    from scipy.special import ndtri

    if truth <= -margin:
        return None
    wanted = (truth + margin) / float(ndtri(chance) - ndtri(level))
    before, spread = float(it.n), _spread(it, level)
    if not 0 < spread < math.inf:
        return it.n if spread == 0 else None
    items = before * (spread / wanted) ** 2
    for _ in range(STEPS):
        if items > MOST_ITEMS or abs(math.log(items / before)) < TINY:
            break
        there = _spread(_with(it, items), level)
        slope = min(GENTLEST, math.log(there / spread) / math.log(items / before))
        before, spread, items = items, there, items * (wanted / there) ** (1 / slope)
    return math.ceil(items) if items <= MOST_ITEMS else None


def _with(it: Comparison, items: float) -> Comparison:
    """The same of so many items, if they are as these."""
    more = items / it.n
    clusters = max(2, round(it.clusters * more))
    fixed = {"n": items, "clusters": clusters, "error": None if it.error is None else it.error / math.sqrt(more)}
    if it.gained is not None and it.lost is not None:
        fixed |= {"gained": it.gained * more, "lost": it.lost * more}
    return replace(it, **fixed)  # type: ignore[arg-type]


def _error(differences: np.ndarray, clusters: np.ndarray) -> tuple[float | None, int]:
    """Standard error of the mean between clusters, and how many there are; None where there is one."""
    sums = _sums(differences, clusters)
    count = len(sums)
    if count < 2:
        return None, count
    return float(np.sqrt(count / (count - 1) * np.square(sums).sum()) / len(differences)), count


def _sums(differences: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """What each cluster adds to the deviation from the mean."""
    return _added(differences - differences.mean(), clusters)


def _added(values: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The sum of each cluster."""
    _, which = np.unique(clusters, return_inverse=True)
    return np.bincount(which, weights=values)


def _skew(differences: np.ndarray, clusters: np.ndarray) -> float:
    """Third standardised moment of what clusters add to the mean; 0 where nothing varies."""
    sums = _sums(differences, clusters)
    spread = np.square(sums).mean() ** 1.5
    return float((sums**3).mean() / spread) if spread else 0.0


@lru_cache(maxsize=64)
def _bound(it: Comparison, level: float, side: int) -> float:
    from scipy.special import stdtrit

    if it.gained is not None and it.lost is not None:
        return _tango(it, level, side)
    if it.error is None:
        return side * math.inf
    quantile = -float(stdtrit(it.clusters - 1, level))  # 1 − level is 1 to a computer after some attempts
    shift = it.skew / math.sqrt(it.clusters) * (1 / 6 + quantile**2 / 3)  # bounds are widened by it, never narrowed
    return it.difference + side * (quantile + max(0.0, side * shift)) * it.error


def _tango(it: Comparison, level: float, side: int) -> float:
    """The difference that a score test at `level` just does not refuse."""
    from scipy.optimize import brentq

    assert it.gained is not None
    assert it.lost is not None
    n, gained, lost = it.n / it.effect, it.gained / it.effect, it.lost / it.effect
    z = _quantile(it, level)

    def excess(difference: float) -> float:
        return side * (gained - lost - n * difference) + z * math.sqrt(n * _variance(n, gained, lost, difference))

    start, edge = (gained - lost) / n + side * TINY, side * (1 - TINY)
    if start * side >= 1 - TINY or excess(edge) >= 0:
        return float(side)
    return float(brentq(excess, start, edge))


def _quantile(it: Comparison, level: float) -> float:
    """Of the normal; Student's where items come in clusters, because the design effect is known only from those in
    which the models differ: about (gained + lost) / effect, two degrees of freedom each (Satterthwaite 1946)."""
    from scipy.special import ndtri, stdtrit

    differing = (it.gained or 0) + (it.lost or 0)
    if it.clusters == it.n or differing == 0:
        return -float(ndtri(level))
    return -float(stdtrit(max(FEWEST, 2 * differing / it.effect), level))


def _variance(n: float, gained: float, lost: float, difference: float) -> float:
    """Of one item, at the likeliest chances that have this difference (Tango 1998, equations 2 and 3)."""
    b = -gained - lost + (2 * n - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    chance = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    return max(0.0, 2 * chance + difference * (1 - difference))


def _spread(it: Comparison, level: float) -> float:
    """What one standard error is as the bounds see it: few items that all agree have no variance, and yet bounds."""
    from scipy.special import ndtri

    return (high(it, level) - low(it, level)) / -2 / float(ndtri(level))
