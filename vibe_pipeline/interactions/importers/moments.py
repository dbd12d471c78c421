"""When something was said, as programs write it. Columns of tables are read alike, in SQL (columns.py).

A time that could be another is none: 5/1/24 has a day that may be a month, 24-05-01 a year that may be a day.

Not here: which key holds it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

EARLIEST, LATEST = 1990, 2100
"""Years between which something may have been said: 1.25 or 45322.5 is no number of seconds."""

NUMBER = re.compile(r"\d{1,19}(?:\.\d*)?(?:[eE]\+?\d{1,2})?", re.ASCII)
COMPACT = re.compile(r"\d{8}(?:\d{6})?", re.ASCII)
USUAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:", re.ASCII)
WRITTEN = re.compile(
    r"""
    (?: (?P<year>\d{4}) (?P<mark>[-/])?
        (?P<month>(?(mark)\d{1,2}|\d\d)) (?(mark)(?P=mark)) (?P<day>(?(mark)\d{1,2}|\d\d))
      | (?:[A-Z][a-z]{2},\s*)? (?P<date>\d{1,2}) \s+ (?P<name>[A-Z][a-z]{2}) \s+ (?P<since>\d{4}) )
    (?: (?:T|\s+) (?P<hour>\d{1,2})
        (?: :? (?P<minute>\d\d) (?: :? (?P<second>\d\d) (?: [.,] (?P<fraction>\d+) )? )? )? )?
    \s* (?: (?P<sign>[+-]) (?P<hours>\d\d) :? (?P<minutes>\d\d)? (?: \s* [(\[].*[)\]] | \s* [A-Z]{3,4} )?
      | (?P<zone>[A-Z]+) (?: \s* [(\[].*[)\]] )? | (?P<place>[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_-]+)+) )?
    """,
    re.VERBOSE | re.ASCII,
)
"""ISO 8601 with a date of year, month and day, the slashes of a year first, and as mail writes it (RFC 2822)."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ZONES = {
    **dict.fromkeys(("Z", "UT", "UTC", "GMT"), 0),
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
"""Hours from UTC."""


def moment(stamp: Any) -> datetime | None:
    """YYYYMMDD, seconds (or ms, µs, ns by their size) since 1970, ISO 8601 or RFC 2822; in UTC where it names no zone.

    None of what is none of these or lies in no year of the log.
    """
    if isinstance(stamp, bool) or not isinstance(stamp, (str, int, float)):
        return None
    text = str(stamp).strip()
    try:
        found = _counted(text) if NUMBER.fullmatch(text) else _written(text)
    except (ValueError, OverflowError, OSError, LookupError):
        return None
    return found if found and EARLIEST <= found.year < LATEST else None


def _counted(text: str) -> datetime | None:
    if COMPACT.fullmatch(text):
        return datetime.strptime(f"{text:0<14}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    seconds = float(text)
    if seconds >= 1e19:
        return None
    while seconds >= 1e11:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC)


def _written(text: str) -> datetime | None:
    if USUAL.match(text):
        with suppress(ValueError):  # a tenth of the time that the expression takes
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    found = WRITTEN.fullmatch(text)
    if not found:
        return None
    year, month, day = found["year"] or found["since"], found["month"], found["day"] or found["date"]
    number = int(month) if month else MONTHS.index(found["name"]) + 1
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    fraction = int(f"{found['fraction'] or 0:0<6}"[:6])
    at = datetime(int(year), number, int(day), hour, minute, second, fraction, _zone(found))
    return at.astimezone(UTC)


def _zone(found: re.Match[str]) -> tzinfo:
    if found["place"]:
        return ZoneInfo(found["place"])
    if found["sign"]:
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
        return timezone(-offset if found["sign"] == "-" else offset)
    return timezone(timedelta(hours=ZONES[found["zone"]])) if found["zone"] else UTC
