"""What is in a JSON value of which nobody knows the shape: the thing that was hoped for, or nothing."""

from __future__ import annotations

import math
from typing import Any

Row = dict[str, Any]


def text_at(value: Row, *keys: str) -> str | None:
    """The text under the first of these keys that holds one, None where there is none."""
    return next((value[key] for key in keys if isinstance(value.get(key), str) and value[key]), None)


def number_at(value: Row, key: str) -> float | None:
    """The number under this key, None where there is none that can be counted with."""
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return float(found) if abs(found) < 1e15 and not math.isnan(found) else None


def list_of(value: Any) -> list[Any]:
    """The list itself, or an empty one."""
    return value if isinstance(value, list) else []


def row_of(value: Any) -> Row:
    """The object itself, or an empty one."""
    return value if isinstance(value, dict) else {}


def rows_of(value: Any) -> list[Row]:
    """The objects in a list."""
    return [item for item in list_of(value) if isinstance(item, dict)]


def file_mark(name: str | None) -> str:
    """What stands in a text for a file that was sent along with it."""
    return f"[file: {name}]" if name else "[file]"
