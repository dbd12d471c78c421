"""Labels by execution: code of the log that nobody vouched for is run, with its tests if it has any.

What came of it is logged as a run of the same conversation: whether it worked, which error, how long it took. Code
that fails for want of something here (a package, a file, a terminal) is not labelled: that is no fault of it. Neither
is code that has tests which did not come to their end or check nothing: it worked as far as it went, and they might
have failed. Code that defines and does nothing with it worked not at all. All of it is seen again, under other hash
seeds and in another place: what ends otherwise then is not labelled, and what prints otherwise has no output.
"""

from __future__ import annotations

import builtins
import re
from datetime import datetime

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.functions.checking import (
    DOCTESTS,
    complains,
    defined_names,
    free_names,
    has_doctests,
    uses_itself,
)
from vibe_pipeline.interactions.synthesize.functions.generated_tests import with_tests
from vibe_pipeline.interactions.synthesize.functions.logged import python_in, tests_of
from vibe_pipeline.interactions.synthesize.functions.outcomes import tested
from vibe_pipeline.interactions.synthesize.made import SOURCE
from vibe_pipeline.interactions.synthesize.mistakes import tells_of_machine
from vibe_pipeline.interactions.synthesize.outside import may_miss, shows_place, tells_of_now
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import HASH_SEED, Limits, Run, other_seeds, run

SYSTEM_ERRORS = (OSError, ImportError, EOFError, KeyboardInterrupt, MemoryError)
OF_THE_MACHINE = {
    *(kind.__name__ for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, SYSTEM_ERRORS)),
    *["gaierror", "herror", "timeout", "TclError", "URLError", "HTTPError", "SSLError", "SSLCertVerificationError"],
    *["UnsupportedOperation", "PackageNotFoundError", "Killed", "Output", "Elsewhere", "Exit"],
}
"""Ends of a run that say more of the sandbox than of the code, and errors behind which such an end may lie."""

CHECK = re.compile(r"^def check\(\w+\):", re.MULTILINE)

MEASURABLE_S = 0.02
"""Of a shorter run the sandbox knows the CPU time to 5 ms only: no figure is better than one that is noise."""


def labelled(interaction: Interaction, limits: Limits, now: datetime) -> Interaction | None:
    """The run of its code; None where it holds none, or nothing can be said of it."""
    code = python_in(interaction.output)
    if code is None:
        return None
    tests = _with_call(tests_of(interaction), interaction.extra.get("entry_point"))
    has_tests = bool(interaction.extra.get("tests"))
    if not has_tests and has_doctests(code):
        has_tests, tests = True, DOCTESTS
    script, done = _tried(code, tests, limits)
    if done.worked and (done.unheard or (script == code and (has_tests or not uses_itself(code)))):
        return None  # nothing of it ran, or its tests did not, and might have failed
    if _is_for_want_of_something(done, code, tests) or tells_of_machine(done.output, None):
        return None
    if (not done.worked or complains(script)) and tells_of_now(script):
        return None  # tomorrow it may end otherwise
    if not done.worked and _misses_a_name(done, script, tests):
        return None
    if done.worked and tests == DOCTESTS and not run(code, limits=limits).worked:
        return None  # as a script it does more, and fails
    if done.error_type == "Timeout" and (script == code or run(code, limits=limits).error_type == "Timeout"):
        return None  # a server is meant to run on
    is_same = not (done.missed or shows_place(script))
    for seed in other_seeds(script):
        ran, again = _tried(code, tests, limits, seed)
        if (ran, again.worked, again.error_type) != (script, done.worked, done.error_type):
            return None
        is_same = is_same and again == done
    return Interaction(
        interaction_id=key_of([SOURCE, "label", interaction.interaction_id, script]),
        conversation_id=interaction.conversation_id,
        turn=interaction.turn,
        occurred_at=now,
        module=interaction.module,
        action="run",
        input=script,
        output=done.output if is_same else "",
        success=done.worked,
        error_type=done.error_type,
        latency_ms=round(1000 * done.seconds, 3) if done.seconds >= MEASURABLE_S else None,
        user=interaction.user,
        source=SOURCE,
        extra={"labels": interaction.interaction_id, "tested": script != code},
    )


def _with_call(tests: str, entry_point: object) -> str:
    """With what HumanEval leaves to its runner: `check` is called with the function that `extra.entry_point` names."""
    is_uncalled = CHECK.search(tests) is not None and len(re.findall(r"\bcheck\(", tests)) == 1
    is_name = isinstance(entry_point, str) and entry_point.isidentifier()
    return f"{tests.rstrip()}\n\ncheck({entry_point})" if is_uncalled and is_name else tests


def _tried(code: str, tests: str, limits: Limits, hash_seed: str = HASH_SEED) -> tuple[str, Run]:
    """(what was run, what came of it): the code with its tests where they came to their end, else the code alone."""
    script = with_tests(code, tests)
    done = tested(script, tests, limits, hash_seed) if tests else None
    return (code, run(code, limits=limits, hash_seed=hash_seed)) if done is None else (script, done)


def _misses_a_name(done: Run, script: str, tests: str) -> bool:
    """Whether a name was not there that the code does not define itself: an earlier answer may have, or a notebook."""
    if tests == DOCTESTS:
        return bool(free_names(script))
    if "NameError" not in {done.error_type, *done.causes}:
        return False
    names = set(re.findall(r"name '(\w+)' is not defined", done.output))
    return not names or not names <= defined_names(script)


def _is_for_want_of_something(done: Run, code: str, tests: str) -> bool:
    """Whether the code would perhaps work where there is more than here; a want shows in many ways."""
    errors = {str(done.error_type), *done.causes}
    is_in_want = done.missed or not errors.isdisjoint(OF_THE_MACHINE) or may_miss(code) or may_miss(tests)
    return not done.worked and is_in_want
