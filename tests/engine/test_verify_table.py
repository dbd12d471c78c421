"""`vibe verify` and the table of all rungs: another version may have given it columns more or fewer."""

from __future__ import annotations

import csv
import io
from functools import partial

import pytest

from vibe_pipeline.ladder import Ladder
from vibe_pipeline.verifying.home import OTHER_COLUMNS

TABLE = "models/lineage_ledger.csv"


def table(home: Ladder) -> list[list[str]]:
    return list(csv.reader(home.store.path(TABLE).read_text().splitlines()))


def as_text(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def wider(rows: list[list[str]], name: str = "mood") -> list[list[str]]:
    """With one more column, which is not the last."""
    return [[*row[:20], name if not at else str(at), *row[20:]] for at, row in enumerate(rows)]


def without(rows: list[list[str]], name: str) -> list[list[str]]:
    at = rows[0].index(name)
    return [row[:at] + row[at + 1 :] for row in rows]


def said(rows: list[list[str]], name: str, value: str) -> list[list[str]]:
    """With another value in the second line."""
    at = rows[0].index(name)
    return [[*row[:at], value, *row[at + 1 :]] if line == 1 else row for line, row in enumerate(rows)]


@pytest.mark.parametrize("change", [wider, partial(without, name="is_tainted"), partial(without, name="verdict")])
def test_a_table_that_another_version_wrote_is_no_damage(climbed, change):
    climbed.store.path(TABLE).write_text(as_text(change(table(climbed))))
    found = climbed.verify()
    assert (found.ok, found.not_checked[OTHER_COLUMNS]) == (True, 1)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rows: as_text(rows)[:100], id="cut inside its header"),
        pytest.param(lambda rows: ",".join(rows[0][:12]), id="cut behind the fixed columns"),
        pytest.param(lambda rows: as_text([rows[0][:15]]), id="a header with less and nothing below"),
        pytest.param(lambda rows: as_text(wider(rows))[:-1], id="its last line has no end"),
        pytest.param(lambda rows: as_text(wider(rows)[:-1]), id="a line is missing"),
        pytest.param(lambda rows: as_text([*wider(rows), wider(rows)[-1]]), id="a line too many"),
        pytest.param(lambda rows: as_text([*wider(rows)[:-1], rows[-1]]), id="a line with a value less"),
        pytest.param(lambda rows: as_text(wider(said(rows, "verdict", "rejected"))), id="another verdict"),
        pytest.param(lambda rows: as_text(without(said(rows, "reasons", "-"), "taint")), id="other reasons"),
        pytest.param(lambda rows: as_text([["moods", *rows[0][1:]], *rows[1:]]), id="another name of a column"),
        pytest.param(lambda rows: as_text(without(rows, "steps")), id="a fixed column is missing"),
        pytest.param(lambda rows: as_text([["m", *row] for row in rows]), id="the fixed columns are not the first"),
        pytest.param(lambda rows: as_text(wider(rows, "verdict")), id="two columns of one name"),
        pytest.param(lambda rows: as_text(wider(rows)).replace("mood", '"mood'), id="a quote astray"),
        pytest.param(lambda rows: as_text(wider(rows)).encode().replace(b"mood", b"m\x80"), id="no UTF-8"),
    ],
)
def test_a_damaged_table_is_named_whatever_its_columns(climbed, change):
    damaged = change(table(climbed))
    climbed.store.path(TABLE).write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    found = climbed.verify()
    assert [it.where for it in found.problems] == [TABLE]
    assert not found.not_checked[OTHER_COLUMNS]
