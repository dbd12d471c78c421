"""`vibe ladder --matrix`: tables for people, JSON and CSV for machines, and where the page lies.

Not here: how a table looks (continual/table.py).
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from vibe_pipeline.cli.output import errors, print_json
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.outside import write
from vibe_pipeline.records import plain


def print_matrices(here: Ladder, lineage: str | None, csv: Path | None, json_: bool) -> None:
    """Those of one lineage or of all that have climbed; a lineage that is not known is an error."""
    from vibe_pipeline.continual.table import HOW_TO_READ, tables, to_csv

    names = [ledger.lineage for ledger in here.chains() if lineage in (None, ledger.lineage)]
    if lineage is not None and not names:
        here.settings.lineage(lineage)
    matrices = [here.matrix(name) for name in names]
    if csv:
        write(csv, to_csv(matrices))
    if json_:
        return print_json([plain(it) for it in matrices])
    measured = [it for it in matrices if it.rows]
    if not measured:
        return errors.print("no rung has an adapter yet, so nothing was measured", markup=False)
    console = Console()
    for it in measured:
        for table in tables(it, console.width):
            console.print(table)
        errors.print(f"{it.lineage} with plots: {here.matrix_page(it.lineage)}", markup=False)
    errors.print("; ".join(HOW_TO_READ), markup=False)
