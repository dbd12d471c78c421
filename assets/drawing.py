"""The ladder of a lineage as a tree in text.

A parent is always the last promoted rung below that stands, so these make a trunk and the others its twigs: what was
rejected, skipped or rolled back.
Not here: figures. They are metadata of the scorecard.
"""

import dagster as dg

from vibe_pipeline.fingerprint import short
from vibe_pipeline.ledger import Event, Line
from vibe_pipeline.records import generation_name
from vibe_pipeline.rung import Rung


def drawn(line: Line, rung: Rung) -> dg.MarkdownMetadataValue:
    """The line of a rung's lineage for the metadata pane."""
    return dg.MetadataValue.md(f"```text\n{tree(line, f'{rung.lineage}: {rung.base.name}')}\n```")


def tree(line: Line, root: str) -> str:
    """Base, the fork of a branch, then every settled generation with its verdict and what it grew from; then a halt."""
    fork = [_fork(line.origin, line)] if line.origin else []
    halt = [f"■ halted: {line.halted.facts['why']}"] if line.halted else []
    return "\n".join([f"● {root}", *fork, *(_rung(line.settled[g], line) for g in sorted(line.settled)), *halt])


def _fork(origin: Event, line: Line) -> str:
    facts, fork = origin.facts, origin.facts["fork"]
    grown = f"{fork['lineage']} {generation_name(fork['generation'])}, {short(facts['child_sha'])}" if fork else "base"
    at = f"{facts['source']} at {generation_name(facts['from_generation'])}"
    return f"{_mark(origin, line)} {grown}, branched from {at}{_served(origin, line)}"


def _rung(event: Event, line: Line) -> str:
    parent = event.facts["parent_generation"]
    origin = "base" if parent is None else generation_name(parent)
    back = ", rolled back" if event.sha in line.rolled_back else ""
    words = f"{generation_name(event.generation)} {event.facts['verdict']}{back}, {short(event.facts['child_sha'])}"
    return f"{_mark(event, line)} {words}, from {origin}{_served(event, line)}"


def _mark(event: Event, line: Line) -> str:
    """The trunk is what can be grown from."""
    return "●" if event in line.promoted and event.sha not in line.rolled_back else "├─ ○"


def _served(event: Event, line: Line) -> str:
    return "  ★ champion" if event == line.champion else ""
