"""Which parameters a caller may name, so that they keep their names: all that are not known to be passed by place.

Frameworks pass by name too: fixtures of pytest, receivers, validators, query parameters, settings of estimators. So a
parameter is free only where every use of its function is a call that can be seen. Nothing is run here.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

Definition = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

CALLING_BY_PLACE = {
    *("accumulate", "dropwhile", "filter", "filterfalse", "groupby", "map", "max", "min", "nlargest", "nsmallest"),
    *("reduce", "sort", "sorted", "starmap", "takewhile"),
}
"""What Python's own functions do with a lambda."""


def named_by_callers(tree: ast.Module, tests: ast.Module | None) -> Iterator[str]:
    """Parameters that keep their names. A public function must be called by its tests, or where a script runs."""
    code = [tree] if tests is None else [tree, tests]
    used = Counter(name for it in code for name in _used(it))
    called = Counter(name for it in code for name in _called(it))
    pinned = {name for it in [*_outside(tree), *([tests] if tests else [])] for name in _called(it)}
    by_place = {id(it) for it in _given_lambdas(tree)}
    for holder, function in _functions(tree):
        every = [it.arg for it in ast.walk(function.args) if isinstance(it, ast.arg)]
        if isinstance(function, ast.Lambda):
            if id(function) not in by_place:
                yield from every
            continue
        name = function.name
        is_known = 0 < used[name] == called[name] and not function.decorator_list
        if not is_known or isinstance(holder, ast.ClassDef) or name.startswith("test"):
            yield from every
        elif isinstance(holder, ast.Module) and not name.startswith("_"):
            yield from _optional(function.args) if name in pinned else every


def _functions(tree: ast.Module) -> Iterator[tuple[ast.AST, Definition | ast.Lambda]]:
    """(module, class or function that it stands in, function)."""
    waiting: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while waiting:
        holder, node = waiting.pop()
        if isinstance(node, Definition | ast.Lambda):
            yield holder, node
        within = node if isinstance(node, SCOPES) else holder
        waiting += ((within, it) for it in ast.iter_child_nodes(node))


def _outside(tree: ast.Module) -> list[ast.stmt]:
    """What a script does."""
    return [it for it in tree.body if not isinstance(it, SCOPES)]


def _used(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _called(tree: ast.AST) -> Iterator[str]:
    """Functions that are called by their name, and with no arguments that cannot be seen."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and all(it.arg for it in node.keywords):
            yield node.func.id


def _given_lambdas(tree: ast.AST) -> Iterator[ast.Lambda]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = [*node.args, *(it.value for it in node.keywords)] if name in CALLING_BY_PLACE else [node.func]
            yield from (it for it in given if isinstance(it, ast.Lambda))


def _optional(parameters: ast.arguments) -> Iterator[str]:
    """Those that are passed by name, if at all: with a default, or after a star."""
    positional = [*parameters.posonlyargs, *parameters.args]
    optional = positional[len(positional) - len(parameters.defaults) :]
    yield from (it.arg for it in [*optional, *parameters.kwonlyargs])
