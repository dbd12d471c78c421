"""Zip archives as services hand them out: the JSON files inside, read in place.

A member's name is a label and no path, so that ".." or "/etc" in it means nothing: it is unpacked into memory or, when
it is long, into a temporary file without a name. What unpacks to far more than an export does is not read. An archive
that is cut off has lost the list of its members, which stands at its end; they are then found by their own headers.
Not here: what the members hold (files.py).
"""

from __future__ import annotations

import mmap
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import pyarrow as pa

from vibe_pipeline.interactions.importers.databases import MAGIC
from vibe_pipeline.interactions.importers.files import BLANK, STARTS
from vibe_pipeline.interactions.importers.temporary import room, temporary

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")

MEMBER_SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj")

PACKED = {**STARTS, ".db": MAGIC, ".zip": SIGNATURES[0], ".eval": SIGNATURES[0]}
"""How members begin that a folder would give: databases and archives in an archive, and texts."""

UNPACK = "not read inside an archive: unpack it and import the folder"

UNPACKED_AT_LEAST = 64 << 20
UNPACKED_TIMES = 100
"""An archive may unpack to so many times its size, or to the bytes above: text packs 4 to 20 times, a bomb 1000."""

CHUNK = 1 << 20

ZSTD = 93
"""The method that inspect_ai writes; zipfile knows it from Python 3.14 on."""

HEADER = struct.Struct("<4s5H3I2H")
"""Of a member, before its data: signature, version, flags, method, time, date, checksum, sizes, lengths of names."""

BROKEN = "the archive is damaged here (cut off?)"
TOO_BIG = "unpacks to far more than an export does (a zip bomb?)"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: what could be read of it, and why that is not all."""

    name: str
    file: IO[bytes]
    size: int
    reason: str | None = None

    @property
    def suffix(self) -> str:
        """As of a path."""
        return PurePosixPath(self.name).suffix


def is_archive(start: bytes) -> bool:
    """Whether a file that starts so is a zip archive."""
    return start.startswith(SIGNATURES)


def unpacked_size(path: Path) -> int:
    """Bytes of what `members` gives, as far as the archive says so."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(info.file_size for info in archive.infolist() if _is_wanted(info.filename))
    except Exception:  # as below
        return path.stat().st_size


def members(path: Path) -> Iterator[Member]:
    """The JSON files of an archive in order; one that cannot be read costs itself, and one that is not read is told."""
    budget = max(UNPACKED_AT_LEAST, UNPACKED_TIMES * path.stat().st_size)
    try:
        archive = zipfile.ZipFile(path)
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except Exception:  # zipfile raises what the damage happens to lead to: struct.error, IndexError, UnicodeDecodeError
        yield from _cut_off(path, budget)
        yield Member(path.name, temporary(), 0, BROKEN)
        return
    with archive:
        for info in infos:
            if _is_packed(archive, info):
                yield Member(info.filename, temporary(), 0, UNPACK)
            if not _is_wanted(info.filename):
                continue
            member = _member(info.filename, _read(archive, info), budget)
            budget -= member.size
            yield member


def _is_wanted(filename: str) -> bool:
    name = PurePosixPath(filename)
    is_hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return not is_hidden and name.suffix.lower() in MEMBER_SUFFIXES


def _is_packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    start = PACKED.get(PurePosixPath(info.filename).suffix.lower())
    with suppress(_Damaged):
        return start is not None and next(_read(archive, info), b"").lstrip(BLANK).startswith(start)
    return False


def _cut_off(path: Path, budget: int) -> Iterator[Member]:
    """What can be unpacked of the members of an archive without its list, each from its own header on."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = data.find(SIGNATURES[0])
        while 0 <= position <= len(data) - HEADER.size:
            _, _, flags, method, _, _, _, packed, _, name_length, extra_length = HEADER.unpack_from(data, position)
            start = position + HEADER.size + name_length
            name = data[position + HEADER.size : start].decode("utf-8", "replace")
            start += extra_length
            unpack = UNPACKERS.get(method)
            if _is_wanted(name) and not flags & 1 and unpack:
                member = _member(name, unpack(data, start, packed), budget)
                budget -= member.size
                yield member
            position = data.find(SIGNATURES[0], position + 4)


def _member(name: str, chunks: Iterator[bytes], budget: int) -> Member:
    unpacked, size, reason = temporary(), 0, None
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > budget:
                return Member(name, temporary(), 0, TOO_BIG)
            with room(f"unpacking {name}"):
                unpacked.write(chunk)
    except _Damaged as damage:
        reason = str(damage)
    unpacked.seek(0)
    return Member(name, unpacked, size, reason)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member of a whole archive, up to where it is damaged."""
    checksum = 0
    try:
        with _opened(archive, info) as stream:
            while chunk := stream.read(CHUNK):
                checksum = zlib.crc32(chunk, checksum)
                yield chunk
    except NotImplementedError as error:
        method = f"compressed by method {info.compress_type}, which cannot be unpacked here"
        raise _Damaged(f"{method}: pack it again with deflate or zstd") from error
    except Exception as error:  # what the damage happens to lead to, or a password
        needs_password = isinstance(error, RuntimeError) and bool(info.flag_bits & 1)
        raise _Damaged("needs a password" if needs_password else BROKEN) from error
    if checksum != info.CRC:
        raise _Damaged(BROKEN)


def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """A member without the checksum's verdict, which would take the last chunk along."""
    member = copy(info)
    del member.CRC
    if info.compress_type != ZSTD:
        return archive.open(member)
    member.compress_type, member.file_size = zipfile.ZIP_STORED, info.compress_size
    return pa.CompressedInputStream(archive.open(member), "zstd")


def _stored(data: mmap.mmap, start: int, size: int) -> Iterator[bytes]:
    end = min(start + size, len(data))
    return (data[at : min(at + CHUNK, end)] for at in range(start, end, CHUNK))


def _inflated(data: mmap.mmap, start: int, _: int) -> Iterator[bytes]:
    """What a packed stream gives before it ends or breaks off; it knows its end, and its size may not be told."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    with suppress(zlib.error):  # what came before is kept
        while not stream.eof and (packed := stream.unconsumed_tail or data[start : start + CHUNK]):
            start += 0 if stream.unconsumed_tail else CHUNK
            yield stream.decompress(packed, CHUNK)
        yield stream.flush()


def _unzstd(data: mmap.mmap, start: int, size: int) -> Iterator[bytes]:
    """As above; it does not know its end."""
    packed = temporary()
    with room("unpacking an archive"):
        packed.writelines(_stored(data, start, size))
    packed.seek(0)
    with suppress(OSError), pa.CompressedInputStream(packed, "zstd") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


UNPACKERS = {zipfile.ZIP_STORED: _stored, zipfile.ZIP_DEFLATED: _inflated, ZSTD: _unzstd}


class _Damaged(Exception):
    """A member cannot be read any further; the text is the reason."""
