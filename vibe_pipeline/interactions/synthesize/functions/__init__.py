"""Functions that run by themselves, what they do on generated inputs, and what is made of that: tests and variants.

Where functions come from: packages (standalone.py) and code that was logged (logged.py). What is known of one is what
was seen when it ran in the sandbox (outcomes.py, with inside.py in it), never what its documentation promises; of one
that breaks a promise nothing is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vibe_pipeline.records import Interaction

MAX_CODE = 1600
"""Characters of a function with all that it needs: some 500 tokens, half of what a recipe reads of an example."""

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments, all of them values that Python writes as literals."""

Promise = tuple[Arguments, str]
"""A call and the value that it is said to give, as a literal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function, and the code that runs without anything around it."""

    module: str
    name: str
    written: str
    """As its users write it: textwrap.indent."""
    code: str
    calls: tuple[Arguments, ...] = ()
    """Known ones, from doctests and tests."""
    promised: tuple[Promise, ...] = ()
    """What its docstring says of calls."""
    tests: str = ""
    """Code that somebody logged with it and that must not fail."""
    origin: Interaction | None = None
    """Where it was logged, if it was."""


def call_text(name: str, arguments: Arguments) -> str:
    """`name(1, key='a')`."""
    positional, keywords = arguments
    parts = [*map(repr, positional), *(f"{key}={value!r}" for key, value in keywords.items())]
    return f"{name}({', '.join(parts)})"
