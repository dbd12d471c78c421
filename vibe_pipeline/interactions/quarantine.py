"""What could not be read, kept with its reason: nothing that was handed in disappears without a trace.

A file is named by its content, so that the same bad input twice is kept once. Not here: deciding what is bad.
Nothing reads these files back but the counts and a person.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import polars as pl

from vibe_pipeline import settings
from vibe_pipeline.fingerprint import sha_of_bytes
from vibe_pipeline.interactions.lines import repaired
from vibe_pipeline.interactions.schema import connect, read_lines
from vibe_pipeline.records import SCHEMA_VERSION
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.store import Store

ENTRY = dict.fromkeys(("reason", "origin", "raw"), pl.String)


def keep(
    store: Store,
    stream: str,
    rejects: Sequence[tuple[str, str]],
    origin: str,
    log: settings.Log = settings.DEFAULT_LOG,
) -> None:
    """Put (raw text, reason) pairs aside; `origin` says where they were found. All three are scrubbed as the log is: a
    reason may quote what was read, a path may name a person."""
    if not rejects:
        return
    rows = repaired([(reason, origin, raw) for raw, reason in rejects])
    scrubbed, _ = Scrubber(store, log).frame(pl.DataFrame(rows, schema=ENTRY, orient="row"))
    data = b"".join(_line(entry) for entry in scrubbed.iter_rows(named=True))
    store.write(f"log/{stream}/quarantine/{sha_of_bytes(data)}.jsonl", data)


def reasons(store: Store, stream: str) -> dict[str, int]:
    """How many lines or records are in quarantine, by reason."""
    paths = [store.path(name) for name in store.names(f"log/{stream}/quarantine", ".jsonl")]
    if not paths:
        return {}
    counts: Counter[str] = Counter()
    with connect() as database:
        for lines in read_lines(paths):
            database.register("lines", lines)
            query = "SELECT json_extract_string(line, '$.reason'), count(*) FROM lines GROUP BY ALL"
            counts.update(dict(database.sql(query).fetchall()))
    return dict(sorted(counts.items()))


def _line(entry: dict[str, str]) -> bytes:
    return json.dumps({"schema_version": SCHEMA_VERSION, **entry}, ensure_ascii=False).encode() + b"\n"
