"""Curation against hand-made interactions of which a person can say what should be learned from them, and where."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.curating import (
    ALSO,
    CHATS,
    HELD,
    LEARNED,
    MOMENT,
    Curated,
    World,
    event,
    learned,
    probe,
    run,
    splits,
    write,
)
from vibe_pipeline.curate import window
from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.records import Probe
from vibe_pipeline.settings import Curate

few = settings(max_examples=8)


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


# cuts


def test_a_conversation_that_crosses_a_cut_goes_on_with_its_turns_and_repeats_none(world):
    world.log(event("q1", "a1"))
    assert learned(world.cut()) == [("q1", "a1")]
    world.log(event("q2", "a2", turn=1))
    curated = world.cut()
    assert (learned(curated), curated.dropped) == ([("q1\n\na1\n\nq2", "a2")], {})


def test_a_fix_after_the_cut_belongs_to_the_later_generation(world):
    world.log(run("print(x", False))
    assert learned(world.cut()) == []
    world.log(run("print(x)", True, 1))
    assert learned(world.cut()) == [("print(x\n\nit said", "print(x)")]
    world.log(run("print(x, y)", True, 2))
    assert learned(world.cut()) == []


def test_code_that_proves_itself_after_the_cut_belongs_to_the_later_generation(world):
    world.log(write("code"))
    assert learned(world.cut()) == []
    world.log(run("code", True, 1))
    assert learned(world.cut()) == [("write it", "code")]
    world.log(run("code", True, 2))
    assert learned(world.cut()) == []


def test_an_empty_delta_gives_an_empty_table_with_all_columns(world):
    world.log(event("q", "a"))
    full = world.cut()
    empty = world.cut()
    assert (empty.frame.height, empty.made.counts, empty.dropped) == (0, (), {})
    assert empty.frame.schema == full.frame.schema


# split


@few
@given(st.lists(st.tuples(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 2)), min_size=1, max_size=12))
def test_a_conversation_is_on_one_side_for_ever(tmp_path_factory, turns):
    world = World(tmp_path_factory.mktemp("world"), Curate(held_out=0.5))
    for generation in range(3):
        world.log(
            *(
                event(f"q{number}", f"{generation}", conversation=conversation, turn=number)
                for number, (conversation, its) in enumerate(turns)
                if its == generation
            )
        )
        for row in world.cut().frame.to_dicts():
            held = is_held_out(row["conversation_id"], "vibe", 0.5)
            assert row["split"] == ("validation" if held else "train")


def test_a_fact_with_a_probe_is_always_learned_and_its_probe_only_asked(world):
    world.log(event("What is f?", "a", conversation=HELD, extra={"fact": "f"}), probe("f", "Say f."))
    assert splits(world.cut()) == {"What is f?": "train", "Say f.": "test"}


def test_a_fact_whose_probe_came_earlier_is_learned_too(world):
    world.log(probe("f", "Say f."))
    world.cut()
    world.log(event("What is f?", "a", conversation=HELD, extra={"fact": "f"}))
    assert splits(world.cut()) == {"What is f?": "train"}


def test_a_fact_without_a_probe_is_held_out_like_any_conversation(world):
    world.log(event("What is f?", "a", conversation=HELD, extra={"fact": "f"}), probe("g", "Say g."))
    assert splits(world.cut()) == {"What is f?": "validation", "Say g.": "test"}


def test_a_conversation_that_was_held_out_stays_so_though_it_tells_a_fact_later(world):
    """Its later turns hold the earlier ones, which are in a suite."""
    world.log(event("q", "a", conversation=HELD))
    world.cut()
    told = event("What is f?", "b", conversation=HELD, turn=1, extra={"fact": "f"})
    world.log(told, probe("f", "Say f.", "b"))
    assert splits(world.cut()) == {"q\n\na\n\nWhat is f?": "validation", "Say f.": "test"}


@pytest.mark.parametrize("conversation", [LEARNED, HELD])
def test_other_settings_move_nothing_that_has_a_side(tmp_path, conversation):
    first = World(tmp_path)
    first.log(event("q", "a", conversation=conversation))
    side = set(splits(first.cut()).values())
    for held_out in (0.0, 1.0):
        second = World(tmp_path, Curate(held_out=held_out))
        second.log(event(f"next {held_out}", "b", conversation=conversation, turn=1 + round(held_out)))
        assert set(splits(second.cut()).values()) == side


def sides(*generations: Curated) -> dict[str, set[str]]:
    """Of each conversation."""
    found: dict[str, set[str]] = {}
    for curated in generations:
        for row in curated.frame.to_dicts():
            found.setdefault(row["conversation_id"], set()).add(row["split"])
    return found


@pytest.mark.parametrize(("before", "then"), [("", "user"), ("user", ""), ("user", "module")])
def test_a_conversation_stays_on_its_side_when_something_else_is_grouped_by(tmp_path, before, then):
    made = []
    for turn, group in enumerate((before, then)):
        world = World(tmp_path, Curate(group=group, held_out=0.5))
        world.log(*(event(f"q{turn} {n}", "a", conversation=f"x{n}", turn=turn, user=f"u{n % 4}") for n in range(24)))
        made.append(world.cut())
    assert all(len(its) == 1 for its in sides(*made).values())
    assert set.union(*sides(*made).values()) == {"train", "validation"}


def test_an_older_event_that_comes_later_moves_no_conversation(tmp_path):
    world, made = World(tmp_path, Curate(group="user", held_out=0.5)), []
    for generation, moment in enumerate((MOMENT, MOMENT - timedelta(days=1))):
        for n in range(12):
            said = {"user": f"u{n + generation}", "occurred_at": moment, "conversation": f"x{n}"}
            world.log(event(f"q{generation} {n}", "a", turn=1 - generation, **said))
        made.append(world.cut())
    assert all(len(its) == 1 for its in sides(*made).values())


@pytest.mark.parametrize("at_once", [True, False])
def test_branches_of_branches_are_on_the_side_of_the_first_trunk(world, at_once):
    family = [
        event("q1", "a1", conversation=HELD),
        event("q2", "a2", conversation=LEARNED, extra={"branch_of": HELD}),
        event("q3", "a3", conversation=ALSO, extra={"branch_of": LEARNED}),
    ]
    made = []
    for number, it in enumerate(family):
        world.log(it)
        if number == 2 or not at_once:
            made.append(world.cut())
    assert sides(*made) == {HELD: {"validation"}, LEARNED: {"validation"}, ALSO: {"validation"}}


def test_branches_that_name_each_other_are_on_one_side(world):
    world.log(
        event("q1", "a1", conversation=HELD, extra={"branch_of": LEARNED}),
        event("q2", "a2", conversation=LEARNED, extra={"branch_of": HELD}),
        event("q3", "a3", conversation=ALSO, extra={"branch_of": ""}),
    )
    found = sides(world.cut())
    assert found[HELD] == found[LEARNED]
    assert found[ALSO] == {"train"}


def test_a_family_is_in_one_part_though_only_the_first_turn_of_a_branch_says_so(tmp_path, monkeypatch):
    found = []
    for part_bytes in (1 << 30, 1 << 12):
        monkeypatch.setattr(window, "PART_BYTES", part_bytes)
        world = World(tmp_path / str(part_bytes))
        for n in range(20):
            world.log(
                event(f"q1 {n}", f"trunk {n}", conversation=f"t{n}"),
                event(f"q2 {n}", f"branch {n}", conversation=f"b{n}", extra={"branch_of": f"t{n}"}),
                event(f"q3 {n}", f"later {n}", conversation=f"b{n}", turn=1),
            )
        found.append(world.cut())
    whole, parted = found
    assert sides(parted) == sides(whole)
    assert learned(parted) == learned(whole)
    assert all(sides(whole)[f"t{n}"] == sides(whole)[f"b{n}"] for n in range(20))


def test_a_fact_that_a_branch_tells_takes_its_whole_family_along(world):
    branch = event("What is f?", "b", conversation=LEARNED, extra={"branch_of": HELD, "fact": "f"})
    world.log(event("q", "a", conversation=HELD), branch, probe("f", "Say f.", "b"))
    curated = world.cut()
    assert splits(curated) == {"q": "train", "What is f?": "train", "Say f.": "test"}
    assert not any(curated.made.leaks.values())


def test_where_groups_are_held_out_facts_are_held_out_with_them(tmp_path):
    world = World(tmp_path, Curate(group="user", held_out=1.0))
    world.log(event("What is f?", "b", extra={"fact": "f"}, user="u"), probe("f", "Say f.", "b"))
    assert splits(world.cut()) == {"What is f?": "validation", "Say f.": "test"}


@pytest.mark.parametrize("group", ["user", "extra.repo"])
def test_what_shares_a_group_is_on_one_side_for_ever(tmp_path, group):
    world, sides = World(tmp_path, Curate(held_out=0.5, group=group)), {}
    for generation in range(2):
        told = [
            event(
                f"q{number}",
                f"answer {generation} of {number}",
                conversation=f"x{number}",
                turn=generation,
                occurred_at=MOMENT + timedelta(hours=generation),
                **_of_group(group, None if generation == 1 and number in range(8, 24, 2) else number % 6),
            )
            for number in range(8 * generation, 24 + 4 * generation)
        ]
        world.log(*told)
        curated = world.cut()
        assert curated.frame.height == len(told)
        assert not any(curated.made.leaks.values())
        for row in curated.frame.to_dicts():
            sides.setdefault(int(row["conversation_id"][1:]) % 6, set()).add(row["split"])
    assert all(len(its) == 1 for its in sides.values())
    assert set.union(*sides.values()) == {"train", "validation"}


def _of_group(group: str, number: int | None) -> dict:
    """None: a later turn that does not say it, in a conversation whose first did."""
    if number is None:
        return {}
    return {"user": f"u{number}"} if group == "user" else {"extra": {"repo": f"r{number}"}}


# dedup


def test_a_fact_that_is_told_anew_replaces_what_was_told_before(world):
    """Else a suite holds one question with two answers, and no model can pass it."""
    later = MOMENT + timedelta(hours=1)
    for fact, conversation in (("f", LEARNED), ("g", ALSO)):
        asked = event(f"What is {fact}?", "old", conversation=conversation, extra={"fact": fact})
        world.log(asked, probe(fact, f"Say {fact}.", "old"))
    world.log(event("What is f?", "new", conversation=HELD, extra={"fact": "f"}, occurred_at=later))
    world.log(Probe(probe_id="again", fact="f", question="Say f.", answer="new", occurred_at=later, source="t"))
    curated = world.cut()
    assert sorted(learned(curated)) == [("What is f?", "new"), ("What is g?", "old")]
    rows = curated.frame.to_dicts()
    assert {(row["prompt"], row["completion"]) for row in rows if row["split"] == "test"} == {
        ("Say f.", "new"),
        ("Say g.", "old"),
    }
    assert curated.dropped == {"fact told anew in the generation": 2}


def test_the_same_example_is_kept_once_in_a_generation(world):
    world.log(event("q", "a"), event(" q", "a\n", turn=0, action="chat", conversation=ALSO), event("r", "a", turn=1))
    curated = world.cut()
    assert len(learned(curated)) == 2
    assert curated.dropped == {"duplicate within the generation": 1}


@pytest.mark.parametrize("first", [LEARNED, HELD])
def test_what_an_earlier_generation_held_is_not_held_again(world, first):
    world.log(event("q", "a", conversation=first))
    world.cut()
    world.log(event("q", "a", conversation=LEARNED + "x"), event("q", "a", conversation=HELD + "x"))
    curated = world.cut()
    assert curated.frame.height == 0
    assert sum(curated.dropped.values()) == 2


def test_a_training_row_that_equals_a_suite_item_is_not_learned(world):
    world.log(event("q", "a", conversation=LEARNED), event("q", "a", conversation=HELD))
    curated = world.cut()
    assert splits(curated) == {"q": "validation"}
    assert curated.dropped == {"training row equals a suite item": 1}


@pytest.mark.parametrize("later", [False, True])
def test_the_wording_of_a_probe_is_never_learned_however_it_is_spelt(world, later):
    world.log(probe("f", "What is f?"))
    if later:
        world.cut()
    world.log(event("what is  F", "anything at all"))
    curated = world.cut()
    assert learned(curated) == []
    assert curated.dropped == {"training row asks what a probe asks": 1}


def test_a_suite_is_born_clean(world):
    world.log(event("What is f?", "a"))
    world.cut()
    world.log(probe("f", "What is f"), probe("g", "What is g?"))
    curated = world.cut()
    assert splits(curated) == {"What is g?": "test"}
    assert curated.dropped == {"suite item already trained on": 1}


def test_a_probe_and_a_held_out_conversation_that_are_equal_are_one_item(world):
    world.log(probe("f", "What is f?", "a"), event("What is f?", "a", conversation=HELD))
    items = world.ladder.store.read_frame(f"suites/{world.cut().made.suite_sha}.parquet")
    assert items.select("part", "prompt").rows() == [("knowledge", "What is f?")]


def test_empty_answers_and_questions_are_dropped_with_a_reason(world):
    world.log(event("q", " \n"), event("\t", "a", conversation=ALSO))
    curated = world.cut()
    assert (curated.frame.height, curated.dropped) == (0, {"empty prompt or completion": 2})


# what a reader relies on


def test_rows_lie_as_the_counts_say(world):
    world.log(*(event(f"q{n}", "é", conversation=f"x{n}") for n in range(40)), probe("f", "p"))
    world.log(run("print(x", False), run("print(x)", True, 1))
    curated = world.cut()
    at = 0
    for split, kind, rows, characters in curated.made.counts:
        part = curated.frame.slice(at, rows)
        assert part.select("split", "kind").unique().rows() == [(split, kind)]
        assert part["prompt"].str.len_chars().sum() + part["completion"].str.len_chars().sum() == characters
        at += rows
    assert at == curated.frame.height
    assert list(dict.fromkeys(split for split, *_ in curated.made.counts)) == ["train", "validation", "test"]


def test_the_settings_decide_the_stage_and_the_actions(tmp_path):
    settings = Curate.model_validate({"stages": {"conversation": "manual"}, "chat_actions": ["talk"]})
    world = World(tmp_path, settings)
    world.log(event("q", "a", action="talk"), event("r", "b", turn=1), run("print(x", False), run("print(x)", True, 1))
    rows = world.cut().frame.filter(pl.col("kind").is_in(CHATS))
    assert set(rows.select("prompt", "stage").rows()) == {("q", "manual"), ("print(x\n\nit said", "fundamentals")}


def test_tokens_are_told_by_words_and_signs_and_turns_before_by_letters(world):
    world.log(event("say it, now", "no."), event("say it, now", "yes!", turn=1))
    tokens = dict(world.cut().frame.select("completion", "tokens").rows())
    assert tokens == {"no.": int(3 + 6 / 0.88), "yes!": int(3 + 6 / 0.88 + len("say it, now\n\nno.\n\n") / 4)}


def test_an_example_says_which_interactions_it_was_made_from(world):
    world.log(event("q1", "a1"), event("q2", "a2", turn=1))
    made_from = {row["prompt"]: row["interaction_ids"] for row in world.cut().frame.to_dicts()}
    assert made_from["q1\n\na1\n\nq2"] == [f"{LEARNED}/0/q1", f"{LEARNED}/1/q2"]


@pytest.mark.parametrize("chat_first", [True, False])
def test_a_question_that_ends_a_conversation_and_is_a_probe_is_on_one_side_only(world, chat_first):
    talk = (event("hi there", "hello"), event("Describe the purpose of F!", "It does F things.", turn=1))
    asked = probe("f", "Describe the purpose of F.", "It does F things.")
    for batch in (talk, (asked,)) if chat_first else ((asked,), talk):
        world.log(*batch)
        world.cut()
    frames = [world.ladder.store.read_frame(f"examples/{made.sha}.parquet") for made in world.generations()]
    found = pl.concat(frames).filter(pl.col("prompt").str.contains("Describe"))
    assert found["split"].to_list() == (["train"] if chat_first else ["test"])


# what the window reaches back for


def test_feedback_that_comes_generations_later_is_learned_from_when_it_comes(world):
    world.log(event("q", "bad answer"), event("q", "good answer", turn=1))
    world.cut()
    world.log(event("else", "so", conversation=ALSO))
    world.cut()
    logger = InteractionLogger(world.ladder.store.root)
    logger.feedback(f"{LEARNED}/0/q", -1.0)
    logger.feedback(f"{LEARNED}/1/q", 1.0)
    rows = world.cut().frame.filter(pl.col("kind") == "preference").to_dicts()
    assert [(row["completion"], row["rejected"], row["generation"]) for row in rows] == [
        ("good answer", "bad answer", 2)
    ]


def test_feedback_from_between_two_parts_of_a_conversation_is_seen_with_the_second(world):
    """Not as a target: what was disliked is dropped, and what somebody wrote in its place is not forgotten."""
    world.log(event("q1", "a1"))
    world.cut()
    InteractionLogger(world.ladder.store.root).improvement(f"{LEARNED}/0/q1", "a better one")
    assert learned(world.cut(), "conversation") == [("q1", "a better one")]
    world.log(event("q2", "a2", turn=1))
    assert learned(world.cut(), "conversation") == [("q1\n\na1\n\nq2", "a2")]


def test_a_long_conversation_keeps_its_latest_turns_in_however_many_generations_it_is_told(world):
    for turn in range(17):
        world.log(event(f"q{turn}", f"a{turn}", turn=turn))
        curated = world.cut()
    said = [f"q{turn}\n\na{turn}" for turn in range(16)]
    assert learned(curated) == [("\n\n".join([*said, "q16"]), "a16")]


@pytest.mark.parametrize(
    "steps",
    [
        ["trunk liked", "branch disliked"],
        ["branch liked", "other disliked"],
        ["trunk branch liked", "trunk disliked later"],
        ["trunk branch disliked", "trunk liked later"],
        ["trunk disliked branch", "branch liked later"],
        ["branch other liked", "branch disliked later"],
    ],
)
def test_answers_that_are_compared_are_found_in_whichever_generations_they_were_given(world, steps):
    """`trunk`, `branch` and `other` answer one question; a mark is of the one before it, or of one that is there."""
    logger, preferences = InteractionLogger(world.ladder.store.root), []
    for step in steps:
        words = step.split()
        for name, mark in zip(words, [*words[1:], ""], strict=True):
            feedback = {"liked": 1.0, "disliked": -1.0}.get(mark)
            if name in ("trunk", "branch", "other") and step.endswith("later"):
                logger.feedback(f"{LEARNED}{name}/0/q", feedback)
            elif name in ("trunk", "branch", "other"):
                extra = {} if name == "trunk" else {"branch_of": f"{LEARNED}trunk"}
                conversation = f"{LEARNED}{name}"
                world.log(event("q", f"said by {name}", conversation=conversation, extra=extra, feedback=feedback))
        preferences.append(world.cut().frame.filter(pl.col("kind") == "preference").height)
    assert preferences == [0, 1]


@pytest.mark.parametrize("later", [False, True])
def test_a_branch_is_on_the_side_of_the_conversation_whose_turns_it_shares(world, later):
    trunk = [event("q1", "a1", conversation=HELD), event("q2", "a2", conversation=HELD, turn=1)]
    branch = event("q2 again", "b2", conversation=LEARNED, extra={"branch_of": HELD})
    world.log(*trunk, *([] if later else [branch]))
    first = world.cut()
    if later:
        world.log(branch)
    rows = (world.cut() if later else first).frame.filter(pl.col("conversation_id") == LEARNED)
    assert rows["split"].unique().to_list() == ["validation"]


def test_what_was_made_from_an_example_may_be_near_it(world):
    """Another layout of the same code is no duplicate: somebody asked for it."""
    code = "def add(numbers):\n    total = 0\n    for number in numbers:\n        total += number\n    return total\n"
    laid_out = code.replace("    ", "  ")
    made = {"source": "synthesize", "extra": {"augmented_from": "x", "augmentation": "layout"}}
    world.log(write(code, True), write(laid_out, True, turn=1, interaction_id="x2", **made))
    assert {row for _, row in learned(world.cut(), "code_generation")} == {code, laid_out}
    world.log(write(laid_out + "\n\n# once more", True, turn=2, interaction_id="x3"))
    assert learned(world.cut(), "code_generation") == []


def test_forgetting_throws_the_index_away_and_what_was_forgotten_may_be_learned_anew(world):
    world.log(event("q", "a"), event("r", "b", conversation=ALSO))
    world.cut()
    world.log(event("s", "c", conversation=ALSO, turn=1))
    world.cut()
    assert world.ladder.store.exists("index")
    world.ladder.log.forget(Criteria(conversation=LEARNED))
    assert not world.ladder.store.exists("index")
    world.log(event("q", "a", conversation=LEARNED + "x", interaction_id="new"), event("r", "b", conversation="dx"))
    curated = world.cut()
    assert learned(curated, "conversation") == [("q", "a")]
    assert curated.dropped == {"duplicate of an earlier generation": 1}
