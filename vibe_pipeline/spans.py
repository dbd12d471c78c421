"""Code as text and as its syntax tree at once: where a node stands, and the same code with some of it replaced.

Code is changed where its tree says and nowhere else, so that all the rest (comments, quotes, blank lines) stays as
somebody wrote it. The tree counts columns in bytes of UTF-8, text counts characters: only this file knows.
Not here: what to change.
"""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

Located = ast.expr | ast.stmt | ast.keyword | ast.alias | ast.arg


_PARSING = threading.Lock()
"""Filters of warnings are the whole process's."""


@contextmanager
def quietly() -> Iterator[None]:
    """Parse without Python's warnings: what is odd in somebody's code (`"\\d"`) is nothing to tell the user now."""
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Spans:
    """One piece of code that parses, with lines that end as Python reads them; SyntaxError or ValueError if not."""

    def __init__(self, code: str) -> None:
        self.code = code.replace("\r\n", "\n").replace("\r", "\n")
        with quietly():
            self.tree = ast.parse(self.code)
        self._bytes = self.code.encode()
        lines = self._bytes.split(b"\n")
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def span(self, node: Located) -> tuple[int, int]:
        """First byte of a node and the one after its last."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, start: int, end: int) -> str:
        """What stands between two bytes."""
        return self._bytes[start:end].decode()

    def of(self, node: Located) -> str:
        """The text of a node."""
        return self.text(*self.span(node))

    def replaced(self, edits: Iterable[tuple[int, int, str]]) -> str:
        """The code with (first byte, byte after the last, new text) put in; at one place in the order given."""
        changed = self._bytes
        for start, end, text in sorted(edits, key=lambda edit: edit[:2])[::-1]:
            changed = changed[:start] + text.encode() + changed[end:]
        return changed.decode()

    def nodes(self) -> Iterator[ast.AST]:
        """Every node but those inside f-strings, whose places Python before 3.12 does not know."""
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop(0)
            yield node
            if not isinstance(node, ast.JoinedStr):
                waiting.extend(ast.iter_child_nodes(node))


def parsed(code: str) -> Spans | None:
    """None where it is no Python, or nested too deep to be read."""
    try:
        return Spans(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def shape(code: str) -> str | None:
    """The tree as text, without places: equal shapes are the same program. None where it is no Python."""
    found = parsed(code)
    return None if found is None else ast.dump(found.tree)
