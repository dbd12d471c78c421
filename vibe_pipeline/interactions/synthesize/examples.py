"""Documentation examples of packages (doctests), run: what one prints, or which example prints that.

The answer is what really ran, not what the documentation promises. One example is asked in one direction only, chosen
by its hash: both would put the answer of one into the question of the other. Not here: what breaks them (mistakes.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.made import interaction
from vibe_pipeline.interactions.synthesize.mistakes import proven
from vibe_pipeline.interactions.synthesize.packages import Package, PublicName, importable_names
from vibe_pipeline.interactions.synthesize.pool import successes
from vibe_pipeline.interactions.synthesize.snippets import snippets_for
from vibe_pipeline.progress import Watch
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits

PRINTS = "What does this print?\n\n{code}"
WRITE = "Write an example of {name} that prints this:\n\n{printed}"


@dataclass(frozen=True, slots=True)
class Example:
    """A documentation example and what it prints."""

    package: str
    name: str
    code: str
    printed: str

    @property
    def asks_for_output(self) -> bool:
        """Half of the examples, for ever."""
        return int(key_of([self.name, self.code])[:2], 16) % 2 == 0


def examples_of(packages: Sequence[Package], limit: int, seed: int, limits: Limits, watch: Watch) -> list[Example]:
    """Up to `limit` examples that work and print the same under every hash seed tried, in a seeded order."""
    found = [(package, public) for package in packages for public in importable_names(package)]
    found.sort(key=lambda pair: key_of([seed, "example", pair[1].name]))
    with watch("examples") as advance:
        return list(successes(limit, lambda pair: _example(*pair, limits), found, advance, lambda it: it.code))


def rows_of_example(example: Example, now: datetime) -> Iterator[Interaction]:
    """A question with its answer, or a task with code that worked and the run that shows it."""
    about = [example.package, example.name, example.code]
    known: dict[str, Any] = {"module": example.package, "success": True, "extra": {"example": example.name}}
    if example.asks_for_output:
        question = PRINTS.format(code=example.code)
        yield interaction(now, about, action="ask", input=question, output=example.printed, **known)
        return
    task = WRITE.format(name=example.name, printed=example.printed)
    yield interaction(now, about, action="generate", input=task, output=example.code, **known)
    yield interaction(now, about, action="run", input=example.code, output=example.printed, turn=1, **known)


def _example(package: Package, public: PublicName, limits: Limits) -> Example | None:
    for snippet in snippets_for(public, random.Random(0)):
        if snippet.is_example:
            done = proven(snippet, package.search_path, limits)
            return None if done is None else Example(package.name, public.name, snippet.code, done.output)
    return None
