"""The matrix as one HTML page for a person, and as a heat map that stands alone: SVG that Dagster shows too.

The page holds figures only. Not here: a figure (evaluate/matrix.py), the layout (page.html, map.svg).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vibe_pipeline.continual.table import HOW_TO_READ, cells, name, shown, suites, what_is
from vibe_pipeline.evaluate.matrix import TRANSFERS, Cell, Matrix, Row
from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.pages import FOLDER, rendered

HERE = Path(__file__).parent
FILTERS: dict[str, Callable[..., Any]] = {"figure": shown, "what_is": what_is, "name": name}

PLOT_WIDTH = 640
"""Of all cells of a heat map, in units of its SVG, about as wide in pixels."""

CELL_WIDTH, CELL_HEIGHT, LEGIBLE = 64, 28, 34
"""At most; cells narrower than LEGIBLE have their figure in the tooltip alone."""


def page_name(lineage: str) -> str:
    """Where the page of a lineage lies in its home; no generation is called like that."""
    return f"{FOLDER}/ladder-{lineage}.html"


def page(matrix: Matrix) -> str:
    """The page of a matrix. The same matrix gives the same page."""
    return rendered(
        HERE / "page.html",
        FILTERS,
        cells=cells,
        how_to_read=HOW_TO_READ,
        matrix=matrix,
        exact=EXACT_PARTS,
        transfers={kind.replace("_", " "): getattr(matrix, kind) for kind in TRANSFERS},
        maps={part: heat_map(matrix, part) for part in matrix.parts},
        suites={part: suites(matrix, part) for part in matrix.parts},
    )


def heat_map(matrix: Matrix, part: str) -> str:
    """One part of all suites as SVG: a row for each rung, a column for each suite, darker where more is known."""
    columns = suites(matrix, part)
    width = min(CELL_WIDTH, PLOT_WIDTH / max(1, len(columns)))
    known = [cells(row, part) for row in matrix.rows]
    boxes = [
        _box(row, suite, of_row.get(suite)) | {"x": round(place * width, 2), "y": line * CELL_HEIGHT}
        for line, (row, of_row) in enumerate(zip(matrix.rows, known, strict=True))
        for place, suite in enumerate(columns)
    ]
    return rendered(
        HERE / "map.svg",
        FILTERS,
        boxes=boxes,
        rows=[(line * CELL_HEIGHT, name(row)) for line, row in enumerate(matrix.rows)],
        columns=[(round((place + 0.5) * width, 2), suite) for place, suite in enumerate(columns)],
        width=width,
        height=CELL_HEIGHT,
        whole=(round(width * len(columns), 2), CELL_HEIGHT * len(matrix.rows)),
        is_legible=width >= LEGIBLE,
        label=f"{matrix.lineage}, {part}: share {what_is(part)}, by rung and suite",
    )


def _box(row: Row, suite: str, cell: Cell | None) -> dict[str, Any]:
    share = cell.share if cell else None
    return {
        "share": share,
        "title": f"{row.generation} on {suite}: {shown(share)}" if share else "",
        "is_learned": int(suite.removeprefix("g")) in row.delta,
    }
