"""The commands: each parses, calls the engine, prints.

Not here: those of the log (log.py), of datasets (data.py) and of lineages (lineage.py), and how a command begins and
ends (__init__.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import compress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from vibe_pipeline import progress
from vibe_pipeline.cli.arguments import generation_number
from vibe_pipeline.cli.data import data_app
from vibe_pipeline.cli.lineage import lineage_app, rollback
from vibe_pipeline.cli.log import log_app
from vibe_pipeline.cli.matrix import print_matrices
from vibe_pipeline.cli.output import Json, errors, finite, print_json, print_record, print_table
from vibe_pipeline.cli.verify import verify
from vibe_pipeline.errors import Busy, GenerationRefused, SettingsInvalid
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.ledger import require_going
from vibe_pipeline.lineages import notes
from vibe_pipeline.outside import write
from vibe_pipeline.records import generation_name
from vibe_pipeline.trigger import rounded

app = typer.Typer(
    help="Turn your own interactions into a ladder of small language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
generation_app = typer.Typer(help="Generations: numbered windows of the log.", no_args_is_help=True)
app.add_typer(log_app, name="log")
app.add_typer(data_app, name="data")
app.add_typer(generation_app, name="generation")
app.add_typer(lineage_app, name="lineage")
app.command()(rollback)

LineageName = Annotated[str | None, typer.Option("--lineage", help="One lineage; the first of vibe.toml if left out.")]
Device = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores this process may use if left out.")]


@app.command()
def synthesize(
    packages: Annotated[
        list[str] | None, typer.Argument(help="Installed packages, dotted modules, source folders or files.")
    ] = None,
    log_: Annotated[bool, typer.Option("--log", help="Take the log too: its code, its questions, its runs.")] = False,
    facts: Annotated[int | None, typer.Option(min=0, help="At most so many facts in all.")] = None,
    wordings: Annotated[int, typer.Option(min=1, max=3, help="Held-out wordings of each fact.")] = 1,
    mistakes: Annotated[int | None, typer.Option(min=0, help="At most so many error → fix pairs in all.")] = None,
    documents: Annotated[int, typer.Option(min=0, help="Documents: READMEs, modules and classes.")] = 0,
    signatures: Annotated[int, typer.Option(min=0, help="Facts of signatures: calls, parameters, defaults.")] = 0,
    examples: Annotated[int, typer.Option(min=0, help="Documentation examples, run.")] = 0,
    tasks: Annotated[int, typer.Option(min=0, help="Small Python tasks from templates; they need no package.")] = 0,
    tests: Annotated[int, typer.Option(min=0, help="Functions that get tests, of what they were seen to do.")] = 0,
    variants: Annotated[int, typer.Option(min=0, help="Functions with a variant that was measured to be faster.")] = 0,
    labels: Annotated[
        int, typer.Option(min=0, help="Answers of the log that are code, run: do they work? (--log)")
    ] = 0,
    augment: Annotated[int, typer.Option(min=0, help="Other words, names, layouts and faults for all of that.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the choice.")] = 0,
    json_: Json = False,
) -> None:
    """Log questions and answers, errors and fixes and more, made from packages, templates and your own code.

    Without a number: all facts, and 20 error → fix pairs a package. Of all else as many as you ask for."""
    from vibe_pipeline.interactions.known import Known
    from vibe_pipeline.interactions.logger import InteractionLogger
    from vibe_pipeline.interactions.synthesize import FromLog
    from vibe_pipeline.interactions.synthesize import synthesize as make

    ladder = Ladder(watch=progress.terminal)
    if log_:
        ladder.log.seal()
    made = make(
        packages or [],
        facts=facts,
        wordings=wordings,
        mistakes=mistakes,
        documents=documents,
        signatures=signatures,
        examples=examples,
        tasks=tasks,
        tests=tests,
        variants=variants,
        labels=labels,
        augment=augment,
        seed=seed,
        log=FromLog(ladder.store, ladder.settings.curate) if log_ else None,
        watch=progress.terminal,
    )
    is_new = Known(ladder.store).new([it.interaction_id for it in made.interactions])
    interactions = list(compress(made.interactions, is_new))
    probes = list(compress(made.probes, Known(ladder.store, "probes").new([it.probe_id for it in made.probes])))
    InteractionLogger(ladder.store.root, source="synthesize").log_many(interactions, probes)
    told = {
        "interactions": len(made.interactions),
        "probes": len(made.probes),
        "new": {"interactions": len(interactions), "probes": len(probes)},
        "by_action": dict(Counter(interaction.action for interaction in made.interactions)),
    }
    try:
        ladder.log.seal()
    except Busy as busy:
        errors.print(f"{busy.what}: what was made is logged, and sealed with `vibe log seal`", markup=False)
    finally:
        print_record(told, json_)


@generation_app.command("open")
def open_(
    force: Annotated[bool, typer.Option("--force", help="Open it even if it is too small to be judged.")] = False,
    json_: Json = False,
) -> None:
    """Seal the log, close the next generation's window and curate its examples; or finish one that was broken off."""
    ladder = Ladder(watch=progress.terminal)
    broken_off = ladder.generations.broken_off()
    if broken_off is not None:
        errors.print(f"{generation_name(broken_off)} was open already: its examples are made now", markup=False)
    generation = ladder.log.open_generation(force=force).generation if broken_off is None else broken_off
    told = ladder.describe_generation(generation)
    for doubt in told["doubts"]:
        errors.print(f"{told['generation']}: {doubt}", markup=False)
    print_record(told if json_ else {name: it for name, it in told.items() if name != "doubts"}, json_)


@generation_app.command("next")
def next_(json_: Json = False) -> None:
    """How far the sealed log is from its next generation: what was counted since the last cut, beside [trigger]."""
    ladder = Ladder()
    found, waiting = ladder.log.readiness(), ladder.log.waiting_bytes()
    if json_:
        every = {name: [asdict(it) for it in getattr(found, name)] for name in ("budgets", "required")}
        return print_json(
            {
                "generation": generation_name(ladder.log.opened()),
                "is_due": found.is_due,
                "words": found.words,
                "waiting_bytes": waiting,
                **every,
            }
        )
    rows = [
        (it.name, rounded(it.value), rounded(it.wanted), it.unit, "yes" if it.is_met else "")
        for it in (*found.budgets, *found.required)
    ]
    print_table("", ["trigger", "now", "wanted", "unit", "reached"], rows)
    print(f"{generation_name(ladder.log.opened())} is {'due' if found.is_due else 'not due'}: {found.words}")
    if waiting:
        errors.print(f"{waiting / 1e6:,.1f} MB are logged and not sealed yet (`vibe log seal`)", markup=False)


@app.command()
def climb(
    lineage: LineageName = None,
    to: Annotated[str | None, typer.Option("--to", help="Stop after this generation, such as g003.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Climb anew what was climbed with other settings.")] = False,
    device: Device = "auto",
    threads: Threads = None,
    json_: Json = False,
) -> None:
    """Climb every open rung that is not settled: mix, train, evaluate, judge."""
    from vibe_pipeline.telling import outdated, settled

    ladder = Ladder(device=device, threads=threads, watch=progress.terminal)
    name = _lineage(ladder, lineage)
    last = None if to is None else generation_number(to)
    ladder.halt_where_due(name)
    require_going(ladder.line(name))
    stale = ladder.outdated(name)
    if stale and not again:
        errors.print(outdated(name, stale), markup=False)
    open_ = [*(stale if again else []), *ladder.pending(name)]
    pending = [g for g in open_ if last is None or g <= last]
    climbed = set()
    for generation in pending:
        errors.print(settled(ladder.climb(name, generation)), markup=False)
        climbed.add(generation_name(generation))
        if ladder.line(name).halted:  # told below: a halt is a result, as a rejection is
            break
    if not pending:
        errors.print(f"{name}: nothing to climb, every open generation is settled", markup=False)
        return print_json([]) if json_ else None
    records = [record for record in ladder.records(name) if record["is_current"] and record["generation"] in climbed]
    _print_ladder(records, json_)
    for words in notes(row for row in ladder.lineages() if row["lineage"] == name and row["is_halted"]):
        errors.print(words, markup=False)


@app.command()
def ladder(
    lineage: Annotated[str | None, typer.Option("--lineage", help="One lineage; all of them if left out.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the ladder to this file as CSV.")] = None,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="What every rung knows of every suite, transfer and forgetting.")
    ] = False,
    json_: Json = False,
) -> None:
    """The ladder: every settled rung, with its figures, intervals and verdict.

    With --matrix --json a list of {lineage, rows, average, backward_transfer, forward_transfer, forgetting}. A
    row is {generation, adapter, parent, verdict, is_champion, delta, learned, kl_base, average, cells}, a cell {suite,
    part, facts, share, nll}, a summary the same of several suites; a figure is {value, n, low, high}, and null where
    nothing was measured. With --matrix --csv a line for each cell."""
    from vibe_pipeline.report import to_csv

    here = Ladder()
    if matrix:
        return print_matrices(here, lineage, csv, json_)
    records = here.records(lineage)
    if lineage is not None and not records:
        here.settings.lineage(lineage)
    if csv:
        write(csv, to_csv(records))
    _print_ladder(records, json_)
    if not json_:  # machines ask `vibe lineage list`
        for words in notes(row for row in here.lineages() if lineage in (None, row["lineage"])):
            Console().print(words, markup=False, highlight=False)


@app.command()
def verdict(
    generation: Annotated[str | None, typer.Argument(help="Such as g003; the newest if left out.")] = None,
    lineage: LineageName = None,
    json_: Json = False,
) -> None:
    """Why a rung was promoted, rejected or left undecided: every rule with its numbers, in words."""
    from vibe_pipeline import verdicts

    here = Ladder()
    name = _lineage(here, lineage)
    here.settings.lineage(name)
    asked = None if generation is None else generation_name(generation_number(generation))
    found = [it for it in here.records(name) if it["is_current"] and asked in (None, it["generation"])]
    if not found:
        raise GenerationRefused(f"no rung of {name} has settled{f' at {asked}' if asked else ''}", "Run `vibe climb`")
    if json_:
        return print_json(verdicts.verdict(found[-1]))
    console = Console()
    console.print(verdicts.why(found[-1]), markup=False, highlight=False)
    console.print(verdicts.table(found[-1]))


@app.command()
def chat(
    prompt: Annotated[str, typer.Argument(help="A question, as raw text.")],
    lineage: LineageName = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 64,
    device: Device = "auto",
    threads: Threads = None,
    json_: Json = False,
) -> None:
    """The same question to the base model and to the champion, answered greedily, side by side."""
    from rich.columns import Columns
    from rich.panel import Panel
    from rich.text import Text

    ladder = Ladder(device=device, threads=threads, watch=progress.terminal)
    answers = ladder.chat(_lineage(ladder, lineage), prompt, max_tokens)
    if json_:
        return print_json(answers)
    panels = [Panel(Text(answers["base"]), title="base")]
    if answers["champion"] is not None:
        title = f"champion ({answers['generation']})"
        panels.append(Panel(Text(answers["champion"]), title=title, border_style="green"))
    else:
        errors.print("no champion yet: nothing was promoted")
    Console().print(Columns(panels, equal=True, expand=True))


@app.command()
def sql(query: Annotated[str, typer.Argument(help="A SELECT.")], json_: Json = False) -> None:
    """Query the views interactions, user_interactions, examples, generations, scores and items with DuckDB."""
    import duckdb

    try:
        with Ladder().connect() as db:
            statements = [(it.type, it.query) for it in db.extract_statements(query)]
            if [kind for kind, _ in statements] != [duckdb.StatementType.SELECT]:
                raise SettingsInvalid(f"the query is not one SELECT but {len(statements)} statements", "Ask one SELECT")
            rows = db.sql(statements[0][1])
            names, values = rows.columns, rows.fetchall()
    except duckdb.Error as error:
        raise SettingsInvalid(f"the query failed: {str(error).splitlines()[0]}", "Correct it") from error
    if json_:
        names = [name if name not in names[:at] else f"{name}_{at + 1}" for at, name in enumerate(names)]
        return print_json([dict(zip(names, map(finite, row), strict=True)) for row in values])
    print_table("", names, values)


app.command()(verify)


def _lineage(ladder: Ladder, name: str | None) -> str:
    return name or next(iter(ladder.settings.lineages))


def _print_ladder(records: list[dict[str, Any]], json_: bool) -> None:
    from vibe_pipeline.telling import notes, tables

    if json_:
        return print_json(records)
    if not records:
        errors.print("no rung has settled yet", markup=False)
    console = Console()
    for table in tables(records, console.width):
        console.print(table)
    for line in notes(records):
        console.print(line, markup=False, highlight=False)
