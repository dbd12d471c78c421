"""The evaluation stage: base, parent and child answer the same items; results are kept per item.

scores/<model sha>/<suite sha>.parquet is written once per adapter × suite × item and never recomputed: the
base's and the parent's answers to old suites are read back. Earlier suites are sampled (as many of each, chosen by
their hash, so that the same ones are chosen again), which bounds the cost of a rung whatever the ladder's height.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from vibe_pipeline.evaluate.scorecard import paired, scorecard
from vibe_pipeline.evaluate.style import tone
from vibe_pipeline.evaluate.teacher_forced import SCHEMA, score
from vibe_pipeline.models import BaseModel, Execution, load_model
from vibe_pipeline.progress import Watch
from vibe_pipeline.records import ExampleSet, Scorecard
from vibe_pipeline.settings import Lineage
from vibe_pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Exam:
    """Who is examined, where, and who watches."""

    store: Store
    base: BaseModel
    lineage: Lineage
    on: Execution
    watch: Watch

    def scorecard(
        self, child: str, parent: str | None, new: Sequence[ExampleSet], earlier: Sequence[ExampleSet]
    ) -> Scorecard:
        """Figures of the adapter `child` beside its parent (None: the base is its parent) and the base."""
        started = time.monotonic()
        # A question that is asked anew has a new answer: the old one is no longer what is to be known.
        asked_since = pl.col("prompt").is_in(self._items(new, is_new=True)["prompt"].implode())
        rank = pl.col("item_id").rank("ordinal").over("suite_sha")  # ids are hashes: the same items are chosen again
        old = self._items(earlier, is_new=False).sort("generation", descending=True)
        old = old.unique("prompt", keep="first", maintain_order=True).filter(~asked_since)
        old = old.sort(rank, "item_id").head(self.lineage.gate.recall_items)
        items = pl.concat([self._items(new, is_new=True), old])
        shas = {"base": None, "parent": parent, "child": child}
        scores = {model: self._scores(sha, items, model) for model, sha in shas.items()}
        model, tokenizer = load_model(self.store, self.base, child, self.on)
        answers = tone(model, tokenizer, self.lineage.style, self.on)
        return scorecard(child, paired(items, scores), answers, time.monotonic() - started)

    def _items(self, sets: Sequence[ExampleSet], *, is_new: bool) -> pl.DataFrame:
        """The items of some suites that this lineage reads: those of its kinds."""
        frames = [
            self.store.read_frame(f"suites/{examples.suite_sha}.parquet").with_columns(
                suite_sha=pl.lit(examples.suite_sha),
                generation=pl.lit(examples.generation, pl.Int32),
                is_new=pl.lit(is_new),
            )
            for examples in sets
        ]
        columns = ["suite_sha", "generation", "is_new", "part", "scorer", "kind", "item_id", "prompt", "answer"]
        items = pl.concat(frames).select(columns) if frames else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        return items.filter(pl.col("kind").is_in([str(kind) for kind in self.lineage.kinds])).cast(
            {"generation": pl.Int32, "is_new": pl.Boolean}
        )

    def _scores(self, adapter_sha: str | None, items: pl.DataFrame, title: str) -> pl.DataFrame:
        """Kept results of these items, after scoring those that have none yet."""
        folder = f"scores/{adapter_sha or self.base.sha}"
        kept = {sha: self._kept(f"{folder}/{sha}.parquet") for sha in items["suite_sha"].unique(maintain_order=True)}
        missing = items.join(_together(kept), on="item_id", how="anti")
        if missing.is_empty():
            return _together(kept)
        with self.watch(f"scoring {title}") as advance:
            model, tokenizer = load_model(self.store, self.base, adapter_sha, self.on)
            scored = score(model, tokenizer, missing, self.on, advance)
        owner = missing.select("item_id", "suite_sha")
        for (sha,), rows in scored.join(owner, on="item_id").group_by("suite_sha", maintain_order=True):
            kept[sha] = pl.concat([kept[sha], rows.drop("suite_sha")])
            self.store.write_parquet(f"{folder}/{sha}.parquet", kept[sha].to_arrow())
        return _together(kept)

    def _kept(self, name: str) -> pl.DataFrame:
        return self.store.read_frame(name) if self.store.exists(name) else pl.DataFrame(schema=SCHEMA)


def _together(kept: dict[Any, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=SCHEMA), *kept.values()])
