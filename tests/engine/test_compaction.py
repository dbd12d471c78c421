"""Compaction changes how the log lies and nothing of what it says, for whoever reads at whatever moment."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.interactions import segments
from vibe_pipeline.interactions.compaction import GRACE_S, compact
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import entries, entry_name, manifest, paths
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import Interaction
from vibe_pipeline.settings import Curate, Settings
from vibe_pipeline.store import Store


@pytest.fixture
def log(store):
    """Log and seal some interactions of one conversation and month."""

    def write(*names: str, month: int = 1) -> None:
        moment = datetime(2026, month, 2, tzinfo=UTC)
        told = {"conversation_id": "c", "turn": 0, "occurred_at": moment, "module": "m", "action": "a"}
        InteractionLogger(store.root).log_many(
            [Interaction(interaction_id=name, input=f"about {name}", **told) for name in names]
        )
        seal(store, Curate())

    return write


def ids(store: Store) -> list[str]:
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return sorted(identity for file in files for identity in pl.read_parquet(file)["interaction_id"])


def test_months_lie_apart(store, log):
    log("a", month=1)
    log("b", month=2)
    assert [segment.month for segment in manifest(store, "interactions")] == ["2026-01", "2026-02"]
    assert sorted(path.parent.name for path in store.root.rglob("*.parquet")) == ["2026-01", "2026-02"]


def test_small_segments_of_a_month_become_one_with_the_same_rows_and_counts(store, log):
    for name in "abc":
        log(name, month=1)
        log(name.upper(), month=2)
    before = manifest(store, "interactions")
    merged = compact(store, "interactions", Curate(), -1)
    assert manifest(store, "interactions") == merged
    assert [(it.month, it.rows, it.conversations, it.replaces) for it in merged] == [
        ("2026-01", 3, 1, (0, 2, 4)),
        ("2026-02", 3, 1, (1, 3, 5)),
    ]
    assert sum(it.bytes for it in merged) == sum(it.bytes for it in before)
    assert ids(store) == sorted("abcABC")
    assert compact(store, "interactions", Curate(), -1) == []


def test_large_segments_and_pinned_ones_stay(store, log):
    for name in "abcd":
        log(name)
    size = manifest(store, "interactions")[0].bytes
    assert compact(store, "interactions", Curate(), -1, target_bytes=2 * size) == []
    (merged,) = compact(store, "interactions", Curate(), 1)
    assert merged.replaces == (2, 3)
    assert [it.sequence for it in manifest(store, "interactions")] == [0, 1, 4]


def test_a_group_ends_where_the_target_is_reached(store, log):
    for name in "abcdef":
        log(name)
    size = manifest(store, "interactions")[0].bytes
    merged = compact(store, "interactions", Curate(), -1, target_bytes=3 * size)
    assert [it.replaces for it in merged] == [(0, 1, 2), (3, 4, 5)]


def test_an_id_that_was_merged_is_still_known(store, log):
    log("a")
    log("b")
    compact(store, "interactions", Curate(), -1)
    log("a", "b", "c")
    assert ids(store) == ["a", "b", "c"]


def test_a_reader_with_an_old_list_reads_on_for_an_hour(store, log):
    log("a")
    log("b")
    old = manifest(store, "interactions")
    (merged,) = compact(store, "interactions", Curate(), -1)
    compact(store, "interactions", Curate(), -1)
    assert pl.read_parquet(paths(store, "interactions", [it.sha for it in old])).height == 2
    past = time.time() - GRACE_S - 1
    os.utime(store.path(f"log/interactions/manifest/{merged.sequence:08d}.json"), (past, past))
    compact(store, "interactions", Curate(), -1)
    assert len(list(store.root.rglob("*.parquet"))) == len(store.names("log/interactions/manifest")) == 1
    assert ids(store) == ["a", "b"]
    log("c")
    assert ids(store) == ["a", "b", "c"]


def test_what_is_replaced_twice_never_comes_back(store, log):
    log("a")
    log("b")
    (first,) = compact(store, "interactions", Curate(), -1)
    log("c")
    (second,) = compact(store, "interactions", Curate(), -1)
    past = time.time() - GRACE_S - 1
    os.utime(store.path(entry_name("interactions", second.sequence)), (past, past))  # copied back in another order
    compact(store, "interactions", Curate(), -1)
    assert entries(store, "interactions") == [second]
    assert first.replaces == (0, 1)


def test_emptied_segments_that_share_a_file_are_merged_away_one_by_one(store, log):
    ladder = Ladder(store.root, Settings())
    log("pinned")
    ladder.log.open_generation(force=True)
    log("empty")
    log("a")
    log("b")
    for name in ("pinned", "empty"):
        ladder.log.forget(Criteria(text=f"about {name}"))
    assert [it.rows for it in manifest(store, "interactions")] == [0, 0, 1, 1]
    compact(store, "interactions", Curate(), 0)
    log("c")
    compact(store, "interactions", Curate(), 0, grace_s=-1)
    assert [it.rows for it in manifest(store, "interactions")] == [0, 3]
    assert ids(store) == ["a", "b", "c"]
    assert ladder.examples(0).rows == 0


def test_a_log_that_was_forgotten_as_a_whole_is_merged_and_cut(store, log):
    ladder = Ladder(store.root, Settings())
    log("a")
    log("b")
    ladder.log.forget(Criteria(text="about"))
    assert ladder.log.open_generation(force=True).interactions == 0
    (segment,) = manifest(store, "interactions")
    assert (segment.rows, segment.bytes, segment.conversations, segment.replaces) == (0, 0, 0, (0, 1))


def test_what_is_swept_while_somebody_reads_the_manifest_is_not_missed(store, log, monkeypatch):
    log("a")
    log("b")
    compact(store, "interactions", Curate(), -1)
    names = Store.names

    def sweep_after_listing(store: Store, folder: str, suffix: str = "") -> list[str]:
        found = names(store, folder, suffix)
        with monkeypatch.context() as listed:
            listed.setattr(Store, "names", names)
            compact(store, "interactions", Curate(), -1, grace_s=-1)
        return found

    monkeypatch.setattr(Store, "names", sweep_after_listing)
    assert ids(store) == ["a", "b"]


def test_a_segment_that_shrinks_while_somebody_looks_for_it_is_found(store, log, monkeypatch):
    log("a", "b")
    ladder, readable = Ladder(store.root, Settings()), segments.require_readable

    def forget_first(path: Path) -> None:
        monkeypatch.undo()
        ladder.log.forget(Criteria(text="about a"))
        readable(path)

    monkeypatch.setattr(segments, "require_readable", forget_first)
    assert ids(store) == ["b"]


def test_a_sweep_removes_what_is_there_and_asks_for_nothing_else(store, log, monkeypatch):
    for name in "abc":
        log(name)
        for _ in range(2):
            compact(store, "interactions", Curate(), -1, grace_s=-1)
    removed: list[str] = []
    monkeypatch.setattr(Store, "remove", lambda _, name: removed.append(name))
    compact(store, "interactions", Curate(), -1, grace_s=-1)
    assert removed == []


@pytest.mark.parametrize("steps", range(6))
def test_a_sweep_that_dies_at_any_step_is_done_by_the_next(store, log, monkeypatch, steps):
    for name in "abc":
        log(name)
    compact(store, "interactions", Curate(), -1)
    unlink, left = Path.unlink, iter(range(steps))

    def die(path, *arguments, **options):
        if path.suffix in (".json", ".parquet") and next(left, None) is None:
            raise KeyboardInterrupt
        unlink(path, *arguments, **options)

    monkeypatch.setattr(Path, "unlink", die)
    with pytest.raises(KeyboardInterrupt):
        compact(store, "interactions", Curate(), -1, grace_s=-1)
    monkeypatch.undo()
    assert ids(store) == ["a", "b", "c"]
    log("d")
    compact(store, "interactions", Curate(), -1, grace_s=-1)
    compact(store, "interactions", Curate(), -1, grace_s=-1)
    assert len(list(store.root.rglob("*.parquet"))) == len(entries(store, "interactions")) == 1
    assert ids(store) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("step", ["write_table", "write_json"])
def test_a_compaction_that_dies_changes_nothing(store, log, monkeypatch, step):
    log("a")
    log("b")

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, step, die)
    with pytest.raises(KeyboardInterrupt):
        compact(store, "interactions", Curate(), -1)
    monkeypatch.undo()
    assert [it.sequence for it in manifest(store, "interactions")] == [0, 1]
    assert len(compact(store, "interactions", Curate(), -1)) == 1
    assert ids(store) == ["a", "b"]


def test_opening_a_generation_compacts_its_window_and_no_earlier_one(store, log):
    ladder = Ladder(store.root, Settings())
    log("a")
    log("b")
    first = ladder.log.open_generation(force=True)
    log("c")
    log("d")
    second = ladder.log.open_generation(force=True)
    assert [len(cut.interaction_segments) for cut in (first, second)] == [1, 1]
    assert ladder.log.compact() == []
    assert [it.rows for it in manifest(store, "interactions")] == [2, 2]
    assert second.interactions == 2
