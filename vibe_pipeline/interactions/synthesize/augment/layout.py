"""The same code laid out otherwise: indents, quotes, spaces. Text in, text out; the program stays the same.

A layout is kept only where the syntax tree is equal, so that nothing has to be run. Not here: names (renaming.py).
"""

from __future__ import annotations

import ast
import io
import random
import re
import tokenize
from collections.abc import Callable, Iterator

from vibe_pipeline.spans import Spans, parsed, shape

SPACED = {"=", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "//", "%", "+=", "-=", "*=", "/="}


def laid_out(code: str, chooser: random.Random) -> Iterator[tuple[str, str]]:
    """(layout, code in it) for every layout that changes the text, in a seeded order; nothing for what is no Python."""
    spans = parsed(code)
    if spans is None:
        return
    wanted = ast.dump(spans.tree)
    found = list(LAYOUTS.items())
    chooser.shuffle(found)
    for name, layout in found:
        changed = layout(spans.code)
        if changed is not None and changed.strip() != spans.code.strip() and shape(changed) == wanted:
            yield name, changed


def _indented(width: str) -> Callable[[str], str]:
    def layout(code: str) -> str:
        """Lines that begin a statement get their depth; lines inside brackets and strings stay."""
        lines = code.splitlines(keepends=True)
        depth = 0
        begins = True
        waiting: list[int] = []
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.INDENT:
                depth += 1
            elif token.type == tokenize.DEDENT:
                depth -= 1
            elif token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip():
                waiting.append(token.start[0])  # its depth is that of the statement below
            elif token.type == tokenize.NEWLINE:
                begins = True
            elif token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER) and begins:
                for row in [*waiting, token.start[0]]:
                    lines[row - 1] = width * depth + lines[row - 1].lstrip(" \t")
                waiting, begins = [], False
        return "".join(lines)

    return layout


def _other_quotes(code: str) -> str:
    def turned(token: tokenize.TokenInfo) -> str:
        text = token.string
        if token.type != tokenize.STRING or "\\" in text or not re.fullmatch(r"(['\"])(?!\1)[^'\"]*\1", text):
            return text
        quote = '"' if text[0] == "'" else "'"
        return quote + text[1:-1] + quote

    return _with_tokens(code, turned)


def _with_tokens(code: str, turned: Callable[[tokenize.TokenInfo], str]) -> str:
    """Tokens of one line replaced in place."""
    lines = code.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code).readline))):
        if token.start[0] == token.end[0] and (text := turned(token)) != token.string:
            line = lines[token.start[0] - 1]
            lines[token.start[0] - 1] = line[: token.start[1]] + text + line[token.end[1] :]
    return "".join(lines)


def _without_spaces(code: str) -> str:
    """`a=b+1`: no spaces around operators."""
    lines = code.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code).readline))):
        if token.type == tokenize.OP and token.string in SPACED:
            (row, start), (_, end) = token.start, token.end
            line = lines[row - 1]
            before, after = line[:start], line[end:]
            if before.strip():
                lines[row - 1] = before.rstrip(" ") + token.string + after.lstrip(" ")
    return "".join(lines)


def _written_anew(code: str) -> str | None:
    """As Python itself would write the tree; not where comments would be lost."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    if any(token.type == tokenize.COMMENT for token in tokens):
        return None
    return ast.unparse(Spans(code).tree)


LAYOUTS: dict[str, Callable[[str], str | None]] = {
    "two spaces": _indented("  "),
    "four spaces": _indented("    "),
    "tabs": _indented("\t"),
    "other quotes": _other_quotes,
    "no spaces around operators": _without_spaces,
    "written anew": _written_anew,
}
