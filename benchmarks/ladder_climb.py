"""One climb: a stream, a seed and a strategy, from the base to the last generation; kept, so that it is done once.

A climb is the product's own training (train.adapter.train_adapter) on the product's own mixes, judged after every
generation by one teacher-forced pass over the suites so far. What is kept of it is climbs/<key>.parquet, per item, and
climbs/<key>.json, written last: what it cost. The key holds everything that the figures hang on. All climbs of a stream
and a seed begin with the same first generation, which is trained once. Not here: which climbs there are.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.ladder_strategies import Strategy, merged, mix
from benchmarks.streams import STREAMS, Generation, Shape, sha_of, stored
from vibe_pipeline.evaluate.teacher_forced import score
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.models import ADAPTERS, BaseModel, Execution, base_model, execution, load_base, load_model
from vibe_pipeline.progress import nobody
from vibe_pipeline.records import SCHEMA_VERSION, Training, plain
from vibe_pipeline.settings import Lineage
from vibe_pipeline.store import Store
from vibe_pipeline.train.adapter import train_adapter

WAIT_S = 3600.0
"""For another process that trains the first generation of the same stream and seed."""


@dataclass(frozen=True, slots=True)
class Climb:
    """Everything that one climb hangs on. `strategy` is None where a model is asked as it is, and `name` says which."""

    home: Path
    data: Path
    stream: str
    shape: Shape
    seed: int
    name: str
    strategy: Strategy | None
    lineage: Lineage
    base_sha: str
    """Of what lineage.base_model names."""
    threads: int

    @property
    def key(self) -> str:
        """Of its figures: names, threads and the machine do not change them."""
        return key_of({**self._of_all, "strategy": self.strategy.identity if self.strategy else None})

    @property
    def first_key(self) -> str:
        """Of the generation that all climbs of this stream and seed begin with."""
        return key_of(self._of_all)

    @property
    def _of_all(self) -> dict[str, Any]:
        return {
            "stream": sha_of(self.stream, self.data, self.shape, self.seed),
            "seed": self.seed,
            "base": self.base_sha,
            "recipe": self.lineage.recipe.model_dump(mode="json"),
            "versions": {library: version(library) for library in ("torch", "transformers", "peft")},
        }

    @property
    def is_done(self) -> bool:
        """Whether it was climbed before."""
        return Store(self.home).exists(f"climbs/{self.key}.json")

    def kept(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """(per item: ITEMS; what it cost) of a climb that is done."""
        store = Store(self.home)
        return store.read_frame(f"climbs/{self.key}.parquet"), store.read_json(f"climbs/{self.key}.json")


def climb(what: Climb) -> None:
    """Climb, unless it was done before; what was trained on the way is removed."""
    if what.is_done:
        return
    started = time.monotonic()
    store, on = Store(what.home), execution("cpu", what.threads)
    base = base_model(store, what.lineage.base_model)
    with _scratch(what.home) as scratch:
        generations = stored(scratch, STREAMS[what.stream](what.data, what.shape, what.seed))
        judge = _Judge(on, generations)
        if what.strategy:
            scores, cost = _Route(what, what.strategy, store, scratch, base, on, judge).climbed()
        else:
            scores, cost = judge.answers(*load_base(base, on), len(generations) - 1), []
    store.write_parquet(f"climbs/{what.key}.parquet", scores.to_arrow())
    about = {"stream": what.stream, "seed": what.seed, "name": what.name, "seconds": time.monotonic() - started}
    store.write_json(f"climbs/{what.key}.json", {"schema_version": SCHEMA_VERSION, **about, "generations": cost})


@dataclass(frozen=True, slots=True)
class _Judge:
    on: Execution
    generations: list[Generation]

    def answers(self, model: Any, tokenizer: Any, number: int, way: str = "") -> pl.DataFrame:
        """ITEMS: way, generation, suite, cluster, item_id, exact, nll, seconds; of all suites up to this number."""
        items = pl.concat([it.items for it in self.generations[: number + 1]])
        with nobody("scoring") as advance:
            scores = score(model, tokenizer, items, self.on, advance)
        told = items.select("suite", "cluster", "item_id").join(scores, on="item_id", how="left")
        return told.select(
            pl.lit(way).alias("way"),
            pl.lit(number, pl.Int32).alias("generation"),
            *("suite", "cluster", "item_id", "exact", "nll", "seconds"),
        )


@dataclass(frozen=True, slots=True)
class _Route:
    what: Climb
    strategy: Strategy
    store: Store
    """What stays."""
    scratch: Store
    base: BaseModel
    on: Execution
    judge: _Judge

    def climbed(self) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
        """Scores after every generation on all suites so far, and what each generation cost."""
        shas: list[str] = []
        scores, cost = [], []
        for number in range(len(self.judge.generations)):
            trained = self._trained(number, shas)
            shas.append(trained.adapter_sha)
            started = time.monotonic()
            scores += [self._scored(number, shas, way) for way in self.strategy.ways or ("",)]
            cost.append({**_cost(trained), "scoring_s": time.monotonic() - started})
        return pl.concat(scores), cost

    def _trained(self, number: int, shas: Sequence[str]) -> Training:
        if number == 0:
            return self._first()
        parent = None if self.strategy.from_base else shas[-1]
        return self._train(self.scratch, number, parent)

    def _first(self) -> Training:
        """The same for all strategies: whoever comes first trains it."""
        name = f"first/{self.what.first_key}.json"
        with self.store.lock(f"first-{self.what.first_key}", WAIT_S):
            if not self.store.exists(name):
                trained = self._train(self.scratch, 0, None)
                folder = self.scratch.existing(f"{ADAPTERS}/{trained.adapter_sha}")
                _copy(folder, self.store)
                self.store.write_json(name, plain(trained))
        trained = self.store.read_record(Training, name)
        _copy(self.store.existing(f"{ADAPTERS}/{trained.adapter_sha}"), self.scratch)
        return trained

    def _train(self, store: Store, number: int, parent: str | None) -> Training:
        sets = [it.examples for it in self.judge.generations[: number + 1]]
        made = mix(store, self.strategy, sets, self.what.lineage)
        trained = train_adapter(store, self.base, parent, made, self.what.lineage, self.on, nobody, "climbing")
        assert trained.stopped == "complete", "a climb has no clock"
        return trained

    def _scored(self, number: int, shas: Sequence[str], way: str) -> pl.DataFrame:
        if not way or number == 0:
            model, tokenizer = load_model(self.scratch, self.base, shas[-1], self.on)
            return self.judge.answers(model, tokenizer, number, way)
        import torch

        torch.manual_seed(self.what.seed)  # DARE drops values at random
        base, tokenizer = load_base(self.base, self.on)
        folders = [self.scratch.existing(f"{ADAPTERS}/{sha}") for sha in shas]
        return self.judge.answers(merged(base, folders, way, self.what.lineage.recipe), tokenizer, number, way)


def _cost(trained: Training) -> dict[str, Any]:
    return {
        "steps": trained.steps,
        "tokens": trained.tokens,
        "training_s": trained.measured["walltime_min"] * 60,
        "adapter_sha": trained.adapter_sha,
    }


def _copy(folder: Path, store: Store) -> None:
    def fill(to: Path) -> None:
        shutil.copytree(folder, to, dirs_exist_ok=True)

    store.write_folder(ADAPTERS, fill)


@contextmanager
def _scratch(home: Path) -> Iterator[Store]:
    """Adapters take 20 MB each: those of a climb go when it is over; what a killed one left goes with the next run."""
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".climbing-", dir=home) as folder:
        yield Store(folder)
