"""Tests for functions, generated: the inputs are made, the expected values are what really came out, twice.

A function's outcomes are shared out. Most become tests and questions that are logged; up to two are held out as probes
(the test split), asked in another wording and on inputs that nobody logs. Mutants of the function show what the tests
are worth, and one that they catch becomes a failing run with its fix.

Not here: what a call gives (outcomes.py) and the rows that are logged (rows.py).
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.functions import Function, call_text
from vibe_pipeline.interactions.synthesize.functions.outcomes import (
    Outcome,
    fitting,
    judged,
    keeps_promises,
    observed,
    passes,
)
from vibe_pipeline.interactions.synthesize.mistakes import is_lesson
from vibe_pipeline.interactions.synthesize.operators import mutants
from vibe_pipeline.interactions.synthesize.outside import is_pure
from vibe_pipeline.sandbox import Limits, Run, repeats, run

INPUTS = 16
MAX_TESTS, MAX_PROBES, MAX_MUTANTS = 5, 2, 12
MIN_TESTS, MIN_RESULTS = 3, 2
MAX_ASKED = 60
"""Characters of a call and of a value that are asked for."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """The function with a fault that its tests catch, and how the run ended."""

    operator: str
    code: str
    failing: Run


@dataclass(frozen=True, slots=True)
class Tested:
    """A function with its tests, which ran below it and passed."""

    function: Function
    asserts: str
    asked: tuple[Outcome, ...]
    """Of those in the tests, the ones that are short enough to be asked for."""
    held_out: tuple[Outcome, ...]
    mutants: int
    caught: int
    faulty: Faulty | None


def tested(function: Function, seed: int, limits: Limits) -> Tested | None:
    """None where too little is seen of it, or too much the same, or where it may tell of the machine."""
    if not is_pure(function.code) or not passes(function.code, function.tests, limits):
        return None  # what fails the tests that it was logged with would have its bug kept in others
    if not keeps_promises(function, limits):
        return None  # and so would what breaks the word of its docstring
    chooser = random.Random(key_of([seed, "tests", function.code]))
    seen = observed(function, fitting(function, chooser, INPUTS, limits), limits)
    told_apart = list({_folded(call_text("", outcome.arguments)): outcome for outcome in seen}.values())
    held_out = tuple(itertools.islice(_short(told_apart[::-1]), max(0, min(MAX_PROBES, len(told_apart) - MAX_TESTS))))
    outcomes = _different([outcome for outcome in told_apart if outcome not in held_out])
    if len(outcomes) < MIN_TESTS or len({outcome.result for outcome in outcomes}) < MIN_RESULTS:
        return None
    tests = [f"assert {call_text(function.name, it.arguments)} == {it.result}" for it in outcomes]
    found = list(itertools.islice(mutants(function.code, chooser), MAX_MUTANTS))
    errors = judged([function.code, *(code for _, code in found)], tests, limits)
    if not errors or any(errors[0]):
        return None
    chosen = sorted(_chosen(errors[1:], len(tests)))
    caught = [mutant for mutant, ends in zip(found, errors[1:], strict=True) if any(ends[test] for test in chosen)]
    asserts = "\n".join(tests[test] for test in chosen)
    # They passed among others, in which a call may have left something behind.
    working = run(with_tests(function.code, asserts), limits=limits)
    if not working.worked:
        return None
    return Tested(
        function=function,
        asserts=asserts,
        asked=tuple(_short([outcomes[test] for test in chosen])),
        held_out=held_out,
        mutants=len(found),
        caught=len(caught),
        # What the function prints may be another the next time: its run is told where it is silent.
        faulty=None if working.output else _faulty(caught, asserts, limits),
    )


def _chosen(ends: list[list[str | None]], count: int) -> list[int]:
    """The tests that catch most, each time of the mutants that are left (greedy set cover); at least a few."""
    left = {mutant for mutant, errors in enumerate(ends) if any(errors)}
    chosen: list[int] = []
    while len(chosen) < min(MAX_TESTS, count) and (left or len(chosen) < MIN_TESTS):
        others = [test for test in range(count) if test not in chosen]
        best = max(others, key=lambda test: (sum(ends[mutant][test] is not None for mutant in left), -test))
        chosen.append(best)
        left = {mutant for mutant in left if ends[mutant][best] is None}
    return chosen


def with_tests(code: str, asserts: str) -> str:
    """One snippet: the code, then its tests."""
    return f"{code.strip()}\n\n\n{asserts}"


def _faulty(caught: list[tuple[str, str]], asserts: str, limits: Limits) -> Faulty | None:
    for operator, code in caught[:2]:
        failing = run(with_tests(code, asserts), limits=limits)
        if is_lesson(failing, None) and repeats(failing, with_tests(code, asserts), limits=limits):
            return Faulty(operator, code, failing)
    return None


def _folded(text: str) -> str:
    """As curation compares questions: -1 and 1 are one input there, and would be each other's answer."""
    return re.sub(r"\W+", " ", text).strip().lower()


def _different(outcomes: list[Outcome]) -> list[Outcome]:
    """Those first that give a value not seen yet."""
    seen: set[str] = set()
    new: list[Outcome] = []
    old: list[Outcome] = []
    for outcome in outcomes:
        (old if outcome.result in seen else new).append(outcome)
        seen.add(outcome.result)
    return new + old


def _short(outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    return (it for it in outcomes if len(it.result) <= MAX_ASKED and len(call_text("", it.arguments)) <= MAX_ASKED)
