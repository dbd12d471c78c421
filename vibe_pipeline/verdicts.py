"""A verdict as people read it: what was decided and why in a sentence or two, then every rule with its numbers.

For eyes and machines. Not here: the rules (promote.py), and the figures of a rung (report.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from vibe_pipeline.records import Finding, Outcome

if TYPE_CHECKING:
    from rich.table import Table

MARKS = {
    Finding.PASSED: ("✔", "green"),
    Finding.FAILED: ("✘", "red"),
    Finding.UNDECIDED: ("?", "yellow"),
    Finding.NOT_APPLICABLE: ("–", "dim"),
}

OFFERED_AGAIN = "What it was to learn is offered again with the next generation."
LARGER = "Larger generations bring more held-out items, and wider margins ([gate] in vibe.toml) need fewer."


def verdict(record: dict[str, Any]) -> dict[str, Any]:
    """A record's verdict as plain values: what it says in words, and each rule."""
    told = {name: record[name] for name in ("lineage", "generation", "attempt", "verdict")}
    return {**told, "why": why(record), "rules": record["rules"]}


def why(record: dict[str, Any]) -> str:
    """What was decided, and why, in plain words."""
    rules, name = record["rules"], f"{record['lineage']} {record['generation']}"
    failed, undecided = (_named(rules, finding) for finding in (Finding.FAILED, Finding.UNDECIDED))
    if record["verdict"] == Outcome.PROMOTED:
        return f"{name} was promoted: it is shown to have learned the new and to have lost nothing of the old."
    if record["verdict"] == Outcome.SKIPPED or not rules:
        return f"{name} was {record['verdict']}: {'; '.join(record['reasons'])}."
    if record["verdict"] == Outcome.REJECTED:
        return f"{name} was rejected by {failed}. {OFFERED_AGAIN}"
    return f"{name} is undecided: the items cannot tell about {undecided}{_would(rules)}. {OFFERED_AGAIN} {LARGER}"


def table(record: dict[str, Any]) -> Table:
    """Every rule: whether it is met, what was found, how many items say so, and what so many can see."""
    from rich import box
    from rich.table import Table

    out = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    out.add_column("")
    out.add_column("rule", no_wrap=True)
    out.add_column("what was found")
    out.add_column("power", justify="right", no_wrap=True)
    for rule in record["rules"]:
        mark, style = MARKS[Finding(rule["finding"])]
        power = "" if rule["power"] is None else f"{rule['power']:.0%}"
        found = rule["words"].removeprefix(f"{rule['name']}: ")
        out.add_row(mark, escape(rule["name"]), escape(found), power, style=style if mark != "✔" else None)
    return out


def _named(rules: Sequence[dict[str, Any]], finding: Finding) -> str:
    names = [rule["name"] for rule in rules if rule["finding"] == finding]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _would(rules: Sequence[dict[str, Any]]) -> str:
    """How many items would decide, of the rule that needs most; nothing where none would."""
    needed = [rule["items_needed"] for rule in rules if rule["finding"] == Finding.UNDECIDED]
    return f", some {max(needed):,} would" if needed and all(needed) else ""
