"""Paths → records: which files there are, how they are encoded, where one record ends and the next begins.

Not here: what a record means. A record that cannot be read is yielded with its reason, so that it costs itself
and no other; only a path that is named and not there or not readable is an error.
"""

from __future__ import annotations

import codecs
import glob
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TextIO

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.importers import json_stream
from vibe_pipeline.interactions.importers.json_stream import CHUNK, IsRecord
from vibe_pipeline.interactions.importers.raw import Raw, read_text
from vibe_pipeline.interactions.lines import repaired

SUFFIXES = (".jsonl", ".json", ".ndjson", ".traj", ".zip", ".db", ".eval")
"""Taken from a folder, unless a format that is asked for says otherwise; a file that is named is taken whatever it is
called."""

NOISE = frozenset(("__pycache__", "node_modules", "site-packages", ".git", ".venv", ".mypy_cache", ".ruff_cache"))
"""Folders inside a folder in which nobody's work lies."""

STARTS = {".md": b"# aider chat started at"}
"""Of these a folder has many that are no log: only those are taken, hidden or not, that start so."""

BLANK = b"\xef\xbb\xbf\r\n\t "
"""What may stand before the first character that says something."""

START = 4096

LOCAL = ("sqlite", "file")
"""Of addresses: those of a file, sqlite:///mlflow.db."""


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


Where = File | str
"""Of a store behind an address, the address."""

Taken = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken from folders."""

    home: Path
    """The log's own, which is left alone: what is put aside there would be read, and put aside again."""
    is_taken: Taken
    """Which of a folder's files are meant."""
    is_whole: Taken
    """Which folders are one thing and not walked."""

    def is_ours(self, path: Path) -> bool:
        """Whether it is the home or lies in its log, also where either is a link; exports that somebody put beside that
        are not."""
        place = path.resolve()
        return place == self.home.resolve() or place.is_relative_to((self.home / "log").resolve())


def expand(paths: Sequence[Path | str], choice: Choice) -> list[Where]:
    """The files that these paths, folders and globs stand for, each once, and addresses as they are."""
    found = [where for path in paths for where in _expand(path, choice)]
    return list({where if isinstance(where, str) else where.path: where for where in found}.values())


def with_suffix(suffixes: Sequence[str]) -> Taken:
    """Takes files that are called so and are not hidden."""
    return lambda file: file.suffix.lower() in suffixes and file.name[0] != "."


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


def records(path: Path, is_record: IsRecord) -> Iterator[Raw]:
    """The records of one file in order; `is_record` says what a record in a list is."""
    with readable(path), path.open("rb") as file:
        yield from records_of(file, path.suffix, is_record)


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


def _expand(named: Path | str, choice: Choice) -> list[Where]:
    if not str(named):
        raise SourceUnreadable("a path is empty (a variable that is not set?)", "Name a file or folder; . is this one")
    scheme, is_address, rest = str(named).partition(":///" if str(named).startswith(LOCAL) else "://")
    if is_address and scheme not in LOCAL:
        return [str(named)]
    path = Path(rest if is_address else named).expanduser()
    with readable(path):
        if path.exists():
            if choice.is_ours(path):
                what = f"{path} is the log itself, which is never imported"
                raise SourceUnreadable(what, "Name the files that other programs wrote")
            return [replace(file, is_named=file.path == path) for file in _found(path, choice)]
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207
    if matches in ([], [str(path)]):
        raise SourceUnreadable(f"there is no file, folder or match for {path}", "Check the path")
    return [file for match in matches for file in _matched(Path(match), choice)]


def _found(path: Path, choice: Choice) -> Iterator[File]:
    """What is there; SourceUnreadable where it cannot be read at all."""
    if path.is_dir():
        if choice.is_whole(path):
            yield File(path, repaired(path.name))
        else:
            with os.scandir(path):  # refuses what the walk passes over
                pass
            yield from sorted(_walk(path, choice), key=lambda file: file.path)
    elif path.is_file():
        first_bytes(path)
        yield File(path, repaired(path.name))
    else:
        raise SourceUnreadable(f"{path} is no file (a pipe or a device)", "Write what comes from it to a file first")


def _matched(path: Path, choice: Choice) -> list[File]:
    """What a glob leads to may be out of order, and costs its neighbours nothing."""
    try:
        with readable(path):
            path.stat()
            return [] if choice.is_ours(path) else list(_found(path, choice))
    except SourceUnreadable as error:
        return [File(path, repaired(path.name), error.what)]


def _walk(path: Path, choice: Choice) -> Iterator[File]:
    """The files that are taken, and folders that cannot be looked into; links to folders are followed, each once."""
    closed: list[OSError] = []
    root, seen = path.resolve(), set[Path]()
    for folder, below, names in os.walk(path, onerror=closed.append, followlinks=True):
        inside = {name: Path(folder) / name for name in sorted(below) if name not in NOISE}
        below[:] = [name for name, it in inside.items() if not (choice.is_ours(it) or _leads_back(it, root, seen))]
        for file in (Path(folder) / name for name in names):
            if _is_meant(file, choice.is_taken):
                yield File(file, repaired(file.relative_to(path).as_posix()))
    for error in closed:
        shut = Path(error.filename)
        yield File(shut, repaired(shut.relative_to(path).as_posix()), f"{shut} cannot be read: {error.strerror}")


def _leads_back(folder: Path, root: Path, seen: set[Path]) -> bool:
    """Whether what lies there is walked by another path: from the root, or from a link that came earlier."""
    real = folder.resolve()
    if real in seen or (folder.is_symlink() and (real.is_relative_to(root) or root.is_relative_to(real))):
        return True
    seen.add(real)
    return False


def _is_meant(file: Path, is_taken: Taken) -> bool:
    """What cannot be looked at is meant too, so that its reason is told when it is read."""
    try:
        return file.is_file() and is_taken(file)
    except (OSError, SourceUnreadable):
        return True


def is_taken(file: Path) -> bool:
    """What is taken where no format is asked for."""
    start = STARTS.get(file.suffix.lower())
    if start is not None:
        return first_bytes(file).lstrip(BLANK).startswith(start)
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
