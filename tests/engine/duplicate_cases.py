"""What must leave because it is there already, and what must stay: each case a plant of its own."""

from __future__ import annotations

from datetime import timedelta

from tests.engine.curating import MOMENT
from tests.engine.planted_examples import Case, Prose, edited, held, ran, row, text
from vibe_pipeline.curate.dedup import reasons

prose = Prose(__name__)


def two_that_are_the_same() -> Case:
    said = text(prose())
    return Case(
        then=[row("one", "Tell me more", said), row("liked", " tell ME more".title(), said, success=True)],
        gone={"one": reasons.NEARLY_TWICE},
    )


def the_very_same_twice() -> Case:
    said = text(prose())
    return Case(
        then=[row("liked", "Go on", said, feedback=1.0), row("one", "Go on\n", f" {said}")],
        gone={"one": reasons.TWICE},
    )


def the_better_vouched_of_near_duplicates_stays() -> Case:
    words = prose()
    return Case(
        then=[row("one", "Tell it", text(words)), row("worked", "Tell it!", text(edited(words, 2)), success=True)],
        gone={"one": reasons.NEARLY_TWICE},
    )


def the_later_of_equally_vouched_near_duplicates_stays() -> Case:
    asks, words = text(prose(30)), prose()
    later = {"occurred_at": MOMENT + timedelta(hours=1)}
    return Case(
        then=[row("old", asks, text(words)), row("new", f"Please: {asks}", text(edited(words, 2)), **later)],
        gone={"old": reasons.NEARLY_TWICE},
    )


def near_duplicates_that_are_held_out_are_one_item() -> Case:
    asks, words = text(prose(30)), prose()
    return Case(
        then=[held("one", asks, text(words)), held("liked", f"{asks}!", text(edited(words, 2)), success=True)],
        gone={"one": reasons.NEARLY_TWICE},
    )


def two_wordings_of_a_question_with_one_long_answer_both_stay() -> Case:
    said = text(prose())
    return Case(then=[row("one", "What does the parser do?", said), row("two", "Explain how we parse.", said)])


def short_texts_that_differ_in_a_word_both_stay() -> Case:
    return Case(
        then=[row("one", "What is the capital of Peru?", "Lima."), row("two", "What is the tip of Peru?", "Lima")]
    )


def a_long_question_with_other_words_in_it_and_another_short_answer_stays() -> Case:
    asks = prose(40)
    return Case(then=[row("one", text(asks), "Yes."), row("two", text(edited(asks, 1)), "No.")])


def a_long_question_asked_nearly_so_with_the_same_short_answer_is_one() -> Case:
    asks = prose(60)
    return Case(
        then=[row("one", text(asks), "Yes."), row("liked", text(edited(asks, 1)), " YES.", success=True)],
        gone={"one": reasons.NEARLY_TWICE},
    )


OPERATORS = """def bits_of(number):
    total = 0
    while number > 0:
        number = number & (number - 1)
        total = total + 1
    return total if total else None
"""


def code_that_differs_in_an_operator_and_in_whether_it_works_both_stay() -> Case:
    return Case(then=[ran("right", OPERATORS, True), ran("wrong", OPERATORS.replace("&", "^"), False)])


def two_answers_to_one_question_of_which_one_was_liked() -> Case:
    return Case(
        then=[row("one", "Which port?", "80"), row("liked", "Which port?", "8080", feedback=1.0)],
        gone={"one": reasons.CONTRADICTS},
    )


def two_programs_for_one_task_both_stay() -> Case:
    task = {"action": "generate", "success": True}
    return Case(then=[row("one", "Add up", "sum(them)", **task), row("two", "Add up", "reduce(add, them, 0)", **task)])


def of_a_chain_of_near_duplicates_the_ends_stay() -> Case:
    """What is no near-duplicate of anything that stays is not lost because of what left."""
    asks, words = text(prose(30)), prose(200)
    middle = edited(words, 8)
    end = [f"end{at}" if at % 25 == 3 else word for at, word in enumerate(middle)]
    evidence = [{"success": True, "feedback": 1.0}, {"success": True}, {}]
    rows = [
        row(name, asks + " now" * nth, text(it), **told)
        for nth, (name, it, told) in enumerate(
            zip(("best", "middle", "end"), (words, middle, end), evidence, strict=True)
        )
    ]
    return Case(then=rows, gone={"middle": reasons.NEARLY_TWICE})


def what_an_earlier_generation_taught_nearly_so() -> Case:
    asks, words = text(prose(30)), prose()
    return Case(
        first=[row("before", asks, text(words))],
        then=[row("again", f"{asks} please", text(edited(words, 2)), success=True)],
        gone={"again": reasons.NEARLY_AGAIN},
    )


def what_an_earlier_generation_taught_exactly_so() -> Case:
    said = text(prose())
    return Case(
        first=[row("before", "Say", said)],
        then=[row("again", "Say", said, success=True)],
        gone={"again": reasons.AGAIN},
    )


def what_an_earlier_generation_judged_by_nearly_so() -> Case:
    asks, words = text(prose(30)), prose()
    return Case(
        first=[held("before", asks, text(words))],
        then=[held("again", asks, text(edited(words, 2)))],
        gone={"again": reasons.NEARLY_AGAIN},
    )


def what_many_rows_of_an_earlier_generation_say() -> Case:
    said = prose(60)
    asks = [text(prose(20)) for _ in range(20)]
    return Case(
        first=[row(f"before {n}", it, text(said)) for n, it in enumerate(asks)],
        then=[row(f"again {n}", f"{it} please", text(edited(said, 1))) for n, it in enumerate(asks)],
        gone={f"again {n}": reasons.NEARLY_AGAIN for n in range(20)},
    )


def facts_of_two_names_both_stay() -> Case:
    asks, says = prose(30), prose(40)
    rows = [
        row(name, text([*asks, name]), text([*says, name]), extra={"fact": f"{name} {asks[0]}"})
        for name in ("stat", "lstat")
    ]
    return Case(then=rows)


def what_an_instruction_makes_alike_stays_but_for_what_is_said_twice_behind_it() -> Case:
    """Of two questions behind one instruction most words are the same, and as many of two pages from one template."""
    instruction, asks = text(prose(80)), [prose(12) for _ in range(40)]
    rows = [row(f"{n}", f"{instruction}\n{text(it)}", f"label {n % 2}") for n, it in enumerate(asks)]
    again = [row("retyped", f"{instruction.upper()}: {text(asks[3])}", "label 1", success=True)]
    again += [row("edited", f"{instruction}\n{text(edited(asks[6], 1))}", "label 0", success=True)]
    later = [row("later", f"{instruction}\n{text(edited(asks[9], 1))}", "label 1")]
    later += [row(f"new {n}", f"{instruction}\n{text(prose(12))}", f"label {n % 2}") for n in range(6)]
    return Case(
        first=rows + again,
        then=later,
        gone={"3": reasons.NEARLY_TWICE, "6": reasons.NEARLY_TWICE, "later": reasons.NEARLY_AGAIN},
    )


DUPLICATES = [
    what_an_instruction_makes_alike_stays_but_for_what_is_said_twice_behind_it,
    two_that_are_the_same,
    the_very_same_twice,
    the_better_vouched_of_near_duplicates_stays,
    the_later_of_equally_vouched_near_duplicates_stays,
    near_duplicates_that_are_held_out_are_one_item,
    two_wordings_of_a_question_with_one_long_answer_both_stay,
    short_texts_that_differ_in_a_word_both_stay,
    a_long_question_with_other_words_in_it_and_another_short_answer_stays,
    a_long_question_asked_nearly_so_with_the_same_short_answer_is_one,
    code_that_differs_in_an_operator_and_in_whether_it_works_both_stay,
    two_answers_to_one_question_of_which_one_was_liked,
    two_programs_for_one_task_both_stay,
    of_a_chain_of_near_duplicates_the_ends_stay,
    facts_of_two_names_both_stay,
    what_an_earlier_generation_taught_nearly_so,
    what_an_earlier_generation_taught_exactly_so,
    what_an_earlier_generation_judged_by_nearly_so,
    what_many_rows_of_an_earlier_generation_say,
]
