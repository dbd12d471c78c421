"""Calls with literal arguments in code that is at hand (doctests, tests, scripts): the inputs that somebody meant, and
of doctests the values that are promised for them.

Read from the syntax tree; nothing is run. Not here: inputs made of them (arguments.py).
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator

from vibe_pipeline.interactions.synthesize.functions import Arguments, Promise
from vibe_pipeline.spans import Spans, parsed

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
    return calls_in("\n".join(it.source for it in _examples(docstring)), name)


def promises_in_docstring(docstring: str, name: str) -> tuple[Promise, ...]:
    """Those of its doctests that give a literal: the call with it. What is abridged (`...`) is none."""
    said = [(parsed(it.source), it.want.strip()) for it in _examples(docstring) if not it.options.get(doctest.SKIP)]
    calls = [(_only_call(spans), want) for spans, want in said if spans is not None and _is_literal(want)]
    found = [(_literal(call), want) for call, want in calls if call is not None and _called(call) == name]
    return tuple((arguments, want) for arguments, want in found if arguments is not None)[:MAX_CALLS]


def _only_call(spans: Spans) -> ast.Call | None:
    match spans.tree.body:
        case [ast.Expr(value=ast.Call() as call)]:
            return call
    return None


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError):
        return False
    return "..." not in text


def _examples(docstring: str) -> Iterator[doctest.Example]:
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return
    for example in examples:
        if example.exc_msg is None and parsed(example.source) is not None:
            yield example


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
