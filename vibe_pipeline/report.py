"""A ladder as plain values: the settled facts of a rung, rows of the ladder, the CSV file.

Every figure keeps its n and its interval. The CSV's first twelve columns are fixed; further ones follow. Not here: what
people read of it (telling.py).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from vibe_pipeline.judgement import Figure, Scorecard, Verdict
from vibe_pipeline.ledger import SETTLED, Event, Ledger, Line, fold
from vibe_pipeline.lineages import back_to
from vibe_pipeline.records import Mix, Training, generation_name, plain
from vibe_pipeline.store import Store

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
        "judged_attempt": facts.get("judged_attempt"),
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
        "delta_generations": facts["delta_generations"],
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


def _figure(name: str, value: dict[str, Any] | None) -> dict[str, Any]:
    if value is None:
        return dict.fromkeys((name, f"{name}_n", f"{name}_low", f"{name}_high"))
    figure = Figure(**value)
    return {name: figure.value, f"{name}_n": figure.n, f"{name}_low": figure.low, f"{name}_high": figure.high}


def _name(generation: int | None) -> str | None:
    return None if generation is None else generation_name(generation)
