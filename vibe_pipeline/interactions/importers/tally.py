"""What an import counts and holds back: the lines of a batch until they are logged, rejects until they are put aside.

Both are bounded in number and bytes, so that a file of any size whose records stand alone takes the memory of a batch.
Not here: reading, and records that are as large as their file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vibe_pipeline import settings
from vibe_pipeline.errors import VibeError
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.importers.files import File, Where
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.known import Known
from vibe_pipeline.interactions.lines import line_of, repaired
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction, Remark
from vibe_pipeline.store import Store

UNKNOWN = "unknown"

BATCH = 10_000
"""Interactions logged in one write, and rejects put aside in one file."""

BATCH_BYTES = 16 << 20
"""The same in bytes."""


class Line(NamedTuple):
    """What an interaction or a remark becomes in the log."""

    stream: str
    identity: str
    text: bytes


def line(record: Interaction | Remark) -> Line:
    """The record as the line that says it."""
    if isinstance(record, Remark):
        return Line("remarks", record.remark_id, line_of(record))
    return Line("interactions", record.interaction_id, line_of(record))


def by_stream(lines: Iterable[Line]) -> dict[str, list[bytes]]:
    """Stream → the texts of its lines, as a logger takes them."""
    streams: dict[str, list[bytes]] = defaultdict(list)
    for line in lines:
        streams[line.stream].append(line.text)
    return streams


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What became of the records of one file."""

    path: str
    format: str
    read: int
    imported: int
    duplicate: int
    quarantined: int
    reasons: dict[str, int]
    waiting: int = 0
    """Exchanges that are not finished yet: they are no part of what was read."""
    left_out: Mapping[str, int] | None = None
    """Of a folder in which nothing is taken: the numbers of files there by kind."""
    failure: str | None = None
    """Why nothing, or no more, of it was read: it is not what was asked for, or not to be had. That is no record."""
    is_named: bool = False
    """Whether it was asked for by its own name, so that a failure is an error."""
    told: Mapping[str, int] | None = None
    """What is to be said of rows that came in or were left out, with their number."""


@dataclass(slots=True)
class Tally:
    """The counts of one file while it is read, and what was rejected since the last time it was put aside."""

    where: Where
    length: int = 0
    """Of the file in bytes, unpacked; nobody knows that of a store."""
    formats: Counter[str] = field(default_factory=Counter)
    read: int = 0
    seen: int = 0
    """Characters of the records that were read, roughly."""
    imported: int = 0
    waiting: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    rejects: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    """Characters of the rejects."""
    failure: VibeError | None = None

    @property
    def is_named(self) -> bool:
        return isinstance(self.where, str) or self.where.is_named

    @property
    def name(self) -> str:
        """The path or address, as people know it."""
        return repaired(self.where if isinstance(self.where, str) else str(self.where.path))

    def reject(self, text: str, reason: Unusable | str) -> None:
        self.reasons[str(reason)] += 1
        self.rejects.append((text, str(reason)))
        self.size += len(text)

    @property
    def is_full(self) -> bool:
        return len(self.rejects) >= BATCH or self.size >= BATCH_BYTES

    @property
    def done(self) -> int:
        """How much of `length` was read."""
        return min(self.seen, self.length)

    def put_aside(self, store: Store, log: settings.Log, source: str | None) -> None:
        """Into quarantine, one file each time; without a source they would have had that of their neighbours."""
        if not source and self.formats:
            source = f"import:{self.formats.most_common(1)[0][0]}"
        quarantine.keep(store, "interactions", self.rejects, self.name, log, source=source)
        self.rejects, self.size = [], 0

    def result(self) -> ImportedFile:
        name = self.formats.most_common(1)[0][0] if self.formats else UNKNOWN
        bad = self.reasons.total()
        known = self.read - self.imported - bad
        failure = repaired(str(self.failure)) if self.failure else None
        counts = (self.read, self.imported, known, bad, dict(self.reasons), self.waiting)
        told = dict(self.told) or None
        left_out = self.where.left_out if isinstance(self.where, File) else None
        return ImportedFile(self.name, name, *counts, left_out, failure, self.is_named, told)


@dataclass(slots=True)
class Batch:
    """What was read and not logged yet."""

    records: list[tuple[Tally, list[Line]]] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    """Bytes of the lines."""

    def add(self, tally: Tally, found: list[Line]) -> None:
        """What one record gave; of one that gave nothing, nothing is held."""
        if found:
            self.records.append((tally, found))
        self.rows += len(found)
        self.size += sum(len(line.text) for line in found)

    @property
    def is_full(self) -> bool:
        return self.rows >= BATCH or self.size >= BATCH_BYTES

    def log(self, logger: InteractionLogger, known: dict[str, Known]) -> None:
        """Log what is new, in one write a stream; a record counts as imported if any of its lines is new."""
        lines = [line for _, found in self.records for line in found]
        is_new = {
            stream: iter(ids.add([line.identity for line in lines if line.stream == stream]))
            for stream, ids in known.items()
        }
        new: list[Line] = []
        for tally, found in self.records:
            fresh = [line for line in found if next(is_new[line.stream])]
            tally.imported += bool(fresh)
            new += fresh
        logger.log_lines(**by_stream(new))
