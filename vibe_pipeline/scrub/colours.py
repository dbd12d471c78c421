"""Terminal colours out of the way: while a text is scrubbed, each run of them is one mark, and comes back afterwards.

The mark is white space to Rust's and to Python's engine, so it ends a word as a blank does, may stand between a name
and its value, and needs no word in any pattern. Not here: what is scrubbed (__init__.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MARK = "\x85"
"""NEXT LINE: no text has it but by accident (and then it is kept like a colour), JSON may hold it, no engine takes it
for the end of a line."""

SIGNS = r"\x1b\[|\\(?:u00(?:1[bB]|85)|x1[bB]|033|e)|\^\[\[|\x{85}"
"""A Rust regex that hits wherever there is something to mark."""

COLOURS = re.compile(r"(?:(?:\x1b|\\++(?:u001[bB]|x1[bB]|033|e)|\^\[)\[[0-9;:?]{0,40}[A-Za-z]|\x85|\\++u0085)+")
"""A sequence as it is, as JSON, shells and editors write it; also those that move and erase."""
MARKS = re.compile(f"{MARK}+")


def marked(texts: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The texts with a mark for every run of colours, and those runs."""
    return [COLOURS.sub(MARK, text) for text in texts], [COLOURS.findall(text) for text in texts]


def restored(texts: Sequence[str], runs: Sequence[Sequence[str]]) -> list[str]:
    """The texts with their runs in the places of the marks; of marks side by side, which a value left that had colours
    inside, the last: it is the colour of what follows."""
    return [_restored(text, iter(run)) for text, run in zip(texts, runs, strict=True)]


def _restored(text: str, runs: Iterator[str]) -> str:
    return MARKS.sub(lambda marks: [next(runs) for _ in marks[0]][-1], text)
