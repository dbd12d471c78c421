"""Steps about a whole lineage that begin in vibe.toml and end in the ledger, for the command line and for Dagster.

Not here: the events (ledger/), and the text of the file (declaring.py).
"""

from __future__ import annotations

from vibe_pipeline.declaring import declared
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.settings import load


def branch(source: str, from_generation: int, name: str) -> Ladder:
    """Begin a lineage at a rung of another; one that is not declared is declared like its source, for a person to
    climb. Returns the ladder that knows it."""
    settings = load()
    if name in settings.lineages:
        its = None
    else:
        its = declared(name, like=source, automatic=False)
        settings = its.settings
    ladder = Ladder(settings=settings)
    ladder.branch(source, from_generation, name)
    if its:
        its.write()  # last: what is refused above leaves no lineage behind
    return ladder
