"""The scorecard: base, parent and child on the same items, and the three figures that the verdict reads.

Recall is about suites of earlier generations, generalization about those of this delta. Where a suite has
parts with one right answer, both are shares of exact answers; where it has none, recall is retention of
what was gained and generalization the share of items on which the model beats the base.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from vibe_pipeline.evaluate.figures import NOT_APPLICABLE, mean, retention, share
from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.records import Figure, PartScore, Scorecard

MODELS = ("base", "parent", "child")
METRICS = ("nll", "token_accuracy", "exact")


def paired(items: pl.DataFrame, scores: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Items with one column per metric and model (nll_base, exact_child, …); what was not scored is null."""
    for model in MODELS:
        columns = {metric: f"{metric}_{model}" for metric in METRICS}
        items = items.join(scores[model].select("item_id", *METRICS).rename(columns), on="item_id", how="left")
    return items


def scorecard(
    adapter_sha: str, table: pl.DataFrame, answers: tuple[tuple[str, str, str], ...], seconds: float
) -> Scorecard:
    """Figures from a `paired` table and the tone probes' (question, answer, phrase found)."""
    recall_is, recall, recall_parent = _recall(table.filter(~pl.col("is_new")))
    general_is, general, general_parent, general_base = _generalization(table.filter("is_new"))
    groups = table.group_by("suite_sha", "generation", "part", "scorer", "is_new", maintain_order=True)
    return Scorecard(
        adapter_sha=adapter_sha,
        parts=tuple(_part(key, rows) for key, rows in groups),
        recall=recall,
        recall_parent=recall_parent,
        recall_is=recall_is,
        generalization=general,
        generalization_parent=general_parent,
        generalization_base=general_base,
        generalization_is=general_is,
        style_drift=share(pl.Series([bool(phrase) for _, _, phrase in answers], dtype=pl.Boolean)),
        tone=answers,
        measured={"seconds": seconds},
    )


def _part(key: tuple[Any, ...], rows: pl.DataFrame) -> PartScore:
    suite_sha, generation, part, scorer, is_new = key
    figures = {
        model: {
            "nll": mean(rows[f"nll_{model}"]),
            "token_accuracy": mean(rows[f"token_accuracy_{model}"], most=1.0),
            "exact": share(rows[f"exact_{model}"]),
        }
        for model in MODELS
    }
    return PartScore(
        suite_sha=suite_sha,
        generation=generation,
        part=part,
        scorer=scorer,
        is_new=is_new,
        items=rows.height,
        **figures,
    )


def _recall(old: pl.DataFrame) -> tuple[str, Figure, Figure]:
    """What the figure is, the child's and the parent's."""
    exact = old.filter(pl.col("part").is_in(EXACT_PARTS))
    if exact.height:
        return "exact", share(exact["exact_child"]), share(exact["exact_parent"])
    complete = old.drop_nulls([f"nll_{model}" for model in MODELS])
    if complete.is_empty():
        return "not applicable", NOT_APPLICABLE, NOT_APPLICABLE
    base, parent, child = (complete[f"nll_{model}"] for model in MODELS)
    kept = retention(base, parent, child)
    return ("retention" if kept.n else "not applicable"), kept, retention(base, parent, parent)


def _generalization(new: pl.DataFrame) -> tuple[str, Figure, Figure, Figure]:
    """What the figure is, the child's, the parent's and the base's."""
    exact = new.filter(pl.col("part").is_in(EXACT_PARTS))
    if exact.height:
        hits = {model: exact[f"exact_{model}"] for model in MODELS}
        return "exact", share(hits["child"]), share(hits["parent"]), share(hits["base"])
    if new.is_empty():
        return "not applicable", NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE
    wins = {model: new[f"nll_{model}"] < new["nll_base"] for model in MODELS}
    return "beats base", share(wins["child"]), share(wins["parent"]), share(wins["base"])
