"""A whole home, or what belongs to one of its lineages: all checks in their order."""

from __future__ import annotations

import csv
import io

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.judgement import Outcome
from vibe_pipeline.ledger import SETTLED, Event, Ledger, Line, chains
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import generation_name
from vibe_pipeline.report import CSV_NAME, FIRST_COLUMNS, rows, to_csv
from vibe_pipeline.store import Store
from vibe_pipeline.verifying import answers, files, verdicts
from vibe_pipeline.verifying import chains as chained
from vibe_pipeline.verifying.findings import Findings
from vibe_pipeline.verifying.naming import STAGES, Names

OTHER_COLUMNS = "models/lineage_ledger.csv, whose columns are those of another version; written anew with the next rung"


def verify(store: Store, lineage: str | None = None, watch: Watch = nobody) -> Findings:
    """What is wrong with a home. Its files are all checked; of a named lineage, only its own chain and verdicts."""
    findings = Findings()
    there = files.check(store, findings, watch)
    names = Names(store, there, findings)
    names.of_results(name for stage in STAGES for name in store.names(f"results/{stage}", ".json"))
    names.of_manifests()
    names.of_cuts(store.names("cuts", ".json"))
    names.of_bases_and_redirects()
    ledgers = chains(store)
    found = {ledger.lineage: chained.check(store, ledger, findings) for ledger in ledgers}
    known = {event.sha for events in found.values() for event in events}
    for name, events in found.items():
        if lineage in (None, name):
            _check_line(store, names, name, events, known, findings, watch)
    _check_csv(store, ledgers, findings)
    return findings


def _check_line(
    store: Store, names: Names, lineage: str, events: list[Event], known: set[str], findings: Findings, watch: Watch
) -> None:
    """What the events of one lineage name, and what they say of their rungs."""
    kept, line = [], _folded(events, lineage, findings)
    with watch(f"judging {lineage} again") as advance:
        for done, event in enumerate(events):
            name = f"ledger/{lineage}/{event.sequence:06d}.json"
            names.of_event(event, name, known)
            if event.kind == SETTLED and not event.facts["child_sha"]:
                if event.facts["verdict"] != Outcome.SKIPPED:
                    findings.add("verdict", name, Outcome.SKIPPED, event.facts["verdict"])
            elif event.kind == SETTLED:
                table = verdicts.table_of(store, event, findings)
                verdicts.check(store, event, name, table, findings)
                if table is not None:
                    kept.append(answers.kept(event, table))
                if event.sha in line.tainted:
                    rung = f"{lineage} {generation_name(event.generation)}"
                    findings.not_reproducible.append(f"{rung} #{event.attempt}: {line.tainted[event.sha]}")
            advance(done + 1, len(events))
    answers.check(store, kept, findings)


def _folded(events: list[Event], lineage: str, findings: Findings) -> Line:
    line = Line()
    for event in events:
        try:
            line.apply(event)
        except (LedgerDamaged, KeyError, TypeError) as error:
            name = f"ledger/{lineage}/{event.sequence:06d}.json"
            findings.add("event", name, "an event that follows from those before it", error)
    return line


def _check_csv(store: Store, ledgers: list[Ledger], findings: Findings) -> None:
    """The table of all settled rungs is written from the ledgers, and says the same."""
    if not store.exists(CSV_NAME):
        return
    try:
        expected = to_csv(row for ledger in ledgers for row in rows(ledger))
    except (LedgerDamaged, KeyError, TypeError):
        return  # a chain is damaged, and told
    found = store.path(CSV_NAME).read_bytes()
    findings.checked["files"] += 1
    if found == expected.encode():
        return
    if _is_of_another_version(found, expected):
        findings.not_checked[OTHER_COLUMNS] += 1
        return
    told, wanted = found.decode(errors="replace").splitlines(), expected.splitlines()
    differs = (at for at, pair in enumerate(zip(told, wanted, strict=False), 1) if pair[0] != pair[1])
    at = next(differs, min(len(told), len(wanted)) + 1)
    findings.add("table", CSV_NAME, "what the ledgers say; written anew with the next rung", f"line {at} differs")


def _is_of_another_version(found: bytes, expected: str) -> bool:
    """Whether a table is whole and only has columns more, or fewer: a name that is neither's tells of damage."""
    try:
        told, wanted = (_columns(text) for text in (found.decode(), expected))
    except (csv.Error, ValueError):
        return False
    is_other = told.keys() < wanted.keys() or told.keys() > wanted.keys()
    is_whole = found.endswith(b"\n") and (*told,)[: len(FIRST_COLUMNS)] == FIRST_COLUMNS
    return is_other and is_whole and all(told[name] == wanted[name] for name in told.keys() & wanted.keys())


def _columns(text: str) -> dict[str, tuple[str, ...]]:
    """The columns of a CSV by their names; csv.Error or ValueError where a line has more or fewer values than names."""
    names, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    if len({*names}) < len(names):
        raise ValueError("two columns have one name")
    return dict(zip(names, zip(*lines, strict=True) if lines else [()] * len(names), strict=True))
