"""What is answered anew, told anew or revised takes the place of what was learned, and nothing else does."""

import pytest

from tests.engine.curating import ALSO, HELD, LEARNED, World, event, learned, on_side, run, write
from tests.engine.planted_examples import Prose, text
from tests.engine.taking_back import THEN, next_generation, replayed, say
from vibe_pipeline.settings import Curate

prose = Prose(__name__)


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
    corrected = event("Where is it?", "In Basel.", conversation=HELD, feedback=1.0)
    assert next_generation(world, corrected).made.withdrawn == 1
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
