"""Tells the keeper when code asks for what is not here: a file, a module, a network, another program, an answer.

Python itself says what is asked for (audit hooks, which nobody can take away again). It is told by a pipe that stands
for nothing else: code that writes to it loses what could be said of it, and gains nothing.
Not here: what is never asked of Python by such an event, as whether a path exists (outside.py).
"""

from __future__ import annotations

import os
import sys
from typing import Any

PIPE = 3
"""The descriptor after the three streams."""
FILE = "snippet.py"

ASKED = {
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn", "builtins.input"),
    *("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"),
}
"""Never granted as it is elsewhere."""
ADDRESSED = {"socket.connect", "socket.bind", "socket.sendto"}
OF_DOCTEST = ".pdbrc"
"""It makes itself a debugger, which looks for its settings."""
LISTED = {"os.listdir", "os.scandir", "glob.glob", "pathlib.Path.glob", "pathlib.Path.rglob"}


def watch() -> list[bool]:
    """Begin; whoever empties the list ends it."""
    folder = os.getcwd()
    of_python = tuple({sys.prefix, sys.base_prefix, *sys.path})
    going = [True]

    def tell() -> None:
        if going:
            going.clear()
            try:
                os.write(PIPE, b"!")
            except OSError:
                return

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if going and event in EVENTS and is_in_vain(event, *arguments) and not _is_importing(sys._getframe(1)):
            tell()

    def is_in_vain(event: str, first: Any = None, second: Any = None, third: Any = None, *_: Any) -> bool:
        if event == "open":
            return _is_refused(first, third or 0)
        if event == "sqlite3.connect":
            return first not in ("", ":memory:") and not os.path.exists(first)
        if event in ADDRESSED:
            return isinstance(second, tuple)
        return event not in LISTED or is_foreign(os.path.dirname(first) if event == "glob.glob" else first)

    def is_foreign(path: Any) -> bool:
        """A folder that the code has not made, nor Python: what is in it is not what is in it elsewhere."""
        if isinstance(path, int):
            return False
        place = os.path.realpath(os.fsdecode(path or "."))
        return not (os.path.isdir(place) and place.startswith((folder + "/", *of_python)))

    class Finder:
        """Asked last, when all others have not found a module."""

        def find_spec(self, *_: Any) -> None:
            frame: Any = sys._getframe(1)
            while frame is not None and "importlib" in frame.f_code.co_filename:
                frame = frame.f_back
            if going and frame is not None and frame.f_code.co_filename.startswith((FILE, "<doctest")):
                tell()  # what a library would like to have, it can do without

    sys.addaudithook(hear)
    sys.meta_path.append(Finder())
    return going


EVENTS = ASKED | ADDRESSED | LISTED | {"open", "sqlite3.connect"}


def _is_importing(frame: Any) -> bool:
    """What Python looks for then, and libraries while they are imported, they can do without."""
    while frame is not None and not frame.f_code.co_filename.startswith(("<frozen importlib", "<frozen zipimport")):
        frame = frame.f_back
    return frame is not None


def _is_refused(path: Any, flags: int) -> bool:
    if isinstance(path, int) or os.path.basename(os.fsdecode(path)) == OF_DOCTEST:
        return False
    writes = flags & (os.O_WRONLY | os.O_RDWR)
    if os.access(path, os.W_OK if writes else os.R_OK):
        return False
    return not (flags & os.O_CREAT and os.access(os.path.dirname(path) or os.curdir, os.W_OK))
