"""A JSON document of any size → its records, read through a window that holds one of them and little more.

The records of a document are the elements of its array, or of the lists of records in its object; everything else is
one record. Python's own decoder reads each of them from the window, so numbers and odd characters are what they are in
a line, and a broken element costs itself alone where its brackets are whole. (ijson gives up at the first error and
refuses NaN, lone surrogates and large integers: docs/log.md, "a gigabyte".)

Not here: which files are documents (files.py), and what a record means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TextIO

from vibe_pipeline.interactions.importers.messages import has_role
from vibe_pipeline.interactions.importers.raw import Raw, of_value, read_text, unread

SPLITS = ("train", "test", "validation", "valid", "val", "dev", "eval", "holdout")
WRAPPERS = ("data", "rows", "examples", "records", "conversations", *SPLITS)
"""A list of records under one of these keys of an object is what the object is about: then so is each other list of
objects in it, and what else it says is about the file."""

CHUNK = 1 << 20
"""Characters read at once."""

LIMIT = 1 << 28
"""Characters of one record; one that is longer, or does not end, is broken."""

LONG = 1 << 24
"""Characters of objects in a list that is no part of one record."""

BLANK = re.compile(r"[ \t\r\n]*")
BLANK_OR_COMMA = re.compile(r"[ \t\r\n,]*")

TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""What decides where a JSON value ends: whole strings, and brackets outside of them."""

SCALAR = re.compile(r".[^,\n]*", re.DOTALL)
"""How far something broken reaches that has no brackets."""

DECODER = json.JSONDecoder()

IsRecord = Callable[[Any], bool]


class Window:
    """A text file seen through a buffer: what lies before `at` is done with and forgotten."""

    def __init__(self, file: TextIO) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self._file = file

    def more(self) -> bool:
        """Read on, twice as much each time, so that a long record is looked at few times; False where that is all."""
        self.text, self.at = self.text[self.at :], 0
        if len(self.text) >= LIMIT:
            return False
        piece = self._file.read(max(CHUNK, len(self.text)))
        self.text += piece
        self.ended = not piece
        return not self.ended

    def peek(self, blank: re.Pattern[str] = BLANK) -> str:
        """The next character that is not blank, '' at the end; `at` is then its place."""
        while True:
            found = blank.match(self.text, self.at)
            assert found
            self.at = found.end()
            if self.at < len(self.text) or not self.more():
                return self.text[self.at : self.at + 1]

    def value(self) -> tuple[Any, str]:
        """The value that begins here, and its text; ValueError or RecursionError leaves `at` where it was."""
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
            except (ValueError, RecursionError):
                if self.end() is not None or not self.more():
                    raise
            else:
                length = end - self.at
                if end < len(self.text) or not self.more():  # a number may go on behind the window
                    return value, self.take(self.at + length)

    def end(self) -> int | None:
        """Where the value that begins here ends by its brackets; None where they do not close in this window."""
        if self.text[self.at : self.at + 1] not in '[{"':
            found = SCALAR.match(self.text, self.at)
            return found.end() if found and found.end() < len(self.text) else None
        depth = 0
        for token in TOKEN.finditer(self.text, self.at):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
            if depth == 0:
                return token.end() if token.end() < len(self.text) or self.ended else None
        return None

    def take(self, end: int) -> str:
        """What lies before `end`."""
        text, self.at = self.text[self.at : end], end
        return text


def records(file: TextIO, is_record: IsRecord) -> Iterator[Raw]:
    """The records of a document that is not lines, from the file's beginning; nothing is lost behind what is broken.

    `is_record` says of an object in a list whether it is read by itself: a part of a larger record is not.
    """
    window = Window(file)
    opening = window.peek()
    if opening == "[":
        yield from _array(window)
    elif opening == "{":
        try:
            yield from _object(window, is_record)
        except (ValueError, RecursionError):
            file.seek(0)
            if any(isinstance(raw.value, (dict, list)) and raw.value for raw in lines(file)):
                file.seek(0)
                yield from lines(file)
                return
            file.seek(0)
            window = Window(file)
    yield from _values(window)


def lines(file: TextIO) -> Iterator[Raw]:
    """Each line as a record."""
    while line := file.readline(LIMIT):
        text = line.strip().removeprefix("\ufeff")
        if text:
            yield read_text(text)


def _array(window: Window) -> Iterator[Raw]:
    """The items of a list, unless the list is itself one conversation: that begins with a role, and fits in memory."""
    elements = _elements(window)
    messages: list[Raw] = []
    size = 0
    for raw in elements:
        messages.append(raw)
        size += len(raw.text)
        if not _is_message(raw.value) or not has_role(messages[0].value) or size > LIMIT:
            break
    else:
        if messages:
            yield Raw(f"[{', '.join(raw.text for raw in messages)}]", [raw.value for raw in messages])
        return
    yield from messages
    yield from elements


def _elements(window: Window) -> Iterator[Raw]:
    """The elements of the array that begins here, as far as it reaches."""
    window.at += 1
    while (following := window.peek(BLANK_OR_COMMA)) not in ("]", ""):
        try:
            value, text = window.value()
        except (ValueError, RecursionError) as error:
            end = window.end()
            yield unread(window.take(len(window.text) if end is None else end), error)
        else:
            yield of_value(text, value)
    window.at += len(following)


def _object(window: Window, is_record: IsRecord) -> Iterator[Raw]:
    """The object that begins here member by member, so that a long list of records in it is never held whole.

    ValueError or RecursionError where it is broken, unless its records were found before.
    """
    members: dict[str, Any] = {}
    texts: list[str] = []
    is_wrapper = False
    window.at += 1
    try:
        while window.peek(BLANK_OR_COMMA) == '"':
            key, name = window.value()
            _expect(window, ":")
            if (is_wrapper or key in WRAPPERS) and window.peek() == "[":
                elements = _elements(window)
                items, is_wrapper = ([], True) if is_wrapper else _until_a_record(elements, is_record)
                if is_wrapper:
                    yield from _rows(chain(items, elements))
                    continue
                if any(raw.reason for raw in items):
                    raise ValueError
                members[key] = [raw.value for raw in items]
                texts.append(f"{name}: [{', '.join(raw.text for raw in items)}]")
            else:
                window.peek()
                members[key], text = window.value()
                texts.append(f"{name}: {text}")
        _expect(window, "}")
    except (ValueError, RecursionError):
        if not is_wrapper:
            raise
    if is_wrapper:
        for rows in members.values():
            yield from _rows(map(_again, rows if isinstance(rows, list) else []))
    else:
        yield of_value(f"{{{', '.join(texts)}}}", members)


def _until_a_record(elements: Iterator[Raw], is_record: IsRecord) -> tuple[list[Raw], bool]:
    """The elements as far as it takes to tell whether they are records, and whether they are: one of them is, or they
    are more than a record holds."""
    items: list[Raw] = []
    size = 0
    for raw in elements:
        items.append(raw)
        if isinstance(raw.value, dict) and not (_is_message(raw.value) and has_role(raw.value)):
            size += len(raw.text)
            if size > LONG or is_record(raw.value):
                return items, True
    return items, False


def _rows(elements: Iterator[Raw]) -> Iterator[Raw]:
    """The elements of a list beside others, unless they are words or numbers, that are about the file."""
    for first in elements:
        if first.reason or isinstance(first.value, (dict, list)):
            yield first
            yield from elements


def _again(value: Any) -> Raw:
    """What was read as a part of something larger, as a record of its own."""
    try:
        return of_value(json.dumps(value), value)
    except RecursionError as error:
        return unread("", error)


def _expect(window: Window, character: str) -> None:
    if window.peek() != character:
        raise ValueError
    window.at += 1


def _values(window: Window) -> Iterator[Raw]:
    """Values one after another; what is broken ends where a line begins with the next object."""
    while window.peek(BLANK_OR_COMMA):
        try:
            value, text = window.value()
        except (ValueError, RecursionError) as error:
            yield unread(_until_an_object(window), error)
        else:
            yield of_value(text, value)


def _until_an_object(window: Window) -> str:
    while (end := window.text.find("\n{", window.at)) < 0 and window.more():
        pass
    return window.take(len(window.text) if end < 0 else end)


def _is_message(value: Any) -> bool:
    """Whether it may be a part of a conversation, and is none itself."""
    return (
        isinstance(value, dict) and ("role" in value or "from" in value) and not any(map(_begins_chat, value.values()))
    )


def _begins_chat(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and has_role(value[0])
