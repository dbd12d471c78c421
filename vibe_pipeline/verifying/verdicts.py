"""Figures and verdicts, made again from kept scores by the functions that made them, and compared with the ledger.

What a rung was judged on is in its settled event (the gate, the attempt, the version of the code) or named by it (the
table of its items, its training, the phrases that its tone probes found). An event that settled before that was kept,
or by another version, is counted as not checked. Numbers may differ in their last digits, as libraries do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import polars as pl

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.evaluate import judge as by_judge
from vibe_pipeline.evaluate.results import SCHEMA, completed
from vibe_pipeline.evaluate.scorecard import MODELS, scorecard
from vibe_pipeline.evaluate.standing import standing
from vibe_pipeline.evaluate.style import holds
from vibe_pipeline.judgement import Figure, Scorecard, Standing
from vibe_pipeline.ledger import Event
from vibe_pipeline.promote import Case, judge
from vibe_pipeline.records import Training, load, plain
from vibe_pipeline.report import NOT_KEPT, TRAINED
from vibe_pipeline.rung import CODE_VERSION, scorecard_key
from vibe_pipeline.settings import Gate
from vibe_pipeline.store import Store
from vibe_pipeline.verifying.answers import frame, judged_at, models_of
from vibe_pipeline.verifying.findings import Findings

CLOSE = 1e-9
"""Relative: what a sum may differ by between versions of a library."""

NEEDS = ("code_version", "gate", "judged_attempt", "judged_events", "training_key")

OLD = "verdicts of rungs that settled before the ledger kept what they were judged by"
OTHER_CODE = "verdicts of another version of the code, which may judge otherwise"
FORGOTTEN = "verdicts on items that were forgotten since"
INCOMPLETE = "verdicts on files that are damaged: see the problems"


def table_of(store: Store, event: Event, findings: Findings) -> pl.DataFrame | None:
    """The items of a rung with every model's results; None where the file is damaged, which is told elsewhere."""
    try:
        return frame(store, f"scorecards/{event.facts['items_sha']}.parquet", findings)
    except (LedgerDamaged, KeyError, pl.exceptions.PolarsError):
        return None


def check(store: Store, event: Event, name: str, table: pl.DataFrame | None, findings: Findings) -> None:
    """Recompute what one settled rung with an adapter says of itself."""
    facts = event.facts
    if any(field not in facts for field in NEEDS):
        findings.not_checked[OLD] += 1
    elif facts["code_version"] != CODE_VERSION:
        findings.not_checked[OTHER_CODE] += 1
    elif store.current(its := f"scorecards/{facts['items_sha']}.parquet") != its:
        findings.not_checked[FORGOTTEN] += 1
    elif table is None:
        findings.not_checked[INCOMPLETE] += 1
    else:
        try:
            _check(store, event, name, table, findings)
        except (LedgerDamaged, pl.exceptions.PolarsError, ValueError, KeyError) as error:
            findings.not_checked[INCOMPLETE] += 1
            words = str(error).strip().splitlines()[0]
            if not any(it.where in words for it in findings.problems):
                findings.add("verdict", name, "figures that can be computed", words)


def _check(store: Store, event: Event, name: str, table: pl.DataFrame, findings: Findings) -> None:
    facts, gate = event.facts, Gate.model_validate(event.facts["gate"])
    training_name = f"results/training/{facts['training_key']}.json"
    training = store.read_record(Training, training_name)
    told = {field: facts[field] for field in TRAINED} | {"adapter_sha": facts["child_sha"]}
    _compare(training_name, "training", told, plain(training), findings)
    kept_name = f"results/scorecard/{scorecard_key(event.rung_key, facts['child_sha'])}.json"
    kept = store.read_record(Scorecard, kept_name)
    for _, answer, phrase in kept.tone:
        if answer and phrase and not holds(answer, phrase):
            findings.add("tone", kept_name, f"an answer that holds {phrase!r}", "one that does not")
    card = scorecard(
        facts["child_sha"],
        table,
        gate,
        kept.tone,
        standing=_standing(store, event, findings),
        kl_base=load(Figure, facts["kl_base"]) if facts.get("kl_base") else None,
        items_sha=facts["items_sha"],
    )
    figures = {field: value for field, value in plain(card).items() if field not in NOT_KEPT}
    _compare(name, "figure", figures, facts, findings)
    _compare(kept_name, "figure", {field: facts[field] for field in figures}, plain(kept), findings)
    case = Case(card=card, training=training, gate=gate, attempt=facts["judged_attempt"], events=facts["judged_events"])
    verdict = judge(case)
    rules = [{field: value for field, value in rule.items() if field != "words"} for rule in plain(verdict)["rules"]]
    _compare(name, "verdict", {"verdict": str(verdict.outcome), "rules": rules}, facts, findings)
    findings.checked["verdicts"] += 1


def _standing(store: Store, event: Event, findings: Findings) -> tuple[Standing, ...]:
    """The suites that are asked each time, made again from the kept scores; a figure that differs names its file."""
    shas, found = models_of(event), []
    for told in event.facts["standing"]:
        suite, trained_on = told["suite_sha"], told.get("trained_on", ())
        items = frame(store, f"suites/{suite}.parquet", findings).with_columns(suite_sha=pl.lit(suite))
        of_best = {"best": best} if (best := told.get("best_sha", "")) else {}
        names = {model: f"scores/{sha}/{suite}.parquet" for model, sha in (shas | of_best).items()}
        results = {model: pl.DataFrame(schema=SCHEMA) for model in names}  # where all was trained on, nothing was asked
        if len(trained_on) < items.height:
            results = {model: completed(frame(store, name, findings)) for model, name in names.items()}
        if said_at := judged_at(event, told):
            results = by_judge.scored(results, {it: frame(store, name, findings) for it, name in said_at.items()})
            said_at |= {"child": said_at["parent"]}
            names = {model: f"{said_at[model]} or {name}" for model, name in names.items()}
        made = standing(told["name"], suite, items, results, trained_on, best)
        found.append(made)
        for model in MODELS:
            _compare(names[model], f"{told['name']} suite", told[model], plain(made)[model], findings)
        if best:
            was, is_ = ({"best_comparison": it["best_comparison"]} for it in (told, plain(made)))
            _compare(names["best"], f"{told['name']} suite", was, is_, findings)
    return tuple(found)


def _compare(where: str, what: str, expected: dict[str, Any], found: Any, findings: Findings) -> None:
    for place, wanted, got in _differences(expected, found, ""):
        findings.add(what, f"{where}: {place}", wanted, got)


def _differences(expected: Any, found: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Where they differ, by the fields of what is expected: (place, expected, found)."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from _differences(value, found.get(key), f"{place}.{key}" if place else str(key))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(one, other, f"{place}.{at}")
    elif not _is_same(expected, found):
        yield place, expected, found


def _is_same(one: Any, other: Any) -> bool:
    is_number = all(isinstance(it, (int, float)) and not isinstance(it, bool) for it in (one, other))
    return math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE) if is_number else bool(one == other)
