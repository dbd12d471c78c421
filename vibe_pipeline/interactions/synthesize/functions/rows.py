"""Interactions and probes of tested functions and of faster variants.

Of a package's function all rows carry its fact, so that they train while its probes test. A logged function is one of
a conversation that is not held out (logged code of the others is left alone), and stays in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.synthesize.functions import Function, call_text
from vibe_pipeline.interactions.synthesize.functions.generated_tests import Tested, with_tests
from vibe_pipeline.interactions.synthesize.functions.variants import RUNS, Variant
from vibe_pipeline.interactions.synthesize.made import derived, interaction, probe
from vibe_pipeline.records import Interaction, Probe

ASKED = "What does {call} return?"
HELD_OUT = "Give the value of {call}."
"""The probes' wording: never logged, and no frame shared with the other."""

WRITE_TESTS = "Write tests for this function:\n\n{code}"


def rows_of_tests(tested: Tested, now: datetime) -> Iterator[Interaction]:
    """Its calls with their values, its tests, and a faulty version with its fix."""
    function = tested.function
    fact = {"fact": fact_of(function)}
    for outcome in tested.asked:
        question = ASKED.format(call=call_text(function.written, outcome.arguments))
        yield _row(function, now, "call", question, action="ask", input=question, output=outcome.result, extra=fact)
    worth = {"mutants": tested.mutants, "caught": tested.caught}
    written = {"input": WRITE_TESTS.format(code=function.code), "output": tested.asserts}
    yield _row(function, now, "tests", "", action="generate", **written, extra={**fact, **worth})
    if tested.faulty is not None:
        told = {"mistake": tested.faulty.operator, **fact}
        failing, working = (with_tests(code, tested.asserts) for code in (tested.faulty.code, function.code))
        said = {"output": tested.faulty.failing.output, "error_type": tested.faulty.failing.error_type}
        yield _row(function, now, "fault", failing, action="run", input=failing, **said, success=False, extra=told)
        yield _row(function, now, "fault", failing, action="run", input=working, output="", turn=1, extra=told)


def probes_of_tests(tested: Tested, now: datetime) -> Iterator[Probe]:
    """What was held out."""
    function = tested.function
    for outcome in tested.held_out:
        question = HELD_OUT.format(call=call_text(function.written, outcome.arguments))
        yield probe(now, function.module, fact_of(function), question, outcome.result)


def row_of_variant(variant: Variant, now: datetime) -> Interaction:
    """Original → variant, with what was measured of both."""
    measured = {
        "rewriting": variant.rewriting,
        "seconds_before": variant.seconds_before,
        "seconds_after": variant.seconds_after,
        "runs": RUNS,
    }
    written = {"input": variant.function.code, "output": variant.code}
    return _row(variant.function, now, "variant", "", action="optimize", **written, extra=measured)


def fact_of(function: Function) -> str:
    """What its probes and their rows share."""
    return f"what {function.written} returns" if function.origin is None else f"{function.name} of {function.module}"


def _row(function: Function, now: datetime, about: str, part: str, **known: Any) -> Interaction:
    known = {"success": True, **known}
    if function.origin is None:
        return interaction(now, [function.module, function.name, about, part], module=function.module, **known)
    turn = function.origin.turn + known.pop("turn", 0)
    return derived(now, function.origin, about, turn=turn, **{"error_type": None, **known})
