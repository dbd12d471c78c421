"""The general suite: base abilities (arithmetic, language, code) that a step on one's own data may damage.

general.jsonl was written for this project: 120 items with four choices each, from easy to moderately hard, and four
solved questions (shots) a part, which show the form of an answer. A file of one's own may replace it; its form is that
of the built-in one: a JSON object a line, `item_id`, `prompt`, `answer`, `choices` and, if it has parts, `part`; a
line with `"shot": true` is a solved question that is shown before the items of its part, and needs no choices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vibe_pipeline.errors import SettingsInvalid

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
        if self.answer not in self.choices:
            raise ValueError(f"the answer {self.answer!r} is not among the choices {self.choices}")
        if len(set(self.choices)) < len(self.choices) or "" in self.choices:
            raise ValueError(f"the choices {self.choices} are not {len(self.choices)} different texts")
        return self


def items(path: Path | None = None) -> pl.DataFrame:
    """SCHEMA: items of a file (None: the built-in one) as a model reads them; SettingsInvalid for a malformed one.

    `prefix` holds the shots of an item's part and `prompt` the question, both in PROMPT_FORMAT.
    """
    path = path or BUILT_IN
    read = list(_lines(path))
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


def _lines(path: Path) -> Iterator[Shot]:
    """What each line that is not blank says; two items with one id are refused."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsInvalid(f"{path} cannot be read: {why}", "Name a file of JSON lines") from error
    first: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            read = _line(line, f"{path}, line {number}")
            if isinstance(read, Item) and (other := first.setdefault(read.item_id, number)) != number:
                what = f"{path}, line {number}: line {other} has the item_id {read.item_id!r} too"
                raise SettingsInvalid(what, "Give every item an id of its own")
            yield read


def _line(line: str, where: str) -> Shot:
    try:
        values = json.loads(line)
        is_shot = isinstance(values, dict) and values.get("shot") is True
        return (Shot if is_shot else Item).model_validate(values)
    except json.JSONDecodeError as error:
        raise SettingsInvalid(f"{where} is not JSON: {error}", "Write one JSON object a line") from error
    except ValidationError as error:
        details = error.errors()[0]
        what = ": ".join([where, *map(str, details["loc"]), details["msg"].removeprefix("Value error, ")])
        raise SettingsInvalid(what, "Correct that line") from error
