"""The same code with other names for parameters and local variables: text in, text out; nothing is run here.

Only names that one function and what lies in it can see are changed, everywhere at once, and never a name that callers
may write (parameters.py), that a comment or string speaks of, or that code could look up. Python reads names in NFKC,
and so are they compared here: `ﬁle` is `file`.
Not here: names of functions, classes and attributes, by which tests and other code know them.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import random
import re
import symtable
import tokenize
import unicodedata
from collections.abc import Iterator

from vibe_pipeline.interactions.synthesize.augment.parameters import named_by_callers
from vibe_pipeline.spans import Spans, parsed, quietly

NAMES = (
    "value item element entry result current previous following first second third other left right low high start "
    "stop given known seen found best answer step part piece total a b c d e f g h k m n p q r s t u v w x y z"
)
"""They say little of a type, so that none of them lies."""

LOOKED_UP = (
    "locals vars globals eval exec dir getattr inspect __code__ __annotations__ __defaults__ __kwdefaults__ f_locals "
    "_getframe"
)
"""What sees names as text. (What stands in an f-string, as in f"{x=}", is left alone itself.)"""

FIXED = {"self", "cls", "mcs", "_"}
WORD = re.compile(r"[^\W\d]\w*")


def renamed(code: str, chooser: random.Random, told: str = "", tests: str = "") -> str | None:
    """Half of the names that may change, or at least one, under other names; None where no name may.

    A word of `told`, what was said around the code, stays: it may speak of the name. `tests` show how it is called.
    """
    spans = parsed(code)
    if spans is None:
        return None
    names = sorted(_free_to_change(spans, parsed(tests)) - set(_words(told)))
    unused = [name for name in NAMES.split() if name not in set(_words(spans.code))]
    chooser.shuffle(names)
    chooser.shuffle(unused)
    mapping = dict(zip(names[: max(1, (len(names) + 1) // 2)], unused, strict=False))
    changed = _substituted(spans.code, mapping)
    after = parsed(changed)
    if after is None or changed == spans.code:
        return None
    before, there = ast.dump(spans.tree), ast.dump(after.tree)
    back = {new: old for old, new in mapping.items()}
    is_there = ast.dump(_Naming(mapping).visit(spans.tree)) == there
    return changed if is_there and ast.dump(_Naming(back).visit(after.tree)) == before else None


def _words(text: str) -> list[str]:
    return WORD.findall(_read(text))


def _read(name: str) -> str:
    """As Python reads it."""
    return unicodedata.normalize("NFKC", name)


def _free_to_change(spans: Spans, tests: Spans | None) -> set[str]:
    try:
        with quietly():
            root = symtable.symtable(spans.code, "code", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return set()
    local: set[str] = set()
    seen_elsewhere: set[str] = set()
    for table in _tables(root):
        for symbol in table.get_symbols():
            name = symbol.get_name()
            is_inside = table.get_type() == "function" and not symbol.is_global() and not symbol.is_namespace()
            (local if is_inside else seen_elsewhere).add(name)
    used_as_text = {*_bound_without_a_place(spans), *_told_of(spans)}
    by_callers = named_by_callers(spans.tree, tests.tree if tests else None)
    fixed = {*seen_elsewhere, *used_as_text, *by_callers, *FIXED, *dir(builtins), *keyword.softkwlist}
    if not {token.string for token in _tokens(spans.code)}.isdisjoint(LOOKED_UP.split()):
        return set()
    return {name for name in local - fixed if WORD.fullmatch(name) and not name.startswith("__")}


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _bound_without_a_place(spans: Spans) -> Iterator[str]:
    """Names that callers write, or that stand in the tree as mere text: keywords, imports, `except … as`, patterns."""
    for node in ast.walk(spans.tree):
        if isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.alias):
            yield from _words(f"{node.name} {node.asname or ''}")
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        elif isinstance(node, ast.MatchClass):
            yield from node.kwd_attrs
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif isinstance(node, ast.FormattedValue):
            yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))


def _told_of(spans: Spans) -> Iterator[str]:
    """Words of comments and strings."""
    for token in _tokens(spans.code):
        if token.type == tokenize.COMMENT:
            yield from _words(token.string)
    for node in ast.walk(spans.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _words(node.value)


def _tokens(code: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(code).readline))


def _substituted(code: str, mapping: dict[str, str]) -> str:
    """Every token of that name but attributes."""
    lines = code.splitlines(keepends=True)
    before = ""
    edits = []
    for token in _tokens(code):
        if token.type == tokenize.NAME and _read(token.string) in mapping and before != ".":
            edits.append(token)
        before = token.string
    for token in reversed(edits):
        row, column = token.start
        line = lines[row - 1]
        lines[row - 1] = line[:column] + mapping[_read(token.string)] + line[token.end[1] :]
    return "".join(lines)


class _Naming(ast.NodeTransformer):
    """A tree with names put back, to see that nothing else has changed."""

    def __init__(self, mapping: dict[str, str]) -> None:
        self.mapping = mapping

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.mapping.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self.mapping.get(node.arg, node.arg)
        self.generic_visit(node)
        return node
