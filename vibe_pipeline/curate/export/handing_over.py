"""A folder for others: it appears whole or not at all, outside the home, with the rights its owner gives new files.

One that is there, and empty, stays the same folder, with its rights: the files are moved into it, the dataset card
last. What lies there already is never overwritten: the same again is found to be the same, anything else is refused.
The work is done in a hidden folder of a fixed name, so that what a killed export left of it goes with the next one. Not
here: what is in it (writing.py), and the home's own files, which are private (store.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vibe_pipeline.durable import sync
from vibe_pipeline.errors import Busy, SettingsInvalid, full_disk
from vibe_pipeline.fingerprint import sha_of_file

CARD = "README.md"

WORK = ".vibe-export"
"""In a folder that is there, else with its name before it beside the one to come: a rename must not cross disks."""

ELSEWHERE = "Name another folder with --out"


def require_ours(folder: Path) -> None:
    """SettingsInvalid, before any work, where something is in the way that no export can have left."""
    with _in_words(folder):
        folder.resolve()
        if folder.exists() and not folder.is_dir():
            raise SettingsInvalid(f"{folder} is a file", ELSEWHERE)
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names and not names & {CARD, WORK}:
        raise SettingsInvalid(f"{folder} is not empty", ELSEWHERE)


@contextmanager
def handed_over(folder: Path) -> Iterator[Path]:
    """A folder to write to, whose files are handed over when the block is done, and are gone if it is not."""
    with _in_words(folder):
        place = folder.resolve()
    beside, inside = place.with_name(f".{place.name}{WORK}"), place / WORK
    try:
        with full_disk(f"{folder} could not be written", "Free some room, or name another folder with --out"):
            place.parent.mkdir(parents=True, exist_ok=True)
            with ExitStack() as held:
                if beside.exists() or not place.is_dir():
                    made = held.enter_context(_alone(beside, folder))
                if place.is_dir():
                    made = held.enter_context(_alone(inside, folder))
                yield made
                _publish(made, place, folder)
    except OSError as error:
        raise SettingsInvalid(f"{folder} cannot be written: {error.strerror or error}", ELSEWHERE) from error


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """SettingsInvalid for a name that can be none: too long, a link that leads to itself."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsInvalid(f"{folder} cannot be written: {reason}", ELSEWHERE) from error


@contextmanager
def _alone(work: Path, folder: Path) -> Iterator[Path]:
    """An empty folder in this hidden one, which is gone afterwards; Busy while another process has it."""
    work.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(work / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Busy(f"another process is exporting to {folder}", "Wait until it ends, or name another folder") from error
    try:
        made = work / "made"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        yield made
    finally:
        shutil.rmtree(work, ignore_errors=True)
        lock.release()


def _publish(made: Path, place: Path, folder: Path) -> None:
    """Move what was made to its place; in a folder that is there, what a killed export moved before is found done."""
    there = [path for path in place.iterdir() if path.name != WORK] if place.is_dir() else []
    if any(not _is_same(path, made / path.name) for path in there):
        raise SettingsInvalid(f"{folder} is not empty, and holds something else", ELSEWHERE)
    for path in (*made.iterdir(), made):
        sync(path)
    if not place.is_dir():
        made.replace(place)
        return sync(place.parent)
    for path in sorted(made.iterdir(), key=lambda it: it.name == CARD):
        if path.name == CARD:
            sync(place)
        path.replace(place / path.name)
    sync(place)


def _is_same(path: Path, other: Path) -> bool:
    return path.is_file() and other.is_file() and sha_of_file(path) == sha_of_file(other)
