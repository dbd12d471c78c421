"""One record as it was found in a file: its text and its value, or the reason why there is none.

Not here: where a record begins and ends (files.py, json_stream.py) and what it means (one importer a format).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from vibe_pipeline.interactions.lines import repaired

ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
"""What Python makes of a byte that is not UTF-8."""

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""As JSON writes one; half a pair is no character."""

NOT_JSON = "not JSON (cut off?)"
TOO_DEEP = "nested too deep"
NOT_UTF8 = "not UTF-8"


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as it was found: its value, or the reason why there is none."""

    text: str
    value: Any = None
    reason: str | None = None


def read_text(text: str) -> Raw:
    """The record that this JSON text is."""
    try:
        return of_value(text, json.loads(text))
    except (RecursionError, ValueError) as error:
        return unread(text, error)


def of_value(text: str, value: Any) -> Raw:
    """The record of a text that was read as this value."""
    if not text.isascii() and ESCAPED_BYTE.search(text):
        return Raw(repaired(text), reason=NOT_UTF8)
    if not SURROGATE.search(text):
        return Raw(text, value)
    try:
        return Raw(text, repaired(value))
    except RecursionError as error:  # it was shallow enough to be read, but not to be walked
        return unread(text, error)


def unread(text: str, error: Exception) -> Raw:
    """What could not be read, with the reason."""
    text = repaired(text)
    if isinstance(error, RecursionError):
        return Raw(text, reason=TOO_DEEP)
    return Raw(text, reason=NOT_JSON)
