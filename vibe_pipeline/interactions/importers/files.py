"""Files → records: how they are encoded and packed, where one record ends and the next begins.

A record that cannot be read is yielded with its reason, so that it costs itself and no other; only a path that is named
and not there or not readable is an error. Not here: which files there are (folders.py) and what a record means.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.importers import json_stream
from vibe_pipeline.interactions.importers.json_stream import CHUNK, IsRecord
from vibe_pipeline.interactions.importers.raw import Raw, read_text
from vibe_pipeline.interactions.importers.unpacking import GZIP, Member, gunzipped

JSON_SUFFIXES = (".jsonl", ".json", ".ndjson", ".traj")

JSON = re.compile(rb'[\xef\xbb\xbf\s]*(\{\s*"|\[\s*\{\s*")')
"""How an object or a list of them starts, and no text that begins with a bracket."""

NO_JSON = "packs something that is no JSON: unpack it and import that"

BLANK = b"\xef\xbb\xbf\r\n\t "
"""What may stand before the first character that says something."""

START = 4096


@dataclass(frozen=True, slots=True)
class File:
    """A file to be read, or a folder that is one thing."""

    path: Path
    name: str
    """As seen from the folder that was named: the same wherever that folder lies. Text that UTF-8 can hold."""
    reason: str | None = None
    """Why it cannot be read, if that was seen when it was found."""
    is_named: bool = False
    """Whether this path was asked for, and does not only lie in a folder or match a glob."""
    left_out: Mapping[str, int] | None = None
    """Of a folder in which nothing is taken: what lies there, by kind."""


Where = File | str
"""Of a store behind an address, the address."""


def first_bytes(path: Path) -> bytes:
    """What a file starts with, enough to tell a database, an archive or text from JSON; nothing of a folder."""
    if path.is_dir():
        return b""
    with readable(path), path.open("rb") as file:
        return file.read(START)


def is_text(start: bytes) -> bool:
    """Whether what a file starts with may be text: that holds no NUL, but where each character is two bytes."""
    return b"\0" not in start or _encoding(start[:4]).startswith("utf-16")


def open_text(path: Path) -> TextIO:
    """A file as text without a byte order mark; of UTF-8, bytes that are none are kept as lone surrogates."""
    with readable(path):
        encoding = _encoding(first_bytes(path)[:4])
        return path.open(encoding=encoding, errors=_on_error(encoding), newline="")


def text_of(path: Path, errors: str = "replace") -> str:
    """A file that is text and not JSON; bytes that are no characters become U+FFFD, or what `errors` says."""
    with readable(path):
        return path.read_text(encoding=_encoding(first_bytes(path)[:4]), errors=errors)


def is_json(start: bytes) -> bool:
    """Whether what a file starts with is JSON that may hold records."""
    return JSON.match(start) is not None


def records(path: Path, is_record: IsRecord) -> Iterator[Raw]:
    """The records of one file in order; of what gzip packed, those that it packs. `is_record` says what a record in a
    list is."""
    with readable(path), path.open("rb") as file:
        if file.read(len(GZIP)) != GZIP:
            yield from records_of(file, path.suffix, is_record)
            return
        member = gunzipped(path)
    start = member.file.read(START)
    if start and member.suffix.lower() not in JSON_SUFFIXES and not is_json(start):
        yield Raw(path.name, reason=NO_JSON)
    else:
        yield from records_in(member, is_record)


def records_in(member: Member, is_record: IsRecord) -> Iterator[Raw]:
    """The records of what was packed, then why that is not all."""
    yield from records_of(member.file, member.suffix, is_record)
    if member.reason:
        yield Raw(member.name, reason=member.reason)


def records_of(file: IO[bytes], suffix: str, is_record: IsRecord) -> Iterator[Raw]:
    """The records of an open file, from its start, that is called something with this suffix; it stays open."""
    file.seek(0)
    encoding = _encoding(file.read(4))
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, _on_error(encoding))
    try:
        is_one_document = _is_one_document(text, suffix)
        text.seek(0)
        yield from json_stream.records(text, is_record) if is_one_document else json_stream.lines(text)
    finally:
        text.detach()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceUnreadable(
            f"{path} cannot be read: {error.strerror}", "Check the path and its permissions"
        ) from error


def _on_error(encoding: str) -> str:
    return "surrogateescape" if encoding.startswith("utf-8") else "replace"


def _encoding(start: bytes) -> str:
    """By byte order mark, else by where the zeros of the first two characters stand, else UTF-8."""
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = bytes(byte == 0 for byte in start)
    return {b"\0\1\0\1": "utf-16-le", b"\1\0\1\0": "utf-16-be"}.get(zeros, "utf-8")


def _is_one_document(text: TextIO, suffix: str) -> bool:
    """Whether the file holds one document and not lines: its first line says so, or its name where that is no record.

    A first line that is longer than any buffer is taken for a whole document.
    """
    first = _line(text)
    if suffix.lower() != ".json":
        return first.strip() in ("{", "[", "[{")
    is_record = first.endswith("\n") and read_text(first.strip()).reason is None
    return not (is_record and _line(text))


def _line(text: TextIO) -> str:
    """The next line that is not blank, or its beginning."""
    while (line := text.readline(CHUNK)) and not line.strip():
        pass
    return line
