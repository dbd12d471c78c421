"""Paths → records: which files there are, how they are encoded, where one record ends and the next begins.

Not here: what a record means. A record that cannot be read is yielded with its reason, so that it costs itself
and no other; only a path that is not there or not readable is an error.
"""

from __future__ import annotations

import codecs
import glob
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.lines import repaired

SUFFIXES = (".jsonl", ".json", ".ndjson", ".traj", ".zip", ".db", ".eval")
"""Taken from a folder, unless a format that is asked for says otherwise; a file that is named is taken whatever it is
called."""

NOISE = frozenset(("__pycache__", "node_modules", "site-packages", ".git", ".venv", ".mypy_cache", ".ruff_cache"))
"""Folders inside a folder in which nobody's work lies."""

STARTS = {".md": b"# aider chat started at"}
"""Of these a folder has many that are no log: only those are taken, hidden or not, that start so."""

START = 4096

WRAPPERS = ("data", "rows", "examples", "records", "train", "conversations")
"""An object with nothing but one of these is a list of records."""

RECORD_KEYS = ("messages", "conversations", "conversation", "items", "mapping", "chat_messages", "chat")

ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
"""What Python makes of a byte that is not UTF-8."""

TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
"""What decides where a JSON value ends: whole strings, and brackets outside of them."""

NOT_JSON = "not JSON (cut off?)"
TOO_DEEP = "nested too deep"
NOT_UTF8 = "not UTF-8"


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as it was found: its value, or the reason why there is none."""

    text: str
    value: Any = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file to be read."""

    path: Path
    name: str
    """As seen from the folder that was named: the same wherever that folder lies."""


Taken = Callable[[Path], bool]


def expand(paths: Sequence[Path | str], is_taken: Taken | None = None, is_whole: Taken | None = None) -> list[File]:
    """The files that these paths, folders and globs stand for, each once. `is_taken` says which of a folder's files are
    meant, `is_whole` which folders are one thing and not walked."""
    found = [
        file
        for path in paths
        for file in _expand(Path(path).expanduser(), is_taken or _is_taken, is_whole or (lambda _: False))
    ]
    return list({file.path: file for file in found}.values())


def with_suffix(suffixes: Sequence[str]) -> Taken:
    """Takes files that are called so and are not hidden."""
    return lambda file: file.suffix.lower() in suffixes and file.name[0] != "."


def first_bytes(path: Path) -> bytes:
    """What a file starts with, enough to tell a database, an archive or text from JSON; nothing of a folder."""
    if path.is_dir():
        return b""
    with _readable(path), path.open("rb") as file:
        return file.read(START)


def open_text(path: Path) -> TextIO:
    """A file as text without a byte order mark; of UTF-8, bytes that are none are kept as lone surrogates."""
    with _readable(path):
        encoding = _encoding(first_bytes(path)[:4])
        return path.open(encoding=encoding, errors=_on_error(encoding), newline="")


def text_of(path: Path) -> str:
    """A file that is text and not JSON; bytes that are no characters become U+FFFD."""
    with _readable(path):
        return path.read_text(encoding=_encoding(first_bytes(path)[:4]), errors="replace")


def records(path: Path) -> Iterator[Raw]:
    """The records of one file in order."""
    with _readable(path), path.open("rb") as file:
        yield from records_of(file, path.suffix)


def records_of(file: BinaryIO, suffix: str) -> Iterator[Raw]:
    """The records of an open file that is called something with this suffix."""
    encoding = _encoding(file.read(4))
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, _on_error(encoding))
    whole = suffix.lower() == ".json" or _is_one_document(text)
    text.seek(0)
    yield from _document(text) if whole else _lines(text)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceUnreadable(
            f"{path} cannot be read: {error.strerror}", "Check the path and its permissions"
        ) from error


def _expand(path: Path, is_taken: Taken, is_whole: Taken) -> list[File]:
    if path.is_dir():
        if is_whole(path):
            return [File(path, path.name)]
        files = sorted(file for file in _walk(path) if file.is_file() and is_taken(file))
        return [File(file, file.relative_to(path).as_posix()) for file in files]
    if path.is_file():
        return [File(path, path.name)]
    if path.exists():
        raise SourceUnreadable(f"{path} is no file (a pipe or a device)", "Write what comes from it to a file first")
    matches = [match for match in sorted(glob.glob(str(path), recursive=True)) if match != str(path)]  # noqa: PTH207
    if not matches:
        raise SourceUnreadable(f"there is no file, folder or match for {path}", "Check the path")
    return [file for match in matches for file in _expand(Path(match), is_taken, is_whole)]


def _walk(path: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(path):
        below[:] = [name for name in below if name not in NOISE]
        yield from (Path(folder) / name for name in names)


def _is_taken(file: Path) -> bool:
    start = STARTS.get(file.suffix.lower())
    if start is not None:
        return first_bytes(file).lstrip(b"\xef\xbb\xbf\r\n ").startswith(start)
    return with_suffix(SUFFIXES)(file)


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


def _is_one_document(file: TextIO) -> bool:
    """Whether a file that is not called .json still holds one pretty-printed document: its first line says so."""
    first = next((line.strip() for line in file if line.strip()), "")
    return first in ("{", "[", "[{")


def _lines(file: TextIO) -> Iterator[Raw]:
    for line in file:
        text = line.strip().removeprefix("\ufeff")
        if text:
            yield _raw(text)


def _raw(text: str) -> Raw:
    if not text.isascii() and ESCAPED_BYTE.search(text):
        return Raw(repaired(text), reason=NOT_UTF8)
    try:
        return Raw(text, repaired(json.loads(text)))
    except RecursionError:
        return Raw(text, reason=TOO_DEEP)
    except ValueError:
        return Raw(text, reason=NOT_JSON)


def _document(file: TextIO) -> Iterator[Raw]:
    """One JSON document; what turns out to be lines is read as lines, and a cut-off array gives what is whole."""
    text = file.read().strip()
    if not text:
        return
    try:
        values = _unwrapped(json.loads(text))
    except (RecursionError, ValueError) as error:
        if text.startswith("[") and not _starts_with_a_line(text):
            yield from _salvaged(text)
        elif isinstance(error, RecursionError):
            yield Raw(repaired(text), reason=TOO_DEEP)
        else:
            yield from _text_lines(text)
    else:
        for value in values:
            yield _element(value)


def _starts_with_a_line(text: str) -> bool:
    return _raw(text.partition("\n")[0]).reason is None


def _text_lines(text: str) -> Iterator[Raw]:
    """Lines if any of them is a record, else objects one after another and not a hundred broken lines."""
    raws = [_raw(line.strip()) for line in text.split("\n") if line.strip()]
    if any(isinstance(raw.value, (dict, list)) and raw.value for raw in raws):
        yield from raws
    else:
        yield from _objects(text)


def _objects(text: str) -> Iterator[Raw]:
    """Pretty-printed objects one after another; what is broken ends where a line begins with the next object."""
    decoder, position = json.JSONDecoder(), 0
    while (position := _skip(text, position)) < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            following = text.find("\n{", position)
            end = len(text) if following < 0 else following
            yield Raw(repaired(text[position:end]), reason=NOT_JSON)
            position = end
        else:
            yield _element(value)


def _salvaged(text: str) -> Iterator[Raw]:
    """The elements of a broken array; one that is broken costs itself as long as its brackets are whole."""
    decoder, position = json.JSONDecoder(), 1
    while position < len(text):
        position = _skip(text, position)
        if position == len(text) or (text[position] == "]" and position == len(text) - 1):
            return
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            end = _end(text, position)
            yield Raw(repaired(text[position:end]), reason=TOO_DEEP if isinstance(error, RecursionError) else NOT_JSON)
            position = end
        else:
            yield _element(value)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n,":
        position += 1
    return position


def _end(text: str, position: int) -> int:
    """Where the value that begins here ends by its brackets; at the end of the text when they never close."""
    depth = 0
    for token in TOKEN.finditer(text, position) if text[position] in "[{" else ():
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(text)


def _element(value: Any) -> Raw:
    try:
        text = json.dumps(value, ensure_ascii=False)
        if not text.isascii() and ESCAPED_BYTE.search(text):
            return Raw(repaired(text), reason=NOT_UTF8)
        return Raw(repaired(text), repaired(value))
    except RecursionError:  # it was shallow enough to be read, but not to be written again
        return Raw("", reason=TOO_DEEP)


def _unwrapped(value: Any) -> list[Any]:
    """The records of a document: the items of a list, unless the list is itself one conversation."""
    if isinstance(value, list):
        is_conversation = value and all(isinstance(item, dict) and _is_message(item) for item in value)
        return [value] if is_conversation else value
    if isinstance(value, dict):
        for key in WRAPPERS:
            inner = value.get(key)
            if isinstance(inner, list) and inner and all(_is_record(item) for item in inner):
                return inner
    return [value]


def _is_message(item: dict[str, Any]) -> bool:
    return ("role" in item or "from" in item) and not _is_record(item)


def _is_record(item: Any) -> bool:
    return isinstance(item, dict) and any(key in item for key in RECORD_KEYS)
