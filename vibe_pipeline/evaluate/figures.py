"""Per-item results → figures: a value with its n and its 95 % interval, paired wherever two models are compared.

Shares carry Wilson's score interval (Wilson 1927), means Student's t interval, retention a seeded percentile
bootstrap over items (Efron 1979). A missing score stays missing: it makes a figure's n smaller, never a zero.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from vibe_pipeline.records import Figure

NOT_APPLICABLE = Figure(value=1.0, n=0, low=0.0, high=1.0)
"""At the first rung there is no earlier suite; a floor does not block on it, and n = 0 says why."""

CONFIDENCE = 0.95
RESAMPLES = 2000


def share(hits: pl.Series) -> Figure:
    """A share of items with Wilson's interval; nulls are left out of n."""
    from scipy.stats import binomtest

    kept = hits.drop_nulls()
    if kept.is_empty():
        return NOT_APPLICABLE
    count = int(kept.cast(pl.Int64).sum())
    low, high = binomtest(count, kept.len()).proportion_ci(CONFIDENCE, method="wilson")
    return Figure(value=count / kept.len(), n=kept.len(), low=float(low), high=float(high))


def mean(values: pl.Series, *, most: float = np.inf) -> Figure:
    """A mean of values from 0 to `most` with Student's t interval inside them; a single value has none but itself."""
    from scipy.stats import t

    kept = values.drop_nulls().to_numpy()
    if kept.size == 0:
        return NOT_APPLICABLE
    half = (
        float(t.ppf((1 + CONFIDENCE) / 2, kept.size - 1) * kept.std(ddof=1) / kept.size**0.5) if kept.size > 1 else 0.0
    )
    middle = float(kept.mean())
    return Figure(value=middle, n=kept.size, low=max(0.0, middle - half), high=min(most, middle + half))


def retention(base: pl.Series, parent: pl.Series, child: pl.Series, seed: int = 0) -> Figure:
    """(NLL_base − NLL_child) / (NLL_base − NLL_parent), clipped to 0–1: how much of what was gained is kept.

    Not applicable where the parent had gained nothing: there is nothing to keep.
    """
    nll = np.stack([base.to_numpy(), parent.to_numpy(), child.to_numpy()])
    draws = np.random.default_rng(seed).integers(0, nll.shape[1], (RESAMPLES, nll.shape[1]))
    means = np.concatenate([nll.mean(axis=1)[:, None], nll[:, draws].mean(axis=2)], axis=1)
    gained = means[0] - means[1]
    if gained[0] <= 0:
        return NOT_APPLICABLE
    kept = np.clip((means[0] - means[2]) / np.where(gained > 0, gained, np.inf), 0, 1)
    low, high = np.quantile(kept[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(value=float(kept[0]), n=nll.shape[1], low=float(low), high=float(high))


def smallest_gain(items: int, discordance: float = 0.12) -> float | None:
    """The difference in the share of right answers that a paired one-sided test at 5 % finds 80 % of the time.

    `discordance` is the share of items that parent and child answer differently (McNemar 1947, normal
    approximation: (z₀.₉₅ + z₀.₈₀)·√(discordance / n)). None without items.
    """
    return round((1.645 + 0.842) * (discordance / items) ** 0.5, 3) if items else None
