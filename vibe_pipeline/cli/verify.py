"""`vibe verify`: a table of problems, or one line of what was checked; exit code 1 where something is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from vibe_pipeline import progress
from vibe_pipeline.cli.arguments import generation_number
from vibe_pipeline.cli.output import Json, errors, print_json
from vibe_pipeline.fingerprint import short
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import plain

if TYPE_CHECKING:
    from rich.table import Table

    from vibe_pipeline.verifying import Findings, Retrained

SHA = re.compile(r"\b[0-9a-f]{64}\b")


def verify(
    lineage: Annotated[str | None, typer.Argument(help="One lineage; all of them if left out.")] = None,
    retrain: Annotated[
        str | None, typer.Option("--retrain", help="Train this generation again too, such as g003, and compare.")
    ] = None,
    json_: Json = False,
) -> None:
    """Is everything in this home what it says it is? Reads all of it and changes nothing; exit code 1 if not.

    JSON: {ok, checked, problems, not_checked, not_reproducible, retrained}. A problem is {what, where, expected,
    found}; checked and not_checked are counts, by what was checked and by why it was not. retrained is null without
    --retrain, else {rung, recorded, again, on, was_on, items, largest_nll, mean_nll, answers_differ, same_bytes,
    ok}."""
    here = Ladder(watch=progress.terminal)
    generation = None if retrain is None else generation_number(retrain)
    findings = here.verify(lineage)
    again = None if generation is None else here.retrain(lineage or next(iter(here.settings.lineages)), generation)
    ok = findings.ok and (again is None or again.ok)
    if json_:
        more = {**plain(again), "same_bytes": again.same_bytes, "ok": again.ok} if again else None
        print_json({**findings.as_values(), "ok": ok, "retrained": more})
    else:
        _print(findings, again)
    if not ok:
        raise typer.Exit(1)


def _print(findings: Findings, again: Retrained | None) -> None:
    console = Console()
    if findings.problems:
        console.print(_table(findings))
    counts = ", ".join(f"{count:,} {what}" for what, count in findings.checked.items() if what != "bytes")
    size = f"{findings.checked['bytes'] / (1 << 20):,.1f} MiB"
    found = "all as they should be" if findings.ok else f"{len(findings.problems)} problems"
    console.print(f"checked {counts}, {size}: {found}", markup=False, highlight=False)
    for why, count in findings.not_checked.items():
        errors.print(f"not checked: {count:,} {why}", markup=False)
    for rung in findings.not_reproducible:
        errors.print(f"† not reproducible: {rung}", markup=False)
    if again:
        console.print(again.words, markup=False, highlight=False)


def _table(findings: Findings) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("what", "where", "expected", "found"):
        table.add_column(name, overflow="fold")
    for it in findings.problems:
        shown = (SHA.sub(lambda sha: short(sha[0]), text) for text in (it.expected, it.found))
        table.add_row(it.what, it.where, *map(Text, shown))
    return table
