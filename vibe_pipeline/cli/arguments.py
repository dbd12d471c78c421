"""What commands are told, as values: a wrong one is an error of one line, with what would be right.

Not here: options that typer checks by itself, which end with its usage.
"""

from __future__ import annotations

from collections.abc import Sequence

from vibe_pipeline.errors import SettingsInvalid


def generation_number(text: str) -> int:
    """3 of g003."""
    digits = text.removeprefix("g")
    if not digits.isdecimal():
        raise SettingsInvalid(f"{text!r} is not a generation", "Write it as g003")
    return int(digits)


def one_of(allowed: Sequence[str], text: str, what: str) -> str:
    """The same text, which must be one of these."""
    if text not in allowed:
        raise SettingsInvalid(f"{text!r} is not a {what}", f"Name one of: {', '.join(allowed)}")
    return text
