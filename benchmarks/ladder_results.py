"""All kept climbs as figures: each strategy on each stream, differences of two, and what a climb cost.

A strategy is shown when it was climbed with at least three seeds on every stream; two are compared on the seeds that
both have. Not here: how a figure is made (ladder_figures.py), and how it is shown (ladder_page.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from benchmarks.ladder_climb import Climb
from benchmarks.ladder_figures import Array, Matrix, figure, matrix
from benchmarks.ladder_strategies import STRATEGIES
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.judgement import Figure

SEEDS = 3
"""The fewest that a strategy is shown with."""

WAYS = {"mean": "mean", "sum": "sum", "ties": "TIES", "dare_ties": "DARE-TIES"}

READ = ("replay_k100", "replay_50", "replay_10", "replay_5", "replay_1", "none", "none_own_steps")
"""These are read first, in this order; the order of measuring is another."""

TITLES = {
    **dict.fromkeys(READ, ""),
    **{it.name: it.title for it in STRATEGIES if not it.ways},
    **{f"{it.name}_{way}": f"{it.title}, {WAYS[way]}" for it in STRATEGIES for way in it.ways},
    "base": "the base as it is",
    "reference": "the reference model as it is",
}
"""What people read, by the names of figures; in the order of the tables."""

UNTRAINED = ("base", "reference")


def columns(climb: str) -> list[str]:
    """The names of figures that climbs of that name give: one, or one for each way of merging."""
    ways = next((it.ways for it in STRATEGIES if it.name == climb), ())
    return [f"{climb}_{way}" for way in ways] or [climb]


@dataclass(frozen=True)
class Results:
    """`scores`: the items of every climb, with stream and seed. `costs`: a row for each generation of every climb."""

    scores: pl.DataFrame
    costs: pl.DataFrame

    @classmethod
    def of(cls, climbs: Sequence[Climb]) -> Results:
        """Of those that are done."""
        scores, costs = [], []
        for it in climbs:
            if it.is_done:
                items, told = it.kept()
                name = pl.when(pl.col("way") == "").then(pl.lit(it.name)).otherwise(it.name + "_" + pl.col("way"))
                about = {"stream": pl.lit(it.stream), "seed": pl.lit(it.seed), "strategy": name}
                scores.append(items.with_columns(**about))
                costs += [
                    {"stream": it.stream, "seed": it.seed, "name": it.name, "generation": number, **cost}
                    for number, cost in enumerate(told["generations"])
                ]
        return cls(pl.concat(scores), pl.DataFrame(costs))

    @cached_property
    def streams(self) -> list[str]:
        """By name."""
        return sorted(self.scores["stream"].unique())

    @cached_property
    def names(self) -> list[str]:
        """The strategies that are shown."""
        return [name for name in TITLES if all(len(self.seeds(stream, name)) >= SEEDS for stream in self.streams)]

    def seeds(self, stream: str, name: str) -> list[int]:
        """With which a strategy was climbed."""
        return sorted(self.scores.filter(stream=stream, strategy=name)["seed"].unique())

    def matrix(self, stream: str, name: str, seeds: Sequence[int] | None = None) -> Matrix:
        """On these seeds, or on all that there are."""
        rows = self.scores.filter(stream=stream, strategy=name)
        own = int(key_of([stream, name])[:16], 16)
        return matrix(rows.filter(pl.col("seed").is_in(list(seeds))) if seeds is not None else rows, own)

    @cached_property
    def matrices(self) -> dict[str, dict[str, Matrix]]:
        """By stream and strategy."""
        return {stream: {name: self.matrix(stream, name) for name in self.names} for stream in self.streams}

    def measured(self, name: str, measure: str, streams: Sequence[str]) -> Figure:
        """Of a strategy, as the mean over these streams."""
        return self._figure([self.matrices[stream][name] for stream in streams], measure)

    def difference(self, one: str, other: str, streams: Sequence[str]) -> Figure:
        """How much more is known at the end by one than by the other, on the same seeds and items."""
        draws, n = [], 0
        for stream in streams:
            seeds = [it for it in self.seeds(stream, one) if it in self.seeds(stream, other)]
            ends = [self.matrix(stream, name, seeds) for name in (one, other)]
            draws.append(ends[0].measure("average_exact") - ends[1].measure("average_exact"))
            n += ends[0].items
        return figure(np.mean(draws, axis=0), n)

    def cost(self, name: str) -> dict[str, float]:
        """Of one climb, on average: steps (of its last rung, too), tokens, minutes of training."""
        climb = next(it.name for it in STRATEGIES if name in columns(it.name))
        rows = self.costs.filter(name=climb)
        last = rows.filter(pl.col("generation") == pl.col("generation").max())
        sums = rows.group_by("stream", "seed").agg(pl.col("steps", "tokens", "training_s").sum())
        return {
            "steps": _mean(sums["steps"]),
            "tokens": _mean(sums["tokens"]),
            "minutes": _mean(sums["training_s"]) / 60,
            "last_steps": _mean(last["steps"]),
        }

    def items_per_s(self, name: str) -> float:
        """Scored in one pass, by the model of the last generation."""
        rows = self.scores.filter(strategy=name)
        return 1 / _mean(rows.filter(pl.col("generation") == pl.col("generation").max())["seconds"])

    def _figure(self, of: Sequence[Matrix], measure: str) -> Figure:
        draws: list[Array] = [it.measure(measure) for it in of]
        return figure(np.mean(draws, axis=0), sum(it.items for it in of))


def _mean(values: pl.Series) -> float:
    return float(values.to_numpy().mean())
