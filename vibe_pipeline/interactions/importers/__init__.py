"""Importers: files that other programs wrote → the log. One file a format; this is their registry and the counting.

An importer is a module (or object) with `recognises(value)` and `read(value, source, at)` over JSON values; more
names are for formats that need them:

- `session_of(value)` where records of a file are read together: it names what a record is a part of; None: it is alone;
- `opens(file, start)` with `records(file)` where a file is not JSON;
- `opens(file, start)` with `batches(file, source, at)` where rows are so many that they are never single values;
- `connects(address)` with `records(address)` where a store is behind an address or in a folder;
- `SUFFIXES`, what is taken from a folder when the format is asked for by name, and `is_whole(folder)` where a folder
  is one thing.

Others are added by the entry point group `vibe_pipeline.importers`.

Every record that is read ends as exactly one of imported (it brought something new), duplicate (all of it was
known) or quarantined (kept with its reason): the three always add up to `read`.
A chat in which nothing was asked (NothingAsked) is no record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path

from vibe_pipeline import settings
from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions.importers import (
    ai_studio,
    aider,
    chatgpt_export,
    claude_code,
    claude_export,
    codex_cli,
    document,
    gemini_cli,
    git_history,
    inspect_ai,
    langfuse,
    litellm,
    llm_logs,
    mlflow_traces,
    open_webui,
    openai_chat,
    openai_responses,
    otel_genai,
    sharegpt,
    swe_agent,
)
from vibe_pipeline.interactions.importers.columns import ColumnMap
from vibe_pipeline.interactions.importers.files import Where, expand, readable, with_suffix
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable
from vibe_pipeline.interactions.importers.opinions import with_remarks
from vibe_pipeline.interactions.importers.recognised import (
    Importer,
    connector_of,
    length_of,
    opener_of,
    recognised,
    told_by,
)
from vibe_pipeline.interactions.importers.table import Table
from vibe_pipeline.interactions.importers.tally import Batch, ImportedFile, Line, Tally, line
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.segments import Known
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Interaction, Remark
from vibe_pipeline.store import Store

AUTO = "auto"
TABLE = "table"

ENTRY_POINTS = "vibe_pipeline.importers"

TOLD_EVERY = 100
"""Records."""

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
    "mlflow": mlflow_traces,
    "llm_logs": llm_logs,
    "inspect_ai": inspect_ai,
    "otel_genai": otel_genai,
    "litellm": litellm,
    "langfuse": langfuse,
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "sharegpt": sharegpt,
    TABLE: Table(),
    "document": document,
    "git": git_history,
}
"""In the order in which they are asked: the narrow ones first."""


@cache
def formats() -> dict[str, Importer]:
    """All formats by name, those of other packages last; one that cannot be used is an error that names its package."""
    found = dict(OURS)
    for entry in entry_points(group=ENTRY_POINTS):
        package = entry.dist.name if entry.dist else entry.value
        if entry.name in (AUTO, *found):
            what = f"the importer {entry.name} of the package {package} has a name that is taken"
            raise SettingsInvalid(what, f"Rename its entry point, or remove {package}")
        try:
            found[entry.name] = entry.load()
        except Exception as error:
            what = f"the importer {entry.name} of the package {package} cannot be loaded: {error}"
            raise SettingsInvalid(what, f"Upgrade or remove {package}") from error
    return found


def import_paths(
    logger: InteractionLogger,
    store: Store,
    paths: Sequence[Path | str],
    format: str = AUTO,
    source: str | None = None,
    columns: Sequence[str] = (),
    table: str | None = None,
    log: settings.Log = settings.DEFAULT_LOG,
    watch: Watch = nobody,
) -> list[ImportedFile]:
    """Import files, folders, globs and stores, one result each; a repeated import brings only what is new.

    `columns` (FIELD=COLUMN, FIELD==CONSTANT) and `table` (of a database) make every file a table.
    """
    chosen = _chosen(format, columns, table)
    tallies = [Tally(where, length=length_of(where)) for where in _named(paths, chosen)]
    known = {stream: Known(store, stream) for stream in ("interactions", "remarks")}
    batch = Batch()
    total, before, told = sum(tally.length for tally in tallies), 0, 0
    with watch("importing") as advance:
        for tally in tallies:
            for found in _read(tally, chosen, source):
                batch.add(tally, found)
                if batch.is_full:
                    batch.log(logger, known)
                    batch = Batch()
                if tally.is_full:
                    tally.put_aside(store, log)
                if told != tally.read // TOLD_EVERY:
                    told = tally.read // TOLD_EVERY
                    advance(before + tally.done >> 20, total >> 20, f"MiB, {tally.read} records of {tally.name[-30:]}")
            tally.put_aside(store, log)
            before += tally.length
        batch.log(logger, known)
    return [tally.result() for tally in tallies]


def _chosen(format: str, columns: Sequence[str], table: str | None) -> dict[str, Importer]:
    known = formats()
    if format not in (AUTO, *known):
        names = ", ".join([AUTO, *known])
        raise SettingsInvalid(f"format {format!r} is not one of {names}", "Name one of them, or leave it out")
    if format == TABLE or columns or table:
        if format not in (AUTO, TABLE):
            raise SettingsInvalid(f"format {format!r} has no columns to map and no tables", "Leave --format out")
        return {TABLE: Table(ColumnMap.parse(columns), table, is_asked_for=True)}
    return known if format == AUTO else {format: known[format]}


def _named(paths: Sequence[Path | str], chosen: dict[str, Importer]) -> list[Where]:
    """In a folder lie texts and tables that are no log: they are taken when their format is asked for."""
    (importer,) = chosen.values() if len(chosen) == 1 else (None,)
    suffixes = getattr(importer, "SUFFIXES", None)
    is_asked_for = getattr(importer, "is_whole", None)

    def is_whole(folder: Path) -> bool:
        return connector_of(str(folder), chosen) is not None or bool(is_asked_for and is_asked_for(folder))

    return expand(paths, with_suffix(suffixes) if suffixes else None, is_whole)


def _read(tally: Tally, among: dict[str, Importer], source: str | None) -> Iterator[list[Line]]:
    """What each record gives; what it does not is noted in the tally, also where a file itself cannot be read."""
    where = tally.where
    try:
        if isinstance(where, str):
            yield from _records(tally, among, source, datetime.now(UTC))
        elif where.reason:
            raise Unusable(where.reason)
        else:
            with readable(where.path):
                written_at = datetime.fromtimestamp(where.path.stat().st_mtime, UTC)
            yield from _records(tally, among, source, written_at)
    except (SourceUnreadable, Unusable) as failure:
        if isinstance(where, str):
            raise
        tally.read += 1
        tally.reject(tally.name, failure.what if isinstance(failure, SourceUnreadable) else failure)


def _records(tally: Tally, among: dict[str, Importer], source: str | None, at: datetime) -> Iterator[list[Line]]:
    opener = opener_of(tally.where, among)
    if opener and hasattr(importer := among[opener], "batches"):
        for rows in told_by(opener, partial(importer.batches, tally.where, source or f"import:{opener}", at)):
            tally.formats[opener] += len(rows.lines)
            tally.read += len(rows.lines) + len(rows.rejects)
            tally.seen += rows.size
            for text, reason in rows.rejects:
                tally.reject(text, reason)
            yield from ([row] for row in rows.lines)
            yield []
        return
    for name, raw in recognised(tally.where, among):
        tally.read += 1
        tally.seen += len(raw.text)
        found: list[Line] = []
        try:
            if raw.reason is not None:
                raise Unusable(raw.reason)
            if name is None:
                raise Unusable(f"not in a known format ({', '.join(among)})")
            tally.formats[name] += 1
            read = partial(among[name].read, raw.value, source or f"import:{name}", at)
            for item in lines_of(read, at, f"the importer {name}"):
                if isinstance(item, Unusable):
                    tally.read += 1
                    tally.reject(item.part, item)
                else:
                    found.append(item)
        except NothingAsked:
            tally.read -= 1
        except Unusable as reason:
            tally.reject(raw.text, reason)
        yield found


def lines_of(
    read: Callable[[], Iterable[Interaction | Remark | Unusable]], at: datetime, reader: str = "the importer"
) -> list[Line | Unusable]:
    """All that `read` gives or none of it: what the log refuses (1e999 in extra) is its reason, and costs no batch.

    What people thought of an interaction becomes remarks; `at` is when, where nobody says it.
    """
    try:
        found = (with_remarks(it, at) if isinstance(it, Interaction) else [it] for it in read())
        return [it if isinstance(it, Unusable) else line(it) for several in found for it in several]
    except RecursionError as error:
        raise Unusable("nested too deep") from error
    except SettingsInvalid as error:
        raise Unusable(error.what) from error
    except Unusable:
        raise
    except Exception as error:  # a format has more shapes than any importer knows, and one record must cost no other
        raise Unusable(f"{reader} failed: {type(error).__name__}: {error}") from error
