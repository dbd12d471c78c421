"""Loops that gather: `out = []`, then `for x in xs: if c: out.append(e)`, as one comprehension, join or sum."""

from __future__ import annotations

import ast

from vibe_pipeline.interactions.synthesize.functions.statements import loads, stores
from vibe_pipeline.spans import Spans

EMPTY = {"[]": "list", "list()": "list", "set()": "set", "{}": "dict", "dict()": "dict", "''": "text", "0": "number"}


def gathered(spans: Spans, function: ast.AST, first: ast.stmt, loop: ast.stmt) -> str | None:
    """The statement that does what the two do; None where they do not gather, or where it could tell the difference."""
    if not (isinstance(first, ast.Assign) and len(first.targets) == 1 and isinstance(first.targets[0], ast.Name)):
        return None
    name, kind = first.targets[0].id, EMPTY.get(ast.unparse(first.value))
    if kind is None or not isinstance(loop, ast.For) or loop.orelse:
        return None
    clauses: list[str] = []
    inner: ast.stmt = loop
    while isinstance(inner, ast.For | ast.If) and not inner.orelse and len(inner.body) == 1:
        if isinstance(inner, ast.For):
            if not _is_own(function, loop, inner.target):
                return None
            clauses.append(f"for {spans.of(inner.target)} in {spans.of(inner.iter)}")
        else:
            clauses.append(f"if {spans.of(inner.test)}")
        inner = inner.body[0]
    item = _item(spans, inner, name, kind)
    is_leaf_alone = loads(loop, name) + stores(loop, name) == 1
    if item is None or not is_leaf_alone or any(isinstance(it, ast.Yield | ast.Await) for it in ast.walk(loop)):
        return None
    if "\n" in (text := " ".join([item, *clauses])):
        return None
    return f"{name} = {FORMS[kind].format(text)}"


FORMS = {"list": "[{}]", "set": "{{{}}}", "dict": "{{{}}}", "text": '"".join([{}])', "number": "sum([{}])"}


def _is_own(function: ast.AST, loop: ast.For, target: ast.expr) -> bool:
    """Whether nothing outside the loop knows its variables: a comprehension keeps them to itself."""
    names = [node for node in ast.walk(target) if isinstance(node, ast.Name)]
    if not all(isinstance(node, ast.Name | ast.Tuple | ast.Store) for node in ast.walk(target)):
        return False
    return all(loads(function, it.id) == loads(loop, it.id) and stores(function, it.id) == 1 for it in names)


def _item(spans: Spans, leaf: ast.stmt, name: str, kind: str) -> str | None:
    """What is added, as it stands in a comprehension."""
    if kind in ("text", "number"):
        if not (isinstance(leaf, ast.AugAssign) and isinstance(leaf.op, ast.Add) and ast.unparse(leaf.target) == name):
            return None
        return spans.of(leaf.value)
    if kind == "dict":
        if not (isinstance(leaf, ast.Assign) and isinstance(leaf.targets[0], ast.Subscript)):
            return None
        target = leaf.targets[0]
        is_ours = isinstance(target.value, ast.Name) and target.value.id == name
        return f"{spans.of(target.slice)}: {spans.of(leaf.value)}" if is_ours and len(leaf.targets) == 1 else None
    if not (isinstance(leaf, ast.Expr) and isinstance(call := leaf.value, ast.Call)):
        return None
    method = "append" if kind == "list" else "add"
    is_ours = isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == f"{name}.{method}"
    return spans.of(call.args[0]) if is_ours and len(call.args) == 1 and not call.keywords else None
