"""Where an import puts what is too long for memory: temporary files without a name.

Not here: anything that outlives the import.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from tempfile import SpooledTemporaryFile
from typing import IO

from vibe_pipeline.errors import full_disk

IN_MEMORY = 16 << 20
"""Bytes; what is longer goes to the disk."""


def temporary() -> IO[bytes]:
    """Room for bytes; it goes when it is closed or forgotten."""
    return SpooledTemporaryFile(max_size=IN_MEMORY)


def room(doing: str) -> AbstractContextManager[None]:
    """Says in words that there is no room for them."""
    remedy = "Free some room or set TMPDIR to another disk, and import again"
    return full_disk(f"{doing} needs a temporary file", remedy)
