"""A folder for others: it appears whole or not at all, outside the home, with the rights its owner gives new files.

What lies there already is never overwritten: the same again is found to be the same, anything else is refused. Not
here: what is in it (writing.py), and the home's own files, which are private (store.py).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vibe_pipeline.durable import sync
from vibe_pipeline.errors import SettingsInvalid, full_disk
from vibe_pipeline.fingerprint import sha_of_folder

CARD = "README.md"

ELSEWHERE = "Name another folder with --out"


def require_ours(folder: Path) -> None:
    """SettingsInvalid, before any work, where something is in the way that no export can have left."""
    if folder.exists() and not folder.is_dir():
        raise SettingsInvalid(f"{folder} is a file", ELSEWHERE)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CARD).exists():
        raise SettingsInvalid(f"{folder} is not empty", ELSEWHERE)


@contextmanager
def handed_over(folder: Path) -> Iterator[Path]:
    """A hidden folder beside it, which takes its place when the block is done, and is gone if it is not."""
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        with full_disk(f"{folder} could not be written", "Free some room, or name another folder with --out"):
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
            yield temporary
            _publish(temporary, folder)
    except OSError as error:
        raise SettingsInvalid(f"{folder} cannot be written: {error.strerror or error}", ELSEWHERE) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _publish(temporary: Path, folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        if sha_of_folder(folder) == sha_of_folder(temporary):
            return
        raise SettingsInvalid(f"{folder} is not empty, and holds something else", ELSEWHERE)
    for path in (*temporary.iterdir(), temporary):
        sync(path)
    temporary.replace(folder)
    sync(folder.parent)
