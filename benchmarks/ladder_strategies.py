"""What is compared: how a generation is learned after others, each with how much of the past it sees and how long.

All strategies take the same number of optimiser steps at a generation, those of the product's own replay (k=100), so
that a strategy is not better for having trained longer; `own_steps` are those that it would take by itself. A mix is
drawn by vibe_pipeline.replay, as many epochs as the steps need, and cut after the last of them.

Retraining and merging are not in the product: retraining starts from the base on all examples so far, merging trains
an adapter a generation from the base and joins them: their mean (model soups, Wortsman et al. 2022), their sum (task
arithmetic, Ilharco et al. 2023), TIES (Yadav et al. 2023) and DARE (Yu et al. 2024). Not here: training itself, and
what came of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from vibe_pipeline import replay
from vibe_pipeline.models import load_adapter
from vibe_pipeline.records import ExampleSet, Kind, Mix
from vibe_pipeline.settings import Lineage, Recipe, Replay, Synthetic
from vibe_pipeline.store import Store

if TYPE_CHECKING:
    from peft import PeftModel

NOTHING = Replay(minimum=0, share=0)

WAYS = ("mean", "sum", "ties", "dare_ties")
DENSITY = 0.5
"""Share of an adapter's values that TIES and DARE keep."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """`name` is that of its figures, `title` the one that people read."""

    name: str
    title: str
    replay: Replay = NOTHING
    from_base: bool = False
    """Its adapters do not grow from those of the generation before."""
    on_everything: bool = False
    """A generation's delta is all there was so far."""
    own_steps: bool = False
    ways: tuple[str, ...] = ()
    """How its adapters are merged; each way has figures of its own."""

    @property
    def identity(self) -> dict[str, Any]:
        """What its figures hang on."""
        ways = {"ways": self.ways, "density": DENSITY} if self.ways else {}
        how = {name: getattr(self, name) for name in ("from_base", "on_everything", "own_steps")}
        return {"replay": self.replay.model_dump(mode="json"), **how, **ways}


def _share(percent: int) -> Strategy:
    return Strategy(f"replay_{percent}", f"replay {percent} %", Replay(minimum=0, share=percent / 100))


REFERENCE = Strategy("replay_k100", "replay k=100", Replay())
"""The product's default: max(100, half of the delta) old examples an epoch. Its steps are everyone's."""

WITHOUT = Strategy("none", "no replay")

STRATEGIES = (
    REFERENCE,
    WITHOUT,
    _share(10),
    Strategy("merge", "merging", from_base=True, ways=WAYS),
    Strategy("none_own_steps", "no replay, own steps", own_steps=True),
    Strategy("retrain_own_steps", "retraining, own steps", from_base=True, on_everything=True, own_steps=True),
    _share(50),
    Strategy("retrain", "retraining", from_base=True, on_everything=True),
    _share(5),
    _share(1),
)
"""In the order in which they are measured: a short budget leaves out the last."""


def steps(strategy: Strategy, sets: Sequence[ExampleSet], recipe: Recipe) -> int:
    """Optimiser steps at the last of these generations."""
    asked = strategy if strategy.own_steps else REFERENCE
    return recipe.epochs * _batches(_request(asked, sets, recipe, seed=0), recipe)


def mix(store: Store, strategy: Strategy, sets: Sequence[ExampleSet], lineage: Lineage) -> Mix:
    """What the last of these generations trains on, stored; exactly as many batches as there are steps."""
    recipe, wanted = lineage.recipe, steps(strategy, sets, lineage.recipe)
    request = _request(strategy, sets, recipe, lineage.seed)
    batches = _batches(request, recipe)
    table = replay.mix(store, replace(request, epochs=math.ceil(wanted / batches)))
    at = pl.col("epoch") * batches + pl.int_range(pl.len()).over("epoch") // recipe.batch_size
    table = table.filter(at < wanted)
    first = table.filter(epoch=0)
    delta = first.filter(origin="delta").height
    return Mix(
        sha=store.write_table("mixes", table.to_arrow()),
        rows=table.height,
        epochs=int(table["epoch"].n_unique()),
        delta_rows=delta,
        replay_rows=first.height - delta,
        left_for_later=request.delta_rows - delta,
    )


def merged(model: Any, folders: Sequence[Path], way: str, recipe: Recipe) -> PeftModel:
    """The base under one adapter made of several.

    Mean and sum are exact, by concatenation: PEFT's "linear" adds up the factors, so that weights of 1/n give n times
    the mean of n equal adapters. PEFT 0.21 also leaves rsLoRA in the settings of what it merged, whose scaling is in
    the weights already: the root of the rank too much, by which they are divided here.
    """
    adapted = load_adapter(model, folders[0])
    names = ["default", *(f"from_{number}" for number in range(1, len(folders)))]
    for name, folder in zip(names[1:], folders[1:], strict=True):
        adapted.load_adapter(str(folder), name)
    joined = way in ("mean", "sum")
    rank = recipe.rank * len(folders) if joined else recipe.rank
    weight = (1 / len(folders) if way == "mean" else 1.0) / (rank**0.5 if recipe.rslora else 1.0)
    how = {"combination_type": "cat"} if joined else {"combination_type": way, "density": DENSITY}
    adapted.add_weighted_adapter(names, [weight] * len(names), "merged", **how)
    adapted.set_adapter("merged")
    return adapted.eval()


def _request(strategy: Strategy, sets: Sequence[ExampleSet], recipe: Recipe, seed: int) -> replay.Request:
    """One epoch of it."""
    return replay.Request(
        delta=tuple(sets) if strategy.on_everything else (sets[-1],),
        ancestors=() if strategy.from_base else tuple(sets[:-1]),
        kinds=(str(Kind.CONVERSATION),),
        replay=strategy.replay,
        synthetic=Synthetic(),
        epochs=1,
        max_length=recipe.max_length,
        seed=seed,
    )


def _batches(request: replay.Request, recipe: Recipe) -> int:
    """Of one epoch."""
    rows = request.delta_rows
    return math.ceil((rows + sum(request.replayed(rows, 0))) / recipe.batch_size)
