"""Where a branch leaves another line: the facts of its origin, from the line of its source."""

from __future__ import annotations

from typing import Any

from vibe_pipeline.errors import RungRefused
from vibe_pipeline.ledger.event import Event
from vibe_pipeline.ledger.line import Line
from vibe_pipeline.records import generation_name


def origin_of(line: Line, source: str, from_generation: int, base_sha: str) -> dict[str, Any]:
    """Facts of the event `origin`: the promoted rung of the source at or below a generation, and what it learned.

    `fork` names the settled event, in the lineage in which it settled: what branches off a branch below its first own
    promotion points to the trunk. RungRefused where the source has not settled that generation itself.
    """
    if not line.begins - 1 <= from_generation <= line.top or from_generation < 0:
        raise _refused(line, source, from_generation)
    rung = line.last_standing(from_generation)
    return {
        "source": source,
        "from_generation": from_generation,
        "fork": rung and (rung.facts.get("fork") or _named(rung)),
        "child_sha": rung.facts["child_sha"] if rung else None,
        "learned": rung.facts["learned"] if rung else [],
        "champions": rung.facts.get("champions", {}) if rung else {},
        "marks": rung.facts.get("marks", {}) if rung else {},
        "base_sha": base_sha,
    }


def _named(rung: Event) -> dict[str, Any]:
    return {
        "lineage": rung.lineage,
        "generation": rung.generation,
        "attempt": rung.attempt,
        "event_sha": rung.sha,
    }


def _refused(line: Line, source: str, from_generation: int) -> RungRefused:
    first, last = max(0, line.begins - 1), line.top
    there = f"{source} has settled {generation_name(first)} to {generation_name(last)}"
    return RungRefused(
        f"no branch can leave {source} at {generation_name(from_generation)}: "
        + (there if first <= last else f"{source} has settled nothing"),
        "Name one of these" if first <= last else f"Run `vibe climb --lineage {source}` first",
    )
