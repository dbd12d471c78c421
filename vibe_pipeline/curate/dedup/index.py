"""What earlier generations hold, so that a new one is compared with all of them and reads none of them.

A run maps 64-bit keys to refs for the generations [start, stop): arrays sorted by key, memory-mapped. What lies below a
generation is covered by the runs of its binary digits (180 = 128 + 32 + 16 + 4), so there are at most log2 of them; a
run is merged from its halves, that of one generation is made from the generation's own files (a log-structured merge
tree: O'Neil et al., 1996). Runs are derived and belong to nobody: thrown away, they are made again.
Not here: what the keys mean (keys.py, and window.py for places).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vibe_pipeline.curate.columns import rest
from vibe_pipeline.curate.dedup.pages import Damaged, mapped, watched, write_sums
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.store import Store

FOLDER = "index"
"""In the home: forgetting throws it away."""

MERGED_AT_ONCE = 1 << 22
"""Entries in memory while runs are merged."""

REFS_A_KEY = 32
"""Of a key that many rows share the oldest refs are looked at."""

ALONE = 3
"""A key of more sources is boilerplate: a licence, the words of a template."""

OWN_BITS = np.uint64((1 << 24) - 1)
"""Bits of a key by which it differs from others of the same beginning, which say in part the same."""

LOW = np.uint64(0xFFFFFFFF)

RESTS = 256 << 20
"""Bytes of a run."""

FILTER_BITS = 16
"""For each key: of what is not there one in 16 is looked for."""

ALL = np.full(1, 255, np.uint8)
"""A filter that lets everything through."""

OF_ROWS = {
    "checks": np.uint64,
    "sizes": np.uint32,
    "origins": np.uint64,
    "places": np.uint64,
    "vouched": np.uint8,
    "sources": np.uint32,
    "says": np.uint64,
    "tells": np.uint64,
}
"""Columns of one value a row."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys with their refs, and what is known of each row. A ref is twice a row's number, plus 1 if it is held out."""

    keys: np.ndarray
    """uint64, n."""
    refs: np.ndarray
    """uint32, n."""
    checks: np.ndarray
    """uint64, one a row: what its question is compared by."""
    sizes: np.ndarray
    """uint32, one a row: how many sampled windows of words it has."""
    origins: np.ndarray
    """uint64, one a row: of its kind and fact, which near-duplicates have in common."""
    places: np.ndarray
    """uint64, one a row: its generation, and in the lower half where it is in that generation's file."""
    vouched: np.ndarray
    """uint8, one a row: how well it is vouched for."""
    sources: np.ndarray
    """uint32, one a row: what counts once where it is asked how many say the same."""
    says: np.ndarray
    """uint64, one a row: its answer, by words and signs."""
    tells: np.ndarray
    """uint64, one a row: its answer, by words and operators."""
    filter: np.ndarray = field(default_factory=lambda: ALL)
    """uint8: one bit for each value of a key's first bits, set where there is such a key (Bloom, 1970, of one hash)."""

    def rest(self) -> None:
        """Give back the memory of what was looked at: that of a large run is more than curation may take, and that of a
        small one costs more to read again than it takes."""
        columns = [getattr(self, name) for name in self.__slots__]
        if sum(column.nbytes for column in columns) > RESTS:
            rest(*columns)


def of_no_rows(keys: np.ndarray, refs: np.ndarray) -> Entries:
    """Keys with refs that are no rows."""
    return Entries(keys, refs, **{name: np.empty(0, kind) for name, kind in OF_ROWS.items()})


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of a query and a ref that share keys."""

    queries: np.ndarray
    """Row numbers of the queries."""
    refs: np.ndarray
    """int64"""
    counts: np.ndarray
    """How many keys they share."""
    rare: np.ndarray
    """How many of these no more than ALONE sources have, in all runs."""


class Index:
    """Runs of one kind; `leaf(generation)` gives the entries of one generation, in batches."""

    def __init__(self, store: Store, name: str, leaf: Callable[[int], Iterator[Entries]]) -> None:
        self._store = store
        self._folder = f"{FOLDER}/{name}"
        self._leaf = leaf
        self._only: str | None = None

    def below(self, generation: int) -> list[Entries]:
        """The runs of all generations below this one."""
        self._only = key_of([self._folder, generation])[:32]
        for folder in (FOLDER, self._folder):
            if self._store.path(folder).is_file():
                self._store.remove(folder)  # no run can be below it
        with self._store.temporary(self._folder, self._only):
            pass  # what a killed process left of the same work is gone
        runs, start = [], 0
        for digit in reversed(range(generation.bit_length())):
            if generation >> digit & 1:
                runs.append(self._run(start, start + (1 << digit)))
                start += 1 << digit
        return runs

    def forget(self, generation: int) -> None:
        """Throw away the runs that know a generation which is not made, or is made anew; or a later one."""
        for name in self._store.names(self._folder):
            if name[-6:].isdigit() and int(name[-6:]) > generation:
                self._store.remove(name, self._only)

    def _run(self, start: int, stop: int) -> Entries:
        name = self._name(start, stop)
        with suppress(OSError, ValueError, EOFError, Damaged):
            return _whole(self._store.path(name))
        if self._store.exists(name):
            self._store.remove(name, self._only)  # somebody has damaged it: it is made again like one that is lost
        self._make(name, start, stop)
        return _whole(self._store.path(name))

    def _make(self, name: str, start: int, stop: int) -> None:
        if stop - start == 1:
            self._write(name, lambda folder: _sorted(self._leaf(start), folder))
            return
        middle = (start + stop) // 2
        halves = [self._run(start, middle), self._run(middle, stop)]
        self._write(name, lambda folder: _merged(halves, folder))
        for half in ((start, middle), (middle, stop)):
            self._store.remove(self._name(*half), self._only)

    def _write(self, name: str, fill: Callable[[Path], None]) -> None:
        def filled(folder: Path) -> None:
            fill(folder)
            write_sums(_files(folder))

        self._store.write_folder_as(name, filled, self._only)

    def _name(self, start: int, stop: int) -> str:
        return f"{self._folder}/{start:06d}-{stop:06d}"


def found(run: Entries, keys: np.ndarray) -> np.ndarray:
    """Which of these keys are in a run."""
    mask = np.zeros(len(keys), dtype=bool)
    mask[_there(run, keys)[0]] = True
    run.rest()
    return mask


def many(runs: Sequence[Entries], keys: np.ndarray) -> np.ndarray:
    """int64: how many sources all runs together have of keys that begin like each of these; which of them is left open,
    since how a log was cut says nothing of what is boilerplate. Where there are more than REFS_A_KEY refs, these. What
    is looked at stays in memory for who looks there next."""
    every, looked = np.zeros(len(keys), dtype=np.int64), []
    for run in runs:
        asked = _asked(run, keys)
        low = np.searchsorted(run.keys, keys[asked] & ~OWN_BITS)
        counts = np.searchsorted(run.keys, keys[asked] | OWN_BITS, side="right") - low
        every[asked] += counts
        looked.append((run, asked[counts > 0], low[counts > 0], counts[counts > 0]))
    several = (every > 1) & (every <= REFS_A_KEY)
    both = [np.empty(0, np.uint64)]
    for run, *ranges in looked:
        asked, low, counts = (it[several[ranges[0]]] for it in ranges)
        rows = run.refs[_ranges(low, counts)] >> 1
        is_row = rows < len(run.sources)  # what is kept of none may begin alike by chance
        both.append(np.repeat(asked, counts)[is_row].astype(np.uint64) << np.uint64(32) | run.sources[rows[is_row]])
    once = np.unique(np.concatenate(both)) >> np.uint64(32)
    every[several] = np.bincount(once.astype(np.int64), minlength=len(keys))[several]
    return every


def matches(run: Entries, keys: np.ndarray, every: np.ndarray, least: np.ndarray) -> Matches:
    """Refs that share at least so many keys with a query, of which each has a number; `keys` is uint64 (queries, keys),
    0 where there is none, and `every` how many there are of them."""
    which, refs, _ = pairs(run, keys.ravel(), REFS_A_KEY)
    queries = (which // keys.shape[1]).astype(np.uint64)
    both, where, counts = np.unique(queries << np.uint64(32) | refs, return_inverse=True, return_counts=True)
    rare = np.bincount(where[every.ravel()[which] <= ALONE], minlength=len(both))
    asking, refs = ends(both)
    is_enough = counts >= least[asking]
    return Matches(asking[is_enough], refs[is_enough], counts[is_enough], rare[is_enough])


def ends(both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 (n), twice: the numbers of which each uint64 holds one in either half."""
    return (both >> np.uint64(32)).astype(np.int64), (both & LOW).astype(np.int64)


def lookup(run: Entries, keys: np.ndarray) -> np.ndarray:
    """int64: all refs of these keys."""
    return pairs(run, keys, len(run.keys))[1].astype(np.int64)


def pairs(run: Entries, keys: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(places in `keys`, refs, how many refs a key has) of the keys that are there, of each at most so many refs."""
    asked, low = _there(run, keys)
    every = np.searchsorted(run.keys, keys[asked], side="right") - low
    counts = np.minimum(every, most)
    refs = run.refs[_ranges(low, counts)].astype(np.uint64)
    run.rest()
    return np.repeat(asked, counts), refs, np.repeat(every, counts)


def _ranges(low: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """int64: so many numbers from each of these on, one after the other."""
    return np.repeat(low - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())


def _there(run: Entries, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(places in `keys`, places in the run) of the keys that are there, sorted by key; 0 is no key."""
    asked = _asked(run, keys)
    low = np.searchsorted(run.keys, keys[asked])
    is_there = run.keys[np.minimum(low, len(run.keys) - 1)] == keys[asked]
    return asked[is_there], low[is_there]


def _asked(run: Entries, keys: np.ndarray) -> np.ndarray:
    """Places in `keys` of those that may be there, or others that begin like them, sorted by key."""
    bits = keys >> np.uint64(64 - (len(run.filter) * 8).bit_length() + 1)
    may_be = (run.filter[bits >> np.uint64(3)] >> (bits & np.uint64(7)).astype(np.uint8) & 1).astype(bool)
    asked = np.flatnonzero(may_be & (keys != 0)) if len(run.keys) else np.empty(0, np.int64)
    return asked[np.argsort(keys[asked], kind="stable")]  # neighbours in a run are neighbours on disk


def _filter(keys: np.ndarray, bits: np.ndarray) -> None:
    """Set the bits of these keys."""
    places = keys >> np.uint64(64 - (len(bits) * 8).bit_length() + 1)
    np.bitwise_or.at(bits, places >> np.uint64(3), np.uint8(1) << (places & np.uint64(7)).astype(np.uint8))


def made(batches: Iterator[Entries], scratch: Path) -> Entries:
    """A run of a folder of its own, for as long as the folder lasts."""
    folder = scratch / "run"
    folder.mkdir()
    _sorted(batches, folder)
    return _opened(folder)


def _sorted(batches: Iterator[Entries], folder: Path) -> None:
    """The run of one generation: its batches are sorted one by one, kept on disk, and merged."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        parts = []
        for number, batch in enumerate(batches):
            order = np.argsort(batch.keys, kind="stable")
            part = Path(scratch) / str(number)
            part.mkdir()
            _saved(part, replace(batch, keys=batch.keys[order], refs=batch.refs[order]))
            parts.append(_opened(part))
        _merged(parts, folder)


def _merged(parts: list[Entries], folder: Path) -> None:
    """One run of several, range by range of the keys, so that memory does not grow with them. Refs are counted on."""
    rows = np.cumsum([0, *(len(part.checks) for part in parts)])
    size = sum(len(part.keys) for part in parts)
    made = {
        name: _array(folder / f"{name}.npy", kind, size) for name, kind in (("keys", np.uint64), ("refs", np.uint32))
    }
    bits = _array(folder / "filter.npy", np.uint8, 1 << (FILTER_BITS * size // 8).bit_length())
    starts, written = [0] * len(parts), 0
    for pivot in [*_pivots(parts, size), None]:
        stops = [len(part.keys) if pivot is None else int(np.searchsorted(part.keys, pivot)) for part in parts]
        pieces = [(part, slice(*ends), row) for part, *ends, row in zip(parts, starts, stops, rows, strict=False)]
        keys = _joined((part.keys[piece] for part, piece, _ in pieces), np.uint64)
        refs = _joined((part.refs[piece] + np.uint32(2 * row) for part, piece, row in pieces), np.uint32)
        order = np.argsort(keys, kind="stable")
        made["keys"][written : written + len(keys)] = keys[order]
        made["refs"][written : written + len(keys)] = refs[order]
        _filter(keys, bits)
        starts, written = stops, written + len(keys)
        rest(*made.values(), bits)
        for part in parts:
            part.rest()
    for name, kind in OF_ROWS.items():
        column = _array(folder / f"{name}.npy", kind, rows[-1])
        for part, row in zip(parts, rows, strict=False):
            column[row : row + len(part.checks)] = getattr(part, name)[:]


def _joined(arrays: Iterable[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *arrays])


def _pivots(parts: list[Entries], size: int) -> list[int]:
    """Keys that cut all parts into ranges of some MERGED_AT_ONCE entries together."""
    step = MERGED_AT_ONCE // 64
    sample = np.sort(np.concatenate([np.empty(0, np.uint64), *(part.keys[step::step] for part in parts)]))
    return sample[64::64].tolist() if size > MERGED_AT_ONCE else []


def _saved(folder: Path, entries: Entries) -> None:
    for name in Entries.__slots__:
        np.save(folder / f"{name}.npy", getattr(entries, name))


def _opened(folder: Path) -> Entries:
    return Entries(*map(mapped, _files(folder)))


def _whole(folder: Path) -> Entries:
    """The run of a folder; Damaged where it is seen at once that it is not as it was written."""
    return Entries(*watched(_files(folder)))


def _files(folder: Path) -> list[Path]:
    return [folder / f"{name}.npy" for name in Entries.__slots__]


def _array(file: Path, kind: type, size: int) -> np.ndarray:
    if not size:
        np.save(file, np.empty(0, kind))  # nothing cannot be mapped
        return np.empty(0, kind)
    made = np.lib.format.open_memmap(file, mode="w+", dtype=kind, shape=(int(size),))
    if hasattr(os, "posix_fallocate"):  # who writes to a map for which there is no room is killed
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    return made
