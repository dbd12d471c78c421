"""What must leave because it tells of an item, or was taught, and what must stay: each case a plant of its own."""

from __future__ import annotations

import html
import json

from tests.engine.planted_examples import Case, Prose, asked, edited, held, program, row, talk, text
from vibe_pipeline.curate.dedup import reasons

prose = Prose(__name__)


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


def a_suite_item_that_many_rows_or_one_conversation_taught() -> Case:
    copied, quoted = prose(60), prose(60)
    drafts = ((text(prose(8)), text([*prose(60), *quoted[:40], *prose(60)])) for n in range(6))
    copies = [row(f"copy {n}", text(prose(8)), text([*prose(80), *copied, *prose(80)])) for n in range(10)]
    return Case(
        first=[*copies, *talk("draft", *drafts)],
        then=[held("copied", text(prose(8)), text(copied)), held("quoted", text(prose(8)), text(quoted))],
        gone=dict.fromkeys(("copied", "quoted"), reasons.NEARLY_TRAINED_ON),
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
            row("part", "Sum up this", text([*prose(80), *words[:16], *prose(80)])),
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


def a_letterhead_that_few_items_have_and_many_rows_costs_neither() -> Case:
    """Nor does it matter how a log was cut: what earlier rows say counts as well."""
    letterhead = text(prose(30))
    rows = [row(f"row {n}", text(prose(8)), f"{text(prose(30))} {letterhead}") for n in range(12)]
    items = [held(f"item {n}", text(prose(8)), f"{text(prose(30))} {letterhead}") for n in range(2)]
    return Case(first=[*rows[:6], items[0]], then=[*rows[6:], items[1]])


def an_item_that_was_copied_into_many_rows_is_a_leak_in_each() -> Case:
    words = prose(60)
    copies = [row(f"copy {n}", text(prose(8)), text([*prose(80), *words, *prose(80)])) for n in range(10)]
    return Case(
        first=[held("item", text(prose(8)), text(words)), *copies[:5]],
        then=copies[5:],
        gone={f"copy {n}": reasons.QUOTES for n in range(10)},
    )


def what_one_conversation_quotes_often_is_no_letterhead() -> Case:
    words = prose(60)
    drafts = talk("draft", *((text(prose(8)), text([*prose(60), *words[:40], *prose(60)])) for n in range(6)))
    return Case(
        first=[held("item", text(prose(8)), text(words))],
        then=drafts,
        gone={f"draft {n}": reasons.QUOTES for n in range(6)},
    )


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


def what_one_conversation_says_often_is_a_leak_all_the_same() -> Case:
    """Drafts of one answer, and answers to one question: one says them, and boilerplate is what many say."""
    said, asks = prose(), text(prose(30))
    drafts = [(f"Draft {n}: {text(prose(6))}", text(edited(said, n))) for n in range(1, 7)]
    answers = [(asks, f"{answer}.") for answer in ("one", "two", "three", "four", "five", "six")]
    return Case(
        first=talk("said", *(turn for both in zip(drafts, answers, strict=True) for turn in both), held=True),
        then=[row("leak", "What was pasted?", drafts[3][1]), row("edited", text(edited(asks.split(), 1)), "two.")],
        gone={"leak": reasons.NEAR, "edited": reasons.NEAR},
    )


def a_template_in_one_conversation_costs_no_training() -> Case:
    """Where answers are short the questions tell what is a template, whoever asks them."""
    template = text(prose(80))
    asks = [f"{template} {text(prose(8))}" for _ in range(24)]
    return Case(
        first=talk("item", *((it, f"yes {n % 2}") for n, it in enumerate(asks[:12])), held=True),
        then=[row(f"row {n}", it, f"yes {n % 2}") for n, it in enumerate(asks[12:])],
    )


def an_item_as_tools_show_it_and_as_others_type_it() -> Case:
    code, numbered, said = ("\n    ".join(text(prose(8)) for _ in range(12)) for _ in range(3))
    russian = said.translate(str.maketrans("abdefiklmnoprstuvy", "абдёфиклмнопрстувы"))
    listed = "\n".join(f"{at:6}\t{line}" for at, line in enumerate(numbered.split("\n"), 1))
    items = [held(f"item {n}", f"Which {n}?", it) for n, it in enumerate((code, numbered, russian))]
    return Case(
        first=items,
        then=[
            row("dumped", "What was sent?", json.dumps({"path": "x", "content": code})),
            row("listed", "What was read?", listed),
            row("typed", "What was said?", russian.replace("ё", "е").upper()),
        ],
        gone=dict.fromkeys(("dumped", "listed", "typed"), reasons.NEAR),
    )


def an_item_in_a_log_and_on_a_page() -> Case:
    said = ["\n".join(f"{text(prose(4))}'s < '{text(prose(5))}'" for _ in range(8)) for _ in range(4)]
    moments = (f"2024-03-02T12:{at:02}:07.123Z {line}" for at, line in enumerate(said[0].split("\n")))
    paragraphs = "".join(f"<p>{html.escape(line)}</p>\n" for line in said[3].split("\n"))
    return Case(
        first=[held(f"item {n}", f"What stands in number {n}?", it) for n, it in enumerate(said)],
        then=[
            row("dated", "What was printed?", "\n".join(moments)),
            row("named", "What did they print?", "web-1  | " + said[1].replace("\n", "\nweb-1  | ")),
            row("escaped", "What is on it?", html.escape(said[2])),
            row("paragraphs", "What is on the page?", paragraphs),
        ],
        gone=dict.fromkeys(("dated", "named", "escaped", "paragraphs"), reasons.NEAR),
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


def neighbours_that_share_nothing_but_a_topic_stay() -> Case:
    return Case(
        first=[held("item", "How are files opened?", text(prose()))],
        then=[row("other", "How are files opened quickly?", text(prose()))],
    )


def what_an_instruction_makes_alike_is_no_leak_but_with_the_words_behind_it() -> Case:
    instruction, asks = text(prose(80)), [prose(12) for _ in range(24)]
    items = [held(f"item {n}", f"{instruction}\n{text(it)}", f"yes {n % 2}") for n, it in enumerate(asks[:12])]
    rows = [row(f"row {n}", f"{instruction}\n{text(it)}", f"yes {n % 2}") for n, it in enumerate(asks[12:])]
    leaks = [row("retyped", f"{instruction.upper()}: {text(asks[2])}", "yes 0")]
    leaks += [row("edited", f"{instruction}\n{text(edited(asks[1], 1))}", "yes 1")]
    return Case(first=items, then=rows + leaks, gone={"retyped": reasons.EQUAL, "edited": reasons.NEAR})


BORN_CLEAN = [
    suite_items_that_were_trained_on_in_other_kinds_and_clothes,
    a_suite_item_that_was_nearly_trained_on,
    a_suite_item_that_many_rows_or_one_conversation_taught,
    a_probe_that_was_asked_in_training,
]
LEAKS = [
    what_an_instruction_makes_alike_is_no_leak_but_with_the_words_behind_it,
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
    a_letterhead_that_few_items_have_and_many_rows_costs_neither,
    an_item_that_was_copied_into_many_rows_is_a_leak_in_each,
    what_one_conversation_quotes_often_is_no_letterhead,
    a_template_costs_no_training,
    what_one_conversation_says_often_is_a_leak_all_the_same,
    a_template_in_one_conversation_costs_no_training,
    an_item_as_tools_show_it_and_as_others_type_it,
    an_item_in_a_log_and_on_a_page,
    neighbours_that_share_nothing_but_a_topic_stay,
]
