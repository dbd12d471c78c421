"""What was logged and is not sealed yet, read while others write and seal: no lock is taken.

A spool moves to `sealing/` under the same name, and goes once its rows are in the manifest. So whoever reads these
files first and the manifest afterwards misses nothing, and drops by its id what is in both. Not here: sealing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa

from vibe_pipeline.database import connect
from vibe_pipeline.interactions.hashes import Hashes
from vibe_pipeline.interactions.schema import BATCH_BYTES, STREAMS, identity_of, lines_of, parse
from vibe_pipeline.store import Store


class Seen:
    """Ids that came before, 8 bytes each. Of two that share a hash, one record would not be shown."""

    def __init__(self) -> None:
        self._hashes = Hashes(np.empty(0, np.uint64))

    def new(self, stream: str, rows: pa.Table) -> pa.Table:
        """The rows whose id has not come before, of an id the first row; from now on all of them have come."""
        hashes = pl.Series(rows[identity_of(stream)]).hash().to_numpy()
        is_new = self._hashes.new(hashes)
        self._hashes.add(hashes[is_new])
        return rows.filter(pa.array(is_new))


class Waiting:
    """Reads the spools of a stream, each from where it stopped the last time. Rows are as they were written."""

    def __init__(self, store: Store, stream: str, seen: Seen | None = None) -> None:
        """Rows whose id was `seen` are left out."""
        self._stream = stream
        self._seen = seen or Seen()
        self._folders = [store.path(f"log/{stream}/{name}") for name in ("spool", "sealing")]
        self._positions: dict[str, int] = {}

    def batches(self) -> Iterator[pa.Table]:
        """What came since the last time, in pieces of bounded size and the order of the lines; an id comes once: the
        first line written wins. Lines that cannot be read are left out."""
        names = STREAMS[self._stream].names
        for lines in lines_of(self._texts()):
            with connect(threads=1) as database:
                rows = parse(database, self._stream, lines)[0].select(names)
            yield self._seen.new(self._stream, rows)

    def _texts(self) -> Iterator[bytes]:
        """Whole lines; what a writer has only begun stays for the next time."""
        for name in self._names():
            if (file := self._opened(name)) is None:
                continue
            with file:
                file.seek(self._positions[name])
                while text := file.read(BATCH_BYTES):
                    text += file.readline()
                    whole = text[: text.rfind(b"\n") + 1]
                    self._positions[name] += len(whole)
                    if whole:
                        yield whole
                    if len(whole) < len(text):
                        break

    def _names(self) -> list[str]:
        """Spools are listed first: one that moves meanwhile is seen twice, and not never."""
        waiting, taken = ([path.name for path in folder.glob("*.jsonl")] for folder in self._folders)
        names = list(dict.fromkeys([*sorted(taken), *sorted(waiting)]))
        self._positions = {name: self._positions.get(name, 0) for name in names}
        return names

    def _opened(self, name: str) -> BinaryIO | None:
        """None where it was sealed meanwhile."""
        for folder in self._folders:
            with suppress(FileNotFoundError):
                return (folder / name).open("rb")
        return None
