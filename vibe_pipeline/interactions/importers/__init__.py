"""Importers: files that other programs wrote → the log. One file a format; this is their registry and the counting.

An importer is a module (or object) with `recognises(value)` and `read(value, source, at)` over JSON values; more
names are for formats that need them: `session_of(value)` where records of a file are read together (it names what a
record is a part of; None: it is alone), `opens(path, start)` with `records(path)` where a file is not JSON. Others
are added by the entry point group `vibe_pipeline.importers`.

Every record that is read ends as exactly one of imported (it brought something new), duplicate (all of it was
known) or quarantined (kept with its reason): the three always add up to `read`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.importers import (
    ai_studio,
    aider,
    chatgpt_export,
    claude_code,
    claude_export,
    codex_cli,
    gemini_cli,
    inspect_ai,
    langfuse,
    litellm,
    llm_logs,
    mlflow_traces,
    open_webui,
    openai_chat,
    otel_genai,
    sharegpt,
    swe_agent,
)
from vibe_pipeline.interactions.importers.files import expand
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.recognised import Importer, recognised
from vibe_pipeline.interactions.lines import line_of
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.segments import Known
from vibe_pipeline.store import Store

AUTO = "auto"
UNKNOWN = "unknown"

BATCH = 10_000
"""Interactions logged in one write."""

BATCH_BYTES = 16 << 20
"""Of lines logged in one write, and of rejects put aside in one file."""

ENTRY_POINTS = "vibe_pipeline.importers"

Identified = tuple[str, bytes]
"""The id of an interaction, and the line of the log that it becomes."""


OURS: dict[str, Importer] = {
    "claude_code": claude_code,
    "codex_cli": codex_cli,
    "swe_agent": swe_agent,
    "aider": aider,
    "chatgpt_export": chatgpt_export,
    "claude_export": claude_export,
    "open_webui": open_webui,
    "gemini_cli": gemini_cli,
    "ai_studio": ai_studio,
    "llm_logs": llm_logs,
    "inspect_ai": inspect_ai,
    "otel_genai": otel_genai,
    "litellm": litellm,
    "mlflow": mlflow_traces,
    "langfuse": langfuse,
    "openai_chat": openai_chat,
    "sharegpt": sharegpt,
}
"""In the order in which they are asked: the narrow ones first."""


@cache
def formats() -> dict[str, Importer]:
    """All formats by name, those of other packages last; one that cannot be loaded is an error that names it."""
    found = dict(OURS)
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            found.setdefault(entry.name, entry.load())
        except Exception as error:
            what = f"the importer {entry.name} of {entry.value} cannot be loaded: {error}"
            raise SettingsInvalid(what, "Upgrade or remove the package that brings it") from error
    return found


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


@dataclass(slots=True)
class _Tally:
    """The counts of one file while it is read, and what was rejected since the last time it was put aside."""

    path: Path
    formats: Counter[str] = field(default_factory=Counter)
    read: int = 0
    imported: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejects: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    """Characters of the rejects."""

    def reject(self, text: str, reason: Unusable | str) -> None:
        self.reasons[str(reason)] += 1
        self.rejects.append((text, str(reason)))
        self.size += len(text)

    def put_aside(self, store: Store) -> None:
        quarantine.keep(store, "interactions", self.rejects, str(self.path))
        self.rejects, self.size = [], 0

    def result(self) -> ImportedFile:
        name = self.formats.most_common(1)[0][0] if self.formats else UNKNOWN
        bad = self.reasons.total()
        known = self.read - self.imported - bad
        return ImportedFile(str(self.path), name, self.read, self.imported, known, bad, dict(self.reasons))


@dataclass(slots=True)
class _Batch:
    """What was read and not logged yet: for each record (id, line) of its interactions."""

    records: list[tuple[_Tally, list[Identified]]] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    """Bytes of the lines."""

    def add(self, tally: _Tally, found: list[Identified]) -> None:
        self.records.append((tally, found))
        self.rows += len(found)
        self.size += sum(len(line) for _, line in found)

    def log(self, logger: InteractionLogger, known: Known) -> None:
        """Log what is new, in one write; a record counts as imported if any of its interactions is new."""
        is_new = iter(known.add([identity for _, found in self.records for identity, _ in found]))
        new: list[bytes] = []
        for tally, found in self.records:
            fresh = [line for _, line in found if next(is_new)]
            tally.imported += bool(fresh)
            new.extend(fresh)
        logger.log_lines(new)


def import_paths(
    logger: InteractionLogger,
    store: Store,
    paths: Sequence[Path | str],
    format: str = AUTO,
    source: str | None = None,
) -> list[ImportedFile]:
    """Import files, folders and globs; one result for each file. A repeated import brings only what is new."""
    chosen = _chosen(format)
    tallies = [_Tally(path) for path in expand(paths)]
    known = Known(store)
    batch = _Batch()
    for tally in tallies:
        for found in _read(tally, chosen, source):
            batch.add(tally, found)
            if batch.rows >= BATCH or batch.size >= BATCH_BYTES:
                batch.log(logger, known)
                batch = _Batch()
            if tally.size >= BATCH_BYTES:
                tally.put_aside(store)
        tally.put_aside(store)
    batch.log(logger, known)
    return [tally.result() for tally in tallies]


def _chosen(format: str) -> dict[str, Importer]:
    known = formats()
    if format == AUTO:
        return known
    if format not in known:
        names = ", ".join([AUTO, *known])
        raise SettingsInvalid(f"format {format!r} is not one of {names}", "Name one of them, or leave it out")
    return {format: known[format]}


def _read(tally: _Tally, among: dict[str, Importer], source: str | None) -> Iterator[list[Identified]]:
    """What each record gives; what it does not is noted in the tally."""
    written_at = datetime.fromtimestamp(tally.path.stat().st_mtime, UTC)
    for name, raw in recognised(tally.path, among):
        tally.read += 1
        found: list[Identified] = []
        try:
            if raw.reason is not None:
                raise Unusable(raw.reason)
            if name is None:
                raise Unusable(f"not in a known format ({', '.join(among)})")
            tally.formats[name] += 1
            for item in _interactions(among[name], raw.value, source or f"import:{name}", written_at):
                if isinstance(item, Unusable):
                    tally.read += 1
                    tally.reject(item.part, item)
                else:
                    found.append(item)
        except Unusable as reason:
            tally.reject(raw.text, reason)
        yield found


def _interactions(importer: Importer, value: Any, source: str, at: datetime) -> list[Identified | Unusable]:
    """All of a record or none: what the log refuses (1e999 in extra) is its reason, and takes no batch with it."""
    try:
        found = importer.read(value, source, at)
        return [it if isinstance(it, Unusable) else (it.interaction_id, line_of(it)) for it in found]
    except RecursionError as error:
        raise Unusable("nested too deep") from error
    except SettingsInvalid as error:
        raise Unusable(error.what) from error
    except Unusable:
        raise
    except Exception as error:  # a format has more shapes than any importer knows, and one record must cost no other
        raise Unusable(f"the importer failed: {type(error).__name__}: {error}") from error
