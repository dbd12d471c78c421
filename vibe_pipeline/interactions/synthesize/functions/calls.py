"""Calls with literal arguments in code that is at hand (doctests, tests, scripts): the inputs that somebody meant.

Read from the syntax tree; nothing is run. Not here: inputs made of them (arguments.py).
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator

from vibe_pipeline.interactions.synthesize.functions import Arguments
from vibe_pipeline.interactions.synthesize.spans import parsed

MAX_CALLS = 12
MAX_CHARACTERS = 200
"""Of one call: a longer one is no example to read."""


def calls_in(code: str, name: str) -> tuple[Arguments, ...]:
    """Every call of that name with nothing but literals, once, in order."""
    spans = parsed(code)
    if spans is None:
        return ()
    found: dict[str, Arguments] = {}
    calls = [node for node in ast.walk(spans.tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if _called(node) == name and len(spans.of(node)) <= MAX_CHARACTERS:
            arguments = _literal(node)
            if arguments is not None:
                found.setdefault(repr(arguments), arguments)
    return tuple(found.values())[:MAX_CALLS]


def calls_in_docstring(docstring: str, name: str) -> tuple[Arguments, ...]:
    """Those of its doctests."""
    return calls_in("\n".join(_examples(docstring)), name)


def _examples(docstring: str) -> Iterator[str]:
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return
    for example in examples:
        if example.exc_msg is None and parsed(example.source) is not None:
            yield example.source


def _called(call: ast.Call) -> str | None:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) else None


def _literal(call: ast.Call) -> Arguments | None:
    try:
        positional = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
    except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError):
        return None
    return (positional, keywords) if len(keywords) == len(call.keywords) else None
