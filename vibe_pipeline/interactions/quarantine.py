"""What could not be read, kept with its reason: nothing that was handed in disappears without a trace.

A record is kept once, in whatever file it is found again, and not at all once it was forgotten. A file is named by its
content and never changes. Who writes or removes one holds a lock, so that a half-written file found under that lock
is a dead writer's. Not here: deciding what is bad. Nothing reads these files back but the counts, forgetting and a
person.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from vibe_pipeline import settings
from vibe_pipeline.database import connect
from vibe_pipeline.fingerprint import sha_of_bytes
from vibe_pipeline.interactions import forgotten
from vibe_pipeline.interactions.hashes import Hashes
from vibe_pipeline.interactions.lines import repaired
from vibe_pipeline.interactions.schema import STREAMS, lines_of
from vibe_pipeline.records import SCHEMA_VERSION
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.store import Store

ENTRY = dict.fromkeys(("reason", "origin", "source", "raw"), pl.String)

KIND = "quarantined"
"""Under which the text of a record is remembered when it is forgotten."""

LOCK_WAIT_S = 600.0
"""Forgetting holds the lock while it plans."""


def keep(
    store: Store,
    stream: str,
    rejects: Sequence[tuple[str, str]],
    origin: str,
    log: settings.Log = settings.DEFAULT_LOG,
    *,
    source: str | None = None,
) -> None:
    """Put (raw text, reason) pairs aside; `origin` says where they were found first, `source` under which name they
    would have been logged. All are scrubbed as the log is: a reason may quote what was read, a path name a person."""
    if not rejects:
        return
    rows = repaired([(reason, origin, source, raw) for raw, reason in rejects])
    scrubbed, _ = Scrubber(store, log).frame(pl.DataFrame(rows, schema=ENTRY, orient="row"))
    raws = scrubbed["raw"]
    with locked(store):
        new = scrubbed.filter(_kept(store.path(_folder(stream))).new(raws) & ~_forgotten(store, raws))
        if not new.is_empty():
            write(store, stream, [_line(entry) for entry in new.iter_rows(named=True)])


def write(store: Store, stream: str, lines: Sequence[bytes]) -> None:
    """These lines as one file; the caller holds the lock."""
    data = b"".join(lines)
    store.write(f"{_folder(stream)}/{sha_of_bytes(data)}.jsonl", data)


def reasons(store: Store, stream: str) -> dict[str, int]:
    """How many lines or records are in quarantine, by reason."""
    counts: Counter[str] = Counter()
    with connect() as database:
        for lines in lines_of(text for _, text in _texts(store, stream)):
            database.register("lines", lines)
            query = "SELECT json_extract_string(line, '$.reason'), count(*) FROM lines GROUP BY ALL"
            counts.update(dict(database.sql(query).fetchall()))
    return dict(sorted(counts.items()))


def files(store: Store) -> Iterator[tuple[str, str, list[bytes], list[dict[str, Any]]]]:
    """(stream, name, its lines, what they say) of every file."""
    for stream in STREAMS:
        for name, text in _texts(store, stream):
            lines = text.splitlines(keepends=True)
            yield stream, name, lines, [json.loads(line) for line in lines]


def _texts(store: Store, stream: str) -> Iterator[tuple[str, bytes]]:
    """Name and text of every file; forgetting may remove one at any time."""
    for name in store.names(_folder(stream), ".jsonl"):
        try:
            text = store.path(name).read_bytes()
        except FileNotFoundError:
            continue
        yield name, text


def locked(store: Store) -> AbstractContextManager[None]:
    """One writer at a time."""
    return store.lock("quarantine", LOCK_WAIT_S)


class _Kept:
    """What lies in one folder; a process reads each file once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()
        self._hashes = Hashes(np.empty(0, np.uint64))

    def new(self, raws: pl.Series) -> np.ndarray:
        """Which of these texts lie in no file, each once."""
        names = {path.name for path in self._folder.glob("[!.]*.jsonl")}
        if not self._read <= names:  # something was forgotten
            self._read, self._hashes = set(), Hashes(np.empty(0, np.uint64))
        for name in names - self._read:
            said = pl.read_ndjson((self._folder / name).read_bytes(), schema={"raw": pl.String})["raw"]
            self._hashes.add(said.hash().to_numpy())
        self._read = names
        return self._hashes.new(raws.hash().to_numpy())


_kept = cache(_Kept)


def _forgotten(store: Store, raws: pl.Series) -> np.ndarray:
    with connect(threads=1) as database:
        database.register("raws", raws.alias("raw").to_frame().to_arrow())
        found = database.sql(f"SELECT {forgotten.condition(store, KIND, 'raw')} AS gone FROM raws")
        gone: np.ndarray = found.fetchnumpy()["gone"].astype(bool)
    return gone


def _folder(stream: str) -> str:
    return f"log/{stream}/quarantine"


def _line(entry: dict[str, str]) -> bytes:
    return json.dumps({"schema_version": SCHEMA_VERSION, **entry}, ensure_ascii=False).encode() + b"\n"
