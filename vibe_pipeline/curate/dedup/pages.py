"""Arrays on disk of which every page has a sum, so that a search in a large one notices what is not as it was written.

A file is compared with its sums at its beginning when it is opened, and page by page when a page is first looked at:
what is not looked at costs nothing. Not here: what the arrays hold (index.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from vibe_pipeline.curate.columns import mapped_file
from vibe_pipeline.errors import LedgerDamaged

SUMS = "sums.npy"
PAGE = 1 << 12
"""Bytes of a file that have a sum of their own, which what is read of them is compared with."""
AT_ONCE = 1 << 18
"""Bytes of a file that are compared when it is opened; of those behind, the pages that are looked at."""


class Damaged(LedgerDamaged):
    """A run is not what was written; it can be thrown away and made again."""

    def __init__(self, folder: Path) -> None:
        index = folder.parent.parent.name
        remedy = f"Remove the folder {index}, which is made again, and check the disk"
        super().__init__(f"{index}/{folder.parent.name}/{folder.name} is not what was written", remedy)


class Watched(np.memmap[Any, Any]):
    """A mapped array of which each page is compared with its sum when it is first looked at. What is taken from it is
    plain. A place that a search finds stands between two numbers that it read and that are looked at: however wrong
    the others are that led there, it is the right one."""

    _folder = Path()
    _sums = np.empty(0, np.uint32)
    _is_whole = np.empty(0, bool)

    @classmethod
    def of(cls, array: np.ndarray, sums: np.ndarray, folder: Path) -> Watched:
        """`sums` are those of the pages of its file, of which the first are compared already."""
        made = array.view(cls)
        made._folder, made._sums, made._is_whole = folder, sums, np.arange(len(sums)) < AT_ONCE // PAGE
        return made

    def __getitem__(self, index: Any) -> Any:
        self._look(index)
        return self.view(np.ndarray)[index]

    def searchsorted(self, wanted: Any, side: Any = "left", sorter: Any = None) -> Any:
        places = self.view(np.ndarray).searchsorted(wanted, side, sorter)
        self._look(np.minimum(places, len(self) - 1))
        self._look(np.maximum(places, 1) - 1)
        return places

    def _look(self, index: Any) -> None:
        if not self._is_whole.all():
            self._compare(self._pages(index))

    def _pages(self, index: Any) -> np.ndarray:
        if isinstance(index, slice):
            first, stop, _ = index.indices(len(self))
            ends = (np.array([first, max(first, stop - 1)]) * self.itemsize + self.offset) // PAGE
            return np.arange(ends[0], ends[1] + 1)[: len(self._sums)]
        places = np.asarray(index)
        places = np.flatnonzero(places) if places.dtype == bool else places.astype(np.int64)
        return (places * self.itemsize + self.offset) // PAGE

    def _compare(self, pages: np.ndarray) -> None:
        pages = np.unique(pages[~self._is_whole[pages]])
        with memoryview(mapped_file(self) or b"") as content:
            for page in pages.tolist():
                if crc32(content[page * PAGE : (page + 1) * PAGE]) != self._sums[page]:
                    raise Damaged(self._folder)
        self._is_whole[pages] = True


def write_sums(files: Sequence[Path]) -> None:
    """Beside these files of one folder: a sum of the others, then one of each page of each file, uint32."""
    sums: list[int] = []
    for path in files:
        with path.open("rb") as content:
            while read := content.read(AT_ONCE):
                sums += _sums_of(read)
    made = np.array([0, *sums], np.uint32)
    made[0] = crc32(made[1:].tobytes())
    np.save(files[0].parent / SUMS, made)


def watched(files: Sequence[Path]) -> list[np.ndarray]:
    """The arrays of these files; Damaged where one is not what was written, now or when that is looked at."""
    folder = files[0].parent
    ends = np.cumsum([1, *(-(-path.stat().st_size // PAGE) for path in files)])
    sums = np.load(folder / SUMS)
    if sums.shape != ends[-1:] or sums[0] != crc32(sums[1:].tobytes()):
        raise Damaged(folder)
    return [_watched(path, sums[first:stop]) for path, (first, stop) in zip(files, pairwise(ends), strict=True)]


def mapped(file: Path) -> np.ndarray:
    """The array of a file; a small one is read."""
    return np.load(file, mmap_mode="r" if file.stat().st_size > PAGE else None)


def _watched(file: Path, sums: np.ndarray) -> np.ndarray:
    with file.open("rb") as content:
        beginning = _sums_of(content.read(AT_ONCE))
    if beginning != sums[: len(beginning)].tolist():
        raise Damaged(file.parent)
    return mapped(file) if len(beginning) == len(sums) else Watched.of(mapped(file), sums, file.parent)


def _sums_of(content: bytes) -> list[int]:
    view = memoryview(content)
    return [crc32(view[page : page + PAGE]) for page in range(0, len(view), PAGE)]
