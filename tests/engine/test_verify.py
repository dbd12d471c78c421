"""`vibe verify`: a home that was climbed is whole, and whatever is damaged in it is found and named."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.store import as_json
from vibe_pipeline.verifying import Findings
from vibe_pipeline.verifying.files import LEFT, NO_CHECKSUM
from vibe_pipeline.verifying.verdicts import OLD, OTHER_CODE

UNTOUCHED = ("locks/", "index/")
"""What of a climbed home verify leaves, and says so."""

FOLDERS = ("models/adapters/", "models/base/")

SEED = 20


def files(ladder: Ladder) -> list[str]:
    """Everything that verify answers for."""
    root = ladder.store.root
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in names if not name.startswith(UNTOUCHED))


def one_of_each_kind(ladder: Ladder) -> list[str]:
    kinds = {
        Path(name).parent.as_posix().split("/")[0] + Path(name).suffix + str(name.count("/")): name
        for name in files(ladder)
    }
    return sorted(kinds.values())


def names(found: Findings, name: str) -> bool:
    """Whether a problem names that file, or the folder that is named by its content."""
    folder = str(Path(name).parent)
    return any(it.where.startswith(name) or it.where == folder for it in found.problems)


def flip(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)


def first(ladder: Ladder, pattern: str) -> Path:
    return min(ladder.store.root.glob(pattern))


def rewrite(path: Path, **changes: object) -> None:
    """As the store would have written it."""
    value = json.loads(path.read_bytes())
    value.pop("checksum")
    path.write_bytes(as_json({**value, **changes}))


def rehashed(path: Path, **changes: object) -> str:
    """An event with other facts, whose own hash and checksum are right; its new sha."""
    value = json.loads(path.read_bytes())
    body = {**value["body"], "facts": {**value["body"]["facts"], **changes}}
    rewrite(path, body=body, sha=key_of(body))
    return key_of(body)


@pytest.fixture
def two(climbed) -> Ladder:
    """The same before g002 was opened: its last event is the verdict on g001."""
    for name in ("ledger/main/000004.json", "ledger/main/000005.json", "models/lineage_ledger.csv"):
        climbed.store.path(name).unlink()
    event = json.loads(climbed.store.path("ledger/main/000003.json").read_bytes())
    rewrite(climbed.store.path("ledger/heads/main.json"), events=4, sha=event["sha"])
    return climbed


def test_a_climbed_home_is_whole(climbed):
    found = climbed.verify()
    assert (found.ok, found.problems) == (True, [])
    assert found.checked["events"] == 6
    assert found.checked["verdicts"] == 2
    assert found.checked["scores"] > 30
    assert found.checked["files"] == len(files(climbed))


def test_it_changes_nothing(climbed):
    before = {name: climbed.store.path(name).read_bytes() for name in files(climbed)}
    climbed.verify()
    assert {name: climbed.store.path(name).read_bytes() for name in files(climbed)} == before


def test_a_flipped_bit_is_found_and_named_wherever_it_is(climbed):
    """In every file that is not left on purpose, at a place that is drawn."""
    chance = random.Random(SEED)
    for name in files(climbed):
        path = climbed.store.path(name)
        whole, at, bit = path.read_bytes(), chance.randrange(1 << 30), chance.randrange(8)
        flip(path, at, bit)
        assert names(climbed.verify(), name), f"{name}: byte {at % len(whole)}, bit {bit}"
        path.write_bytes(whole)
    assert climbed.verify().ok


@pytest.mark.parametrize("left", [0, 0.5])
def test_a_file_that_was_cut_off_is_named(climbed, left):
    for name in one_of_each_kind(climbed):
        path = climbed.store.path(name)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * left)])
        assert names(climbed.verify(), name), name
        path.write_bytes(whole)


def test_whatever_goes_is_missed(climbed):
    """But what is made again by itself: the name of a base model's folder, the table of all rungs, and what leaked."""
    base = first(climbed, "models/base/*.json").relative_to(climbed.store.root).as_posix()
    for name in files(climbed):
        path = climbed.store.path(name)
        whole = path.read_bytes()
        path.unlink()
        is_made_again = name in (base, "models/lineage_ledger.csv") or name.startswith("leaked/")
        assert climbed.verify().ok == is_made_again, name
        path.write_bytes(whole)


def test_two_suites_in_each_others_place_are_both_named(climbed):
    one, other = sorted(climbed.store.root.glob("suites/*.parquet"))[:2]
    first_bytes = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first_bytes)
    found = climbed.verify()
    assert names(found, f"suites/{one.name}")
    assert names(found, f"suites/{other.name}")


def test_an_adapter_that_is_gone_is_missed_by_name(climbed):
    adapter = first(climbed, "models/adapters/*")
    shutil.rmtree(adapter)
    (problem,) = (it for it in climbed.verify().problems if it.where == f"models/adapters/{adapter.name}")
    assert (problem.what, problem.found) == ("file", "missing")
    assert problem.expected.startswith("named by ")


def test_an_event_that_was_edited_with_its_hash_is_found_by_the_next(climbed):
    rehashed(climbed.store.path("ledger/main/000001.json"), verdict="rejected")
    assert names(climbed.verify(), "ledger/main/000002.json")


def test_the_last_event_edited_with_its_hash_is_found_by_the_head(climbed):
    rehashed(climbed.store.path("ledger/main/000005.json"), seed=1)
    assert names(climbed.verify(), "ledger/heads/main.json")


def test_a_verdict_that_was_edited_with_every_hash_is_judged_again(two):
    """Chain and head were forged to the end; the scores still say otherwise."""
    path = two.store.path("ledger/main/000003.json")
    assert json.loads(path.read_bytes())["body"]["facts"]["verdict"] == "promoted"
    sha = rehashed(path, verdict="rejected")
    rewrite(two.store.path("ledger/heads/main.json"), sha=sha)
    (problem,) = (it for it in two.verify().problems if it.what == "verdict")
    assert problem.where == "ledger/main/000003.json: verdict"
    assert (problem.expected, problem.found) == ("promoted", "rejected")


def test_a_rung_without_an_adapter_was_skipped_and_nothing_else(climbed):
    path = climbed.store.path("ledger/main/000005.json")
    rewrite(climbed.store.path("ledger/heads/main.json"), sha=rehashed(path, verdict="promoted"))
    assert names(climbed.verify(), "ledger/main/000005.json")


def test_a_figure_that_was_edited_with_every_hash_is_computed_again(two):
    path = two.store.path("ledger/main/000003.json")
    figure = {**json.loads(path.read_bytes())["body"]["facts"]["generalization"], "value": 0.5}
    rewrite(two.store.path("ledger/heads/main.json"), sha=rehashed(path, generalization=figure))
    found = two.verify()
    assert "ledger/main/000003.json: generalization.value" in {it.where for it in found.problems}


def test_a_head_that_was_rolled_back_is_found(climbed):
    event = json.loads(climbed.store.path("ledger/main/000003.json").read_bytes())
    rewrite(climbed.store.path("ledger/heads/main.json"), events=4, sha=event["sha"])
    assert names(climbed.verify(), "ledger/heads/main.json")


def test_a_lost_tail_is_found(climbed):
    climbed.store.path("ledger/main/000005.json").unlink()
    assert not climbed.verify().ok


def test_a_lost_tail_whose_head_was_rolled_back_with_it_is_found_by_the_table(climbed):
    for number in (4, 5):
        climbed.store.path(f"ledger/main/{number:06d}.json").unlink()
    event = json.loads(climbed.store.path("ledger/main/000003.json").read_bytes())
    rewrite(climbed.store.path("ledger/heads/main.json"), events=4, sha=event["sha"])
    assert names(climbed.verify(), "models/lineage_ledger.csv")


def test_damage_in_one_place_does_not_hide_damage_elsewhere(climbed):
    broken = ["ledger/main/000002.json", "ledger/heads/main.json"]
    broken += [
        first(climbed, f"{folder}/*").relative_to(climbed.store.root).as_posix() for folder in ("suites", "cuts")
    ]
    broken += [first(climbed, "scores/*/*").relative_to(climbed.store.root).as_posix()]
    for name in broken:
        flip(climbed.store.path(name), 40, 2)
    found = climbed.verify()
    assert [name for name in broken if not names(found, name)] == []


def test_scores_that_were_written_anew_disagree_with_the_scorecard(climbed):
    """As a program would write them, with all checksums right."""
    event = json.loads(climbed.store.path("ledger/main/000001.json").read_bytes())["body"]
    suite = event["facts"]["parts"][0]["suite_sha"]
    name = f"scores/{event['facts']['child_sha']}/{suite}.parquet"
    frame = climbed.store.read_frame(name)
    climbed.store.write_parquet(name, frame.with_columns(nll=pl.col("nll") - 0.01).to_arrow())
    found = [it for it in climbed.verify().problems if it.where == name]
    assert [it.what for it in found] == ["scores"]
    assert f"{frame.height} items differ" in found[0].found


def test_scores_that_lost_items_are_missed(climbed):
    event = json.loads(climbed.store.path("ledger/main/000001.json").read_bytes())["body"]
    name = f"scores/{event['facts']['child_sha']}/{event['facts']['parts'][0]['suite_sha']}.parquet"
    climbed.store.write_parquet(name, climbed.store.read_frame(name).head(-1).to_arrow())
    (problem,) = climbed.verify().problems
    assert (problem.where, problem.found) == (name, "1 are missing")


def test_scores_of_a_standing_suite_are_named_where_its_figure_differs(climbed):
    event = json.loads(climbed.store.path("ledger/main/000001.json").read_bytes())["body"]
    name = f"scores/{event['facts']['child_sha']}/{event['facts']['standing'][0]['suite_sha']}.parquet"
    frame = climbed.store.read_frame(name)
    climbed.store.write_parquet(name, frame.with_columns(chance=pl.col("chance") / 2).to_arrow())
    assert names(climbed.verify(), name)


def test_a_rung_that_settled_before_its_gate_was_kept_is_not_checked_and_no_problem(two):
    path = two.store.path("ledger/main/000003.json")
    value = json.loads(path.read_bytes())
    del value["body"]["facts"]["gate"]
    rewrite(path, body=value["body"], sha=key_of(value["body"]))
    rewrite(two.store.path("ledger/heads/main.json"), sha=key_of(value["body"]))
    found = two.verify()
    assert (found.problems, found.not_checked[OLD], found.checked["verdicts"]) == ([], 1, 1)


def test_a_rung_of_another_version_of_the_code_is_not_judged_by_this_one(two):
    path = two.store.path("ledger/main/000003.json")
    rewrite(two.store.path("ledger/heads/main.json"), sha=rehashed(path, code_version=1, verdict="rejected"))
    found = two.verify()
    assert found.not_checked[OTHER_CODE] == 1
    assert not any(it.what == "verdict" for it in found.problems)


def test_files_from_before_checksums_are_counted_and_no_problem(climbed):
    path = first(climbed, "cuts/*.json")
    value = json.loads(path.read_bytes())
    del value["checksum"]
    path.write_text(json.dumps(value, indent=1))
    found = climbed.verify()
    assert (found.ok, found.not_checked[NO_CHECKSUM]) == (True, 1)


def test_whoever_damages_the_name_of_the_checksum_is_found(climbed):
    path = first(climbed, "cuts/*.json")
    path.write_bytes(path.read_bytes().replace(b'"checksum"', b'"checkSum"'))
    assert not climbed.verify().ok


def test_what_is_left_unchecked_says_why(climbed):
    found = climbed.verify()
    assert {why for _, why in LEFT if why.startswith(("locks", "an index"))} == set(found.not_checked)


def test_a_file_of_somebody_else_is_counted_and_no_problem(climbed):
    climbed.store.path("mine.txt").write_text("a note")
    found = climbed.verify()
    assert found.ok
    assert any("did not write" in why for why in found.not_checked)


def test_only_the_chain_of_a_named_lineage_is_judged(climbed):
    assert climbed.verify("main").checked["verdicts"] == 2
