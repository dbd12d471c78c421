"""Runs one small snippet in a process of its own, under limits, and shows what a person would see of it.

Isolated from the user's environment and working folder, limited in time, memory and output, and killed with
all its children. It is no jail: the process may read files and reach the network, so callers give it only
snippets made from the package that the user named.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

FILE = "snippet.py"

BOOT = """
import contextlib, sys
seconds, memory_bytes, output_bytes = map(int, sys.argv[1:])
with contextlib.suppress(ImportError, ValueError, OSError):
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output_bytes, output_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
sys.argv = ["snippet.py"]
exec(compile(open("snippet.py", encoding="utf-8").read(), "snippet.py", "exec"), {"__name__": "__main__"})
"""
"""Sets the limits from inside: a hook between fork and exec is not safe beside threads. Its frames are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one snippet may take."""

    seconds: float = 10.0
    memory_bytes: int = 2 << 30
    """Of address space, which imports of large packages reserve freely."""
    output_bytes: int = 64 << 10


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a snippet: its standard output, or the traceback without frames outside it."""

    worked: bool
    output: str
    error_type: str | None = None


def run(code: str, *, search_path: str | None = None, limits: Limits = Limits()) -> Run:
    """Run `code` as snippet.py in an empty folder; never raises for what the snippet does."""
    with tempfile.TemporaryDirectory(prefix="vibe-snippet-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        (folder / FILE).write_text(code + "\n", encoding="utf-8")
        returncode = _execute(folder, search_path, limits)
        output = _read(folder / "stdout", limits).replace("\r\n", "\n").strip()
        if returncode == 0:
            return Run(True, output)
        return _failed(returncode, _read(folder / "stderr", limits))


def _execute(folder: Path, search_path: str | None, limits: Limits) -> int | None:
    """The exit status, None when the time was over."""
    arguments = (str(int(limits.seconds) + 1), str(limits.memory_bytes), str(limits.output_bytes))
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-c", BOOT, *arguments],
            cwd=folder,
            env=_environment(folder, search_path),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            return process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the snippet and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _environment(folder: Path, search_path: str | None) -> dict[str, str]:
    """Nothing of the user's: a fixed hash seed makes sets print alike, a plain terminal keeps colours out."""
    fixed = {
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": os.defpath,
    }
    return fixed | ({"PYTHONPATH": search_path} if search_path else {})


def _read(file: Path, limits: Limits) -> str:
    with file.open("rb") as opened:
        return opened.read(limits.output_bytes).decode("utf-8", "replace")


def _failed(returncode: int | None, stderr: str) -> Run:
    if returncode is None or returncode < 0:
        return Run(False, "", "Timeout" if returncode is None else "Killed")
    lines = stderr.strip().splitlines()
    last = _last_error(lines)
    if last is None:
        return Run(False, "", "Exit")
    frame = _last_frame(lines[:last])
    error = _without_places(" ".join(lines[last].split()))
    if frame is None or any(line.strip() for line in lines[last + 1 :]):
        return Run(False, error, "Elsewhere")  # an error without a line of the snippet teaches no fix
    heading = [] if error.startswith("SyntaxError") else ["Traceback (most recent call last):"]
    return Run(False, "\n".join([*heading, *frame, error]), _type(error))


def _last_error(lines: list[str]) -> int | None:
    """Where `SomeError: words` stands, the last line that is not indented."""
    found = [number for number, line in enumerate(lines) if re.match(r"[A-Za-z_][\w.]*(:|$)", line)]
    return found[-1] if found else None


def _last_frame(lines: list[str]) -> list[str] | None:
    """The last `File "snippet.py"` line and the code line below it, without carets."""
    starts = [number for number, line in enumerate(lines) if line.strip().startswith(f'File "{FILE}"')]
    if not starts:
        return None
    below = lines[starts[-1] + 1 : starts[-1] + 2]
    code = [f"    {line.strip()}" for line in below if not line.strip().startswith(("File ", "^", "~"))]
    return [f"  {lines[starts[-1]].strip()}", *code]


def _without_places(error: str) -> str:
    """`cannot import name 'x' from 'shutil' (/usr/lib/…/shutil.py)` names this machine: the bracket goes."""
    return re.sub(r" \((?:/|[A-Za-z]:\\|unknown location|built-in)[^)]*\)", "", error)


def _type(error: str) -> str:
    return error.partition(":")[0].rpartition(".")[2]
