"""Kept scores beside the scorecards that were made of them, item by item.

A file of scores grows as more items are asked, so nothing names it by its content; but each scorecard keeps, in a file
that is, what every model got for every item. The numbers were copied, so they are equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.evaluate import judge
from vibe_pipeline.evaluate.results import completed
from vibe_pipeline.evaluate.scorecard import METRICS, MODELS, SINCE
from vibe_pipeline.ledger import Event
from vibe_pipeline.store import Store
from vibe_pipeline.verifying.findings import Findings

PLACE = ("model_sha", "suite_sha", "item_id")


def frame(store: Store, name: str, findings: Findings) -> pl.DataFrame:
    """A Parquet file of the home; LedgerDamaged where it was found to be damaged before: Polars may panic on it."""
    if findings.is_damaged(store.current(name)):
        raise LedgerDamaged(f"{name} is damaged", "Restore it from a backup")
    return store.read_frame(name)


def models_of(event: Event) -> dict[str, str]:
    """Base, parent and child of a settled rung by their shas; the base is the parent of the first."""
    facts = event.facts
    return {
        "base": facts["base_sha"],
        "parent": facts["parent_sha"] or facts["base_sha"],
        "child": facts["child_sha"],
    }


def judged_at(event: Event, standing: dict[str, Any]) -> dict[str, str]:
    """Parent and base → where a judge's word on the child beside them is kept; empty for a suite without a judge."""
    if judge.SCORER not in standing["scorer"].split(", "):
        return {}
    shas = models_of(event)
    return {it: judge.kept_at(shas["child"], shas[it], standing["suite_sha"]) for it in ("parent", "base")}


def kept(event: Event, table: pl.DataFrame) -> pl.DataFrame:
    """What a scorecard's table says that each model got: PLACE, METRICS and whose scorecard it is."""
    facts, shas = event.facts, models_of(event)
    then = {int(generation): sha for generation, sha in facts.get("champions", {}).items()}
    of_then = pl.col("generation").replace_strict(then, default=None, return_dtype=pl.String)
    frames = []
    for model in (*MODELS, SINCE):
        its = {metric: f"{metric}_{model}" for metric in METRICS if f"{metric}_{model}" in table.columns}
        sha = of_then if model == SINCE else pl.lit(shas[model])
        values = [pl.col(column).alias(metric) for metric, column in its.items()]
        rows = table.select(sha.alias("model_sha"), "suite_sha", "item_id", *values)
        frames.append(rows.filter(pl.any_horizontal(pl.col(*its).is_not_null())).drop_nulls("model_sha"))
    return pl.concat(frames, how="diagonal").with_columns(by=pl.lit(f"scorecards/{facts['items_sha']}.parquet"))


def check(store: Store, kept: Iterable[pl.DataFrame], findings: Findings) -> None:
    """Every file of scores agrees with all scorecards that were made of it."""
    frames = [*kept]
    if not frames:
        return
    metrics = [name for name in METRICS if any(name in frame.columns for frame in frames)]
    every = pl.concat(frames, how="diagonal").unique([*PLACE, *metrics], keep="first", maintain_order=True)
    findings.checked["scores"] += every.height
    for (model, suite), its in every.group_by("model_sha", "suite_sha", maintain_order=True):
        _compare(store, f"scores/{model}/{suite}.parquet", its, metrics, findings)


def _compare(store: Store, name: str, its: pl.DataFrame, metrics: list[str], findings: Findings) -> None:
    by = str(its["by"][0])
    try:
        stored = completed(frame(store, name, findings))
    except (LedgerDamaged, pl.exceptions.PolarsError) as error:
        if not findings.is_damaged(name):
            findings.add("scores", name, f"the scores of {by}", error)
        return
    both = its.join(
        stored.with_columns(is_there=True), on="item_id", how="left", suffix="_stored", maintain_order="left"
    )
    if gone := both["is_there"].null_count():
        findings.add("scores", name, f"{its.height} items of {by}", f"{gone} are missing")
    there = both.drop_nulls("is_there")
    for metric in metrics:
        other = there.filter(pl.col(metric).ne_missing(pl.col(f"{metric}_stored")))
        if other.height:
            first = other.row(0, named=True)
            place = f"{metric} of {first['item_id']} is {first[metric]} in {first['by']}"
            findings.add("scores", name, place, f"{first[f'{metric}_stored']}; {other.height} items differ")
