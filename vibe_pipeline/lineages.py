"""Where each lineage stands: its champion, what the next rung grows from, a halt, a rollback, the origin of a branch.

For eyes and machines; the rungs themselves are in report.py. Not here: what any of that means (ledger/line.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vibe_pipeline.ledger import Event, Line
from vibe_pipeline.records import generation_name


def row(lineage: str, line: Line, pending: list[int], is_declared: bool) -> dict[str, Any]:
    """A lineage as plain values."""
    head, champion, halted = line.head, line.champion, line.halted
    return {
        "lineage": lineage,
        "is_declared": is_declared,
        "settled": generation_name(line.top) if line.settled else None,
        "champion": _generation(champion),
        "champion_sha": champion.facts["child_sha"] if champion else None,
        "next_grows_from": _generation(head) or "base",
        "rolled_back": [generation_name(g) for g in sorted(line.settled) if line.settled[g].sha in line.rolled_back],
        "pending": [generation_name(generation) for generation in pending],
        "is_halted": halted is not None,
        "halted": halted.facts["why"] if halted else None,
        "halted_at": _generation(halted),
        "origin": _origin(line.origin) if line.origin else None,
    }


def notes(rows: Iterable[dict[str, Any]]) -> list[str]:
    """What a table of rungs does not show, in words: halts with their remedy, and where branches come from."""
    return [words for it in rows for words in (*_branch(it), *_halt(it))]


def back_to(event: Event) -> str:
    """Where a rollback (or the halt that did it) went, and why."""
    at = event.facts["back"] if event.facts.get("back") else event.facts
    return f"to {'base' if at['to'] is None else generation_name(at['to'])}: {event.facts['why']}"


def _branch(row: dict[str, Any]) -> list[str]:
    if not (origin := row["origin"]):
        return []
    grown = f"grew from {origin['lineage']} {origin['generation']}" if origin["generation"] else "grew from base"
    return [f"{row['lineage']} branched from {origin['source']} at {origin['from']} and {grown}"]


def _halt(row: dict[str, Any]) -> list[str]:
    if not row["is_halted"]:
        return []
    return [
        f"{row['lineage']} is halted since {row['halted_at']}: {row['halted']}. "
        f"`vibe lineage resume {row['lineage']}` lets it climb again"
    ]


def _origin(event: Event) -> dict[str, Any]:
    fork = event.facts["fork"]
    return {
        "source": event.facts["source"],
        "from": generation_name(event.facts["from_generation"]),
        "lineage": fork["lineage"] if fork else None,
        "generation": generation_name(fork["generation"]) if fork else None,
        "event_sha": fork["event_sha"] if fork else None,
        "child_sha": event.facts["child_sha"],
        "learned": [generation_name(generation) for generation in event.facts["learned"]],
    }


def _generation(event: Event | None) -> str | None:
    return generation_name(event.generation) if event else None
