"""Phone numbers: with a plus, in the American or a national writing, or after a word that says phone.

Google's numbering plans (phonenumbers) decide about the first and the third. Bare digits that nothing calls a phone are
left alone, and so are dates, postal codes and whatever stands in a longer run of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from vibe_pipeline import private_names
from vibe_pipeline.scrub.colours import MARK
from vibe_pipeline.scrub.patterns import Pattern, alone, any_case, digits_of

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

PLUS = re.compile(alone("[+0]", ".+/-") + r"(?:(?<=\+)|(?<=0)0)[1-9](?:[ ().\-/ ]{0,3}[0-9]){6,14}(?![0-9A-Za-z_])")
AMERICAN = re.compile(
    alone("[0-9(]", ".+-") + r"[0-9 .(-]{0,5}[0-9]{2}[).-][ .-]?[0-9]{3}[ .-][0-9]{4}(?![A-Za-z0-9_-]|\.[0-9])"
)
AREA = "[2-9][0-9]{2}"
"""Neither an area nor an exchange begins with 0 or 1 (North American Numbering Plan)."""
AMERICAN_SHAPE = re.compile(rf"(?:1[ .-])?(?:\({AREA}\)[ -]?{AREA}[ .-]|{AREA}-{AREA}-|{AREA}\.{AREA}\.)[0-9]{{4}}")
NATIONAL = re.compile(
    alone("[(0]", ".+/:-") + r"(?:(?<=\()0|(?<=0))[1-9][0-9]{0,3}\)?(?:[ /.\- ]{1,2}[0-9]{2,8}){1,4}"
    r"(?![A-Za-z0-9_]|[.:/-][0-9]| [0-9a-f]{2}(?![0-9a-zA-Z]))"
)
OWN = r"my\x20number meine\x20nummer mon\x20num[ée]ro mi\x20n[úu]mero"
VERBS = " ".join(rf"{it}\x20(?:me|us|him|her|them)(?:\x20(?:at|on|under))?" for it in ("call", "text", "ring", "reach"))
VERBS += r" call(?=\x20[2-9][0-9]{2}[\x20.][0-9]{3}[\x20.][0-9]{4}(?![0-9]))"
APART = any_case(rf"{private_names.SHORT_PHONES} whats\x20app {OWN} {VERBS}", r"(?<![a-zA-Z][\s\S])")
CALLED = re.compile(
    rf"(?P<word>{any_case(private_names.PHONES)}|{APART})"
    r"(?i:[_ -]?(?:number|nummer|no|num|nr)\.?)?\.?[\"'\\*]{0,3}\s{0,3}"
    r"(?:(?:is|ist|est|es) |[是は:：=#>])?[*\s]{0,3}[\"'\\]{0,3}"
    r"(?P<value>\+?\(?[0-9](?:[ ().\-/]{0,3}[0-9]){6,14})(?![A-Za-z0-9_-])"
)
DOUBTFUL = ("cell", "ph")
"""Tables, notebooks and chemistry have these too: the number must be a valid one."""
REGIONS = ("GB", "DE", "FR", "IT", "NL", "AU", "JP", "IN")
"""Whose national writing with a leading zero is known; every other number needs its +, or a word before it."""

RUN_BEFORE = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{2}[ ,]{1,2}$")
"""A pair of digits of a longer run."""
MODE = re.compile(r"0(?:500|555|6[046]0|6[46]4|666|700|7[57]0|7[57]5|777)(?:[^0-9]+[0-9]{1,4})+")
"""The mode of a file, before other small numbers."""
STAMP = re.compile(r"[0-9]{4}/[0-9]{6}|[0-9]{5}-[0-9]{4}")
"""A short date with a time, an American postal code."""
PLUS_ONE = re.compile(r"\+1[ .-]?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-]?)[0-9]{3}[ .-]?[0-9]{4}")
BEGINNING = re.compile(rf"(?m:^[+-]?|(?:{MARK}|\\n)[+-]?)\Z")
"""Where a plus may be a diff's, and what follows a row of numbers."""
DECIMAL = re.compile(r"\+[0-9]+\.[0-9]+")
DATE = re.compile(
    r"(?:[0-9]{1,2}([./-])[0-9]{1,2}\1[0-9]{2,4}(?!\1[0-9])|(?:19|20)[0-9]{2}([./ -]?)[01][0-9]\2[0-3][0-9])(?![0-9])"
)


def _plus(match: re.Match[str]) -> str | None:
    import phonenumbers

    text = re.sub("^00", "+", match[0])
    number = _parsed(text, None)
    if number is None or DECIMAL.fullmatch(text) or DATE.match(text, 1):
        return None
    is_valid = PLUS_ONE.fullmatch(text) is not None or phonenumbers.is_valid_number(number)
    if match[0][0] == "0":
        return _full(number) if is_valid else None
    groups = re.findall("[0-9]+", text)
    longest = max(map(len, groups[1:] or groups))
    if BEGINNING.search(match.string[max(0, match.start() - 3) : match.start()]):
        official = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        is_apart = longest > 2 and groups[0] == str(number.country_code)
        is_one = is_valid and (is_apart or longest > 5 or groups == re.findall("[0-9]+", official))
    else:
        is_long = len(groups) > 1 and longest > 3 and len(digits_of(text)) > 10
        is_one = is_valid or (is_long and phonenumbers.is_possible_number(number))
    return _full(number) if is_one else None


def _american(match: re.Match[str]) -> str | None:
    digits = digits_of(match[0])
    if not AMERICAN_SHAPE.fullmatch(match[0]):
        return None
    return digits if len(digits) == 11 else "1" + digits


def _national(match: re.Match[str]) -> str | None:
    before = match.string[max(0, match.start() - 4) : match.start()]
    if DATE.match(match[0]) or STAMP.fullmatch(match[0]) or not 9 <= len(digits_of(match[0])) <= 12:
        return None
    if RUN_BEFORE.search(before) or MODE.fullmatch(match[0]) or _is_counting(match[0]):
        return None
    return _valid_in(match[0], REGIONS)


def _is_counting(text: str) -> bool:
    """Whether the groups rise in equal steps: 01 02 03 04 05."""
    groups = [int(group) for group in re.findall("[0-9]+", text)]
    return len(groups) > 2 and len({later - group for group, later in pairwise(groups)}) == 1


def _called(match: re.Match[str]) -> str | None:
    digits = digits_of(match["value"])
    is_one = not DATE.match(match["value"]) and len(set(digits)) > 1
    if match["word"].lower() in DOUBTFUL:
        regions = REGIONS if match["value"][0] == "0" else ("US",)
        return _valid_in(match["value"], regions) if is_one and len(digits) > 8 else None
    is_american = len(digits) == 10 and digits[0] in "23456789"
    return ("1" + digits if is_american else digits) if is_one else None


def _valid_in(text: str, regions: Sequence[str]) -> str | None:
    import phonenumbers

    for region in regions:
        number = _parsed(text, region)
        if number is not None and phonenumbers.is_valid_number(number):
            return _full(number)
    return None


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    import phonenumbers

    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _full(number: PhoneNumber) -> str:
    return f"{number.country_code}{number.national_number}"


WORDS = (
    r"(?i:phone|fone|mob|m[oó]vil|cel|tel|fax|whats ?app|sms|handy|ph[:. ]|call|text|ring|reach|my num|meine num"
    r"|mon num|mi n)[^\n0-9]{0,24}"
)
AFTER_FOREIGN = r"(?:[^\x00-\x7f]|u[0-9a-f]{4})[\"\\: ]{0,5}\+?[0-9]{3}[0-9 -]{3}"
"""A number behind a letter that is not ASCII, or an escaped one: the words would cost a tenth of the speed."""

PATTERNS = (
    Pattern("phone", r"\+[1-9]|00[1-9][0-9 ]", PLUS, _plus),
    Pattern("phone", r"[0-9]{2}[).-][ .-]?[0-9]{3}[ .-][0-9]{4}", AMERICAN, _american),
    Pattern("phone", r"0[1-9][0-9]{0,3}\)?[ /.\- ]{1,2}[0-9]{2,8}(?:[ /.\- ]{1,2}|[0-9])[0-9]", NATIONAL, _national),
    Pattern("phone", WORDS + rf"[0-9][0-9 ().\-/]{{5}}|{AFTER_FOREIGN}", CALLED, _called),
)

SIGNS = (
    r"\+[1-9]|00[1-9][0-9 ]|[0-9]{3}[).-] ?-?[0-9]{3}[ .-][0-9]{4}|0[1-9][0-9]*\)?[ /.\- ]+[0-9]{2}"
    rf"|{WORDS}[0-9]{{2}}|{AFTER_FOREIGN}"
)
