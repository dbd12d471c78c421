"""How commands print: tables and records on stdout for people, JSON for machines, commentary on stderr."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import typer
from rich.console import Console

from vibe_pipeline.printable import printable

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

NAME_WIDTH = 18
"""Columns of a terminal that are kept for a row's name, which is folded, before a figure is left out."""

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str, allow_nan=False))


def finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity, at any depth."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_record(values: dict[str, Any], json_: bool) -> None:
    if json_:
        return print_json(values)
    width = max(map(len, values))
    for name, value in values.items():
        shown = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
        print(f"{name.replace('_', ' '):<{width}}  {printable(str(shown))}")


def print_table(title: str, names: list[str], rows: list[Any]) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None)
    for place, name in enumerate(names):
        is_number = all(isinstance(row[place], (int, float, type(None))) for row in rows)
        table.add_column(escape(printable(name)), justify="right" if is_number and rows else "left")
    for row in rows:
        table.add_row(*(Text("" if value is None else printable(str(value))) for value in row))
    Console().print(table)


def print_figures(names: list[str], rows: list[list[Any]]) -> None:
    """A table of names and their figures, aligned; nothing where there are none. A narrow terminal leaves the last
    columns to --json."""
    if not rows:
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = Console()
    cells = [names, *([_figure(value) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) + 1 for place in range(len(names))]
    shown = len(names)
    name_width = min(widths[0], NAME_WIDTH)
    while shown > 2 and name_width + sum(widths[1:shown]) > console.width - 3:
        shown -= 1
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, name in enumerate(names[:shown]):
        table.add_column(
            name,
            justify="right" if place else "left",
            no_wrap=bool(place),
            overflow="fold",
            min_width=0 if place else name_width - 1,
        )
    for row in cells[1:]:
        table.add_row(*(Text(cell) for cell in row[:shown]))
    console.print(table)


def _figure(value: Any) -> str:
    """A count with its thousands apart, a share in percent."""
    if isinstance(value, float):
        return f"{100 * value:.1f} %"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else printable(str(value))
