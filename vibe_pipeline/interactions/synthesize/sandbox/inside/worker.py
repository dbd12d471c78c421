"""The worker: reads requests, forks a process for each snippet, shuts it in, and answers with what came of it.

A program of its own, started by this file's path with a line of settings on its input, then a line a request (JSON).
Python is started once, and what snippets share is entered once; a snippet costs a few forks. The worker forks a
keeper (in a process namespace it is the init), which forks the snippet, takes down what it prints, ends it at its
limits, and answers when nothing that it started is alive. What is imported here is in the snippet's memory too:
only modules without submodules that a snippet would have to import for itself.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from types import CodeType, ModuleType
from typing import Any

FILE = "snippet.py"
TICK = 0.05
"""Seconds between two looks at the memory of all processes together."""

Request = dict[str, Any]
IS_LINUX = sys.platform == "linux"
if IS_LINUX:
    sys.path.insert(0, os.path.dirname(__file__))
    import namespaces

    del sys.path[0], sys.modules["namespaces"]


def serve() -> Request | None:
    """Answer requests until the input ends; what it gives is for the process that is to become that snippet."""
    settings = json.loads(_line())
    if settings["search_path"]:
        sys.path.insert(0, settings["search_path"])
        os.environ["PYTHONPATH"] = settings["search_path"]
    if settings["mode"] == "namespaces":
        try:
            namespaces.enter(settings["hidden"])
        except OSError as error:
            return _answer({"failed": str(error)})
    gc.freeze()  # or every snippet would copy all that is in memory when it ends, 4 ms
    _answer({})
    while line := _line():
        process = os.fork()
        if process == 0:
            return _start(settings | json.loads(line))
        _, status = os.waitpid(process, 0)
        if status:
            _answer({"failed": f"the keeper of a snippet ended with status {status}"})
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
    """Fork keeper and snippet; returns in the snippet alone."""
    try:
        if IS_LINUX:
            namespaces.control(namespaces.SET_PDEATHSIG, signal.SIGKILL)
        if request["mode"] == "namespaces":
            namespaces.leave_processes_behind()
            if init := os.fork():
                os._exit(os.waitpid(init, 0)[1] != 0)
            namespaces.control(namespaces.SET_PDEATHSIG, signal.SIGKILL)
            namespaces.furnish(request["disk_bytes"])
            folder = namespaces.FOLDER
        else:
            folder = _folder(request)
            if IS_LINUX:
                namespaces.control(namespaces.SET_SUBREAPER, 1)
        wakes = _waking()
        failed, fails = os.pipe()
        outputs = [os.pipe(), os.pipe()]
        snippet = os.fork()
        if snippet == 0:
            return _shut_in(request, folder, [write for _, write in outputs], fails)
        for descriptor in (fails, *(write for _, write in outputs)):
            os.close(descriptor)
        if failure := os.read(failed, 1000):
            _answer({"failed": failure.decode()})
        else:
            _answer(_keep(snippet, [read for read, _ in outputs], wakes, request))
        _remove(folder)
    except OSError as error:
        _answer({"failed": str(error)})
    os._exit(0)


def _folder(request: Request) -> str:
    folder = f"{request['temporary']}/vibe-snippet-{os.getpid()}-{time.monotonic_ns()}"
    os.mkdir(folder, 0o700)
    if request["mode"] == "user":
        os.chown(folder, namespaces.NOBODY, namespaces.NOBODY)
    return folder


def _remove(folder: str) -> None:
    if not IS_LINUX or folder != namespaces.FOLDER:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def _waking() -> int:
    """Readable when a child has ended."""
    wakes, wakened = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(wakened, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
    return wakes


def _keep(snippet: int, outputs: list[int], wakes: int, request: Request) -> dict[str, Any]:
    """Take down what the snippet prints until it or its time, memory or output ends; then end all that is left."""
    limit = request["output_bytes"]
    printed = {output: b"" for output in outputs}
    open_outputs, status, reason = set(outputs), None, None
    deadline = time.monotonic() + request["seconds"]
    while status is None and reason is None:
        left = deadline - time.monotonic()
        ready, _, _ = select.select([*open_outputs, wakes], [], [], max(0.0, min(TICK, left)))
        for output in open_outputs.intersection(ready):
            printed[output] += (more := os.read(output, 1 << 16))
            if not more:
                open_outputs.remove(output)
        if wakes in ready:
            os.read(wakes, 1 << 16)
            status = _reaped(snippet)
        elif left <= 0:
            reason = "Timeout"
        elif not ready and _resident_bytes() > request["memory_bytes"]:
            reason = "MemoryError"
        if any(len(text) > limit for text in printed.values()):
            reason = "Output"
    _end_all(snippet)
    for output in open_outputs:
        while len(printed[output]) <= limit and (more := os.read(output, 1 << 16)):
            printed[output] += more
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    stdout, stderr = (text.decode("utf-8", "replace") for text in printed.values())
    return {
        "status": status,
        "reason": "Output" if any(len(text) > limit for text in printed.values()) else reason,
        "stdout": stdout,
        "stderr": stderr,
        "seconds": used.ru_utime + used.ru_stime,
        "memory_bytes": used.ru_maxrss * (1024 if IS_LINUX else 1),
    }


def _reaped(snippet: int) -> int | None:
    """The exit status of the snippet (negative: a signal), if it was among those that ended."""
    status = None
    try:
        while True:
            process, ended = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return status
            if process == snippet:
                status = os.waitstatus_to_exitcode(ended)
    except ChildProcessError:
        return status


def _resident_bytes() -> int:
    """Of all processes but the keeper, where only a snippet's are in sight."""
    if os.getpid() != 1:
        return 0
    pages = 0
    for process in os.listdir("/proc"):
        if process.isdigit() and process != "1":
            try:
                with open(f"/proc/{process}/statm") as file:
                    pages += int(file.read().split()[1])
            except OSError:
                continue
    return pages * resource.getpagesize()


def _end_all(snippet: int) -> None:
    """Kill and reap the snippet, its children, and those that they left behind."""
    if os.getpid() == 1:  # an init: -1 is everything in its namespace, and never anything outside
        _kill(os.kill, -1)
    else:
        _kill(os.killpg, snippet)
    while True:
        for child in _children():
            _kill(os.kill, child)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill(kill: Any, process: int) -> None:
    try:
        kill(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _children() -> list[int]:
    """Those left by processes that ended come down to us, the subreaper."""
    try:
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def _shut_in(request: Request, folder: str, outputs: list[int], fails: int) -> Request:
    """Give up what the snippet shall not have; it gets a folder, three streams and its limits."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for number, opened in enumerate([os.open(os.devnull, os.O_RDONLY), *outputs]):
            os.dup2(opened, number)
        os.umask(0o077)
        os.chdir(folder)
        os.environ |= {"HOME": folder, "TMPDIR": folder}
        processes = request["processes"] + _processes_of_our_user(request["mode"])
        if request["mode"] != "limits":
            namespaces.drop_rights()
        if IS_LINUX:
            namespaces.control(namespaces.SET_DUMPABLE, 1)
            namespaces.control(namespaces.SET_NO_NEW_PRIVS, 1)
        with open(FILE, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(request["code"])
        _limit("RLIMIT_CORE", 0)
        _limit("RLIMIT_CPU", int(request["seconds"]) + 1)
        _limit("RLIMIT_AS", request["memory_bytes"])
        _limit("RLIMIT_FSIZE", request["file_bytes"])
        _limit("RLIMIT_NOFILE", 256)
        _limit("RLIMIT_NPROC", processes)
    except OSError as error:
        os.write(fails, str(error).encode())
        os._exit(1)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    return request


def _limit(name: str, most: int) -> None:
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(which, (most, most))
    except ValueError as error:  # macOS takes no limit of address space
        if IS_LINUX:
            raise OSError(f"{name} cannot be {most}: {error}") from error


def _processes_of_our_user(mode: str) -> int:
    """What a limit of processes counts besides the snippet's: in a user namespace, root is nobody else's user."""
    if mode == "namespaces":
        return 0 if os.getuid() == 0 else 3
    user = namespaces.NOBODY if mode == "user" else os.getuid()
    threads = 0
    for process in os.listdir("/proc") if IS_LINUX else []:
        try:
            if process.isdigit() and os.stat(f"/proc/{process}").st_uid == user:
                threads += len(os.listdir(f"/proc/{process}/task"))
        except OSError:
            continue
    return threads if IS_LINUX else resource.getrlimit(resource.RLIMIT_NPROC)[0]


def become(request: Request) -> None:
    """Run the snippet as Python runs a file; its own frames alone are shown."""
    module = ModuleType("__main__")
    module.__dict__["__file__"] = os.path.abspath(FILE)
    sys.modules["__main__"] = module
    sys.argv = [FILE]
    try:
        compiled: CodeType = compile(request["code"], FILE, "exec")
        exec(compiled, module.__dict__)
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__ and error.__traceback__.tb_next)
        sys.exit(1)


if __name__ == "__main__" and (request := serve()):
    become(request)
