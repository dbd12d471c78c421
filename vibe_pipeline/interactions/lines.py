"""One record as one line of JSON: what the logger writes and the spool keeps. Standard library only.

Not here: reading lines back (schema.py). Wrong types are refused here, before anything is written, because
a line that cannot be read back would surface as a quarantined row long after its cause. Text that UTF-8
cannot hold (a lone surrogate) is repaired to U+FFFD instead: losing an event over one character helps nobody. What
is recorded while a program runs is made to fit (`fitting`), because a log must not break what it watches.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.records import SCHEMA_VERSION, Interaction, Probe, Remark

SURROGATE = re.compile("[\ud800-\udfff]")

ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
EXTRA_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)

TURN_LIMIT = 1 << 31
"""The column is an int32."""


REMARKS: dict[str, tuple[str, ...]] = {"feedback": ("score", "text"), "improvement": ("text",), "learning": ("text",)}
"""Kind of a remark → one of what it cannot do without."""


def line_of(record: Interaction | Probe | Remark) -> bytes:
    """The record as JSON in UTF-8, without a line feed; fields that are None or empty are left out."""
    if isinstance(record, Remark):
        _require_words(record)
    kept: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    for name, check, wanted in FIELDS[type(record)]:
        value = getattr(record, name)
        try:
            checked = check(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            what = f"cannot log {name} = {shown(value):.60}: it is not {wanted}"
            raise SettingsInvalid(what, f"Pass {wanted}") from error
        if checked is not None and checked != []:
            kept[name] = checked
    return ENCODER.encode(kept).encode()


def _require_words(remark: Remark) -> None:
    needed = REMARKS.get(remark.kind, ("kind",))
    if all(getattr(remark, name) is None for name in needed):
        names = " or a ".join(needed)
        raise SettingsInvalid(f"cannot log {remark.kind} without a {names}", f"Pass a {names}")


def fitting(values: dict[str, Any]) -> dict[str, Any]:
    """The same fields with nothing in them that `line_of` refuses: a text field takes any value as text, and what
    another cannot hold stands in `extra` under its name. None is as good as not given."""
    kept: dict[str, Any] = {}
    unfit: dict[str, Any] = {}
    for name, value in values.items():
        wanted = CHECKS.get(name, TEXT)
        if value is None and wanted is not TEXT:
            continue
        fitted = text_of(value) if wanted in TEXTUAL else value
        (kept if _is_fit(wanted[0], fitted) else unfit)[name] = fitted
    if unfit:
        extra = unfit.pop("extra", kept.get("extra", {}))
        items = {**unfit, **extra} if isinstance(extra, dict) else {**unfit, "extra": extra}
        kept["extra"] = {
            text_of(key): value if _is_fit(_json_text, {"": value}) else _repr(value) for key, value in items.items()
        }
    return kept


def text_of(value: Any) -> str:
    """Text as it is, nothing as nothing, anything else as JSON (what JSON cannot hold, by its repr)."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False, default=_repr)
    except Exception:  # keys that are no text, a circle, a depth, a value's own methods
        return _repr(value)


def shown(value: Any) -> str:
    """A value as JSON writes it, for words that people of any language read; a moment in ISO 8601, the rest by repr."""
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        return json.dumps(value, ensure_ascii=False)
    except Exception:  # as in text_of
        return _repr(value)


def repaired(value: Any) -> Any:
    """Plain JSON values with every lone surrogate, keys too, replaced by U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {repaired(key): repaired(item) for key, item in value.items()}
    return [repaired(item) for item in value] if isinstance(value, (list, tuple)) else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return repaired(value)


def _identity(value: Any) -> str:
    if value == "":
        raise ValueError
    return _text(value)


def _texts(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return [_text(item) for item in value]


def _turn(value: Any) -> int:
    if type(value) is not int or not 0 <= value < TURN_LIMIT:
        raise ValueError
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _moment(value: Any) -> str:
    """In UTC; a naive datetime means another moment on every machine, so it is refused."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise TypeError
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _json_text(value: Any) -> str | None:
    """JSON text inside the line: numbers of any size come back as they were written."""
    if not isinstance(value, dict):
        raise TypeError
    return EXTRA_ENCODER.encode(repaired(value)) if value else None


def _is_fit(check: Callable[[Any], Any], value: Any) -> bool:
    try:
        check(value)
    except Exception:  # of a value's own methods, too
        return False
    return True


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _or_none(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


TEXT = (_text, "a string")
MAYBE_TEXT = (_or_none(_text), "a string or nothing")
IDENTITY = (_identity, "a string that is not empty")
MAYBE_NUMBER = (_or_none(_number), "a finite number or nothing")
TEXTUAL = (TEXT, MAYBE_TEXT, IDENTITY)
TEXTS = (_texts, "a list of strings")

CHECKS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "interaction_id": IDENTITY,
    "conversation_id": IDENTITY,
    "probe_id": IDENTITY,
    "remark_id": IDENTITY,
    "turn": (_turn, "an integer from 0 to 2147483647"),
    "occurred_at": (_moment, "a datetime with a time zone, of the years 1 to 9999 in UTC"),
    "success": (_or_none(_truth), "true, false or nothing"),
    "error_type": MAYBE_TEXT,
    "user": MAYBE_TEXT,
    "model_id": MAYBE_TEXT,
    "feedback": MAYBE_NUMBER,
    "score": MAYBE_NUMBER,
    "text": MAYBE_TEXT,
    "latency_ms": MAYBE_NUMBER,
    "improvements": TEXTS,
    "learnings": TEXTS,
    "extra": (_json_text, "a JSON object"),
}
"""Field → (check, what to pass); every other field is TEXT."""

FIELDS = {
    record: [(field.name, *CHECKS.get(field.name, TEXT)) for field in fields(record)]
    for record in (Interaction, Probe, Remark)
}
"""Kind of record → (field, check, what to pass)."""
