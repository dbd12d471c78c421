"""Watching a folder: what is created, modified, deleted and moved in it, each as one interaction with its diff.

What the system reports only says where to look: an operation is the difference between how a file was when it was last
looked at and how it is now. So the many events of one save are one operation, and what came while nobody listened is
found at the next look around, which is also the last thing that is done.

Not here: files of other programs (importers/). Hidden files, folders of NOISE, names that are no UTF-8 and
the log's own home are left alone.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.folders import NOISE
from vibe_pipeline.interactions.lines import SURROGATE
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction

TEXT_LIMIT = 1 << 16
"""Bytes. Larger files have no diff."""

TEXTS_LIMIT = 1 << 26
"""Bytes of all texts that are remembered for their diffs."""

DIFF_LIMIT = 20_000
"""Characters."""

QUIET_MS = 200
"""Without an event for so long, a save is over."""

LOOK_AROUND_MS = 30_000

NEVER_BEGAN = "Error creating"
LIMITS = ("watch limit reached", "os error 24", "os error 28")
FEWER = "Name a folder with fewer files in it, or raise the system's limits (fs.inotify)"
"""What watchfiles says where it cannot begin, and where that is because too much is watched."""


@dataclass(frozen=True, slots=True)
class State:
    """A file as it was seen; `text` is None where it is not kept."""

    identity: tuple[int, int]
    size: int
    changed_ns: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """What happened to one file; paths are relative to the folder."""

    action: str
    path: str
    before: State | None = None
    after: State | None = None
    moved_from: str | None = None


def watch(folder: Path, logger: InteractionLogger, stop: Event) -> Iterator[int]:
    """Log what happens in the folder until `stop` is set; yields how many files there are, then each number logged."""
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise SourceUnreadable(f"{folder} is no folder", "Name one")
    if folder.is_relative_to(logger.home.resolve()):
        raise SourceUnreadable(
            f"{folder} lies in the home of the log, which is never watched", "Name one outside of it"
        )
    watched = Folder(folder, logger.home)
    yield len(watched.states)
    try:
        for places in _places(folder, stop):
            yield _log(logger, folder, watched.look(places))
    finally:
        last = _log(logger, folder, watched.look([folder]))
    yield last


def _places(folder: Path, stop: Event) -> Iterator[list[Path]]:
    """Where to look whenever something happened or nothing did for long; where the report itself failed, everywhere."""
    import watchfiles

    while not stop.is_set():
        try:
            for events in watchfiles.watch(
                folder,
                watch_filter=None,
                step=QUIET_MS,
                stop_event=stop,
                rust_timeout=LOOK_AROUND_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                yield [Path(path) for _, path in events]
            return
        except (OSError, RuntimeError, UnicodeError) as error:
            if not isinstance(error, RuntimeError) or str(error).startswith(NEVER_BEGAN):
                remedy = FEWER if any(it in str(error) for it in LIMITS) else "Check that it is there and its name"
                raise SourceUnreadable(f"{folder} cannot be watched: {error}", remedy) from error
        stop.wait(QUIET_MS / 1000)  # a name that is no UTF-8 ends a report, and may be written to all the time
        yield [folder]


class Folder:
    """The files of a folder as they were when they were last looked at."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home.resolve()
        self.kept = 0
        self.states: dict[str, State] = {}
        self.look([root])

    def look(self, paths: Iterable[Path]) -> list[Operation]:
        """What has happened to these files and to all below these folders since the last look."""
        places = {path.relative_to(self.root).as_posix() for path in paths} or {"."}
        before = self._known(places)
        after = dict(self._seen(places))
        hidden = ((name, _state(self.root / name, state)) for name, state in before.items() if name not in after)
        after |= {name: state for name, state in hidden if state}  # in a folder that may not be read now
        for name in before:
            self._forget(name)
        for name, state in after.items():
            self._remember(name, state)
        return _operations(before, {name: self.states[name] for name in after})

    def _known(self, places: set[str]) -> dict[str, State]:
        if "." in places:
            return dict(self.states)
        files = {name: self.states[name] for name in places & self.states.keys()}
        folders = tuple(f"{place}/" for place in places - files.keys())
        return files | {name: state for name, state in self.states.items() if folders and name.startswith(folders)}

    def _seen(self, places: set[str]) -> Iterator[tuple[str, State]]:
        for place in places:
            path = self.root / place
            found = self._walk(path) if _is_folder(path) else [path]
            for file in found:
                name = file.relative_to(self.root).as_posix()
                if not self._is_noise(file) and (state := _state(file, self.states.get(name))):
                    yield name, state

    def _walk(self, path: Path) -> Iterator[Path]:
        for folder, below, names in os.walk(path):
            below[:] = [name for name in below if not self._is_noise(Path(folder) / name)]
            yield from (Path(folder) / name for name in names)

    def _is_noise(self, path: Path) -> bool:
        parts = path.relative_to(self.root).parts
        is_hidden = any(part in NOISE or part.startswith(".") or part.endswith("~") for part in parts)
        return is_hidden or path.is_relative_to(self.home) or SURROGATE.search(str(path)) is not None

    def _remember(self, name: str, state: State) -> None:
        size = len(state.text or "")
        if self.kept + size > TEXTS_LIMIT:
            state, size = State(state.identity, state.size, state.changed_ns, None), 0
        self.states[name] = state
        self.kept += size

    def _forget(self, name: str) -> None:
        self.kept -= len(self.states.pop(name).text or "")


def _is_folder(path: Path) -> bool:
    with suppress(OSError):
        return stat.S_ISDIR(path.lstat().st_mode)
    return False


def _state(path: Path, known: State | None) -> State | None:
    """None where there is no ordinary file; what may not be read now is as it was."""
    try:
        seen = path.lstat()
        if not stat.S_ISREG(seen.st_mode):
            return None
        identity = (seen.st_dev, seen.st_ino)
        if known and (known.identity, known.size, known.changed_ns) == (identity, seen.st_size, seen.st_mtime_ns):
            return known
        data = path.read_bytes() if seen.st_size <= TEXT_LIMIT else b"\0"
    except PermissionError:
        return known
    except OSError:
        return None  # gone meanwhile
    try:
        text = None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        text = None
    return State(identity, seen.st_size, seen.st_mtime_ns, text)


def _operations(before: dict[str, State], after: dict[str, State]) -> list[Operation]:
    # With the time: a system gives the number of a deleted file to the next that is created. Links share theirs.
    gone = defaultdict[tuple[tuple[int, int], int], list[str]](list)
    for name in sorted(before.keys() - after.keys(), reverse=True):
        gone[before[name].identity, before[name].changed_ns].append(name)
    found: list[Operation] = []
    for name, state in after.items():
        known = before.get(name)
        if known is None and (sources := gone.get((state.identity, state.changed_ns))):
            source = sources.pop()
            found.append(Operation("moved", name, before[source], state, source))
        elif known is None:
            found.append(Operation("created", name, None, state))
        elif known is not state and not _is_same(known, state):
            found.append(Operation("modified", name, known, state))
    found += [Operation("deleted", name, before[name]) for names in gone.values() for name in names]
    return sorted(found, key=lambda it: it.path)


def _is_same(before: State, after: State) -> bool:
    """Whether it was only touched; of a file without a kept text nobody can tell."""
    return before.text is not None and before.text == after.text


def _log(logger: InteractionLogger, folder: Path, operations: Sequence[Operation]) -> int:
    now = datetime.now(UTC)
    logger.log_many(_interaction(it, folder, now) for it in operations)
    return len(operations)


def _interaction(operation: Operation, folder: Path, now: datetime) -> Interaction:
    sizes = {"size_before": operation.before, "size": operation.after}
    extra: dict[str, Any] = {name: state.size for name, state in sizes.items() if state}
    return Interaction(
        interaction_id=uuid4().hex,
        conversation_id=key_of(["files", str(folder), operation.moved_from or operation.path]),
        turn=0,
        occurred_at=now,
        module="files",
        action=operation.action,
        input=f"{operation.moved_from} -> {operation.path}" if operation.moved_from else operation.path,
        output=_diff(operation),
        success=True,
        source="watch",
        extra={"path": operation.path, **extra}
        | ({"moved_from": operation.moved_from} if operation.moved_from else {}),
    )


def _diff(operation: Operation) -> str:
    """A unified diff that is cut where it is long; nothing where a side is not text."""
    before, after = (state.text if state else "" for state in (operation.before, operation.after))
    if before is None or after is None:
        return ""
    names = operation.moved_from or operation.path, operation.path
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    size = 0
    kept: list[str] = []
    for line in lines:
        if size + len(line) > DIFF_LIMIT:
            return "\n".join([*kept, f"[cut here: {1 + sum(1 for _ in lines)} more lines]"])
        size += len(line) + 1
        kept.append(line)
    return "\n".join(kept)
