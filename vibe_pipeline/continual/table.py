"""The matrix for a terminal, and as CSV. A figure reads value [95 % interval] n; what was not measured is blank.

A terminal in which not all suites fit in one line a cell gets two lines a cell; where that is not enough, the newest
suites go first, because the oldest tell what is forgotten, and it is said which went. Not here: a figure.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vibe_pipeline.evaluate.matrix import TRANSFERS, Cell, Matrix, Measured, Row
from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.judgement import Figure, Outcome

if TYPE_CHECKING:
    from rich.console import Group

MARKS = {Outcome.REJECTED: "✗", Outcome.UNDECIDED: "?"}
CHAMPION, ROLLED_BACK = "★", "↩"
HOW_TO_READ = (
    "value [95 % interval] n, where items of one fact stand or fall together; blank: not measured",
    "★ champion, ✗ rejected, ? undecided, ↩ rolled back",
)

CSV_COLUMNS = (
    *("lineage", "generation", "adapter", "verdict", "suite", "part", "facts"),
    *(f"{name}{end}" for name in ("share", "nll") for end in ("", "_n", "_low", "_high")),
)


def what_is(part: str) -> str:
    """What the share of a part is of."""
    return "answered exactly" if part in EXACT_PARTS else "likelier than to the base model"


def name(row: Row) -> str:
    """A row as people read it, with its mark."""
    verdict = MARKS.get(Outcome(row.verdict), "") if row.verdict else ""
    mark = CHAMPION if row.is_champion else ROLLED_BACK if row.is_rolled_back else verdict
    return f"{row.generation} {mark}".rstrip()


def cells(row: Row, part: str) -> dict[str, Cell]:
    """Suite → what the row knows of that part of it."""
    return {cell.suite: cell for cell in row.cells if cell.part == part}


def suites(matrix: Matrix, part: str) -> list[str]:
    """The suites of which somebody answered that part."""
    return sorted({cell.suite for row in matrix.rows for cell in row.cells if cell.part == part})


def tables(matrix: Matrix, width: int) -> list[Group]:
    """What each rung knows of each suite, part by part; its mean and its distance from the base; the transfers."""
    parts = matrix.parts
    known = [_table(_title(matrix.lineage, part), *_known(matrix, part), width) for part in parts]
    means = _table("Mean over the suites that a rung has learned", *_means(matrix), width)
    title = f"Transfer and forgetting at {matrix.told.generation}" if parts else ""
    nats = "" if {*parts} <= {*EXACT_PARTS} else "; NLL in nats saved, of forgetting lost"
    transfers = _transfers(matrix)
    return [*known, means, *([_table(title + nats, *transfers, width)] if transfers[0] else [])] if parts else []


def _title(lineage: str, part: str) -> str:
    nats = "" if part in EXACT_PARTS else "; NLL in nats a token"
    return f"{lineage}: {part}, {what_is(part)}{nats}"


Grid = tuple[Sequence[str], "Sequence[Column]"]
"""The names of rows, and the columns beside them."""


def _known(matrix: Matrix, part: str) -> Grid:
    rows = [cells(row, part) for row in matrix.rows]
    columns = [Column(suite, [row.get(suite) for row in rows], _of(part)) for suite in suites(matrix, part)]
    return [name(row) for row in matrix.rows], columns


def _means(matrix: Matrix) -> Grid:
    rungs = matrix.rows[1:]  # the base model has learned nothing
    means = [Column(part, [_find(row.average, part) for row in rungs], _of(part)) for part in matrix.parts]
    far = [row.kl_base for row in rungs]
    return [name(row) for row in rungs], [*means, *([Column("KL to base", far, _figure)] if any(far) else [])]


def _transfers(matrix: Matrix) -> Grid:
    said = {kind.replace("_", " "): getattr(matrix, kind) for kind in TRANSFERS if getattr(matrix, kind)}
    columns = [Column(part, [_find(it, part) for it in said.values()], _of(part, "+")) for part in matrix.parts]
    return [*said], columns


def to_csv(matrices: Iterable[Matrix]) -> str:
    """A line for each cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for matrix in matrices:
        for row in matrix.rows:
            writer.writerows(
                (matrix.lineage, row.generation, row.adapter, row.verdict, it.suite, it.part, it.facts, *_flat(it))
                for it in row.cells
            )
    return out.getvalue()


def shown(figure: Figure, sign: str = "") -> str:
    """value [95 % interval] n, in one line; one cluster has no spread."""
    return " ".join(filter(None, (_number(figure.value, sign), _interval(figure, sign), f"{figure.n:>3}")))


Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class Column:
    """A suite or a part, and what each row has there."""

    name: str
    values: Sequence[Measured | Figure | None]
    lines: Callable[[Measured | Figure, bool], Lines]
    """Of a value; in few letters or not."""

    def texts(self, is_narrow: bool) -> list[str]:
        """Its cells."""
        return ["\n".join(self.lines(it, is_narrow)) if it else "" for it in self.values]

    def width(self, is_narrow: bool) -> int:
        """Of its widest line, with the space around it."""
        return 2 + max(len(line) for text in (self.name, *self.texts(is_narrow)) for line in text.split("\n"))


def _table(title: str, labels: Sequence[str], columns: Sequence[Column], width: int) -> Group:
    """A title that is not folded to the width of its table, the table, and which columns had no room."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    room = width - 3 - max(map(len, labels), default=0)
    is_narrow = sum(column.width(False) for column in columns) > room
    kept = list(columns)
    while len(kept) > 1 and sum(column.width(is_narrow) for column in kept) > room:
        kept.pop()
    out = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    out.add_column("", no_wrap=True)
    for column in kept:
        out.add_column(column.name, justify="right", no_wrap=True)
    for label, *texts in zip(labels, *(column.texts(is_narrow) for column in kept), strict=True):
        out.add_row(label, *map(Text, texts))
    gone = [column.name for column in columns[len(kept) :]]
    names = gone[0] if len(gone) == 1 else f"{gone[0]} to {gone[-1]}" if gone else ""
    told = [Text(f"No room for {names}: the page has all, and so have --json and --csv\n")] if gone else []
    return Group(Text(title), out, *told)


def _find(summaries: Iterable[Measured], part: str) -> Measured | None:
    return next((it for it in summaries if it.part == part), None)


def _of(part: str, sign: str = "") -> Callable[[Measured | Figure, bool], Lines]:
    """The lines of a cell: its share, and the NLL below it where there is no right answer."""

    def lines(measured: Measured | Figure, is_narrow: bool) -> Lines:
        assert isinstance(measured, Measured)
        out = _figure(measured.share, is_narrow, sign) if measured.share else []
        if part in EXACT_PARTS or not measured.nll:
            return out
        interval = "" if is_narrow else _interval(measured.nll, sign)
        return [*out, " ".join(filter(None, (_number(measured.nll.value, sign), interval, "NLL")))]

    return lines


def _figure(figure: Measured | Figure, is_narrow: bool, sign: str = "") -> Lines:
    assert isinstance(figure, Figure)
    if not is_narrow:
        return [shown(figure, sign)]
    lines = (f"{_number(figure.value, sign)} {figure.n:>3}", _interval(figure, sign))
    return [_short(line) for line in lines if line]


def _interval(figure: Figure, sign: str) -> str:
    is_spread = figure.low < figure.high
    return f"[{_number(figure.low, sign)} {_number(figure.high, sign)}]" if is_spread else ""


def _number(value: float, sign: str) -> str:
    return f"{value:{sign}.2f}" if abs(value) >= 0.005 else f"{0:{sign}.2f}".replace("+", " ")


def _short(line: str) -> str:
    """Without the zero before a point, and with one after 1."""
    return re.sub(r"\b0(?=\.)", "", line).replace("1.00", "1.0")


def _flat(cell: Cell) -> Iterator[float | None]:
    for figure in (cell.share, cell.nll):
        yield from (figure.value, figure.n, figure.low, figure.high) if figure else (None,) * 4
