"""Files → records with the name of their format; what belongs to one session is gathered into one record.

Not here: the registry of formats, what a record means, and counting.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeVar

from vibe_pipeline.errors import SourceUnreadable, VibeError
from vibe_pipeline.interactions.importers.archives import is_archive, members, unpacked_size
from vibe_pipeline.interactions.importers.files import File, Where, first_bytes, records, records_of
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.raw import Raw, read_text
from vibe_pipeline.interactions.importers.temporary import room, temporary
from vibe_pipeline.records import Interaction, Remark

T = TypeVar("T")

Found = tuple[str | None, Raw]
"""A record and its format; None where no format knows it."""


class Importer(Protocol):
    """One format."""

    def recognises(self, value: Any) -> bool:
        """Whether the record is of this format, however broken."""

    def read(self, value: Any, source: str, at: datetime) -> Iterator[Interaction | Remark | Unusable]:
        """Its interactions and the remarks on them, or Unusable with the reason.

        Where lines are gathered, `value` is the list of them.
        """


def recognised(where: Where, among: dict[str, Importer]) -> Iterator[Found]:
    """Each record of a file, or of a store that is a folder or an address, with the name of its format."""
    opener = opener_of(where, among)
    if opener is not None:
        found = told_by(opener, partial(among[opener].records, where))  # type: ignore[attr-defined]
        yield from _gathered(((opener, raw) for raw in found), among)
    elif isinstance(where, str):
        yield None, Raw(where, reason="no format reads such an address")
    elif is_archive(first_bytes(where.path)):
        yield from _archived(where.path, among)
    else:
        yield from _gathered((_found(raw, among) for raw in records(where.path)), among)


def length_of(where: Where) -> int:
    """Bytes of a file, unpacked; 0 of a store, that tells no length, and of what cannot be read."""
    with suppress(OSError, SourceUnreadable):
        if isinstance(where, File) and where.path.is_file():
            return unpacked_size(where.path) if is_archive(first_bytes(where.path)) else where.path.stat().st_size
    return 0


def opener_of(where: Where, among: dict[str, Importer]) -> str | None:
    """The format that takes records out of it by itself, because it is no JSON."""
    if isinstance(where, str) or (where.path.is_dir() and connector_of(str(where.path), among)):
        return connector_of(where if isinstance(where, str) else str(where.path), among)
    start = first_bytes(where.path)
    return _first(among, "opens", where, start)


def connector_of(address: str, among: dict[str, Importer]) -> str | None:
    """The format of a store behind an address or in a folder."""
    return _first(among, "connects", address)


def told_by(name: str, read: Callable[[], Iterable[T]]) -> Iterator[T]:
    """What an importer gives of a whole file; a bug in it is SourceUnreadable and names it."""
    try:
        yield from read()
    except VibeError:
        raise
    except Exception as error:
        raise _failed(name, error) from error


def _archived(path: Path, among: dict[str, Importer]) -> Iterator[Found]:
    """The members that hold something of ours or something broken: beside the chats lie an account's settings."""
    is_ours = False
    for member in members(path):
        found = _ours(_found(raw, among) for raw in records_of(member.file, member.suffix))
        for first in found:
            is_ours = True
            yield from _gathered(chain([first], found), among)
        if member.reason:
            is_ours = True
            yield None, Raw(member.name, reason=member.reason)
    if not is_ours:
        yield None, Raw(path.name, reason="no file in this archive is in a known format")


def _ours(found: Iterator[Found]) -> Iterator[Found]:
    """All of them if something among them is ours or broken, else none."""
    held: list[Found] = []
    for name, raw in found:
        held.append((name, raw))
        if name or raw.reason:
            yield from held
            yield from found


def _gathered(found: Iterable[Found], among: dict[str, Importer]) -> Iterator[Found]:
    """The lines of a session as one record, after the others: until then they wait outside of memory."""
    sessions: dict[tuple[str, str], array[int]] = {}
    end = 0
    with temporary() as waiting:
        for name, raw in found:
            try:
                session = _asked(name, among[name], "session_of", raw.value) if name and not raw.reason else None
            except SourceUnreadable as failure:
                name, session, raw = None, None, Raw(raw.text, reason=failure.what)
            if not name or session is None:
                yield name, raw
                continue
            with room("gathering the lines of sessions"):
                start, end = end, end + waiting.write(raw.text.encode())
            sessions.setdefault((name, session), array("q")).extend((start, end))
        for (name, _), places in sessions.items():
            texts = []
            for start, end in zip(places[::2], places[1::2], strict=True):
                waiting.seek(start)
                texts.append(waiting.read(end - start).decode())
            yield name, Raw("\n".join(texts), [read_text(text).value for text in texts])


def _found(raw: Raw, among: dict[str, Importer]) -> Found:
    """The record with its format; where an importer fails over it, with that as the reason."""
    if raw.reason is None:
        try:
            return _first(among, "recognises", raw.value), raw
        except SourceUnreadable as failure:
            return None, Raw(raw.text, reason=failure.what)
    return None, raw


def _first(among: dict[str, Importer], question: str, *of: Any) -> str | None:
    """The first importer that says yes."""
    return next((name for name, importer in among.items() if _asked(name, importer, question, *of)), None)


def _asked(name: str, importer: Importer, question: str, *of: Any) -> Any:
    """What an importer answers, None where it need not know the question; a bug in it is SourceUnreadable."""
    try:
        return getattr(importer, question)(*of) if hasattr(importer, question) else None
    except VibeError:
        raise
    except Exception as error:
        raise _failed(name, error) from error


def _failed(name: str, error: Exception) -> SourceUnreadable:
    what = f"the importer {name} failed: {type(error).__name__}: {error}"
    return SourceUnreadable(what, "Upgrade or remove the package that brings it, or name another --format")
