"""The ladder of a lineage as a tree in text.

A parent is always the last promoted rung below, so the promoted ones make a trunk and the others its twigs.
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
    """Base, then every settled generation with its verdict and what it grew from."""
    return "\n".join([f"● {root}", *(_rung(line.settled[g], line.champion) for g in sorted(line.settled))])


def _rung(event: Event, champion: Event | None) -> str:
    parent = event.facts["parent_generation"]
    branch = "●" if event.is_promotion else "├─ ○"
    origin = "base" if parent is None else generation_name(parent)
    served = "  ★ champion" if event == champion else ""
    words = f"{generation_name(event.generation)} {event.facts['verdict']}, {short(event.facts['child_sha'])}"
    return f"{branch} {words}, from {origin}{served}"
