"""A seal of many batches: few segments a month, each id once, and nothing lost or left behind when it dies."""

from datetime import UTC, datetime

import polars as pl
import pytest

from vibe_pipeline.interactions import months, sealing
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.schema import read_rows
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.records import Interaction
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store


@pytest.fixture
def row_by_row(monkeypatch):
    """Every row is a batch of its own."""

    def sliced(*asked):
        for rows, rejects in read_rows(*asked):
            yield from ((rows.slice(number, 1), rejects.slice(number)) for number in range(len(rows)))

    monkeypatch.setattr(sealing, "read_rows", sliced)
    monkeypatch.setattr(sealing, "SEALED_BYTES", 1)


@pytest.fixture
def log(store):
    """Log interactions, each by its id, its month and what was asked."""

    def write(*told: tuple[str, int, str]) -> None:
        fixed = {"turn": 0, "module": "m", "action": "ask"}
        InteractionLogger(store.root).log_many(
            Interaction(
                interaction_id=identity,
                conversation_id=f"of {identity}",
                occurred_at=datetime(2026, month, 2, tzinfo=UTC),
                input=asked,
                **fixed,
            )
            for identity, month, asked in told
        )

    return write


def asked(store: Store) -> list[tuple[str, str]]:
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return [row for file in files for row in pl.read_parquet(file)["interaction_id", "input"].rows()]


def test_a_month_is_one_segment_however_many_batches_brought_it(store, log, row_by_row):
    log(("d", 2, "q"), ("c", 1, "q"), ("b", 2, "q"), ("a", 1, "q"))
    found = [(segment.month, segment.rows, segment.conversations) for segment in seal(store, Curate())]
    assert found == [("2026-01", 2, 2), ("2026-02", 2, 2)]
    assert asked(store) == [("a", "q"), ("c", "q"), ("b", "q"), ("d", "q")]


def test_a_month_that_has_enough_does_not_wait_for_the_end(store, log, row_by_row, monkeypatch):
    monkeypatch.setattr(months, "ENOUGH_BYTES", 1)
    log(("a", 1, "q"), ("b", 1, "q"))
    assert [segment.rows for segment in seal(store, Curate())] == [1, 1]


@pytest.mark.parametrize("enough", [1, months.ENOUGH_BYTES])
def test_an_id_in_several_batches_is_sealed_once_and_the_first_line_wins(store, log, row_by_row, monkeypatch, enough):
    monkeypatch.setattr(months, "ENOUGH_BYTES", enough)
    log(("old", 1, "before"))
    seal(store, Curate())
    log(("a", 2, "first"), ("old", 1, "again"), ("b", 1, "q"), ("a", 1, "second"), ("old", 1, "again"))
    seal(store, Curate())
    assert sorted(asked(store)) == [("a", "first"), ("b", "q"), ("old", "before")]


def test_a_seal_that_dies_between_two_months_is_mended_by_the_next(store, log, row_by_row, monkeypatch):
    log(("a", 1, "q"), ("b", 2, "q"), ("c", 1, "q"))
    publish = months.publish

    def die(store, stream, rows, curate, month, *more):
        if month == "2026-02":
            raise KeyboardInterrupt
        return publish(store, stream, rows, curate, month, *more)

    monkeypatch.setattr(months, "publish", die)
    with pytest.raises(KeyboardInterrupt):
        seal(store, Curate())
    assert [identity for identity, _ in asked(store)] == ["a", "c"]
    monkeypatch.setattr(months, "publish", publish)
    log(("d", 2, "q"))
    assert [(segment.month, segment.rows) for segment in seal(store, Curate())] == [("2026-02", 2)]
    assert sorted(identity for identity, _ in asked(store)) == ["a", "b", "c", "d"]


def test_what_a_killed_seal_had_laid_by_goes_with_the_next(store, log):
    left = store.path(f"log/interactions/sealing/.{'0' * 32}")
    left.mkdir(parents=True)
    (left / "2026-01-0.arrow").write_bytes(b"half a month")
    log(("a", 1, "q"))
    seal(store, Curate())
    assert list(store.path("log/interactions/sealing").iterdir()) == []
