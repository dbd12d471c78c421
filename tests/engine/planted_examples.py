"""Texts that no other has, and events made of them: what cases of dedup are planted with."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import count

from tests.engine.curating import event, on_side, probe
from vibe_pipeline.records import Interaction, Probe

VOCABULARY = [
    f"{first}{second}{third}"
    for first in ("ka", "be", "do", "sli", "fre", "mu")
    for second in ("l", "rt", "nd", "s", "mp", "v")
    for third in ("o", "en", "ish", "ar", "ely", "um", "ite")
]
GRAMMAR = ["the", "of", "and", "is", "a", "to"]
"""Words that all texts share."""


class Prose:
    """Words that no other call gives in this order, and that are the same whichever other modules have drawn some."""

    def __init__(self, module: str):
        self._seeds = (f"{module} {nth}" for nth in count())

    def __call__(self, words: int = 150) -> list[str]:
        chance = random.Random(next(self._seeds))
        return [chance.choice(GRAMMAR if chance.random() < 0.3 else VOCABULARY) for _ in range(words)]


def text(words: list[str]) -> str:
    return " ".join(words)


def edited(words: list[str], changes: int) -> list[str]:
    """The same with other words at so many places, evenly."""
    places = {len(words) * (2 * nth + 1) // (2 * changes) for nth in range(changes)}
    return [f"new{at}" if at in places else word for at, word in enumerate(words)]


Row = tuple[str, Interaction | Probe]


@dataclass
class Case:
    """Named events of two generations, and which of them must leave for which reason."""

    first: list[Row] = field(default_factory=list)
    then: list[Row] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)

    def only_later(self) -> Case:
        """The same in one generation."""
        return Case([], self.first + self.then, self.gone)


names = count()


def row(name: str, question: str, answer: str, *, held: bool = False, **values) -> Row:
    conversation = on_side(f"{next(names)} ", held=held)
    return name, event(question, answer, conversation=conversation, interaction_id=f"{conversation} {name}", **values)


def held(name: str, question: str, answer: str, **values) -> Row:
    return row(name, question, answer, held=True, **values)


def talk(name: str, *turns: tuple[str, str], held: bool = False) -> list[Row]:
    """One conversation of which each turn is a row."""
    conversation = on_side(f"{next(names)} ", held=held)
    return [(f"{name} {at}", event(*turn, conversation=conversation, turn=at)) for at, turn in enumerate(turns)]


def asked(name: str, question: str) -> Row:
    return name, probe(f"{next(names)}", question)


def program(name: str, code: str, *, held: bool = False) -> Row:
    return row(name, f"Write {next(names)}", code, held=held, action="generate", success=True)


def ran(name: str, code: str, success: bool) -> Row:
    return row(name, code, "it said", action="run", success=success)
