"""Rules about one example: what each catches and what it must leave alone, in every way a rule can be set."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from tests.engine.curating import Curated, World, event, on_side
from tests.engine.quality_cases import (
    ALIKE,
    ANSWERED,
    CAUGHT,
    CHINESE,
    COUNTED_ON,
    CUT,
    DECLINED,
    ENGLISH,
    GOOD,
    JAPANESE,
    LOOPS,
    REFUSED,
    STATES,
    WENT_ON,
    WHOLE,
    WORDS_REFUSED,
    WORDS_WANTED,
    said,
)
from vibe_pipeline.curate.quality import rules
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.settings import Curate, Quality

WORDS = {rule.name: rule.words for rule in rules(Quality())}


def curated(home, action: str | None = None) -> Curated:
    """One of everything, with every rule set to the same; None: as it comes."""
    actions = {name: action for name in WORDS if action}
    world = World(home, Curate(quality=Quality(languages=("en",), longest=600, **actions)))
    world.log(*GOOD, *(it for caught in CAUGHT.values() for it in caught))
    return world.cut()


@pytest.fixture(scope="module", params=["drop", "mark", "off", None])
def setting(request, tmp_path_factory) -> tuple[str | None, Curated]:
    return request.param, curated(tmp_path_factory.mktemp("world"), request.param)


def test_a_rule_drops_marks_or_says_nothing_as_it_is_set(setting):
    action, made = setting
    marks = {row["interaction_ids"][0]: [it for it in row["reasons"] if it[0] == "-"] for row in made.frame.to_dicts()}
    dropped = Counter()
    for name, caught in CAUGHT.items():
        does = action or getattr(Quality(), name)
        dropped.update({WORDS[name]: len(caught)} if does == "drop" else {})
        wanted = {"drop": None, "mark": [f"-{name}"], "off": []}[does]
        assert [marks.get(it.interaction_id) for it in caught] == [wanted] * len(caught), name
    assert made.dropped == dropped
    assert [marks.get(it.interaction_id) for it in GOOD] == [[]] * len(GOOD)


def test_evidence_raises_quality_and_marks_lower_it(setting):
    action, made = setting
    quality = {row["interaction_ids"][0]: round(row["quality"], 2) for row in made.frame.to_dicts()}
    assert quality[GOOD[0].interaction_id] == 0.6
    assert quality[GOOD[1].interaction_id] == 1.0
    short = CAUGHT["short"][0].interaction_id
    assert quality.get(short) == {"drop": None, "mark": 0.4, "off": 0.6, None: 0.4}[action]


def test_a_fix_that_was_disliked_is_counted_and_not_learned(tmp_path):
    world, conversation = World(tmp_path), on_side("fix ")
    failing = event("print(1", "SyntaxError", conversation=conversation, action="run", success=False)
    fixed = event("print(1)", "1", conversation=conversation, turn=1, action="run", success=True, feedback=-1.0)
    world.log(failing, fixed)
    made = world.cut()
    assert "error_correction" not in made.frame["kind"]
    assert made.dropped == {WORDS["failed"]: 1}


def test_a_language_that_the_detector_does_not_know_is_refused_in_one_line(tmp_path):
    world = World(tmp_path, Curate(quality=Quality(languages=("en", "zz"))))
    world.log(said(ENGLISH))
    with pytest.raises(SettingsInvalid, match=r"languages: 'zz' is no language .* ISO 639-1 .*'en'"):
        world.cut()


def test_languages_without_a_detector_are_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fasttext", None)  # as if it were not installed
    world = World(tmp_path, Curate(quality=Quality(languages=("en",))))
    world.log(said(ENGLISH))
    with pytest.raises(SettingsInvalid, match=r"needs a language detector.*\n?.*vibe-pipeline\[languages\]"):
        world.cut()


def test_refusals_and_loops_are_known_in_other_languages_and_answers_are_neither(tmp_path):
    world = World(tmp_path)
    world.log(*map(said, (*DECLINED, *LOOPS, *ANSWERED, CHINESE, JAPANESE, STATES)))
    world.log(said("Ich kann das leider nicht optimieren.", action="optimize", success=True))
    made = world.cut()
    assert set(made.frame["completion"]) == {*ANSWERED, CHINESE, JAPANESE, STATES}
    assert made.dropped == {WORDS["refusal"]: len(DECLINED) + 1, WORDS["repetition"]: len(LOOPS)}


def test_who_asks_for_a_translation_or_a_letter_may_be_given_words_that_decline(tmp_path):
    world = World(tmp_path)
    world.log(*(said(answer, question) for question, answer in (*WORDS_WANTED, *WORDS_REFUSED)))
    made = world.cut()
    assert set(made.frame["completion"]) == {answer for _, answer in WORDS_WANTED}
    assert made.dropped == {WORDS["refusal"]: len(WORDS_REFUSED)}


@pytest.mark.parametrize(
    ("rule", "caught", "kept"),
    [("refusal", REFUSED, WENT_ON), ("truncated", CUT, WHOLE), ("repetition", COUNTED_ON, ALIKE)],
)
def test_what_only_looks_like_a_fault_is_kept(tmp_path, rule, caught, kept):
    world = World(tmp_path)
    world.log(*map(said, (*caught, *kept)))
    made = world.cut()
    assert set(made.frame["completion"]) == set(kept)
    assert made.dropped == {WORDS[rule]: len(caught)}


@pytest.mark.parametrize("phrase", ["I’m sorry", "i'M SORRY"])
def test_a_phrase_is_found_whatever_its_apostrophe_and_case(tmp_path, phrase):
    world = World(tmp_path, Curate(quality=Quality(corporate_phrases=(phrase, "C++ (or so)"), corporate="drop")))
    told = (
        "Well, I'm sorry for that.",
        "Well, I’m sorry for that.",
        "It is c++ (or so), I think.",
        "It is what it is.",
    )
    world.log(*map(said, told))
    assert (made := world.cut()).dropped == {WORDS["corporate"]: 3}
    assert made.frame["completion"].to_list() == list(told[3:])


def test_a_diff_is_whole_wherever_it_cuts_a_block(tmp_path):
    world, diff = World(tmp_path), "-make\n+make all\n ```\n And then wait."
    world.log(event("Make all", action="commit", improvements=(diff,)))
    assert world.cut().frame["completion"].to_list() == [diff]
