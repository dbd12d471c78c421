"""The general suite: base abilities (arithmetic, language, code) that a step on one's own data may damage.

general.jsonl was written for this project: 120 items with four choices each, from easy to moderately hard, and four
solved questions (shots) a part, which show the form of an answer. A file of one's own may replace it; its form is that
of the built-in one: a JSON object a line, `item_id`, `prompt`, `answer`, `choices` and, if it has parts, `part`; a
line with `"shot": true` is a solved question that is shown before the items of its part, and needs no choices.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate.reading import records

BUILT_IN = Path(__file__).with_name("general.jsonl")

PROMPT_FORMAT = "question-answer-v1"
"""`Question: …`, newline, `Answer: …`, and a blank line between shots; part of the suite's identity."""

SCHEMA: dict[str, Any] = {
    "item_id": pl.String,
    "part": pl.String,
    "prefix": pl.String,
    "prompt": pl.String,
    "answer": pl.String,
    "choices": pl.List(pl.String),
}


class Shot(BaseModel):
    """A solved question."""

    model_config = ConfigDict(extra="forbid")

    shot: bool = False
    part: str = "general"
    prompt: str = Field(min_length=1)
    answer: str = Field(min_length=1)


class Item(Shot):
    """A question with its choices."""

    item_id: str = Field(min_length=1)
    choices: list[str] = Field(min_length=2)

    @model_validator(mode="after")
    def _answer_is_a_choice(self) -> Item:
        require_among(self.answer, self.choices)
        return self


def require_among(answer: str, choices: list[str]) -> None:
    """ValueError where an answer is not one of its choices, or these are not different texts."""
    if answer not in choices:
        raise ValueError(f"the answer {answer!r} is not among the choices {choices}")
    if len(set(choices)) < len(choices) or "" in choices:
        raise ValueError(f"the choices {choices} are not {len(choices)} different texts")


def items(path: Path | None = None) -> pl.DataFrame:
    """SCHEMA: items of a file (None: the built-in one) as a model reads them; SettingsInvalid for a malformed one.

    `prefix` holds the shots of an item's part and `prompt` the question, both in PROMPT_FORMAT.
    """
    path = path or BUILT_IN
    read = list(records(path, _shape, lambda it: it.item_id if isinstance(it, Item) else None))
    shots: dict[str, str] = {}
    for shot in read:
        if not isinstance(shot, Item):
            shots[shot.part] = shots.get(shot.part, "") + f"{_question(shot)} {shot.answer}\n\n"
    asked = [item for item in read if isinstance(item, Item)]
    if not asked:
        raise SettingsInvalid(
            f"{path} holds no items", "Write one JSON object a line, with item_id, prompt, answer and choices"
        )
    rows = [(it.item_id, it.part, shots.get(it.part, ""), _question(it), it.answer, it.choices) for it in asked]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _question(shot: Shot) -> str:
    return f"Question: {shot.prompt}\nAnswer:"


def _shape(values: Any) -> type[Shot]:
    return Shot if isinstance(values, dict) and values.get("shot") is True else Item
