"""Whether a name is there, and a function called, as source says: under no condition, bound once, not decorated anew.

What stands below `if __name__ == "__main__":` or `except ImportError:` may not be there, or be another thing, in the
module that defines it and in each that imports it from there. What is bound anew further down has another signature
than the one that is read. Source is read, never run.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

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


BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)
"""What stands in these runs or does not."""


class _Runs(Enum):
    """Whether a statement runs when its module is imported."""

    SURELY = "surely"
    PERHAPS = "perhaps"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Bound:
    """What a module binds, and each of its classes (`Class.method`); `*12` for all that line 12 imports."""

    times: Counter[str]
    """How often, where that runs at all."""
    unsure: frozenset[str]
    """Not, or not only, in what surely runs. Of a name that is made in another way nothing is known."""


def bound_by(module: ast.Module) -> Bound:
    """Read from the tree of a module."""
    names: dict[_Runs, list[str]] = {runs: [] for runs in _Runs}
    for name, runs in _bound(module.body):
        names[runs].append(name)
    surely, perhaps, never = names.values()
    return Bound(Counter(surely + perhaps), frozenset(perhaps) | (frozenset(never) - frozenset(surely)))


def is_there(member: Any) -> bool:
    """Of griffe's object or alias: whether its module surely has it, and so each module that it came through."""
    while member.is_alias and is_bound_surely(member):
        member = member.target
    if not member.is_alias and member.parent.is_class and not is_there(member.parent):
        return False
    return is_bound_surely(member)


def is_bound_surely(member: Any) -> bool:
    """Whether the module or class that holds it binds it under no condition, or once and `__all__` promises it; what
    has no source does."""
    module = member.parent.module
    bound = _bound_in(module)
    if bound is None:
        return True
    if member.is_alias and member.wildcard_imported:
        return f"*{member.alias_lineno}" not in bound.unsure
    inner = member.parent.path.removeprefix(module.path).lstrip(".")
    name = f"{inner}.{member.name}" if inner else member.name
    # Some are imported for type checkers, and by a module's `__getattr__` when somebody asks for them.
    is_promised = bound.times["__all__"] == 1 and name in map(str, module.exports or ())
    return name not in bound.unsure or (is_promised and bound.times[name] <= 1)


def is_called_as_written(function: Any) -> bool:
    """Of griffe's function; one that Python itself was asked about (no source) is."""
    if function.module.analysis == "dynamic":
        return True
    if not all(decorator.callable_path in KEEPING for decorator in function.decorators):
        return False
    parts = function.path.removeprefix(f"{function.module.path}.").split(".")
    bound = _bound_in(function.module)
    return bound is not None and all(bound.times[".".join(parts[:depth])] == 1 for depth in range(1, len(parts) + 1))


def _bound_in(module: Any) -> Bound | None:
    """As the loader found it; None where there is no source."""
    found = module.extra["vibe"].get("bound")
    return found if isinstance(found, Bound) else None


def _bound(statements: Iterable[ast.AST], place: str = "") -> Iterator[tuple[str, _Runs]]:
    """Each name as often as it is bound."""
    waiting = [(statement, _Runs.SURELY) for statement in statements]
    while waiting:
        node, runs = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield place + node.name, runs
            if isinstance(node, ast.ClassDef):
                yield from _bound(node.body, f"{place}{node.name}.")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                yield place + (f"*{node.lineno}" if name == "*" else name), runs
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield place + node.id, _Runs.PERHAPS if isinstance(node.ctx, ast.Del) and runs is _Runs.SURELY else runs
        elif isinstance(node, ast.If) and _never_holds(node.test):
            waiting += ((child, _Runs.NEVER) for child in node.body)
            waiting += ((child, runs) for child in node.orelse)
        elif not isinstance(node, INNER):
            within = _Runs.PERHAPS if runs is _Runs.SURELY and _may_not_run(node) else runs
            waiting += ((child, within) for child in ast.iter_child_nodes(node))


def _may_not_run(node: ast.AST) -> bool:
    """What is tried runs, where every error ends the import."""
    handlers = getattr(node, "handlers", None)
    raises = handlers is not None and all(isinstance(it.body[-1], ast.Raise) for it in handlers)
    return isinstance(node, BLOCKS) and not raises


def _never_holds(condition: ast.expr) -> bool:
    """In a module that is imported."""
    text = ast.unparse(condition)
    return text == "__name__ == '__main__'" or text.rpartition(".")[2] == "TYPE_CHECKING"
