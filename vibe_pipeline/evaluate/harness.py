"""Scorer of items that come from a task of lm-evaluation-harness: its own requests, filters and metric.

A model is asked through lm_eval's wrapper for models of transformers, with its defaults and one request at a time: what
an item gets does not hang on what is asked beside it. A score is the task's first metric for that document, as
`lm_eval` prints it before taking the mean. Where a logit is not finite there is none, which blocks: lm_eval would take
the first choice, and that may be right. Not here: reading a task (task.py).
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import polars as pl

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate.results import columns
from vibe_pipeline.models import Execution
from vibe_pipeline.progress import Advance

SCORER = "lm-eval-v1"

NAME = "suite"
"""What lm_eval calls a task that is made again from a suite's items."""

SCHEMA = columns("answer", "score", "exact", "seconds")


def score(model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance) -> pl.DataFrame:
    """SCHEMA, one row per item (item_id, requests, document, task): `answer` is what it said where it was asked to
    speak, `exact` whether a score of 0 or 1 is 1. SettingsInvalid where a metric does not run from 0 to 1."""
    from lm_eval.models.huggingface import HFLM

    asked = HFLM(pretrained=model, tokenizer=copy.deepcopy(tokenizer), backend="causal", batch_size=1)
    rows: list[tuple[Any, ...]] = []
    for (said,), its in items.group_by("task", maintain_order=True):
        told = json.loads(str(said))
        task = _task(told)
        for item in its.rows(named=True):
            rows.append(_row(asked, task, told, item))
            advance(len(rows), items.height)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _task(told: dict[str, Any]) -> Any:
    """The task as far as it judges. lm_eval wants a document to make one: what that says is replaced for each item."""
    from datasets import Dataset
    from lm_eval.api.task import ConfigurableTask

    blank = {"doc_to_text": "", "doc_to_target": "", "doc_to_choice": ["_"] if told["has_choices"] else None}
    data = {"custom_dataset": lambda **_: {"test": Dataset.from_dict({"at": [0]})}, "test_split": "test"}
    task = ConfigurableTask(config={**told["config"], **blank, **data, "task": NAME})
    task.multiple_input, task.multiple_target = told["multiple_input"], told["multiple_target"]
    return task


def _row(asked: Any, task: Any, told: dict[str, Any], item: dict[str, Any]) -> tuple[Any, ...]:
    from lm_eval.api.instance import Instance

    started, its = time.monotonic(), json.loads(item["document"])
    task.doc_to_text, task.doc_to_target, task.doc_to_choice = (
        lambda *_, value=its[name], **__: value for name in ("text", "target", "choices")
    )
    way, repeats = told["config"]["output_type"], told["config"]["repeats"]
    kind = "loglikelihood" if way == "multiple_choice" else way
    of = {"request_type": kind, "doc": its["document"], "metadata": (NAME, 0, repeats)}
    requests = json.loads(item["requests"])
    task._instances = [Instance(**of, arguments=tuple(one), idx=at) for at, one in enumerate(requests)]
    every = [it for it in task._instances for _ in range(repeats)]
    with _watched(asked.model) as spoiled:
        for request, said in zip(every, getattr(asked, kind)(every, disable_tqdm=True), strict=True):
            request.resps.append(said)
    task.apply_filters()
    heard = [next(iter(it.filtered_resps.values())) for it in task._instances]
    figure = None if spoiled else _figure(task.process_results(its["document"], heard), told["metric"], item)
    answer = str(heard[0]) if way == "generate_until" and not spoiled else None
    is_right = figure == 1.0 if figure in (0.0, 1.0) else None
    return item["item_id"], answer, figure, is_right, time.monotonic() - started


def _figure(metrics: dict[str, Any], name: str, item: dict[str, Any]) -> float | None:
    figure = float(metrics[name])
    if math.isfinite(figure) and not 0 <= figure <= 1:
        what = f"{name} of {item['item_id']} is {figure:g}, and a score runs from 0 to 1"
        raise SettingsInvalid(what, "Name another metric first in the metric_list of that task")
    return figure if math.isfinite(figure) else None


@contextlib.contextmanager
def _watched(model: Any) -> Iterator[list[bool]]:
    """Holds something once a logit was not finite: lm_eval does not tell."""
    spoiled: list[bool] = []

    def look(_: Any, __: Any, logits: Any) -> None:
        if not logits.isfinite().all():
            spoiled.append(True)

    handle = model.get_output_embeddings().register_forward_hook(look)
    try:
        yield spoiled
    finally:
        handle.remove()
