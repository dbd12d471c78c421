"""How many values a body holds, counted before any of them is built.

An empty object is two bytes on the wire and some hundred in memory: a limit of bytes alone bounds neither memory nor
time. Not here: whether the body is well formed (its parser says so).
"""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import Any

from google.protobuf.descriptor import Descriptor

from vibe_pipeline.interactions.ingest.refusals import Refused

VALUES = 1_000_000
"""Of one request. 512 spans with 128 attributes each, the SDKs' limits, are a quarter of it."""

BEGINS = re.compile(rb'(?:[^"{\[,]++|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"?)*+[{\[,]?')
"""Up to where the next value of JSON begins, or to the end: it matches everywhere, so that the search is linear. A text
ends with its line at the latest, as the parser has it."""

WIDTHS = {1: 8, 5: 4}
"""Wire type → bytes, of protobuf's fixed ones."""


def require_few_in_json(data: bytes) -> None:
    """Refused where JSON, or lines of it, holds more than can be read at once."""
    if may_hold_many(data) and _values_in(data) > VALUES:
        raise too_many()


def values_in_text(value: Any) -> int:
    """How many values the JSON in a text holds: attributes of spans hold messages so. Zero for what is none."""
    if not (isinstance(value, str) and value.lstrip()[:1] in ("{", "[")):
        return 0
    return _values_in(value.encode(errors="surrogatepass"))


def require_few_in_protobuf(data: bytes, kind: Descriptor) -> None:
    """Refused where a message of that kind holds more fields than can be read at once."""
    if not may_hold_many(data):
        return
    count = 0
    messages = [(0, len(data), kind)]
    while messages:
        place, end, kind = messages.pop()
        inner = _messages_in(kind)
        while place < end:
            count += 1
            if count > VALUES:
                raise too_many()
            tag, place = _varint(data, place)
            wire = tag & 7
            if wire == 2:
                size, place = _varint(data, place)
                if size and tag >> 3 in inner:
                    messages.append((place, min(place + size, end), inner[tag >> 3]))
                place += size
            elif wire == 0:
                _, place = _varint(data, place)
            elif wire in WIDTHS:
                place += WIDTHS[wire]


@cache
def _messages_in(kind: Descriptor) -> dict[int, Descriptor]:
    """Number of a field → the message that it holds, for those that hold one."""
    return {field.number: field.message_type for field in kind.fields if field.message_type is not None}


def may_hold_many(data: bytes) -> bool:
    """A value takes two bytes at least: most requests need no counting."""
    return len(data) > 2 * VALUES


def _values_in(data: bytes) -> int:
    return sum(1 for _ in islice(BEGINS.finditer(data), VALUES + 1))


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """The number at that place, and the place after it; one that is cut off ends the data."""
    number = 0
    for shift, byte in enumerate(data[place : place + 10]):
        number |= (byte & 127) << 7 * shift
        if byte < 128:
            return number, place + shift + 1
    return 0, len(data)


def too_many() -> Refused:
    """The answer to such a request."""
    return Refused(413, f"the body holds more than {VALUES} values: send it in parts")
