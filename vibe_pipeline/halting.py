"""The stop rule: two generations that gained nothing while the style decayed halt a lineage. Pure: from line to facts.

With ε and θ of the settings: both of the last two trained generations gained less than ε in generalization over the one
before, and style drift rose by more than θ in at least one of the two steps. Then more of the same will not help: the
data is to be mended, not the size.

It never fires on what was not measured:

- a generation that trained nothing (skipped) is no step and is passed over; one that is rolled back does not stand;
- one that was trained and has no generalization (n = 0: no held-out item, or a score that is missing) says neither that
  it gained nor that it did not: a step to or from it is none, so the rule waits until three in a row are measured;
- exact answers and "beats base" are different figures: no step leads from one to the other;
- style drift counts where both ends were asked the same number of tone probes.

Rejected and undecided generations count: they were trained and measured. Only steps since the last resumption count, so
that a lineage which a person resumed climbs two generations before it can halt again. The line goes back to the last
promoted generation before the last of the three; where there is none, it stays where it is.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from vibe_pipeline.ledger import Event, Line, target_facts
from vibe_pipeline.records import generation_name
from vibe_pipeline.settings import Stop

STEPS = 2

ROUNDING = 1e-9
"""0.95 − 0.90 is less than 0.05 to a computer, and 0.4 − 0.3 more than 0.1: differences so small are none."""


def due(line: Line, stop: Stop) -> dict[str, Any] | None:
    """Facts of the event `halted` where the rule holds for the rungs that stand; else None."""
    if not stop.enabled or line.halted:
        return None
    rungs = line.trained[-STEPS - 1 :]
    since = line.resumed.sequence if line.resumed else -1
    if len(rungs) <= STEPS or rungs[1].sequence < since or not _holds(rungs, stop):
        return None
    return {
        "why": _words(rungs, stop),
        "rule": {
            "epsilon": stop.epsilon,
            "theta": stop.theta,
            "generations": [it.generation for it in rungs],
            "generalization": [it.facts.get("generalization") for it in rungs],
            "style_drift": [it.facts.get("style_drift") for it in rungs],
        },
        "back": target_facts(before) if (before := line.parent_of(rungs[-1].generation)) else None,
    }


def by_a_person(why: str) -> dict[str, Any]:
    """Facts of the event `halted` where a person says so: nothing is rolled back."""
    return {"why": why, "rule": None, "back": None}


def _holds(rungs: list[Event], stop: Stop) -> bool:
    gains = [_difference(a, b, "generalization") for a, b in pairwise(rungs)]
    rises = [_difference(a, b, "style_drift") for a, b in pairwise(rungs)]
    is_one_kind = len({it.facts.get("generalization_is") for it in rungs}) == 1
    stands_still = all(gain is not None and gain < stop.epsilon - ROUNDING for gain in gains)
    decays = any(rise is not None and rise > stop.theta + ROUNDING for rise in rises)
    return is_one_kind and stands_still and decays


def _difference(before: Event, after: Event, name: str) -> float | None:
    """By how much a figure rose; None where either was not measured, or the drift on other probes."""
    one, other = (it.facts.get(name) or {"n": 0} for it in (before, after))
    if not one["n"] or not other["n"] or (name == "style_drift" and one["n"] != other["n"]):
        return None
    rise = other["value"] - one["value"]
    return rise if math.isfinite(rise) else None


def _words(rungs: list[Event], stop: Stop) -> str:
    names = [generation_name(it.generation) for it in rungs]
    gained, drifted = (
        " → ".join(_shown(it.facts.get(name)) for it in rungs) for name in ("generalization", "style_drift")
    )
    return (
        f"over {', '.join(names)} generalization went {gained}, each step a gain of less than {stop.epsilon:.2f}, "
        f"and style drift {drifted}, a rise of more than {stop.theta:.2f}; the data is to be mended, not the size"
    )


def _shown(figure: dict[str, Any] | None) -> str:
    return f"{figure['value']:.2f} (n = {figure['n']})" if figure and figure["n"] else "not measured"
