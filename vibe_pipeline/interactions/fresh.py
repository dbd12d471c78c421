"""Which rows of a seal are new: neither sealed nor forgotten, each id once.

The ids of the whole log are read once for all batches. Hashes say which ids are worth a look, and the look is at the
ids themselves: of two that share a hash none is lost. Not here: what an import asks before it logs (known.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.interactions import forgotten
from vibe_pipeline.interactions.hashes import hashes_of, held
from vibe_pipeline.interactions.schema import id_of_line, identity_of, read_lines
from vibe_pipeline.interactions.segments import sealed_ids
from vibe_pipeline.store import Store


class Fresh:
    """Asked batch by batch, in the order of the lines: 8 bytes for an id, and an id itself only where it came before.

    The caller holds the lock of sealing."""

    def __init__(self, store: Store, stream: str, spools: Sequence[Path]) -> None:
        """`spools` are all that will be asked about."""
        self._identity = identity_of(stream)
        self._forgotten = forgotten.row_condition(store, stream)
        waiting = _waiting(stream, spools)
        with connect(store.path(SPILL)) as database:
            database.register("waiting", pa.table({"hash": waiting}))
            query = f"SELECT id FROM ({sealed_ids(store, stream)}) WHERE hash(id) IN (FROM waiting)"
            self._seen = database.sql(query).to_arrow_table()
            database.register("seen", self._seen)
            twice = waiting[1:][waiting[1:] == waiting[:-1]]
            self._doubtful = np.union1d(twice, hashes_of(database.sql("SELECT hash(id) FROM seen")))

    def of(self, rows: pa.Table) -> pa.Table:
        """The rows (with `ordinal`) that are new; of an id that comes twice the first."""
        identity, known, first = self._identity, "", ""
        with connect(threads=1) as database:  # one that is kept from batch to batch keeps some 30 MB of them
            database.register("batch", rows)
            is_doubtful = held(self._doubtful, hashes_of(database.sql(f"SELECT hash({identity}) FROM batch")))
            if is_doubtful.any():
                database.register("seen", self._seen)
                known = f"ANTI JOIN seen ON batch.{identity} = seen.id"
                first = f"QUALIFY row_number() OVER (PARTITION BY {identity} ORDER BY ordinal) = 1"
            query = f"SELECT batch.* FROM batch {known} WHERE NOT {self._forgotten} {first}"
            fresh = database.sql(query).to_arrow_table().cast(rows.schema)
            if is_doubtful.any():
                database.register("asked", pa.table({"id": rows[identity].filter(pa.array(is_doubtful))}))
                new = database.sql("SELECT DISTINCT id FROM asked ANTI JOIN seen USING (id)").to_arrow_table()
                self._seen = pa.concat_tables([self._seen, new])
        return fresh


def _waiting(stream: str, spools: Sequence[Path]) -> np.ndarray:
    """Hashes of all ids in these spools, in order."""
    hashes = [np.empty(0, np.uint64)]
    with connect(threads=1) as database:
        for lines in read_lines(spools):
            database.register("lines", lines)
            hashes.append(hashes_of(database.sql(f"SELECT hash({id_of_line(stream)}) FROM lines")))
    return np.sort(np.concatenate(hashes))
