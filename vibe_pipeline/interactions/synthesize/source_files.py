"""The Python files of a folder, and their text: regular files alone, each folder once, in the encoding they declare.

griffe opens whatever is named *.py, follows links in circles, takes all text for UTF-8 and passes over folders without
`__init__.py` in a package; its finder and loader are told otherwise here. Which names a package offers is said in
packages.py.
"""

from __future__ import annotations

import ast
import os
import re
import tokenize
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from vibe_pipeline.interactions.importers.folders import NOISE
from vibe_pipeline.interactions.synthesize.definitions import bound_by

TELLABLE = re.compile(r"[\w-]+")
"""Part of a module's name that can stand in a question."""

BUILT = {"build", "dist"}
"""Where copies of a project lie, unless it is a package that is called so."""


def files_below(folder: Path, without: Collection[str] = ()) -> Iterator[Path]:
    """Regular files, those behind links to other places included; a link that leads back is not followed, nor are
    folders of the names in `without`."""
    seen: set[Path] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        place = Path(root)
        seen.add(place.resolve())
        folders[:] = sorted(
            name
            for name in set(folders).difference(without)
            if not is_nobodys(place / name) and not _leads_back(place / name, seen)
        )
        yield from (place / name for name in sorted(files) if (place / name).is_file())


def is_nobodys(folder: Path) -> bool:
    """Whether it is hidden, an environment, or what a tool put there: nobody's own source."""
    if folder.name.startswith(".") or folder.name in NOISE or (folder / "pyvenv.cfg").is_file():
        return True
    return folder.name in BUILT and not (folder / "__init__.py").is_file()


def _leads_back(folder: Path, seen: set[Path]) -> bool:
    """Whether a folder was seen, lies in one that is gone through anyway, or has one in it."""
    real = folder.resolve()
    if not folder.is_symlink():
        return real in seen
    return any(real.is_relative_to(other) or other.is_relative_to(real) for other in seen)


def text_of(file: Path) -> str:
    """The text, decoded as Python would; SyntaxError where a declared encoding is unknown, UnicodeError where wrong."""
    with file.open("rb") as opened:
        encoding, _ = tokenize.detect_encoding(opened.readline)
    return file.read_text(encoding=encoding)


def loader(
    search_paths: list[str] | None, *, may_inspect: bool, is_local: bool = False, without: Collection[str] = ()
) -> Any:
    """griffe's loader, for such files and texts; each module tells what it binds (definitions.py). In a local folder a
    folder without `__init__.py` is a namespace in a package too; in what is installed there lie templates and data."""
    import griffe

    class Finder(griffe.ModuleFinder):
        def _filter_py_modules(self, path: Path) -> Iterator[Path]:
            return (file for file in files_below(path, without) if file.suffix in self.extensions_set)

    class Loader(griffe.GriffeLoader):
        def _visit_module(self, module_name: str, module_path: Path, parent: Any = None) -> Any:
            try:
                code = text_of(module_path)
                self.lines_collection[module_path] = code.splitlines()
                return griffe.visit(
                    module_name,
                    filepath=module_path,
                    code=code,
                    extensions=self.extensions,
                    parent=parent,
                    docstring_parser=self.docstring_parser,
                    docstring_options=self.docstring_options,
                    lines_collection=self.lines_collection,
                    modules_collection=self.modules_collection,
                )
            except ValueError as error:  # a zero byte, a text of another encoding: griffe leaves out what is no Python
                raise SyntaxError(str(error)) from error

        def _load_submodule(self, module: Any, subparts: tuple[str, ...], subpath: Path) -> None:
            if all(map(TELLABLE.fullmatch, subparts)):
                super()._load_submodule(module, subparts, subpath)

        def _get_or_create_parent_module(self, module: Any, subparts: tuple[str, ...], subpath: Path) -> Any:
            holder = module
            for depth, part in enumerate(subparts[:-1] if is_local else ()):
                if part not in holder.members:
                    folder = subpath.parents[len(subparts) - 2 - depth]
                    holder.set_member(part, self._create_module(part, [folder]))
                holder = holder.members[part]
                if holder.is_alias or not holder.is_module:
                    break
            return super()._get_or_create_parent_module(module, subparts, subpath)

    class WhatIsBound(griffe.Extension):
        def on_module_instance(self, *, node: Any, mod: Any, **_: Any) -> None:
            if isinstance(node, ast.Module):
                mod.extra["vibe"]["bound"] = bound_by(node)

    known = griffe.load_extensions(WhatIsBound)
    made = Loader(search_paths=search_paths, allow_inspection=may_inspect, extensions=known)
    made.finder = Finder(search_paths)
    return made
