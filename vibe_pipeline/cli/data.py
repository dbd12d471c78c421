"""`vibe data …`: look at the examples of a generation, compare two, hand them to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from vibe_pipeline.cli.arguments import generation_number, one_of
from vibe_pipeline.cli.output import Json, errors, print_figures, print_json, print_record
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.outside import write
from vibe_pipeline.printable import printable
from vibe_pipeline.progress import terminal
from vibe_pipeline.records import Split, plain

if TYPE_CHECKING:
    from vibe_pipeline.curate.cards.card import Card, Sample
    from vibe_pipeline.curate.cards.difference import Change, Difference
    from vibe_pipeline.curate.export.outcome import Exported
    from vibe_pipeline.curate.export.writing import Format

data_app = typer.Typer(help="Datasets: the examples of a generation.", no_args_is_help=True)

Generation = Annotated[str, typer.Argument(help="Such as g003.")]

LINES = 6
"""Of a sampled text that are shown."""


@data_app.command()
def show(
    generation: Generation,
    html: Annotated[Path | None, typer.Option(help="Write the page with plots to this file as well.")] = None,
    json_: Json = False,
) -> None:
    """The card of a generation: what its examples are, how long, how good, what was dropped, and some of them."""
    ladder, number = Ladder(), generation_number(generation)
    card, page = ladder.generations.card(number), ladder.generations.page(number)
    if html:
        write(html, page.read_text(encoding="utf-8"))
    if json_:
        return print_json({**plain(card), "page": str(page)})
    _print_card(card)
    errors.print(f"with plots: {page}", markup=False)


@data_app.command()
def diff(old: Generation, new: Generation, json_: Json = False) -> None:
    """What changed from one generation to another, and how many words and conversations they share."""
    found = Ladder().generations.compare(generation_number(old), generation_number(new))
    if json_:
        return print_json(plain(found))
    _print_difference(found)


@data_app.command()
def export(
    generation: Generation,
    format: Annotated[str, typer.Option("--format", help="jsonl or parquet.")] = "jsonl",
    shape: Annotated[
        str | None,
        typer.Option(help="prompt-completion, messages, preference, openai-preference or text; chosen if left out."),
    ] = None,
    kinds: Annotated[str | None, typer.Option(help="Only these, such as conversation,code_generation.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new or empty folder; made in this one if left out.")] = None,
    with_ids: Annotated[bool, typer.Option("--with-ids", help="With the ids of the log, which tell of words.")] = False,
    json_: Json = False,
) -> None:
    """Write train, validation and test files that `datasets`, TRL and OpenAI fine-tuning read."""
    from vibe_pipeline.curate.export.shapes import Shape
    from vibe_pipeline.curate.export.writing import NAMES, Wanted

    wanted = Wanted(
        folder=out,
        format=cast("Format", one_of(tuple(NAMES), format, "format")),
        shape=None if shape is None else Shape(one_of(tuple(Shape), shape, "shape")),
        kinds=tuple(filter(None, map(str.strip, kinds.split(",")))) if kinds else (),
        with_ids=with_ids,
    )
    made = Ladder(watch=terminal).generations.export(generation_number(generation), wanted)
    if json_:
        return print_json(plain(made))
    _print_export(made)


def _print_card(card: Card) -> None:
    dropped = {group: sum(reasons.values()) for group, reasons in card.dropped.items()}
    told = {
        "examples": _counted(card.splits),
        "tokens": f"{sum(card.tokens.values()):,}, estimated",
        "dropped": _counted(dropped),
        "leaks": f"{'✗' if any(card.leaks.values()) else '✓'} {_counted(card.leaks)}"
        if card.leaks
        else "not looked at",
    }
    if card.groups:
        told["groups"] = card.groups
    if card.actions:
        told["actions"] = card.actions
    besides = {
        "forgotten": (card.forgotten, ""),
        "takes back": (card.withdrawn, " of earlier generations"),
        "taken back": (card.withdrawn_since, " since by later generations, and counted here all the same"),
    }
    print_record(told | {name: f"{count:,}{words}" for name, (count, words) in besides.items() if count}, False)
    splits = [str(split) for split in Split]
    for axis, values in card.counts.items():
        rows = [
            [it, n := sum(of.values()), n / card.rows, *(of.get(at, 0) for at in splits)] for it, of in values.items()
        ]
        print_figures([axis, "rows", "share", *splits], rows)
    names = ("median", "p90", "p99", "longest", "tokens")
    every = {"all": card.lengths, **card.lengths_by_kind} if card.lengths else {}
    print_figures(
        ["tokens", *names[:-1], "in all"], [[it, *(getattr(of, at) for at in names)] for it, of in every.items()]
    )
    print_figures(["reason", "rows", "share"], [[it, n, n / card.rows] for it, n in card.reasons.items()])
    for group, reasons in card.dropped.items():
        print_figures([f"dropped: {group}", "rows"], [[it, n] for it, n in reasons.items()])
    for sample in card.samples:
        _print_sample(sample)


def _counted(counts: dict[str, int]) -> str:
    """A sum and its parts in words."""
    parts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    return f"{sum(counts.values()):,}" + (f" ({parts})" if parts else "")


def _print_sample(sample: Sample) -> None:
    about = (sample.split, sample.stage, sample.tier, f"{sample.tokens:,} tokens", f"quality {sample.quality}")
    since = ("taken back since",) if sample.is_taken_back else ()
    print(printable(f"\n{sample.kind}: {', '.join((*about, *sample.reasons, *since))}"))
    answer = "chosen" if sample.rejected is not None else "completion"
    for name, text in (("prompt", sample.prompt), (answer, sample.completion), ("rejected", sample.rejected)):
        if text:
            lines = text.splitlines()
            more = [f"[{len(lines) - LINES} more lines]"] if len(lines) > LINES else []
            print(f"  {name}", *(f"    {printable(line)}" for line in [*lines[:LINES], *more]), sep="\n")


def _print_difference(found: Difference) -> None:
    names = [found.old, found.new, "change", f"of {found.old}", f"of {found.new}"]
    since = found.withdrawn_since
    whole = {"rows": found.rows} | ({"taken back since": since} if since.old or since.new else {})
    print_figures(["", *names[:3]], [_changed(name, change)[:4] for name, change in whole.items()])
    for what, changes in found.counts.items():
        print_figures([what, *names], [_changed(value, change) for value, change in changes.items()])
    rows = [
        [kind, *(it for name in ("median", "p90", "longest") for it in (of[name].old, of[name].new))]
        for kind, of in found.lengths.items()
    ]
    print_figures(["tokens", *(f"{name} {side}" for name in ("median", "p90", "longest") for side in names[:2])], rows)
    shared = {"conversations": found.conversations, "words": found.words}
    print_figures(["", *names[:2], "in both"], [[name, it.old, it.new, it.both] for name, it in shared.items()])
    if found.new_words is not None:
        told = f"{100 * found.new_words:.1f} % of what {found.new} says are words that {found.old} does not have"
        print(f"{told} (in some {found.sampled:,} rows of either at most)")


def _changed(name: str, change: Change) -> list[Any]:
    return [
        name,
        change.old,
        change.new,
        f"{change.new - change.old:+,}" if change.new != change.old else "0",
        change.old_share,
        change.new_share,
    ]


def _print_export(made: Exported) -> None:
    from vibe_pipeline.curate.export.outcome import left_out

    print_figures(["split", "rows", "file"], [[split, rows, made.files[split]] for split, rows in made.rows.items()])
    for words in left_out(made):
        print(f"left out: {words}")
    if made.whole_prompts:
        print(f"of {made.whole_prompts:,} rows the earlier turns are one message: they could not be told apart")
    errors.print(f"{made.generation} as {made.shape} in {made.folder}", markup=False)
