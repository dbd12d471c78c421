"""The process that becomes a snippet: gives up what a snippet shall not have, and runs it as Python runs a file."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from types import ModuleType
from typing import Any

import wants
from wants import FILE

DAYS_AHEAD = 400
IS_LINUX = sys.platform == "linux"
if IS_LINUX:
    import filters
    import linux
    import namespaces
    from readable import DEVICES


def shut_in(request: dict[str, Any], folder: str, outputs: list[int]) -> None:
    """Give up everything but a folder, three streams and what the limits leave; OSError where the system refuses."""
    mode = request["mode"]
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, opened in enumerate([os.open(os.devnull, os.O_RDONLY), *outputs]):
        os.dup2(opened, number, inheritable=number < wants.PIPE)
    os.umask(0o077)
    most = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": int(request["seconds"]) + 1,
        "RLIMIT_AS": request["memory_bytes"],
        "RLIMIT_FSIZE": request["file_bytes"],
        "RLIMIT_NOFILE": 256,
        "RLIMIT_NPROC": request["processes"] + _processes_beside(mode),
    }
    if mode in {"namespaces", "user"}:
        namespaces.become_nobody()
    place = _another(folder) if request["elsewhere"] else folder
    os.chdir(place)
    os.environ |= {"HOME": place, "TMPDIR": place}
    with open(FILE, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(request["code"] + "\n")
    if IS_LINUX:
        namespaces.drop_capabilities()
        linux.control(linux.SET_DUMPABLE, 1)
        _filter(request, folder)
    for name, value in most.items():
        _limit(name, value)


def _another(folder: str) -> str:
    """Another folder, and fewer processors to run on than there are."""
    place = os.path.join(folder, "elsewhere")
    os.mkdir(place)
    if IS_LINUX:
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    return place


def _filter(request: dict[str, Any], folder: str) -> None:
    if request["mode"] == "namespaces":
        filters.refuse_calls([filters.AF_UNIX, filters.AF_INET, filters.AF_INET6, filters.AF_NETLINK])
        return
    devices = [device for device in DEVICES if os.path.exists(device)]
    filters.confine_files(folder, request["readable"], request["listed"], devices)
    filters.refuse_calls([])


def _limit(name: str, most: int) -> None:
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(which, (most, most))
    except ValueError as error:
        if IS_LINUX:  # macOS takes no limit of address space
            raise OSError(f"{name} cannot be {most}: {error}") from error


def _processes_beside(mode: str) -> int:
    """What the kernel counts towards a limit of processes besides the snippet's own."""
    if mode == "namespaces":  # worker, its fork and keeper are of our user, unless they are the namespace's root
        return 0 if os.getuid() == 0 else 3
    user = namespaces.NOBODY if mode == "user" else os.getuid()
    threads = 0
    for process in filter(str.isdigit, os.listdir("/proc")) if IS_LINUX else []:
        try:
            if os.stat(f"/proc/{process}").st_uid == user:
                threads += len(os.listdir(f"/proc/{process}/task"))
        except OSError:
            continue
    return threads - (user == os.getuid()) if IS_LINUX else resource.getrlimit(resource.RLIMIT_NPROC)[0]


def become(code: str, *, elsewhere: bool) -> None:
    """Run the code; its own frames alone are shown, and its own __future__ alone holds."""
    if elsewhere:
        _look_like_another_machine()
    module = ModuleType("__main__")
    module.__dict__["__file__"] = os.path.abspath(FILE)
    sys.modules["__main__"] = module
    sys.argv = [FILE]
    going = wants.watch()
    try:
        exec(compile(code + "\n", FILE, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        going.clear()  # Python looks for the lines of a traceback, and not all lie in files
        sys.excepthook(type(error), error, error.__traceback__ and error.__traceback__.tb_next)
        sys.exit(1)


def _look_like_another_machine() -> None:
    """As far as Python asks by these two names; `datetime.now` asks the system."""
    cores, clock = os.cpu_count(), time.time
    os.cpu_count = lambda: 3 if cores == 5 else 5
    time.time = lambda: clock() + 86_400 * DAYS_AHEAD
