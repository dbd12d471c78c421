"""Small Python tasks from templates, with seeded values; the answers are computed in the sandbox, never written here.

A template is words and an expression for the same thing. A task is asked in one direction, chosen by its hash: what
the expression gives, or an expression for the words. Not here: packages, of which these tasks know nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.made import interaction
from vibe_pipeline.progress import Watch
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits, run

MODULE = "python"
BATCH = 200
"""Expressions in one run."""

VALUE = "What is the value of this Python expression?\n\n{expression}"
EXPRESSION = "Write a Python expression for {words}."

WORDS = (
    "river stone cloud amber maple violet copper lantern harbor meadow falcon ginger marble saddle timber walnut basil "
    "canyon ember orchid pepper quartz raven summit thistle willow zephyr bamboo cobalt dahlia"
)

TEMPLATES: tuple[tuple[str, str], ...] = (
    ("the characters of {word!r} from position {i} up to, but not including, {j}", "{word!r}[{i}:{j}]"),
    ("{word!r} written backwards", "{word!r}[::-1]"),
    ("how often {letter!r} occurs in {phrase!r}", "{phrase!r}.count({letter!r})"),
    ("the words of {phrase!r} in alphabetical order, joined by {mark!r}", "{mark!r}.join(sorted({phrase!r}.split()))"),
    ("{phrase!r} with a capital letter for every word", "{phrase!r}.title()"),
    ("{word!r} padded with {mark!r} on the left to {width} characters", "{word!r}.rjust({width}, {mark!r})"),
    ("the longest word of {phrase!r}", "max({phrase!r}.split(), key=len)"),
    ("the remainder of {big} divided by {small}", "{big} % {small}"),
    ("how often {small} goes into {big}, without the rest", "{big} // {small}"),
    ("the sum of the squares of the numbers from 1 to {small}", "sum(n * n for n in range(1, {small} + 1))"),
    ("the numbers of {numbers} that are divisible by {digit}", "[n for n in {numbers} if n % {digit} == 0]"),
    ("the {digit} largest numbers of {numbers}, largest first", "sorted({numbers}, reverse=True)[:{digit}]"),
    ("the numbers of {numbers}, each once, in ascending order", "sorted(set({numbers}))"),
    ("the position of the smallest number of {numbers}", "{numbers}.index(min({numbers}))"),
    ("every second number of {numbers}", "{numbers}[::2]"),
    ("the sums of the neighbours in {numbers}", "[a + b for a, b in zip({numbers}, {numbers}[1:])]"),
    (
        "a dictionary from the words of {phrase!r} to their lengths",
        "{{word: len(word) for word in {phrase!r}.split()}}",
    ),
    ("the number {big} in binary, without a prefix", "format({big}, 'b')"),
    ("the number {big} in hexadecimal, without a prefix", "format({big}, 'x')"),
    ("{big} divided by {small}, rounded to {digit} digits", "round({big} / {small}, {digit})"),
    ("the letters that {word!r} and {other!r} share, in alphabetical order", "sorted(set({word!r}) & set({other!r}))"),
    ("whether all numbers of {numbers} are greater than {digit}", "all(n > {digit} for n in {numbers})"),
)
"""(words, expression): two ways to say one thing."""


@dataclass(frozen=True, slots=True)
class Task:
    """An expression, what it is in words, and its value."""

    words: str
    expression: str
    value: str

    @property
    def asks_for_value(self) -> bool:
        """Half of the tasks, for ever."""
        return int(key_of(self.expression)[:2], 16) % 2 == 0


def tasks_of(limit: int, seed: int, limits: Limits, watch: Watch) -> list[Task]:
    """`limit` different tasks; a larger limit only adds."""
    drawn = _drawn(limit, seed)
    tasks: list[Task] = []
    with watch("tasks") as advance:
        for start in range(0, len(drawn), BATCH):
            batch = drawn[start : start + BATCH]
            values = _computed([expression for _, expression in batch], limits)
            tasks += [Task(*pair, value) for pair, value in zip(batch, values, strict=True)]
            advance(len(tasks), len(drawn))
    return tasks


def row_of_task(task: Task, now: datetime) -> Interaction:
    """A question, or a task with the code that was tested."""
    if task.asks_for_value:
        question = VALUE.format(expression=task.expression)
        known: dict[str, Any] = {
            "action": "ask",
            "input": question,
            "output": task.value,
            "extra": {"task": task.words},
        }
    else:
        tests = f"assert {task.expression} == {task.value}"
        written = {"input": EXPRESSION.format(words=task.words), "output": task.expression}
        known = {"action": "generate", **written, "extra": {"task": task.words, "tests": tests}}
    return interaction(now, ["task", task.expression], module=MODULE, success=True, **known)


def _drawn(limit: int, seed: int) -> list[tuple[str, str]]:
    """Templates in turn, each with values of its own; what was drawn before is drawn anew, a few times."""
    chooser = random.Random(key_of([seed, "tasks"]))
    drawn: dict[str, str] = {}
    for number in range(4 * limit):
        if len(drawn) == limit:
            break
        words, expression = TEMPLATES[number % len(TEMPLATES)]
        values = _values(chooser)
        drawn.setdefault(expression.format(**values), words.format(**values))
    return [(words, expression) for expression, words in drawn.items()]


def _values(chooser: random.Random) -> dict[str, object]:
    word, other = chooser.sample(WORDS.split(), 2)
    start = chooser.randint(0, 3)
    return {
        "word": word,
        "other": other,
        "i": start,
        "j": start + chooser.randint(1, 4),
        "phrase": " ".join(chooser.sample(WORDS.split(), chooser.randint(3, 5))),
        "letter": chooser.choice("aeiorst"),
        "mark": chooser.choice("-_.*+"),
        "width": chooser.randint(8, 14),
        "big": chooser.randint(20, 999),
        "small": chooser.randint(3, 19),
        "digit": chooser.randint(2, 4),
        "numbers": [chooser.randint(1, 40) for _ in range(chooser.randint(5, 8))],
    }


def _computed(expressions: list[str], limits: Limits) -> list[str]:
    done = run("\n".join(f"print(repr({expression}))" for expression in expressions), limits=limits)
    values = done.output.split("\n")
    if not done.worked or len(values) != len(expressions):
        raise SourceUnreadable(
            f"{len(expressions)} expressions gave {len(values)} values: {done.error_type}", "Run it on an idle machine"
        )
    return values
