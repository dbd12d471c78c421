"""Scorer of code: what the model writes is run with its tests behind it, and is right where they end well.

It runs in the sandbox, under limits, and in a process of its own. That it ended well is not enough: whoever calls
`exit` would pass every test. So what is run prints a word behind the tests, which hangs on all that stands before.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from vibe_pipeline.evaluate.greedy import SCHEMA, answers
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.models import Execution
from vibe_pipeline.progress import Advance
from vibe_pipeline.sandbox import Limits, run_all

SCORER = "code-v1"

MOST_TOKENS = 512

LIMITS = Limits(seconds=5.0, memory_bytes=1 << 30)
"""Of one item with its tests."""

FENCED = re.compile(r"^```[^\n]*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)


def score(model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance) -> pl.DataFrame:
    """greedy.SCHEMA, one row per item (item_id, prompt, tests): `score` 1.0 and `exact` true where the tests passed;
    `answer` is what was said. SandboxUnavailable where nothing can be run."""
    rows: list[tuple[Any, ...]] = []
    for batch, said, seconds in answers(model, tokenizer, items, pl.repeat(MOST_TOKENS, items.height, eager=True), on):
        told = list(zip(batch["item_id"], said, batch["tests"], strict=True))
        passed = passes([(answer or "", tests) for _, answer, tests in told], on.threads)
        for (item, answer, _), is_right in zip(told, passed, strict=True):
            rows.append((item, answer, *((None, None) if answer is None else (float(is_right), is_right)), seconds))
        advance(len(rows), items.height)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def passes(written: list[tuple[str, str]], beside: int | None = None) -> list[bool]:
    """Whether each answer passes its tests; so many are run beside each other."""
    programs = [program(answer, tests) for answer, tests in written]
    done = run_all([text for text, _ in programs], limits=LIMITS, beside=beside)
    return [run.worked and run.output.endswith(word) for run, (_, word) in zip(done, programs, strict=True)]


def program(answer: str, tests: str) -> tuple[str, str]:
    """The code of an answer (its first fenced block, or all of it) with its tests, and the word that it prints last."""
    fenced = FENCED.search(answer)
    code = f"{fenced[1] if fenced else answer}\n\n{tests}\n"
    word = key_of(code)
    return f"{code}\nprint('\\n{word}')\n", word
