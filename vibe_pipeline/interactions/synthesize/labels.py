"""Labels by execution: code of the log that nobody vouched for is run, with its tests if it has any.

What came of it is logged as a run of the same conversation: whether it worked, which error, how long it took. Code
that fails for want of something here (a package, a file, a terminal) is not labelled: that is no fault of it.
"""

from __future__ import annotations

from datetime import datetime

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.functions.generated_tests import with_tests
from vibe_pipeline.interactions.synthesize.functions.logged import python_in, tests_of
from vibe_pipeline.interactions.synthesize.made import SOURCE
from vibe_pipeline.interactions.synthesize.mistakes import tells_of_machine
from vibe_pipeline.interactions.synthesize.sandbox import Limits, run
from vibe_pipeline.records import Interaction

OF_THE_MACHINE = {
    "ModuleNotFoundError",
    "ImportError",
    "FileNotFoundError",
    "PermissionError",
    "ConnectionError",
    "ConnectionRefusedError",
    "gaierror",
    "URLError",
    "EOFError",
    "KeyboardInterrupt",
    "MemoryError",
    "Killed",
    "Output",
    "Elsewhere",
    "OSError",
}
"""Ends of a run that say more of the sandbox than of the code."""

MEASURABLE_S = 0.02
"""Of a shorter run the sandbox knows the CPU time to 5 ms only: no figure is better than one that is noise."""


def labelled(interaction: Interaction, limits: Limits, now: datetime) -> Interaction | None:
    """The run of its code; None where it holds none, or nothing can be said of it."""
    code = python_in(interaction.output)
    if code is None:
        return None
    tests = tests_of(interaction)
    script = with_tests(code, tests) if tests else code
    done = run(script, limits=limits)
    is_endless = done.error_type == "Timeout" and not tests  # a server is meant to run on
    if is_endless or done.error_type in OF_THE_MACHINE or tells_of_machine(done.output, None):
        return None
    return Interaction(
        interaction_id=key_of([SOURCE, "label", interaction.interaction_id, script]),
        conversation_id=interaction.conversation_id,
        turn=interaction.turn,
        occurred_at=now,
        module=interaction.module,
        action="run",
        input=script,
        output=done.output,
        success=done.worked,
        error_type=done.error_type,
        latency_ms=round(1000 * done.seconds, 3) if done.seconds >= MEASURABLE_S else None,
        user=interaction.user,
        source=SOURCE,
        extra={"labels": interaction.interaction_id, "tested": bool(tests)},
    )
