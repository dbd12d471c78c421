"""What a function does on inputs, what tests say of code, how fast variants are: as seen in the sandbox.

What differs between two runs (a clock, a random number, the order of a set, a count of the calls before) is no outcome,
and neither is what differs on another machine.
Not here: what happens in the sandbox (inside.py, calling.py) and what is made of it (generated_tests.py, variants.py).
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vibe_pipeline.interactions.synthesize.functions import Arguments, Function
from vibe_pipeline.interactions.synthesize.functions.arguments import inputs_of
from vibe_pipeline.interactions.synthesize.functions.checking import checks
from vibe_pipeline.interactions.synthesize.mistakes import tells_of_machine
from vibe_pipeline.sandbox import HASH_SEED, Limits, Run, failed, other_seeds, run

SENT = [(name, (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")) for name in ("calling", "inside")]
PROGRAM = f"""
import sys, types
for name, text in {SENT!r}:
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(text, name + ".py", "exec"), module.__dict__)
"""
"""Modules of their own: the lines of a traceback that are the snippet's are those of the code alone."""

SECONDS = 0.1
"""Of CPU, of one call: what takes longer on an input that a person could follow does not end."""

TESTS_SECONDS = 0.5
"""Of CPU, of one test of one code."""

TRIED = 3
"""Inputs of each combination of types that are run to see whether they fit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call that returned: its arguments and its value as Python writes it."""

    arguments: Arguments
    result: str


def fitting(function: Function, chooser: random.Random, count: int, limits: Limits) -> list[Arguments]:
    """Up to `count` inputs; where their types are not known, of the types that give the most different results."""
    lists = list(inputs_of(function, chooser, count))
    if len(lists) < 2:
        return lists[0] if lists else []
    tried = [repr(arguments) for one in lists for arguments in one[:TRIED]]
    said = iter(_asked(["observe", function.code, function.name, tried, SECONDS / 5], limits) or [])
    results = [[told for _, told in zip(one[:TRIED], said, strict=False)] for one in lists]
    scores = [len({text for kind, text in told if kind == "returned" and text}) for told in results]
    return lists[scores.index(max(scores))] if max(scores) > 1 else []


def observed(function: Function, inputs: Sequence[Arguments], limits: Limits) -> list[Outcome]:
    """Inputs on which the function returns a value that can be written down, the same under every hash seed.

    Under the others in another order, once in another place, and each alone: in a question no call comes before."""
    texts = [repr(arguments) for arguments in inputs]
    first = _asked(["observe", function.code, function.name, texts, SECONDS], limits)
    same = {place: said[1] for place, said in enumerate(first or []) if said[0] == "returned" and said[1] is not None}
    same = {place: result for place, result in same.items() if not tells_of_machine(result, None)}
    work = ["observe_otherwise", function.code, function.name, texts, SECONDS]
    for hash_seed in other_seeds("\n".join([function.code, *texts])):
        again = _asked(work, limits, hash_seed) or [] if same else []
        same = {place: result for place, result in same.items() if again[place : place + 1] == [["returned", result]]}
    return [Outcome(inputs[place], result) for place, result in same.items()]


def judged(codes: Sequence[str], tests: Sequence[str], limits: Limits) -> list[list[str | None]]:
    """For every code the type of the error that each test ends with, None where it passes; empty if nothing ran."""
    return _asked(["judge", list(codes), list(tests), TESTS_SECONDS], limits) or []


def passes(code: str, tests: str, limits: Limits) -> bool:
    """Whether somebody's tests hold; where there are none, or none that can be run here, they do."""
    return not tests or judged([code], [tests], limits) == [[None]]


def keeps_promises(function: Function, limits: Limits) -> bool:
    """Whether it gives what its docstring says; where that says nothing, it does."""
    promised = [(repr(arguments), value) for arguments, value in function.promised]
    return not promised or bool(_asked(["keeps", function.code, function.name, promised, TESTS_SECONDS], limits))


def tested(script: str, tests: str, limits: Limits, hash_seed: str) -> Run | None:
    """The run of a script that ends with its tests; None where they did not come to their end, where one
    cannot be run, or where they check nothing: they fail all the same."""
    done, printed, said = _said(["tested", script, tests], limits, hash_seed)
    if said is None:
        return done if done.error_type == "Timeout" else None
    has_run, failure, seconds = said
    if failure is not None:
        return replace(failed(failure), seconds=seconds, missed=done.missed)
    is_tested = has_run and checks(script.removesuffix(tests), tests)
    return replace(done, output=printed, seconds=seconds) if is_tested else None


def raced(
    codes: Sequence[str], name: str, inputs: Sequence[Arguments], limits: Limits, *, runs: int
) -> list[list[float] | None]:
    """For every code the seconds of each run over the inputs; None for those that behave unlike the first."""
    return _asked(["race", list(codes), name, [repr(it) for it in inputs], SECONDS, runs], limits) or []


def _asked(work: list[Any], limits: Limits, hash_seed: str = HASH_SEED) -> Any:
    """What inside.py said; None where it did not come to its end."""
    return _said(work, limits, hash_seed)[2]


def _said(work: list[Any], limits: Limits, hash_seed: str) -> tuple[Run, str, Any]:
    """(the run, what the code in it printed, what inside.py said)."""
    mark = secrets.token_hex(16)
    done = run(f"{PROGRAM}module.main({json.dumps(work)!r}, {mark!r})", limits=limits, hash_seed=hash_seed)
    # On a line of its own: a traceback that doctest prints may quote the call, and with it the mark.
    printed, _, told = f"\n{done.output}".partition(f"\n{mark}")
    said, _, later = told.partition("\n")
    return done, f"{printed.strip()}\n{later}".strip(), json.loads(said) if said else None
