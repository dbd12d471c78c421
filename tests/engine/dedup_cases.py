"""What must leave because something else is there, and what must stay: each case a plant of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from tests.engine.curating import MOMENT, event, on_side, probe
from vibe_pipeline.curate.dedup import reasons
from vibe_pipeline.records import Interaction, Probe

VOCABULARY = [
    f"{first}{second}{third}"
    for first in ("ka", "be", "do", "sli", "fre", "mu")
    for second in ("l", "rt", "nd", "s", "mp", "v")
    for third in ("o", "en", "ish", "ar", "ely", "um", "ite")
]
GRAMMAR = ["the", "of", "and", "is", "a", "to"]
"""Words that all texts share."""

seeds = count()


def prose(words: int = 150) -> list[str]:
    """Words that no other call gives in this order."""
    chance = random.Random(next(seeds))
    return [chance.choice(GRAMMAR if chance.random() < 0.3 else VOCABULARY) for _ in range(words)]


def text(words: list[str]) -> str:
    return " ".join(words)


def edited(words: list[str], changes: int) -> list[str]:
    """The same with other words at so many places, evenly."""
    places = {len(words) * (2 * nth + 1) // (2 * changes) for nth in range(changes)}
    return [f"new{at}" if at in places else word for at, word in enumerate(words)]


Row = tuple[str, Interaction | Probe]


@dataclass
class Case:
    """Named events of two generations, and which of them must leave for which reason."""

    first: list[Row] = field(default_factory=list)
    then: list[Row] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)

    def only_later(self) -> Case:
        """The same in one generation."""
        return Case([], self.first + self.then, self.gone)


names = count()


def row(name: str, question: str, answer: str, *, held: bool = False, **values) -> Row:
    conversation = on_side(f"{next(names)} ", held=held)
    return name, event(question, answer, conversation=conversation, interaction_id=f"{conversation} {name}", **values)


def held(name: str, question: str, answer: str, **values) -> Row:
    return row(name, question, answer, held=True, **values)


def asked(name: str, question: str) -> Row:
    return name, probe(f"{next(names)}", question)


def program(name: str, code: str, *, held: bool = False) -> Row:
    return row(name, f"Write {next(names)}", code, held=held, action="generate", success=True)


def ran(name: str, code: str, success: bool) -> Row:
    return row(name, code, "it said", action="run", success=success)


# duplicates


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


# leaks


def suite_items_that_were_trained_on_in_other_kinds_and_clothes() -> Case:
    """A suite is born clean of all that is learned, whichever builder made it."""
    alike, quoted, told = prose(), prose(60), prose()
    code = "def area(width, height):\n    if width < 0:\n        return None\n    return width * height + 1\n"
    return Case(
        first=[
            row("code", "Print all of it.", "print(all)", action="generate", success=True),
            row("answer", "How so?", text(alike), action="generate", success=True),
            row("longer", "Which?", f"{text(prose(60))} {text(quoted)}"),
            program("names", code),
            *(row(f"four {n}", f"Why {n}?", text(told)) for n in range(4)),
        ],
        then=[
            held("same", "Print all of it.", "print(all)"),
            held("near", "In which way?", text(edited(alike, 2))),
            held("quoted", "Tell me that part.", text(quoted)),
            program("renamed", code.replace("width", "a").replace("height", "b").replace("area", "c"), held=True),
            held("often", "Why ever?", text(edited(told, 1))),
            held("fact", "Which fact?", text(edited(told, 2)), extra={"fact": "of its own"}),
        ],
        gone={
            "same": reasons.TRAINED_ON,
            **dict.fromkeys(("near", "quoted", "renamed", "often", "fact"), reasons.NEARLY_TRAINED_ON),
        },
    )


def a_suite_item_that_was_nearly_trained_on() -> Case:
    words = prose()
    return Case(
        first=[row("before", "How so?", text(words))],
        then=[held("item", "In which way is that?", text(edited(words, 2)))],
        gone={"item": reasons.NEARLY_TRAINED_ON},
    )


def a_probe_that_was_asked_in_training() -> Case:
    return Case(
        first=[row("before", "Describe the purpose of tape.", "It binds.")],
        then=[asked("item", "describe the purpose of the  TAPE")],
        gone={"item": reasons.TRAINED_ON},
    )


def a_training_row_that_equals_an_item_of_another_kind() -> Case:
    return Case(
        first=[held("item", "Print it.", "print(it)", action="generate", success=True)],
        then=[row("leak", "Print it.", "print(it)")],
        gone={"leak": reasons.EQUAL},
    )


def a_training_row_with_the_answer_of_an_item() -> Case:
    words = prose()
    return Case(
        first=[held("item", "Who?", text(words))],
        then=[row("leak", "Which of them?", text(edited(words, 2)).title() + "!")],
        gone={"leak": reasons.NEAR},
    )


def a_training_row_with_the_long_question_and_the_short_answer_of_an_item() -> Case:
    asks = prose(60)
    return Case(
        first=[held("item", text(asks), "Forty-two.")],
        then=[row("leak", text(edited(asks, 1)), "forty-two."), row("other", text(edited(asks, 2)), "Forty-three.")],
        gone={"leak": reasons.NEAR},
    )


def a_training_row_that_quotes_an_item() -> Case:
    words = prose(80)
    return Case(
        first=[held("item", "Say what it is.", text(words))],
        then=[
            row("leak", "Sum up", text([*prose(80), *words, *prose(80)])),
            row("asking", f"Is this right? {text(words)}", "Not quite, I would say, since some of it is wrong."),
            row("part", "Sum up this", text([*prose(80), *words[:25], *prose(80)])),
        ],
        gone={"leak": reasons.QUOTES, "asking": reasons.QUOTES},
    )


NAMED = """def merge(left, right):
    result = []
    while left and right:
        result.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
    return result + left + right
"""


def a_training_row_that_is_an_item_with_other_names() -> Case:
    renamed = NAMED
    for name, other in (("merge", "join_sorted"), ("left", "a"), ("right", "b"), ("result", "out")):
        renamed = renamed.replace(name, other)
    return Case(
        first=[program("item", NAMED, held=True)],
        then=[
            program("leak", renamed),
            program("other", NAMED.replace("<=", ">=").replace("+", "-")[: len(NAMED) // 2]),
        ],
        gone={"leak": reasons.RENAMED},
    )


def what_a_probe_asks_in_other_spellings() -> Case:
    return Case(
        first=[asked("item", "Describe the purpose of os.lstat.")],
        then=[
            row("spelt", "please DESCRIBE the purpose of `os.lstat`", "anything"),
            row("turned", "Of os.lstat, describe the purpose!", "something"),
            row("paraphrase", "What is os.lstat good for?", "It tells of a link."),
            row("neighbour", "Describe the purpose of os.stat.", "It tells of a file."),
        ],
        gone={"spelt": reasons.ASKED, "turned": reasons.ASKED},
    )


def what_many_items_say_is_no_quote() -> Case:
    """A licence, a greeting: what many items share tells nothing of any of them."""
    boilerplate = text(prose(60))
    items = [held(f"item {n}", f"Which of {n}?", f"{boilerplate} {text(prose(30))}") for n in range(12)]
    return Case(first=items, then=[row("other", "Which?", f"{boilerplate} {text(prose(60))}")])


def a_template_costs_no_training() -> Case:
    """Items that a template makes tell of it, and not of each other."""
    template = prose(26)
    items = [held(f"item {n}", f"What is {n}?", text([*template[:9], f"name{n}", *template[9:]])) for n in range(12)]
    return Case(first=items, then=[row("other", "What is 12?", text([*template[:9], "name12", *template[9:]]))])


def the_answer_to_many_questions_is_no_leak_but_with_one_of_them() -> Case:
    said, asks = text(prose(60)), [text(prose(30)) for _ in range(6)]
    items = [held(f"item {n}", it, said) for n, it in enumerate(asks)]
    return Case(
        first=items,
        then=[row("leak", f"{asks[3]} please", f"{said} indeed"), row("other", text(prose(30)), said)],
        gone={"leak": reasons.NEAR},
    )


def signs_that_ask_something_else() -> Case:
    return Case(
        first=[asked("item", "What does |= do here?"), asked("other", "Who made C++?")],
        then=[
            row("plus", "What does += do here?", "It adds."),
            row("sharp", "Who made C#?", "Somebody at Microsoft."),
            row("leak", "who made c++", "Bjarne."),
        ],
        gone={"leak": reasons.ASKED},
    )


def a_probe_of_empty_words_alone_says_nothing_of_texts_without_a_question() -> Case:
    return Case(
        first=[asked("item", "Could you do it for me, please?")],
        then=[
            row("document", "", text(prose()), action="document"),
            row("leak", "please do it, could you, for me", "Gladly."),
        ],
        gone={"leak": reasons.ASKED},
    )


def facts_of_two_names_both_stay() -> Case:
    asks, says = prose(30), prose(40)
    rows = [
        row(name, text([*asks, name]), text([*says, name]), extra={"fact": f"{name} {asks[0]}"})
        for name in ("stat", "lstat")
    ]
    return Case(then=rows)


def neighbours_that_share_nothing_but_a_topic_stay() -> Case:
    return Case(
        first=[held("item", "How are files opened?", text(prose()))],
        then=[row("other", "How are files opened quickly?", text(prose()))],
    )


DUPLICATES = [
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
    suite_items_that_were_trained_on_in_other_kinds_and_clothes,
    a_suite_item_that_was_nearly_trained_on,
    a_probe_that_was_asked_in_training,
]
LEAKS = [
    a_training_row_that_equals_an_item_of_another_kind,
    a_training_row_with_the_answer_of_an_item,
    a_training_row_with_the_long_question_and_the_short_answer_of_an_item,
    a_training_row_that_quotes_an_item,
    a_training_row_that_is_an_item_with_other_names,
    what_a_probe_asks_in_other_spellings,
    signs_that_ask_something_else,
    a_probe_of_empty_words_alone_says_nothing_of_texts_without_a_question,
    the_answer_to_many_questions_is_no_leak_but_with_one_of_them,
    what_many_items_say_is_no_quote,
    a_template_costs_no_training,
    neighbours_that_share_nothing_but_a_topic_stay,
]


CASES = {of.__name__.replace("_", " "): of() for of in (*DUPLICATES, *LEAKS)}
AT_ONCE = {of.__name__.replace("_", " "): CASES[of.__name__.replace("_", " ")] for of in LEAKS}
