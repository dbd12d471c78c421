"""The card of a generation: the figures of its examples and a few of them to look at, from its one Parquet file.

Nothing is loaded whole: DuckDB counts the narrow columns, and the texts are read of the sampled rows alone. Rows that
were forgotten are counted and skipped. Rows that later generations took back are counted too, and skipped nowhere: the
set stays as it was made. Not here: how it is shown (page.py, the command line, Dagster's metadata), and what two
generations have in common (difference.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import duckdb
import pyarrow as pa

from vibe_pipeline.curate.cards.doubts import of_actions, of_groups
from vibe_pipeline.curate.dedup.reasons import CONTAMINATION, DUPLICATES
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.records import ExampleSet, Split, generation_name, load
from vibe_pipeline.store import Store, sql_list
from vibe_pipeline.withdrawn import Withdrawn

AXES = ("kind", "stage", "tier")

QUALITY_BINS = 10
"""Of equal width over [0, 1]; the last one holds 1.0 too."""

SAMPLED = 10

BEGINNING, END = 500, 200
"""Characters that are shown of a longer text: a prompt's question stands at its end."""

ROWS = f"""
CREATE VIEW rows AS FROM read_parquet({{file}}, file_row_number = true, hive_partitioning = false)
WHERE example_id IS NOT NULL;
CREATE MACRO shown(words) AS CASE
    WHEN length(words) > {BEGINNING + END} THEN left(words, {BEGINNING}) || ' […] ' || right(words, {END}) ELSE words
END;
"""

CUBE = "SELECT split, kind, stage, tier, count(*), sum(tokens)::BIGINT FROM rows GROUP BY ALL"

LENGTHS = """
SELECT kind, count(*), sum(tokens)::BIGINT, quantile_disc(tokens, [0.5, 0.9, 0.99]), max(tokens)
FROM rows GROUP BY GROUPING SETS ((kind), ()) HAVING count(*) > 0 ORDER BY kind NULLS FIRST
"""

BINS = "SELECT kind, floor(log2(greatest(tokens, 1)))::INTEGER AS bin, count(*) FROM rows GROUP BY ALL ORDER BY ALL"

QUALITY = """
SELECT least(floor(round(quality::DOUBLE * $bins, 4)), $bins - 1)::INTEGER AS bin, count(*)
FROM rows WHERE quality IS NOT NULL GROUP BY bin ORDER BY bin
"""

REASONS = """
SELECT reason, count(*) FROM (SELECT unnest(reasons) AS reason FROM rows) GROUP BY reason ORDER BY count(*) DESC, reason
"""

DRAWN = """
SELECT min_by(file_row_number, md5($sha || example_id), $sampled) FROM rows GROUP BY kind ORDER BY kind
"""

SINCE = "SELECT count(*) FROM rows SEMI JOIN gone ON row = file_row_number"

SAMPLES = """
SELECT kind, split, stage, tier, tokens, round(quality::DOUBLE, 3) AS quality, reasons,
    shown(prompt) AS prompt, shown(completion) AS completion, shown(rejected) AS rejected,
    file_row_number IN (SELECT row FROM gone) AS is_taken_back
FROM rows WHERE file_row_number IN (SELECT unnest($numbers)) ORDER BY kind, file_row_number
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The lengths of some examples, in estimated tokens."""

    rows: int
    tokens: int
    median: int
    p90: int
    p99: int
    longest: int
    histogram: dict[int, int]
    """Rows whose length lies in [2^bin, 2^(bin + 1)), by bin; bin 0 holds the empty ones too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One example to look at; long texts are cut."""

    kind: str
    split: str
    stage: str
    tier: str
    tokens: int
    quality: float
    reasons: tuple[str, ...]
    prompt: str
    completion: str
    rejected: str | None
    is_taken_back: bool
    """By a later generation: it is learned no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a person wants to know of the examples of one generation."""

    generation: str
    sha: str
    suite_sha: str
    rows: int
    forgotten: int
    """Rows that were erased since; no other figure counts them."""
    splits: dict[str, int]
    counts: dict[str, dict[str, dict[str, int]]]
    """Axis (kind, stage, tier) → value → split → rows."""
    tokens: dict[str, int]
    """By split."""
    lengths: Lengths | None
    """Of all rows; None where there are none."""
    lengths_by_kind: dict[str, Lengths]
    quality: tuple[int, ...]
    """Rows by tenths of [0, 1]."""
    reasons: dict[str, int]
    """What spoke for (+) or against (-) an example → rows, the commonest first."""
    dropped: dict[str, dict[str, int]]
    """quality, duplicates, contamination → reason → candidates that became no example."""
    leaks: dict[str, int]
    groups: str
    """How many rows are held out by `curate.group`, in words; empty where nobody noted it."""
    actions: str
    """Of how many interactions no list of `[curate]` names the action, in words; empty where of none."""
    withdrawn: int
    """Rows of earlier generations that this one took back."""
    withdrawn_since: int
    """Rows of this one that later generations took back up to now; every other figure goes on counting them."""
    samples: tuple[Sample, ...]


def describe(store: Store, examples: ExampleSet, withdrawn_sha: str = "") -> Card:
    """The card of an example set, with what was taken back of it by withdrawn/<sha>.parquet. The same set gives the
    same card, with the same samples."""
    gone = Withdrawn(store, withdrawn_sha).of(examples.generation)
    with connect(store.path(SPILL)) as db:
        db.execute(ROWS.format(file=sql_list([store.existing_table(f"examples/{examples.sha}.parquet")])))
        db.register("gone", pa.table({"row": gone}))
        ((withdrawn_since,),) = db.sql(SINCE).fetchall()
        cube = db.sql(CUBE).fetchall()
        lengths = _lengths(db)
        return Card(
            generation=generation_name(examples.generation),
            sha=examples.sha,
            suite_sha=examples.suite_sha,
            rows=(rows := sum(count for *_, count, _ in cube)),
            forgotten=examples.rows - rows,
            splits=_total(cube, 4),
            counts={axis: _counts(cube, place) for place, axis in enumerate(AXES, 1)},
            tokens=_total(cube, 5),
            lengths=lengths.pop(None, None),
            lengths_by_kind={kind: it for kind, it in lengths.items() if kind},
            quality=_quality(db),
            reasons=dict(db.sql(REASONS).fetchall()),
            dropped=grouped(examples.dropped),
            leaks=dict(examples.leaks),
            groups=of_groups(examples),
            actions=of_actions(examples),
            withdrawn=examples.withdrawn,
            withdrawn_since=withdrawn_since,
            samples=_samples(db, examples.sha),
        )


def grouped(dropped: dict[str, int]) -> dict[str, dict[str, int]]:
    """Reasons by what they are about, the commonest first."""
    groups: dict[str, dict[str, int]] = {"quality": {}, "duplicates": {}, "contamination": {}}
    for reason, count in sorted(dropped.items(), key=lambda it: (-it[1], it[0])):
        is_leak, is_double = reason in CONTAMINATION, reason in DUPLICATES
        groups["contamination" if is_leak else "duplicates" if is_double else "quality"][reason] = count
    return groups


def bin_name(number: int) -> str:
    """The lengths in one bin, in words: 0–1, 2–3, 4–7, …"""
    return f"{2**number if number else 0:,}–{2 ** (number + 1) - 1:,}"


def _total(cube: list[Any], place: int) -> dict[str, int]:
    total: Counter[str] = Counter()
    for cell in cube:
        total[cell[0]] += cell[place]
    return {str(split): total[split] for split in Split if split in total}


def _counts(cube: list[Any], place: int) -> dict[str, dict[str, int]]:
    values = sorted({cell[place] for cell in cube})
    return {value: _total([cell for cell in cube if cell[place] == value], 4) for value in values}


def _lengths(db: duckdb.DuckDBPyConnection) -> dict[str | None, Lengths]:
    """By kind, and of all under None; empty where there are no rows."""
    bins = db.sql(BINS).fetchall()
    of_all: Counter[int] = Counter()
    for _, number, count in bins:
        of_all[number] += count
    return {
        kind: Lengths(
            rows=rows,
            tokens=tokens,
            median=median,
            p90=p90,
            p99=p99,
            longest=longest,
            histogram={at: count for it, at, count in bins if it == kind} if kind else dict(sorted(of_all.items())),
        )
        for kind, rows, tokens, (median, p90, p99), longest in db.sql(LENGTHS).fetchall()
    }


def _quality(db: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
    found = dict(db.sql(QUALITY, params={"bins": QUALITY_BINS}).fetchall())
    return tuple(found.get(number, 0) for number in range(QUALITY_BINS))


def _samples(db: duckdb.DuckDBPyConnection, sha: str) -> tuple[Sample, ...]:
    """Rows of every kind in turn, drawn by a hash that the set's sha seeds."""
    drawn = [numbers for (numbers,) in db.sql(DRAWN, params={"sha": sha, "sampled": SAMPLED}).fetchall()]
    in_turn = [number for numbers in zip_longest(*drawn) for number in numbers if number is not None]
    found = db.sql(SAMPLES, params={"numbers": in_turn[:SAMPLED]})
    return tuple(load(Sample, dict(zip(found.columns, row, strict=True))) for row in found.fetchall())
