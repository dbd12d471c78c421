"""Mutation operators: one small fault in working code, such as `<` for `<=`; text in, text out, nothing is run here.

The operators are those of mutation testing (DeMillo, Lipton and Sayward 1978; the survey by Jia and Harman 2011):
relational, boundary, arithmetic and logical replacement, constants off by one, lost return values. A mutant's tree
differs from the original's in one node. It may behave the same all the same: only a run shows. What tests the code is
left as it is: who is shown a fault in an assert learns to bend the test to the code.
Not here: slips of the finger (mutations.py).
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator

from vibe_pipeline.spans import Spans, parsed, shape

Change = tuple[ast.AST, ast.AST, str]
"""(node, what stands for it in the mutated tree, its new text)."""

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITION = (*FUNCTION, ast.ClassDef)

COMPARISON = {
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}
BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
ARITHMETIC = {
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "//": "*",
    "%": "*",
    "**": "*",
    "&": "|",
    "|": "&",
    "^": "&",
    "<<": ">>",
    ">>": "<<",
}
SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
NODES = {sign: kind for kind, sign in SIGNS.items()}


def mutants(code: str, chooser: random.Random) -> Iterator[tuple[str, str]]:
    """(operator, mutated code) for every place where one applies, in a seeded order; nothing for what is no Python."""
    spans = parsed(code)
    if spans is None:
        return
    left = {id(node) for check in _checks(spans.tree) for node in ast.walk(check)}
    changes = ((name, change) for name, operator in OPERATORS.items() for change in operator(spans))
    found = [(name, change) for name, change in changes if id(change[0]) not in left]
    chooser.shuffle(found)
    for name, (node, instead, text) in found:
        mutated = _written(spans, node, instead, text)
        if mutated is not None:
            yield name, mutated


def _checks(tree: ast.Module) -> list[ast.AST]:
    """What asserts or tests; where a module does so below what it defines, all that stands there: it leads to that."""
    found = [node for node in ast.walk(tree) if _is_check(node)]
    script = [it for it in tree.body if not isinstance(it, DEFINITION)]
    is_tested = any(_is_check(node) for it in script for node in ast.walk(it))
    defines = any(isinstance(it, DEFINITION) and not _is_check(it) for it in tree.body)
    return [*found, *script] if is_tested and defines else found


def _is_check(node: ast.AST) -> bool:
    """Of pytest, of unittest, or a function like HumanEval's `check`, which asserts and gives nothing back."""
    if isinstance(node, FUNCTION):
        inside = list(ast.walk(node))
        gives = any(isinstance(it, ast.Return | ast.Yield | ast.YieldFrom) and it.value for it in inside)
        is_method = bool(node.args.args) and node.args.args[0].arg in ("self", "cls")
        asserts = not gives and not is_method and any(isinstance(it, ast.Assert) for it in inside)
        return node.name.startswith("test") or asserts
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") or any(_last_name(it).endswith("TestCase") for it in node.bases)
    if isinstance(node, ast.With):
        return any(_last_name(it.context_expr) in ("raises", "warns", "assertRaises") for it in node.items)
    if isinstance(node, ast.If):
        return any(isinstance(it, ast.Raise) and _last_name(it.exc) == "AssertionError" for it in node.body)
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Expr) and _last_name(node.value).startswith("assert"))


def _last_name(node: ast.AST | None) -> str:
    """`raises` of pytest.raises(…)."""
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _written(spans: Spans, node: ast.AST, instead: ast.AST, text: str) -> str | None:
    """The code with that node's new text, in brackets where the tree would change elsewhere without them."""
    wanted = _dump_with(spans.tree, node, instead)
    start, end = spans.span(node)  # type: ignore[arg-type]
    for form in (text, f"({text})"):
        written = spans.replaced([(start, end, form)])
        if shape(written) == wanted:
            return written
    return None


def _dump_with(tree: ast.AST, node: ast.AST, instead: ast.AST) -> str:
    """The shape of a tree in which one node is another; the tree itself stays what it was."""
    kept = node.__class__, dict(node.__dict__)
    try:
        node.__class__ = instead.__class__
        node.__dict__ = {**kept[1], **instead.__dict__}
        return ast.dump(tree)
    finally:
        node.__class__, node.__dict__ = kept


def _with_sign(spans: Spans, left: ast.expr, right: ast.expr, sign: str, new: str, whole: ast.AST) -> str | None:
    """The text of `whole` with the sign between two operands replaced."""
    gap_start, gap_end = spans.span(left)[1], spans.span(right)[0]
    start, end = spans.span(whole)  # type: ignore[arg-type]
    gap = spans.text(gap_start, gap_end)
    pattern = re.escape(sign).replace(r"\ ", r"\s+")
    found = re.search(pattern, gap)
    if found is None:
        return None
    changed = gap[: found.start()] + new + gap[found.end() :]
    return spans.text(start, gap_start) + changed + spans.text(gap_end, end)


def _compared(table: dict[str, str]) -> Callable[[Spans], Iterator[Change]]:
    def operator(spans: Spans) -> Iterator[Change]:
        for node in spans.nodes():
            if not isinstance(node, ast.Compare):
                continue
            operands = [node.left, *node.comparators]
            for place, kind in enumerate(node.ops):
                sign = SIGNS[type(kind)]
                if sign not in table:
                    continue
                text = _with_sign(spans, operands[place], operands[place + 1], sign, table[sign], node)
                ops = [*node.ops[:place], NODES[table[sign]](), *node.ops[place + 1 :]]
                if text is not None:
                    yield node, ast.Compare(node.left, ops, node.comparators), text  # type: ignore[arg-type]

    return operator


def _arithmetic(spans: Spans) -> Iterator[Change]:
    for node in spans.nodes():
        if isinstance(node, ast.BinOp):
            sign = SIGNS.get(type(node.op), "")
            if sign in ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
                new = ARITHMETIC[sign]
                text = _with_sign(spans, node.left, node.right, sign, new, node)
                if text is not None:
                    yield node, ast.BinOp(node.left, NODES[new](), node.right), text  # type: ignore[arg-type]
        elif isinstance(node, ast.AugAssign):
            sign = SIGNS.get(type(node.op), "")
            if sign in ARITHMETIC:
                new = ARITHMETIC[sign]
                text = _with_sign(spans, node.target, node.value, f"{sign}=", f"{new}=", node)
                if text is not None:
                    yield node, ast.AugAssign(node.target, NODES[new](), node.value), text  # type: ignore[arg-type]


def _is_text(node: ast.expr) -> bool:
    """Arithmetic on text is a call of another kind: `"%s" % x`."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _boolean(spans: Spans) -> Iterator[Change]:
    for node in spans.nodes():
        if isinstance(node, ast.BoolOp):
            is_and = isinstance(node.op, ast.And)
            edits, start = [], spans.span(node)[0]
            for left, right in zip(node.values, node.values[1:], strict=False):
                gap = (spans.span(left)[1], spans.span(right)[0])
                edits.append((*gap, re.sub(r"\b(and|or)\b", "or" if is_and else "and", spans.text(*gap), count=1)))
            text = _edited(spans, start, spans.span(node)[1], edits)
            yield node, ast.BoolOp(ast.Or() if is_and else ast.And(), node.values), text
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, node.operand, spans.of(node.operand)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, ast.Constant(not node.value), str(not node.value)


def _edited(spans: Spans, start: int, end: int, edits: list[tuple[int, int, str]]) -> str:
    text, at = "", start
    for first, last, new in edits:
        text += spans.text(at, first) + new
        at = last
    return text + spans.text(at, end)


def _off_by_one(spans: Spans) -> Iterator[Change]:
    for node in spans.nodes():
        if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < 1 << 31:
            for value in (node.value + 1, node.value - 1):
                if value >= 0:
                    yield node, ast.Constant(value), str(value)


def _return_value(spans: Spans) -> Iterator[Change]:
    for node in spans.nodes():
        if isinstance(node, ast.Return) and node.value is not None:
            is_none = isinstance(node.value, ast.Constant) and node.value.value is None
            if not is_none:
                yield node.value, ast.Constant(None), "None"


OPERATORS: dict[str, Callable[[Spans], Iterator[Change]]] = {
    "comparison": _compared(COMPARISON),
    "boundary": _compared(BOUNDARY),
    "arithmetic": _arithmetic,
    "boolean": _boolean,
    "off by one": _off_by_one,
    "return value": _return_value,
}
