"""A verdict as people read it: what was decided and why in a sentence or two, then every rule with its numbers.

For eyes and machines. Not here: the rules (promote.py), and the figures of a rung (report.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from vibe_pipeline.judgement import Finding, Outcome
from vibe_pipeline.records import OFFERED_AGAIN, generation_name

if TYPE_CHECKING:
    from rich.table import Table

MARKS = {
    Finding.PASSED: ("✔", "green"),
    Finding.FAILED: ("✘", "red"),
    Finding.UNDECIDED: ("?", "yellow"),
    Finding.NOT_APPLICABLE: ("–", "dim"),
}

OLD = ("recall against parent", "retention")

QUESTIONS = "Of suites that are asked each time, only more questions in their files tell more."
LARGER = "Larger generations bring more held-out items."
EARLIER = (
    "Of earlier ones, which are those of promoted generations, at most gate.recall_items are asked, and wider margins "
    "need fewer; to change the gate of this rung is another attempt, at a fifth of the level. Where the first "
    "generations hold too few for any child, `vibe rollback LINEAGE --to base` lets the next rung learn the last three "
    "anew."
)


def verdict(record: dict[str, Any]) -> dict[str, Any]:
    """A record's verdict as plain values: what it says in words, and each rule."""
    told = {name: record[name] for name in ("lineage", "generation", "attempt", "verdict")}
    return {**told, "why": why(record), "rules": record["rules"]}


def why(record: dict[str, Any]) -> str:
    """What was decided, and why, in plain words; and what became of it since."""
    since = _attempt(record)
    since += [f"It was rolled back {record['rolled_back']}."] if record.get("rolled_back") else []
    since += [f"It was built from data that was erased since: {record['taint']}."] if record.get("taint") else []
    return " ".join([_why(record), *since])


def _attempt(record: dict[str, Any]) -> list[str]:
    """What a further attempt has to show more clearly than the first."""
    tried, levels = record.get("judged_attempt") or 1, [rule["level"] for rule in record["rules"] if rule.get("level")]
    if tried == 1 or not levels:
        return []
    share = f"{100 * max(levels):.2g} %"
    return [f"It was attempt {tried} on these new items, at a level of {share}: to try again takes clearer evidence."]


def _why(record: dict[str, Any]) -> str:
    rules, name = record["rules"], f"{record['lineage']} {record['generation']}"
    if record["verdict"] == Outcome.PROMOTED:
        return f"{name} was promoted: it is shown to have learned the new{_of_old(rules)}."
    if record["verdict"] == Outcome.SKIPPED or not rules:
        return f"{name} was {record['verdict']}: {'; '.join(record['reasons'])}."
    if record["verdict"] == Outcome.REJECTED:
        return f"{name} was rejected by {_named(_of(rules, Finding.FAILED))}. {_offered(record)}"
    return f"{name} is undecided: {_open(record)}"


def _open(record: dict[str, Any]) -> str:
    """What stayed open, and what would close it: items where their number is the matter, else what the rule says."""
    rules = _of(record["rules"], Finding.UNDECIDED)
    counted = [rule for rule in rules if rule["difference"] is not None]
    words = [rule["words"] for rule in rules if rule["difference"] is None]
    of_suites = {f"{it['name']} against {other}" for it in record.get("standing", ()) for other in ("parent", "base")}
    cannot = [f"the items cannot tell about {_named(counted)}{_would(counted)}"] if counted else []
    named = {rule["name"] for rule in counted}
    is_old = any(rule["name"].startswith(("recall", "retention")) for rule in rules)
    remedies = [LARGER] if any(rule["items_needed"] for rule in counted if rule["name"] not in of_suites) else []
    remedies += [EARLIER] if is_old else []
    remedies += [QUESTIONS] if named & of_suites else []
    return " ".join([f"{'; '.join([*cannot, *words])}.", _offered(record), *remedies])


def _offered(record: dict[str, Any]) -> str:
    """What becomes of its delta: nothing is offered for ever."""
    words, delta = "What it was to learn is offered again with the next generation", record.get("delta_generations", [])
    given_up = [generation_name(it) for it in delta if it <= max(delta) - OFFERED_AGAIN]
    if not given_up:
        return f"{words}."
    return f"{words}, but for that of {_listed(given_up)}: {OFFERED_AGAIN + 1} rungs could not learn it."


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


def _of_old(rules: Sequence[dict[str, Any]]) -> str:
    """What is shown of earlier generations: at the first rung there are none, and few items show nothing."""
    asked = [it for it in rules if it["name"] in OLD and it["n"]]
    shown = [it for it in asked if it["finding"] == Finding.PASSED and not it.get("only_veto")]
    few = sum(it["n"] for it in asked if it not in shown)
    if not asked:
        return "; nothing old was asked"
    if not shown:
        return f"; of the old {few} items were asked, too few to show more than that no loss stands out"
    but = f" (of {few} items of another sort, too few to show it, no loss stands out)" if few else ""
    return f" and to have lost no more of the old than the margins allow{but}"


def _of(rules: Sequence[dict[str, Any]], finding: Finding) -> list[dict[str, Any]]:
    return [rule for rule in rules if rule["finding"] == finding]


def _named(rules: Sequence[dict[str, Any]]) -> str:
    return _listed([rule["name"] for rule in rules])


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _would(rules: Sequence[dict[str, Any]]) -> str:
    """How many items would decide, of the rule that needs most; nothing where none would."""
    needed = [rule["items_needed"] for rule in rules]
    return f", some {max(needed):,} would" if needed and all(needed) else ""
