"""Small mistakes that people make, planted in working code: text in, text out; nothing is run here.

Code is changed at positions that its syntax tree gives, not rewritten from the tree, so that everything but
the mistake stays as it was. A mutation may well be harmless: only a run shows whether it fails.
"""

from __future__ import annotations

import ast
import builtins
import random
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
Mutation = Callable[[str, random.Random], str | None]

TAKES_ANYTHING = {"signature", *dir(builtins)}


def mutations(code: str, chooser: random.Random, first: int) -> Iterator[tuple[str, str]]:
    """(name of the mistake, code with it), every kind that applies, beginning with number `first`."""
    kinds = list(MISTAKES.items())
    turn = first % len(kinds)
    for name, mutate in kinds[turn:] + kinds[:turn]:
        mutated = mutate(code, chooser)
        if mutated is not None and mutated != code:
            yield name, mutated


def _nodes(code: str, kind: type[Node]) -> list[Node]:
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, kind)]


def _offset(code: str, line: int, column: int) -> int:
    return sum(len(text) + 1 for text in code.split("\n")[: line - 1]) + column


def _span(code: str, node: ast.expr | ast.alias | ast.keyword) -> tuple[int, int]:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return _offset(code, node.lineno, node.col_offset), _offset(code, end_line, end_column)


def _misspell(word: str, chooser: random.Random) -> str:
    """One slip of the finger: a letter lost, doubled, or swapped with the next; never the first letter."""
    at = chooser.randrange(1, max(2, len(word) - 1))
    swapped = word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]
    slips = {word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], swapped}
    fitting = sorted(slip for slip in slips if slip != word and slip.isidentifier())
    return chooser.choice(fitting) if fitting else word


def _is_dunder(name: str) -> bool:
    return name.startswith("__")


def misspelt_attribute(code: str, chooser: random.Random) -> str | None:
    found = [node for node in _nodes(code, ast.Attribute) if len(node.attr) > 2 and not _is_dunder(node.attr)]
    if not found:
        return None
    node = chooser.choice(found)
    end = _span(code, node)[1]
    return code[: end - len(node.attr)] + _misspell(node.attr, chooser) + code[end:]


def misspelt_import(code: str, chooser: random.Random) -> str | None:
    found = [alias for node in _nodes(code, ast.ImportFrom) for alias in node.names if len(alias.name) > 2]
    if not found:
        return None
    alias = chooser.choice(found)
    start, _ = _span(code, alias)
    return code[:start] + _misspell(alias.name, chooser) + code[start + len(alias.name) :]


def misspelt_module(code: str, chooser: random.Random) -> str | None:
    found = list(re.finditer(r"^(?:from|import) (\w{3,})", code, re.MULTILINE))
    if not found:
        return None
    match = chooser.choice(found)
    return code[: match.start(1)] + _misspell(match[1], chooser) + code[match.end(1) :]


def misspelt_name(code: str, chooser: random.Random) -> str | None:
    found = [node for node in _nodes(code, ast.Name) if len(node.id) > 2 and isinstance(node.ctx, ast.Load)]
    if not found:
        return None
    start, end = _span(code, chooser.choice(found))
    return code[:start] + _misspell(code[start:end], chooser) + code[end:]


def missing_import(code: str, chooser: random.Random) -> str | None:
    lines = code.split("\n")
    found = [number for number, line in enumerate(lines) if re.match(r"(from|import) ", line)]
    if not found:
        return None
    gone = chooser.choice(found)
    return "\n".join(lines[:gone] + lines[gone + 1 :]).strip()


def imported_otherwise(code: str, chooser: random.Random) -> str | None:
    """`import os` where the code below wants `from os import stat`."""
    found = list(re.finditer(r"^from ([\w.]+) import \w+$", code, re.MULTILINE))
    return f"{code[: found[-1].start()]}import {found[-1][1]}{code[found[-1].end() :]}" if found else None


def wrong_keyword(code: str, chooser: random.Random) -> str | None:
    found = [node for node in _nodes(code, ast.keyword) if node.arg and len(node.arg) > 2]
    if not found:
        return None
    node = chooser.choice(found)
    start, _ = _span(code, node)
    return code[:start] + _misspell(str(node.arg), chooser) + code[start + len(str(node.arg)) :]


def _calls(code: str) -> list[ast.Call]:
    """Calls whose right arguments can be known from what is called: not print(…), nor signature(…) of anything."""
    ours = [
        call
        for call in _nodes(code, ast.Call)
        if not (isinstance(call.func, ast.Name) and call.func.id in TAKES_ANYTHING)
    ]
    return [call for call in ours if call.args or call.keywords]


def extra_argument(code: str, chooser: random.Random) -> str | None:
    found = [call for call in _calls(code) if call.args and not call.keywords]
    if not found:
        return None
    call = chooser.choice(found)
    start, end = _span(code, call.args[-1])
    return f"{code[:end]}, {code[start:end]}{code[end:]}"


def missing_argument(code: str, chooser: random.Random) -> str | None:
    found: list[list[ast.expr | ast.keyword]] = [[*call.args, *call.keywords] for call in _calls(code)]
    if not found:
        return None
    arguments = chooser.choice(found)
    start = _span(code, arguments[-2])[1] if len(arguments) > 1 else _span(code, arguments[-1])[0]
    return code[:start] + code[_span(code, arguments[-1])[1] :]


def missing_quote(code: str, chooser: random.Random) -> str | None:
    found = [
        node for node in _nodes(code, ast.Constant) if isinstance(node.value, str) and node.lineno == node.end_lineno
    ]
    if not found:
        return None
    _, end = _span(code, chooser.choice(found))
    return code[: end - 1] + code[end:]


def missing_bracket(code: str, chooser: random.Random) -> str | None:
    return code[:-1] if code.endswith((")", "]")) else None


def missing_colon(code: str, chooser: random.Random) -> str | None:
    return re.sub(r":$", "", code, count=1, flags=re.MULTILINE)


def missing_indent(code: str, chooser: random.Random) -> str | None:
    return re.sub(r"(:\n) +", r"\1", code, count=1)


def number_as_text(code: str, chooser: random.Random) -> str | None:
    found = [node for node in _nodes(code, ast.Constant) if type(node.value) is int]
    if not found:
        return None
    start, end = _span(code, chooser.choice(found))
    return f'{code[:start]}"{code[start:end]}"{code[end:]}'


def text_without_str(code: str, chooser: random.Random) -> str | None:
    """`"n = " + str(n)` without the str."""
    return re.sub(r"\+ str\((\w+)\)", r"+ \1", code)


MISTAKES: dict[str, Mutation] = {
    "misspelt attribute": misspelt_attribute,
    "wrong keyword": wrong_keyword,
    "missing import": missing_import,
    "missing quote": missing_quote,
    "extra argument": extra_argument,
    "misspelt import": misspelt_import,
    "number as text": number_as_text,
    "missing colon": missing_colon,
    "missing argument": missing_argument,
    "imported otherwise": imported_otherwise,
    "text without str": text_without_str,
    "misspelt name": misspelt_name,
    "missing bracket": missing_bracket,
    "misspelt module": misspelt_module,
    "missing indent": missing_indent,
}
"""Kinds of mistakes, ordered so that neighbours differ."""
