"""The same question in other words, by frames: text in, texts out. What fits no frame is left alone.

A frame changes how something is asked and never what: the words in its gap stay as they were, and they must be of the
kind that all wordings of the frame can take. What kind they are is told by lists of words, and rather too strictly:
a question that is left alone costs nothing. The wording of the probes (documentation.py, signatures.py) is in no
frame, or a suite would show that a sentence was memorised.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

FRAMES: tuple[tuple[str, ...], ...] = (
    ("What does {name} do?", "Can you tell me what {name} does?", "I would like to know what {name} does."),
    (
        "Explain {name} in one sentence.",
        "In one sentence, explain {name}.",
        "Give a one-sentence explanation of {name}.",
    ),
    (
        "Write a function to {task}.",
        "I need a function to {task}.",
        "Please write a function to {task}.",
        "Can you write a function to {task}?",
    ),
    (
        "Write a python function to {task}.",
        "I need a Python function to {task}.",
        "Please write a Python function to {task}.",
        "Can you write a Python function to {task}?",
    ),
    ("Write a function that {task}.", "I need a function that {task}.", "Please write a function that {task}."),
    ("How do I {way}?", "How can I {way}?", "How would I {way}?", "Tell me how to {way}.", "What is a way to {way}?"),
    ("How to {way}?", "How can I {way}?", "How do I {way}?"),
    (
        "What is the {thing}?",
        "Tell me what the {thing} is.",
        "What's the {thing}?",
        "Could you tell me what the {thing} is?",
    ),
    ("What does {name} return?", "What is returned by {name}?", "Tell me what {name} returns."),
    ("How is {callable} called?", "How do I call {callable}?", "How does one call {callable}?"),
    ("Can you {favour}?", "Could you {favour}?", "Please {favour}."),
    ("Please {request}.", "Could you {request}?", "I would like you to {request}."),
    ("Show me {any}.", "Please show me {any}.", "Could you show me {any}?"),
    ("Fix {any}.", "Please fix {any}.", "Could you fix {any}?"),
)
"""The first of each is recognised, the others are what it may become. A gap is named for what it may hold."""

TORN = re.compile(
    r"[.?!:;](\s|$)|[,(-]$|[^\w\s]*[:;]-?[()]"
    r"|\b(and|or|but)\s+(what|how|why|who|when|where|which|is|are|do|does|can|could|should|will)\b"
    r"|\b(please|not|never|cannot)\b|n['’]t\b",
    re.IGNORECASE,
)
"""Of two sentences or questions one would stay as it was; "please" would come twice; a denial might deny the asking."""

NAME = re.compile(r"(the|a|an|this|that)\s+\S+(\s+\S+)?|[\w.]+\(.*\)|`[^`]+`|\S+", re.IGNORECASE | re.DOTALL)
CALLABLE = re.compile(r"`[^`]+`|\w+([._]\w+)+(\(.*\))?|\w+\(.*\)", re.DOTALL)
"""One "calls" people too, by what they are called."""

REQUEST = re.compile(
    r"(add|answer|clarify|compare|convert|create|define|describe|elaborate|explain|fix|generate|give|implement|list|"
    r"name|outline|provide|recommend|refactor|rephrase|rewrite|show|specify|suggest|summari[sz]e|tell|translate|write)\b",
    re.IGNORECASE,
)
FAVOUR = re.compile(
    r"(clarify|describe|elaborate|explain|recommend|rephrase|rewrite|suggest|summari[sz]e)\b|(give|show|tell|write)\s+me\b"
    r"|write\s+an?\s+(\w+\s+)?(email|essay|function|letter|poem|program|script|story)\s+(about|for|that|to|which)\b",
    re.IGNORECASE,
)
"""Asked of the one who answers. "Can you get a cold …?" asks what is possible, and so may "Can you define …?"."""

FURTHER = re.compile(rf"\b(and|then|also)\s+(then\s+|also\s+)?{REQUEST.pattern}", re.IGNORECASE)
"""In "write a function to add, and explain it" the function would come to explain."""

NO_WAY = re.compile(r"^(be|look|feel|seem|sound|compare|differ|rank|do)\b|\byou(rs?|rself)?\b", re.IGNORECASE)
"""There is no way to be told of in "How do I look?", and nobody asks "How do I be happy?"; "How to train your dragon?"
is of no dragon of one's own."""

NO_THING = re.compile(r",\s|\b(what|how|why|whom|called|made|like)\b|^(matter|deal|use)\b", re.IGNORECASE)
ENDS_OPEN = (
    "of in on at by to for from with without about as than into onto over under up down out off through between "
    "against after before during around near worth able do does did be is are was were have has had mean"
)
"""A thing that ends with one of these is part of a question whose verb stands before it."""

PARTICIPLES = (
    "born bought broken brought built caught chosen done drawn drunk eaten fed felt found given gone grown heard held "
    "hidden kept known laid led left lost meant met paid said seen sent shown sold spent spoken sung taken taught "
    "thought thrown told understood used won worn written"
)
NO_PARTICIPLES = "speed seed need bed red meaning string thing king ring spring"
BEFORE_PARTICIPLES = "the a an of for in by from with"
"""`the united states` and `the purpose of sorting` are things; in `the money called so` is the verb of the question."""


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
    if found and all(_fits(kind, gap) for kind, gap in found.groupdict().items()):
        yield from (other.format(**found.groupdict()) for other in frame[1:])


def _pattern(form: str) -> re.Pattern[str]:
    """A form, with its gap, in any case, with any space between its own words, with or without its last mark."""
    words = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(form[:-1])).replace(r"\ ", r"\s+")
    marks = "[.!]?" if form.endswith(".") else r"\??"
    return re.compile(rf"{words}\s*{marks}\s*", re.IGNORECASE | re.DOTALL)


def _fits(kind: str, gap: str) -> bool:
    """Whether the words in a gap are what it may hold, and one piece."""
    if len(gap) > 300 or TORN.search(gap):
        return False
    if kind == "name":
        return NAME.fullmatch(gap) is not None
    if kind == "callable":
        return CALLABLE.fullmatch(gap) is not None
    if kind == "task":
        return FURTHER.search(gap) is None
    if kind == "way":
        return FURTHER.search(gap) is None and NO_WAY.search(gap) is None
    if kind == "thing":
        return _is_thing(gap)
    if kind == "request":
        return REQUEST.match(gap) is not None and len(gap.split()) > 2  # "list left" may be a command
    return kind != "favour" or FAVOUR.match(gap) is not None


def _is_thing(gap: str) -> bool:
    """Whether it names something and holds no verb of its question: no "inner core made from"."""
    words = gap.casefold().split()
    if NO_THING.search(gap) or words[-1] in ENDS_OPEN.split() or _is_participle(words[-1]):
        return False
    return all(
        before in BEFORE_PARTICIPLES.split() or not _is_participle(word)
        for before, word in zip(["the", *words], words, strict=False)
    )


def _is_participle(word: str) -> bool:
    """Or looks like one."""
    return word in PARTICIPLES.split() or (word.endswith(("ed", "ing")) and word not in NO_PARTICIPLES.split())
