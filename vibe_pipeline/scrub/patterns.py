"""What a pattern is: a cheap regex for Rust that must hit, an exact one for Python, and what the value means.

Only the group `value` is replaced, or all of the match where there is no such group. Every repetition is bounded
or possessive and every start is guarded, so that 100 MB of one character take time in proportion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from vibe_pipeline.scrub.colours import MARK

BEHIND_SIGN = rf"(?<=[+-][\s\S])(?:(?m:(?<=^[+-][\s\S]))|(?<={MARK}[+-][\s\S])|(?<=\\n[+-][\s\S]))"
"""That a character, already read, stands behind the sign with which a diff begins a line."""


def alone(first: str, besides: str = "") -> str:
    """A first character that is not inside a longer word (nor after `besides`). The n of an escaped line end is no part
    of the next word, nor is the + or - with which a diff begins a line. The character comes before the guard, so that
    Python's engine can jump to it."""
    return (
        rf"{first}(?:(?<![A-Za-z0-9_\\{besides}][\s\S])|(?<=\\[nrtbf][\s\S])|(?<=\\u[0-9a-fA-F]{{4}}[\s\S])"
        rf"|(?<=%[0-9A-F]{{2}}[\s\S])|{BEHIND_SIGN})"
    )


def any_case(words: str, guard: str = "") -> str:
    """These alternatives in any case, written so that Python's engine can jump to their first letters; a guard stands
    behind those."""
    firsts = {(first, word[1:]): None for word in words.split() for first in (word[0], word[0].upper())}
    return "(?:" + "|".join(f"{first}{guard}(?i:{rest})" for first, rest in firsts) + ")"


def written(text: str) -> str:
    """For triggers: a text as it is, or as JSON in ASCII writes it."""
    escaped = "".join(letter if letter.isascii() else rf"\\+u{ord(letter):04x}" for letter in text)
    return f"(?:{text}|{escaped})"


def digits_of(text: str) -> str:
    """Its ASCII digits."""
    return re.sub(r"[^0-9]", "", text)


def itself(match: re.Match[str]) -> str | None:
    """The identity of a value that is written in one way only."""
    return value_of(match)


def value_of(match: re.Match[str]) -> str:
    """What of the match is to be replaced."""
    return match["value"] if "value" in match.re.groupindex else match[0]


class Pattern(NamedTuple):
    """One kind of secret or personal datum in one way of writing it."""

    kind: str
    trigger: str
    """A Rust regex (no lookaround) that hits wherever the pattern does, and may hit more often."""
    regex: re.Pattern[str]
    identity: Callable[[re.Match[str]], str | None] = itself
    """What two writings of one value have in common; None where the match is none after all."""
