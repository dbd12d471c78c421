"""Public functions of packages, cut out with all they need: the imports, constants and helpers of their module.

Source is read, never run. A function is left out where what it needs cannot be cut out with it (a relative import, a
name made at run time), where it takes nothing, is long, or touches the machine.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator, Sequence
from pathlib import Path

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.functions import MAX_CODE, Function
from vibe_pipeline.interactions.synthesize.functions.calls import calls_in_docstring, promises_in_docstring
from vibe_pipeline.interactions.synthesize.outside import is_pure
from vibe_pipeline.interactions.synthesize.packages import Package, PublicName, public_names
from vibe_pipeline.interactions.synthesize.source_files import text_of
from vibe_pipeline.spans import Spans, parsed, quietly

MAX_CONSTANT = 300
"""Characters: a larger table is data, and no part of a function that a person reads."""

Statement = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef


def standalone(packages: Sequence[Package], seed: int) -> Iterator[Function]:
    """Functions of all packages, each text once, in a seeded order."""
    found = [(package, public) for package in packages for public in public_names(package) if not public.is_method]
    found.sort(key=lambda pair: key_of([seed, "function", pair[1].name]))
    sources: dict[Path, _Module | None] = {}
    seen: set[str] = set()
    for package, public in found:
        function = _cut_out(package, public, sources)
        if function is not None and function.code not in seen:
            seen.add(function.code)
            yield function


class _Module:
    """A source file and what each of its top-level names is bound by; a name that is bound twice is not known."""

    def __init__(self, spans: Spans) -> None:
        self.spans = spans
        self.bound: dict[str, Statement | None] = {}
        for statement in spans.tree.body:
            for name in _binds(statement):
                is_known = isinstance(statement, Statement) and name not in self.bound
                self.bound[name] = statement if is_known else None  # type: ignore[assignment]

    def text(self, statement: Statement) -> str:
        """The statement with its decorators."""
        decorators = getattr(statement, "decorator_list", [])
        start = min([self.spans.span(statement)[0], *(self.spans.span(it)[0] - 1 for it in decorators)])
        return self.spans.text(start, self.spans.span(statement)[1])


def _binds(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                yield from _binds(node)


def _cut_out(package: Package, public: PublicName, sources: dict[Path, _Module | None]) -> Function | None:
    path = _source_of(public)
    if path is None:
        return None
    if path not in sources:
        sources[path] = _module(path)
    module, name = sources[path], str(public.object.name)
    if module is None:
        return None
    function = module.bound.get(name)
    if not isinstance(function, ast.FunctionDef) or not (function.args.args or function.args.posonlyargs):
        return None
    needed: dict[str, Statement] = {}
    if not _gather(module, name, needed):
        return None
    code = _together(module, needed)
    if len(code) > MAX_CODE or not is_pure(code):
        return None
    docstring = ast.get_docstring(function) or ""
    return Function(
        module=package.name,
        name=name,
        written=public.name,
        code=code,
        calls=calls_in_docstring(docstring, name),
        promised=promises_in_docstring(docstring, name),
    )


def _source_of(public: PublicName) -> Path | None:
    import griffe

    try:
        path = public.object.filepath
    except griffe.GriffeError:
        return None  # a module that is compiled into Python
    return path if public.object.is_function and isinstance(path, Path) and path.suffix == ".py" else None


def _module(path: Path) -> _Module | None:
    try:
        spans = parsed(text_of(path))
    except (OSError, SyntaxError, UnicodeError):
        return None
    return None if spans is None else _Module(spans)


def _gather(module: _Module, name: str, needed: dict[str, Statement]) -> bool:
    """Adds what that name needs, and what that needs in turn; False where something cannot be cut out."""
    if name in needed:
        return True
    statement = module.bound.get(name)
    if statement is None or (isinstance(statement, ast.ImportFrom) and statement.level):
        return False
    text = module.text(statement)
    if len(text) > (MAX_CONSTANT if isinstance(statement, ast.Assign | ast.AnnAssign) else MAX_CODE):
        return False
    needed[name] = statement
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    return all(_gather(module, other, needed) for other in sorted(_free_names(text)))


def _free_names(text: str) -> set[str]:
    """Names that a statement reads from around it."""
    free: set[str] = set()
    with quietly():
        root = symtable.symtable(text, "code", "exec")
    waiting = [root]
    while waiting:
        table = waiting.pop()
        waiting.extend(table.get_children())
        for symbol in table.get_symbols():
            is_read = symbol.is_referenced() and not symbol.is_assigned() and not symbol.is_namespace()
            if symbol.is_global() and (table.get_type() != "module" or is_read):
                free.add(symbol.get_name())
    here = {symbol.get_name() for symbol in root.get_symbols() if _is_bound(symbol)}
    return free - here - set(dir(builtins))


def _is_bound(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_namespace() or symbol.is_imported()


def _together(module: _Module, needed: dict[str, Statement]) -> str:
    """The statements in the order of the file; of an import only the names that are needed."""
    lines: list[tuple[int, str]] = []
    for name, statement in needed.items():
        text = _one_import(statement, name) if isinstance(statement, ast.Import | ast.ImportFrom) else None
        lines.append((statement.lineno, text or module.text(statement)))
    imports = sorted({text for line, text in lines if text.startswith(("import ", "from "))})
    rest = [text for _, text in sorted(dict.fromkeys(lines)) if text not in imports]
    return "\n\n\n".join([*(["\n".join(imports)] if imports else []), *rest])


def _one_import(statement: ast.Import | ast.ImportFrom, name: str) -> str:
    alias = next(it for it in statement.names if (it.asname or it.name.partition(".")[0]) == name)
    said = alias.name + (f" as {alias.asname}" if alias.asname else "")
    return f"from {statement.module} import {said}" if isinstance(statement, ast.ImportFrom) else f"import {said}"
