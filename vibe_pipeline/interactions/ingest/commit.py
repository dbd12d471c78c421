"""Group commit: lines of requests that come at the same time reach the disk with one fsync.

While a commit is on its way the next group gathers. Not here: what the lines hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from vibe_pipeline.interactions.known import Known
from vibe_pipeline.interactions.spool import Spool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a stream with the id that names it; spans are told apart later, and theirs is empty."""

    identity: str
    line: bytes


class GroupCommit:
    """The way into one stream from one event loop."""

    def __init__(self, spool: Spool, known: Known | None = None) -> None:
        """Rows whose id is among those `known` are not written again; without it every row is."""
        self._spool = spool
        self._known = known
        self._waiting: list[tuple[Sequence[Row], asyncio.Future[list[bool]]]] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, rows: Sequence[Row]) -> list[bool]:
        """Returns once all rows are on the disk: which of them were new. DiskFull if they are not, and none is."""
        written: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, written))
        if self._task is None:
            self._task = asyncio.create_task(self._commit_all())
        return await written

    async def close(self) -> None:
        """Returns when nothing waits any more."""
        if self._task is not None:
            await self._task
        self._spool.close()

    async def _commit_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                new = iter(await asyncio.to_thread(self._commit, list(chain.from_iterable(rows for rows, _ in group))))
            except Exception as error:
                for _, written in group:
                    if not written.done():
                        written.set_exception(error)
                continue
            for rows, written in group:
                found = [next(new) for _ in rows]
                if not written.done():  # its request may have been given up
                    written.set_result(found)
        self._task = None

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        """An id is known once it is on the disk, and not before: what failed may be sent again."""
        if self._known is None:
            self._spool.append(row.line for row in rows)
            return [True] * len(rows)
        identities = [row.identity for row in rows]
        new = self._known.new(identities)
        self._spool.append(row.line for row, is_new in zip(rows, new, strict=True) if is_new)
        self._known.add(identities)
        return new
