"""Where bytes live and how they get there: every write is a temporary file, fsync, rename.

A reader never sees half a file. No stage opens a path by itself; names are relative ("examples/<sha>.parquet"),
so that a bucket can take the folder's place. Content-addressed files are named by the SHA-256 of their bytes. Where
forgetting had to shrink one, what was pinned by its first sha is found by a redirect: followed here, and only here.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, ReadWriteLock, Timeout

from vibe_pipeline.durable import make_folder, sync
from vibe_pipeline.errors import Busy, DiskFull, LedgerDamaged, SettingsInvalid, is_full
from vibe_pipeline.fingerprint import key_of, sha_of_file, sha_of_folder
from vibe_pipeline.records import SCHEMA_VERSION, load

T = TypeVar("T")

ROW_GROUP = 1024
"""Rows a row group: replay reads single groups, so its cost is bounded by what it draws."""

RESERVE_BYTES = 64 << 20
"""Room that must be left after any large write."""

REDIRECTS = "forgotten/shas"
"""<old sha>.json says which sha stands for it since rows of it were forgotten."""

PRIVATE = 0o600
"""Of every file that is written here."""
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)

CHECKSUM = "checksum"
"""Last in every JSON: the key of all that stands before it. Readers never see it; `vibe verify` compares it."""

PAGES = {"checksums": "pages", "arrow": pa.cpp_version}
"""Said in the metadata of a Parquet file that is not named by its content: each of its pages has a CRC, and who wrote
it, because another version may write the same table in other bytes."""

PARQUET = b"PAR1"
"""What such a file begins and ends with."""


class Store:
    """A folder that is private to its owner (0700)."""

    def __init__(self, url: str | Path) -> None:
        text = str(url)
        if "://" in text and not text.startswith("file://"):
            raise SettingsInvalid(f"store {text!r} is not a local folder", "Use a path or a file:// URL")
        self.root = Path(text.removeprefix("file://")).expanduser().absolute()
        with _disk():
            try:
                make_folder(self.root)
            except OSError as error:
                if is_full(error):
                    raise
                raise SettingsInvalid(
                    f"{self.root} cannot be a folder: {error.strerror}", "Set VIBE_HOME elsewhere"
                ) from error

    def path(self, name: str) -> Path:
        """The local path of a stored name, for libraries that only read paths."""
        return self.root / name

    def exists(self, name: str) -> bool:
        """Whether that name was written (wholly: half does not exist)."""
        return self.path(name).exists() or self.path(self.current(name)).exists()

    def current(self, name: str) -> str:
        """The name under which a content-addressed file lies now: its own, unless rows of it were forgotten."""
        place = Path(name)
        while self.path(redirect := f"{REDIRECTS}/{place.stem}.json").exists() and not self.path(str(place)).exists():
            place = place.with_stem(self.read_json(redirect)["sha"])
        return str(place)

    def names(self, folder: str, suffix: str = "") -> list[str]:
        """Stored names directly below `folder`, sorted."""
        root = self.path(folder)
        entries = root.iterdir() if root.is_dir() else ()
        return sorted(
            f"{folder}/{entry.name}" for entry in entries if entry.name.endswith(suffix) and entry.name[0] != "."
        )

    def require(self, free_bytes: int, doing: str) -> None:
        """Raise DiskFull unless `free_bytes` and a reserve are free: asked before work starts, not after."""
        free = shutil.disk_usage(self.root).free
        if free < free_bytes + RESERVE_BYTES:
            raise DiskFull(
                f"{doing} needs {(free_bytes + RESERVE_BYTES) >> 20} MiB and {free >> 20} MiB are free in {self.root}",
                "Free some room or set VIBE_HOME to another disk",
            )

    def write(self, name: str, data: bytes) -> None:
        """Bytes under a name, atomically; replaces what was there."""
        with self._replacing(name) as temporary:
            temporary.write_bytes(data)

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """JSON for machines and eyes, atomically, with a checksum of what it says."""
        self.write(name, as_json(value))

    def read_json(self, name: str) -> dict[str, Any]:
        """The JSON object of that name; LedgerDamaged if it is not one."""
        try:
            value = json.loads(self.path(name).read_bytes())
        except (OSError, ValueError) as error:
            raise LedgerDamaged(f"{name} cannot be read: {error}", "Restore it from a backup") from error
        if not isinstance(value, dict):
            raise LedgerDamaged(f"{name} cannot be read: it is no JSON object", "Restore it from a backup")
        value.pop(CHECKSUM, None)
        return value

    def read_record(self, kind: type[T], name: str) -> T:
        """The record that was written as that JSON; LedgerDamaged where it is no such record."""
        try:
            return load(kind, self.read_json(name))
        except ValueError as error:
            what = f"{name} cannot be read: it is no {kind.__name__}"
            raise LedgerDamaged(what, "Restore it from a backup, or remove it to have it made again") from error

    def write_table(self, folder: str, table: pa.Table, row_group: int = ROW_GROUP) -> str:
        """A table as `folder/<sha>.parquet` (zstd); returns the sha. Same table, same sha."""
        with self.temporary(folder) as temporary:
            pq.write_table(_versioned(table), temporary, compression="zstd", row_group_size=row_group)
            sha = sha_of_file(temporary)
            self._publish(temporary, f"{folder}/{sha}.parquet")
        return sha

    def write_tables(self, folder: str, schema: pa.Schema, tables: Iterable[pa.Table], only: str | None = None) -> str:
        """The same of tables that follow each other, in the memory of one; wherever they are cut, the same sha."""
        with self.temporary(folder, only) as temporary:
            with pq.ParquetWriter(temporary, schema.with_metadata(_version()), compression="zstd") as writer:
                for table in _in_whole_groups(tables):
                    whole = table.combine_chunks()  # pages end where chunks do
                    writer.write_table(whole.replace_schema_metadata(_version()), row_group_size=ROW_GROUP)
            sha = sha_of_file(temporary)
            self._publish(temporary, f"{folder}/{sha}.parquet")
        return sha

    def supersede(self, name: str, table: pa.Table, row_group: int = ROW_GROUP) -> None:
        """Put a table in the place of a content-addressed one, which goes; whoever asks for the old sha finds it."""
        old = Path(name)
        sha = self.write_table(str(old.parent), table, row_group)
        if sha != old.stem:
            self.write_json(f"{REDIRECTS}/{old.stem}.json", {"schema_version": SCHEMA_VERSION, "sha": sha})
            self.remove(name)

    def remove(self, name: str, only: str | None = None) -> None:
        """A file or folder goes, if it is there, and stays gone through a power cut."""
        path = self.path(name)
        if path.is_dir():
            with self.temporary(str(Path(name).parent), only) as temporary:
                path.replace(temporary)  # a reader never sees half a folder
                shutil.rmtree(temporary)
        else:
            path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync(path.parent)

    def write_parquet(self, name: str, table: pa.Table) -> None:
        """A table under a name of its own, atomically; replaces what was there."""
        with self._replacing(name) as temporary:
            write_pages(table, temporary)

    def read_frame(self, name: str) -> pl.DataFrame:
        """The Parquet file of that name, which must exist."""
        path = self.existing(name)
        try:
            return pl.read_parquet(path, glob=False)
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:  # a damaged footer panics
            raise LedgerDamaged(f"{name} cannot be read: {_first_line(error)}", "Restore it from a backup") from error

    def write_folder(self, parent: str, fill: Callable[[Path], None]) -> str:
        """A folder filled by `fill`, published as `parent/<sha of its content>` in one rename; returns the sha."""
        with self.temporary(parent) as temporary:
            temporary.mkdir(mode=0o700)
            fill(temporary)
            sha = sha_of_folder(temporary)
            self._publish(temporary, f"{parent}/{sha}")
        return sha

    def write_folder_as(self, name: str, fill: Callable[[Path], None], only: str | None = None) -> None:
        """A folder filled by `fill` under a name of its own, in one rename; one that is there stays as it is."""
        with self.temporary(str(Path(name).parent), only) as temporary:
            temporary.mkdir(mode=0o700)
            fill(temporary)
            self._publish(temporary, name)

    def existing(self, name: str) -> Path:
        """The path of a name that must exist; LedgerDamaged if it does not."""
        path = self.path(self.current(name))
        if not path.exists():
            raise LedgerDamaged(f"{name} is missing in {self.root}", "Restore it from a backup")
        return path

    def existing_table(self, name: str) -> Path:
        """The path of a Parquet file that must exist; LedgerDamaged if it does not, or was cut off."""
        path = self.existing(name)
        with path.open("rb") as file:
            begins, size = file.read(len(PARQUET)), file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(PARQUET)))
            if (begins, file.read()) != (PARQUET, PARQUET):
                raise LedgerDamaged(f"{name} was cut off: {size:,} bytes are left", "Restore it from a backup")
        return path

    @contextmanager
    def temporary(self, folder: str, only: str | None = None) -> Iterator[Path]:
        """A hidden name in `folder`, for what is moved to its own when it is whole; what was not moved is gone.

        `only` (32 hex digits) names what one process makes at a time: what a killed one left of it goes first.
        """
        with _disk():
            parent = self.path(folder)
            make_folder(parent)
            temporary = parent / f".{only or uuid.uuid4().hex}"
            shutil.rmtree(temporary, ignore_errors=True)
            try:
                yield temporary
            finally:
                if temporary.is_dir():
                    shutil.rmtree(temporary, ignore_errors=True)
                else:
                    temporary.unlink(missing_ok=True)

    @contextmanager
    def lock(self, name: str, wait_s: float) -> Iterator[None]:
        """Hold `locks/<name>` alone on this machine; Busy after waiting so long. A killed holder lets go."""
        with self._acquiring(name, wait_s):
            lock = FileLock(self.path(f"locks/{name}"))
            lock.acquire(timeout=wait_s)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def shared(self, name: str, wait_s: float, *, alone: bool = False) -> Iterator[None]:
        """Hold `locks/<name>.db` together with others who share it, or `alone`: then none of them holds it."""
        with self._acquiring(name, wait_s):
            lock = ReadWriteLock(self.path(f"locks/{name}.db"))
            (lock.acquire_write if alone else lock.acquire_read)(timeout=wait_s)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _acquiring(self, name: str, wait_s: float) -> Iterator[None]:
        with _disk():
            make_folder(self.path("locks"))
            try:
                yield
            except Timeout as error:
                raise Busy(
                    f"another process has held {name} for {wait_s:.0f} s",
                    "Wait until it ends, or end it, and run again",
                ) from error

    @contextmanager
    def _replacing(self, name: str) -> Iterator[Path]:
        with self.temporary(str(Path(name).parent)) as temporary:
            yield temporary
            temporary.chmod(PRIVATE)
            sync(temporary)
            temporary.replace(self.path(name))
            sync(self.path(name).parent)

    def _publish(self, temporary: Path, name: str) -> None:
        """Move finished content to its name; content that is already there stays as it is."""
        destination = self.path(name)
        if destination.exists():
            return
        if temporary.is_file():
            temporary.chmod(PRIVATE)
        for path in (temporary, *temporary.rglob("*")) if temporary.is_dir() else (temporary,):
            sync(path)
        try:
            temporary.replace(destination)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return  # another process published the same folder since we looked
        sync(destination.parent)


def as_json(value: dict[str, Any]) -> bytes:
    """The bytes of a JSON file: the same value gives the same bytes, so that a changed one is seen."""
    known = json.loads(_dumped(value))  # what a reader gets: every key is a text
    return (_dumped({**known, CHECKSUM: key_of(known)}) + "\n").encode()


def write_pages(table: pa.Table, where: Any) -> None:
    """A table as Parquet, to a path or a stream; the same table gives the same bytes, however it was put together."""
    whole = table.combine_chunks().replace_schema_metadata({**_version(), **PAGES})
    pq.write_table(whole, where, compression="zstd", row_group_size=ROW_GROUP, write_page_checksum=True)


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


def _versioned(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata(_version())


def _in_whole_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, in tables that end where a row group ends: a row is found by its number."""
    left: list[pa.Table] = []
    for table in tables:
        left.append(table)
        rows = sum(map(len, left))
        if rows >= ROW_GROUP:
            joined = pa.concat_tables(left)
            whole = rows - rows % ROW_GROUP
            yield joined.slice(0, whole)
            left = [joined.slice(whole)]
    if left:
        yield pa.concat_tables(left)


def _version() -> dict[str, str]:
    return {"schema_version": str(SCHEMA_VERSION)}


def sql_list(paths: Iterable[Path]) -> str:
    """Files as a list in SQL for DuckDB's read_parquet, in which no character of a name is a pattern."""
    escaped = ("".join(f"[{it}]" if it in "[*?" else it for it in str(path)).replace("'", "''") for path in paths)
    return "[" + ", ".join(f"'{path}'" for path in escaped) + "]"


def quoted(path: Path) -> str:
    """A path as it stands between the quotes of SQL."""
    return str(path).replace("'", "''")


def size_of(paths: Iterable[Path]) -> int:
    """Bytes of files; one that went since it was listed has none."""
    size = 0
    for path in paths:
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


@contextmanager
def _disk() -> Iterator[None]:
    """Turn 'no space left' into a DiskFull that says what to do."""
    try:
        yield
    except Exception as error:
        name = getattr(error, "filename", None)
        if isinstance(error, OSError) and error.errno in READ_ONLY:
            what = f"{name} cannot be written: {error.strerror}"
            raise SettingsInvalid(what, "Set VIBE_HOME to a folder that you may write to") from error
        if not is_full(error):
            raise
        raise DiskFull(
            f"the disk is full: {name or 'a temporary file'} could not be written",
            "Free some room or set VIBE_HOME to another disk, and run the same command again",
        ) from error
