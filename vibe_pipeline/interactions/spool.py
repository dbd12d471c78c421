"""A crash-safe, append-only file of one process: what `append` returned for survives a kill and, unless the spool was
told to sync less often, a power cut.

Not here: what the lines mean. A sealer takes a spool away by renaming it under the lock that writers take for
each append; the writer then sees that its name has gone and opens a new file. So a long seal never holds up
anybody who logs, and no line is written to a file that has already been read.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vibe_pipeline.durable import make_folder, sync
from vibe_pipeline.errors import SettingsInvalid, full_disk

_alive: weakref.WeakSet[Spool] = weakref.WeakSet()

weakref.finalize(_alive, int).atexit = False
"""The first finalizer imports what is gone in the interpreter's exit, where a program may log for the first time."""

UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ELOOP)
"""What the system says of a folder in which nothing can be made."""


class Spool:
    """Appends lines to `folder/<uuid>.jsonl`; safe to share between threads, and a fork gets its own file.

    A signal handler or `__del__` may append while its own thread is in here: it gets a file of its own, because waiting
    would be for ever and the other file may end in half a line.
    """

    def __init__(self, folder: Path, *, sync_every_s: float = 0.0) -> None:
        """With `sync_every_s` a line may reach the disk later: a killed process loses none, a power cut some."""
        self.folder = folder
        self._files = [_File(folder, sync_every_s)]
        self._sync_every_s = sync_every_s
        self._lock, self._depth = threading.RLock(), 0
        _alive.add(self)

    def append(self, lines: Iterable[bytes]) -> None:
        """Write all lines and return once they are on the disk; DiskFull leaves the file as it was.

        SettingsInvalid where the folder cannot be one, or may not be written.
        """
        data = b"".join(line + b"\n" for line in lines)
        if not data:
            return
        what = f"nothing was logged to {self.folder}, and what was logged before is safe"
        remedy = "Free some room or set VIBE_HOME to another disk, and log it again"
        with full_disk(what, remedy):
            self._alone(lambda free: free[0].append(data))

    def close(self) -> None:
        """Put the last lines on the disk and give the descriptors back; a later append opens a new file."""
        self._alone(_close)

    def _alone(self, act: Callable[[list[_File]], None]) -> None:
        """With the files that no call of this thread is in the middle of, one at least; other threads wait."""
        with self._lock:
            depth = self._depth
            if depth == len(self._files):
                self._files.append(_File(self.folder, self._sync_every_s))
            try:
                self._depth = depth + 1
                act(self._files[depth:])
            finally:
                self._depth = depth

    def _begin_anew(self) -> None:
        """A child must neither write to its parent's files nor wait for a lock that a thread of the parent held."""
        self._lock, self._depth = threading.RLock(), 0
        for file in self._files:
            file.forget()


class _File:
    """One file of a spool, for one caller at a time; whoever drops it gives its descriptor back."""

    def __init__(self, folder: Path, sync_every_s: float) -> None:
        self._folder = folder
        self._sync_every_s = sync_every_s
        self._synced_at = -math.inf
        self._path: Path | None = None
        self._descriptor = -1
        self._dropped: weakref.finalize | None = None
        self._size = 0

    def append(self, data: bytes) -> None:
        with self._opened() as descriptor:
            try:
                _write(descriptor, data)
                self._sync(descriptor)
            except BaseException:
                # Half a line must not stay: the next append would be glued to it.
                with suppress(OSError):
                    os.ftruncate(descriptor, self._size)
                raise
            self._size += len(data)

    def close(self) -> None:
        if self._path is not None:
            os.fsync(self._descriptor)
        self.forget()

    def forget(self) -> None:
        """Give the descriptor back. The name goes first: an interrupt in here must leave no number of a closed one."""
        self._path = None
        if self._dropped is not None and self._dropped.detach():
            os.close(self._descriptor)

    def _sync(self, descriptor: int) -> None:
        now = time.monotonic()
        if now - self._synced_at >= self._sync_every_s:
            os.fsync(descriptor)
            self._synced_at = now

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The locked descriptor of a file that no sealer has taken."""
        try:
            while not self._is_ours():
                self.forget()
                self._open()
            yield self._descriptor
        finally:
            if self._path is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _is_ours(self) -> bool:
        """Lock the file, then look whether its name still leads to it and mend what a failed append left."""
        if self._path is None:
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        seen = os.fstat(self._descriptor)
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        if (named.st_dev, named.st_ino) != (seen.st_dev, seen.st_ino):
            return False
        if seen.st_size != self._size:
            os.ftruncate(self._descriptor, self._size)
        return True

    def _open(self) -> None:
        path = self._folder / f"{uuid.uuid4().hex}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            make_folder(self._folder)
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            if error.errno not in UNUSABLE:
                raise
            what = f"nothing can be logged to {self._folder}: {error.strerror}"
            raise SettingsInvalid(what, "Set VIBE_HOME to a folder that you may write to") from error
        self._dropped = weakref.finalize(self, _drop, self._descriptor)
        self._dropped.atexit = False  # others may log later in the exit than it would run
        self._path, self._size = path, 0
        sync(self._folder)


def take(spool: Path, destination: Path) -> None:
    """Move a spool away from its writer, never in the middle of a line."""
    descriptor = os.open(spool, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        spool.rename(destination)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _close(files: list[_File]) -> None:
    for file in files:
        file.close()


def _drop(descriptor: int) -> None:
    """Of a file that nobody closed: its last lines reach the disk as with `close`."""
    with suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)


def _after_fork() -> None:
    for spool in list(_alive):
        spool._begin_anew()


os.register_at_fork(after_in_child=_after_fork)
