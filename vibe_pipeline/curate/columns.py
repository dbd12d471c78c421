"""Columns of numbers that grow on disk and are then mapped into memory: what all candidates are compared by."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np


class Columns:
    """Arrays by name; each append adds as many rows to all of them as belong together."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._shapes: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
        self._maps: list[np.memmap] = []

    def append(self, **rows: np.ndarray) -> None:
        for name, values in rows.items():
            self._shapes[name] = values.dtype, values.shape[1:]
            with (self._folder / name).open("ab") as file:
                values.tofile(file)

    def mapped(self) -> dict[str, np.ndarray]:
        """All of them, read only."""
        return {name: self._mapped(name, kind, shape) for name, (kind, shape) in self._shapes.items()}

    def rest(self) -> None:
        """Of all of them."""
        rest(*self._maps)

    def _mapped(self, name: str, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        file = self._folder / name
        if not file.stat().st_size:
            return np.empty((0, *shape), kind)
        self._maps.append(np.memmap(file, dtype=kind, mode="r"))
        return self._maps[-1].reshape(-1, *shape)


def rest(*arrays: np.ndarray) -> None:
    """Give back the memory of those that are mapped, where the system can: what is looked at again is read again."""
    for file in map(mapped_file, arrays):
        if file and hasattr(mmap, "MADV_DONTNEED"):
            file.madvise(mmap.MADV_DONTNEED)


def mapped_file(array: np.ndarray) -> mmap.mmap | None:
    """What an array, or that of which it is a view, is mapped from."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
