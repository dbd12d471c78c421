"""Zip archives as services hand them out: the JSON files inside, read in place.

A member's name is a label and no path, so that ".." or "/etc" in it means nothing. An archive that is cut off has lost
the list of its members, which stands at its end; they are then found by their own headers. Not here: where they are
unpacked to (unpacking.py) and what they hold (files.py).
"""

from __future__ import annotations

import mmap
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from copy import copy
from pathlib import Path, PurePosixPath
from typing import IO

import pyarrow as pa

from vibe_pipeline.interactions.importers.databases import MAGIC
from vibe_pipeline.interactions.importers.files import BLANK, JSON_SUFFIXES
from vibe_pipeline.interactions.importers.folders import STARTS
from vibe_pipeline.interactions.importers.temporary import room, temporary
from vibe_pipeline.interactions.importers.unpacking import BROKEN, CHUNK, GZIP, Damaged, Member, budget_of, unpacked

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")

PACKED = {**STARTS, ".db": MAGIC, ".gz": GZIP, ".zip": SIGNATURES[0], ".eval": SIGNATURES[0]}
"""How members begin that a folder would give: databases and archives in an archive, and texts."""

UNPACK = "not read inside an archive: unpack it and import the folder"

ZSTD = 93
"""The method that inspect_ai writes; zipfile knows it from Python 3.14 on."""

HEADER = struct.Struct("<4s5H3I2H")
"""Of a member, before its data: signature, version, flags, method, time, date, checksum, sizes, lengths of names."""


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
    budget = budget_of(path)
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
            member = unpacked(info.filename, _read(archive, info), budget)
            budget -= member.size
            yield member


def _is_wanted(filename: str) -> bool:
    name = PurePosixPath(filename)
    is_hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return not is_hidden and name.suffix.lower() in JSON_SUFFIXES


def _is_packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    start = PACKED.get(PurePosixPath(info.filename).suffix.lower())
    with suppress(Damaged):
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
                member = unpacked(name, unpack(data, start, packed), budget)
                budget -= member.size
                yield member
            position = data.find(SIGNATURES[0], position + 4)


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
        raise Damaged(f"{method}: pack it again with deflate or zstd") from error
    except Exception as error:  # what the damage happens to lead to, or a password
        needs_password = isinstance(error, RuntimeError) and bool(info.flag_bits & 1)
        raise Damaged("needs a password" if needs_password else BROKEN) from error
    if checksum != info.CRC:
        raise Damaged(BROKEN)


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
