"""Which ids the log has seen: what an import or a request asks before it logs anything.

Not here: the last word, which sealing has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.interactions import forgotten
from vibe_pipeline.interactions.hashes import Hashes, hashes_of
from vibe_pipeline.interactions.schema import identity_of
from vibe_pipeline.interactions.segments import manifest, sealed_ids
from vibe_pipeline.interactions.waiting import Waiting
from vibe_pipeline.store import Store


class Known:
    """The ids of everything that was logged, sealed or not, as 64-bit hashes: 80 MB for ten million, 240 MB while read.

    What was forgotten counts as known. Of two ids that share a hash, one record would count as a duplicate.
    """

    def __init__(self, store: Store, stream: str = "interactions") -> None:
        self._is_forgotten = forgotten.condition(store, stream, "id")
        self._database = connect(threads=1)  # a few ids at a time: waking others takes longer than hashing
        hashes = [np.empty(0, np.uint64)]
        for rows in Waiting(store, stream).batches():
            hashes.append(hashes_of(self._database.from_arrow(rows).project(f"hash({identity_of(stream)})")))
        if manifest(store, stream):
            with connect(store.path(SPILL)) as database:
                hashes.append(hashes_of(database.sql(f"SELECT hash(id) FROM ({sealed_ids(store, stream)})")))
        self._known = Hashes(np.concatenate(hashes))

    def new(self, ids: Sequence[str]) -> list[bool]:
        """Which of these ids are new; of an id that comes twice, the first."""
        return self._new(ids)[0].tolist()

    def add(self, ids: Sequence[str]) -> list[bool]:
        """Which of these ids are new; from now on all of them are known."""
        new, hashes = self._new(ids)
        self._known.add(hashes[new])
        return new.tolist()

    def _new(self, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Which are new, and the hashes of all."""
        query = f"SELECT hash(id) AS id, {self._is_forgotten} AS gone FROM (SELECT unnest($1::VARCHAR[]) AS id)"
        found = self._database.execute(query, [list(ids)]).fetchnumpy()
        hashes, gone = found["id"], found["gone"].astype(bool)
        return self._known.new(hashes) & ~gone, hashes
