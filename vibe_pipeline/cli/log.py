"""`vibe log …`: bring interactions in, seal them, read them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from vibe_pipeline.cli.output import Json, errors, print_json, print_record, print_table
from vibe_pipeline.ladder import Ladder

log_app = typer.Typer(help="The log: what happened, kept.", no_args_is_help=True)

SHOWN = 60
"""Characters of an input or output on a line for people."""


@log_app.command("import")
def import_(
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders, globs, or addresses of MLflow's tracking stores.")
    ],
    format: Annotated[
        str, typer.Option("--format", help="auto (by content), or the name of a format; a wrong name lists them.")
    ] = "auto",
    source: Annotated[str | None, typer.Option(help="Name kept with every interaction.")] = None,
    json_: Json = False,
) -> None:
    """Bring chats of other tools into the log and seal it; importing twice adds nothing."""
    from vibe_pipeline.interactions.importers import import_paths
    from vibe_pipeline.interactions.logger import InteractionLogger

    ladder = Ladder()
    files = [
        asdict(file) for file in import_paths(InteractionLogger(ladder.store.root), ladder.store, paths, format, source)
    ]
    ladder.seal()
    counts = ("read", "imported", "duplicate", "quarantined")
    total = {name: sum(file[name] for file in files) for name in counts}
    if json_:
        return print_json({**total, "files": files})
    print_table(
        "Imported", ["path", "format", *counts], [[file[key] for key in ("path", "format", *counts)] for file in files]
    )
    for file in files:
        for reason, count in file["reasons"].items():
            errors.print(f"{file['path']}: {count} quarantined: {reason}", markup=False)


@log_app.command()
def seal(json_: Json = False) -> None:
    """Seal what was logged into Parquet segments; counts what is new."""
    from vibe_pipeline.interactions.schema import STREAMS

    ladder = Ladder()
    before = ladder.log_stats()["quarantined"]
    new = ladder.seal()
    rows = {stream: sum(it.rows for it in new if it.stream == stream) for stream in STREAMS}
    size = sum(segment.bytes for segment in new)
    quarantined = ladder.log_stats()["quarantined"] - before
    print_record({**rows, "segments": len(new), "bytes": size, "quarantined": quarantined}, json_)


@log_app.command()
def stats(json_: Json = False) -> None:
    """What the log holds."""
    print_record(Ladder().log_stats(), json_)


@log_app.command()
def compact(json_: Json = False) -> None:
    """Merge small segments into larger ones; what a generation has pinned stays as it is."""
    merged = Ladder().compact()
    print_record({"segments": len(merged), "replaced": sum(len(segment.replaces) for segment in merged)}, json_)


@log_app.command()
def tail(
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many.")] = 10,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what comes, until interrupted.")] = False,
    json_: Json = False,
) -> None:
    """The latest interactions, oldest first; with --json one object a line."""
    ladder = Ladder()
    rows = ladder.log_tail(lines)
    _print_interactions(rows, json_)
    last = rows[-1]["occurred_at"] if rows else None
    while follow:
        time.sleep(1)
        rows = ladder.log_tail(1000, after=last)
        _print_interactions(rows, json_)
        last = rows[-1]["occurred_at"] if rows else last


@log_app.command()
def search(
    text: Annotated[str, typer.Argument(help="What the input or the output holds, in any case.")],
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="At most so many, newest first.")] = 20,
    json_: Json = False,
) -> None:
    """Interactions that hold a text; with --json one object a line."""
    _print_interactions(Ladder().log_search(text, limit), json_)


def _print_interactions(rows: list[dict[str, Any]], json_: bool) -> None:
    for row in rows:
        if json_:
            print(json.dumps({**row, "occurred_at": row["occurred_at"].isoformat()}, ensure_ascii=False), flush=True)
            continue
        mark = {True: "✓", False: "✗"}.get(row["success"], "·")
        said = " → ".join(" ".join(row[name].split())[:SHOWN] for name in ("input", "output") if row[name])
        print(f"{row['occurred_at']:%Y-%m-%d %H:%M:%S} {mark} {row['source']} {row['module']}.{row['action']}  {said}")
