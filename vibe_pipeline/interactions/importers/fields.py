"""What is in a JSON value of which nobody knows the shape: the thing that was hoped for, or nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

Row = dict[str, Any]


def text_at(value: Row, *keys: str) -> str | None:
    """The text under the first of these keys that holds one, None where there is none."""
    return next((value[key] for key in keys if isinstance(value.get(key), str) and value[key]), None)


def first_at(value: Row, *keys: str) -> Any:
    """The value under the first of these keys that holds one."""
    return next((value[key] for key in keys if value.get(key) is not None), None)


def number_at(value: Row, key: str) -> float | None:
    """The number under this key, None where there is none that can be counted with."""
    return number_of(value.get(key))


def number_of(value: Any) -> float | None:
    """The number itself, None where it is none that can be counted with; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e15 else None


def ms_between(start: datetime | None, end: datetime | None) -> float | None:
    """How long it took, None where a moment is not known or the end lies before the start."""
    return round((end - start).total_seconds() * 1000, 3) if start and end and end >= start else None


def list_of(value: Any) -> list[Any]:
    """The list itself, or an empty one."""
    return value if isinstance(value, list) else []


def row_of(value: Any) -> Row:
    """The object itself, or an empty one."""
    return value if isinstance(value, dict) else {}


def rows_of(value: Any) -> list[Row]:
    """The objects in a list."""
    return [item for item in list_of(value) if isinstance(item, dict)]


def texts_of(value: Any) -> list[str]:
    """The texts in a list."""
    return [item for item in list_of(value) if isinstance(item, str)]
