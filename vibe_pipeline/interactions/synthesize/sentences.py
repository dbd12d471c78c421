"""The first sentence of a docstring, cleaned to one line: text in, text or None out, nothing about packages.

A sentence is left out, never cut: half a sentence is a false fact. So None is the usual answer for long,
deprecated or context-bound docstrings ("Same as above."), and callers simply go on.
"""

from __future__ import annotations

import re

MIN_WORDS, MAX_WORDS, MAX_CHARACTERS = 3, 16, 100
"""Short enough that a model of 135M parameters can learn the sentence to the last token."""

WRAPPED_AT = 60
"""A line that could have held the next word below this width was ended on purpose."""

SIGNATURE = re.compile(r"^[\w.]+\(.*")
ENDS_PARAGRAPH = re.compile(
    r"^(:(?!(\w+:)?\w+:`)\w+|"  # a field; `:role:` goes on with the sentence
    r"\.\. |>>>|[-=~]{3,}$|(Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?)\b:?$)"
)
LIST_ITEM = re.compile(r"^([-*+•]|\d+[.)])\s")
SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\bcf)[.!?](?=\s+[A-Z0-9\"'(<*]|$)")

MARKUP = (
    (re.compile(r":(?:\w+:)?\w+:`([^`<]+?)\s*<[^`>]+>`"), r"\1"),  # :role:`text <target>`
    (re.compile(r":(?:\w+:)?\w+:`~(?:[\w.:]+[.:])?(\w+(?:\(\))?)`"), r"\1"),  # :role:`~a.b`, :role:`~project:a.b`
    (re.compile(r":(?:\w+:)?\w+:`[!.]?([^`]+)`"), r"\1"),  # :role:`text`, :role:`.text`
    (re.compile(r"`([^`<]+?)\s*<[^`>]+>`__?"), r"\1"),  # `text <https://…>`_
    (re.compile(r"\[([^\]]+)\](?:\([^)]+\)|\[[^\]]*\])"), r"\1"),  # [text](url), [text][reference]
    (re.compile(r"``?([^`]+)``?_{0,2}"), r"\1"),
    (re.compile(r"(?<![\w*])(\*\*?)(\w(?:[^*]*[\w.!)])?)\1(?![\w*])"), r"\2"),
    (re.compile(r"\s*\[[\w#]+\]_"), ""),  # a footnote
)

BOUND_TO_CONTEXT = re.compile(
    r"^(see|same|like|as|internal|todo|fixme|xxx|ditto|alias|usage|example|note|warning|override|overridden|overrides|"
    r"deprecated|undocumented|not implemented|initiali[sz]e self|helper|private|this is|it|these|version|wrapper for|"
    r"and|or|but|if|when|the default|to be|also|only|called|stub|placeholder|returns? self|implement)\b"
    r"|deprecated|obsolete|\b(above|below|following|previous|here|former|latter|said)\b"
    r"|https?:|::|__ <?==|>>>|\?\?|[{}|\\`]"
    r"|not available on|for backwards?|you shouldn|#\d|don't use|do not use|should not be used|\bFIXME|\bXXX|\bTODO",
    re.IGNORECASE,
)
PAIRS = (("(", ")"), ("[", "]"))


def first_sentence(docstring: str) -> str | None:
    """The first sentence as plain text ending in a full stop; None where it would not stand by itself."""
    paragraph = _first_paragraph(docstring)
    for pattern, replacement in MARKUP:
        paragraph = pattern.sub(replacement, paragraph)
    paragraph = " ".join(paragraph.split())
    end = SENTENCE_END.search(paragraph)
    sentence = paragraph[: end.end()] if end else paragraph
    sentence = sentence if sentence.endswith((".", "!", "?", ":", ",", ";")) else sentence + "."
    sentence = sentence[:1].upper() + sentence[1:]
    return sentence if _stands_alone(sentence) else None


def _first_paragraph(docstring: str) -> str:
    lines = _without_signature([line.strip() for line in docstring.strip().splitlines()])
    taken: list[str] = []
    for line in lines:
        if not line or ENDS_PARAGRAPH.match(line):
            break
        if LIST_ITEM.match(line):
            return ""  # the sentence goes on in a list
        if taken and _ended_on_purpose(taken[-1], line):
            break
        taken.append(line)
    return " ".join(taken)


def _without_signature(lines: list[str]) -> list[str]:
    """Without `name(a, b) -> type`, as C functions write first; some write a line for each way to call them."""
    if not lines or not SIGNATURE.match(lines[0]):
        return lines
    blank = next((number for number, line in enumerate(lines) if line in ("", "--")), len(lines))
    rest = lines[blank + 1 :]
    return _without_signature(rest[1:] if rest and not rest[0] else rest)


def _ended_on_purpose(line: str, following: str) -> bool:
    """A summary line without a full stop, followed by a new sentence on the next line."""
    room = len(line) + 1 + len(following.split()[0]) < WRAPPED_AT
    return room and following[0].isupper() and line[-1] not in ".,;:("


def _stands_alone(sentence: str) -> bool:
    words = sentence.split()
    return (
        MIN_WORDS <= len(words) <= MAX_WORDS
        and len(sentence) <= MAX_CHARACTERS
        and sentence.isprintable()
        and sentence[0].isalpha()
        and sentence[-1] in ".!"
        and not sentence.endswith(("..", "e.g.", "i.e."))
        and not BOUND_TO_CONTEXT.search(sentence)
        and all(sentence.count(left) == sentence.count(right) for left, right in PAIRS)
        and sentence.count('"') % 2 == 0
    )
