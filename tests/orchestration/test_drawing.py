"""The line as Dagster shows it: trunk, twigs, a rollback, a halt, a fork."""

from __future__ import annotations

from assets.drawing import tree
from assets.metadata import judged
from tests.engine.planted_rungs import BASE, climb
from vibe_pipeline import halting
from vibe_pipeline.ledger import Ledger, origin_of
from vibe_pipeline.store import Store


def test_what_was_stepped_over_is_a_twig_and_a_halt_ends_the_line(tmp_path):
    ledger = Ledger(Store(tmp_path), "main")
    for verdict in ("promoted", "promoted", "skipped"):
        climb(ledger, verdict)
    ledger.roll_back(0, "it forgot", {})
    ledger.halt(lambda _: halting.by_a_person("wait"), {})
    drawn = tree(ledger.line(), "main: base").splitlines()
    assert [words.split(",")[0] for words in drawn] == [
        "● main: base",
        "● g000 promoted",
        "├─ ○ g001 promoted",
        "├─ ○ g002 skipped",
        "■ halted: wait",
    ]
    assert drawn[1].endswith("★ champion")
    assert "promoted, rolled back" in drawn[2]


def test_a_branch_begins_with_its_fork(tmp_path):
    trunk, branch = (Ledger(Store(tmp_path), name) for name in ("main", "branch"))
    climb(trunk)
    climb(trunk, "rejected")
    branch.begin(origin_of(trunk.line(), "main", 1, BASE.sha), {})
    climb(branch)
    _, fork, rung = tree(branch.line(), "branch: base").splitlines()
    assert fork.startswith("● main g000, ")
    assert fork.endswith("branched from main at g001")
    assert rung.endswith("from g000  ★ champion")


def test_a_rung_that_the_stop_rule_stepped_back_from_says_so_in_its_metadata(tmp_path):
    ledger = Ledger(Store(tmp_path), "main")
    for _ in range(2):
        event = climb(ledger, rules=[], reasons=[])
    before = ledger.line().settled[0]
    back = {"to": 0, "event_sha": before.sha, "child_sha": before.facts["child_sha"]}
    ledger.halt(lambda _: {"why": "the rule", "rule": {}, "back": back}, {})
    metadata = judged(event, ledger.line(), "run")
    assert (metadata["champion"], metadata["rolled_back"], metadata["halted"]) == (
        "g000",
        "to g000: the rule",
        "the rule",
    )
    assert "rolled_back" not in judged(before, ledger.line(), "run")
