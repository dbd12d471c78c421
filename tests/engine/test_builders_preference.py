"""preference over hand-made chats: which answer a person would say was chosen, and why."""

from dataclasses import replace

import pytest

from tests.engine.building import event, learned, remark
from tests.engine.importing import EXCHANGE, read

BRANCH = {"conversation_id": "b", "source": "import:chatgpt_export"}


def pairs(*events, before=()):
    return [
        (row["completion"], row["rejected"], row["evidence"]) for row in learned("preference", *events, before=before)
    ]


def branch(answer, text="q", turn=0, **extra):
    return event(text, answer, turn=turn, **BRANCH, extra={"branch_of": "c", **extra})


def again(answer, turn=0, *, feedback=None, rank=None, **values):
    extra = {} if rank is None else {"rank": rank}
    return event("q", answer, turn=turn, feedback=feedback, extra=extra, **values)


def test_a_pair_of_the_source_is_learned_with_the_turns_before_it():
    rows = learned("preference", event("p", "x"), event("q", "good", turn=1, extra={"rejected": ["bad", "worse"]}))
    assert [(row["prompt"], row["question"], row["completion"], row["rejected"]) for row in rows] == [
        ("p\n\nx\n\nq", "q", "good", "bad"),
        ("p\n\nx\n\nq", "q", "good", "worse"),
    ]
    assert rows[0]["interaction_ids"] == ["c/0/p/x", "c/1/q/good"]
    assert rows[0]["evidence"] == ["preferred"]


def test_an_edit_is_preferred_to_what_it_replaced():
    draft = event("q", "draft", improvements=("better",))
    assert pairs(draft, remark(draft, text="final")) == [("final", "draft", ["edited"])]


def test_an_edit_of_an_answer_that_was_liked_rejects_nothing():
    assert pairs(event("q", "a table", improvements=("a key-value table",), feedback=1.0)) == []


def test_of_retries_the_liked_one_is_preferred_to_the_disliked_in_either_order():
    assert pairs(again("bad", feedback=-1.0), again("good", 1, feedback=1.0)) == [("good", "bad", ["feedback"])]
    assert pairs(again("good", feedback=1.0), again("bad", 1, feedback=-1.0)) == [("good", "bad", ["feedback"])]


def test_the_prompt_of_a_retry_does_not_hold_the_try_before():
    rows = learned("preference", event("p", "x"), again("bad", 1, feedback=-1.0), again("good", 2, feedback=1.0))
    assert [row["prompt"] for row in rows] == ["p\n\nx\n\nq"]


@pytest.mark.parametrize(
    ("first", "second", "is_pair"),
    [(5.0, 1.0, True), (5.0, 2.0, True), (5.0, 4.0, False), (1.0, 0.0, False), (1.0, None, False), (-1.0, -2.0, False)],
)
def test_a_score_of_at_most_half_is_clearly_worse(first, second, is_pair):
    assert bool(pairs(again("a", feedback=first), again("b", 1, feedback=second))) == is_pair


def test_ranked_answers_give_the_best_against_each_that_is_worse():
    ranked = [again(f"answer {rank}", turn, rank=rank) for turn, rank in enumerate((2, 0, 1))]
    assert pairs(*ranked) == [("answer 0", "answer 2", ["ranked"]), ("answer 0", "answer 1", ["ranked"])]


@pytest.mark.parametrize("values", [{"feedback": 1.0}, {"rank": 0}], ids=str)
def test_a_tie_is_no_preference(values):
    assert pairs(again("a", **values), again("b", 1, **values)) == []


@pytest.mark.parametrize("other", [" good\n", "", "  "])
def test_equal_and_empty_texts_are_no_pair(other):
    liked = event("q", "good", extra={"rejected": other})
    assert pairs(liked, again(other, 1, feedback=-1.0), again("good", 2, feedback=1.0)) == []


@pytest.mark.parametrize("other", ["if x:\r\n    y\r\n\r\nz", "if x: \n    y\t\n  \nz"])
def test_texts_that_differ_where_lines_end_are_no_pair(other):
    code = "if x:\n    y\n\nz"
    assert pairs(event("q", code, improvements=(other,))) == []
    assert pairs(event("q", code, extra={"rejected": other})) == []
    assert pairs(again(other, feedback=-1.0), again(code, 1, feedback=1.0)) == []
    assert pairs(event("q", code, improvements=(code.replace("    y", "  y"),)))


def test_an_answer_that_was_both_liked_and_disliked_is_neither_chosen_nor_rejected():
    assert pairs(again("a", feedback=1.0), again("a", 1, feedback=-1.0), again("b", 2, feedback=1.0)) == []


def test_the_same_words_in_another_place_are_another_question():
    """What "go on" asks for depends on what was said."""
    told = [event("go on", "good", feedback=1.0), event("else?", "so"), event("go on", "bad", feedback=-1.0)]
    assert pairs(*(event(it.input, it.output, turn=turn, feedback=it.feedback) for turn, it in enumerate(told))) == []


@pytest.mark.parametrize(
    "words",
    [
        "continue", "Continue.", "go on!", "please continue", "Yes, please", "ok", "OK, next", "y", "2", "tell me more",
        "weiter", "Ja, bitte weiter", "continúa", "sí", "continuez", "vai avanti", "prossegue", "Продолжай!",
        "继续。", "続けて", "続けてください", "계속해 주세요", "...",
    ],
)  # fmt: skip
def test_who_asks_to_go_on_twice_does_not_ask_for_another_answer(words):
    told = [event(words, "part two", turn=1, feedback=1.0), event(words, "part three", turn=2, feedback=-1.0)]
    assert pairs(event("Tell me a story", "part one"), *told) == []
    assert pairs(*(replace(it, action="generate") for it in told)) == []


@pytest.mark.parametrize(
    "words",
    [
        "continue with TCP",
        "Is it ok?",
        "What is next to it?",
        "Wie geht es weiter mit ihr?",
        "为什么继续?",
        "yes or no?",
    ],
)
def test_a_question_that_only_begins_so_is_a_retry(words):
    told = [event(words, "good", turn=1, feedback=1.0), event(words, "bad", turn=2, feedback=-1.0)]
    assert pairs(*told) == [("good", "bad", ["feedback"])]


def test_where_the_source_says_that_it_was_asked_again_even_going_on_was():
    old = event("go on", "old", turn=1, feedback=-1.0)
    new = event("go on", "new", turn=2, feedback=1.0, extra={"alternatives": ["old"]})
    assert pairs(event("q", "a"), old, new) == [("new", "old", ["feedback", "regenerated"])]
    ranked = [event("go on", f"answer {rank}", turn=rank, extra={"rank": rank}) for rank in (0, 1)]
    assert pairs(*ranked) == [("answer 0", "answer 1", ["ranked"])]
    trunk = [event("q", "a"), event("go on", "old", turn=1, feedback=-1.0)]
    assert pairs(*trunk, replace(branch("new", text="go on"), feedback=1.0)) == [("new", "old", ["feedback"])]


def test_the_same_question_in_two_conversations_is_not_compared():
    """What was liked in one was liked beside other answers."""
    assert pairs(again("bad", feedback=-1.0), again("good", feedback=1.0, conversation_id="d")) == []


def test_a_regenerated_answer_that_stands_is_preferred_and_told_in_its_place():
    told = [event("p", "x"), event("q", "old", turn=1), branch("new", alternatives=["old"])]
    (row,) = learned("preference", *told)
    assert (row["prompt"], row["completion"], row["rejected"]) == ("p\n\nx\n\nq", "new", "old")
    assert (row["conversation_id"], row["evidence"]) == ("c", ["regenerated"])
    assert row["interaction_ids"] == ["c/0/p/x", "c/1/q/old", "b/0/q/new"]


def test_a_first_answer_that_was_gone_back_to_is_preferred():
    standing = event("q", "old", extra={"alternatives": ["new"]})
    assert pairs(standing, branch("new")) == [("old", "new", ["regenerated"])]


@pytest.mark.parametrize("source", ["myapp", "import:table", "import:chatgpt_export", "otlp"])
def test_a_pair_is_told_by_the_row_that_names_both_whatever_its_source(source):
    standing = event("q", "old", extra={"alternatives": ["new"]}, source=source)
    assert pairs(standing) == [("old", "new", ["regenerated"])]
    assert pairs(branch("new"), before=[standing]) == []


@pytest.mark.parametrize("source", ["myapp", "import:openai_chat"])
def test_the_choices_of_one_call_are_no_preference(source):
    choices = [{"message": {"role": "assistant", "content": text}} for text in ("one", "two")]
    (first,) = read({"request": {"messages": [EXCHANGE[0]]}, "response": {"choices": choices}})
    assert pairs(replace(first, source=source)) == []


@pytest.mark.parametrize(
    ("standing", "other", "found"),
    [
        (-1.0, None, []),
        (None, 1.0, []),
        (1.0, -1.0, [("new", "old", ["feedback", "regenerated"])]),
        (-1.0, 1.0, [("old", "new", ["feedback"])]),
    ],
)
def test_what_was_said_outright_stands_against_what_was_only_asked_again(standing, other, found):
    new = branch("new", alternatives=["old"])
    told = [remark(it, score=score) for it, score in ((new, standing), (event("q", "old"), other)) if score]
    assert pairs(event("q", "old"), new, *told) == found


def failures(*events):
    return {(row["completion"], row["failure"]) for row in learned("preference", *events)}


@pytest.mark.parametrize(
    ("values", "failure"),
    [
        ({"error_type": "TypeError"}, "TypeError"),
        ({"error_type": "length"}, "length"),
        ({}, "failed"),
        ({"feedback": 1.0}, None),
        ({"success": None}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("extra", [{"rejected": "bad"}, {"rank": 0}, {"alternatives": ["bad"]}], ids=str)
def test_a_chosen_answer_that_failed_or_was_cut_off_fails_but_where_somebody_liked_it(values, failure, extra):
    chosen = event("q", "good", turn=1, extra=extra, **{"success": False, **values})
    assert failures(again("bad", rank=1), chosen) == {("good", failure)}


def test_an_edit_of_an_answer_that_failed_fails_not():
    assert failures(event("q", "cut o", success=False, improvements=("whole",))) == {("whole", None)}


def test_a_pair_of_which_one_answer_of_the_same_words_worked_fails_not():
    told = [again("good", success=False, rank=0), again("good", 1, rank=0, success=True), again("bad", 2, rank=1)]
    assert failures(*told) == {("good", None)}


def test_pairs_that_contradict_each_other_outright_are_both_left_out():
    assert pairs(again("a", feedback=1.0), event("q", "b", turn=1, feedback=-1.0, extra={"rejected": "a"})) == []


def test_late_feedback_makes_a_pair_of_its_own_generation():
    bad, good = again("bad", feedback=-1.0), again("good", 1)
    assert pairs(bad, good) == []
    assert pairs(remark(good, score=1.0), before=[bad, good]) == [("good", "bad", ["feedback"])]
    before = [bad, good, event("r", "s", turn=2)]
    assert pairs(event("t", "u", turn=3), remark(event("z", "z"), score=1.0), before=before) == []


def test_generated_code_is_compared_without_what_stands_around():
    told = [
        event("write", code, action="generate", turn=turn, feedback=score)
        for turn, code, score in ((0, "bad", -1.0), (5, "good", 1.0))
    ]
    assert pairs(*told) == [("good", "bad", ["feedback"])]


def test_a_branch_with_words_of_its_own_has_no_place_in_the_conversation():
    told = [event("q", "old", feedback=-1.0), branch("new", text="q, but shorter")]
    assert pairs(*told, remark(told[1], score=1.0)) == []


GOING_ON = event("r", "s", turn=3)


def test_a_disliked_answer_that_was_asked_again_and_gone_on_from_is_rejected():
    told = [again("bad", feedback=-1.0), again("worse", 1, feedback=-1.0), again("good", 2)]
    found = [("good", "bad", ["regenerated"]), ("good", "worse", ["regenerated"])]
    assert pairs(*told, GOING_ON) == found
    assert pairs(GOING_ON, before=told) == found
    assert pairs(event("t", "u", turn=4), before=[*told, GOING_ON]) == []


@pytest.mark.parametrize(
    "told",
    [
        [again("bad", feedback=-1.0), again("good", 1)],
        [again("bad"), again("good", 1), GOING_ON],
        [again("bad", feedback=-1.0), again("no better", 1, feedback=-1.0), GOING_ON],
        [again("bad", feedback=-1.0), again("draft", 1, feedback=1.0, improvements=("better",))],
        [again("bad", feedback=-1.0), event("else?", "so", turn=1), again("good", 2), GOING_ON],
        [event("go on", "bad", feedback=-1.0), event("go on", "more", turn=1), GOING_ON],
        [again("bad", feedback=-1.0), event("q", "good", turn=1, extra={"system": "Be brief."}), GOING_ON],
    ],
    ids=["not gone on", "not disliked", "disliked too", "edited", "asked later", "next part", "told otherwise"],
)
def test_what_was_asked_again_is_no_pair_where_nobody_chose(told):
    assert not any("regenerated" in evidence for _, _, evidence in pairs(*told))


def test_a_pair_has_the_instruction_that_both_were_answered_under():
    told = {"system": "Be brief."}
    rows = learned("preference", event("p", "x"), event("q", "good", turn=1, extra={**told, "rejected": "bad"}))
    assert [(row["prompt"], row["question"]) for row in rows] == [("Be brief.\n\np\n\nx\n\nq", "q")]


def test_an_answer_that_was_given_again_in_a_branch_is_paired_in_its_place_there():
    trunk = [event("p", "x"), event("q", "old", turn=1)]
    branched = {"conversation_id": "b", "extra": {"branch_of": "c", "branch_turn": 1}}
    again_there = {"branch_of": "c", "branch_from": "b", "branch_turn": 1, "alternatives": ["one"]}
    told = [
        *trunk,
        event("r", "y", turn=0, **branched),
        event("s", "one", turn=1, **branched),
        event("s", "two", turn=0, conversation_id="d", extra=again_there),
    ]
    (row,) = learned("preference", *told)
    assert (row["prompt"], row["completion"], row["rejected"]) == ("p\n\nx\n\nr\n\ny\n\ns", "two", "one")
    assert row["interaction_ids"] == ["c/0/p/x", "b/0/r/y", "b/1/s/one", "d/0/s/two"]
