"""Rewritings that are often faster and mean the same: text in, text out. Whether they do is for whoever runs both.

Loops that gather become comprehensions, text that grows in a loop is joined, a list that is searched in a loop becomes
a set, a pure recursion remembers, a pattern is compiled once. Each looks for one plain shape and lets all others be.
Not here: other algorithms, and gathering loops (gathering.py).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator

from vibe_pipeline.interactions.synthesize.functions.gathering import gathered
from vibe_pipeline.interactions.synthesize.functions.statements import (
    Edit,
    blocks,
    changes,
    edit_of,
    functions_of,
    loads,
    stores,
)
from vibe_pipeline.spans import Spans, parsed, shape

MAX_TOGETHER = 6
"""Rewritings on top of each other."""

PATTERN_ARGUMENTS = {"match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2, "split": 2, "sub": 3}
"""Functions of re, and how many arguments they have when none is a flag."""


def rewritings(code: str) -> list[tuple[str, str]]:
    """(rewriting, code with it): one after the other by itself, then all that apply together."""
    spans = parsed(code)
    if spans is None:
        return []
    found = [(name, changed) for name, rule in RULES.items() for changed in _applied(spans, rule)]
    together, names = code, []
    for _ in range(MAX_TOGETHER):
        step = next(((name, changed) for name, changed in _one_each(together) if name not in names), None)
        if step is None:
            break
        names.append(step[0])
        together = step[1]
    if len(names) > 1:
        found.append((" + ".join(names), together))
    return found


def _one_each(code: str) -> Iterator[tuple[str, str]]:
    spans = parsed(code)
    for name, rule in RULES.items():
        if spans is not None:
            yield from ((name, changed) for changed in _applied(spans, rule))


def _applied(spans: Spans, rule: Callable[[Spans], Iterator[list[Edit]]]) -> Iterator[str]:
    for edits in rule(spans):
        changed = spans.replaced(edits)
        if shape(changed) not in (None, ast.dump(spans.tree)):
            yield changed


def _searched_set(spans: Spans) -> Iterator[list[Edit]]:
    """`x in names` again and again in a loop: the list as a set, made before the loop."""
    for function in functions_of(spans):
        parameters = {argument.arg for argument in function.args.args}
        for block in blocks(function):
            for statement in block:
                if not isinstance(statement, ast.For | ast.While):
                    continue
                searched = [
                    (node, node.comparators[0])
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Compare)
                    and isinstance(node.ops[0], ast.In | ast.NotIn)
                    and isinstance(node.comparators[0], ast.Name)
                ]
                for name in sorted({right.id for _, right in searched if isinstance(right, ast.Name)} & parameters):
                    if changes(statement, name):
                        continue
                    known = f"{name}_set"
                    places = [right for _, right in searched if isinstance(right, ast.Name) and right.id == name]
                    start = spans.span(statement)[0]
                    first = (start, start, f"{known} = set({name})\n{' ' * statement.col_offset}")
                    yield [first, *((*spans.span(place), known) for place in places)]


def _remembered(spans: Spans) -> Iterator[list[Edit]]:
    """A function that calls itself twice or more remembers what it has answered."""
    for function in spans.tree.body:
        if not isinstance(function, ast.FunctionDef) or function.decorator_list:
            continue
        inside = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        itself = [call for call in inside if isinstance(call.func, ast.Name) and call.func.id == function.name]
        if len(itself) > 1 and not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
            start = spans.span(function)[0]
            yield [_import(spans, "from functools import cache"), (start, start, "@cache\n")]


def _compiled_once(spans: Spans) -> Iterator[list[Edit]]:
    """`re.search("…", text)` in a function: the pattern as a constant of the module."""
    for function in spans.tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == "re"
                and len(call.args) == PATTERN_ARGUMENTS.get(call.func.attr)
                and not call.keywords
                and isinstance(call.args[0], ast.Constant)
                and "PATTERN" not in spans.code
            ):
                top = min([spans.span(function)[0], *(spans.span(it)[0] - 1 for it in function.decorator_list)])
                constant = (top, top, f"PATTERN = re.compile({spans.of(call.args[0])})\n\n")
                head = (spans.span(call)[0], spans.span(call.args[1])[0], f"PATTERN.{call.func.attr}(")
                yield [constant, head]


def _without_lambda(spans: Spans) -> Iterator[list[Edit]]:
    """`list(map(lambda x: …, xs))` and `list(filter(lambda x: …, xs))` as comprehensions."""
    for node in spans.nodes():
        inner = _only_argument(node, "list")
        if (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Name)
            and inner.func.id in ("map", "filter")
            and len(inner.args) == 2
            and isinstance(given := inner.args[0], ast.Lambda)
            and len(given.args.args) == 1
            and not (given.args.defaults or given.args.vararg or given.args.kwarg or given.args.kwonlyargs)
        ):
            name, body, over = given.args.args[0].arg, spans.of(given.body), spans.of(inner.args[1])
            text = (
                f"[{body} for {name} in {over}]"
                if inner.func.id == "map"
                else f"[{name} for {name} in {over} if {body}]"
            )
            yield [(*spans.span(node), text)]  # type: ignore[arg-type]


def _only_argument(node: ast.AST, name: str) -> ast.expr | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
        return node.args[0] if len(node.args) == 1 and not node.keywords else None
    return None


def _extreme(spans: Spans) -> Iterator[list[Edit]]:
    """`sorted(xs)[0]` is min(xs), `sorted(xs)[-1]` is max(xs)."""
    for node in spans.nodes():
        if isinstance(node, ast.Subscript) and (inner := _only_argument(node.value, "sorted")) is not None:
            end = ast.unparse(node.slice)
            if end in ("0", "-1"):
                yield [(*spans.span(node), f"{'min' if end == '0' else 'max'}({spans.of(inner)})")]


def _direct(spans: Spans) -> Iterator[list[Edit]]:
    """`for i in range(len(xs))` that reads nothing but `xs[i]`: over the items."""
    for function in functions_of(spans):
        for loop in ast.walk(function):
            if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
                continue
            length = _only_argument(_only_argument(loop.iter, "range") or loop.iter, "len")
            if not isinstance(length, ast.Name) or any(changes(it, length.id) for it in loop.body):
                continue
            place, items = loop.target.id, length.id
            reads = [
                node
                for statement in loop.body
                for node in ast.walk(statement)
                if isinstance(node, ast.Subscript)
                and isinstance(node.ctx, ast.Load)
                and isinstance(node.value, ast.Name)
                and node.value.id == items
                and isinstance(node.slice, ast.Name)
                and node.slice.id == place
            ]
            if reads and loads(function, place) == len(reads) and stores(function, place) == 1:
                name = "item" if "item" not in spans.code else f"{items}_item"
                heads = [(*spans.span(loop.target), name), (*spans.span(loop.iter), items)]
                yield [*heads, *((*spans.span(read), name) for read in reads)]


def _queue(spans: Spans) -> Iterator[list[Edit]]:
    """A list from whose front is taken, and of which nothing else is asked that a deque could not answer."""
    for function in functions_of(spans):
        for statement in ast.walk(function):
            if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.List)):
                continue
            target = statement.targets[0]
            if len(statement.targets) != 1 or not isinstance(target, ast.Name) or stores(function, target.id) != 1:
                continue
            uses = [_queue_use(node, target.id) for node in ast.walk(function)]
            pops = [use for use in uses if isinstance(use, ast.Call)]
            if pops and loads(function, target.id) == len([use for use in uses if use]):
                queue = (*spans.span(statement.value), f"deque({spans.of(statement.value)})")
                taken = [(*spans.span(pop), f"{target.id}.popleft()") for pop in pops]
                yield [_import(spans, "from collections import deque"), queue, *taken]


def _queue_use(node: ast.AST, name: str) -> ast.Call | bool:
    """The call where it takes from the front, True where it asks what a deque answers just as well."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == name:
        if node.func.attr == "pop" and [ast.unparse(it) for it in node.args] == ["0"]:
            return node
        return node.func.attr in ("append", "extend", "clear")
    if isinstance(node, ast.While | ast.If):
        return ast.unparse(node.test) in (name, f"not {name}")
    length = _only_argument(node, "len")
    return length is not None and ast.unparse(length) == name


def _import(spans: Spans, line: str) -> Edit:
    """An import at the top, below a docstring and what must stand first."""
    first = next(
        (it for it in spans.tree.body if not isinstance(it, ast.Expr) and getattr(it, "module", "") != "__future__"),
        spans.tree.body[0],
    )
    start = min([spans.span(first)[0], *(spans.span(it)[0] - 1 for it in getattr(first, "decorator_list", []))])
    is_import = isinstance(first, ast.Import | ast.ImportFrom)
    return (start, start, line + ("\n" if is_import else "\n\n\n"))


def _gathered(spans: Spans) -> Iterator[list[Edit]]:
    for function in functions_of(spans):
        for block in blocks(function):
            for first, loop in itertools.pairwise(block):
                text = gathered(spans, function, first, loop)
                if text is not None:
                    yield [edit_of(spans, first, loop, text)]


RULES: dict[str, Callable[[Spans], Iterator[list[Edit]]]] = {
    "gathering loop": _gathered,
    "searched set": _searched_set,
    "remembered recursion": _remembered,
    "compiled once": _compiled_once,
    "no lambda": _without_lambda,
    "min or max": _extreme,
    "direct iteration": _direct,
    "queue": _queue,
}
