"""From the batches of a seal to segments: about one a month and 8 MB, however the months lie in the batches.

The rows of a month wait in files of Arrow beside the spools, so that no number of months takes memory. They are worth
nothing by themselves: the spools stay until everything is published. Not here: which rows are sealed (sealing.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from vibe_pipeline import settings
from vibe_pipeline.database import connect
from vibe_pipeline.interactions.segments import ORDER, publish
from vibe_pipeline.records import Segment
from vibe_pipeline.store import Store

ENOUGH_BYTES = 4 << 20
"""Of rows of one month: they are published, with the batch that brought them here. The rest waits for the end."""


@dataclass(slots=True)
class _Month:
    pieces: list[Path] = field(default_factory=list)
    size: int = 0


class Months:
    """What came of each month and is in no segment yet."""

    def __init__(
        self, store: Store, stream: str, curate: settings.Curate, folder: Path, database: duckdb.DuckDBPyConnection
    ) -> None:
        self._store = store
        self._stream = stream
        self._curate = curate
        self._folder = folder
        self._database = database
        self._months: dict[str, _Month] = {}
        self._published: list[Segment] = []

    def add(self, rows: pa.Table) -> None:
        """Put rows (with `line_bytes`) to those of their months, and publish the months that have enough."""
        months = pc.strftime(rows["occurred_at"], format="%Y-%m")
        for name in sorted(months.unique().to_pylist()):
            self._add(name, rows.filter(pc.equal(months, name)))

    def finish(self) -> list[Segment]:
        """Publish what is left; all segments that were published."""
        for name in sorted(self._months):
            self._publish(name)
        return self._published

    def _add(self, name: str, rows: pa.Table) -> None:
        month = self._months.setdefault(name, _Month())
        piece = self._folder / f"{name}-{len(month.pieces)}.arrow"
        with pa.OSFile(str(piece), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows)
        month.pieces.append(piece)
        month.size += rows.nbytes
        if month.size >= ENOUGH_BYTES:
            self._publish(name)

    def _publish(self, name: str) -> None:
        pieces = self._months.pop(name).pieces
        rows = pa.concat_tables([_read(piece) for piece in pieces]).combine_chunks()
        rows = rows.sort_by([(column, "ascending") for column in ORDER[self._stream].split(", ")])
        self._published.append(publish(self._store, self._stream, rows, self._curate, name, self._database))
        for piece in pieces:
            piece.unlink()


@contextmanager
def by_month(store: Store, stream: str, curate: settings.Curate) -> Iterator[Months]:
    """What rows of a stream are put into; the caller holds the lock of sealing."""
    place = f"log/{stream}/sealing"
    for path in store.path(place).glob(".*"):  # a seal was killed
        store.remove(f"{place}/{path.name}")
    with store.temporary(place) as folder, connect(threads=1) as database:
        folder.mkdir(mode=0o700)
        yield Months(store, stream, curate, folder, database)


def _read(piece: Path) -> pa.Table:
    with pa.OSFile(str(piece)) as file:
        return pa.ipc.open_file(file).read_all()
