"""A task of lm-evaluation-harness (Gao et al. 2021) as a suite: a YAML file, and data in files of this machine.

All that judging needs is rendered once, by lm_eval itself, and is the suite's content: requests to the letter (shots
among them), targets, choices, metric and filters. So it stays what it was when the file or its data change, and holds
no path. What cannot be content is refused: functions that judge, answers that are drawn, data of another machine.
Not here: asking (harness.py).
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import logging
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate import harness
from vibe_pipeline.fingerprint import key_of

SUFFIXES = (".yaml", ".yml")

LOCAL = ("csv", "json", "parquet", "text")
"""What dataset_path may say: readers of files, which reach for no network."""

OUTPUT_TYPES = ("generate_until", "loglikelihood", "multiple_choice")

JUDGING = ("output_type", "metric_list", "filter_list", "generation_kwargs", "repeats", "target_delimiter")
"""What of a task's configuration is needed when its requests are answered."""

SEED = 1234
"""By which shots are drawn, where a task draws them: that of lm_eval."""

SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("item_id", "cluster", "prompt", "answer"), pl.String),
    "accepted": pl.List(pl.String),
    **dict.fromkeys(("requests", "document", "task", "scorer", "prompt_format"), pl.String),
}
"""`prompt` is the question without shots; requests, document and task are JSON."""


def is_task(path: Path) -> bool:
    """Whether a suite's file is one, by its name."""
    return path.suffix in SUFFIXES


def items(path: Path) -> pl.DataFrame:
    """SCHEMA, a row a document in lm_eval's order (`item_id`: its doc_id); SettingsInvalid where lm_eval is not
    installed, and where the task cannot be read or cannot be a suite. The same requests are one cluster."""
    with _quiet(), _readable(path), tempfile.TemporaryDirectory() as scratch:
        return pl.DataFrame([*_rows(_read(path, Path(scratch)))], schema=SCHEMA, orient="row")


def _read(path: Path, scratch: Path) -> Any:
    """The task with its requests rendered."""
    try:
        from lm_eval.api.task import ConfigurableTask
        from lm_eval.tasks._yaml_loader import load_yaml
    except ImportError as error:
        raise SettingsInvalid(
            f"{path} is a task of lm-evaluation-harness, and that is not installed",
            "Run `pip install 'vibe-pipeline[lm-eval]'`",
        ) from error
    config = load_yaml(path)
    _require(path, _unfit(config))
    files = {"data_files": _beside(path, config["dataset_kwargs"]["data_files"]), "cache_dir": str(scratch)}
    task = ConfigurableTask(config={**config, "dataset_kwargs": {**config["dataset_kwargs"], **files}})
    _require(path, _unjudged(task))
    task.set_config(key="num_fewshot", value=task.config.num_fewshot or 0)
    task.set_fewshot_seed(seed=SEED)
    task.build_all_requests(rank=0, world_size=1)
    _require(path, _unscored(task))
    return task


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except SettingsInvalid:
        raise
    except Exception as error:  # whatever lm_eval makes of somebody's YAML, data, templates and functions
        what = f"{path} cannot be read as a task of lm-evaluation-harness: {type(error).__name__}"
        raise SettingsInvalid(
            ": ".join([what, *str(error).strip().splitlines()[:1]]), "Correct it until `lm_eval --tasks` takes it"
        ) from error


def _require(path: Path, what: str | None) -> None:
    if what:
        raise SettingsInvalid(f"{path} cannot be a suite: {what}", "Correct it, or leave that task out")


def _unfit(config: dict[str, Any]) -> str | None:
    """Why a task cannot be a suite, as far as its file says."""
    metrics, generation = config.get("metric_list") or (), config.get("generation_kwargs") or {}
    if config.get("dataset_path") not in LOCAL or not (config.get("dataset_kwargs") or {}).get("data_files"):
        return f"its data are not local: dataset_path is one of {', '.join(LOCAL)}, and dataset_kwargs has data_files"
    if any(callable(it) for it in (config.get("process_results"), *(it.get("metric") for it in metrics))):
        return "a function of its own judges it, which the suite's hash would not hold"
    if any(it.get("hf_evaluate") for it in metrics):
        return "hf_evaluate loads its metric from the Hub"
    return "do_sample draws its answers" if generation.get("do_sample") else None


def _unjudged(task: Any) -> str | None:
    """Why a task cannot be a suite, as far as lm_eval knows it: its first metric is the score of an item."""
    from lm_eval.api.registry import get_aggregation

    metric = next(iter(task.aggregation()))
    is_mean = task.aggregation()[metric] is get_aggregation("mean")
    if task.OUTPUT_TYPE not in OUTPUT_TYPES or not (is_mean and task.higher_is_better()[metric]):
        return f"its first metric is {metric} of {task.OUTPUT_TYPE}, which is no mean of scores of single documents"
    if getattr(task, "UNSAFE_CODE", False) or getattr(task, "MULTIMODAL", False):
        return "it runs code that a model writes, or has pictures or sound"
    return None


def _unscored(task: Any) -> str | None:
    """Why a task's first metric is none of a document; tried before training, on answers that say nothing."""
    metric, first = next(iter(task.aggregation())), task.instances[0]
    nothing = "" if task.OUTPUT_TYPE == "generate_until" else (-1.0, False)
    said = [nothing for it in task.instances if it.doc_id == first.doc_id]
    if metric not in task.process_results(first.doc, said):
        return f"lm_eval gives no {metric} of a document of {task.OUTPUT_TYPE}"
    return None


def _beside(path: Path, files: Any) -> Any:
    """Files are named from where the task's own lies."""
    if isinstance(files, dict):
        return {name: _beside(path, its) for name, its in files.items()}
    return [_beside(path, it) for it in files] if isinstance(files, list) else str(path.absolute().parent / files)


def _rows(task: Any) -> Iterator[tuple[Any, ...]]:
    told = {
        "config": {name: getattr(task.config, name) for name in JUDGING},
        "metric": next(iter(task.aggregation())),
        "has_choices": task.config.doc_to_choice is not None,
        "multiple_input": task.multiple_input,
        "multiple_target": task.multiple_target,
    }
    of_task = (_json(told), harness.SCORER, f"lm_eval {importlib.metadata.version('lm_eval')}")
    for number, its in groupby(task.instances, lambda it: it.doc_id):
        requests = [*its]
        document = requests[0].doc
        text, target = task.doc_to_text(document), task.doc_to_target(document)
        choices = task.doc_to_choice(document) if told["has_choices"] else None
        asked = [list(it.args) for it in requests]
        accepted = [_words(it, choices) for it in (target if isinstance(target, list) else [target])]
        judged = {"text": text, "target": target, "choices": choices, "document": document}
        words = (_words(text, choices), accepted[0], accepted)
        yield str(number), key_of(asked)[:16], *words, _json(asked), _json(judged), *of_task


def _words(value: Any, choices: list[str] | None) -> str:
    """A number stands for a choice."""
    return choices[value] if choices and isinstance(value, int) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No advice and no progress bars of lm_eval and datasets: ours says what a person needs."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    with contextlib.redirect_stderr(io.StringIO()):
        yield
