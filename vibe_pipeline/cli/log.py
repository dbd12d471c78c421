"""`vibe log …`: bring interactions in, seal them, read them."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vibe_pipeline.cli.output import Json, errors, print_json, print_record, print_table
from vibe_pipeline.errors import Busy, SettingsInvalid
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.printable import printable
from vibe_pipeline.progress import terminal

if TYPE_CHECKING:
    from vibe_pipeline.interactions.importers.tally import ImportedFile

log_app = typer.Typer(help="The log: what happened, kept.", no_args_is_help=True)

FORGOTTEN = ("interactions", "probes", "remarks", "quarantined")

KINDS = 5
"""Of files that are left out, so many are told."""

Whose = Literal["own", "community", "teacher"]

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
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help="Of a table: FIELD=COLUMN, or FIELD==TEXT for every row; may be repeated."),
    ] = None,
    table: Annotated[str | None, typer.Option(help="Of a SQLite database: the table to read.")] = None,
    tier: Annotated[Whose | None, typer.Option(help="Whose it all is, where it is not your own.")] = None,
    json_: Json = False,
) -> None:
    """Bring chats of other tools, documents, tables and git history into the log and seal it; importing twice adds
    nothing."""
    from vibe_pipeline.interactions.importers import Wanted, import_paths
    from vibe_pipeline.interactions.logger import InteractionLogger

    ladder = Ladder(watch=terminal)
    logger, log = InteractionLogger(ladder.store.root), ladder.settings.log
    wanted = Wanted(format, source, map_ or (), table, tier)
    found = import_paths(logger, ladder.store, paths, wanted, log, terminal)
    try:
        ladder.log.seal()
    except Busy as busy:
        errors.print(f"{busy.what}: what was imported is logged, and sealed with `vibe log seal`", markup=False)
    finally:
        _print_import([_told(file) for file in found], json_)
    if any(file.failure and file.is_named for file in found):
        raise typer.Exit(1)


def _told(file: ImportedFile) -> dict[str, Any]:
    """The counts of a file, and what is to be said of it if there is anything."""
    return {name: it for name, it in asdict(file).items() if it is not None and name != "is_named"}


def _print_import(files: list[dict[str, Any]], json_: bool) -> None:
    counts = ("read", "imported", "duplicate", "quarantined")
    total = {name: sum(file[name] for file in files) for name in (*counts, "waiting")}
    for file in files:
        if "failure" in file:
            errors.print(printable(file["failure"]), markup=False)
    if json_:
        return print_json({**total, "files": files})
    print_table(
        "Imported", ["path", "format", *counts], [[file[key] for key in ("path", "format", *counts)] for file in files]
    )
    for file in files:
        if "left_out" in file:
            errors.print(printable(f"{file['path']}: {_left_out(file['left_out'])}"), markup=False)
        for what, count in file.get("told", {}).items():
            errors.print(printable(f"{file['path']}: {what}: {count}"), markup=False)
        for reason, count in file["reasons"].items():
            errors.print(printable(f"{file['path']}: {count} quarantined: {reason}"), markup=False)
        if waiting := file["waiting"]:
            exchanges = "exchange is" if waiting == 1 else "exchanges are"
            errors.print(
                printable(f"{file['path']}: {waiting} {exchanges} still open, import again later"), markup=False
            )


def _left_out(kinds: dict[str, int]) -> str:
    if not kinds:
        return "holds no file"
    some = ", ".join(f"{count} {kind}" for kind, count in [*kinds.items()][:KINDS])
    return f"nothing in it is taken of {sum(kinds.values())} files ({some}): name them, or their --format"


@log_app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine's own need a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 4318,
    token: Annotated[str | None, typer.Option(envvar="VIBE_TOKEN", help="Bearer token that senders must show.")] = None,
) -> None:
    """Take OpenTelemetry spans and the logger's JSON over HTTP until interrupted."""
    from vibe_pipeline.interactions.ingest.server import serve as listen

    def ready(url: str) -> None:
        errors.print(f"listening on {url}, logging to {ladder.store.root}. Ctrl-C ends it.", markup=False)

    ladder = Ladder()
    counts = listen(ladder.store, host, port, token or None, ladder.settings.log, ready=ready)
    taken = ", ".join(f"{counts[name]} {name}" for name in ("interactions", "remarks", "spans"))
    told = f"stopped after {counts['requests']} requests: {taken} taken"
    errors.print(f"{told}; {counts['duplicate']} duplicates, {counts['rejected']} rejected.", markup=False)


@log_app.command()
def seal(json_: Json = False) -> None:
    """Seal what was logged into Parquet segments; counts what is new."""
    from vibe_pipeline.interactions.schema import STREAMS

    ladder = Ladder(watch=terminal)
    before = ladder.log.stats()["quarantined"]
    new = ladder.log.seal()
    rows = {stream: sum(it.rows for it in new if it.stream == stream) for stream in STREAMS}
    size = sum(segment.bytes for segment in new)
    after = ladder.log.stats()
    quarantined = after["quarantined"] - before
    print_record({**rows, "segments": len(new), "bytes": size, "quarantined": quarantined}, json_)
    if waiting := after["waiting_spans"]:
        errors.print(f"{waiting} spans wait for the rest of their conversation, at most ten minutes", markup=False)


@log_app.command()
def stats(json_: Json = False) -> None:
    """What the log holds."""
    print_record(Ladder().log.stats(), json_)


@log_app.command()
def compact(json_: Json = False) -> None:
    """Merge small segments into larger ones; what a generation has pinned stays as it is."""
    merged = Ladder(watch=terminal).log.compact()
    print_record({"segments": len(merged), "replaced": sum(len(segment.replaces) for segment in merged)}, json_)


@log_app.command()
def tail(
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many.")] = 10,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what comes, until interrupted.")] = False,
    json_: Json = False,
) -> None:
    """The latest interactions, oldest first, with their times in UTC; with --json one object a line.

    With --follow what arrives is shown when it arrives, whenever it happened."""
    ladder = Ladder()
    if not follow:
        return _print_interactions(ladder.log.tail(lines), json_)
    for rows in ladder.log.follow(lines):
        _print_interactions(rows, json_)
        if not rows:
            time.sleep(1)


@log_app.command()
def search(
    text: Annotated[str, typer.Argument(help="What the input or the output holds, in any case.")],
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="At most so many, newest first.")] = 20,
    json_: Json = False,
) -> None:
    """Interactions that hold a text; with --json one object a line."""
    _print_interactions(Ladder().log.search(text, limit), json_)


@log_app.command()
def watch(
    folder: Annotated[Path, typer.Argument(help="Whose files are watched, with all folders in it.")],
    json_: Json = False,
) -> None:
    """Log which files are created, modified, deleted and moved, with a diff of texts, until interrupted."""
    from vibe_pipeline.interactions.logger import InteractionLogger
    from vibe_pipeline.interactions.watching import watch as operations

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    logged = operations(folder, InteractionLogger(Ladder().store.root), stop)
    errors.print(f"watching {next(logged)} files in {folder}; end with Ctrl-C", markup=False)
    total = sum(logged)
    if json_:
        return print_json({"logged": total})
    print(f"Logged {total} file operations in {folder}.")


@log_app.command()
def forget(
    user: Annotated[str | None, typer.Option(help="All that this user did.")] = None,
    conversation: Annotated[str | None, typer.Option(help="One conversation with its branches, by its id.")] = None,
    source: Annotated[str | None, typer.Option(help="All that came from this source.")] = None,
    match: Annotated[str | None, typer.Option(help="Rows that hold this text anywhere, in any case.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    json_: Json = False,
) -> None:
    """Erase interactions and all that was made of them, and mark what was trained on them; several options narrow.

    Shows first what would go, and asks. What was forgotten stays so: importing it again counts it as a duplicate.
    """
    ladder = Ladder()
    criteria = Criteria(user=user, conversation=conversation, source=source, text=match)
    plan = ladder.log.plan_forgetting(criteria)
    is_found = any(plan[name] for name in FORGOTTEN)
    if is_found and not (yes or dry_run or sys.stdin.isatty()):
        raise SettingsInvalid("what is forgotten is gone, and nobody is here to confirm it", "Add --yes, or --dry-run")
    if dry_run or not json_:
        _print_forgetting(plan, json_)
    if dry_run:
        return
    if is_found and not yes:
        typer.confirm("Erase all this for good?", abort=True, err=True)
    done = ladder.log.forget(criteria)  # of what a killed writer left half-written nobody knows what is in it
    if json_:
        return print_json(done)
    if done["tombstone"]:
        errors.print(f"forgotten; the tombstone is {done['tombstone']}", markup=False)


def _print_forgetting(plan: dict[str, Any], json_: bool) -> None:
    if json_:
        return print_json(plan)
    if not any(plan[name] for name in FORGOTTEN):
        return errors.print("nothing matches: nothing is forgotten", markup=False)
    print_record({name: plan[name] for name in FORGOTTEN}, False)
    rows = [
        *((_of(it["file"]), f"{it['rows']} rows") for it in plan["segments"]),
        *(
            (f"examples {it['generation']}", f"{it['train']} to learn, {it['held_out']} held out")
            for it in plan["generations"]
        ),
        *((_of(it["file"]), f"{it['rows']} rows") for it in plan["mixes"]),
        *(
            (f"rung {it['lineage']} {it['generation']}{' ★' * it['is_champion']}", f"† {it['because']}")
            for it in plan["rungs"]
        ),
        *((name, "unfinished, thrown away") for name in plan["discarded"]),
    ]
    if rows:
        print_table("", ["what", "how"], rows)


def _of(file: str) -> str:
    """The folder that people know and the first digits of the sha."""
    parts = Path(file).parts
    return f"{parts[1] if parts[0] == 'log' else 'mix'} {Path(file).stem[:8]}"


def _print_interactions(rows: list[dict[str, Any]], json_: bool) -> None:
    for row in rows:
        if json_:
            print(json.dumps({**row, "occurred_at": row["occurred_at"].isoformat()}, ensure_ascii=False), flush=True)
            continue
        mark = {True: "✓", False: "✗"}.get(row["success"], "·")
        moment = row["occurred_at"].replace(tzinfo=None).isoformat(" ", "seconds")
        said = " → ".join(_on_one_line(row[name])[:SHOWN] for name in ("input", "output") if row[name])
        place = _on_one_line(f"{moment}Z {mark} {row['source']} {row['module']}.{row['action']}")
        print(printable(f"{place}  {said}"), flush=True)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
