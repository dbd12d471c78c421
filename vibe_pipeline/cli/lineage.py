"""The commands that steer a lineage: list, add, branch, halt, resume; and `vibe rollback`.

Each writes one event at most, and says where nothing was changed. Not here: climbing (commands.py).
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vibe_pipeline import steering
from vibe_pipeline.cli.arguments import generation_number
from vibe_pipeline.cli.output import Json, errors, print_json, print_record, print_table
from vibe_pipeline.declaring import declared
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.lineages import notes
from vibe_pipeline.records import Kind

lineage_app = typer.Typer(help="Lineages: where each stands, branches, halts.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A lineage.")]
FOR_EVER = "kept in the ledger for ever, so without personal data."

COLUMNS = ("lineage", "settled", "champion", "next_grows_from", "pending", "is_halted")


@lineage_app.command("list")
def list_(json_: Json = False) -> None:
    """Every lineage: what is settled, who is champion, what the next rung grows from, what waits, and halts."""
    rows = Ladder().lineages()
    if json_:
        return print_json(rows)
    shown = [{**row, "pending": len(row["pending"]), "is_halted": "yes" if row["is_halted"] else ""} for row in rows]
    names = [name.removeprefix("is_").replace("_", " ") for name in COLUMNS]
    print_table("", names, [[row[name] for name in COLUMNS] for row in shown])
    for words in notes(rows):
        print(words)


@lineage_app.command()
def add(
    name: Name,
    like: Annotated[str | None, typer.Option("--like", help="A lineage whose settings it takes over.")] = None,
    base_model: Annotated[str | None, typer.Option(help="'embedded', a Hub id, or a local folder.")] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="What it learns; several times for several.")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Sensors leave it alone: a person climbs it.")] = False,
    json_: Json = False,
) -> None:
    """Declare a lineage at the end of vibe.toml. It climbs all generations from the first; Dagster hears of it within
    half a minute."""
    kinds = [str(it) for it in kind] if kind else None
    automatic = False if by_hand else None
    its = declared(name, like, base_model=base_model, kinds=kinds, seed=seed, automatic=automatic)
    its.write()
    _tell(Ladder(settings=its.settings), name, json_)


@lineage_app.command()
def branch(
    source: Annotated[str, typer.Argument(help="The lineage to leave.")],
    from_: Annotated[str, typer.Option("--from", help="The last generation that counts as climbed, such as g002.")],
    as_: Annotated[str, typer.Option("--as", help="One that has not climbed; declared where vibe.toml has none.")],
    json_: Json = False,
) -> None:
    """Begin a lineage at a rung of another: it grows from the same adapter and climbs the generations above.

    One that is not declared is declared like the source, to be climbed by a person once its recipe is edited."""
    ladder = steering.branch(source, generation_number(from_), as_)
    _tell(ladder, as_, json_)


@lineage_app.command()
def halt(
    name: Name, why: Annotated[str, typer.Option("--why", help=f"The reason, {FOR_EVER}")], json_: Json = False
) -> None:
    """Let a lineage climb no further until it is resumed. What is being trained is kept, and settles after that."""
    ladder = Ladder()
    if not ladder.halt(name, why):
        errors.print(f"{name} is halted already: nothing was changed", markup=False)
    _tell(ladder, name, json_)


@lineage_app.command()
def resume(
    name: Name,
    why: Annotated[str, typer.Option("--why", help=f"What was done, {FOR_EVER}")] = "a person resumed it",
    json_: Json = False,
) -> None:
    """Let a halted lineage climb again, from the rung that it was rolled back to."""
    ladder = Ladder()
    if not ladder.resume(name, why):
        errors.print(f"{name} is not halted: nothing was changed", markup=False)
    _tell(ladder, name, json_)


def rollback(
    lineage: Name,
    to: Annotated[str, typer.Option("--to", help="A promoted generation of the current line, such as g002; or base.")],
    why: Annotated[str, typer.Option("--why", help=f"The reason, {FOR_EVER}")],
    json_: Json = False,
) -> None:
    """Make an earlier champion current. Nothing is deleted: what lies above can be rolled forward to.

    The next generation climbs from it, and takes up what the last two of those above were to learn."""
    ladder = Ladder()
    if not ladder.rollback(lineage, None if to == "base" else generation_number(to), why):
        errors.print(f"{lineage} stands at {to} already: nothing was changed", markup=False)
    _tell(ladder, lineage, json_)


def _tell(ladder: Ladder, name: str, json_: bool) -> None:
    """Where the lineage stands now."""
    row = next(row for row in ladder.lineages() if row["lineage"] == name)
    if json_:
        return print_json(row)
    print_record(_shown(row), False)
    for words in notes([row]):
        errors.print(words, markup=False)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    names = ("lineage", "settled", "champion", "next_grows_from", "rolled_back", "pending")
    return {name: ", ".join(row[name]) if isinstance(row[name], list) else row[name] or "none" for name in names}
