"""Folders and files that outlive a power cut. Cheap to import on purpose: every program that logs needs it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_LASTING: set[Path] = set()
"""Folders that are on the disk: this process has seen to it."""

WITHOUT = (errno.EACCES, errno.EBADF, errno.EINVAL)
"""What file systems say that cannot put a folder's entries on the disk."""


def make_folder(folder: Path) -> None:
    """Create a private folder with its parents, each entry on the disk before anything is put into it. Another
    process may have made it a moment ago and died before that."""
    if folder in _LASTING and folder.is_dir():
        return
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        sync(folder.parent)
    except OSError as error:
        if error.errno not in WITHOUT:
            raise
    _LASTING.add(folder)


def sync(path: Path) -> None:
    """Put a file's content, or a folder's entries, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
