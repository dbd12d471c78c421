"""The worker: reads requests, forks a process for each snippet, and answers with what came of it.

A program of its own, started by this file's path with a line of settings on its input, then a line a request (JSON).
Python is started once, and what snippets share is entered once; a snippet costs a few forks: the worker forks a
keeper, which forks the snippet. What is imported in this folder is in the snippet's memory too: the standard library
alone, and no module with submodules that a snippet would have to import for itself.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from typing import Any

OURS = ("filters", "keeper", "linux", "namespaces", "readable", "snippet", "wants")
sys.path.insert(0, os.path.dirname(__file__))
import keeper  # noqa: E402
import readable  # noqa: E402
import snippet  # noqa: E402
import wants  # noqa: E402

if sys.platform == "linux":
    import linux
    import namespaces

del sys.path[0]
for name in OURS:
    sys.modules.pop(name, None)

Request = dict[str, Any]


def serve() -> Request | None:
    """Answer requests until the input ends; what it gives is for the process that is to become that snippet."""
    settings = json.loads(_line())
    if settings["search_path"]:
        sys.path.insert(0, settings["search_path"])
        os.environ["PYTHONPATH"] = settings["search_path"]
    if settings["mode"] == "namespaces":
        try:
            namespaces.enter(settings["hidden"], "elsewhere" if settings["elsewhere"] else "localhost")
        except OSError as error:
            _answer({"failed": str(error)})
            return None
    elif sys.platform == "linux":
        settings |= {"readable": readable.without(settings["hidden"]), "listed": readable.folders()}
    gc.freeze()  # or each snippet would copy all that is in memory when it ends: 3 ms
    _answer({})
    while line := _line():
        process = os.fork()
        if process == 0:
            return _start(settings | json.loads(line))
        _, status = os.waitpid(process, 0)
        if status:  # the keeper was killed, by the system's want of memory or by the snippet
            nothing = {"stdout": "", "stderr": "", "seconds": 0.0, "memory_bytes": 0, "missed": False}
            _answer({"status": -status, "reason": None, **nothing})
    return None


def _line() -> bytes:
    """Read below sys.stdin, which is the snippet's."""
    line = b""
    while not line.endswith(b"\n") and (more := os.read(0, 1 << 16)):
        line += more
    return line


def _answer(answer: dict[str, Any]) -> None:
    left = json.dumps(answer).encode() + b"\n"
    while left:
        left = left[os.write(1, left) :]


def _start(request: Request) -> Request:
    """Become the keeper, and fork the snippet; returns in the snippet alone."""
    try:
        folder = _enter(request)
        wakes = keeper.waking()
        failed, fails = os.pipe()
        outputs = [os.pipe(), os.pipe(), os.pipe()]
        process = os.fork()
        if process == 0:
            return _shut_in(request, folder, [write for _, write in outputs], fails)
        for descriptor in (fails, *(write for _, write in outputs)):
            os.close(descriptor)
        failure = os.read(failed, 1000).decode()
        answer = keeper.keep(process, [read for read, _ in outputs], wakes, request)
        _remove(folder)
        _answer({"failed": failure} if failure else answer)
    except OSError as error:
        _answer({"failed": str(error)})
    os._exit(0)


def _enter(request: Request) -> str:
    """The snippet's folder; with namespaces, this process becomes the init of one."""
    _die_with_parent()
    if request["mode"] == "namespaces":
        namespaces.leave_processes_behind()
        if init := os.fork():
            os._exit(os.waitpid(init, 0)[1] != 0)
        _die_with_parent()
        namespaces.furnish(request["disk_bytes"])
        return namespaces.FOLDER
    folder = f"{request['temporary']}/vibe-snippet-{os.getpid()}-{time.monotonic_ns()}"
    os.mkdir(folder, 0o700)
    if request["mode"] == "user":
        os.chown(folder, namespaces.NOBODY, namespaces.NOBODY)
    return folder


def _die_with_parent() -> None:
    if sys.platform == "linux":
        linux.control(linux.SET_PDEATHSIG, signal.SIGKILL)
        linux.control(linux.SET_SUBREAPER, 1)


def _shut_in(request: Request, folder: str, outputs: list[int], fails: int) -> Request:
    try:
        snippet.shut_in(request, folder, outputs)
    except OSError as error:
        os.write(fails, str(error).encode())
        os._exit(1)
    os.closerange(wants.PIPE + 1, os.sysconf("SC_OPEN_MAX"))
    return request


def _remove(folder: str) -> None:
    if sys.platform != "linux" or folder != namespaces.FOLDER:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__" and (request := serve()):
    snippet.become(request["code"], elsewhere=request["elsewhere"])
