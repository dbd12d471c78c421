"""Questions in other words: the same answer, and no language, gap or sense that was not there."""

from __future__ import annotations

import random
import re

import pytest

from vibe_pipeline.interactions.synthesize.augment.paraphrase import FRAMES, paraphrases
from vibe_pipeline.interactions.synthesize.documentation import PROBE_WORDINGS
from vibe_pipeline.interactions.synthesize.functions.rows import HELD_OUT
from vibe_pipeline.interactions.synthesize.signatures import PROBE_WORDING as SIGNATURE_PROBES


@pytest.mark.parametrize(
    "gap",
    ["sort the list", "sort  the list", "sort\nthe list", "split 'x    y' at ' '", "split 'a\u00a0b\u2003c' at '\t'"],
)
def test_a_question_in_a_frame_is_asked_otherwise_with_the_same_gap(gap):
    found = list(paraphrases(f" Write a  function\nto {gap}.\n\nKeep it  short.\n", random.Random(0)))
    assert f"Please write a function to {gap}.\n\nKeep it  short.\n" in found
    assert all(gap in it and it.endswith("Keep it  short.\n") for it in found)


@pytest.mark.parametrize("question", ["", "Sort it", "What is the sense. Of what is it?", "list files"])
def test_what_fits_no_frame_is_left_alone(question):
    assert list(paraphrases(question, random.Random(0))) == []


@pytest.mark.parametrize(
    "question",
    [
        "Can you get a cold from being cold?",
        "Can you give a cold to a dog?",
        "Can you feel pain?",
        "Can you define a function inside of a function in Python?",
        "Can you list all files, please?",
        "Please feel pain.",
        "Please don't use emojis in your answers.",
        "Please explain it, and never use emojis.",
        "Please write a letter:",
        "PLEASE EXPLAIN IT :(",
        "What is the sun made of?",
        "What is the inner core of the earth made from?",
        "what is the money called in south korea",
        "what is the cross on a letter t called",
        "what is the shannara chronicles season 2 based on",
        "What is the cat doing?",
        "What is the word written on the wall?",
        "What is the book about?",
        "What is the weather like in Rome?",
        "What is the matter with him?",
        "What is the speed of light and how was it measured?",
        "What does he have to do?",
        "How is the baby called?",
        "How do I look?",
        "How do I sort a list and what does it cost?",
        "How to train your dragon?",
        "How to be happy?",
        "Please list left.",
        "Explain to me in one sentence.",
        "Write a function to add two numbers and explain it.",
        "Write a function to add, please.",
        "Fix this: print(1",
        "I want to be with you everywhere song",
    ],
)
def test_a_question_that_would_come_to_mean_something_else_is_left_alone(question):
    assert list(paraphrases(question, random.Random(0))) == []


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("Can you explain what a monad is?", "Please explain what a monad is."),
        ("Can you give me an overview of music theory?", "Please give me an overview of music theory."),
        ("Can you write a function that adds?", "Could you write a function that adds?"),
        ("Please list the planets.", "I would like you to list the planets."),
        ("What is the capital of the united states?", "Tell me what the capital of the united states is."),
        ("What is the purpose of sorting a list?", "Could you tell me what the purpose of sorting a list is?"),
        ("what is the top speed", "Tell me what the top speed is."),
        ("What does print(1, 2) do?", "Can you tell me what print(1, 2) does?"),
        ("What does statistics.multimode('a b') return?", "Tell me what statistics.multimode('a b') returns."),
        ("How is os.path.join called?", "How do I call os.path.join?"),
        ("How to read a file?", "How do I read a file?"),
        ("What is the UK?", "Tell me what the UK is."),
        ("Explain recursion in one sentence.", "Give a one-sentence explanation of recursion."),
    ],
)
def test_a_question_of_the_right_kind_is_asked_otherwise(question, other):
    assert other in list(paraphrases(question, random.Random(0)))


@pytest.mark.parametrize("language", ["", " in Rust", " in C", " using bash"])
def test_a_request_names_no_language_that_it_did_not_name(language):
    """What the answer is written in is not known from the question."""
    found = list(paraphrases(f"Write a function to reverse a list{language}.", random.Random(0)))
    assert found
    assert not [it for it in found if "python" in it.casefold()]


def test_no_frame_makes_the_wording_of_a_probe():
    made = {re.sub(r"\{\w+\}", "X", wording) for frame in FRAMES for wording in frame}
    probes = [*PROBE_WORDINGS, HELD_OUT, *SIGNATURE_PROBES.values()]
    openings = {probe.partition("{")[0] for probe in probes}
    assert not [text for text in made for opening in openings if opening and text.startswith(opening)]
