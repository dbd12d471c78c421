"""Whether a function is called as its source says: bound once in its place, under no decorator that may change that.

What stands in both halves of an `if`, or is bound anew further down, has another signature than the one that is read.
Source is read, never run.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from vibe_pipeline.interactions.synthesize.source_files import text_of
from vibe_pipeline.interactions.synthesize.spans import parsed

KEEPING = {
    "abc.abstractmethod",
    "classmethod",
    "contextlib.asynccontextmanager",
    "contextlib.contextmanager",
    "functools.cache",
    "functools.lru_cache",
    "staticmethod",
    "typing.final",
    "typing.no_type_check",
    "typing.override",
    "typing_extensions.deprecated",
    "typing_extensions.final",
    "typing_extensions.override",
    "warnings.deprecated",
}
"""Decorators after which a function takes what it took."""

INNER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
"""Their names are their own."""


def is_called_as_written(function: Any) -> bool:
    """Of griffe's function; one that Python itself was asked about (no source) is."""
    if function.module.analysis == "dynamic":
        return True
    if not all(decorator.callable_path in KEEPING for decorator in function.decorators):
        return False
    parts = function.path.removeprefix(f"{function.module.path}.").split(".")
    try:
        bound = _bound_in(text_of(function.filepath))
    except (OSError, SyntaxError, UnicodeError):
        return False
    return all(bound[".".join(parts[:depth])] == 1 for depth in range(1, len(parts) + 1))


@lru_cache(maxsize=64)
def _bound_in(code: str) -> Counter[str]:
    """How often each name of a module, and each of its classes (`Class.method`), is bound."""
    spans = parsed(code)
    return Counter(_bound(spans.tree.body)) if spans else Counter()


def _bound(statements: Iterable[ast.AST], place: str = "") -> Iterator[str]:
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield place + node.name
            if isinstance(node, ast.ClassDef):
                yield from _bound(node.body, f"{place}{node.name}.")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (place + (alias.asname or alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield place + node.id
        elif not isinstance(node, INNER):
            waiting += ast.iter_child_nodes(node)
