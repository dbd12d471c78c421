"""Suites of the user's own: a file of JSON lines, asked in every generation, in the format of training.

A line has a `prompt` and says how an answer is judged: `answer` or `answers` (greedy.py: what the model says, beside
all that is accepted), `answer` and `choices` (choices.py: which it finds likeliest), or `tests` (code.py: Python that
must run well behind the code that it writes), or `criteria` (judge.py: by which another model compares two answers).
`item_id` and `cluster` (items that tell of the same thing) may be left out. Lines that ask the same are one cluster
where they name none: a question that is asked forty times is one observation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate import choices, code, greedy, judge
from vibe_pipeline.evaluate.general import require_among
from vibe_pipeline.evaluate.reading import records
from vibe_pipeline.fingerprint import key_of

SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("item_id", "cluster", "prompt", "answer"), pl.String),
    "accepted": pl.List(pl.String),
    "choices": pl.List(pl.String),
    "tests": pl.String,
    "criteria": pl.String,
    "scorer": pl.String,
}


class Line(BaseModel):
    """One question."""

    model_config = ConfigDict(extra="forbid")

    item_id: str | None = Field(None, min_length=1)
    cluster: str | None = Field(None, min_length=1)
    prompt: str = Field(min_length=1)
    answer: str | None = Field(None, min_length=1)
    answers: list[str] | None = Field(None, min_length=1)
    choices: list[str] | None = Field(None, min_length=2)
    tests: str | None = Field(None, min_length=1)
    criteria: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _can_be_judged(self) -> Line:
        if sum(it is not None for it in (self.answer, self.answers, self.tests, self.criteria)) != 1:
            raise ValueError("it has not one of answer, answers, tests and criteria")
        if self.choices is not None:
            if self.answer is None:
                raise ValueError("a line with choices has one answer")
            require_among(self.answer, self.choices)
        if not self.prompt.strip() or not all(text.strip() for text in self.accepted or ()):
            raise ValueError("a prompt or an accepted answer is blank")
        if self.tests is not None:
            require_python(self.tests)
        return self

    @property
    def accepted(self) -> list[str] | None:
        """All answers that are right; None where tests or a judge say it."""
        return [self.answer] if self.answer else self.answers

    @property
    def identity(self) -> str:
        """Its id, or one made of all that it says: the same wherever the line stands."""
        return self.item_id or key_of(self.model_dump(mode="json"))[:16]

    @property
    def asked(self) -> str:
        """Its prompt, but for case and white space: lines that have the same one are answered alike."""
        return " ".join(self.prompt.split()).casefold()

    def row(self) -> tuple[Any, ...]:
        """SCHEMA and what is asked; the cluster is null where it names none."""
        accepted = self.accepted
        # A choice follows at once where the prompt ends in white space: as an answer follows it in training.
        prompt = f"{self.prompt}\n\n" if self.choices else self.prompt
        right = accepted[0] if accepted else None
        told = (accepted, self.choices, self.tests, self.criteria, self.scorer)
        return self.identity, self.cluster, prompt, right, *told, self.asked

    @property
    def scorer(self) -> str:
        """The scorer of what it has."""
        if self.choices:
            return choices.SCORER
        return code.SCORER if self.tests else judge.SCORER if self.criteria else greedy.SCORER


def require_python(tests: str) -> None:
    """ValueError for what is none: whatever a model writes would fail it."""
    try:
        compile(tests, "tests", "exec")
    except SyntaxError as error:
        raise ValueError(f"its tests are not Python: {error}") from error


def items(path: Path) -> pl.DataFrame:
    """SCHEMA, a row a line; SettingsInvalid where the file holds none, or one that is malformed."""
    rows = [line.row() for line in records(path, lambda _: Line, lambda line: line.identity)]
    if not rows:
        raise SettingsInvalid(f"{path} holds no items", "Write one JSON object a line, with prompt and answers")
    table = pl.DataFrame(rows, schema={**SCHEMA, "asked": pl.String}, orient="row")
    # Of those that ask the same: the first cluster that is named, or the first line's id where none is.
    together = (pl.col(it).drop_nulls().first().over("asked") for it in ("cluster", "item_id"))
    return table.with_columns(cluster=pl.coalesce("cluster", *together)).select(*SCHEMA)
