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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import entry_points
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from vibe_pipeline import settings
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
from vibe_pipeline.interactions.importers.archives import is_archive, members
from vibe_pipeline.interactions.importers.files import Raw, expand, first_bytes, records, records_of
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.lines import line_of
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.segments import Known
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

AUTO = "auto"
UNKNOWN = "unknown"

BATCH = 10_000
"""Interactions logged in one write."""


ENTRY_POINTS = "vibe_pipeline.importers"


class Importer(Protocol):
    """One format."""

    def recognises(self, value: Any) -> bool:
        """Whether the record is of this format, however broken."""

    def read(self, value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
        """Its interactions, or Unusable with the reason. Where lines are gathered, `value` is the list of them."""


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
    """The counts of one file while it is read."""

    path: Path
    formats: Counter[str] = field(default_factory=Counter)
    read: int = 0
    imported: int = 0
    rejects: list[tuple[str, str]] = field(default_factory=list)

    def result(self) -> ImportedFile:
        name = self.formats.most_common(1)[0][0] if self.formats else UNKNOWN
        bad = len(self.rejects)
        reasons = dict(Counter(reason for _, reason in self.rejects))
        return ImportedFile(
            str(self.path), name, self.read, self.imported, self.read - self.imported - bad, bad, reasons
        )


def import_paths(
    logger: InteractionLogger,
    store: Store,
    paths: Sequence[Path | str],
    format: str = AUTO,
    source: str | None = None,
    log: settings.Log = settings.DEFAULT_LOG,
) -> list[ImportedFile]:
    """Import files, folders and globs; one result for each file. A repeated import brings only what is new."""
    chosen = _chosen(format)
    files = expand(paths)
    tallies = [_Tally(path) for path in files]
    known = Known(store)
    waiting: list[tuple[_Tally, list[Interaction]]] = []
    size = 0
    for tally in tallies:
        for found in _read(tally, chosen, source):
            waiting.append((tally, found))
            size += len(found)
            if size >= BATCH:
                _log(logger, known, waiting)
                waiting, size = [], 0
        quarantine.keep(store, "interactions", tally.rejects, str(tally.path), log)
    _log(logger, known, waiting)
    return [tally.result() for tally in tallies]


def _chosen(format: str) -> dict[str, Importer]:
    known = formats()
    if format == AUTO:
        return known
    if format not in known:
        names = ", ".join([AUTO, *known])
        raise SettingsInvalid(f"format {format!r} is not one of {names}", "Name one of them, or leave it out")
    return {format: known[format]}


def _read(tally: _Tally, among: dict[str, Importer], source: str | None) -> Iterator[list[Interaction]]:
    """The interactions of each usable record; the others are noted in the tally."""
    written_at = datetime.fromtimestamp(tally.path.stat().st_mtime, UTC)
    for name, raw in _records(tally.path, among):
        tally.read += 1
        try:
            if raw.reason is not None:
                raise Unusable(raw.reason)
            if name is None:
                raise Unusable(f"not in a known format ({', '.join(among)})")
            tally.formats[name] += 1
            found = _interactions(among[name], raw.value, source or f"import:{name}", written_at)
            lost = [item for item in found if isinstance(item, Unusable)]
            tally.read += len(lost)
            tally.rejects.extend((item.part, str(item)) for item in lost)
            yield [item for item in found if not isinstance(item, Unusable)]
        except Unusable as reason:
            tally.rejects.append((raw.text, str(reason)))


def _records(path: Path, among: dict[str, Importer]) -> Iterator[tuple[str | None, Raw]]:
    """Each record with the name of its format."""
    start = first_bytes(path)
    for opener, importer in among.items():
        if hasattr(importer, "opens") and importer.opens(path, start):
            yield from ((opener, raw) for raw in importer.records(path))  # type: ignore[attr-defined]
            return
    if is_archive(start):
        yield from _archived(path, among)
    else:
        yield from _gathered(((_format(raw, among), raw) for raw in records(path)), among)


def _archived(path: Path, among: dict[str, Importer]) -> Iterator[tuple[str | None, Raw]]:
    """The members that hold something of ours or something broken: beside the chats lie an account's settings."""
    is_ours = False
    for member in members(path):
        found = [(_format(raw, among), raw) for raw in records_of(BytesIO(member.data), member.suffix)]
        if any(name or raw.reason for name, raw in found):
            is_ours = True
            yield from _gathered(found, among)
        if member.reason:
            is_ours = True
            yield None, Raw(member.name, reason=member.reason)
    if not is_ours:
        yield None, Raw(path.name, reason="no file in this archive is in a known format")


def _gathered(found: Iterable[tuple[str | None, Raw]], among: dict[str, Importer]) -> Iterator[tuple[str | None, Raw]]:
    """The lines of a session as one record, after the others."""
    sessions: dict[tuple[str, str], list[Raw]] = {}
    for name, raw in found:
        session = _session(among[name], raw.value) if name else None
        if name and session is not None:
            sessions.setdefault((name, session), []).append(raw)
        else:
            yield name, raw
    for (name, _), lines in sessions.items():
        yield name, Raw("\n".join(line.text for line in lines), [line.value for line in lines])


def _format(raw: Raw, among: dict[str, Importer]) -> str | None:
    if raw.reason is not None:
        return None
    return next((name for name, importer in among.items() if importer.recognises(raw.value)), None)


def _session(importer: Importer, value: Any) -> str | None:
    """What the record is gathered with; None where it stands alone and is read alone."""
    session_of = getattr(importer, "session_of", None)
    return session_of(value) if session_of else None


def _interactions(importer: Importer, value: Any, source: str, at: datetime) -> list[Interaction | Unusable]:
    try:
        found = list(importer.read(value, source, at))
        for interaction in found:
            if isinstance(interaction, Interaction):
                line_of(interaction)  # what the log refuses (1e999 in extra) must not take the batch with it
    except RecursionError as error:
        raise Unusable("nested too deep") from error
    except SettingsInvalid as error:
        raise Unusable(error.what) from error
    except Unusable:
        raise
    except Exception as error:  # a format has more shapes than any importer knows, and one record must cost no other
        raise Unusable(f"the importer failed: {type(error).__name__}: {error}") from error
    return found


def _log(logger: InteractionLogger, known: Known, waiting: list[tuple[_Tally, list[Interaction]]]) -> None:
    """Log what is new, in one write; a record counts as imported if any of its interactions is new."""
    is_new = iter(known.add([item.interaction_id for _, found in waiting for item in found]))
    new: list[Interaction] = []
    for tally, found in waiting:
        fresh = [item for item in found if next(is_new)]
        tally.imported += bool(fresh)
        new.extend(fresh)
    logger.log_many(new)
