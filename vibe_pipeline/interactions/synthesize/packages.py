"""Where a package lies and which public names it offers, as griffe reads them; no docstrings are judged here.

Source is read, never executed. Two exceptions, because nothing else can tell: modules without source (C
extensions) are imported to be inspected, and so are modules of the standard library, which build their
`__all__` at run time (os, socket) and hold names of other platforms.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.synthesize.definitions import is_bound_surely, is_there
from vibe_pipeline.interactions.synthesize.folders import NOT_FOR_USERS, modules_at
from vibe_pipeline.interactions.synthesize.reading import is_importable, load

SURPRISING = {"this", "antigravity"}
"""Modules of the standard library whose import prints a poem or opens a browser."""


@dataclass(frozen=True, slots=True)
class Package:
    """What a user named, found: its top modules by the name they are written with, and the folder to import from."""

    name: str
    modules: tuple[tuple[str, Any], ...]
    """(name as written, griffe object); with a function or method goes the name of its module, which is imported."""
    search_path: str | None = None

    def to_import(self) -> list[str]:
        """Its top modules that code in the sandbox can import: there of a local folder without `__init__.py` nothing is
        shown, since data may lie in it."""
        is_local = self.search_path is not None
        named = ((it.module.path if it.is_class else written, it) for written, it in self.modules)
        shown = {name for name, it in named if not (is_local and it.is_module and it.is_namespace_package)}
        return sorted(filter(is_importable, shown))


@dataclass(frozen=True, slots=True)
class PublicName:
    """A public function, class or method with the name a user would write."""

    name: str
    module: str
    """The module that a user imports it from."""
    object: Any
    """griffe's Function or Class."""
    is_method: bool = False

    @property
    def canonical(self) -> str:
        """Where it is defined: the same for every re-export."""
        return str(self.object.canonical_path)

    @property
    def called(self) -> str:
        """As code calls it: without a module that no code can import (`my-script`)."""
        return self.name if is_importable(self.module) else self.name.removeprefix(f"{self.module}.")


def find(spec: str) -> Package:
    """The installed package, dotted module, source folder or .py file of that name; SourceUnreadable if none."""
    path = Path(spec).expanduser()
    if "/" in spec or "\\" in spec or spec.endswith(".py") or spec.startswith((".", "~")):
        return _found_on_disk(path)
    try:
        return _installed(spec)
    except SourceUnreadable:
        if path.is_dir():
            return _found_on_disk(path)
        raise


def public_names(package: Package) -> list[PublicName]:
    """Every public function, class and method once, under its shortest public name, sorted by name."""
    shortest: dict[str, PublicName] = {}
    is_local = package.search_path is not None
    for written, root in package.modules:
        for found in _walk(root, written, set(), is_local=is_local):
            known = shortest.get(found.canonical)
            if known is None or _rank(found) < _rank(known):
                shortest[found.canonical] = found
    return sorted(shortest.values(), key=lambda found: found.name)


def importable_names(package: Package) -> list[PublicName]:
    """Those that code in the sandbox can import."""
    tops = {name.partition(".")[0] for name in package.to_import()}
    found = public_names(package)
    return [it for it in found if it.module.partition(".")[0] in tops and is_importable(it.module)]


def _rank(found: PublicName) -> tuple[int, str]:
    return found.name.count("."), found.name


def _installed(spec: str) -> Package:
    top = spec.partition(".")[0]
    is_standard = top in sys.stdlib_module_names
    try:
        origin = importlib.util.find_spec(top)
    except (ImportError, ValueError) as error:
        raise _unfound(spec) from error
    if origin is None:
        raise _unfound(spec)
    live = _standard_module(spec)
    if is_standard and live is None and "." not in spec:
        raise SourceUnreadable(f"module {spec} cannot be imported on this platform", "Name another module")
    has_source = origin.submodule_search_locations is not None or str(origin.origin).endswith(".py")
    root = load(_real_name(spec), _folder_of(origin), may_inspect=is_standard or not has_source, written=spec)
    if root.is_function:
        return Package(spec, ((spec.removesuffix(f".{_in_module(root)}"), root),))
    return Package(spec, ((spec, root), *_modules_under_another_name(spec, live)))


def _real_name(spec: str) -> str:
    """Where that lies: os.path is posixpath here and ntpath elsewhere."""
    parts = spec.split(".")
    for depth in range(len(parts), 1, -1):
        if live := _standard_module(".".join(parts[:depth])):
            return ".".join([live.__name__, *parts[depth:]])
    return spec


def _folder_of(origin: ModuleSpec) -> Path | None:
    """Where a package lies: an editable install may be known to the import system alone, not to sys.path."""
    places = list(origin.submodule_search_locations or ()) or ([str(origin.origin)] if origin.has_location else [])
    return Path(places[0]).parent if places else None


def _modules_under_another_name(spec: str, live: ModuleType | None) -> list[tuple[str, Any]]:
    """What a standard module offers as its own though it lies elsewhere: os.path."""
    names = [name for name in getattr(live, "__all__", ()) if isinstance(getattr(live, name, None), ModuleType)]
    offered = [(f"{spec}.{name}", getattr(live, name).__name__) for name in names]
    return [(written, load(real, None, may_inspect=True)) for written, real in offered if written != real]


def _unfound(spec: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"package {spec} is not installed beside vibe", "Install it here, or give the path of its source folder"
    )


def _found_on_disk(path: Path) -> Package:
    path = path.resolve()
    modules, search = modules_at(path)
    return Package(path.name if path.is_dir() else path.stem, modules, str(search))


def _standard_module(name: str) -> ModuleType | None:
    """The live module, where it is one of the standard library's and importable here."""
    parts = set(name.split("."))
    if name.partition(".")[0] not in sys.stdlib_module_names or parts & (SURPRISING | NOT_FOR_USERS):
        return None
    try:
        return importlib.import_module(name)
    except Exception:  # a module of another platform may fail in any way, and is then not there
        return None


def _walk(root: Any, written: str, seen: set[str], *, is_local: bool) -> Iterator[PublicName]:
    """What a file on disk holds it says itself: a `calendar.py` of somebody's own is not Python's."""
    if root.is_class or root.is_function:
        module = written if root.is_function else written.rpartition(".")[0]
        if _standard_module(module) is None and not is_there(root):
            return
        if root.is_class:
            yield from _class_and_methods(root, written, module)
        else:
            yield PublicName(f"{written}.{_in_module(root)}", written, root, is_method=root.parent.is_class)
    if not root.is_module or root.path in seen:
        return
    seen.add(root.path)
    live = None if is_local else _standard_module(written)
    is_standard = not is_local and root.path.partition(".")[0] in sys.stdlib_module_names
    if live is None and is_standard and root.analysis != "dynamic":
        return
    for name, member in root.members.items():
        target = _target(member)
        if target is None or not _is_public(name, member, target, root, live):
            continue
        full = f"{written}.{name}"
        if target.is_module:
            yield from _walk(target, full, seen, is_local=is_local)
        elif target.is_class:
            yield from _class_and_methods(target, full, written)
        elif target.is_function:
            yield PublicName(full, written, target)


def _in_module(function: Any) -> str:
    """Its name, for methods that of the class before it; where it is offered, not where it may be imported from."""
    depth = function.canonical_path.count(".") - function.module.path.count(".")
    return ".".join(function.path.split(".")[-depth:])


def _class_and_methods(target: Any, full: str, module: str) -> Iterator[PublicName]:
    yield PublicName(full, module, target)
    for name, member in target.members.items():
        if not name.startswith("_") and not member.is_alias and member.is_function and is_bound_surely(member):
            yield PublicName(f"{full}.{name}", module, member, is_method=True)


def _target(member: Any) -> Any | None:
    import griffe

    try:
        return member.final_target if member.is_alias else member
    except (griffe.AliasResolutionError, griffe.CyclicAliasError):
        return None  # it belongs to another package, which documents it


def _is_public(name: str, member: Any, target: Any, module: Any, live: ModuleType | None) -> bool:
    if name.startswith("_") or name in NOT_FOR_USERS:
        return False
    if live is not None:
        return _is_public_here(name, member, target, live)
    if target.is_module:
        return not member.is_alias
    if not is_there(member):
        return False
    if module.exports:
        return name in {str(export) for export in module.exports}
    if not member.is_alias:
        return True
    # No __all__: what a package's __init__ gathers from its own modules is what it offers.
    inside = target.path.partition(".")[0] == module.path.partition(".")[0]
    return inside and (module.is_init_module or member.wildcard_imported)


def _is_public_here(name: str, member: Any, target: Any, live: ModuleType) -> bool:
    """For a module of the standard library: the live one knows what it exports on this platform."""
    if target.is_module:
        return not member.is_alias
    if not hasattr(live, name):
        return False
    exported = getattr(live, "__all__", None)
    return name in exported if exported is not None else not member.is_alias
