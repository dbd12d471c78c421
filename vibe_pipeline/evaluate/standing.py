"""Suites that belong to no generation and are asked in each: the general one, and those of the user's own.

They are written to the store like any suite, named by their content: what a file says when a rung is resolved is what
the rung is judged on. Not here: reading a file (general.py, own.py, task.py), and what is good enough (promote.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate import choices, general, judge, own, task
from vibe_pipeline.evaluate.figures import mean
from vibe_pipeline.judgement import Comparison, Standing
from vibe_pipeline.paired import compare_scores, compare_shares
from vibe_pipeline.passes import PROMPT_FORMAT
from vibe_pipeline.settings import Judge, Lineage
from vibe_pipeline.store import Store

GENERAL = "general"


def written(store: Store, lineage: Lineage) -> tuple[tuple[str, str], ...]:
    """(name, sha of the suite) of all that a lineage is asked; SettingsInvalid where a file is not one."""
    frames = {GENERAL: _general(Path(lineage.general_suite) if lineage.general_suite else None)}
    frames |= {name: _own(name, Path(path), lineage.judge) for name, path in lineage.suites.items()}
    return tuple((name, store.write_table("suites", frame.to_arrow())) for name, frame in frames.items())


def _general(file: Path | None) -> pl.DataFrame:
    return general.items(file).with_columns(
        kind=pl.lit(None, pl.String),
        cluster=pl.col("item_id").first().over("prompt", "answer"),  # a copy under another id tells nothing more
        prompt_format=pl.lit(general.PROMPT_FORMAT),
        scorer=pl.lit(choices.SCORER),
    )


def _own(name: str, file: Path, by: Judge | None) -> pl.DataFrame:
    items = task.items(file) if (is_task := task.is_task(file)) else own.items(file)
    is_judged = (items["scorer"] == judge.SCORER).any()
    if is_judged and by is None:
        raise SettingsInvalid(f"{file} has items with criteria, and no judge compares them", "Set judge.url and .model")
    return items.with_columns(
        item_id=pl.format(f"{name}-{{}}", "item_id"),
        kind=pl.lit(None, pl.String),
        prompt_format=pl.col("prompt_format") if is_task else pl.lit(PROMPT_FORMAT),
        judge=pl.lit(f"{by.model} at {by.url}" if by and is_judged else None, pl.String),
    )


def questions(items: pl.DataFrame) -> pl.DataFrame:
    """item_id, question and accepted of one of these suites: what is asked without the format, a row an answer."""
    bare = pl.col("prompt").str.strip_prefix("Question: ").str.strip_suffix("\nAnswer:")
    question = pl.when(pl.col("prompt_format") == general.PROMPT_FORMAT).then(bare).otherwise("prompt")
    answers = pl.col("accepted") if "accepted" in items.columns else pl.concat_list("answer")
    return items.select("item_id", question=question, accepted=answers).explode("accepted")


def standing(
    name: str,
    sha: str,
    items: pl.DataFrame,
    results: Mapping[str, pl.DataFrame],
    trained_on: Sequence[int] = (),
    best_sha: str = "",
) -> Standing:
    """One of these suites as base, parent, child and, if there is one, the `best` of old answered it, without the rows
    that were trained on. What is compared runs from 0 to 1: the chance that a model gives the right choice, which says
    more than whether it is the likeliest."""
    is_asked = ~pl.int_range(pl.len()).is_in(list(trained_on))
    table = items.filter(is_asked).select("item_id", "cluster", "scorer")
    for model, its in results.items():
        score = its.select("item_id", pl.coalesce("chance", "score").alias(model))
        table = table.join(score.fill_nan(None), on="item_id", how="left")
    return Standing(
        name=name,
        suite_sha=sha,
        scorer=", ".join(table["scorer"].unique().sort()),
        items=table.height,
        base=mean(table["base"], table["cluster"], most=1.0),
        parent=mean(table["parent"], table["cluster"], most=1.0),
        child=mean(table["child"], table["cluster"], most=1.0),
        trained_on=tuple(trained_on),
        parent_comparison=_compared(table, "parent"),
        base_comparison=_compared(table, "base"),
        best_comparison=_compared(table, "best") if best_sha else None,
        best_sha=best_sha,
        is_judged=judge.SCORER in table["scorer"],
    )


def _compared(table: pl.DataFrame, other: str) -> Comparison | None:
    """The child beside another model; None where no item has both, which blocks as missing. Scores that are all right
    or wrong are compared as right answers are."""
    both = table.drop_nulls(["child", other])
    if both.is_empty():
        return None
    (child, its), clusters = both.select("child", other).to_numpy().T, both["cluster"].rank("dense").to_numpy()
    if np.isin([child, its], (0.0, 1.0)).all():
        return compare_shares(child, its, clusters)
    return compare_scores(child - its, clusters)
