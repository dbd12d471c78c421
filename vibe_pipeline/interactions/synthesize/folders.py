"""Which modules a source folder or a file on disk holds, and what becomes of those that nobody can import.

A folder without `__init__.py` is a namespace, as Python has it (PEP 420). A file whose name is none in Python
(`my-script.py`) is read, since that needs no import, and nothing that imports it is made; of a name that cannot even be
told in a question (`a copy (2).py`) nothing is. Not here: how a module is read (reading.py).
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.synthesize.reading import files_of, is_importable, load
from vibe_pipeline.interactions.synthesize.source_files import TELLABLE, files_below, is_nobodys, text_of

NOT_FOR_USERS = {"test", "tests", "conftest", "setup", "__main__", "idle_test"}

SHOWN = 3
"""Of files that a line tells of, so many are named."""

log = logging.getLogger(__name__)


def modules_at(path: Path) -> tuple[tuple[tuple[str, Any], ...], Path]:
    """The top modules below a path, each with its name, and the folder to import them from."""
    if not path.exists():
        raise SourceUnreadable(f"{path} does not exist", "Correct the path, or name an installed package")
    if not path.is_file() and not path.is_dir():
        raise SourceUnreadable(f"{path} is neither a file nor a folder", "Correct the path")
    if path.name == "__init__.py":
        path = path.parent
    if path.is_file() or (path / "__init__.py").is_file():
        return _one_at(path)
    search, entries = path / "src", _entries(path / "src")
    if not entries:
        search, entries = path, _entries(path)
    # A package goes before a module of its name, and that before a folder: as Python has it.
    first = {_name(entry): entry for entry in sorted(entries, key=_rank, reverse=True)}
    modules = [it for it in (_load_entry(first[name], search) for name in sorted(first)) if it]
    _tell_of_names(path.name, search, entries, modules)
    if not modules:
        raise SourceUnreadable(f"{path} holds no Python module that can be read", "Name a package or a .py file")
    return tuple(modules), search


def _one_at(path: Path) -> tuple[tuple[tuple[str, Any], ...], Path]:
    """A package or a file, which may be a part of a package: `from .. import x` means that."""
    parts, search = [_name(path)], path.parent
    while (search / "__init__.py").is_file():
        parts, search = [search.name, *parts], search.parent
    if not all(map(TELLABLE.fullmatch, parts)):
        raise SourceUnreadable(f"{path} cannot be read: no module is called {'.'.join(parts)!r}", "Call it by one word")
    try:  # within a package griffe leaves out what is no Python
        ast.parse(text_of(path if path.is_file() else path / "__init__.py"))
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        raise SourceUnreadable(f"{parts[-1]} cannot be read: {error}", "Correct it, or name another") from error
    name = ".".join(parts)
    module = load(name, search, may_inspect=False, is_local=True)
    _tell_of_names(parts[-1], search, [path], [(name, module)])
    return ((name, module),), search


def _entries(folder: Path) -> list[Path]:
    """Files and folders with Python in them, public by their names."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [it for it in found if _is_public(it.name) and not is_nobodys(it) and any(_python_in(it))]


def _python_in(entry: Path) -> Iterable[Path]:
    files = [entry] if entry.is_file() else files_below(entry) if entry.is_dir() else []
    return (file for file in files if file.suffix == ".py")


def _name(entry: Path) -> str:
    return entry.name if entry.is_dir() else entry.stem


def _rank(entry: Path) -> int:
    return 0 if (entry / "__init__.py").is_file() else 1 if entry.is_file() else 2


def _is_public(part: str) -> bool:
    return not part.startswith((".", "_")) and part.removesuffix(".py") not in NOT_FOR_USERS


def _load_entry(entry: Path, search: Path) -> tuple[str, Any] | None:
    name = _name(entry)
    if not TELLABLE.fullmatch(name):
        return None
    try:
        return name, load(name, search, may_inspect=False, is_local=True)
    except SourceUnreadable as error:
        log.warning("skipped %s: %s", entry.name, error.what)
        return None


def _tell_of_names(folder: str, search: Path, entries: Iterable[Path], modules: Sequence[tuple[str, Any]]) -> None:
    """A line for the files that are only read, and one for those that are not: both for their names alone."""
    loaded = {file for _, root in modules for file in files_of(root)}
    named = {file: file.relative_to(search).parts for entry in entries for file in _python_in(entry)}
    public = {
        file: parts for file, parts in named.items() if all(_is_public(it) or it == "__init__.py" for it in parts)
    }
    odd = [file for file, parts in public.items() if not is_importable(".".join(parts).removesuffix(".py"))]
    for told, files in (
        ("read, and nothing that imports them is made", [file for file in odd if file in loaded]),
        ("left out", [file for file in odd if file not in loaded]),
    ):
        if files:
            shown = ", ".join(str(file.relative_to(search)) for file in files[:SHOWN])
            more = ", …" if len(files) > SHOWN else ""
            count = "1 file" if len(files) == 1 else f"{len(files)} files"
            log.warning("%s: %s cannot be imported by name (%s%s): %s", folder, count, shown, more, told)
