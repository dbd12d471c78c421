"""Leaks and duplicates planted in real text (VIBE_DATA): how many are caught, and what is lost that is neither.

Every text of a source has one part: an item that is held out with a version of it in training, a training row with a
copy that comes later or at once, a pair that only looks alike, or a row that nothing is planted near. All lie in one
log of two generations. The tables, with Wilson's intervals: docs/log.md, "leaks and duplicates".
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.versions import edited, framed, quoted, reformatted, renamed, retyped, swapped
from tests.engine.curating import event, on_side

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))

pytestmark = pytest.mark.skipif(not (DATA / "dev").is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")

Pair = tuple[str, str]
"""A question and its answer."""


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / "dev" / f"{name}.jsonl").read_text().splitlines()]


def is_python(code: str) -> bool:
    try:
        return bool(ast.parse(code))
    except SyntaxError:
        return False


def chats() -> list[Pair]:
    """OASST: of each question the first answer."""
    messages = rows("oasst_messages")
    asked = {row["message_id"]: row["text"] for row in messages if row["role"] == "user"}
    answers = {row["parent_id"]: row["text"] for row in reversed(messages) if row["role"] == "assistant"}
    return [(asked[parent], text) for parent, text in answers.items() if parent in asked]


def sources() -> dict[str, list[Pair]]:
    found = {
        "oasst": chats(),
        "gsm8k": [(row["question"], row["answer"]) for row in rows("gsm8k")],
        "mbpp": [(row["text"], row["code"]) for row in rows("mbpp") if is_python(row["code"])],
        "quixbugs": [(f"Repair {row['name']}", row["fixed"]) for row in rows("quixbugs") if is_python(row["fixed"])],
        "nl2bash": [(row["description"], row["command"]) for row in rows("nl2bash")],
    }
    return {name: list(dict(Random(0).sample(pairs, len(pairs))).items()) for name, pairs in found.items()}


CODE = ("mbpp", "quixbugs")


def of_both(change: Callable[[str], str]) -> Callable[[Pair], Pair]:
    return lambda pair: (change(pair[0]), change(pair[1]))


def plants(source: str, chance: Random, other: Callable[[], str]) -> dict[str, Callable[[Pair], Pair]]:
    """What is made of an item, by the name that it has in the table."""
    kinds: dict[str, Callable[[Pair], Pair]] = {
        "the same": lambda pair: pair,
        "retyped": of_both(lambda text: retyped(text, chance)),
        **{
            f"{percent} % of the words": of_both(lambda text, part=percent / 100: edited(text, part, chance))
            for percent in (5, 10, 20)
        },
        "quoted": lambda pair: (f"And this? {other()}", quoted(pair[1], other())),
        "framed question": lambda pair: (framed(pair[0], chance), pair[1]),
        "other question": lambda pair: (f"Say it once more, number {chance.randrange(10**9)}", pair[1]),
        "other answer": lambda pair: (pair[0], other()),
    }
    if source in CODE:
        kinds |= {
            "retyped": lambda pair: (pair[0].upper(), reformatted(pair[1], chance)),
            "renamed": lambda pair: (f"And {pair[0].lower()}", renamed(pair[1])),
        }
    elif source in ("oasst", "gsm8k"):
        kinds["sentences swapped"] = lambda pair: (pair[0], swapped(pair[1], chance) if ". " in pair[1] else pair[1])
    return kinds


numbers = count()


def logged(pair: Pair, source: str, *, held: bool = False) -> tuple[str, object]:
    name = on_side(f"{next(numbers)} ", held=held)
    values = {"action": "generate", "success": True} if source in CODE else {}
    return name, event(*pair, conversation=name, interaction_id=name, **values)


@dataclass(frozen=True)
class Plant:
    table: str
    kind: str
    source: str
    pair: Pair
    name: str
    """Of the conversation that must leave, or must stay."""
    other: str | None = None
    """Of a conversation of the same generation that might leave instead."""
    near: Pair | None = None


EARLIER, WITHIN = "duplicate of an earlier generation", "duplicate within the generation"
LEAKS_ALONE = ("quoted", "other answer", "framed question", "other question", "renamed")


class Planted:
    """What is logged in two generations, and what was planted in it."""

    def __init__(self) -> None:
        self.steps: tuple[list, list] = ([], [])
        self.plants: list[Plant] = []

    def put(self, step: int, pair: Pair, source: str, *, held: bool = False) -> str:
        name, it = logged(pair, source, held=held)
        self.steps[step].append(it)
        return name

    def fill(self, source: str, pairs: list[Pair], turn: int) -> None:
        """Give every pair its part; another one in another turn."""
        chance = Random(f"{source} {turn}")
        spare, pairs = pairs[: len(pairs) // 10], pairs[len(pairs) // 10 :]
        others = cycle(answer for _, answer in spare)
        kinds = plants(source, chance, lambda: next(others))
        parts = [("leak", kind) for kind in kinds]
        parts += [(table, kind) for table in (EARLIER, WITHIN) for kind in kinds if kind not in LEAKS_ALONE]
        parts += [("innocent", "as it is")] * 4
        dealt = islice(cycle(parts), 7 * turn, None)
        for pair, (table, kind) in zip(pairs, dealt, strict=False):
            if table == "innocent":
                self.plants.append(Plant(table, kind, source, pair, self.put(1, pair, source)))
                continue
            first = self.put(table == WITHIN, pair, source, held=table == "leak")
            version = kinds[kind](pair)
            other = first if table == WITHIN else None
            self.plants.append(Plant(table, kind, source, version, self.put(1, version, source), other, pair))
