"""Functions in code that was logged: an answer that is code, or that holds one fenced block of it.

Of a script only what it defines is taken, not what it does. Tests that were logged with the code (`extra.tests`, one
text or a list of them) tell which function is meant and how it is called. Nothing is run here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from vibe_pipeline.interactions.synthesize.functions import MAX_CODE, Function
from vibe_pipeline.interactions.synthesize.functions.calls import calls_in, calls_in_docstring, promises_in_docstring
from vibe_pipeline.records import Interaction
from vibe_pipeline.spans import parsed

FENCED = re.compile(r"^```(?:python|py|python3)?[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE)

VERDICTS = {"passed", "failed", "true", "false"}
"""What tests came to, where somebody logged that in their place."""

DOES = (ast.Call, ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.For)
DEFINES = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def python_in(text: str) -> str | None:
    """The text itself or its only fenced block, letter by letter, where that is Python that does something."""
    blocks = FENCED.findall(text)
    code = blocks[0] if len(blocks) == 1 else text if not blocks else ""
    spans = parsed(code.strip())
    # A word or a number is Python too.
    if spans is None or not any(isinstance(node, DOES) for node in ast.walk(spans.tree)):
        return None
    return code.strip()


def tests_of(interaction: Interaction) -> str:
    """The tests that were logged with it, as one text; empty if none were."""
    tests = interaction.extra.get("tests")
    if isinstance(tests, list):
        tests = "\n".join(test for test in tests if isinstance(test, str))
    return tests if isinstance(tests, str) and tests.lower() not in VERDICTS else ""


def function_in(interaction: Interaction) -> Function | None:
    """The function that its tests call most, else the last that takes something; None where there is none."""
    code = python_in(interaction.output)
    spans = parsed(code) if code is not None else None
    if spans is None:
        return None
    defined = "\n\n".join(_lines(spans.code, it) for it in spans.tree.body if isinstance(it, DEFINES))
    functions = [it for it in spans.tree.body if isinstance(it, ast.FunctionDef) and it.args.args]
    if not functions or len(defined) > MAX_CODE:
        return None
    tests = tests_of(interaction)
    calls = [(calls_in(f"{tests}\n{_rest(spans.code, spans.tree)}", it.name), it) for it in functions]
    best = max(len(found) for found, _ in calls)
    found, function = [pair for pair in calls if len(pair[0]) == best][-1]
    docstring = ast.get_docstring(function) or ""
    return Function(
        module=interaction.module,
        name=function.name,
        written=function.name,
        code=defined,
        calls=found or calls_in_docstring(docstring, function.name),
        promised=promises_in_docstring(docstring, function.name),
        tests=tests,
        origin=interaction,
    )


def without_namesakes(functions: Iterable[Function], of_the_log: Iterable[Function]) -> list[Function]:
    """Those whose name no other code of the log bears, the same code once.

    Questions name a function and do not quote it: of several `solve` they would contradict each other."""
    codes: dict[str, set[str]] = {}
    for it in of_the_log:
        codes.setdefault(it.name, set()).add(it.code)
    kept: dict[str, Function] = {}
    for it in functions:
        if len(codes.get(it.name, ())) < 2:
            kept.setdefault(it.name, it)
    return list(kept.values())


def _lines(code: str, statement: ast.stmt) -> str:
    first = min([statement.lineno, *(it.lineno for it in getattr(statement, "decorator_list", []))])
    return "\n".join(code.split("\n")[first - 1 : statement.end_lineno])


def _rest(code: str, tree: ast.Module) -> str:
    return "\n".join(_lines(code, it) for it in tree.body if not isinstance(it, DEFINES))
