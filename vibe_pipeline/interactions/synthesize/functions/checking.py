"""What running code can say of it, as told from its text: whether tests check it, and whether it uses what it defines.

Nothing is run here. A test that passes says nothing where no check of it hangs on the code: it asserts what is always
so, only calls, or swallows what it asserts.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import symtable
from collections.abc import Iterable, Iterator

from vibe_pipeline.spans import parsed, quietly

DOCTESTS = "import doctest\n\nassert not doctest.testmod().failed"
"""Tests for code that holds examples in its docstrings."""

CATCHES = {"Exception", "BaseException", "AssertionError"}
IMPORTS = (ast.Import, ast.ImportFrom)
DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SAYS_NOTHING = (*IMPORTS, *DEFINITIONS, ast.Pass, ast.Global)


def has_doctests(code: str) -> bool:
    """Whether a docstring that doctest finds says what an example gives."""
    spans = parsed(code)
    return spans is not None and any(map(_has_examples, _documented(spans.tree)))


def uses_itself(code: str) -> bool:
    """Whether a script does more than to define, and where it defines functions or classes, does it with them."""
    spans = parsed(code)
    if spans is None:
        return False
    own = {name for node in spans.tree.body for it in _flat(node) for name in _defined(it)}
    stands = [it for node in spans.tree.body for it in _flat(node) if not _only_defines(it)]
    return any(_mentions(it, own) for it in stands) if own else bool(stands)


def complains(script: str) -> bool:
    """Whether a script looks itself whether it works."""
    spans = parsed(script)
    return spans is not None and any(isinstance(it, ast.Assert) or _complains(it) for it in ast.walk(spans.tree))


def defined_names(script: str) -> set[str]:
    """Functions, classes and imports of a script, wherever they are."""
    spans = parsed(script)
    nodes = list(ast.walk(spans.tree)) if spans is not None else []
    names = {it.name for it in nodes if isinstance(it, DEFINITIONS)}
    return names | {(it.asname or it.name).partition(".")[0] for it in nodes if isinstance(it, ast.alias)}


def free_names(script: str) -> set[str]:
    """Names that a script uses, its doctests included, and binds nowhere."""
    spans = parsed(script)
    if spans is None:
        return set()
    examples = [it.source for node in _documented(spans.tree) for it in _examples(node)]
    trees = [spans.tree, *(it.tree for it in map(parsed, examples) if it is not None)]
    nodes = [it for tree in trees for it in ast.walk(tree)]
    used = {it.id for it in nodes if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Load)}
    bound = {it.id for it in nodes if isinstance(it, ast.Name)} - used
    bound |= {it.id for it in nodes if isinstance(it, ast.Name) and not isinstance(it.ctx, ast.Load)}
    bound |= {it.arg for it in nodes if isinstance(it, ast.arg)}
    bound |= {str(getattr(it, "name", None)) for it in nodes}  # except … as, case … as, type parameters
    return {it for it in used - bound - defined_names(script) - set(dir(builtins)) if not it.startswith("__")}


def checks(code: str, tests: str) -> bool:
    """Whether tests hold a check that hangs on what code defines: an assert of any kind, or an error that must come."""
    if tests == DOCTESTS:
        return True
    spans = parsed(tests)
    if spans is None:
        return False
    body = spans.tree.body
    known = _involved(body, _bound(code))
    reached = _reached(body)
    bare = _never_false(code, tests)
    if any(_checks(node, known, bare) for node in _heard(it for it in body if it not in reached)):
        return False  # what did not run might have failed
    return any(_checks(node, known, bare) for node in _heard(reached))


def _reached(body: list[ast.stmt]) -> list[ast.stmt]:
    """What runs when a module of tests is imported and its tests are called: helpers too, but not what scripts do."""
    reached = [it for it in body if not isinstance(it, DEFINITIONS) and not _is_for_scripts(it)]
    reached += [it for it in body if isinstance(it, DEFINITIONS) and (it.name.startswith("test") or _is_case(it))]
    while more := [
        it for it in body if isinstance(it, DEFINITIONS) and it not in reached and _mentions(reached, {it.name})
    ]:
        reached += more
    return reached


def _is_for_scripts(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and _mentions(node.test, {"__name__"})


def _is_case(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or bool(node.bases))


def _never_false(code: str, tests: str) -> set[str]:
    """Names of functions, classes and lists that are written out: to assert one alone asserts nothing."""
    nodes = [it for spans in (parsed(code), parsed(tests)) if spans for it in ast.walk(spans.tree)]
    names = {it.name for it in nodes if isinstance(it, DEFINITIONS)}
    shown = [it for it in nodes if isinstance(it, ast.Assign) and isinstance(it.value, DISPLAYS)]
    return names | {it.id for node in shown for it in node.targets if isinstance(it, ast.Name)}


def _may_be_false(test: ast.expr, bare: set[str]) -> bool:
    """Whether it can be: a tuple with a message in it cannot, nor what ends in `or True`."""
    match test:
        case ast.Constant(value=value):
            return not value
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return not parts
        case ast.Lambda() | ast.JoinedStr() | ast.Dict():
            return False
        case ast.Name(id=name):
            return name not in bare
        case ast.Call(func=ast.Name(id="callable"), args=[ast.Name(id=name)]):
            return name not in bare
        case ast.BoolOp(op=ast.Or(), values=parts):
            return all(_may_be_false(it, bare) for it in parts)
        case ast.BoolOp(values=parts):
            return any(_may_be_false(it, bare) for it in parts)
    return True


def _documented(node: ast.Module | ast.ClassDef) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef]:
    yield node
    for it in node.body:
        if isinstance(it, ast.ClassDef):
            yield from _documented(it)
        elif isinstance(it, ast.FunctionDef):
            yield it


def _examples(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> list[doctest.Example]:
    try:
        return doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
    except ValueError:
        return []


def _has_examples(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return any((it.want or it.exc_msg) and doctest.SKIP not in it.options for it in _examples(node))


def _flat(node: ast.stmt) -> Iterator[ast.stmt]:
    """What stands under conditions and in try statements, and else the statement."""
    if isinstance(node, ast.If | ast.Try):
        parts = [node.body, node.orelse, getattr(node, "finalbody", [])]
        parts += [handler.body for handler in getattr(node, "handlers", [])]
        for it in (it for part in parts for it in part):
            yield from _flat(it)
    else:
        yield node


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        yield from (it.id for it in node.targets if isinstance(it, ast.Name))


def _only_defines(node: ast.stmt) -> bool:
    """Constants and docstrings too."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr):
        return node.value is None or not any(
            isinstance(it, ast.Name | ast.Call) and not isinstance(node.value, ast.Lambda)
            for it in ast.walk(node.value)
        )
    return isinstance(node, SAYS_NOTHING)


def _mentions(node: ast.AST | Iterable[ast.AST], names: set[str]) -> bool:
    nodes = [node] if isinstance(node, ast.AST) else node
    return any(isinstance(it, ast.Name) and it.id in names for one in nodes for it in ast.walk(one))


def _bound(code: str) -> set[str]:
    """What code defines at its top, imports left out."""
    try:
        with quietly():
            symbols = symtable.symtable(code, "code", "exec").get_symbols()
    except SyntaxError:
        return set()
    return {it.get_name() for it in symbols if (it.is_assigned() or it.is_namespace()) and not it.is_imported()}


def _involved(body: list[ast.stmt], own: set[str]) -> set[str]:
    """Those names and what is made of them: results, helpers that call them, parameters that they are given for."""
    nodes = [it for node in body for it in ast.walk(node)]
    parameters = {it.name: {arg.arg for arg in it.args.args} for it in nodes if isinstance(it, ast.FunctionDef)}
    known: set[str] = set()
    more = own
    while more - known:
        known = known | more
        more = {name for node in nodes for name in _made_of(node, known, parameters)}
    return known


def _made_of(node: ast.AST, known: set[str], parameters: dict[str, set[str]]) -> set[str]:
    match node:
        case ast.Assign(targets=targets, value=value) if _mentions(value, known):
            return _names(targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value) if _mentions(value, known):
            return _names([target])
        case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            return _names([target]) if _mentions(value, known) else set()
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            return _names([target]) if _mentions(value, known) else set()
        case ast.With(items=items, body=body) if _mentions(node, known):
            return _names(it for item in items for it in (item.context_expr, item.optional_vars) if it is not None)
        case ast.FunctionDef(name=name, body=body) | ast.ClassDef(name=name, body=body) if _mentions(body, known):
            return {name}
        case ast.Call(func=func, args=args) if _mentions(args, known):
            return _names([func.value]) if isinstance(func, ast.Attribute) else parameters.get(_name(func), set())
    return set()


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {it.id for node in nodes for it in ast.walk(node) if isinstance(it, ast.Name)}


def _name(node: ast.AST) -> str:
    """The last name of what is called."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _heard(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes but those whose AssertionError nobody would hear of."""
    for node in nodes:
        if not _swallows(node):
            yield node
        unheard = node.body if isinstance(node, ast.Try | ast.With) and _swallows(node) else []
        yield from _heard(it for it in ast.iter_child_nodes(node) if it not in unheard)


def _swallows(node: ast.AST) -> bool:
    if isinstance(node, ast.Try):
        return any(
            (it.type is None or _names([it.type]) & CATCHES) and not any(map(_complains, ast.walk(it)))
            for it in node.handlers
        )
    return isinstance(node, ast.With) and any(
        _name(getattr(it.context_expr, "func", it)) == "suppress" and _names([it.context_expr]) & CATCHES
        for it in node.items
    )


def _complains(node: ast.AST) -> bool:
    is_false = isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value
    return is_false or isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and _name(node.func) == "fail")


def _checks(node: ast.AST, known: set[str], bare: set[str]) -> bool:
    match node:
        case ast.Assert(test=test):
            return _mentions(test, known) and _may_be_false(test, bare)
        case ast.If(test=test):
            return _mentions(test, known) and any(map(_complains, _heard([*node.body, *node.orelse])))
        case ast.Try(body=body):
            return _mentions(body, known) and any(map(_complains, _heard([*body, *node.orelse])))
        case ast.With(items=items, body=body):
            calls = [it.context_expr.func for it in items if isinstance(it.context_expr, ast.Call)]
            return _mentions(body, known) and any(_name(it).startswith(("raises", "warns", "assert")) for it in calls)
        case ast.Call(func=func, args=args, keywords=keywords):
            return _name(func).startswith(("assert", "raises")) and _mentions([*args, *keywords], known)
    return False
