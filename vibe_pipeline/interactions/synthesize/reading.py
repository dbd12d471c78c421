"""A module by its name, as griffe reads it with all below it, and a word for each file that is no Python.

Not here: which of its names are public (packages.py), and which modules a folder holds (folders.py).
"""

from __future__ import annotations

import ast
import keyword
import logging
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.synthesize.source_files import files_below, loader

TESTS = frozenset({"tests", "idle_test"})
"""Folders that offer nothing to users: half of what numpy has to be read."""

log = logging.getLogger(__name__)


def is_importable(name: str) -> bool:
    """Whether code can import a module of that dotted name: nobody can write `import my-script`."""
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in name.split("."))


def load(name: str, search: Path | None, *, may_inspect: bool, written: str = "", is_local: bool = False) -> Any:
    """griffe's object of that name (`written` otherwise by the user), `__all__` and `from x import *` followed."""
    import griffe

    # Our own folder first, and of a folder alone: a local `utils` must not be answered by an installed one.
    paths = [str(search), *([] if is_local else sys.path)] if search else None
    without = TESTS.difference(name.split("."))
    griffe_loader = loader(paths, may_inspect=may_inspect, is_local=is_local, without=without)
    griffe_log = logging.getLogger("griffe")
    level = griffe_log.level
    griffe_log.setLevel(logging.CRITICAL)  # it prints tracebacks of what we say in a sentence
    try:
        found = _loaded(griffe_loader, name)
        top = griffe_loader.modules_collection[name.partition(".")[0]]
        griffe_loader.expand_exports(top)
        griffe_loader.expand_wildcards(top, external=may_inspect)
    except KeyError as error:
        raise _nothing_there(written or name, str(error.args[0])) from error
    except (griffe.GriffeError, ImportError, OSError, RecursionError, ValueError) as error:
        raise SourceUnreadable(
            f"{name} cannot be read: {error or type(error).__name__}", "Correct it, or name another"
        ) from error
    finally:
        griffe_log.setLevel(level)
    if found.is_module and not may_inspect:
        _tell_of_skipped_files(found, without)
    return found


def _loaded(griffe_loader: Any, name: str) -> Any:
    """The object of that name, and before it each package that its stubs take names from (attrs those of attr)."""
    import griffe

    while True:
        try:
            return griffe_loader.load(name, try_relative_path=False)
        except griffe.AliasResolutionError as error:
            other = error.alias.target_path.partition(".")[0]
            if other in griffe_loader.modules_collection.members:
                raise
            _loaded(griffe_loader, other)


def modules_of(root: Any) -> Iterator[Any]:
    """A module and those below it."""
    yield root
    for module in root.modules.values():
        if not module.is_alias:
            yield from modules_of(module)


def files_of(root: Any) -> set[Path]:
    """The files that were read of a module; a namespace has none of its own."""
    return {module.filepath for module in modules_of(root) if isinstance(module.filepath, Path)}


def _nothing_there(spec: str, missing: str) -> SourceUnreadable:
    """A dotted name goes further than what it names."""
    holder, _, _ = f"{spec}.".rpartition(f".{missing}.")
    return SourceUnreadable(f"{holder or spec} has no {missing}", f"Correct the name, or name {holder or 'another'}")


def _tell_of_skipped_files(root: Any, without: Collection[str]) -> None:
    """A word for every file that cannot be read or is no Python: griffe leaves it out without one."""
    loaded = files_of(root)
    for folder in _folders_of(root):
        files = {file for file in files_below(folder, without) if file.suffix == ".py"}
        for file in sorted(files - loaded):
            told = file.relative_to(folder.parent)
            try:
                ast.parse(file.read_bytes())
            except SyntaxError as error:
                log.warning("skipped %s%s: %s", told, f", line {error.lineno}" if error.lineno else "", error.msg)
            except OSError as error:
                log.warning("skipped %s: %s", told, error.strerror)
            except (ValueError, RecursionError) as error:
                log.warning("skipped %s: %s", told, error)


def _folders_of(root: Any) -> list[Path]:
    """Where the modules of a package lie, those of a namespace in several places; nowhere for a single file."""
    if isinstance(root.filepath, Path):
        return [root.filepath.parent] if root.filepath.name == "__init__.py" else []
    return list(root.filepath or ())
