"""Documents (manuals, notes): Markdown, reStructuredText and plain text → one interaction a section.

The input is the path of headings, the output the text below the last of them. A section that is long is split between
its blocks. The file's name and the headings name the section, and with its text the interaction: an edited section is
a new one in its old place (and on its side of the held-out split), its neighbours stay what they were.

Not here: examples made of sections. A folder's texts are taken only when the format is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.files import File, text_of
from vibe_pipeline.interactions.importers.raw import NOT_UTF8, Raw
from vibe_pipeline.records import Interaction

MARKDOWN = (".md", ".markdown")
SUFFIXES = (*MARKDOWN, ".rst", ".txt")

LIMIT = 4000
"""Characters of a part: some 1024 tokens, what a recipe reads of an example by default."""

LARGEST = 32 << 20
"""Bytes. What is larger is data that is called .txt."""

FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?)^\1[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)

ENTRY = re.compile(r"[\w\"'][^:=]*(:(?=\s|$)|=)")
"""Of front matter, YAML or TOML: a line that begins with a key."""

UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*$")
"""Of a reStructuredText title: one punctuation character, again and again."""


class Heading(NamedTuple):
    """Where a heading stands, and where the text below it begins."""

    start: int
    end: int
    level: int
    title: str


def opens(file: File, start: bytes) -> bool:
    """Whether the file is called a document and does not hold JSON all the same."""
    return file.path.suffix.lower() in SUFFIXES and not _is_json(start)


def records(file: File) -> Iterator[Raw]:
    """One record a part of a section."""
    if file.path.stat().st_size > LARGEST:
        yield Raw(file.name, reason=f"larger than {LARGEST >> 20} MiB: no document")
        return
    try:
        text = text_of(file.path, errors="strict").removeprefix("\ufeff")
    except UnicodeError:
        yield Raw(file.name, reason=NOT_UTF8)
        return
    if "\0" in text:
        yield Raw(file.name, reason="not text")
        return
    suffix = file.path.suffix.lower()
    found = _front_matter(text) if suffix in MARKDOWN else None
    about = {"front_matter": found[2].strip()} if found else {}
    for path, number, part in parts(text[found.end() if found else 0 :], suffix):
        yield Raw(part, {"document": file.name, "headings": list(path), "part": number, "text": part, **about})


def parts(text: str, suffix: str) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """(path of headings, number below that path, text) of every part of a document of that kind, one of SUFFIXES."""
    lines = text.splitlines()
    headings, blocks = _markdown(lines) if suffix in MARKDOWN else _plain(lines, suffix)
    numbers: dict[tuple[str, ...], int] = {}
    for path, begin, end in _sections(headings, len(lines)):
        for part in _parts(lines, begin, end, blocks):
            number = numbers[path] = numbers.get(path, -1) + 1
            yield path, number, part


def read(value: dict[str, Any], source: str, at: datetime) -> Iterator[Interaction]:
    """The one interaction of a part."""
    name, headings, part, text = (value[key] for key in ("document", "headings", "part", "text"))
    section = key_of(["document", name, headings])
    extra = {"document": name, "headings": headings}
    yield Interaction(
        interaction_id=key_of([section, text]),
        conversation_id=section,
        turn=part,
        occurred_at=at,
        module="document",
        action="document",
        input=" > ".join(headings) or name,
        output=text,
        source=source,
        extra=extra | ({"front_matter": value["front_matter"]} if "front_matter" in value else {}),
    )


def _front_matter(text: str) -> re.Match[str] | None:
    """Keys and what belongs to them between two rules; a text between two rules is none."""
    found = FRONT_MATTER.match(text)
    lines = [line for line in found[2].splitlines() if line.strip()] if found else []
    is_entry = [ENTRY.match(line) is not None for line in lines]
    is_part = all(it or line[0] in " \t#-[]{}" for it, line in zip(is_entry, lines, strict=True))
    return found if is_part and (any(is_entry) or not lines) else None


def _is_json(start: bytes) -> bool:
    """Whether the first line is a record or a list of them, or the beginning of a document over several lines."""
    first = start.replace(b"\0", b"").decode("utf-8", "ignore").lstrip("\ufeff\ufffe \t\r\n").split("\n", 1)[0].strip()
    if first in ("{", "[", "[{"):
        return True
    try:
        value = json.loads(first)
        return isinstance(value[0] if isinstance(value, list) and value else value, dict)
    except (ValueError, RecursionError):
        return len(first) > 1000 and first.startswith('{"')  # a record that is longer than the start of the file


def _sections(headings: Sequence[Heading], count: int) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """(path of headings, first line, line after the last) of every section; the first may have no heading."""
    path: list[Heading] = []
    for heading, following in pairwise([Heading(0, 0, 0, ""), *headings, Heading(count, count, 0, "")]):
        path = [it for it in path if it.level < heading.level] + ([heading] if heading.level else [])
        yield tuple(it.title for it in path), heading.end, following.start


def _parts(lines: Sequence[str], begin: int, end: int, blocks: Sequence[int]) -> Iterator[str]:
    """The section's text, split before the blocks with which it would become too long."""
    starts = [begin, *(line for line in blocks if begin < line < end), end]
    part = ""
    for block in ("\n".join(lines[start:stop]) for start, stop in pairwise(starts)):
        if part and len(part) + len(block) > LIMIT:
            yield from _cut(part)
            part = ""
        part = f"{part}\n{block}" if part else block
    yield from _cut(part)


def _cut(part: str) -> Iterator[str]:
    """A part; one block that is too long in itself is cut after a line, a sentence or a word, or else anywhere."""
    part = part.strip("\n").rstrip()
    while len(part) > LIMIT:
        head = part[:LIMIT]
        at = next((found for mark in ("\n", ". ", " ") if (found := head.rfind(mark) + len(mark)) > LIMIT // 2), LIMIT)
        yield part[:at].rstrip()
        part = part[at:].strip("\n")
    if part.strip():
        yield part


def _markdown(lines: Sequence[str]) -> tuple[list[Heading], list[int]]:
    """Headings that are no part of a list, a quotation or a fence, and the lines where blocks begin."""
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(lines))
    headings: list[Heading] = []
    blocks: list[int] = []
    for token, following in pairwise([*tokens, Token("", "", 0)]):
        if token.level == 0 and token.map:
            blocks.append(token.map[0])
            if token.type == "heading_open":
                begin, end = token.map
                headings.append(Heading(begin, end, int(token.tag[1:]), _title(following)))
    return headings, blocks


def _title(inline: Token) -> str:
    """A heading's words without its marks."""
    words = "".join(it.content or " " * (it.type in ("softbreak", "hardbreak")) for it in inline.children or ())
    return words.strip() or inline.content.strip()


def _plain(lines: Sequence[str], suffix: str) -> tuple[list[Heading], list[int]]:
    """Paragraphs, and of reStructuredText the titles; their marks get their levels in the order in which they come."""
    is_first = [not lines[number - 1].strip() for number in range(1, len(lines))]
    blocks = [number for number, first in enumerate(is_first, 1) if first and lines[number].strip()]
    headings: list[Heading] = []
    if suffix == ".rst":
        marks: list[tuple[str, bool]] = []
        for number, (title, under) in enumerate(pairwise(lines)):
            over = lines[number - 1] if number else ""
            if not _is_title(title, under, over):
                continue
            has_over = UNDERLINE.match(over) is not None
            mark = (under[0], has_over)
            marks += [mark] if mark not in marks else []
            headings.append(Heading(number - has_over, number + 2, marks.index(mark) + 1, title.strip()))
    return headings, blocks


def _is_title(title: str, under: str, over: str) -> bool:
    """A line of words over a line of marks that is not shorter, below nothing or the same marks."""
    is_framed = over.rstrip() == under.rstrip()
    return (
        UNDERLINE.match(under) is not None
        and UNDERLINE.match(title) is None
        and len(under.rstrip()) >= len(title.rstrip()) > 0
        and (is_framed or not over.strip())
        and (is_framed or not title[0].isspace())
    )
