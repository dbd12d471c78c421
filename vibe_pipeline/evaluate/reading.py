"""Files of items: JSON lines, each checked, refused in one line that says where. Not here: what a line may say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vibe_pipeline.errors import SettingsInvalid

Record = TypeVar("Record", bound=BaseModel)


def records(
    path: Path, shape: Callable[[Any], type[Record]], id_of: Callable[[Record], str | None]
) -> Iterator[Record]:
    """What each line that is not blank says, in the shape that it asks for by its values; SettingsInvalid for the first
    that is not so, and where two have one id (None: it needs none)."""
    first: dict[str, int] = {}
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            read = _record(line, f"{path}, line {number}", shape)
            identity = id_of(read)
            if identity is not None and (other := first.setdefault(identity, number)) != number:
                what = f"{path}, line {number}: line {other} has the item_id {identity!r} too"
                raise SettingsInvalid(what, "Give every item an id of its own")
            yield read


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # editors of Windows begin a file with a mark
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else _why(error)
        raise SettingsInvalid(f"{path} cannot be read: {why}", "Name a file of JSON lines") from error


def _record(line: str, where: str, shape: Callable[[Any], type[Record]]) -> Record:
    try:
        values = json.loads(line)
        return shape(values).model_validate(values)
    except ValidationError as error:
        details = error.errors()[0]
        what = ": ".join([where, *map(str, details["loc"]), details["msg"].removeprefix("Value error, ")])
        raise SettingsInvalid(what, "Correct that line") from error
    except (ValueError, RecursionError) as error:  # numbers and nesting without end, too
        raise SettingsInvalid(f"{where} is not JSON: {error}", "Write one JSON object a line") from error


def _why(error: ValueError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
