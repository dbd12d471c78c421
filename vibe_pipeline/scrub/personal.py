"""Personal data by their shape: payment card, IBAN, IP address; e-mail, home paths and phones are next door.

A shape alone is not believed where there is a check: cards pass Luhn, IBANs mod 97 and their country's length,
addresses are public ones. Left alone on purpose: addresses that name nobody (private, loopback, documentation,
public resolvers) and version numbers. Not here: names and postal addresses, which have no shape.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from vibe_pipeline.scrub import emails, homes, phones
from vibe_pipeline.scrub.patterns import Pattern, alone, digits_of

CARD = re.compile(
    alone("[2-6]", ".+-") + r"(?:[0-9]{3}(?P<gap>[ -]?)[0-9]{4}(?P=gap)[0-9]{4}(?P=gap)[0-9]{4}(?:(?P=gap)[0-9]{1,3})?"
    r"|(?<=3)[0-9]{3}(?P<wide>[ -]?)[0-9]{6}(?P=wide)[0-9]{4,5})(?![A-Za-z0-9_-]|\.[0-9])"
)
ISSUERS = re.compile(
    r"4[0-9]{15}(?:[0-9]{3})?$|5[1-5][0-9]{14}$|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)[0-9]+$|3[47][0-9]{13}$"
    r"|3(?:0[0-5]|[689])[0-9]{11,13}$|35[0-9]{14}$|6(?:011|5|4[4-9]|2)[0-9]+$|(?:50|5[6-9]|6[37])[0-9]{14,17}$"
)

IBAN_LENGTHS = {15: "NO", 16: "BE", 18: "DK FO FI GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
                21: "HR LV LI CH", 22: "BH BG CR GE DE IE ME RS GB VA", 23: "GI IQ IL OM TL AE SO",
                24: "AD CZ MD PK RO SA SK ES SE TN VG DZ", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MR MC SM",
                28: "AL AZ BY CY DO SV GT HU LB NI PL", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC",
                32: "LC", 33: "RU"}  # fmt: skip
"""Characters of an IBAN by country (SWIFT's registry)."""

IBAN = re.compile(
    alone("[A-Z]", "-")
    + "[A-Z][0-9]{2}(?:"
    + "|".join(
        f"(?<=(?:{countries.replace(' ', '|')})[0-9]{{2}})(?:[ -]?[A-Z0-9]){{{length - 4}}}"
        for length, countries in IBAN_LENGTHS.items()
    )
    + r")(?![A-Za-z0-9])"
)

IPV4 = re.compile(alone("[0-9]", ".-") + r"[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![A-Za-z0-9_]|\.[0-9]|-[A-Za-z0-9])")
IPV6 = re.compile(alone("[23]", ":.-") + r"[0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![A-Za-z0-9_:])")
VERSION_BEFORE = re.compile(
    r"(?i)(?:[a-z]/|[=~<>]=|\^|\bv(?:ersion|er|\.)?[ \"':=]{0,4}|§ ?|section |release |build )$"
)
ADDRESS_BEFORE = re.compile(
    r"(?i)(?:\bip(?:v4)?|addr(?:ess)?|host|from|client|peer|server|ping|ssh|://)[\s\"':=\[(]{0,4}$"
)
PORT_AFTER = re.compile(r":[0-9]{2,5}|/[0-9]{1,2}(?![0-9])")
OBJECT = re.compile(r"2\.5\.(?:4|29)\.|1\.3\.(?:6|14|101)\.|1\.2\.840\.")
"""How the object identifiers of certificates begin."""
RESOLVERS = frozenset(("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"))
SECTION = 20
"""Three numbers up to this one, and a fourth, are a version or a section unless something before them says address."""


def _card(match: re.Match[str]) -> str | None:
    digits = digits_of(match[0])
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    passes_luhn = sum(number - 9 * (number > 9) for number in doubled) % 10 == 0
    return digits if passes_luhn and ISSUERS.match(digits) and len(set(digits)) > 1 else None


def _iban(match: re.Match[str]) -> str | None:
    text = re.sub("[ -]", "", match[0])
    number = "".join(str(int(letter, 36)) for letter in text[4:] + text[:4])
    return text if int(number) % 97 == 1 else None


def _ipv4(match: re.Match[str]) -> str | None:
    if match[0] in RESOLVERS or not _is_public(match[0]):
        return None
    before, after = match.string[max(0, match.start() - 24) : match.start()], match.string[match.end() :][:7]
    is_small = max(map(int, match[0].split(".")[:3])) <= SECTION
    is_named = ADDRESS_BEFORE.search(before) or PORT_AFTER.match(after)
    return None if VERSION_BEFORE.search(before) or OBJECT.match(match[0]) or (is_small and not is_named) else match[0]


def _ipv6(match: re.Match[str]) -> str | None:
    return str(ip_address(match[0])) if _is_public(match[0]) else None


def _is_public(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


PATTERNS = (
    *emails.PATTERNS,
    *homes.PATTERNS,
    Pattern("iban", r"[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4}", IBAN, _iban),
    Pattern("card", r"[2-6][0-9]{3}[ -]?(?:[0-9]{4}[ -]?[0-9]{4}|[0-9]{6})[ -]?[0-9]{2}", CARD, _card),
    Pattern("ip", r"[0-9]\.[0-9]+\.[0-9]+\.[0-9]", IPV4, _ipv4),
    Pattern("ip", r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]*:", IPV6, _ipv6),
    *phones.PATTERNS,
)
"""In this order: a card is not to be read as a phone."""

SIGNS = (
    rf"{emails.SIGNS}|{homes.SIGNS}|[A-Z]{{2}}[0-9]{{2}}[ -]?[A-Z0-9]{{4}}|[2-6][0-9]{{3}}[ -]?[0-9]{{4}}"
    rf"|[0-9]\.[0-9]+\.[0-9]+\.[0-9]|[23][0-9A-Fa-f]{{3}}:|{phones.SIGNS}"
)
"""What each of them shows: one cheap regex, so that most rows are looked at once."""
