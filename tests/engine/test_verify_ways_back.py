"""`vibe verify` of a ladder that was rolled back, halted and branched, and what forgetting left of one."""

from __future__ import annotations

import json

import pytest

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.store import as_json
from vibe_pipeline.verifying.verdicts import FORGOTTEN


@pytest.fixture
def forked(climbed, settings) -> Ladder:
    """The climbed ladder, rolled back to g000, halted and resumed, with the lineage twig that branched off g000."""
    lineages = dict.fromkeys(("main", "twig"), settings.lineages["main"])
    ladder = Ladder(climbed.store.root, settings.model_copy(update={"lineages": lineages}), device="cpu", threads=1)
    ladder.rollback("main", 0, "g001 forgot")
    ladder.halt("main", "the data is bad")
    ladder.resume("main", "it is mended")
    ladder.branch("main", 0, "twig")
    return ladder


def test_every_way_back_is_understood(forked):
    found = forked.verify()
    assert (found.problems, found.checked["events"]) == ([], 10)
    assert forked.verify("twig").checked["verdicts"] == 0


def test_a_branch_that_climbed_is_judged_again(forked):
    """Its g001 learns the same as that of main, from the same parent: the adapter is found and not trained again."""
    forked.climb("twig", 1)
    found = forked.verify("twig")
    assert (found.problems, found.checked["verdicts"]) == ([], 1)
    assert forked.retrain("twig", 1).same_bytes


def test_an_origin_whose_trunk_is_gone_is_found(forked):
    for path in forked.store.root.glob("ledger/main/*"):
        path.unlink()
    forked.store.path("ledger/heads/main.json").unlink()
    found = [it for it in forked.verify("twig").problems if it.what == "event"]
    assert [(it.where, it.found) for it in found] == [("ledger/twig/000000.json", "no event of any chain")]


def test_an_event_of_a_kind_that_nobody_knows_is_named(forked):
    path = forked.store.path("ledger/main/000008.json")
    value = json.loads(path.read_bytes())
    body = {**value["body"], "kind": "paused"}
    path.write_bytes(as_json({"body": body, "sha": key_of(body), "outside": value["outside"]}))
    where = {it.where for it in forked.verify().problems}
    assert {"ledger/main/000008.json", "ledger/heads/main.json"} & where


def test_what_was_forgotten_is_accepted_and_its_rungs_are_said_to_be_not_reproducible(climbed):
    climbed.log.forget(Criteria(conversation="What does thing0 do?"))
    found = climbed.verify()
    assert found.problems == []
    assert [words.split(":")[0] for words in found.not_reproducible] == ["main g000 #1", "main g001 #1"]


def test_a_verdict_on_items_that_were_forgotten_is_counted_and_no_problem(climbed):
    climbed.log.forget(Criteria(text="In one sentence: thing0?"))
    found = climbed.verify()
    assert found.problems == []
    assert found.not_checked[FORGOTTEN] == 2


def test_damage_to_what_forgetting_left_is_found(climbed):
    climbed.log.forget(Criteria(conversation="What does thing0 do?"))
    for pattern in ("forgotten/*.json", "forgotten/*.parquet", "forgotten/shas/*.json", "examples/*", "mixes/*"):
        path = max(climbed.store.root.glob(pattern))
        whole = path.read_bytes()
        path.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
        name = path.relative_to(climbed.store.root).as_posix()
        assert name in {it.where for it in climbed.verify().problems}, name
        path.write_bytes(whole)


def test_a_redirect_that_is_gone_leaves_what_it_led_to_missing(climbed):
    climbed.log.forget(Criteria(conversation="What does thing0 do?"))
    for path in climbed.store.root.glob("forgotten/shas/*.json"):
        path.unlink()
    assert {it.found for it in climbed.verify().problems} == {"missing"}
