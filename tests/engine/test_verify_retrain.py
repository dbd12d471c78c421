"""`vibe verify --retrain`: the same bytes on the same machine; where bytes differ, the answers are compared."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vibe_pipeline.errors import RungRefused
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.verifying import Retrained, retraining
from vibe_pipeline.verifying.retraining import ANSWERS_TOLERANCE, NLL_TOLERANCE


def contents(ladder):
    root = ladder.store.root
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "locks" not in path.parts}


@pytest.mark.parametrize("generation", [0, 1])
def test_the_same_mix_and_recipe_give_the_same_bytes_and_change_nothing(climbed, generation):
    before = contents(climbed)
    again = climbed.retrain("main", generation)
    assert (again.ok, again.same_bytes, again.items) == (True, True, 0)
    assert again.on == again.was_on
    assert "the same bytes" in again.words
    assert contents(climbed) == before


def test_it_trains_by_the_recipe_of_then_and_not_by_that_of_today(climbed_home, new_ladder, lineage):
    today = new_ladder(climbed_home, recipe=lineage.recipe.model_copy(update={"learning_rate": 1e-4}), seed=7)
    assert today.retrain("main", 0).same_bytes


def test_a_run_that_the_clock_ended_is_repeated_up_to_the_same_step(new_ladder, log_facts, tmp_path):
    ladder = new_ladder(tmp_path / "var", max_minutes=1e-9)
    log_facts(ladder.store.root, range(6))
    ladder.log.open_generation()
    facts = ladder.climb("main", 0).facts
    assert (facts["stopped"], facts["steps"]) == ("max_minutes", 1)
    assert ladder.retrain("main", 0).same_bytes


def test_other_bytes_that_answer_the_same_pass_and_say_by_how_much(climbed, monkeypatch):
    """Another type rounds otherwise, as another machine does."""
    where = retraining._where
    monkeypatch.setattr(retraining, "_where", lambda facts: replace(where(facts), dtype="float32"))
    again = climbed.retrain("main", 0)
    assert not again.same_bytes
    assert again.items > 0
    assert again.answers_differ == 0
    assert abs(again.mean_nll) <= again.largest_nll
    assert f"of {again.items} items" in again.words
    assert again.was_on == "cpu, bfloat16, 1 thread"
    assert again.on == "cpu, float32, 1 thread"


def test_another_model_does_not_pass(climbed, monkeypatch):
    """What comes out of another seed is no such adapter."""
    monkeypatch.setattr(retraining, "Recipe", Other)
    again = climbed.retrain("main", 0)
    assert (again.same_bytes, again.ok) == (False, False)


class Other:
    """A recipe that hardly learns."""

    @staticmethod
    def model_validate(values):
        from vibe_pipeline.settings import Recipe

        return Recipe.model_validate({**values, "learning_rate": 1e-6})


FOUND = Retrained(rung="main g000", recorded="a", again="b", on="x", was_on="y", items=100)


@pytest.mark.parametrize(
    ("mean", "differ", "ok"),
    [
        (NLL_TOLERANCE, 100 * ANSWERS_TOLERANCE, True),
        (-NLL_TOLERANCE, 0, True),
        (NLL_TOLERANCE * 1.01, 0, False),
        (0.0, 100 * ANSWERS_TOLERANCE + 1, False),
        (None, 0, False),
    ],
)
def test_the_tolerance_is_what_is_said(mean, differ, ok):
    assert replace(FOUND, mean_nll=mean, largest_nll=9.0, answers_differ=int(differ)).ok is ok


def test_other_bytes_without_an_item_to_compare_by_do_not_pass():
    assert not replace(FOUND, items=0).ok


def test_a_rung_over_erased_data_is_refused_in_one_line(climbed):
    climbed.log.forget(Criteria(conversation="What does thing0 do?"))
    with pytest.raises(RungRefused, match="g000 cannot be trained again: its mix held") as refused:
        climbed.retrain("main", 0)
    assert "\n" not in str(refused.value)


def test_a_skipped_rung_has_nothing_to_train(climbed):
    with pytest.raises(RungRefused, match="g002 has no adapter"):
        climbed.retrain("main", 2)


def test_the_command_says_which_of_the_two_it_was(climbed_here, vibe, ask):
    assert "main g000 trained again: the same bytes" in vibe("verify", "--retrain", "g000").out
    assert ask("verify", "main", "--retrain", "g000")["retrained"]["same_bytes"] is True


def test_the_command_prints_problems_in_a_table_and_ends_with_1(climbed_here, vibe, tmp_path):
    said = vibe("verify")
    assert (said.code, "all as they should be" in said.out) == (0, True)
    path = tmp_path / "var" / "ledger" / "heads" / "main.json"
    path.write_bytes(path.read_bytes().replace(b"6", b"5"))
    said = vibe("verify", "--json")
    found = json.loads(said.out)
    assert (said.code, found["ok"], found["retrained"]) == (1, False, None)
    assert {"what", "where", "expected", "found"} == set(found["problems"][0])
    said = vibe("verify")
    assert said.code == 1
    assert "ledger/heads/main.json" in said.out


def test_a_lineage_that_nobody_knows_is_an_error(climbed_here, vibe):
    said = vibe("verify", "nobody")
    assert (said.code, "nobody" in said.err) == (1, True)
