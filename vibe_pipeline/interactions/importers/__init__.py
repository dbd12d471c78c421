"""Importers: files that other programs wrote → the log. One file a format; this is their reading and the counting.

Every record that is read ends as exactly one of imported (it brought something new), duplicate (all of it was
known) or quarantined (kept with its reason), and so does every part of a record that gives nothing: the three always
add up to `read`. A chat in which nothing was asked (NothingAsked) is no record, and neither is a file that is not what
was asked for. Not here: which formats there are (registry.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from vibe_pipeline import settings
from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions.importers.files import Where, readable
from vibe_pipeline.interactions.importers.folders import Choice, expand, is_taken, with_suffix
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable
from vibe_pipeline.interactions.importers.opinions import with_remarks
from vibe_pipeline.interactions.importers.raw import TOO_DEEP
from vibe_pipeline.interactions.importers.recognised import (
    BUGS,
    Format,
    connector_of,
    joined_in,
    length_of,
    opener_of,
    recognised,
)
from vibe_pipeline.interactions.importers.registry import Wanted, formats
from vibe_pipeline.interactions.importers.table import Read
from vibe_pipeline.interactions.importers.tally import Batch, ImportedFile, Line, Tally, line
from vibe_pipeline.interactions.importers.unfinished import Unanswered, Waiting
from vibe_pipeline.interactions.known import Known
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Interaction, Remark
from vibe_pipeline.store import Store

__all__ = ["ImportedFile", "Wanted", "formats", "import_paths", "lines_of"]

TOLD_EVERY = 100
"""Records."""


def import_paths(
    logger: InteractionLogger,
    store: Store,
    paths: Sequence[Path | str],
    wanted: Wanted = Wanted(),  # noqa: B008 (frozen)
    log: settings.Log = settings.DEFAULT_LOG,
    watch: Watch = nobody,
) -> list[ImportedFile]:
    """Import files, folders, globs and stores, one result each; a repeated import brings only what is new.

    What cannot be read as it was asked for is SettingsInvalid or SourceUnreadable where there is nothing else. Else it
    costs no other: it is the `failure` of its result.
    """
    among = wanted.formats()
    tallies = [Tally(where, length=length_of(where)) for where in _named(paths, among, store.root)]
    known = {stream: Known(store, stream) for stream in ("interactions", "remarks")}
    batch = Batch()
    total, before, told = sum(tally.length for tally in tallies), 0, 0
    with watch("importing") as advance:
        for tally in tallies:
            for found in _read(tally, among, wanted):
                batch.add(tally, found)
                if batch.is_full:
                    batch.log(logger, known)
                    batch = Batch()
                if tally.is_full:
                    tally.put_aside(store, log, wanted.source)
                if told != tally.read // TOLD_EVERY:
                    told = tally.read // TOLD_EVERY
                    advance(before + tally.done >> 20, total >> 20, f"MiB, {tally.read} records of {tally.name[-30:]}")
            tally.put_aside(store, log, wanted.source)
            before += tally.length
        batch.log(logger, known)
    failures = [tally.failure for tally in tallies if tally.failure and not tally.read]
    if failures and len(failures) == len(tallies):
        raise failures[0]
    return [tally.result() for tally in tallies]


def _named(paths: Sequence[Path | str], among: Sequence[Format], home: Path) -> list[Where]:
    """In a folder lie texts and tables that are no log: they are taken when their format is asked for."""
    (only,) = among if len(among) == 1 else (None,)

    def is_whole(folder: Path) -> bool:
        return connector_of(str(folder), among) is not None or bool(only and only.is_whole and only.is_whole(folder))

    taken = with_suffix(only.suffixes) if only and only.suffixes else is_taken
    return expand(paths, Choice(home, taken, is_whole, lambda folder: joined_in(folder, among)))


def _read(tally: Tally, among: Sequence[Format], wanted: Wanted) -> Iterator[list[Line]]:
    """What each record gives; what it does not is noted in the tally, also where a file itself cannot be read. An
    address that gives nothing, and a file that is not what a map or a table's name asks for, is a failure."""
    where = tally.where
    try:
        if isinstance(where, str):
            yield from _records(tally, among, wanted, datetime.now(UTC))
        elif where.reason:
            raise Unusable(where.reason)
        elif where.left_out is None:
            with readable(where.path):
                written_at = datetime.fromtimestamp(where.path.stat().st_mtime, UTC)
            yield from _records(tally, among, wanted, written_at)
    except (SourceUnreadable, SettingsInvalid, Unusable) as failure:
        if not isinstance(failure, Unusable) and (isinstance(failure, SettingsInvalid) or isinstance(where, str)):
            tally.failure = failure
            return
        tally.read += 1
        tally.reject(tally.name, failure if isinstance(failure, Unusable) else failure.what)


def _records(tally: Tally, among: Sequence[Format], wanted: Wanted, at: datetime) -> Iterator[list[Line]]:
    source = wanted.source
    opener, failure = opener_of(tally.where, among)
    if opener and opener.batches:
        read = partial(opener.batches, tally.where, source or f"import:{opener.name}", at)
        for rows in opener.tell(read, _is_read):
            tally.formats[opener.name] += len(rows.lines)
            tally.read += len(rows.lines) + len(rows.rejects)
            tally.seen += rows.size
            tally.told.update(rows.told)
            for text, reason in rows.rejects:
                tally.reject(text, reason)
            yield from ([row] for row in rows.lines)
            yield []
        return
    for format, raw in recognised(tally.where, among, opener):
        tally.read += 1
        tally.seen += len(raw.text)
        found: list[Line] = []
        waiting = Waiting(at)
        try:
            if format is None and failure:
                raise Unusable(failure)
            if raw.reason is not None:
                raise Unusable(raw.reason)
            if format is None or format.read is None:
                raise Unusable(f"not in a known format ({', '.join(it.name for it in among)})")
            tally.formats[format.name] += 1
            told = partial(format.read, raw.value, source or f"import:{format.name}", at)
            gave = lines_of(partial(waiting.finished, told), at, f"the importer {format.name}", wanted.tier)
            lost = [it for it in gave if isinstance(it, Unusable)]
            found = [it for it in gave if not isinstance(it, Unusable)]
            tally.read += len(lost) - (not found)  # of a record of which all is lost the first stands for it
            for part in lost:
                tally.reject(part.part or raw.text, part)
        except NothingAsked:
            tally.read -= 1
        except Unusable as reason:
            if waiting.is_growing and isinstance(reason, Unanswered):
                tally.read -= 1
                waiting.conversations = waiting.conversations or {raw.text}
            else:
                tally.reject(raw.text, reason)
        tally.waiting += len(waiting.conversations)
        yield found


def _is_read(rows: Read) -> bool:
    return isinstance(rows, Read) and all(isinstance(it, Line) for it in rows.lines)


def lines_of(
    read: Callable[[], Iterable[Interaction | Remark | Unusable]],
    at: datetime,
    reader: str = "the importer",
    tier: str | None = None,
) -> list[Line | Unusable]:
    """All that `read` gives or none of it: what the log refuses (1e999 in extra) is its reason, and costs no batch.

    What people thought of an interaction becomes remarks; `at` is when, where nobody says it. `tier` is whose it is.
    """
    try:
        found = (with_remarks(_of(tier, it), at) if isinstance(it, Interaction) else [it] for it in read())
        gave = [it if isinstance(it, Unusable) else line(it) for several in found for it in several]
    except RecursionError as error:
        raise Unusable(TOO_DEEP) from error
    except SettingsInvalid as error:
        raise Unusable(error.what) from error
    except Unusable:
        raise
    except BUGS as error:  # a format has more shapes than any importer knows, and one record must cost no other
        raise Unusable(f"{reader} failed: {type(error).__name__}: {error}") from error
    if not gave:
        raise Unusable(f"{reader} gave nothing")
    return gave


def _of(tier: str | None, interaction: Interaction) -> Interaction:
    return replace(interaction, extra={**interaction.extra, "tier": tier}) if tier else interaction
