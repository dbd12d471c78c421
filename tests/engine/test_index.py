"""The index of earlier generations beside a plain dictionary: the same answers, few runs, nothing lost with it."""

import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline.curate.dedup import index
from vibe_pipeline.curate.dedup.index import (
    OF_ROWS,
    OWN_BITS,
    Entries,
    Index,
    found,
    lookup,
    made,
    many,
    matches,
    of_no_rows,
    pairs,
)
from vibe_pipeline.curate.dedup.pages import Damaged

KEYS = st.lists(st.lists(st.integers(1, 40), min_size=3, max_size=3), max_size=12)
"""Rows of three keys."""
FIRST = OWN_BITS + np.uint64(1)
"""Times this, no two of them begin alike."""


def entries(rows: list[list[int]], of_each: int = 1) -> Entries:
    """Of rows of which so many neighbours have one source."""
    keys = np.array([key for row in rows for key in row], np.uint64)
    refs = np.repeat(np.arange(len(rows)), [len(row) for row in rows]) * 2
    numbers = {name: np.arange(len(rows)).astype(kind) for name, kind in OF_ROWS.items()}
    return Entries(keys, refs.astype(np.uint32), **numbers | {"sources": numbers["sources"] // np.uint32(of_each)})


class World:
    """Generations of rows, and what was asked to make them."""

    def __init__(self, store, generations: list[list[list[int]]]):
        self.generations, self.made = generations, Counter()
        self.index = Index(store, "rows", self._leaf)

    def _leaf(self, generation: int):
        self.made[generation] += 1
        rows = self.generations[generation]
        yield entries(rows[:2])
        yield entries(rows[2:])

    def rows(self, generation: int) -> list[list[int]]:
        """All rows below, as the runs give them back."""
        found = []
        for run in self.index.below(generation):
            owners = run.refs >> 1
            found += [sorted(run.keys[owners == row].tolist()) for row in range(len(run.checks))]
        return found


@settings(max_examples=15)
@given(st.lists(KEYS, min_size=1, max_size=9))
def test_runs_hold_every_row_of_every_generation_below_in_order(tmp_path_factory, generations):
    world = World(index.Store(tmp_path_factory.mktemp("home")), generations)
    for generation in range(len(generations) + 1):
        below = [sorted(row) for rows in generations[:generation] for row in rows]
        assert world.rows(generation) == below
        for run in world.index.below(generation):
            assert (np.diff(run.keys.astype(np.int64)) >= 0).all()
    assert set(world.made.values()) <= {1}


def test_there_are_as_many_runs_as_binary_digits_and_old_ones_are_gone(store):
    world = World(store, [[[n, n + 1, n + 2]] for n in range(1, 14)])
    for generation in range(14):
        assert len(world.index.below(generation)) == generation.bit_count()
    assert len(store.names("index/rows")) == (13).bit_count()


def test_an_index_that_was_thrown_away_is_made_again(store):
    world = World(store, [[[n, n, n]] for n in range(1, 6)])
    before = world.rows(5)
    store.remove(index.FOLDER)
    assert world.rows(5) == before
    assert set(world.made.values()) == {2}


@pytest.mark.parametrize("name", ["keys.npy", "filter.npy"])
def test_a_run_that_somebody_has_damaged_is_made_again(store, name):
    world = World(store, [[[n, n, n]] for n in range(1, 6)])
    before = world.rows(5)
    for run in store.names("index/rows"):
        file = store.path(run) / name
        file.unlink() if run.endswith("000005") else file.write_bytes(b"")
    assert world.rows(5) == before


@pytest.mark.parametrize("name", Entries.__slots__)
def test_a_run_whose_numbers_are_others_is_made_again(store, name):
    chance = np.random.default_rng(0)
    world = World(store, [chance.integers(1, 10_000, (2000, 3)).tolist() for _ in range(5)])
    before = world.rows(5)
    for run in store.names("index/rows"):
        with (store.path(run) / f"{name}.npy").open("r+b") as file:
            file.seek(128)  # behind what says how many there are
            file.write(bytes((store.path(run) / f"{name}.npy").stat().st_size - 128))
    assert world.rows(5) == before


@pytest.mark.parametrize("name", Entries.__slots__)
@pytest.mark.parametrize("place", [0.01, 0.4, 0.77, 0.99])
def test_a_page_that_is_not_what_was_written_is_seen_by_whoever_reads_it(store, name, place):
    """And changes no answer of whoever does not."""
    chance = np.random.default_rng(1)
    rows = chance.integers(1, 1 << 64, (70_000, 3), np.uint64).tolist()
    world = World(store, [rows])
    (whole,) = world.index.below(1)
    file = store.path(f"index/rows/000000-000001/{name}.npy")
    page = int(place * file.stat().st_size) >> 12 << 12
    with file.open("r+b") as content:
        content.seek(max(page, 128))
        content.write(bytes(100))

    def answers(run, few):
        places, refs, every = pairs(run, few, 3)
        sizes = [getattr(run, it)[refs >> np.uint64(1)] for it in OF_ROWS]
        return [it.tolist() for it in (places, refs, every, *sizes, found(run, few))]

    asked = np.array([key for row in rows for key in row], np.uint64)
    asked[::5] += np.uint64(1)  # is not there
    chunks, seen = np.array_split(np.sort(asked), 300), 0
    for few in chunks:
        made_before = world.made[0]
        (run,) = world.index.below(1)
        if world.made[0] > made_before:
            return  # seen when it was opened
        try:
            assert answers(run, few) == answers(whole, few)
        except Damaged:
            seen += 1
    assert 0 < seen <= (300 if name in OF_ROWS else 12)


def test_a_damaged_half_is_not_merged(store):
    chance = np.random.default_rng(1)
    world = World(store, [chance.integers(1, 1 << 62, (40_000, 3)).tolist() for _ in range(2)])
    world.index.below(1)
    with store.path("index/rows/000000-000001/keys.npy").open("r+b") as content:
        content.seek(900_000)
        content.write(bytes(8))
    with pytest.raises(Damaged, match="index/rows/000000-000001 is not what was written"):
        world.index.below(2)
    world.index.forget(0)
    assert store.names("index/rows") == []
    assert len(world.index.below(2)) == 1


def test_runs_that_know_a_generation_that_is_made_anew_are_forgotten_and_the_others_stay(store):
    world = World(store, [[[n, n, n]] for n in range(1, 14)])
    world.index.below(13)
    world.index.forget(13)
    assert len(store.names("index/rows")) == 3
    world.index.forget(9)
    assert [it[-13:] for it in store.names("index/rows")] == ["000000-000008"]
    world.index.forget(7)
    assert store.names("index/rows") == []


def test_what_a_killed_process_left_goes_when_the_same_is_done_again(store, monkeypatch):
    world = World(store, [[[1, 2, 3]], [[4, 5, 6]]])
    if not (child := os.fork()):
        monkeypatch.setattr(index, "_pivots", lambda *_: os._exit(0))
        world.rows(2)
    os.waitpid(child, 0)
    assert list(store.path("index/rows").glob(".*"))
    assert world.rows(2) == [[1, 2, 3], [4, 5, 6]]
    assert not list(store.path("index/rows").glob(".*"))


@pytest.mark.parametrize("name", ["index", "index/rows"])
def test_an_index_in_whose_place_is_a_file_is_made_again(store, name):
    world = World(store, [[[n, n, n]] for n in range(1, 6)])
    before = world.rows(5)
    store.remove(name)
    store.path(name).write_text("not a folder")
    assert world.rows(5) == before


def test_a_run_in_whose_place_is_a_file_is_made_again(store):
    world = World(store, [[[n, n, n]] for n in range(1, 6)])
    before = world.rows(5)
    for run in store.names("index/rows"):
        store.remove(run)
        store.path(run).write_text("not a folder")
    assert world.rows(5) == before


def test_a_run_that_died_half_written_is_not_there(store, monkeypatch):
    world = World(store, [[[1, 2, 3]], [[4, 5, 6]]])
    monkeypatch.setattr(index, "_pivots", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.rows(2)
    monkeypatch.undo()
    assert world.rows(2) == [[1, 2, 3], [4, 5, 6]]


def test_runs_larger_than_what_is_merged_at_once_are_merged_in_ranges(store, monkeypatch):
    monkeypatch.setattr(index, "MERGED_AT_ONCE", 64)
    chance = np.random.default_rng(0)
    generations = [chance.integers(1, 10_000, (200, 3)).tolist() for _ in range(4)]
    world = World(store, generations)
    assert world.rows(4) == [sorted(row) for rows in generations for row in rows]


@given(KEYS, KEYS, st.integers(1, 3))
def test_matches_are_the_rows_that_share_so_many_keys(tmp_path_factory, rows, queries, least):
    rows = [list(dict.fromkeys(row)) for row in rows]
    if max(Counter(key for row in rows for key in row).values(), default=0) > index.REFS_A_KEY:
        return
    whole = entries([[key * int(FIRST) for key in row] for row in rows])
    run = made(iter([whole]), tmp_path_factory.mktemp("scratch"))
    queries = [list(dict.fromkeys(query)) for query in queries]
    asked = np.array([query + [0] * (3 - len(query)) for query in queries], np.uint64).reshape(-1, 3) * FIRST
    every = many([run], asked.ravel()).reshape(asked.shape)
    part = matches(run, asked, every, np.full(len(asked), least))
    got = {
        (int(query), int(ref) // 2): (int(count), int(rare))
        for query, ref, count, rare in zip(part.queries, part.refs, part.counts, part.rare, strict=True)
    }
    times = Counter(key for row in rows for key in row)
    shared = {(q, r): {*query} & {*row} for q, query in enumerate(queries) for r, row in enumerate(rows)}
    assert got == {
        pair: (len(keys), sum(times[key] <= index.ALONE for key in keys))
        for pair, keys in shared.items()
        if len(keys) >= least
    }


@given(st.lists(KEYS, max_size=4), st.lists(st.integers(0, 40), max_size=12), st.integers(1, 4))
def test_of_keys_that_begin_alike_it_is_told_how_many_sources_all_runs_have(tmp_path_factory, runs, queries, of_each):
    """Those that differ in their last bits alone say in part the same."""
    starts = [[[key * int(FIRST) + at % 3 for at, key in enumerate(row)] for row in rows] for rows in runs]
    opened = [made(iter([entries(rows, of_each)]), tmp_path_factory.mktemp("scratch")) for rows in starts]
    said = [(key, at // of_each) for rows in runs for at, row in enumerate(rows) for key in row]
    rows, sources = (Counter(key for key, _ in pairs) for pairs in (said, set(said)))
    told = [rows[key] if rows[key] > index.REFS_A_KEY else sources[key] for key in queries]
    assert many(opened, np.array(queries, np.uint64) * FIRST).tolist() == told


def test_keys_of_no_row_count_for_none(tmp_path):
    nothing = of_no_rows(np.full(3, 5 * FIRST), np.zeros(3, np.uint32))
    run = made(iter([entries([[5 * int(FIRST)]]), nothing]), tmp_path)
    assert many([run], np.array([5], np.uint64) * FIRST).tolist() == [1]


def test_of_a_key_of_many_rows_so_many_are_given_the_oldest_first_or_all(tmp_path):
    run = made(iter([entries([[5, 60 + row, 100 + row] for row in range(40)])]), tmp_path)
    keys = np.array([5, 60], np.uint64)
    places, refs, every = pairs(run, keys, 3)
    assert (places.tolist(), refs.tolist(), every.tolist()) == ([0, 0, 0, 1], [0, 2, 4, 0], [40, 40, 40, 1])
    assert lookup(run, keys).tolist() == [*range(0, 80, 2), 0]
    assert found(run, np.array([0, 5, 59, 100], np.uint64)).tolist() == [False, True, False, True]
