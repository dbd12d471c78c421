"""The processes that run snippets: started when needed, asked one snippet at a time, kept for the next.

Starting Python and moving it to a root folder of its own takes ten times as long as forking it, so callers on
several threads each get a worker, and the next snippet finds it ready. Not here: what a worker does (inside/).
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Self

from vibe_pipeline.errors import SandboxUnavailable
from vibe_pipeline.sandbox.limits import Limits
from vibe_pipeline.sandbox.seeds import ELSEWHERE, HASH_SEED
from vibe_pipeline.settings import home

Mode = Literal["namespaces", "user", "limits", "time"]
"""Shut in by namespaces; as another user, which root can become; under limits alone; where there is no fork."""
PROGRAM = Path(__file__).parent / "inside" / "worker.py"
GRACE_SECONDS = 10.0
"""After a snippet's time is over, for the worker to say so; then the worker is killed, and all with it."""
MOST_IDLE = 32
"""Of two threads under sixteen hash seeds: 6 MB each, and as many as were needed."""

ENVIRONMENT_ELSEWHERE = {
    "TZ": "ELSE-5:45",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "PYTHON_CPU_COUNT": "3",
}
"""What is another where a snippet is looked at from another place; the rest is in inside/."""


class Worker:
    """One process that runs snippets with `search_path` before the installed packages; may be SandboxUnavailable."""

    def __init__(self, mode: Mode, search_path: str | None, hash_seed: str = HASH_SEED) -> None:
        self.place = _place(mode, search_path, hash_seed)
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", str(PROGRAM)],
            cwd="/",
            env=environment(hash_seed),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            places = {"hidden": [str(home())], "temporary": os.path.realpath(tempfile.gettempdir())}
            told = {"mode": mode, "search_path": search_path, "elsewhere": hash_seed == ELSEWHERE}
            self._exchange(told | places, GRACE_SECONDS)
            self.idle_seconds = float(self.ask("", Limits())["seconds"])
        except BaseException:
            self.close()
            raise

    def ask(self, code: str, limits: Limits) -> dict[str, Any]:
        """What came of the snippet, as the worker says it; SandboxUnavailable where it could not be run."""
        return self._exchange({"code": code, **asdict(limits)}, limits.seconds + GRACE_SECONDS)

    def _exchange(self, said: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        guard = threading.Timer(seconds, self._process.kill)
        guard.start()
        try:
            self._process.stdin.write(json.dumps(said).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            guard.cancel()
        answer = json.loads(line) if line.endswith(b"\n") else {"failed": "the worker ended"}
        if "failed" in answer:
            what = f"a snippet cannot be run in a process of its own: {answer['failed']}"
            raise SandboxUnavailable(what, "Correct what it names, or run the command again")
        return dict(answer)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                assert stream is not None
                stream.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_idle: list[Worker] = []
_lock = threading.Lock()


@contextlib.contextmanager
def worker(mode: Mode, search_path: str | None, hash_seed: str) -> Iterator[Worker]:
    """An idle worker for that place or a new one; it is kept for the next unless it failed."""
    place = _place(mode, search_path, hash_seed)
    with _lock:
        fitting = [idle for idle in _idle if idle.place == place]
        if fitting:
            _idle.remove(fitting[-1])
    found = fitting[-1] if fitting else Worker(mode, search_path, hash_seed)
    try:
        yield found
    except BaseException:
        found.close()
        raise
    with _lock:
        _idle.append(found)
        surplus = _idle.pop(0) if len(_idle) > MOST_IDLE else None
    if surplus is not None:
        surplus.close()


@atexit.register
def _close_all() -> None:
    with _lock:
        for idle in _idle:
            if idle.place[0] == os.getpid():
                idle.close()
        _idle.clear()


def _place(mode: Mode, search_path: str | None, hash_seed: str) -> tuple[Any, ...]:
    """What a worker saw when it started. Workers that came along with a fork of this process are not ours."""
    is_there = search_path and os.path.isdir(search_path)  # noqa: PTH112
    entries = sorted((entry.name, entry.inode()) for entry in os.scandir(search_path)) if is_there else []
    return os.getpid(), mode, home(), hash_seed, search_path, tuple(entries)


def environment(hash_seed: str) -> dict[str, str]:
    """Nothing of the user's: a fixed hash seed makes sets print alike, a plain terminal keeps colours out."""
    usual = {
        "PYTHONHASHSEED": hash_seed,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
        "PATH": os.defpath,
    }
    return usual | ENVIRONMENT_ELSEWHERE if hash_seed == ELSEWHERE else usual
