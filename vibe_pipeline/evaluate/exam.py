"""The evaluation stage: base, parent and child answer the same items; results are kept per item.

What was scored is read back: the base's and the parent's answers to old suites, and those of the champion that was
promoted with each of them. Earlier suites are sampled (as many of each, chosen by their hash, so that the same ones are
chosen again), which bounds the cost of a rung whatever the ladder's height. First few are asked; more, where so few
could not show a harmless child to be harmless (sampling.py).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import polars as pl
import polars.selectors as cs

from vibe_pipeline.errors import JudgeUnreachable
from vibe_pipeline.evaluate import judge, sampling
from vibe_pipeline.evaluate.divergence import divergence, fixed_texts
from vibe_pipeline.evaluate.results import SCHEMA, columns, completed
from vibe_pipeline.evaluate.scorecard import SINCE, paired, scorecard
from vibe_pipeline.evaluate.scorers import score
from vibe_pipeline.evaluate.standing import standing
from vibe_pipeline.evaluate.style import tone
from vibe_pipeline.evaluate.suites import LABELS
from vibe_pipeline.judgement import Scorecard, Standing
from vibe_pipeline.models import BaseModel, Execution, load_model
from vibe_pipeline.progress import Watch
from vibe_pipeline.records import ExampleSet
from vibe_pipeline.settings import Lineage
from vibe_pipeline.store import Store
from vibe_pipeline.withdrawn import Withdrawn

ITEM: dict[str, Any] = {
    "suite_sha": pl.String,
    "generation": pl.Int32,
    "is_new": pl.Boolean,
    **dict.fromkeys(("part", "scorer", "kind", "item_id", "cluster", "prompt", "answer"), pl.String),
    "choices": pl.List(pl.String),
}
"""Suites that were made before a column came have nulls there."""

FOLDER = "scorecards"

KEEP_WAIT_S = 600.0
"""Of a lineage that would keep results while another does: a file is read and written in that time."""

JUDGED = columns("score")


class Exam:
    """Who is examined, where, and who watches."""

    def __init__(
        self,
        store: Store,
        base: BaseModel,
        lineage: Lineage,
        on: Execution,
        watch: Watch,
        by: judge.Endpoint | None = None,
    ) -> None:
        self.judge = by
        self.store, self.base, self.lineage, self.on, self.watch = store, base, lineage, on, watch
        self._load = lru_cache(maxsize=1)(lambda adapter_sha: load_model(store, base, adapter_sha, on))

    def scorecard(
        self,
        child: str,
        parent: str | None,
        new: Sequence[ExampleSet],
        earlier: Sequence[ExampleSet],
        champions: Mapping[int, str],
        suites: Sequence[tuple[str, str]] = (),
        withdrawn_sha: str = "",
        leaked: Mapping[str, Collection[str]] = MappingProxyType({}),
        attempt: int = 1,
        marks: Mapping[str, str] = MappingProxyType({}),
    ) -> Scorecard:
        """Figures of the adapter `child` beside its parent (None: the base is its parent), the base, and the adapters
        that were promoted with earlier generations (generation → sha); `suites`, (name, sha), are asked each time,
        but for the items that `leaked` (sha → ids) into training, and compared with the adapter that did best on them
        (`marks`) too. What withdrawn/<sha>.parquet took back of what a fact's answer was, is asked no longer. A later
        attempt at a generation asks more items: its level is lower."""
        started, gate = time.monotonic(), self.lineage.gate
        first = min(gate.first_items, gate.recall_items)
        gone = Withdrawn(self.store, withdrawn_sha)
        fresh = sampling.newest(self._items(new, gone, is_new=True))
        pool = sampling.still_asked(self._items(earlier, gone, is_new=False), fresh)
        fresh, pool = (sampling.ranked(sampling.few_of_each(its)) for its in (fresh, pool))
        fresh = fresh.head(gate.new_items)
        models = {"base": None, "parent": parent, "child": child}
        table = self._table(pl.concat([fresh, pool.head(first)]), models, champions)
        left = gate.max_seconds - (time.monotonic() - started)
        wanted = sampling.wanted(table, gate, left, attempt)
        if min(wanted, pool.height) > first:
            table = self._table(pl.concat([fresh, pool.head(wanted)]), models, champions)
        asked = tuple(self._standing(name, sha, models, leaked.get(sha, ()), marks.get(sha)) for name, sha in suites)
        model, tokenizer = self._load(child)
        with self.watch("comparing with the base") as advance:
            kl_base = divergence(model, tokenizer, fixed_texts(), self.on, advance)
        return scorecard(
            child,
            table,
            gate,
            tone(model, tokenizer, self.lineage.style, self.on),
            standing=asked,
            kl_base=kl_base,
            items_sha=self.store.write_table(FOLDER, _without_words(table).to_arrow()),
            seconds=time.monotonic() - started,
        )

    def _standing(
        self, name: str, sha: str, models: Mapping[str, str | None], leaked: Collection[str], best: str | None
    ) -> Standing:
        every = self.store.read_frame(f"suites/{sha}.parquet").with_columns(suite_sha=pl.lit(sha))
        is_leaked = every["item_id"].is_in(list(leaked))
        items = every.filter(~is_leaked)
        results = {model: self._results(its, items, model) for model, its in models.items()}
        if (items["scorer"] == judge.SCORER).any():
            results = self._judged(sha, items.filter(pl.col("scorer") == judge.SCORER), models, results)
        if best is None or best == models["parent"]:
            return standing(name, sha, every, results, is_leaked.arg_true().to_list())
        results["best"] = self._results(best, items, "the best of old")
        return standing(name, sha, every, results, is_leaked.arg_true().to_list(), best)

    def _judged(
        self, sha: str, items: pl.DataFrame, models: Mapping[str, str | None], results: dict[str, pl.DataFrame]
    ) -> dict[str, pl.DataFrame]:
        """The same results with scores where a judge gives them. What it said once of two models is kept."""
        said = {model: its.select("item_id", said="answer") for model, its in results.items()}
        won: dict[str, pl.DataFrame] = {}
        for other in ("parent", "base"):
            name = judge.kept_at(str(models["child"]), models[other] or self.base.sha, sha)
            kept = self._kept(name, JUDGED)
            pairs = items.join(said["child"], on="item_id", how="left").rename({"said": "one"})
            pairs = pairs.join(said[other], on="item_id", how="left").rename({"said": "other"})
            left = pairs.join(kept, on="item_id", how="anti")
            if self.judge and left.height:
                with self.watch(f"judging beside the {other}") as advance:
                    figures, silence = judge.compared(left, self.judge, advance)
                kept = self._keep(name, figures.drop_nulls(), JUDGED)
                if silence:
                    raise JudgeUnreachable(
                        f"the judge at {self.judge.url} compared {kept.height} of {items.height} answers of the child "
                        f"with those of the {other}, then could not be heard: {silence.rstrip('.')}",
                        "Start it, or correct [judge], and climb again: what it said is kept",
                    )
            won[other] = kept
        return judge.scored(results, won)

    def _table(
        self, items: pl.DataFrame, models: Mapping[str, str | None], champions: Mapping[int, str]
    ) -> pl.DataFrame:
        """Items with the results of all models: a `paired` table. The child comes last: it is asked further."""
        old, then = items.filter(~pl.col("is_new")), [pl.DataFrame(schema=SCHEMA)]
        of_sha = pl.col("generation").replace_strict(dict(champions), default=None, return_dtype=pl.String)
        for (sha,), its in old.with_columns(sha=of_sha).group_by("sha", maintain_order=True):
            if sha is not None:
                then.append(self._results(str(sha), its.drop("sha"), "champions of old"))
        results = {model: self._results(sha, items, model) for model, sha in models.items()}
        return paired(items, {**results, SINCE: pl.concat(then)})

    def _items(self, sets: Sequence[ExampleSet], gone: Withdrawn, *, is_new: bool) -> pl.DataFrame:
        """The items of some suites that this lineage reads: those of its kinds, whose facts are still taught. (A delta
        that is offered again may hold what was answered anew in the next.)"""
        frames = [pl.DataFrame(schema=ITEM)]
        for examples in sets:
            its = self.store.read_frame(f"suites/{examples.suite_sha}.parquet")
            its = its.filter(~pl.col("fact").is_in(self._told_anew(examples, gone)).fill_null(False))
            together = pl.coalesce("cluster" if "cluster" in its.columns else "fact", "item_id")
            of = {"suite_sha": pl.lit(examples.suite_sha), "generation": pl.lit(examples.generation, pl.Int32)}
            its = its.with_columns(**of, is_new=pl.lit(is_new), cluster=together)
            frames.append(its.select(name for name in ITEM if name in its.columns))
        return pl.concat(frames, how="diagonal").filter(
            pl.col("kind").is_in([str(kind) for kind in self.lineage.kinds])
        )

    def _told_anew(self, examples: ExampleSet, gone: Withdrawn) -> list[str]:
        """Facts of a generation of which a row was taken back: what its items ask for is taught no longer."""
        rows = gone.of(examples.generation)
        if not len(rows):
            return []
        file = self.store.existing_table(f"examples/{examples.sha}.parquet")
        facts = pl.read_parquet(file, columns=["fact"], glob=False)["fact"]
        return facts.gather(rows).drop_nulls().unique().to_list()

    def _results(self, adapter_sha: str | None, items: pl.DataFrame, title: str) -> pl.DataFrame:
        """Kept results of these items, after scoring those that have none yet."""
        folder = f"scores/{adapter_sha or self.base.sha}"
        kept = {sha: self._kept(f"{folder}/{sha}.parquet") for sha in items["suite_sha"].unique(maintain_order=True)}
        missing = items.join(_together(kept), on="item_id", how="anti")
        if missing.is_empty():
            return _together(kept)
        with self.watch(f"scoring {title}") as advance:
            model, tokenizer = self._load(adapter_sha)
            scored = score(model, tokenizer, missing, self.on, advance)
        owner = missing.select("item_id", "suite_sha")
        for (sha,), rows in scored.join(owner, on="item_id").group_by("suite_sha", maintain_order=True):
            kept[sha] = self._keep(f"{folder}/{sha}.parquet", rows.drop("suite_sha"))
        return _together(kept)

    def _kept(self, name: str, schema: dict[str, Any] = SCHEMA) -> pl.DataFrame:
        return (
            completed(self.store.read_frame(name), schema) if self.store.exists(name) else pl.DataFrame(schema=schema)
        )

    def _keep(self, name: str, rows: pl.DataFrame, schema: dict[str, Any] = SCHEMA) -> pl.DataFrame:
        """All that is kept with these rows; what another lineage scored since we looked stands as it said it."""
        with self.store.lock("scores", KEEP_WAIT_S):
            kept = self._kept(name, schema)
            every = pl.concat([kept, rows.join(kept, on="item_id", how="anti")])
            self.store.write_parquet(name, every.to_arrow())
        return every


def _together(kept: dict[Any, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=SCHEMA), *kept.values()])


def _without_words(table: pl.DataFrame) -> pl.DataFrame:
    """What figures are made of, without what people said and how long it took: of answers, those that are labels, and
    numbers for other right ones, since of these too it matters which are the same."""
    is_label, said = pl.col("part") == LABELS, [name for name in table.columns if name.startswith("said_")]
    number = pl.col("answer").rank("dense").over("generation", "part").cast(pl.String)
    answer = pl.when(is_label).then("answer").when(pl.col("is_exact")).then(number)
    return table.drop("prompt", "choices", cs.starts_with("seconds_")).with_columns(
        answer.alias("answer"), *(pl.when(is_label).then(name).alias(name) for name in said)
    )
