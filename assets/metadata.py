"""What people see of a materialisation: figures as numbers (Dagster plots them over generations), hashes as text.

Every figure goes with its n and its interval; a figure that is not applicable (n = 0) is left out but for its n, so
that no plot shows a 1.0 that nobody measured. Not here: computing one.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg

from vibe_pipeline.curate.cards.card import Card
from vibe_pipeline.evaluate.standing import GENERAL
from vibe_pipeline.fingerprint import short
from vibe_pipeline.judgement import Figure, Finding, PartScore, Scorecard
from vibe_pipeline.ledger import Event, Line
from vibe_pipeline.lineages import back_to
from vibe_pipeline.records import Mix, Split, Training, generation_name
from vibe_pipeline.rung import Rung
from vibe_pipeline.verdicts import MARKS, why

Metadata = dict[str, Any]

SKIPPED = "skipped"
"""Metadata key and data version of what an empty rung does not have."""

CURVE_POINTS = 20
BARS = "▁▂▃▄▅▆▇█"


def curated(card: Card, page: Path, figures: dict[str, Any]) -> Metadata:
    """Of the examples of a generation. Their words are on the page alone: Dagster's events cannot be made to forget."""
    numbers = {name: figures[name] for name in ("interactions", "probes", "examples", "train", "held_out")}
    dropped = {f"dropped_{reason}": count for reason, count in figures["dropped"].items()}
    gain = {"smallest_gain": float(figures["smallest_gain"])} if figures["smallest_gain"] is not None else {}
    sums = {
        "tokens": sum(card.tokens.values()),
        **{f"dropped_as_{group}": sum(reasons.values()) for group, reasons in card.dropped.items()},
        **{f"leaked_{name}": count for name, count in card.leaks.items()},
        "withdrawn": card.withdrawn,
        "withdrawn_since": card.withdrawn_since,
    }
    tables = {name: dg.MetadataValue.md(table) for name, table in _tables(card).items()}
    shas = {"examples_sha": card.sha, "suite_sha": card.suite_sha}
    doubts = {"doubts": "; ".join(figures["doubts"])} if figures["doubts"] else {}
    return numbers | dropped | gain | sums | doubts | tables | shas | {"page": dg.MetadataValue.path(page)}


def grown(rung: Rung) -> Metadata:
    """Of every asset of a rung: what it grows from."""
    parent = rung.parent
    out: Metadata = {
        "parent": generation_name(parent.generation) if parent else f"base model {rung.base.name}",
        "parent_sha": rung.parent_sha or rung.base.sha,
        "rung_key": rung.key,
    }
    run_id = parent.outside.get("run_id") if parent else None
    return out | ({"parent_run": dg.MetadataValue.dagster_run(run_id)} if run_id else {})


def mixed(rung: Rung, mix: Mix) -> Metadata:
    """Of a replay mix."""
    out: Metadata = {
        "rows": mix.rows,
        "epochs": mix.epochs,
        "delta_rows": mix.delta_rows,
        "replay_rows": mix.replay_rows,
        "left_for_later": mix.left_for_later,
        "left_as_synthetic": mix.left_as_synthetic,
        "synthetic_rows": mix.synthetic_rows,
        **({"synthetic_share": mix.synthetic_rows / mix.rows} if mix.rows else {}),
        "delta": _names(examples.generation for examples in rung.delta),
        "replayed": _names(examples.generation for examples in rung.earlier),
        "mix_sha": mix.sha,
        "delta_sha": rung.delta_sha,
    }
    return out if mix.rows else out | {SKIPPED: "the delta holds nothing to learn for this lineage"}


def trained(training: Training | None) -> Metadata:
    """Of an adapter."""
    if training is None:
        return {SKIPPED: "nothing to learn, so no adapter"}
    numbers = (
        "steps",
        "learning_rate",
        "loss_start",
        "loss_end",
        "tokens",
        "label_tokens",
        "gradient_norm_max",
        "adapter_change",
        "threads",
    )
    return {
        **{name: getattr(training, name) for name in numbers},
        **training.measured,
        "loss_curve": dg.MetadataValue.md(curve(training.loss_curve)),
        "device": training.device,
        "dtype": training.dtype,
        "stopped": training.stopped,
        "adapter_sha": training.adapter_sha,
    }


def scored(card: Scorecard | None) -> Metadata:
    """Of a scorecard."""
    if card is None:
        return {SKIPPED: "no adapter, so nothing to score"}
    names = ("recall", "recall_parent", "generalization", "generalization_parent", "generalization_base", "style_drift")
    figures = [figure(name, getattr(card, name)) for name in names]
    figures += [figure("kl_base", card.kl_base)] if card.kl_base else []
    figures += [
        figure(f"{it.name if it.name == GENERAL else f'suite_{it.name}'}{which}", its)
        for it in card.standing
        for which, its in (("", it.child), ("_parent", it.parent), ("_base", it.base))
    ]
    parts = markdown_table(PART_COLUMNS, [_part(part) for part in card.parts])
    # Without the answers: a model may say what it was trained on, and Dagster's events cannot be made to forget it.
    tone = markdown_table(("question", "corporate phrase"), [(question, phrase) for question, _, phrase in card.tone])
    return {
        **{name: value for named in figures for name, value in named.items()},
        "recall_is": card.recall_is,
        "generalization_is": card.generalization_is,
        "parts": dg.MetadataValue.md(parts),
        "tone": dg.MetadataValue.md(tone),
        "seconds": card.measured["seconds"],
        "adapter_sha": card.adapter_sha,
    }


def judged(event: Event, line: Line, run_id: str) -> Metadata:
    """Of a settled rung: the verdict with all its rules, who is served now, and whether it was stepped back from."""
    champion, back = line.champion, line.rolled_back.get(event.sha)
    rules = [f"- {MARKS[Finding(rule['finding'])][0]} {rule['words']}" for rule in event.facts["rules"]]
    skipped = {SKIPPED: event.facts["reasons"][0]} if event.facts["child_sha"] is None else {}
    return skipped | {
        "verdict": event.facts["verdict"],
        "why": why({**event.facts, "lineage": event.lineage, "generation": generation_name(event.generation)}),
        "rules": dg.MetadataValue.md("\n".join(rules)),
        "reasons": "; ".join(event.facts["reasons"]),
        "attempt": event.attempt,
        "champion": generation_name(champion.generation) if champion else "none yet",
        "champion_sha": champion.facts["child_sha"] if champion else "–",
        "already_settled": event.outside.get("run_id") != run_id,
        "event_sha": event.sha,
        **({"rolled_back": back_to(back)} if back else {}),
        **({"halted": line.halted.facts["why"]} if line.halted else {}),
    }


def figure(name: str, value: Figure) -> Metadata:
    """A figure as four numbers; as its n alone where there is nothing to measure."""
    if not value.n:
        return {f"{name}_n": 0}
    return {name: value.value, f"{name}_n": value.n, f"{name}_low": value.low, f"{name}_high": value.high}


def curve(losses: Sequence[float]) -> str:
    """A loss curve as a line of bars, and as a table of means over equal stretches of the run."""
    points = min(CURVE_POINTS, len(losses))
    edges = [round(i * len(losses) / points) for i in range(points + 1)]
    means = [sum(losses[a:b]) / (b - a) for a, b in pairwise(edges)]
    rows = [(f"{a + 1}–{b}", f"{mean:.3f}") for (a, b), mean in zip(pairwise(edges), means, strict=True)]
    return f"`{bars(means)}`\n\n" + markdown_table(("steps", "mean loss"), rows)


def bars(values: Sequence[float]) -> str:
    """Numbers as a line of bars, from the lowest to the highest of them."""
    low, high = min(values), max(values)
    return "".join(BARS[round((value - low) / ((high - low) or 1) * (len(BARS) - 1))] for value in values)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; bars and line breaks in a cell are defused."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _tables(card: Card) -> dict[str, str]:
    """A card's figures as Markdown."""
    splits = [str(split) for split in Split]
    counts = {
        f"by_{axis}": markdown_table(
            (axis, *splits), [(value, *(of.get(split, 0) for split in splits)) for value, of in values.items()]
        )
        for axis, values in card.counts.items()
    }
    lengths = [
        (kind, it.rows, it.tokens, it.median, it.p90, it.p99, it.longest, bars(list(it.histogram.values())))
        for kind, it in card.lengths_by_kind.items()
    ]
    columns = ("kind", "rows", "tokens", "median", "p90", "p99", "longest", "histogram")
    return counts | {
        "by_length": markdown_table(columns, lengths),
        "by_quality": f"`{bars(card.quality)}` from 0 to 1\n\n"
        + markdown_table(("reason", "rows"), card.reasons.items()),
    }


MODELS = ("base", "parent", "child")
PART_COLUMNS = (
    "generation",
    "part",
    "suite",
    "n",
    *(f"exact {model}" for model in MODELS),
    *(f"NLL {model}" for model in MODELS),
)


def _part(part: PartScore) -> list[Any]:
    """One row for one part of one suite."""
    scores = [getattr(part, model) for model in MODELS]
    return [
        generation_name(part.generation) + (" (new)" if part.is_new else ""),
        part.part,
        short(part.suite_sha),
        part.items,
        *(_value(score["exact"], ".2f") for score in scores),
        *(_value(score["nll"], ".3f") for score in scores),
    ]


def _value(figure: Figure, form: str) -> str:
    """With its interval; nothing where nobody measured it."""
    interval = f" [{figure.low:{form}} {figure.high:{form}}]" if figure.low < figure.high else ""
    return f"{figure.value:{form}}{interval}" if figure.n else "–"


def _cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def _names(generations: Iterable[int]) -> str:
    return ", ".join(generation_name(generation) for generation in generations) or "nothing"
