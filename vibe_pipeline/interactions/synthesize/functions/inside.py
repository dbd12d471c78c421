"""Runs inside the sandbox, as text: calls functions on inputs, tests code, and races variants; prints one JSON value,
after a mark that the code does not know: what comes without it was not said here.

Nothing here is called by the rest of vibe, which reads this file and calling.py and sends them along (outcomes.py). So
they import the standard library alone, and nothing of the code under test runs in their names.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from calling import call_tests, is_skipped, speaks

MAX_RESULT = 200
"""Characters: a longer result is no answer to learn."""
MEASURED_S, LONGEST_S, MAX_ROUNDS = 0.01, 0.1, 20_000
"""One measurement goes through the inputs again and again for some ten milliseconds, and once through no more than
take a tenth of a second."""


class TooLong(BaseException):
    """A call took longer than it may; no Exception, so that few try statements swallow it."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends what is inside after so much CPU time, where the system has such a clock; its prints go nowhere."""

    def end(*_: object) -> None:
        raise TooLong

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if not hasattr(signal, "setitimer"):
            yield
            return
        signal.signal(signal.SIGPROF, end)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def defined(code: str) -> dict[str, Any]:
    """The names that a piece of code defines, as a module that it can find (dataclasses look for theirs)."""
    module = sys.modules["snippet"] = ModuleType("snippet")
    module.__file__ = sys.argv[0]
    execute(code, module.__dict__)
    return module.__dict__


def execute(code: str, names: dict[str, Any]) -> None:
    """Run code as a file of its own: the __future__ of this one is not its."""
    exec(compile(code, "snippet.py", "exec", dont_inherit=True), names)


def literal(value: Any) -> str | None:
    """How Python writes a value that it reads back as the same; sets in one order. None for others and long ones."""
    text = repr(value)
    if type(value) is set and value:
        text = "{" + ", ".join(sorted(map(repr, value))) + "}"
    try:
        is_same = len(text) <= MAX_RESULT and ast.literal_eval(text) == value
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return text if is_same else None


def outcome(function: Callable[..., Any], arguments: str, seconds: float) -> tuple[str, str | None]:
    """("returned", the value as a literal) or ("raised", the type of the error)."""
    positional, keywords = ast.literal_eval(arguments)
    before = repr((positional, keywords))
    try:
        with at_most(seconds):
            value = function(*positional, **keywords)
            text = literal(value)
    except BaseException as error:
        return "raised", type(error).__name__
    # What changes its input is not told by what it returns.
    return "returned", text if repr((positional, keywords)) == before else None


class Heard(NamedTuple):
    """What comes of a call."""

    said: tuple[str, str | None]
    printed: str
    is_lasting: bool
    """Whether what was returned, if anything, can be changed by nobody."""


def heard(function: Callable[..., Any], arguments: str, seconds: float) -> Heard:
    """The outcome of a call, what it printed, and whether its value may be kept for the next one who asks."""
    printed, values = io.StringIO(), []

    def noted(*positional: Any, **keywords: Any) -> Any:
        with contextlib.redirect_stdout(printed):
            values.append(function(*positional, **keywords))
        return values[-1]

    said = outcome(noted, arguments, seconds)
    return Heard(said, printed.getvalue(), all(map(is_lasting, values)))


def is_lasting(value: Any) -> bool:
    """Whether nobody can change a value, nor what it holds."""
    if type(value) in (tuple, frozenset):
        return all(map(is_lasting, value))
    return value is None or type(value) in (bool, int, float, complex, str, bytes)


def observe(code: str, name: str, inputs: list[str], seconds: float) -> list[tuple[str, str | None]]:
    """What a function does on each input, one after the other: later calls see what earlier ones left behind."""
    with at_most(20 * seconds):
        function = defined(code)[name]
    return [outcome(function, arguments, seconds) for arguments in inputs]


def observe_otherwise(code: str, name: str, inputs: list[str], seconds: float) -> list[tuple[str, str | None]]:
    """The same from the last input to the first, and each alone and again, with the code defined anew; nothing of an
    input on which that differs: what it gives depends on the calls before."""
    backwards = observe(code, name, inputs[::-1], seconds)[::-1]
    alone = [observe(code, name, [arguments, arguments], seconds) for arguments in inputs]
    return [one if [one, one] == twice else (one[0], None) for one, twice in zip(backwards, alone, strict=True)]


def keeps(code: str, name: str, promised: list[tuple[str, str]], seconds: float) -> bool:
    """Whether a function gives what Python writes as the literal that is promised, for each call."""
    with at_most(20 * seconds):
        function = defined(code)[name]
    return all(_gives(function, arguments, ast.literal_eval(value), seconds) for arguments, value in promised)


def _gives(function: Callable[..., Any], arguments: str, promised: Any, seconds: float) -> bool:
    positional, keywords = ast.literal_eval(arguments)
    try:
        with at_most(seconds):
            value = ast.literal_eval(repr(function(*positional, **keywords)))
        return type(value) is type(promised) and bool(value == promised)
    except BaseException:
        return False


def judge(codes: list[str], tests: list[str], seconds: float) -> list[list[str | None]]:
    """For every code the type of the error that each test ends with; None where it passes.

    What takes too long once is not tried again: it does so in all tests."""
    return [_judged(code, tests, seconds) for code in codes]


def _judged(code: str, tests: list[str], seconds: float) -> list[str | None]:
    found: list[str | None] = []
    try:
        with at_most(seconds):
            names = defined(code)
        for test in tests:
            try:
                with at_most(seconds):
                    known = dict(names)
                    execute(test, known)
                    call_tests(test, known, names)
                found.append(None)
            except TooLong:
                raise
            except BaseException as error:
                found.append(type(error).__name__)
    except BaseException as error:
        found += [type(error).__name__] * (len(tests) - len(found))
    return found


def tested(script: str, tests: str) -> tuple[bool, str | None, float]:
    """(whether all tests at the end of a script were run, the traceback of what they failed with, CPU seconds).

    The code before them is imported, as test runners do it; what that fails with is raised.
    """
    import inspect  # noqa: F401  (for call_tests, before the clock starts)

    sys.setrecursionlimit(1000)  # everybody's
    started = time.process_time()
    code = script.removesuffix(tests)
    names = defined(code)
    sys.modules["__main__"] = sys.modules["snippet"]  # where doctest and unittest look
    before = dict(names)
    try:
        says = speaks(ast.parse(tests), names)
        execute("\n" * code.count("\n") + tests, names)
        called = call_tests(tests, names, before)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # pytest's Failed is no Exception
        seconds = time.process_time() - started
        is_known = not is_skipped(error) and not isinstance(error, SyntaxError)
        return is_known, quoted(error, script) if is_known else None, seconds
    return (says or bool(called)) and all(called), None, time.process_time() - started


def quoted(error: BaseException, script: str) -> str:
    """A traceback with the lines of the script, which lies in no file here."""
    import linecache
    import traceback

    linecache.cache["snippet.py"] = (len(script), None, script.splitlines(keepends=True), "snippet.py")
    return "".join(traceback.format_exception(error))


def race(codes: list[str], name: str, inputs: list[str], seconds: float, runs: int) -> list[list[float] | None]:
    """For every code the seconds that each of `runs` rounds over the inputs took; None where it behaves otherwise.

    The first is the original. Who prints something else behaves otherwise, and so does who remembers what callers can
    change: the next one would get it changed. Inputs on which the original fails or that take it too long are left out,
    of all. The codes take turns, and what one remembers (functools.cache) it forgets before each round: a second run is
    no faster algorithm.
    """
    functions: list[Callable[..., Any] | None] = []
    for code in codes:
        try:
            with at_most(seconds):
                functions.append(defined(code)[name])
        except BaseException:
            functions.append(None)
    original = functions[0]
    if original is None:
        return [None for _ in codes]
    told = [(arguments, heard(original, arguments, seconds)) for arguments in inputs]
    usable = [(arguments, one) for arguments, one in told if one.said[1] not in (None, TooLong.__name__)]
    for place, function in enumerate(functions):
        if function is None:
            continue
        remembers = hasattr(function, "cache_clear") and not hasattr(original, "cache_clear")
        same = all(heard(function, arguments, 3 * seconds) == one for arguments, one in usable)
        if not same or (remembers and not all(one.is_lasting for _, one in told)):
            functions[place] = None
    returned = [ast.literal_eval(arguments) for arguments, one in usable if one.said[0] == "returned"]
    kept = _affordable(original, returned)
    if not kept:
        return [None for _ in codes]
    rounds = max(1, min(MAX_ROUNDS, int(MEASURED_S / max(_seconds(original, kept, 1), 1e-7))))
    taken: list[list[float] | None] = [None if function is None else [] for function in functions]
    for _ in range(runs):
        for function, times in zip(functions, taken, strict=True):
            if function is not None and times is not None:
                times.append(_seconds(function, kept, rounds) / rounds)
    return taken


def _affordable(function: Callable[..., Any], inputs: list[Any]) -> list[Any]:
    """The quickest inputs, as many as take no longer than a measurement may."""
    timed = sorted((_seconds(function, [given], 1), place) for place, given in enumerate(inputs))
    kept, together = [], 0.0
    for seconds, place in timed:
        together += seconds
        if together <= LONGEST_S:
            kept.append(inputs[place])
    return kept


def _seconds(function: Callable[..., Any], inputs: list[Any], rounds: int) -> float:
    """Of this thread's CPU, so that what else the machine does costs little. (Under a limit of CPU time the clock of
    the process moves in ticks of milliseconds.) The calls do not change their inputs."""
    forget = getattr(function, "cache_clear", None)
    with contextlib.redirect_stdout(io.StringIO()):
        started = time.thread_time()
        for _ in range(rounds):
            for positional, keywords in inputs:
                if forget:
                    forget()
                function(*positional, **keywords)
        return time.thread_time() - started


def main(work: str, mark: str) -> None:
    """Do what `work` says (JSON: a function of this file, its arguments)."""
    name, *arguments = json.loads(work)
    sys.setrecursionlimit(2000)
    functions: tuple[Callable[..., Any], ...] = (observe, observe_otherwise, keeps, judge, race, tested)
    said = json.dumps({it.__name__: it for it in functions}[name](*arguments))
    print(f"\n{mark}{said}")
