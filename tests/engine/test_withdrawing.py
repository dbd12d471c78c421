"""What is learned no longer: disliked since, or answered anew; told by its place, for good, by every later mix, and to
whoever looks at its generation or hands it on."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.engine.curating import ALSO, HELD, LEARNED, MOMENT, World, event, learned, on_side, run, write
from tests.engine.planted_examples import Prose, text
from vibe_pipeline.curate.export.writing import Wanted
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.records import ExampleSet
from vibe_pipeline.replay import Request, mix
from vibe_pipeline.settings import Curate, Replay, Synthetic
from vibe_pipeline.store import Store

prose = Prose(__name__)
THEN = on_side("then")
KINDS = ("code_generation", "conversation", "error_correction")

DIE = """
import os, sys
from tests.engine.curating import World
from vibe_pipeline.store import Store
from pathlib import Path
world, write = World(Path(sys.argv[1])), Store.write_tables
def dying(self, folder, *rest):
    write(self, folder, *rest)
    if folder == "withdrawn":
        os._exit(9)
Store.write_tables = dying
world.ladder.examples(1)
"""


def say(world: World, id_: str, score: float) -> None:
    InteractionLogger(world.ladder.store.root).feedback(id_, score)


def gone(world: World, made: ExampleSet) -> list[tuple[int, int, int]]:
    """(generation, row, since) of all that was taken back up to a generation."""
    if not made.withdrawn_sha:
        return []
    return world.ladder.store.read_frame(f"withdrawn/{made.withdrawn_sha}.parquet").rows()


def replayed(world: World, *generations: int) -> set[tuple[str, str]]:
    """What the last generation replays of these."""
    *sets, delta = world.generations()
    wanted = Request(
        delta=(delta,),
        ancestors=tuple(sets[it] for it in generations) if generations else tuple(sets),
        kinds=KINDS,
        synthetic=Synthetic(),
        replay=Replay(minimum=99),
        epochs=1,
        max_length=1024,
        seed=0,
        withdrawn_sha=delta.withdrawn_sha,
    )
    return set(mix(world.ladder.store, wanted).filter(origin="replay").select("prompt", "completion").rows())


def next_generation(world: World, *events):
    """Curate these, and a row of another conversation, so that there is a delta."""
    name = on_side(f"filler {len(world.ladder.log.cuts())} ")
    world.log(*events, event(text(prose(8)), text(prose(12)), conversation=name))
    return world.cut()


def test_an_answer_that_was_disliked_since_is_replayed_by_no_later_generation(world):
    bad = event("q", "a bad answer")
    world.log(bad, event("r", "a good answer", conversation=ALSO))
    world.cut()
    assert ("q", "a bad answer") in {*learned(next_generation(world)), *replayed(world)}
    say(world, bad.interaction_id, -1)
    made = next_generation(world).made
    assert (made.withdrawn, made.dropped) == (1, {"failed outcome": 1})
    for _ in range(2):
        kept = replayed(world)
        assert ("r", "a good answer") in kept
        assert ("q", "a bad answer") not in kept
        assert next_generation(world).made.withdrawn == 0


@pytest.mark.parametrize("said", ["ls", "ls shows what is in a folder, and with a name what is in that one"])
@pytest.mark.parametrize("how", ["late", "shortened"])
def test_an_answer_is_known_to_be_the_disliked_one_though_its_prompt_came_out_otherwise(tmp_path, said, how):
    """A turn came late that was said before it, or less of the turns before fits by now."""
    world, longest = World(tmp_path), {"quality": {"longest": 3000 if how == "shortened" else 40000}}
    before = event("q", text(prose(600)))
    bad = event("and then?", said, turn=1, occurred_at=MOMENT + timedelta(hours=1))
    late = [before] if how == "late" else []
    world.log(bad, event("what then?", said, conversation=ALSO), *([] if late else [before]))
    world.cut()
    say(world, bad.interaction_id, -1)
    world = World(tmp_path, Curate.model_validate(longest))
    assert next_generation(world, *late).made.withdrawn == 1
    assert [prompt for prompt, answer in replayed(world) if answer == said] == ["what then?"]


def test_a_short_answer_that_was_disliked_after_some_turns_stands_after_others(world):
    turns = [
        event(asked, said, turn=at, occurred_at=MOMENT + timedelta(hours=at))
        for at, (asked, said) in enumerate([("is it 3?", "no"), ("sure?", "yes"), ("is it 4?", "no"), ("sure?", "yes")])
    ]
    turns = [replace(it, interaction_id=str(it.turn)) for it in turns]
    world.log(*turns)
    world.cut()
    say(world, "3", -1)
    assert next_generation(world).made.withdrawn == 1
    assert [prompt for prompt, answer in replayed(world) if answer == "yes"] == ["is it 3?\n\nno\n\nsure?"]


def test_stars_below_the_neutral_score_are_a_dislike(tmp_path):
    world = World(tmp_path, Curate(neutral=3))
    starred = event("q", "a bad answer", feedback=5)
    world.log(starred)
    world.cut()
    say(world, starred.interaction_id, 2)
    assert next_generation(world).made.withdrawn == 1
    assert ("q", "a bad answer") not in replayed(world)


def test_what_somebody_came_to_like_again_is_learned_again(world):
    told = event("q", "the answer")
    world.log(told)
    world.cut()
    for score, withdrawn in ((-1, 1), (1, 0), (-1, 1), (1, 0)):
        say(world, told.interaction_id, score)
        curated = next_generation(world)
        assert curated.made.withdrawn == withdrawn
        assert (("q", "the answer") in learned(curated)) == (score > 0)
        assert ("q", "the answer") not in replayed(world)


def test_a_like_of_what_stands_takes_nothing_back(world):
    told = event("q", "the answer")
    world.log(told)
    world.cut()
    say(world, told.interaction_id, 1)
    assert next_generation(world).made.withdrawn == 0
    assert ("q", "the answer") in replayed(world)


def test_code_that_was_disliked_since_is_replayed_no_longer(world):
    first = write("print(1)", True)
    world.log(first)
    assert learned(world.cut(), "code_generation") == [("write it", "print(1)")]
    say(world, first.interaction_id, -1)
    assert next_generation(world).made.withdrawn == 1
    assert ("write it", "print(1)") not in replayed(world)


def test_a_correction_of_code_takes_the_place_of_what_was_corrected(world):
    first = write("print(1)", True)
    world.log(first, write("print(3)", True, conversation=ALSO, occurred_at=MOMENT - timedelta(days=1)))
    world.cut()
    InteractionLogger(world.ladder.store.root).improvement(first.interaction_id, "print(2)")
    curated = next_generation(world)
    assert ("write it", "print(2)") in learned(curated, "code_generation")
    assert not {("write it", "print(1)"), ("write it", "print(2)")} & replayed(world)


def test_a_fix_that_was_disliked_since_is_replayed_no_longer(world):
    failing, fixed = run("print(1", False, error_type="SyntaxError"), run("print(1)", True, 1)
    world.log(failing, fixed)
    assert len(learned(world.cut(), "error_correction")) == 1
    say(world, fixed.interaction_id, -1)
    assert next_generation(world).made.withdrawn == 1
    assert not [prompt for prompt, _ in replayed(world) if "print(1" in prompt]


def test_code_that_fails_after_it_was_learned_is_taken_back_whatever_the_settings(tmp_path):
    world = World(tmp_path, Curate.model_validate({"quality": {"failed": "mark"}}))
    world.log(write("print(1)", True), run("print(1)", True, 1))
    world.cut()
    curated = next_generation(world, run("print(1)", False, 2, error_type="OSError"))
    assert curated.made.withdrawn == 2  # how the run ends is answered anew as well
    assert learned(curated, "code_generation") == []
    assert ("write it", "print(1)") not in replayed(world)


def test_code_that_works_again_after_it_was_taken_back_is_learned_again(world):
    world.log(write("print(1)", True))
    world.cut()
    assert next_generation(world, run("print(1)", False, 1, error_type="OSError")).made.withdrawn == 1
    curated = next_generation(world, run("print(1)", True, 2))
    assert learned(curated, "code_generation") == [("write it", "print(1)")]


def test_a_fix_of_what_worked_unchanged_since_is_replayed_no_longer(world):
    world.log(run("print(1", False, error_type="SyntaxError"), run("print(1)", True, 1))
    assert len(learned(world.cut(), "error_correction")) == 1
    assert next_generation(world, run("print(1", True, 2)).made.withdrawn == 2
    assert not [prompt for prompt, _ in replayed(world) if prompt.startswith("print(1\n")]


def test_an_old_answer_is_replayed_by_none_of_the_generations_after_the_one_that_answered_anew(world):
    world.log(event("Who leads?", "Ada leads."), event("Where?", "In Bern.", conversation=ALSO))
    world.cut()
    assert next_generation(world, event("Who leads?", "Bo leads.", conversation=THEN)).made.withdrawn == 1
    assert replayed(world) == {("Where?", "In Bern.")}
    next_generation(world)
    kept = replayed(world)
    assert {("Who leads?", "Bo leads."), ("Where?", "In Bern.")} <= kept
    assert ("Who leads?", "Ada leads.") not in kept


def test_an_answer_that_is_true_once_more_is_learned_once_more(world):
    for number, name in enumerate(("Ada", "Bo", "Ada", "Bo", "Cy")):
        answer = ("Who leads?", f"{name} leads.")
        curated = next_generation(world, event(*answer, conversation=on_side(f"{number} ")))
        assert answer in learned(curated)
        assert curated.made.withdrawn == (number > 0)
        if number:
            assert "Who leads?" not in dict(replayed(world))


def test_a_near_duplicate_of_what_was_taken_back_is_learned(world):
    question, answer = text(prose(12)), text(prose(40))
    bad = event(question, answer)
    world.log(bad)
    world.cut()
    say(world, bad.interaction_id, -1)
    next_generation(world)
    curated = next_generation(world, event(question, f"{answer} Indeed.", conversation=THEN))
    assert (question, f"{answer} Indeed.") in learned(curated)


LONG = text(prose(40))


@pytest.mark.parametrize("old", ["Bern.", f"It is Bern. {LONG}"])
@pytest.mark.parametrize("ways", [("Where is it?", "where is it"), ("Where is it?", "Where is it?")])
def test_who_corrects_one_word_of_an_answer_is_believed_however_he_asks(world, old, ways):
    """A question in the same words, and an answer that is nearly the same, are a correction and no duplicate."""
    new = old.replace("Bern", "Basel")
    world.log(event(ways[0], old))
    world.cut()
    curated = next_generation(world, event(ways[1], new, conversation=THEN))
    assert (ways[1], new) in learned(curated)
    assert curated.made.withdrawn == 1
    assert replayed(world) == set()


def test_an_answer_that_is_disliked_and_corrected_in_one_generation_leaves_the_correction(world):
    bad = event("Where is it?", f"It is Bern. {LONG}")
    world.log(bad)
    world.cut()
    say(world, bad.interaction_id, -1)
    good = ("Where is it?", f"It is Basel. {LONG}")
    assert good in learned(next_generation(world, event(*good, conversation=THEN, feedback=1.0)))
    assert replayed(world) == set()


def test_what_one_dislikes_and_another_likes_is_learned_once(world):
    told = event("Where is it?", "In Bern.")
    world.log(told)
    world.cut()
    say(world, told.interaction_id, -1)
    liked = event("Where is it?", "In Bern.", conversation=THEN, feedback=1.0)
    assert ("Where is it?", "In Bern.") in learned(next_generation(world, liked))
    assert replayed(world) == set()


def test_an_answer_that_nobody_vouched_for_does_not_take_the_place_of_one_that_somebody_did(world):
    world.log(event("How do we deploy?", "Run make deploy.", feedback=1.0, success=True))
    world.cut()
    other = event("How do we deploy?", "You could use kubectl.", conversation=THEN, extra={"tier": "community"})
    curated = next_generation(world, other)
    assert curated.dropped == {"contradicts a better answer to the same prompt": 1}
    assert replayed(world) == {("How do we deploy?", "Run make deploy.")}
    told = event("How do we deploy?", "Run make ship.", conversation=on_side("told "), feedback=1.0, success=True)
    assert next_generation(world, told).made.withdrawn == 1
    assert ("How do we deploy?", "Run make deploy.") not in replayed(world)


def test_what_is_told_of_a_fact_is_news_whoever_vouched_for_what_was_told(world):
    world.log(event("Where is it?", "In Bern.", feedback=1.0, success=True, extra={"fact": "f"}))
    world.cut()
    assert next_generation(
        world, event("Where is it?", "In Basel.", conversation=THEN, extra={"fact": "f"})
    ).made.withdrawn
    assert replayed(world) == set()


def test_the_same_words_again_are_a_duplicate_and_no_news(world):
    world.log(event("Where is it?", f"It is Bern. {LONG}"), event("And who?", "Ada.", conversation=ALSO))
    world.cut()
    curated = next_generation(
        world,
        event("where is it", f"it is BERN. {LONG}", conversation=THEN),
        event("and who", "ADA.", conversation=on_side("ada ")),
    )
    assert curated.made.withdrawn == 0
    assert curated.dropped == {"near-duplicate of an earlier generation": 2}


def test_a_correction_on_the_side_that_is_judged_on_takes_back_what_was_learned(world):
    world.log(event("Where is it?", "In Bern."))
    world.cut()
    assert next_generation(world, event("Where is it?", "In Basel.", conversation=HELD)).made.withdrawn == 1
    assert replayed(world) == set()


def test_the_same_question_after_other_words_is_another_one(world):
    def asked(name, first, answer):
        return event(first, "Yes.", conversation=name), event("Where is it?", answer, conversation=name, turn=1)

    world.log(*asked(LEARNED, "There is a bank.", "In Bern."))
    world.cut()
    assert next_generation(world, *asked(THEN, "There is a lake.", "In Thun.")).made.withdrawn == 0


def test_of_a_fact_that_is_told_in_many_words_what_was_told_before_is_not_replayed(world):
    for number, name in enumerate((LEARNED, THEN)):
        asked = f"What is said of it in {text(prose(9))}?" if number else "What is said of it?"
        world.log(event(asked, f"{LONG} {number}", conversation=name, extra={"fact": "f"}))
        world.cut()
    assert world.generations()[1].withdrawn == 0, "another question"
    world.log(event("What is said of it?", f"{LONG} 2", conversation=ALSO, extra={"fact": "f"}))
    assert world.cut().made.withdrawn == 1


def test_a_section_that_was_revised_takes_the_place_of_what_it_was(world):
    def section(words, turn):
        return event("The port", words, action="document", turn=turn, extra={"document": "manual.md"})

    world.log(section(f"The port is 8080. {LONG}", 0))
    world.cut()
    curated = next_generation(world, section(f"The port is 9090. {LONG}", 1))
    assert curated.made.withdrawn == 1
    assert [it for _, it in learned(curated, "document")] == [f"The port is 9090. {LONG}"]


def test_of_an_input_that_ended_otherwise_since_nothing_is_predicted_any_more(world):
    def outcome(success, name):
        return run("make test", success, conversation=name, error_type=None if success else "ConnectionError")

    def predicted(curated):
        return [it for prompt, it in learned(curated, "error_prediction") if "make test" in prompt]

    world.log(outcome(True, LEARNED))
    assert predicted(world.cut())
    curated = next_generation(world, outcome(False, THEN))
    assert (predicted(curated), curated.made.withdrawn) == ([], 1)
    for success in (True, False):
        assert not predicted(next_generation(world, outcome(success, on_side(f"{success} "))))


@pytest.mark.parametrize("kind", ["code", "document"])
def test_where_a_prompt_has_many_answers_a_new_one_takes_nothing_back(world, kind):
    make = {"code": write, "document": lambda code, *_, **values: event("", code, action="document", **values)}[kind]
    world.log(make(text(prose(40)), True))
    world.cut()
    assert next_generation(world, make(text(prose(40)), True, conversation=THEN)).made.withdrawn == 0


def test_an_answer_of_another_kind_takes_nothing_back(world):
    world.log(write("print(1)", True))
    world.cut()
    assert next_generation(world, event("write it", "I will not.", conversation=THEN)).made.withdrawn == 0
    assert ("write it", "print(1)") in replayed(world)


def test_where_answers_may_contradict_each_other_only_what_is_told_of_a_fact_is_news(tmp_path):
    world = World(tmp_path, Curate.model_validate({"quality": {"contradiction": "off"}}))
    fact = {"fact": "f"}
    world.log(event("Who leads?", "Ada does."), event("Who pays?", "Ada does.", conversation=ALSO, extra=fact))
    world.cut()
    new = (
        event("Who leads?", "Bo does.", conversation=THEN),
        event("Who pays?", "Bo.", conversation=on_side("p"), extra=fact),
    )
    assert next_generation(world, *new).made.withdrawn == 1
    assert replayed(world) == {("Who leads?", "Ada does.")}


def test_what_fails_and_is_kept_is_not_taken_back(tmp_path):
    world = World(tmp_path, Curate.model_validate({"quality": {"failed": "mark"}}))
    bad = event("q", "a bad answer")
    world.log(bad)
    world.cut()
    say(world, bad.interaction_id, -1)
    assert next_generation(world).made.withdrawn == 0


def test_of_what_was_taken_back_nothing_but_its_place_is_written(world):
    for number in range(3):
        next_generation(world, event("Who leads?", f"{number} leads.", conversation=on_side(f"{number} ")))
    last = world.generations()[-1]
    assert [(generation, since) for generation, _, since in gone(world, last)] == [(0, 1), (1, 2)]
    for generation, row, _ in gone(world, last):
        examples = world.ladder.store.read_frame(f"examples/{world.generations()[generation].sha}.parquet")
        assert examples[row]["prompt"].item() == "Who leads?"


def test_places_hold_where_rows_before_them_were_forgotten(world):
    names = [on_side(f"{number} ") for number in range(12)]
    world.log(*(event(f"question {name}", f"the answer {name}", conversation=name) for name in names))
    world.cut()
    for name in names[:8:2]:
        world.ladder.log.forget(Criteria(conversation=name))
    changed = event(f"question {names[9]}", "another answer", conversation=THEN)
    assert next_generation(world, changed).made.withdrawn == 1
    kept = {prompt for prompt, _ in replayed(world)}
    assert kept == {f"question {name}" for name in (*names[1:8:2], names[8], *names[10:])}


def test_a_generation_that_took_back_is_made_again_the_same_after_a_kill(tmp_path):
    world = World(tmp_path / "whole")
    world.log(event("Who leads?", "Ada leads."))
    world.cut()
    world.log(event("Who leads?", "Bo leads.", conversation=THEN))
    world.ladder.log.open_generation(force=True)
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    command = [sys.executable, "-c", DIE, str(tmp_path / "killed")]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == 9
    made = [World(tmp_path / home).generations()[1] for home in ("whole", "killed")]
    assert made[0].withdrawn_sha == made[1].withdrawn_sha
    assert [(it.withdrawn, it.sha) for it in made] == [(1, made[0].sha)] * 2
    for home in ("whole", "killed"):
        (file,) = (tmp_path / home / "withdrawn").iterdir()
        assert pq.read_table(file).num_rows == 1


def test_an_index_that_was_thrown_away_knows_what_was_taken_back(world):
    told = event("q", "the answer")
    world.log(told)
    world.cut()
    say(world, told.interaction_id, -1)
    next_generation(world)
    world.ladder.store.remove("index")
    assert ("q", "the answer") in learned(next_generation(world, event("q", "the answer", conversation=THEN)))


# whoever looks at a generation, or hands it on


def exported(world: World, generation: int, name: str) -> tuple[set[str], dict[str, dict[str, int]], str]:
    """The prompts that are exported to learn from, what was left out, and the dataset card."""
    folder = world.ladder.store.root.with_name(name)
    made = world.ladder.generations.export(generation, Wanted(folder=folder))
    rows = map(json.loads, (folder / "train.jsonl").read_text().splitlines())
    return {row["prompt"].strip() for row in rows}, made.left_out, (folder / "README.md").read_text()


@pytest.fixture
def doubted(tmp_path) -> World:
    """g000 with three answers; g001 dislikes the first, g002 gives the second anew."""
    world = World(tmp_path / "var")
    told = [event(f"q{number}", "the answer", conversation=on_side(f"{number} ")) for number in range(3)]
    next_generation(world, *told)
    say(world, told[0].interaction_id, -1)
    next_generation(world)
    next_generation(world, event("q1", "another answer", conversation=THEN))
    return world


def test_what_was_taken_back_leaves_with_no_export_and_is_counted(doubted):
    asked, left_out, card = exported(doubted, 0, "old")
    assert "q2" in asked
    assert not {"q0", "q1"} & asked
    assert left_out == {"conversation": {"was taken back by a later generation (disliked, or answered anew)": 2}}
    assert "- 2 conversation: was taken back by a later generation (disliked, or answered anew)" in card
    assert "Nothing was left out" not in card
    asked, left_out, card = exported(doubted, 2, "new")
    assert "q1" in asked
    assert left_out == {}
    assert "Nothing was left out" in card


def test_a_card_tells_what_was_taken_back_since_and_what_it_takes_back(doubted):
    cards = [doubted.ladder.generations.card(generation) for generation in range(3)]
    assert [(card.withdrawn, card.withdrawn_since) for card in cards] == [(0, 2), (1, 0), (1, 0)]
    found = doubted.ladder.generations.compare(0, 1)
    assert (found.withdrawn_since.old, found.withdrawn_since.new) == (2, 0)


def test_what_is_cut_and_not_curated_yet_takes_nothing_back(doubted):
    doubted.log(event("q2", "another answer", conversation=THEN))
    doubted.ladder.log.open_generation(force=True)
    assert doubted.ladder.generations.card(0).withdrawn_since == 2
    assert exported(doubted, 0, "old")[0] >= {"q2"}


def test_what_was_taken_back_since_costs_no_more_on_a_high_ladder(doubted, monkeypatch):
    reads, read = [], Store.read_record
    monkeypatch.setattr(Store, "read_record", lambda *it: (reads.append(it[-1]), read(*it))[1])
    counts = []
    for _ in range(2):
        reads.clear()
        assert doubted.ladder.generations.card(0).withdrawn_since == 2
        counts.append(len(reads))
        next_generation(doubted)
        next_generation(doubted)
    assert counts[0] == counts[1]
