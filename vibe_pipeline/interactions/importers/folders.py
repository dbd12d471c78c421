"""Paths → files: which files folders and globs stand for, and which of them are taken.

Not here: what files hold (files.py).
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.importers.files import (
    BLANK,
    JSON_SUFFIXES,
    File,
    Where,
    first_bytes,
    is_json,
    readable,
)
from vibe_pipeline.interactions.lines import repaired

SUFFIXES = (*JSON_SUFFIXES, *(f"{suffix}.gz" for suffix in JSON_SUFFIXES), ".zip", ".db", ".eval")
"""Taken from a folder, unless a format that is asked for says otherwise; a file that is named is taken whatever it is
called."""

NOISE = frozenset(("__pycache__", "node_modules", "site-packages", ".git", ".venv", ".mypy_cache", ".ruff_cache"))
"""Folders inside a folder in which nobody's work lies."""

STARTS = {".md": b"# aider chat started at"}
"""Of these a folder has many that are no log: only those are taken, hidden or not, that start so."""

LOCAL = ("sqlite", "file")
"""Of addresses: those of a file, sqlite:///mlflow.db."""

Taken = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken from folders."""

    home: Path
    """The log's own, which is left alone: what is put aside there would be read, and put aside again."""
    is_taken: Taken
    """Which of a folder's files are meant."""
    is_whole: Taken
    """Which folders are one thing and not walked, where they are named."""
    joined: Callable[[Path], Collection[str]]
    """Which folders in it belong together, wherever it lies; what is beside them is walked."""

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
    endings = tuple(suffixes)
    return lambda file: file.name.lower().endswith(endings) and file.name[0] != "."


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
            left_out: Counter[str] = Counter()
            found = sorted(_walk(path, choice, left_out), key=lambda file: file.path)
            yield from found or [File(path, repaired(path.name), left_out=dict(left_out.most_common()))]
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


def _walk(path: Path, choice: Choice, left_out: Counter[str]) -> Iterator[File]:
    """The files that are taken, and folders that cannot be looked into; links to folders are followed, each once.

    What is not taken is counted in `left_out`.
    """
    closed: list[OSError] = []
    root, seen = path.resolve(), set[Path]()
    for folder, below, names in os.walk(path, onerror=closed.append, followlinks=True):
        if joined := choice.joined(Path(folder)):
            yield File(Path(folder), repaired(Path(folder).name))
        inside = {name: Path(folder) / name for name in sorted(below) if name not in NOISE and name not in joined}
        new = {name for name, it in inside.items() if not (choice.is_ours(it) or _leads_back(it, root, seen))}
        below[:] = [name for name in inside if name in new]
        for file in (Path(folder) / name for name in names):
            if _is_meant(file, choice.is_taken):
                yield File(file, repaired(file.relative_to(path).as_posix()))
            else:
                left_out[_kind(file)] += 1
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
    """What is taken where no format is asked for: objects of a bucket have no suffix."""
    suffix = file.suffix.lower()
    if start := STARTS.get(suffix):
        return first_bytes(file).lstrip(BLANK).startswith(start)
    if not suffix and file.name[0] != ".":
        return is_json(first_bytes(file))
    return with_suffix(SUFFIXES)(file)


def _kind(file: Path) -> str:
    """What a file that is not taken is, in words."""
    if not file.is_file():
        return "no file"
    return "hidden" if file.name[0] == "." else file.suffix.lower() or "without a suffix and no JSON"
