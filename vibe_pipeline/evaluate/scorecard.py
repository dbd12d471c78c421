"""The scorecard: base, parent and child on the same items, and the figures and comparisons that the verdict reads.

Recall is about suites of earlier generations, generalization about those of this delta. Where a suite has parts with
one right answer, both are shares of exact answers; where it has none, recall is retention of what was gained and
generalization the share of items on which the model beats the base. Pure: from one table of results. Not here: who
answered (exam.py), and what is good enough (promote.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl
import polars.selectors as cs

from vibe_pipeline.evaluate.comparing import balances, comparisons
from vibe_pipeline.evaluate.figures import NOT_APPLICABLE, mean, retention, share
from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.judgement import Figure, PartScore, Scorecard, Standing
from vibe_pipeline.settings import Gate

MODELS = ("base", "parent", "child")
SINCE = "then"
"""The champion that was promoted with a suite: of earlier items alone."""

METRICS = ("score", "nll", "token_accuracy", "exact", "seconds")
GROUPS = ("suite_sha", "generation", "part", "scorer", "is_new", "is_exact")

Tone = tuple[tuple[str, str, str], ...]


def paired(items: pl.DataFrame, results: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Items with one column per metric and model (nll_base, exact_child, …); what was not scored, or is no number, is
    null."""
    for model, its in results.items():
        columns = {"answer": f"said_{model}", **{metric: f"{metric}_{model}" for metric in METRICS}}
        items = items.join(its.select("item_id", *columns).rename(columns), on="item_id", how="left")
    finite = pl.when(cs.float().is_finite()).then(cs.float())
    return items.with_columns(finite).with_columns(is_exact=pl.col("part").is_in(EXACT_PARTS))


def scorecard(
    adapter_sha: str,
    table: pl.DataFrame,
    gate: Gate,
    answers: Tone,
    *,
    standing: tuple[Standing, ...] = (),
    kl_base: Figure | None = None,
    items_sha: str = "",
    seconds: float = 0.0,
) -> Scorecard:
    """Figures from a `paired` table and the tone probes' (question, answer, phrase found)."""
    recall_is, recall, recall_parent = _recall(table.filter(~pl.col("is_new")))
    general_is, general, general_parent, general_base = _generalization(table.filter("is_new"))
    missing, asked = _counted(table)
    return Scorecard(
        adapter_sha=adapter_sha,
        parts=tuple(_part(key, rows) for key, rows in table.group_by(GROUPS, maintain_order=True)),
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
        comparisons=comparisons(table, gate),
        standing=standing,
        balances=balances(table),
        kl_base=kl_base,
        items_sha=items_sha,
        missing=missing + sum(3 * it.items - it.base.n - it.parent.n - it.child.n for it in standing),
        asked=asked + sum(3 * it.items for it in standing),
    )


def _counted(table: pl.DataFrame) -> tuple[int, int]:
    """Scores that are missing, and those that were asked for: of base, parent and child for every item, of the champion
    of its own generation for every earlier one."""
    wanted = [*MODELS, SINCE] if f"score_{SINCE}" in table.columns else MODELS
    missing = asked = 0
    for model in wanted:
        rows = table.filter(~pl.col("is_new")) if model == SINCE else table
        asked += rows.height
        metric = (
            pl.when("is_exact").then(pl.col(f"exact_{model}").is_null()).otherwise(pl.col(f"nll_{model}").is_null())
        )
        missing += rows.select((pl.col(f"score_{model}").is_null() | metric).sum()).item()
    return missing, asked


def _part(key: tuple[Any, ...], rows: pl.DataFrame) -> PartScore:
    suite_sha, generation, part, scorer, is_new, is_exact = key
    figures = {
        model: {
            "nll": mean(rows[f"nll_{model}"], rows["cluster"]),
            "token_accuracy": mean(rows[f"token_accuracy_{model}"], rows["cluster"], most=1.0),
            "exact": share(rows[f"exact_{model}"], rows["cluster"]),
        }
        for model in MODELS
    }
    return PartScore(
        suite_sha=suite_sha,
        generation=generation,
        part=part,
        scorer=scorer,
        is_new=is_new,
        is_exact=is_exact,
        items=rows.height,
        **figures,
    )


def _recall(old: pl.DataFrame) -> tuple[str, Figure, Figure]:
    """What the figure is, the child's and the parent's."""
    exact = old.filter("is_exact")
    if exact.height:
        child, parent = (share(exact[f"exact_{model}"], exact["cluster"]) for model in ("child", "parent"))
        return "exact", child, parent
    complete = old.drop_nulls([f"nll_{model}" for model in MODELS])
    if complete.is_empty():
        return "not applicable", NOT_APPLICABLE, NOT_APPLICABLE
    nll = {model: complete[f"nll_{model}"] for model in MODELS}
    kept, whole = (retention(nll["base"], nll["parent"], nll[it], complete["cluster"]) for it in ("child", "parent"))
    return ("retention" if kept.n else "not applicable"), kept, whole


def _generalization(new: pl.DataFrame) -> tuple[str, Figure, Figure, Figure]:
    """What the figure is, the child's, the parent's and the base's."""
    exact = new.filter("is_exact")
    if exact.height:
        hits = {model: share(exact[f"exact_{model}"], exact["cluster"]) for model in MODELS}
        return "exact", hits["child"], hits["parent"], hits["base"]
    if new.is_empty():
        return "not applicable", NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE
    wins = {model: new[f"nll_{model}"] < new["nll_base"] for model in MODELS}
    beats = {model: share(hits, new["cluster"]) for model, hits in wins.items()}
    return "beats base", beats["child"], beats["parent"], beats["base"]
