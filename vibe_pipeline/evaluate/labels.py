"""Scorer of labels: which of the few answers of a suite the model finds likeliest, as it was trained to give them.

A label follows the prompt in the format of training and ends with the end of sequence, so that "fails" and "fails:
TypeError" are two answers and not one with more to it. It weighs its log-likelihood as it is: the model has learned to
give these very labels, and their chances, long or short, are what it says. (What it never learned is weighed by its
length: choices.py.) All labels of a suite are read beside each other, the prompt once.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from vibe_pipeline.evaluate.choices import MAX_LENGTH, SCHEMA, losses_of, weighed
from vibe_pipeline.models import Execution
from vibe_pipeline.passes import Fork, longest
from vibe_pipeline.progress import Advance

SCORER = "labels-v1"


def score(model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance) -> pl.DataFrame:
    """choices.SCHEMA, one row per item (item_id, prompt, answer, choices): `answer` is the label of the greatest
    chance, `score` 1.0 and `exact` true where it is the right one, `nll` that of the right one in nats a token, its end
    of sequence among them, as the teacher-forced scorer has it. Not finite: all but `tokens` and `seconds` are null.
    """
    if items.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    rows: list[tuple[Any, ...]] = []
    for which, losses, seconds in losses_of(model, _forks(tokenizer, items, longest(model, MAX_LENGTH)), on):
        told = zip(items[which.start : which.stop].rows(named=True), losses, strict=True)
        rows += [weighed(item, its, seconds, [1.0] * len(its)) for item, its in told]
        advance(len(rows), items.height)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _forks(tokenizer: Any, items: pl.DataFrame, limit: int) -> list[Fork]:
    """Token ids as passes.encode lays them; a prompt loses its beginning so that the longest label fits."""
    labels = items["choices"].explode().unique().sort().to_list()
    ends = tokenizer(labels, add_special_tokens=False)["input_ids"]
    tokens = {label: [*row, tokenizer.eos_token_id][: limit - 1] for label, row in zip(labels, ends, strict=True)}
    prompts = items.select(prompt=pl.col("prompt") + "\n\n")["prompt"].to_list()
    stems = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    forks = []
    for stem, choices in zip(stems, items["choices"].to_list(), strict=True):
        branches = [tokens[choice] for choice in choices]
        forks.append(Fork(stem[max(0, len(stem) + max(map(len, branches)) - limit) :], branches))
    return forks
