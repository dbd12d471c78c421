"""What every rung knows of every suite, as metadata: a heat map and a table for each part, figures to plot, the page.

Not here: a figure (vibe_pipeline/evaluate/matrix.py).
"""

from base64 import b64encode
from pathlib import Path

import dagster as dg

from assets.metadata import Metadata, figure, markdown_table
from vibe_pipeline.continual.page import heat_map
from vibe_pipeline.continual.table import cells, name, shown, suites, what_is
from vibe_pipeline.evaluate.matrix import AVERAGE, TRANSFERS, Cell, Matrix
from vibe_pipeline.ledger import Event

HEIGHT = 24
"""Of a ladder that is shown whole. A higher one has its page: events of megabytes would slow Dagster down."""


def known(matrix: Matrix, page: Path, event: Event) -> Metadata:
    """Of the ladder up to a rung. A rung without an adapter has no figures: no plot shows those below it twice."""
    shares = {
        f"{kind}_{it.part}": it.share
        for kind in (AVERAGE, *TRANSFERS)
        for it in getattr(matrix, kind)
        if event.facts["child_sha"] and it.share
    }
    figures = {part: value for called, share in shares.items() for part, value in figure(called, share).items()}
    parts = matrix.parts if len(matrix.rows) <= HEIGHT + 1 else ()
    drawn = {f"known_{part}": dg.MetadataValue.md(_drawn(matrix, part)) for part in parts}
    return figures | drawn | {"matrix": dg.MetadataValue.path(page)}


def _drawn(matrix: Matrix, part: str) -> str:
    """One part of all suites as a picture, and in the words of `vibe ladder --matrix`."""
    image = b64encode(heat_map(matrix, part).encode()).decode()
    columns = suites(matrix, part)
    rows = [(name(row), *(_share(cells(row, part).get(suite)) for suite in columns)) for row in matrix.rows]
    table = markdown_table((f"share {what_is(part)}", *columns), rows)
    return f"![{part}](data:image/svg+xml;base64,{image})\n\n{table}"


def _share(cell: Cell | None) -> str:
    return shown(cell.share) if cell and cell.share else ""
