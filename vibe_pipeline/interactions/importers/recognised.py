"""What a format answers; files → records with the format that knows them, lines of one session gathered into one.

Not here: which formats there are (registry.py), what a record means, and counting.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any, TypeVar

from vibe_pipeline.errors import SourceUnreadable, VibeError
from vibe_pipeline.interactions.importers.archives import is_archive, members, unpacked_size
from vibe_pipeline.interactions.importers.files import File, Where, first_bytes, records, records_in
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.raw import Raw, read_text
from vibe_pipeline.interactions.importers.table import Read
from vibe_pipeline.interactions.importers.temporary import room, temporary
from vibe_pipeline.records import Interaction, Remark

T = TypeVar("T")

BUGS = (Exception, SystemExit)
"""What an importer may raise by mistake: a library of its own that would end the program is no end of an import."""


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """One format by its name; None where it has no answer. It has `read` or `batches`."""

    name: str
    read: Callable[[Any, str, datetime], Iterable[Interaction | Remark | Unusable]] | None = None
    """(value, source, at): the interactions of a record, the remarks on them, and Unusable for parts that give none;
    of lines that are gathered the value is the list."""
    recognises: Callable[[Any], bool] | None = None
    """Whether a record is of this format, however broken; one of `records` always is."""
    session_of: Callable[[Any], str | None] | None = None
    """What a record of a file is a part of; None: it is alone."""
    accompanies: Callable[[Any], bool] | None = None
    """Whether a record that no format recognises belongs to the session in whose file it stands; alone it does not."""
    opens: Callable[[File, bytes], bool] | None = None
    """Whether the file that starts so is taken out of our hands, because it is no JSON."""
    connects: Callable[[str], bool] | None = None
    """Whether it is the store behind this address, or in this folder."""
    records: Callable[[Where], Iterable[Raw]] | None = None
    """Of what it opens or connects to."""
    batches: Callable[[Where, str, datetime], Iterable[Read]] | None = None
    """(file, source, at): of what it opens, where rows are so many that they are never single values."""
    is_whole: Callable[[Path], bool] | None = None
    """Whether a folder is one thing, where the format is asked for by name."""
    joins: Callable[[Path], Sequence[str]] | None = None
    """The folders in a folder that belong together, so that they are one thing wherever it lies; none elsewhere."""
    suffixes: Sequence[str] | None = None
    """What is taken from a folder, where the format is asked for by name."""
    exports: Sequence[str] | None = None
    """What the file with the chats is called in an account's export, beside which lie files that hold none."""

    @classmethod
    def of(cls, name: str, importer: object) -> Format:
        """The format that a module or an object reads; it need not have more of these names than it answers to."""
        found = cls(name, *(getattr(importer, it, None) for it in QUESTIONS))
        if found.read is None and found.batches is None:
            raise TypeError("it has neither read nor batches")
        return found

    def ask(self, question: Callable[..., T] | None, *of: Any) -> T | None:
        """What the importer answers to one of its own questions; a bug in it is SourceUnreadable and names it."""
        try:
            return question(*of) if question else None
        except VibeError:
            raise
        except BUGS as error:
            raise self._failed(error) from error

    def tell(self, read: Callable[[], Iterable[T]], is_sound: Callable[[T], bool]) -> Iterator[T]:
        """What the importer gives of a whole file; a bug in it is SourceUnreadable and names it."""
        try:
            for item in read():
                if not is_sound(item):
                    raise TypeError(f"it gave {item!r:.100}")
                yield item
        except VibeError:
            raise
        except BUGS as error:
            raise self._failed(error) from error

    def _failed(self, error: BaseException) -> SourceUnreadable:
        what = f"the importer {self.name} failed: {type(error).__name__}: {error}"
        return SourceUnreadable(what, "Upgrade or remove the package that brings it, or name another --format")


QUESTIONS = (
    "read",
    "recognises",
    "session_of",
    "accompanies",
    "opens",
    "connects",
    "records",
    "batches",
    "is_whole",
    "joins",
    "SUFFIXES",
    "EXPORTS",
)
"""Names in an importer, in the order of the fields of Format."""

Found = tuple[Format | None, Raw]
"""A record and its format; None where no format knows it."""


def recognised(where: Where, among: Sequence[Format], opener: Format | None) -> Iterator[Found]:
    """Each record of a file, or of a store that is a folder or an address, with its format.

    `opener` is the format that reads it by itself, if there is one.
    """
    if opener and opener.records:
        found = opener.tell(partial(opener.records, where), _is_record)
        yield from _gathered(((opener, raw) for raw in found), among)
    elif isinstance(where, str):
        names = ", ".join(it.name for it in among)
        what = f"the address {where} is of no store that a format reads (asked: {names})"
        raise SourceUnreadable(what, "Check the address; --map, --table and most formats are for files")
    elif not any(it.recognises for it in among):
        yield None, Raw(where.name, reason=f"no file that the format {' or '.join(it.name for it in among)} reads")
    elif is_archive(first_bytes(where.path)):
        yield from _archived(where.path, among)
    elif where.is_named or not _is_beside_chats(where.path, among):
        read = records(where.path, partial(_is_known, among=among))
        yield from _gathered(map(partial(_found, among=among), read), among)


def length_of(where: Where) -> int:
    """Bytes of a file, of a zip archive unpacked; 0 of a store, that tells no length, and of what cannot be read."""
    with suppress(OSError, SourceUnreadable):
        if isinstance(where, File) and where.path.is_file():
            return unpacked_size(where.path) if is_archive(first_bytes(where.path)) else where.path.stat().st_size
    return 0


def opener_of(where: Where, among: Sequence[Format]) -> tuple[Format | None, str | None]:
    """The format that takes records out of it by itself, because it is no JSON; without one, why an importer failed.

    That is no reason against a file that another format knows.
    """
    if isinstance(where, str):
        return connector_of(where, among), None
    if where.path.is_dir() and (one := connector_of(str(where.path), among) or joiner_of(where.path, among)):
        return one, None
    start = first_bytes(where.path)
    failure = None
    for format in among:
        try:
            if format.ask(format.opens, where, start):
                return format, None
        except SourceUnreadable as error:
            failure = error.what
    return None, failure


def connector_of(address: str, among: Sequence[Format]) -> Format | None:
    """The format of a store behind an address or in a folder."""
    return next((it for it in among if it.ask(it.connects, address)), None)


def joiner_of(folder: Path, among: Sequence[Format]) -> Format | None:
    """The format to which folders in a folder belong together."""
    return next((it for it in among if it.ask(it.joins, folder)), None)


def joined_in(folder: Path, among: Sequence[Format]) -> Sequence[str]:
    """The names of those folders."""
    joiner = joiner_of(folder, among)
    return joiner.joins(folder) if joiner and joiner.joins else ()


def _archived(path: Path, among: Sequence[Format]) -> Iterator[Found]:
    """The members that hold something of ours or something broken: beside the chats lie an account's settings."""
    is_ours = False
    find = partial(_found, among=among)
    for member in members(path):
        read = partial(records_in, member, partial(_is_known, among=among))
        if any(format or raw.reason for format, raw in map(find, read())):  # read twice, and never held
            is_ours = True
            yield from _gathered(map(find, read()), among)
    if not is_ours:
        yield None, Raw(path.name, reason="no file in this archive is in a known format")


def _is_beside_chats(path: Path, among: Sequence[Format]) -> bool:
    """Whether a file without anything of ours lies in an unpacked export, as what `_archived` passes over does."""
    chats = [(it, folder / name) for it in among for name in it.exports or () for folder in path.parents[:2]]
    if not any(
        file.is_file() and file != path and _holds_chats(file, file.stat().st_mtime_ns, it) for it, file in chats
    ):
        return False
    return not _holds(path, among)


@lru_cache(maxsize=64)
def _holds_chats(path: Path, written_ns: int, format: Format) -> bool:
    """The same of one format, asked once for all that lies beside the file; `written_ns` tells it from a later one."""
    return _holds(path, [format])


def _holds(path: Path, among: Sequence[Format]) -> bool:
    """Whether a file holds something of ours, or something broken."""
    read = records(path, partial(_is_known, among=among))
    return any(format or raw.reason for format, raw in map(partial(_found, among=among), read))


def _gathered(found: Iterable[Found], among: Sequence[Format]) -> Iterator[Found]:
    """The lines of a session as one record, after the others: until then they wait outside of memory.

    A record has to fit in memory, and so has a file of which all lines are one. Lines that would accompany a session
    which is not there are records of no known format.
    """
    sessions: dict[tuple[Format, str], array[int]] = {}
    known: set[tuple[Format, str]] = set()
    end = 0
    with temporary() as waiting:
        for format, raw in found:
            whose = session = None
            try:
                if raw.reason is None:
                    whose = format or next((it for it in among if it.ask(it.accompanies, raw.value)), None)
                    session = whose.ask(whose.session_of, raw.value) if whose else None
            except SourceUnreadable as failure:
                format, session, raw = None, None, Raw(raw.text, reason=failure.what)
            if not whose or session is None:
                yield format, raw
                continue
            if format:
                known.add((format, str(session)))
            with room("gathering the lines of sessions"):
                start, end = end, end + waiting.write(raw.text.encode())
            sessions.setdefault((whose, str(session)), array("q")).extend((start, end))
        for (whose, session), places in sessions.items():
            texts = _texts(waiting, places)
            if (whose, session) in known:
                gathered = [*texts]
                yield whose, Raw("\n".join(gathered), [read_text(text).value for text in gathered])
            else:
                yield from ((None, read_text(text)) for text in texts)


def _texts(waiting: IO[bytes], places: array[int]) -> Iterator[str]:
    for start, end in zip(places[::2], places[1::2], strict=True):
        waiting.seek(start)
        yield waiting.read(end - start).decode()


def _is_record(raw: Raw) -> bool:
    return isinstance(raw, Raw) and isinstance(raw.text, str)


def _found(raw: Raw, among: Sequence[Format]) -> Found:
    """The record with its format; where an importer fails over it, with that as the reason."""
    if raw.reason is None:
        try:
            return next((it for it in among if it.ask(it.recognises, raw.value)), None), raw
        except SourceUnreadable as failure:
            return None, Raw(raw.text, reason=failure.what)
    return None, raw


def _is_known(value: Any, among: Sequence[Format]) -> bool:
    return _found(Raw("", value), among)[0] is not None
