"""What was logged and is not sealed yet, read while others write and seal: no lock is taken.

A spool moves to `sealing/` under the same name, and goes once its rows are in the manifest. So whoever reads these
files first and the manifest afterwards misses nothing, and drops by its id what is in both. Not here: sealing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import pyarrow as pa

from vibe_pipeline.interactions.schema import BATCH_BYTES, STREAMS, connect, identity_of, lines_of, parse
from vibe_pipeline.store import Store


class Waiting:
    """Reads the spools of a stream, each from where it stopped the last time. Rows are as they were written."""

    def __init__(self, store: Store, stream: str) -> None:
        self._stream = stream
        self._folders = [store.path(f"log/{stream}/{name}") for name in ("spool", "sealing")]
        self._positions: dict[str, int] = {}

    def table(self) -> pa.Table:
        """All that came since the last time, each id once: the first line written wins."""
        schema = STREAMS[self._stream]
        rows = pa.concat_tables([schema.empty_table(), *self.batches()])
        with connect() as database:
            database.register("came", rows.append_column("number", pa.array(range(len(rows)), pa.int64())))
            first = f"SELECT DISTINCT ON ({identity_of(self._stream)}) * EXCLUDE (number) FROM came ORDER BY number"
            return database.sql(first).to_arrow_table().cast(schema)

    def batches(self) -> Iterator[pa.Table]:
        """The same in pieces of bounded size, in the order of the lines; lines that cannot be read are left out."""
        names = STREAMS[self._stream].names
        with connect(threads=1) as database:
            for lines in lines_of(self._texts()):
                yield parse(database, self._stream, lines)[0].select(names)

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
