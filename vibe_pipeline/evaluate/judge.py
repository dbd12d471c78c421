"""Scorer of open answers: another model, behind an OpenAI-compatible endpoint, says which of two is better.

It is asked twice, with the answers in either order, and only what it says both times counts, else it is a tie: judges
prefer the first (Zheng et al. 2023). Answers that are the same are a tie, and nobody is asked. An endpoint that is down
or slow, or says anything but a letter, gives no score, which is never a zero: it is asked again when the rung is
climbed again. Not here: where the key is from.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from vibe_pipeline.evaluate.greedy import answers
from vibe_pipeline.evaluate.results import columns
from vibe_pipeline.models import Execution
from vibe_pipeline.progress import Advance

SCORER = "judge-v1"

MOST_TOKENS = 256

MOST_WORDS = 60
"""Characters of what a judge says in place of a letter that are shown."""

GIVES_UP = 3
"""Failures in a row: what is down stays down for the rest of a suite."""

ASKED = """\
Two assistants answered the same question. Which answer is better?

What counts: {criteria}

[Question]
{prompt}

[Answer A]
{one}

[Answer B]
{other}

Reply with one letter and nothing else: A, B, or C if neither is better."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the judge is asked; its key is in no repr."""

    url: str
    model: str
    key: str = field(repr=False)
    seconds: float


class _Stays(urllib.request.HTTPRedirectHandler):
    """The key goes to nobody but the host that was named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def score(model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance) -> pl.DataFrame:
    """item_id, answer and seconds of each item (item_id, prompt): what there is to compare, and no score yet."""
    rows: list[tuple[Any, ...]] = []
    for batch, said, seconds in answers(model, tokenizer, items, pl.repeat(MOST_TOKENS, items.height, eager=True), on):
        rows += [(item, answer, seconds) for item, answer in zip(batch["item_id"], said, strict=True)]
        advance(len(rows), items.height)
    return pl.DataFrame(rows, schema=columns("answer", "seconds"), orient="row")


def compared(pairs: pl.DataFrame, judge: Endpoint, advance: Advance) -> tuple[pl.DataFrame, str]:
    """item_id and score of each pair (item_id, prompt, criteria, one, other): 1.0 where `one` is better, 0.5 for a tie;
    null where an answer or the judge's is missing. And why it could not be reached, if it could not."""
    scores: list[float | None] = []
    silence, failures = "", 0
    for pair in pairs.rows(named=True):
        figure = None
        if pair["one"] is not None and pair["other"] is not None and failures < GIVES_UP:
            try:
                figure, failures = _compared(pair, judge), 0
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                silence, failures = str(error) or type(error).__name__, failures + 1
        scores.append(figure)
        advance(len(scores), pairs.height)
    return pairs.select("item_id", score=pl.Series(scores, dtype=pl.Float64)), silence


def kept_at(child: str, other: str, suite: str) -> str:
    """Where what was said of an adapter beside another model's answers to a suite is kept (item_id, score), by shas."""
    return f"judged/{child}/{other}/{suite}.parquet"


def scored(results: Mapping[str, pl.DataFrame], won: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Results of base, parent and child with scores where a judge gave them, from what it said of the child beside
    parent and base: the child's beside the parent (0.5: as good), and the parent's and the base's beside the child."""
    scores = {"child": won["parent"], **{it: won[it].with_columns(score=1 - pl.col("score")) for it in won}}
    return {model: its.update(scores[model], on="item_id") for model, its in results.items()}


def _compared(pair: dict[str, Any], judge: Endpoint) -> float:
    if pair["one"] == pair["other"]:
        return 0.5
    return {"AB": 1.0, "BA": 0.0}.get("".join(_both_orders(pair, judge)), 0.5)


def _both_orders(pair: dict[str, Any], judge: Endpoint) -> Iterator[str]:
    for one, other in (("one", "other"), ("other", "one")):
        told = {"criteria": pair["criteria"], "prompt": pair["prompt"], "one": pair[one], "other": pair[other]}
        yield _asked(ASKED.format(**told), judge)


def _asked(text: str, judge: Endpoint) -> str:
    """A, B or C; ValueError for any other words. OSError where nobody answers, and what comes of reading no chat
    completion: ValueError, LookupError, TypeError or AttributeError."""
    body = {"model": judge.model, "temperature": 0, "max_tokens": 8, "messages": [{"role": "user", "content": text}]}
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {judge.key}"} if judge.key else {})
    request = urllib.request.Request(f"{judge.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.build_opener(_Stays).open(request, timeout=judge.seconds) as answer:
        said = json.loads(answer.read(1 << 20))["choices"][0]["message"]["content"]
    if (letter := said.strip().strip(".").upper()) not in ("A", "B", "C"):
        raise ValueError(f"it said {said[:MOST_WORDS]!r} where A, B or C was asked for")
    return str(letter)
