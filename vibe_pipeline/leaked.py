"""Items of standing suites that a lineage was trained on: what it was told is no sign of what it can do.

A suite of a generation is born clean (curation sees to it); one that a user writes, or the general one, is not. What is
found in the training rows of a generation is kept by suite and example set, so a rung looks at its own delta alone,
however high the ladder. Not here: how a question is found (dedup/asked.py), and what follows from it (promote.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vibe_pipeline.curate.dedup.asked import Asked
from vibe_pipeline.curate.dedup.sketch import MADE_BY
from vibe_pipeline.evaluate.standing import questions
from vibe_pipeline.records import ExampleSet, Kind, Split
from vibe_pipeline.store import Store

READ = ["split", "kind", "prompt", "completion"]


def leaked(
    store: Store, suites: Iterable[tuple[str, str]], learned: Sequence[ExampleSet], kinds: Collection[Kind]
) -> dict[str, frozenset[str]]:
    """Sha of each suite (name, sha) → ids of its items that stand in the training rows of these kinds and sets, whether
    or not the mixes had room for the row."""
    wanted = {str(kind) for kind in kinds}
    found: dict[str, frozenset[str]] = {}
    for _, sha in suites:
        told = [_kept(store, sha, examples) for examples in learned]
        found[sha] = frozenset(item for its in told for kind, items in its.items() if kind in wanted for item in items)
    return found


def _kept(store: Store, suite_sha: str, examples: ExampleSet) -> dict[str, list[str]]:
    """Kind → items that rows of this kind ask, in one example set."""
    name = f"leaked/{MADE_BY}/{suite_sha}/{examples.sha}.json"
    if not store.exists(name):
        store.write_json(name, _found(store, suite_sha, examples))
    return store.read_json(name)


def _found(store: Store, suite_sha: str, examples: ExampleSet) -> dict[str, list[str]]:
    items = questions(store.read_frame(f"suites/{suite_sha}.parquet"))
    asked = Asked(items["question"].to_arrow(), items["accepted"].to_arrow())
    found: dict[str, set[str]] = {}
    file = pq.ParquetFile(store.existing_table(f"examples/{examples.sha}.parquet"))
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group, columns=READ)
        rows = rows.filter(pc.equal(rows["split"], str(Split.TRAIN)))
        for kind in pc.unique(rows["kind"]).to_pylist():
            its = rows.filter(pc.equal(rows["kind"], kind)).combine_chunks()
            is_there = asked.among(*(its[name].combine_chunks() for name in ("prompt", "completion")))
            found.setdefault(kind, set()).update(items["item_id"].filter(pl.Series(is_there)))
    return {kind: sorted(its) for kind, its in sorted(found.items())}
