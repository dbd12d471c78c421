"""Larger models by rule: a lineage that another names as its `larger` waits until that one does not get far. Pure.

"Does not get far": of its last N trained rungs each has recall or generalization below the threshold. What was not
measured (n = 0) is not below. What was skipped or rolled back is passed over, as the stop rule does. A lineage that has
an event of its own has begun and waits no more, whatever becomes of the other; a person may climb it at any time.
"""

from __future__ import annotations

from vibe_pipeline.ledger import Event, Line
from vibe_pipeline.records import generation_name
from vibe_pipeline.settings import Larger

FIGURES = ("recall", "generalization")


def is_due(rule: Larger, line: Line) -> bool:
    """Whether the line of the smaller lineage calls for the larger one."""
    latest = line.trained[-rule.generations :]
    return len(latest) == rule.generations and all(_below(rung, rule.below) for rung in latest)


def words(name: str, rule: Larger, line: Line) -> str:
    """The rule with what it looks at, for a lineage of that name."""
    latest = line.trained[-rule.generations :]
    found = "; ".join(f"{generation_name(it.generation)} {_shown(it)}" for it in latest) or "no rung yet"
    last = "the last rung stays" if rule.generations == 1 else f"the last {rule.generations} rungs stay"
    return f"begins when {last} under {rule.below:g} in recall or generalization in {name}: {found}"


def _below(rung: Event, threshold: float) -> bool:
    measured = [it["value"] for name in FIGURES if (it := rung.facts.get(name)) and it["n"]]
    return any(value < threshold for value in measured)


def _shown(rung: Event) -> str:
    measured = ((name, rung.facts.get(name)) for name in FIGURES)
    return ", ".join(f"{name} {it['value']:.2f}" if it and it["n"] else f"{name} not measured" for name, it in measured)
