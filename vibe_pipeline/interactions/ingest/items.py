"""The logger's own records as JSON: interactions, and remarks on them, as they are passed to it or as its spools hold
them. One that is wrong costs itself alone.

Not here: writing them (commit.py).
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.ingest.bodies import json_of
from vibe_pipeline.interactions.ingest.commit import Row
from vibe_pipeline.interactions.ingest.refusals import JSON, Refused
from vibe_pipeline.interactions.ingest.values import require_few_in_json
from vibe_pipeline.interactions.lines import REMARKS, line_of, repaired, shown
from vibe_pipeline.records import SCHEMA_VERSION, Interaction, Remark

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

ITEMS = 10_000
"""Of one request."""

SOURCE = "http"

Item = Any
Read = Callable[[dict[str, Any]], Row]


def rows_of(data: bytes, media: str, read: Read) -> list[Row | str]:
    """A row, or the reason why there is none, for each item in its order."""
    return [item if isinstance(item, str) else _row(item, read) for item in _items(data, media)]


def interaction(value: dict[str, Any]) -> Row:
    """The fields of InteractionLogger.log, and `source`; ValueError says what is wrong."""
    given = _given(value, Interaction, ("module", "action", "input"))
    identity = given.setdefault("interaction_id", uuid.uuid4().hex)
    given.setdefault("conversation_id", identity)
    given.setdefault("turn", 0)
    return Row(repaired(identity), _line(Interaction, given))


def remark(value: dict[str, Any]) -> Row:
    """What InteractionLogger.feedback, improvement and learning log; ValueError says what is wrong."""
    given = _given(value, Remark, ("interaction_id", "kind"))
    if given["kind"] not in tuple(REMARKS):
        raise ValueError(f"kind = {shown(given['kind']):.60} is not one of {', '.join(REMARKS)}")
    identity = given.setdefault("remark_id", uuid.uuid4().hex)
    return Row(repaired(identity), _line(Remark, given))


def _items(data: bytes, media: str) -> Iterable[Item]:
    """The values; a line that is none is a text, its reason."""
    require_few_in_json(data)
    if media != JSON:
        lines = list(islice((line for line in io.BytesIO(data) if line.strip()), ITEMS + 1))
        _require_few(len(lines))
        return map(_value, lines)
    try:
        value = json_of(data)
    except ValueError as error:
        raise Refused(400, f"the body is {error} (one record a line is sent as {LINES[0]})") from error
    items = value if isinstance(value, list) else [value]
    _require_few(len(items))
    return [item if isinstance(item, dict) else "not an object" for item in items]


def _value(line: bytes) -> Item:
    try:
        value = json_of(line)
    except ValueError as error:
        return str(error)
    return value if isinstance(value, dict) else "not an object"


def _require_few(count: int) -> None:
    if count > ITEMS:
        raise Refused(413, f"at most {ITEMS} records are taken in one request: send them in parts")


def _row(value: dict[str, Any], read: Read) -> Row | str:
    try:
        return read(value)
    except SettingsInvalid as error:
        return error.what
    except (ValueError, RecursionError) as error:
        return str(error)


def _given(value: dict[str, Any], kind: type[Interaction | Remark], needed: tuple[str, ...]) -> dict[str, Any]:
    """The fields that are not null, with the moment read; the rest has defaults."""
    known = [field.name for field in fields(kind)]
    value = _unsealed(value)
    if unknown := sorted(value.keys() - set(known)):
        raise ValueError(f"unknown field {unknown[0][:60]!r}; there are {', '.join(known)}")
    given = {name: item for name, item in value.items() if item is not None}
    if missing := [name for name in needed if name not in given]:
        raise ValueError(f"{', '.join(missing)} is missing")
    return {**given, "occurred_at": _moment(given.get("occurred_at")), "source": given.get("source", SOURCE)}


def _unsealed(value: dict[str, Any]) -> dict[str, Any]:
    """A line of a spool as what was logged: `extra` stands in it as a text."""
    if "schema_version" not in value:
        return value
    if (version := value["schema_version"]) != SCHEMA_VERSION:
        raise ValueError(f"schema_version = {shown(version):.60}, and this program takes {SCHEMA_VERSION}")
    extra = value.get("extra")
    kept = {name: item for name, item in value.items() if name != "schema_version"}
    if not isinstance(extra, str):
        return kept
    require_few_in_json(extra.encode())
    return {**kept, "extra": json_of(extra.encode())}


def _moment(value: Any) -> datetime:
    if value is None:
        return datetime.now(UTC)
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"occurred_at = {shown(value):.60} is no time in ISO 8601") from error


def _line(kind: type[Interaction | Remark], given: dict[str, Any]) -> bytes:
    return line_of(kind(**given))
