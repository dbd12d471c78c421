"""Records for eyes and machines: the settled facts of a rung, rows of the ladder, the CSV file, the table.

Every figure keeps its n and its interval. The CSV's first twelve columns are fixed; further ones follow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vibe_pipeline.fingerprint import short
from vibe_pipeline.ledger import SETTLED, Event, Ledger, Line
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
        "child_sha": training.adapter_sha if training else None,
    }
    if training and card:
        values = plain(training)
        kept = ("steps", "loss_start", "loss_end", "tokens", "label_tokens", "device", "dtype", "threads", "stopped")
        facts |= {name: values[name] for name in kept} | {"lr": training.learning_rate}
        facts |= {
            name: value
            for name, value in plain(card).items()
            if name not in ("measured", "adapter_sha", "schema_version")
        }
    return facts


def rows(ledger: Ledger) -> list[dict[str, Any]]:
    """One row per settled attempt of a lineage, in the order in which they settled."""
    events = ledger.events()
    line = Line()
    for event in events:
        line.apply(event)
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
        **{name: facts[name] for name in ("parent_sha", "child_sha", "data_delta_sha", "mix_sha")},
        **{name: facts.get(name) for name in ("steps", "lr", "loss_start", "loss_end")},
        "walltime_min": event.outside.get("walltime_min"),
    }
    for name, key in (
        ("eval_recall", "recall"),
        ("eval_generalization", "generalization"),
        ("eval_style_drift", "style_drift"),
        ("base_generalization", "generalization_base"),
    ):
        out |= _figure(name, facts.get(key))
    return out | {
        "recall_is": facts.get("recall_is"),
        "generalization_is": facts.get("generalization_is"),
        "delta_rows": facts["delta_rows"],
        "replay_rows": facts["replay_rows"],
        "left_for_later": facts["left_for_later"],
        "tokens_per_s": event.outside.get("tokens_per_s"),
        "recorded_at": event.outside["recorded_at"],
        "reasons": facts["reasons"],
        "parts": facts.get("parts", []),
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


def table(records: list[dict[str, Any]]) -> Table:
    """The ladder for a terminal; every figure with its 95 % interval and n."""
    from rich.table import Table

    out = Table(title="The ladder", caption="figures: value [95 % interval] of n items; style: corporate answers")
    for name in ("lineage", "gen", "verdict", "parent → child"):
        out.add_column(name, no_wrap=True)
    for name in ("steps", "min", "loss", "recall", "generalization", "base", "style"):
        out.add_column(name, justify="right", no_wrap=True)
    for record in records:
        out.add_row(*_cells(record))
    return out


def _cells(record: dict[str, Any]) -> list[str]:
    verdict = record["verdict"]
    crown = " ★" if record["is_champion"] else "" if record["is_current"] else " (superseded)"
    trained = record["steps"] is not None
    return [
        record["lineage"],
        record["generation"] + (f" #{record['attempt']}" if record["attempt"] > 1 else ""),
        f"[{STYLE[verdict]}]{verdict}[/]{crown}",
        f"{short(record['parent_sha'])} → {short(record['child_sha'])}",
        str(record["steps"]) if trained else "–",
        f"{record['walltime_min']:.1f}" if trained else "–",
        f"{record['loss_start']:.2f} → {record['loss_end']:.2f}" if trained else "–",
        _interval(record, "eval_recall"),
        _interval(record, "eval_generalization"),
        _interval(record, "base_generalization"),
        f"{record['eval_style_drift']:.1f} of {record['eval_style_drift_n']}" if trained else "–",
    ]


def _interval(record: dict[str, Any], name: str) -> str:
    if not record[f"{name}_n"]:
        return "n/a"
    low, high, n = record[f"{name}_low"], record[f"{name}_high"], record[f"{name}_n"]
    return f"{record[name]:.2f} [{low:.2f}, {high:.2f}] {n}"


def _figure(name: str, value: dict[str, Any] | None) -> dict[str, Any]:
    if value is None:
        return dict.fromkeys((name, f"{name}_n", f"{name}_low", f"{name}_high"))
    figure = Figure(**value)
    return {name: figure.value, f"{name}_n": figure.n, f"{name}_low": figure.low, f"{name}_high": figure.high}
