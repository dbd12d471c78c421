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

WHERE = 36
"""Columns that a name gets before it is folded."""


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
    counts = ", ".join(f"{number:,} {what}" for what, number in findings.checked.items() if what != "bytes")
    size = f"{findings.checked['bytes'] / (1 << 20):,.1f} MiB"
    count = len(findings.problems)
    found = "all as they should be" if findings.ok else f"{count:,} problem{'s' if count > 1 else ''}"
    console.print(f"checked {counts}, {size}: {found}", markup=False, highlight=False, soft_wrap=True)
    for why, count in findings.not_checked.items():
        errors.print(f"not checked: {why} ({count:,})", markup=False)
    for rung in findings.not_reproducible:
        errors.print(f"† not reproducible: {rung}", markup=False)
    if again:
        console.print(again.words, markup=False, highlight=False, soft_wrap=True)


def _table(findings: Findings) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [[_short(text) for text in (it.what, it.where, it.expected, it.found)] for it in findings.problems]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, name in enumerate(("what", "where", "expected", "found")):
        widest = max(len(row[place]) for row in rows)
        table.add_column(name, overflow="fold", min_width=min(widest, WHERE) if name == "where" else None)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _short(text: str) -> str:
    """For eyes: of a sha its first eight digits, which are enough to find the file; --json has all of them."""
    return SHA.sub(lambda sha: f"{short(sha[0])}…", text)
