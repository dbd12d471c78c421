"""Which tests a module of tests holds, and calling them: functions, methods of classes, and TestCases through unittest.

Sent into the sandbox beside inside.py, and never called by the rest of vibe. It does not stand in for pytest: a test
that needs more of it than to be called is left out.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import Any

DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
PREPARED = re.compile(r"\b(autouse|pytestmark|(setup|teardown)(_module|_class|_function|_method)?)\b")
"""Words of tests that rely on what pytest does before them."""


def speaks(tests: ast.Module, names: dict[str, Any]) -> bool:
    """Whether tests test as they stand: outside of what they define they assert, or name what the code defines."""
    own = {name for name, value in names.items() if is_own(value)}
    own |= {node.name for node in tests.body if isinstance(node, ast.FunctionDef)}
    stands = [node for node in tests.body if not isinstance(node, DEFINES) and not is_for_scripts(node)]
    return any(
        isinstance(it, ast.Assert) or (isinstance(it, ast.Name) and it.id in own)
        for node in stands
        for it in ast.walk(node)
    )


def is_for_scripts(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and any(isinstance(it, ast.Name) and it.id == "__name__" for it in ast.walk(node))


def is_own(value: Any) -> bool:
    """Whether it was defined by the code or its tests, and not imported."""
    return getattr(value, "__module__", None) == "snippet"


def call_tests(tests: str, names: dict[str, Any], before: dict[str, Any]) -> list[bool]:
    """Call what tests define, as their runners would, and say of each whether it could be; the first error is raised.

    What only pytest knows (fixtures, marks, what it sets up) is not done by half: such tests are left out.
    """
    new = {name: it for name, it in names.items() if is_own(it) and before.get(name) is not it}
    unittest = sys.modules.get("unittest")
    cases = [it for it in new.values() if unittest and isinstance(it, type) and issubclass(it, unittest.TestCase)]
    called = [it for case in cases for it in by_unittest(case)]
    alone = [it for name, it in new.items() if name.startswith("test") and callable(it) and not isinstance(it, type)]
    classes = [it for name, it in new.items() if name.startswith("Test") and isinstance(it, type) and it not in cases]
    is_prepared = PREPARED.search(tests) is not None
    for test in (*alone, *(method for it in classes for method in methods_of(it))):
        called.append(not is_prepared and call_alone(test))
    return called


def methods_of(kind: Any) -> list[Any]:
    """The tests of a class and of those in it, each of its own instance; none where an instance needs something."""
    names = [name for name in dir(kind) if name.startswith("test")]
    inner = [it for name, it in vars(kind).items() if name.startswith("Test") and isinstance(it, type)]
    nested = [method for it in inner for method in methods_of(it)]
    if kind.__init__ is not object.__init__ or hasattr(kind, "pytestmark"):
        return [None for _ in (*names, *nested)]
    return [*(getattr(kind(), name) for name in names), *nested]


def call_alone(test: Any) -> bool:
    """Call a test that needs nothing of a runner; whether it did."""
    import inspect

    if not inspect.isroutine(test) or inspect.iscoroutinefunction(test) or inspect.isgeneratorfunction(test):
        return False
    if hasattr(test, "pytestmark"):
        return False
    try:
        inspect.signature(test).bind()
    except (TypeError, ValueError):
        return False
    try:
        test()
    except BaseException as error:
        if not is_skipped(error):
            raise
        return False
    return True


def by_unittest(case: Any) -> list[bool]:
    """Run a TestCase; whether none of it was skipped or is known to fail. Nothing where it holds no test."""
    unittest: Any = sys.modules["unittest"]
    errors: list[BaseException] = []
    heard = unittest.TestResult()
    heard.addError = heard.addFailure = lambda _, error: errors.append(error[1])
    heard.addSubTest = lambda _, part, error: errors.append(error[1]) if error else None
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(heard)
    if errors:
        raise errors[0]
    is_left_out = bool(heard.skipped or heard.expectedFailures or heard.unexpectedSuccesses)
    return [not is_left_out] if heard.testsRun or is_left_out else []


def is_skipped(error: BaseException) -> bool:
    """Whether a test says by it that it is not for here."""
    return type(error).__name__ in {"SkipTest", "Skipped"}
