"""What rewritings ask of statements: blocks, who reads and who changes a name, and how a statement is replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from vibe_pipeline.spans import Spans

Edit = tuple[int, int, str]
"""(first byte, byte after the last, new text)."""

CHANGING = {
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "clear",
    "sort",
    "reverse",
    "add",
    "discard",
    "update",
    "setdefault",
    "popitem",
}


def functions_of(spans: Spans) -> list[ast.FunctionDef]:
    """All functions, also those in functions and classes."""
    return [node for node in ast.walk(spans.tree) if isinstance(node, ast.FunctionDef)]


def blocks(function: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    """Lists of statements that run one after the other."""
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def loads(where: ast.AST, name: str) -> int:
    """How often a name is read."""
    return sum(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) for node in ast.walk(where)
    )


def stores(where: ast.AST, name: str) -> int:
    """How often a name is bound or deleted."""
    return sum(
        isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
        for node in ast.walk(where)
    )


def changes(where: ast.AST, name: str) -> bool:
    """Whether the name is bound anew, or what it names may be changed in place."""
    for node in ast.walk(where):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load) and _is(node.value, name):
            return True
        if isinstance(node, ast.AugAssign) and _is(node.target, name):
            return True
        if isinstance(node, ast.Attribute) and _is(node.value, name) and node.attr in CHANGING:
            return True
    return False


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def edit_of(spans: Spans, first: ast.stmt, last: ast.stmt, text: str) -> Edit:
    """Statements of one block, from the first to the last, replaced by one line."""
    return spans.span(first)[0], spans.span(last)[1], text
