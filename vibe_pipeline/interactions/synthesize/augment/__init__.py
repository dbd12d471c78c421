"""Interactions made from interactions: asked in other words, code with other names or laid out otherwise, with a fault.

What is made keeps what its original taught. Other words and layouts change no meaning by construction; code under
other names passes the tests that were logged with it; what was run is run again, and kept where it ends the same way.

Not here: what is changed (paraphrase.py, renaming.py, layout.py; operators.py beside this folder).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.augment.layout import laid_out
from vibe_pipeline.interactions.synthesize.augment.paraphrase import paraphrases
from vibe_pipeline.interactions.synthesize.augment.renaming import renamed
from vibe_pipeline.interactions.synthesize.functions.logged import python_in, tests_of
from vibe_pipeline.interactions.synthesize.functions.outcomes import passes
from vibe_pipeline.interactions.synthesize.made import derived
from vibe_pipeline.interactions.synthesize.mistakes import is_lesson, tells_of_machine
from vibe_pipeline.interactions.synthesize.operators import mutants
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits, repeats, run
from vibe_pipeline.settings import Curate

MUTANTS_TRIED = 3
MAX_CODE = 4000
"""Characters of code that is augmented: what a recipe reads of an example."""

Way = Callable[[Interaction, random.Random, Limits, datetime], "tuple[Interaction, ...] | None"]


def in_order(interactions: Sequence[Interaction], seed: int) -> list[Interaction]:
    """A seeded order that more interactions do not change."""
    return sorted(interactions, key=lambda one: key_of([seed, "augment", one.interaction_id]))


def augmented(
    one: Interaction, actions: Curate, now: datetime, seed: int, limits: Limits
) -> tuple[Interaction, ...] | None:
    """One augmentation of an interaction, in the first way that works; a failing run brings its fix."""
    chooser = random.Random(key_of([seed, one.interaction_id]))
    ways = _ways(one, actions)
    chooser.shuffle(ways)
    return next(filter(None, (way(one, chooser, limits, now) for way in ways)), None)


def _ways(one: Interaction, actions: Curate) -> list[Way]:
    if one.success is False and one.action not in actions.run_actions:
        return []
    if one.action in actions.chat_actions:
        return [_asked_otherwise]
    if one.action in actions.generate_actions:
        return [_asked_otherwise, _written_otherwise]
    if one.action in actions.run_actions and len(one.input) <= MAX_CODE:
        return [_run_otherwise, _run_with_a_fault] if one.success else [_run_otherwise] if one.success is False else []
    return []


def _asked_otherwise(one: Interaction, chooser: random.Random, _: Limits, now: datetime) -> tuple[Interaction] | None:
    words = next(paraphrases(one.input, chooser), None)
    return None if words is None else (derived(now, one, "paraphrase", input=words, extra=_kept(one)),)


def _written_otherwise(
    one: Interaction, chooser: random.Random, limits: Limits, now: datetime
) -> tuple[Interaction] | None:
    code = python_in(one.output)
    if code is None or len(code) > MAX_CODE:
        return None
    tests = tests_of(one)
    told = "\n".join([one.input, one.output.replace(code, ""), tests])
    for name, changed in _other_code(code, chooser, told, tests):
        if name != "other names" or passes(changed, tests, limits):
            output = one.output.replace(code, changed.strip())
            return (derived(now, one, name, output=output, extra=_kept(one)),)
    return None


def _run_otherwise(
    one: Interaction, chooser: random.Random, limits: Limits, now: datetime
) -> tuple[Interaction] | None:
    first = next(_other_code(one.input, chooser), None)
    if first is None or not _ends_as_logged(one, limits):
        return None
    name, changed = first
    done = run(changed, limits=limits)
    if (done.worked, done.error_type) != (one.success, one.error_type) or tells_of_machine(done.output, None):
        return None
    if not (done.worked or is_lesson(done, None)) or not repeats(done, changed, limits=limits):
        return None
    return (derived(now, one, name, input=changed, output=done.output, extra=_kept(one)),)


def _run_with_a_fault(
    one: Interaction, chooser: random.Random, limits: Limits, now: datetime
) -> tuple[Interaction, ...] | None:
    """The same code with one mutation that makes it fail, then as it was."""
    tried = list(itertools.islice(mutants(one.input, chooser), MUTANTS_TRIED))
    if not tried or not _ends_as_logged(one, limits):
        return None
    for operator, code in tried:
        done = run(code, limits=limits)
        if is_lesson(done, None) and repeats(done, code, limits=limits):
            said = {"success": False, "output": done.output, "error_type": done.error_type, "extra": _kept(one)}
            failing = derived(now, one, f"fault: {operator}", input=code, **said)
            return failing, derived(now, one, f"fault: {operator}", turn=one.turn + 1, extra=_kept(one))
    return None


def _ends_as_logged(one: Interaction, limits: Limits) -> bool:
    """Whether it still does what the log says: a shell command, or what needs a package, does not."""
    done = run(one.input, limits=limits)
    if (done.worked, done.error_type) != (one.success, one.error_type):
        return False
    if one.success and done.output != one.output.strip():
        return False
    return repeats(done, one.input, limits=limits)


def _other_code(code: str, chooser: random.Random, told: str = "", tests: str = "") -> Iterator[tuple[str, str]]:
    """(augmentation, code): other names first, every other time, but for names that were `told`."""
    if chooser.random() < 0.5 and (changed := renamed(code, chooser, told, tests)) is not None:
        yield "other names", changed
    yield from ((f"layout: {name}", changed) for name, changed in laid_out(code, chooser))


def _kept(one: Interaction) -> dict[str, object]:
    """What curation must go on to know: the fact, which decides the split, the tests, and what was told."""
    return {name: one.extra[name] for name in ("fact", "tests", "system") if name in one.extra}
