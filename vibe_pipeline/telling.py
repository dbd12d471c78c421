"""A ladder as people read it: the tables of its rungs, and a line about each that needs one.

Made of the rows of report.py; a figure reads value [95 % interval] n. Not here: why a verdict is what it is
(verdicts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rich.markup import escape

from vibe_pipeline.evaluate import choices, judge
from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.fingerprint import short
from vibe_pipeline.judgement import Figure, Outcome
from vibe_pipeline.ledger import Event
from vibe_pipeline.records import generation_name

if TYPE_CHECKING:
    from rich.table import Table

WIDE, WIDEST = 120, 140
"""Columns of a terminal from which more of the table fits, and all of it."""

SCORES = {choices.SCORER: "chance", judge.SCORER: "wins over parent"}
"""What the figure of a suite is that is asked each time; of other scorers the score."""

BACK, TAINT = "↩", "†"
"""Marks of a rung that was rolled back, and of one that was built from data that was erased since."""

STYLE = {Outcome.PROMOTED: "green", Outcome.REJECTED: "red", Outcome.UNDECIDED: "yellow", Outcome.SKIPPED: "dim"}


def tables(records: list[dict[str, Any]], width: int) -> list[Table]:
    """Two tables a lineage, figures as value [95 % interval] n: the ladder, and what the newest rung that stands knows.

    A narrow terminal leaves some columns to the CSV.
    """
    out = []
    for lineage in dict.fromkeys(record["lineage"] for record in records):
        its = [record for record in records if record["lineage"] == lineage]
        out.append(_table(lineage, its, width))
        if judged := [record for record in its if record["parts"]]:
            out.append(_parts(([record for record in judged if _stands(record)] or judged)[-1]))
    return out


def reasons(records: list[dict[str, Any]]) -> list[str]:
    """Why each rung that was not promoted was not, in words."""
    return [
        f"{record['lineage']} {record['generation']} was {record['verdict']}: {'; '.join(record['reasons'])}"
        for record in records
        if record["verdict"] != Outcome.PROMOTED
    ]


def waiting(records: list[dict[str, Any]]) -> list[str]:
    """What each rung that stands had no place for, in words."""
    return [
        f"{record['lineage']} {record['generation']}: {'; '.join(words)}"
        for record in records
        if _stands(record) and (words := _left(record))
    ]


def rollbacks(records: list[dict[str, Any]]) -> list[str]:
    """Which rungs were stepped over, by which rollback, in words."""
    named: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record["is_rolled_back"]:
            named.setdefault((record["lineage"], record["rolled_back"]), []).append(record["generation"])
    return [f"{lineage} {', '.join(names)}: rolled back {words}" for (lineage, words), names in named.items()]


def taints(records: list[dict[str, Any]]) -> list[str]:
    """Which rungs were built from data that was erased since, in words."""
    return [
        f"{record['lineage']} {record['generation']} was built from erased data, not reproducible: {record['taint']}"
        for record in records
        if record["is_tainted"]
    ]


def notes(records: list[dict[str, Any]]) -> list[str]:
    """What stands below the tables: a line for each rung that needs one, and for each mark."""
    back, taint = (
        [f"{mark} {words}" for words in said(records)] for mark, said in ((BACK, rollbacks), (TAINT, taints))
    )
    return [*reasons(records), *back, *waiting(records), *taint]


def settled(event: Event) -> str:
    """One line for whoever watches a climb; the reasons only where there is something to mend."""
    facts = event.facts
    why = "" if event.is_promotion else f" ({'; '.join(facts['reasons'])})"
    stopped = ["training stopped at max_minutes"] if facts.get("stopped") == "max_minutes" else []
    told = [f"{facts['verdict']}{why}", *_synthetic(facts), *_left(facts), *stopped]
    return f"{event.lineage} {generation_name(event.generation)}: {'; '.join(told)}"


def outdated(lineage: str, generations: Sequence[int]) -> str:
    """What `Ladder.outdated` found, for whoever thinks that a new setting was tried."""
    first, last = generation_name(generations[0]), generation_name(generations[-1])
    which = first if first == last else f"{first} to {last}"
    anew = f"`vibe climb --lineage {lineage} --again` climbs anew"
    return f"{lineage} {which}: climbed with other settings than those of today, and left as it is; {anew}"


def _stands(record: dict[str, Any]) -> bool:
    """Whether no later attempt and no rollback has taken its place."""
    return record["is_current"] and not record["is_rolled_back"]


def _synthetic(facts: dict[str, Any]) -> list[str]:
    """How much of a mix is synthetic, where anything is."""
    return [f"{_percent(facts)} of its mix is synthetic"] if facts.get("synthetic_share") else []


def _left(facts: dict[str, Any]) -> list[str]:
    """How many examples wait for a later rung, by what they wait for."""
    synthetic = facts.get("left_as_synthetic") or 0
    counts = {
        "examples were left out to fit max_minutes": facts["left_for_later"] - synthetic,
        "synthetic examples were left out to keep to the limits of `synthetic`": synthetic,
    }
    return [f"{count:,} {words}" for words, count in counts.items() if count]


def _percent(facts: dict[str, Any]) -> str:
    share = facts.get("synthetic_share")
    return "–" if share is None else f"{100 * share:.0f} %"


def _table(lineage: str, records: list[dict[str, Any]], width: int) -> Table:
    from rich import box
    from rich.table import Table

    columns = [column for column in COLUMNS if column.needs <= width]
    out = Table(
        title=f"The ladder of {lineage}",
        title_justify="left",
        caption=_free_form(records),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        overflow: Literal["fold", "ellipsis"] = "fold" if column.folds else "ellipsis"
        out.add_column(column.name, justify=justify, no_wrap=not column.folds, overflow=overflow)
    for record in records:
        out.add_row(*(column.cell(record) for column in columns), style=None if _stands(record) else "dim")
    return out


def _free_form(records: list[dict[str, Any]]) -> str | None:
    """What recall and generalization are where answers have no right one."""
    of = {
        "Recall of {}: how much of what was gained is kept (retention)": ("recall_is", "retention"),
        "Generalization of {}: the share that is likelier than to the base": ("generalization_is", "beats base"),
    }
    told = {
        words: [record["generation"] for record in records if record[figure] == kind]
        for words, (figure, kind) in of.items()
    }
    lines = [words.format(", ".join(dict.fromkeys(names))) for words, names in told.items() if names]
    return "\n".join(lines) or None


def _parts(record: dict[str, Any]) -> Table:
    """Suite by suite; the metric is exact where there is one right answer, else the NLL in nats a token."""
    from rich import box
    from rich.table import Table

    mixed = [*_moved(record), *(words.capitalize() for words in _synthetic(record))]
    low, high = (f"{record[f'eval_style_drift_{end}']:.2f}" for end in ("low", "high"))
    out = Table(
        title=f"What {record['lineage']} {record['generation']} knows",
        title_justify="left",
        caption=escape("\n".join([f"Tone probes with a corporate phrase: {_style(record)} [{low} {high}]", *mixed])),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in ("suite", "", record["generation"], "base"):
        out.add_column(name, justify="left" if name in ("suite", "") else "right", no_wrap=True)
    for part in sorted(record["parts"], key=lambda it: (it["part"] not in EXACT_PARTS, it["generation"])):
        metric = "exact" if part["part"] in EXACT_PARTS else "nll"
        figures = (_shown(Figure(**part[who][metric])) for who in ("child", "base"))
        out.add_row(f"{generation_name(part['generation'])} {part['part']}", metric, *figures)
    for suite in record["standing"]:
        child, base = (_shown(Figure(**suite[who])) for who in ("child", "base"))
        is_judged = suite["scorer"] == judge.SCORER  # the base's figure is beside the child, and none of its own
        out.add_row(suite["name"], SCORES.get(suite["scorer"], "score"), child, "" if is_judged else base)
    return out


def _moved(record: dict[str, Any]) -> list[str]:
    """How far it has moved from the base, where that was measured."""
    if not record["kl_base_n"]:
        return []
    low, high = record["kl_base_low"], record["kl_base_high"]
    return [f"Divergence from the base on fixed texts: {record['kl_base']:.2f} [{low:.2f} {high:.2f}] nats a token"]


def _shown(figure: Figure) -> str:
    if not figure.n:
        return "n/a"
    interval = f" [{figure.low:.2f} {figure.high:.2f}]" if figure.low < figure.high else ""  # one item has no spread
    return escape(f"{figure.value:.2f}{interval} {figure.n:>3}")


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    cell: Callable[[dict[str, Any]], str]
    is_number: bool = True
    needs: int = 0
    """Columns of the terminal."""
    folds: bool = False
    """Goes on below where a line is too narrow, so that no other column is cut."""


def _generation(record: dict[str, Any]) -> str:
    attempt = f"#{record['attempt']}" if record["attempt"] > 1 else ""
    marks = {"★": record["is_champion"], BACK: record["is_rolled_back"], TAINT: record["is_tainted"]}
    return " ".join([record["generation"] + attempt, *(mark for mark, is_so in marks.items() if is_so)])


def _verdict(record: dict[str, Any]) -> str:
    return f"[{STYLE[record['verdict']]}]{record['verdict']}[/]"


def _interval(name: str) -> Callable[[dict[str, Any]], str]:
    def cell(record: dict[str, Any]) -> str:
        value, n, low, high = (record[key] for key in (name, f"{name}_n", f"{name}_low", f"{name}_high"))
        return _shown(Figure(value=value, n=n, low=low, high=high)) if n else "n/a"

    return cell


def _number(name: str, form: str) -> Callable[[dict[str, Any]], str]:
    return lambda record: "–" if record[name] is None else format(record[name], form)


def _style(record: dict[str, Any]) -> str:
    drift, n = record["eval_style_drift"], record["eval_style_drift_n"]
    return f"{drift * n:.0f} of {n}" if n else "–"


COLUMNS = (
    _Column("", _generation, is_number=False, folds=True),
    _Column("verdict", _verdict, is_number=False),
    _Column("from", lambda record: record["parent_generation"] or "base", is_number=False),
    _Column("recall", _interval("eval_recall")),
    _Column("generalization", _interval("eval_generalization")),
    _Column("base", _number("base_generalization", ".2f"), needs=WIDE),
    _Column("style", _style),
    _Column("steps", _number("steps", "d"), needs=WIDE),
    _Column("min", _number("walltime_min", ".1f"), needs=WIDE),
    _Column("loss", _number("loss_start", ".2f"), needs=WIDE),
    _Column("→", _number("loss_end", ".2f"), needs=WIDE),
    _Column("synthetic", _percent, needs=WIDEST),
    _Column("waits", _number("left_for_later", ",d"), needs=WIDEST),
    _Column("adapter", lambda record: short(record["child_sha"]), is_number=False, needs=WIDE),
)
