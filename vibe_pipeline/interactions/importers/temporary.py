"""Where an import puts what is too long for memory: temporary files without a name.

Not here: anything that outlives the import.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from vibe_pipeline.errors import DiskFull

IN_MEMORY = 16 << 20
"""Bytes; what is longer goes to the disk."""

FULL = (errno.ENOSPC, errno.EDQUOT)


def temporary() -> IO[bytes]:
    """Room for bytes; it goes when it is closed or forgotten."""
    return SpooledTemporaryFile(max_size=IN_MEMORY)


@contextmanager
def room(doing: str) -> Iterator[None]:
    """A full disk in words."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        remedy = "Free some room or set TMPDIR to another disk, and import again"
        raise DiskFull(f"the disk is full: {doing} needs a temporary file", remedy) from error
