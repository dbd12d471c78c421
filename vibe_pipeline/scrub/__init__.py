"""Secrets and personal data out of text: each becomes a stable placeholder such as [email:3f2a9c].

A Scrubber works on columns. A Rust regex for each group of patterns finds the rows that are worth a look; only they
meet Python, and only with the patterns whose own trigger hits. Text that is JSON stays JSON. Scrubbing twice changes
nothing more. Sealing scrubs every segment; a release scrubs again at its door (`Scrubber.frame`).
Not here: what a secret looks like (secrets.py), what personal data look like (personal.py), and how the colours of a
terminal are kept out of the way (colours.py).
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow as pa

from vibe_pipeline import settings
from vibe_pipeline.scrub import colours, personal, secrets
from vibe_pipeline.scrub.patterns import Pattern, value_of
from vibe_pipeline.scrub.placeholders import is_placed, key_of_home, placeholder
from vibe_pipeline.store import Store

log = logging.getLogger(__name__)

ROUNDS = 8
"""A replaced neighbour may lay bare another match; more than three rounds were never seen."""

SCALAR = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+')
"""Strings and numbers of a JSON text."""
HALF_PAIR = re.compile("[\ud800-\udfff]")


class Scrubber:
    """Scrubs by the rules of one home and with its key."""

    def __init__(self, store: Store, rules: settings.Log) -> None:
        self._store = store
        self._allowed = frozenset(value.lower() for value in rules.allow)
        chosen = tuple(it for it in personal.PATTERNS if it.kind in rules.personal_data)
        self._groups = (*(secrets.groups() if rules.scrub else ()), *([(personal.SIGNS, chosen)] if chosen else []))

    def frame(self, frame: pl.DataFrame, keep: Collection[str] = ()) -> tuple[pl.DataFrame, Counter[str]]:
        """The frame with every text in it scrubbed, in lists and structs too, but for the columns in `keep`."""
        table, counts = self.table(frame.to_arrow(), [name for name in frame.columns if name not in keep])
        scrubbed = pl.DataFrame(pl.from_arrow(table))
        return scrubbed.cast(dict(frame.schema)), counts  # type: ignore[arg-type]

    def table(self, table: pa.Table, columns: Collection[str]) -> tuple[pa.Table, Counter[str]]:
        """The table with these columns scrubbed (those that it has), and how many of each kind there were: where most
        rows repeat what others say (a model, a module), each different text counts once."""
        counts: Counter[str] = Counter()
        if not self._groups:
            return table, counts
        for place, field in enumerate(table.schema):
            if field.name in columns:
                column, found = self._array(table.column(place).combine_chunks())
                table = table.set_column(place, field, column)
                counts += found
        if counts:
            kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
            log.info("replaced in %d rows: %s", table.num_rows, kinds)
        return table, counts

    def column(self, column: pl.Series) -> tuple[pl.Series, Counter[str]]:
        """The same for one column of text."""
        coloured = column.str.contains(colours.SIGNS).fill_null(False).arg_true()
        if coloured.is_empty():
            return self._settled(column)
        texts, runs = colours.marked(column.gather(coloured).to_list())
        cleaned, counts = self._settled(column.clone().scatter(coloured, pl.Series(texts, dtype=column.dtype)))
        back = colours.restored(cleaned.gather(coloured).to_list(), runs)
        return cleaned.scatter(coloured, pl.Series(back, dtype=column.dtype)), counts

    def _settled(self, column: pl.Series, rounds: int = ROUNDS) -> tuple[pl.Series, Counter[str]]:
        """What changed is looked at again until nothing changes."""
        counts: Counter[str] = Counter()
        cleaned = column
        for signs, patterns in self._groups:
            cleaned = self._pass(cleaned, signs, patterns, counts)
        if counts and rounds > 1:
            changed = (cleaned != column).fill_null(False).arg_true()
            again, more = self._settled(cleaned.gather(changed), rounds - 1)
            cleaned, counts = (cleaned.scatter(changed, again) if more else cleaned), counts + more
        return cleaned, counts

    @cached_property
    def _key(self) -> bytes:
        return key_of_home(self._store)

    def _array(self, array: Any) -> tuple[Any, Counter[str]]:
        kind = array.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            cleaned, counts = self._once(pl.Series(pl.from_arrow(array)))
            return (cleaned.to_arrow().cast(kind) if counts else array), counts
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            whole = pa.concat_arrays([array]) if array.offset else array
            values, counts = self._array(whole.values)
            mask = whole.is_null() if whole.null_count else None
            return type(whole).from_arrays(whole.offsets, values, type=kind, mask=mask), counts
        if pa.types.is_struct(kind):
            parts = [self._array(part) for part in array.flatten()]
            mask = array.is_null() if array.null_count else None
            columns = [part for part, _ in parts]
            return pa.StructArray.from_arrays(columns, fields=list(kind), mask=mask), sum(
                (found for _, found in parts), Counter()
            )
        return array, Counter()

    def _once(self, texts: pl.Series) -> tuple[pl.Series, Counter[str]]:
        """The same as `column`; where most rows repeat what others say, each different text is looked at once."""
        distinct = texts.unique()
        if len(distinct) * 2 > len(texts):
            return self.column(texts)
        cleaned, counts = self.column(distinct)
        return (texts.replace_strict(distinct, cleaned, return_dtype=pl.String) if counts else texts), counts

    def _pass(self, column: pl.Series, signs: str, patterns: Sequence[Pattern], counts: Counter[str]) -> pl.Series:
        suspicious = column.str.contains(signs).fill_null(False).arg_true()
        if suspicious.is_empty():
            return column
        texts = column.gather(suspicious)
        hits = {trigger: texts.str.contains(trigger).to_list() for trigger in {it.trigger for it in patterns}}
        cleaned = [
            self._clean(text, [it for it in patterns if hits[it.trigger][row]], counts)
            for row, text in enumerate(texts)
        ]
        return column.clone().scatter(suspicious, pl.Series(cleaned, dtype=column.dtype))

    def _clean(self, text: str, patterns: Sequence[Pattern], counts: Counter[str]) -> str:
        return self._json(text, patterns, counts) if _is_json(text) else self._text(text, patterns, counts)

    def _text(self, text: str, patterns: Sequence[Pattern], counts: Counter[str]) -> str:
        for pattern in patterns:
            text = pattern.regex.sub(lambda match, it=pattern: self._placed(match, it, counts), text)  # type: ignore[misc]
        return text

    def _json(self, text: str, patterns: Sequence[Pattern], counts: Counter[str]) -> str:
        """Strings and numbers by themselves first, unescaped; then what is known by the name before it, where that
        leaves the text JSON; what stands in a number's place is a string."""
        text = SCALAR.sub(lambda match: self._scalar(match[0], patterns, counts), text)
        for pattern in patterns:
            found: Counter[str] = Counter()
            numbers = _Numbers(text)
            place = lambda match, it=pattern, n=found, at=numbers: self._placed(match, it, n, at)  # noqa: E731
            changed = pattern.regex.sub(place, text)
            if found and _is_json(changed):
                text = changed
                counts += found
        return text

    def _scalar(self, literal: str, patterns: Sequence[Pattern], counts: Counter[str]) -> str:
        value = json.loads(literal) if literal[0] == '"' else literal
        cleaned = self._text(value, patterns, counts)
        return literal if cleaned == value else _quoted(cleaned)

    def _placed(
        self, match: re.Match[str], pattern: Pattern, counts: Counter[str], numbers: _Numbers | None = None
    ) -> str:
        """The match with the value replaced (in quotation marks where it is one of these numbers) and what stands
        around it kept, the marks of colours inside it too; all of it where nothing is to hide."""
        text, (start, end) = match.string, match.span("value" if "value" in match.re.groupindex else 0)
        identity = pattern.identity(match)
        if identity is None or is_placed(text, start, end) or self._is_allowed(value_of(match), identity):
            return match[0]
        counts[pattern.kind] += 1
        marks = colours.MARK * text.count(colours.MARK, start, end)
        quote = '"' if numbers and numbers.holds(start, end) else ""
        placed = f"{quote}{placeholder(self._key, pattern.kind, identity)}{marks}{quote}"
        return f"{text[match.start() : start]}{placed}{text[end : match.end()]}"

    def _is_allowed(self, *names: str) -> bool:
        """By its own writing, or by its domain or one above."""
        for name in map(str.lower, names):
            parts = re.split("[@.]", name) if self._allowed else ()
            if any(name.endswith(tail) and tail in self._allowed for tail in (name, *_tails(name, parts))):
                return True
        return False


def _tails(name: str, parts: Sequence[str]) -> list[str]:
    """What follows each @ and dot."""
    lengths = [len(part) + 1 for part in parts]
    return [name[sum(lengths[:count]) :] for count in range(1, len(lengths))]


def _is_json(text: str) -> bool:
    """Whether it is a JSON object or array; one that is too deep to be read counts as plain text."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class _Numbers:
    """The numbers of a JSON text, asked for from left to right: none is held, and nobody who asks for none pays."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans = (match.span() for match in SCALAR.finditer(text))
        self._span = (0, 0)

    def holds(self, start: int, end: int) -> bool:
        """Whether one of them stands exactly there."""
        if self._text[start] not in "-0123456789":
            return False
        while self._span[1] <= start:
            self._span = next(self._spans, (len(self._text), len(self._text)))
        return self._span == (start, end)


def _quoted(text: str) -> str:
    """As JSON, and half of a surrogate pair as the escape that it came from: UTF-8 cannot hold it."""
    return HALF_PAIR.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
