"""Which column of a table gives which field of an interaction, and the SQL that makes lines of the log from its rows.

A row comes as JSON text. A field gets the column that was named for it, else a constant, else the column of its own
name; all other columns go to `extra`. A value of the wrong type makes a reason and no line: it costs its row alone. In
a column that was only taken for its name it goes to `extra` like any other (but a time: the row would have another).
Ids are hashes of the source, the module (the table's name, where none is mapped) and what the row says, so that
importing it again adds nothing and other tables keep their own equal rows; where a column gives the id, of that and the
table's name, for many tables count their rows. As they are stay the ids of a row with all that our own log writes, and
of columns that a person maps under their own names.

Not here: how rows come out of files (table.py).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import exit_codes
from vibe_pipeline.interactions.importers.exit_codes import EXIT_CODE, beside_command
from vibe_pipeline.interactions.importers.moments import EARLIEST, LATEST
from vibe_pipeline.records import SCHEMA_VERSION, Interaction

OWN = tuple(it.name for it in fields(Interaction))
FIELDS = tuple(it for it in OWN if it != "extra")

CONTENT = ("input", "output", "action")
"""A row without any of them says nothing."""

IDENTITIES = ("interaction_id", "conversation_id")

LOGGED = [it.name for it in fields(Interaction) if it.default is MISSING and it.default_factory is MISSING]
"""What every line of our own log has."""

TYPES = {
    "occurred_at": "moment",
    "turn": "ordinal",
    "success": "truth",
    "feedback": "number",
    "latency_ms": "number",
    "improvements": "texts",
    "learnings": "texts",
}
"""Field → the macro that makes its value of a text; every other field is text."""

DELETED = "deleted_at"
"""A column that only rows have which their user deleted."""

LOOSE = ("turn", "success", "feedback", "latency_ms")
"""Fields that a row can do without, where its column of that name means something else."""

BOUNDS = f"CREATE MACRO is_in_our_time(i) AS year(i) >= {EARLIEST} AND year(i) < {LATEST};"

MACROS = (
    BOUNDS
    + """
SET TimeZone = 'UTC';
SET threads = 1;
CREATE MACRO number(t) AS CASE WHEN isfinite(try_cast(t AS DOUBLE)) THEN try_cast(t AS DOUBLE) END;
CREATE MACRO ordinal(t) AS
    CASE WHEN regexp_full_match(t, '[0-9]{1,10}([.]0*)?') THEN try_cast(try_cast(t AS DOUBLE) AS INTEGER) END;
CREATE MACRO truth(t) AS CASE
    WHEN lower(t) IN ('true', 't', '1', '1.0', 'yes', 'y', 'ok', 'success', 'succeeded', 'passed') THEN true
    WHEN lower(t) IN ('false', 'f', '0', '0.0', 'no', 'n', 'error', 'failure', 'failed') THEN false END;
CREATE MACRO since_1970(n) AS make_timestamp((CASE
    WHEN n < 1e11 THEN n * 1e6 WHEN n < 1e14 THEN n * 1e3 WHEN n < 1e17 THEN n WHEN n < 1e19 THEN n / 1e3 END)::BIGINT);
CREATE MACRO compact(t) AS
    CASE WHEN regexp_full_match(t, '[0-9]{8}([0-9]{6})?') THEN try_strptime(t, ['%Y%m%d', '%Y%m%d%H%M%S']) END;
CREATE MACRO dotted(t) AS regexp_replace(t, '([0-9]),([0-9])', '\\1.\\2');
CREATE MACRO without_name(t) AS regexp_replace(t, '([+-][0-9]{2}:?[0-9]{2}|Z)\\s*([(\\[].*[)\\]]|[A-Z]{3,4})$', '\\1');
CREATE MACRO tidy(t) AS without_name(regexp_replace(dotted(trim(t)), '\\s+([+-][0-9])', '\\1'));
CREATE MACRO offset_of(zone) AS MAP {'': '+0000', 'Z': '+0000', 'UT': '+0000', 'UTC': '+0000', 'GMT': '+0000',
    'EST': '-0500', 'EDT': '-0400', 'CST': '-0600', 'CDT': '-0500',
    'MST': '-0700', 'MDT': '-0600', 'PST': '-0800', 'PDT': '-0700'}[zone];
CREATE MACRO initials(t) AS regexp_extract(t, '(?:\\s|:[0-9.]+)([A-Za-z]{1,3}|[A-Z]+|[a-z]+)$', 1);
CREATE MACRO settled(t) AS CASE WHEN initials(t) = '' THEN t
    ELSE regexp_replace(t, '\\s*[A-Za-z]+$', '') || offset_of(upper(initials(t))) END;
CREATE MACRO with_offset(t) AS CASE WHEN regexp_matches(t, '[0-9]{2}[+-][0-9]{2}(:?[0-9]{2})?$') THEN t
    ELSE regexp_replace(t, '\\s*[A-Z]*$', '') || offset_of(regexp_extract(t, '[A-Z]*$')) END;
CREATE MACRO without_day(t) AS regexp_replace(t, '^[A-Z][a-z]{2},\\s*', '');
CREATE MACRO parsed(t) AS coalesce(try_cast(t AS TIMESTAMPTZ), try_strptime(with_offset(without_day(t)), [
    '%Y%m%dT%H%z', '%Y%m%dT%H%M%z', '%Y%m%dT%H%M%S%z', '%Y%m%dT%H%M%S.%f%z', '%Y-%m-%dT%H%z',
    '%d %b %Y %H:%M%z', '%d %b %Y %H:%M:%S%z']));
CREATE MACRO written(t) AS parsed(settled(t));
CREATE MACRO instant(t) AS CASE WHEN regexp_full_match(t, '[0-9]{1,19}([.][0-9]*)?([eE][+]?[0-9]{1,2})?')
    THEN coalesce(compact(t), since_1970(try_cast(t AS DOUBLE)))
    ELSE make_timestamp(epoch_us(written(tidy(t)))) END;
CREATE MACRO moment(t) AS
    CASE WHEN is_in_our_time(instant(t)) THEN strftime(instant(t), '%Y-%m-%dT%H:%M:%S.%fZ') END;
CREATE MACRO json_of_type(t, wanted) AS
    CASE WHEN json_type(CASE WHEN json_valid(t) THEN t END) = wanted THEN t END;
CREATE MACRO texts(t) AS CASE WHEN t IS NOT NULL THEN
    coalesce(list_filter(from_json(json_of_type(t, 'ARRAY'), '["VARCHAR"]'), lambda it: it IS NOT NULL), [t]) END;
"""
    + exit_codes.MACROS
)
"""Times are YYYYMMDD, seconds, ms, µs or ns since 1970 by their size, else ISO 8601 or as mail writes them (RFC 2822),
in UTC where they name no zone. One that would lie in no year of the log is another date (5/1/24 is of the year 5),
a year or a count of days, and no time. Nor is one in a zone of which only the initials are said, but for those that
mail has fixed (EST is -0500 in July too): BST is of London and of Bangladesh. One thread: a batch is too small to
share, and each further thread took 70 MB and made it no faster."""

LINES = """
WITH given AS (
    SELECT raw, json, json_extract_string(json, $pointers) AS columns,
        json_merge_patch('{{}}', json_merge_patch(json, $mapped)) AS rest
    FROM (SELECT raw, json_of_type(raw, 'OBJECT') AS json FROM rows)
), read AS (
    SELECT raw, json, {texts} AS texts, rest FROM given
), typed AS (
    SELECT raw, json, texts, rest, {typed} AS it FROM read
), kept AS (
    SELECT raw, json, texts, it, {extra}::VARCHAR AS extra FROM (SELECT * REPLACE ({rest} AS rest) FROM typed)
), said AS (
    SELECT raw, it, texts, extra, json_merge_patch('{{}}', to_json({told})) AS said, CASE
        WHEN json IS NULL THEN 'not a row of a table (no JSON object)'
        WHEN {wrong} <> '' THEN 'of the wrong type: ' || {wrong}
        WHEN {content} = '' THEN 'nothing in input, output and action' END AS reason,
        list_has_all(json_keys(json), $logged) AS is_logged
    FROM kept
)
SELECT raw, reason, id, json_merge_patch(
    $defaults, said, to_json({{interaction_id: id, conversation_id: {conversation}}}){ended}{tier})::VARCHAR AS line
FROM (SELECT *, {identity} AS id FROM said){kept}
"""


EXTRA = """json_merge_patch(rest,
    coalesce(json_of_type(texts.extra, 'OBJECT'), to_json({extra: texts.extra})::VARCHAR, '{}'))"""
"""A column of that name, an object as our own log writes it, beside the columns that no field has."""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Field → column, and field → the same text for every row."""

    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    """Identities whose columns were mapped under their own names."""
    unasked: frozenset[str] = frozenset()
    """Fields whose columns were not mapped, only taken for their names."""
    tier: str | None = None
    """Of every row, in its `extra`; no part of what it says, so that its id is the same with another."""
    exit_code: str | None = None
    """The column that tells how a command ended. It stays in `extra` where it is not mapped, and what follows from it
    is no part of what the row says: rows that came before it was understood are known."""
    deleted: str | None = None
    """The column that says which rows were deleted."""

    @classmethod
    def parse(cls, options: Sequence[str], tier: str | None = None) -> ColumnMap:
        """From FIELD=COLUMN and FIELD==CONSTANT."""
        columns: dict[str, str] = {}
        constants: dict[str, str] = {}
        for option in options:
            name, equals, value = option.partition("=")
            if name not in FIELDS or not equals or value in ("", "="):
                what = f"--map {option!r} is not FIELD=COLUMN or FIELD==CONSTANT"
                raise SettingsInvalid(what, f"A FIELD is one of {', '.join(FIELDS)}")
            if name in columns or name in constants:
                raise SettingsInvalid(f"--map gives {name} twice", "Leave one of them out (--source gives one, too)")
            if value.startswith("="):
                constants[name] = value[1:]
            else:
                columns[name] = value
        kept = frozenset(it for it in IDENTITIES if columns.get(it, "").lower() == it)
        return cls(columns, constants, kept, tier=tier)

    def in_any_case(self, names: Collection[str]) -> ColumnMap:
        """With the columns of a header that bear the names of fields and are written otherwise: Input, OUTPUT."""
        taken = {*names} & {*OWN} | self.columns.keys() | self.constants.keys()
        free = {name.lower(): name for name in names if name not in self.columns.values()}
        found = {it: free[it] for it in OWN if it in free and it not in taken}
        return replace(self, columns={**found, **self.columns}, unasked=self.unasked | found.keys())

    def within(self, names: Collection[str]) -> ColumnMap:
        """The whole map for rows with these columns: those that bear the names of fields need none, unless they are
        mapped to another.

        In the order of the fields, since an id is the hash of what a row says in this order.
        """
        own = {it: it for it in OWN if it in names and it not in self.columns.values()}
        whole = {**own, **self.columns}
        columns = {it: whole[it] for it in OWN if it in whole and it not in self.constants}
        mapped = columns.get("success", "")
        exit_code = mapped if EXIT_CODE.fullmatch(mapped) else beside_command(names, columns, self.constants)
        deleted = next((it for it in names if it.lower() == DELETED and it not in columns.values()), None)
        unasked = self.unasked | (own.keys() - self.columns.keys())
        return replace(self, columns=columns, unasked=unasked, exit_code=exit_code, deleted=deleted)

    def is_satisfied(self, names: Collection[str]) -> bool:
        """Whether there are all columns that are mapped, and one that says something."""
        whole = self.within(names)
        return {*self.columns.values()} <= {*names} and not whole.columns.keys().isdisjoint(CONTENT)

    def check(self, names: Collection[str], where: str) -> None:
        """SettingsInvalid names the columns of a table that do not satisfy the map."""
        if self.is_satisfied(names):
            return
        there = f"the columns of {where} are {', '.join(names)}"
        for name, column in self.columns.items():
            if column not in names:
                raise SettingsInvalid(f"there is no column {column!r} for {name}; {there}", "Name one of them")
        raise SettingsInvalid(f"no column gives input, output or action; {there}", "Name one with --map input=COLUMN")

    def select(self, name: str, source: str, at: datetime) -> tuple[str, dict[str, object]]:
        """SQL over `rows` (raw: JSON text) that gives raw, reason, id and line, and its parameters; it needs MACROS.
        `name` is the module of rows that have none."""
        source = self.constants.get("source", source)
        read = {**self.columns, **{it: name for it, name in self._only_looked_at.items() if name}}
        pointed = {it: f"columns[{number}]" for number, it in enumerate(read, 1)}
        pointed |= {it: _quoted(value) for it, value in self.constants.items() if it != "source"}
        texts = {it: pointed[it] for it in OWN if it in pointed}
        looked_at = {it: pointed[it] for it in self._only_looked_at if it in pointed}
        given = [it for it in texts if it != "extra"]
        told = {it: f'it."{it}"' for it in given if it not in IDENTITIES}
        loose = [it for it in given if it in LOOSE and it in self.unasked]
        misfits = {self.columns[it]: f'CASE WHEN {_is_misfit(it)} THEN texts."{it}" END' for it in loose}
        wrong = [f"CASE WHEN {_is_misfit(it)} THEN '{it}' END" for it in given if it not in loose]
        module = 'coalesce(it."module", $name)' if "module" in texts else "$name"
        tier = json.dumps({"tier": self.tier})
        error_type = 'it."error_type"' if "error_type" in texts else "NULL"
        query = LINES.format(
            texts=_struct({it: f"nullif({text}, '')" for it, text in (texts | looked_at).items()}),
            typed=_struct({it: f'{self._macro(it)}(texts."{it}")' for it in given}),
            extra=EXTRA if "extra" in texts else "rest",
            rest=f"json_merge_patch(rest, to_json({_struct(misfits)}))" if misfits else "rest",
            told=_struct(told | {"extra": "nullif(extra, '{}')"}),
            wrong=f"concat_ws(', ', {', '.join(wrong) or 'NULL'})",
            content=f"concat({', '.join(told[it] for it in CONTENT if it in told)})",
            identity=self._identity("interaction_id", _hashed(module, "said::VARCHAR")),
            conversation=self._identity("conversation_id", "id"),
            ended=f", ended(texts.exit_code, {error_type})" if self.exit_code else "",
            kept=" WHERE coalesce(texts.deleted, '0') IN ('0', 'false')" if self.deleted else "",
            tier=f", to_json({{extra: json_merge_patch(extra, {_quoted(tier)})::VARCHAR}})" if self.tier else "",
        )
        defaults = {
            **{"schema_version": SCHEMA_VERSION, "turn": 0, "module": name, "action": "event", "input": ""},
            **{"output": "", "source": source, "occurred_at": f"{at.replace(tzinfo=None).isoformat()}Z"},
        }
        parameters: dict[str, object] = {
            "source": source,
            "name": name,
            "pointers": ["/" + it.replace("~", "~0").replace("/", "~1") for it in read.values()],
            "mapped": json.dumps(dict.fromkeys([*self.columns.values(), "schema_version"])),
            "defaults": json.dumps(defaults),
            "logged": LOGGED,
        }
        return query, parameters

    def told(self, rows: int, deleted: int) -> dict[str, int]:
        """What is to be said of so many rows, beside which so many had been deleted."""
        said = {f"rows left out that {self.deleted!r} says were deleted": deleted}
        if self.exit_code and "success" not in self.columns:
            said[f"the column {self.exit_code!r} tells the success of rows"] = rows
        return {what: count for what, count in said.items() if count}

    @property
    def _only_looked_at(self) -> dict[str, str | None]:
        """Columns that are no field by themselves."""
        return {"exit_code": self.exit_code, "deleted": self.deleted}

    def _macro(self, name: str) -> str:
        is_exit_code = name == "success" and self.exit_code and self.columns.get(name) == self.exit_code
        return "exited_well" if is_exit_code else TYPES.get(name, "")

    def _identity(self, name: str, otherwise: str) -> str:
        if name not in self.columns and name not in self.constants:
            return otherwise
        given = f'it."{name}"'
        is_kept = "true" if name in self.kept else "is_logged"
        return (
            f"CASE WHEN {given} IS NULL THEN {otherwise} WHEN {is_kept} THEN {given} ELSE {_hashed('$name', given)} END"
        )


def _is_misfit(name: str) -> str:
    return f'texts."{name}" IS NOT NULL AND it."{name}" IS NULL'


def _struct(values: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}"


def _hashed(*texts: str) -> str:
    """An id that only this source has."""
    return f"sha256(concat_ws(chr(0), $source, {', '.join(texts)}))"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
