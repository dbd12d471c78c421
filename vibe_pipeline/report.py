"""Records for eyes and machines: the settled facts of a rung, rows of the ladder, the CSV file, the table.

Every figure keeps its n and its interval. The CSV's first twelve columns are fixed; further ones follow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.fingerprint import short
from vibe_pipeline.ledger import SETTLED, Event, Ledger, Line, fold
from vibe_pipeline.lineages import back_to
from vibe_pipeline.records import Figure, Mix, Outcome, Scorecard, Training, Verdict, generation_name, plain
from vibe_pipeline.store import Store

if TYPE_CHECKING:
    from rich.table import Table

CSV_NAME = "models/lineage_ledger.csv"

FIRST_COLUMNS = (
    "GEN_ID",
    "parent_sha",
    "child_sha",
    "data_delta_sha",
    "steps",
    "lr",
    "walltime_min",
    "loss_start",
    "loss_end",
    "eval_recall",
    "eval_generalization",
    "eval_style_drift",
)

TRAINED = (
    *("steps", "loss_start", "loss_end", "tokens", "label_tokens", "gradient_norm_max", "adapter_change"),
    *("device", "dtype", "threads", "stopped"),
)
"""What a settled event keeps of how its adapter was trained, by the names of Training."""

NOT_KEPT = ("measured", "adapter_sha", "schema_version", "tone")
"""Of a scorecard, what it does not keep: a chain must hold no text to erase."""

WIDE, WIDEST = 120, 140
"""Columns of a terminal from which more of the table fits, and all of it."""

STYLE = {Outcome.PROMOTED: "green", Outcome.REJECTED: "red", Outcome.UNDECIDED: "yellow", Outcome.SKIPPED: "dim"}


def settled_facts(mix: Mix, training: Training | None, card: Scorecard | None, verdict: Verdict) -> dict[str, Any]:
    """What a settled event holds beside the rung's identity; nothing that depends on the clock."""
    facts: dict[str, Any] = {
        "verdict": str(verdict.outcome),
        "rules": plain(verdict)["rules"],
        "reasons": list(verdict.reasons),
        "mix_sha": mix.sha,
        "delta_rows": mix.delta_rows,
        "replay_rows": mix.replay_rows,
        "left_for_later": mix.left_for_later,
        "left_as_synthetic": mix.left_as_synthetic,
        "synthetic_share": mix.synthetic_rows / mix.rows if mix.rows else None,
        "child_sha": training.adapter_sha if training else None,
    }
    if training and card:
        values = plain(training)
        facts |= {name: values[name] for name in TRAINED} | {"lr": training.learning_rate}
        facts |= {name: value for name, value in plain(card).items() if name not in NOT_KEPT}
    return facts


def rows(ledger: Ledger) -> list[dict[str, Any]]:
    """One row per settled attempt of a lineage, in the order in which they settled."""
    events = ledger.events()
    line = fold(events)
    champion = line.champion.sha if line.champion else None
    return [row(event, champion, line) for event in events if event.kind == SETTLED]


def row(event: Event, champion: str | None, line: Line) -> dict[str, Any]:
    """A settled event as people compare it; what was not measured is None."""
    facts = event.facts
    out = {
        "lineage": event.lineage,
        "generation": generation_name(event.generation),
        "attempt": event.attempt,
        "verdict": facts["verdict"],
        "is_champion": event.sha == champion,
        "is_current": line.settled.get(event.generation) == event,
        "parent_generation": _name(facts["parent_generation"]),
        **{name: facts[name] for name in ("parent_sha", "child_sha", "data_delta_sha", "mix_sha")},
        **{name: facts.get(name) for name in ("steps", "lr", "loss_start", "loss_end")},
        "walltime_min": event.outside.get("walltime_min"),
    }
    for name, key in (
        ("eval_recall", "recall"),
        ("eval_generalization", "generalization"),
        ("eval_style_drift", "style_drift"),
        ("base_generalization", "generalization_base"),
        ("kl_base", "kl_base"),
    ):
        out |= _figure(name, facts.get(key))
    return out | {
        "recall_is": facts.get("recall_is"),
        "generalization_is": facts.get("generalization_is"),
        "delta_rows": facts["delta_rows"],
        "replay_rows": facts["replay_rows"],
        "left_for_later": facts["left_for_later"],
        "left_as_synthetic": facts.get("left_as_synthetic"),
        "synthetic_share": facts.get("synthetic_share"),
        "stopped": facts.get("stopped"),
        "tokens_per_s": event.outside.get("tokens_per_s"),
        "recorded_at": event.outside["recorded_at"],
        "is_tainted": event.sha in line.tainted,
        "taint": line.tainted.get(event.sha),
        "is_rolled_back": event.sha in line.rolled_back,
        "rolled_back": back_to(by) if (by := line.rolled_back.get(event.sha)) else None,
        "reasons": facts["reasons"],
        "parts": facts.get("parts", []),
        "standing": facts.get("standing", []),
        "rules": [rule for rule in facts["rules"] if "finding" in rule],  # before there were three answers: no rules
    }


def to_csv(records: Iterable[dict[str, Any]]) -> str:
    """The ladder as CSV: FIRST_COLUMNS, then the others; absent values are empty."""
    out = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for record in records:
        flat = {"GEN_ID": int(record["generation"][1:]), **{name: record[name] for name in FIRST_COLUMNS[1:]}}
        flat |= {name: value for name, value in record.items() if name not in flat and not isinstance(value, list)}
        flat["reasons"] = "; ".join(record["reasons"])
        if writer is None:
            writer = csv.DictWriter(out, flat.keys(), lineterminator="\n")
            writer.writeheader()
        writer.writerow(flat)
    return out.getvalue() or ",".join(FIRST_COLUMNS) + "\n"


def write_csv(store: Store, ledgers: Iterable[Ledger]) -> None:
    """Bring models/lineage_ledger.csv up to date."""
    store.write(CSV_NAME, to_csv(record for ledger in ledgers for record in rows(ledger)).encode())


def tables(records: list[dict[str, Any]], width: int) -> list[Table]:
    """Two tables a lineage, figures as value [95 % interval] n: the ladder, and what its newest rung knows.

    A narrow terminal leaves some columns to the CSV.
    """
    out = []
    for lineage in dict.fromkeys(record["lineage"] for record in records):
        its = [record for record in records if record["lineage"] == lineage]
        out.append(_table(lineage, its, width))
        if judged := [record for record in its if record["parts"]]:
            out.append(_parts(judged[-1]))
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
        if record["is_current"] and not record["is_rolled_back"] and (words := _left(record))
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
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        out.add_column(column.name, justify="right" if column.is_number else "left", no_wrap=True)
    for record in records:
        stands = record["is_current"] and not record["is_rolled_back"]
        out.add_row(*(column.cell(record) for column in columns), style=None if stands else "dim")
    return out


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
        out.add_row(suite["name"], "chance", *(_shown(Figure(**suite[who])) for who in ("child", "base")))
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


def _generation(record: dict[str, Any]) -> str:
    attempt = f"#{record['attempt']}" if record["attempt"] > 1 else ""
    marks = (" ★" if record["is_champion"] else "") + (" †" if record["is_tainted"] else "")
    return record["generation"] + attempt + marks


def _verdict(record: dict[str, Any]) -> str:
    if record["is_rolled_back"] and record["verdict"] == Outcome.PROMOTED:
        return "rolled back"
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
    _Column("", _generation, is_number=False),
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


def _figure(name: str, value: dict[str, Any] | None) -> dict[str, Any]:
    if value is None:
        return dict.fromkeys((name, f"{name}_n", f"{name}_low", f"{name}_high"))
    figure = Figure(**value)
    return {name: figure.value, f"{name}_n": figure.n, f"{name}_low": figure.low, f"{name}_high": figure.high}


def _name(generation: int | None) -> str | None:
    return None if generation is None else generation_name(generation)
