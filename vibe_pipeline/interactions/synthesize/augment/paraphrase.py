"""The same question in other words, by frames: text in, texts out. What fits no frame is left alone.

A frame changes how something is asked and never what: the words in its gap stay as they were. The wording of the
probes (documentation.py, signatures.py) is in no frame, or a suite would show that a sentence was memorised.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

FRAMES: tuple[tuple[str, ...], ...] = (
    ("What does {} do?", "Can you tell me what {} does?", "I would like to know what {} does."),
    ("Explain {} in one sentence.", "In one sentence, explain {}.", "Give a one-sentence explanation of {}."),
    (
        "Write a function to {}.",
        "Write a Python function to {}.",
        "I need a function to {}.",
        "Please write a function to {}.",
        "Can you write a function to {}?",
    ),
    (
        "Write a python function to {}.",
        "I need a Python function to {}.",
        "Please write a Python function to {}.",
        "Can you write a Python function to {}?",
    ),
    ("Write a function that {}.", "I need a function that {}.", "Please write a function that {}."),
    ("How do I {}?", "How can I {}?", "How would I {}?", "Tell me how to {}.", "What is a way to {}?"),
    ("How to {}?", "How can I {}?", "How do I {}?"),
    ("What is the {}?", "Tell me the {}.", "What's the {}?", "Could you tell me the {}?"),
    ("What is the {} of {}?", "Tell me the {} of {}.", "What's the {} of {}?"),
    ("What does {} return?", "What is returned by {}?", "Tell me what {} returns."),
    ("How is {} called?", "How do I call {}?", "How does one call {}?"),
    ("Can you {}?", "Could you {}?", "Please {}."),
    ("Please {}.", "Could you {}?", "I would like you to {}."),
    ("Show me {}.", "Please show me {}.", "Could you show me {}?"),
    ("I want to {}.", "I would like to {}.", "I need to {}."),
    ("Fix {}.", "Please fix {}.", "Could you fix {}?"),
)
"""The first of each is recognised, the others are what it may become."""


def paraphrases(question: str, chooser: random.Random) -> Iterator[str]:
    """Other wordings of a question, in a seeded order. Only its first paragraph is put otherwise."""
    opening, break_, rest = question.lstrip().partition("\n\n")
    found = [wording for frame in FRAMES for wording in _in_frame(opening, frame)]
    chooser.shuffle(found)
    for wording in dict.fromkeys(found):
        if wording.casefold().split() != opening.casefold().split():
            yield wording + break_ + rest


def _in_frame(opening: str, frame: tuple[str, ...]) -> Iterator[str]:
    found = _pattern(frame[0]).fullmatch(opening)
    if found and all(_is_whole(gap) for gap in found.groups()):
        yield from (other.format(*found.groups()) for other in frame[1:])


def _pattern(form: str) -> re.Pattern[str]:
    """A form, with gaps, in any case, with any space between its own words, with or without its last mark."""
    words = re.escape(form.rstrip(".?")).replace(r"\{\}", r"(.+?)").replace(r"\ ", r"\s+")
    return re.compile(words + r"\s*[.?!]?\s*", re.IGNORECASE | re.DOTALL)


def _is_whole(gap: str) -> bool:
    """A gap of two sentences would be torn."""
    return re.search(r"[.?!](\s|$)", gap) is None and len(gap) <= 300
