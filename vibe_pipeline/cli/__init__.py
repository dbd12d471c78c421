"""`vibe`: how a command begins and ends. Results on stdout, progress and commentary on stderr.

Exit codes: 0 done, 1 an expected error (one line on stderr), 2 wrong usage, 130 interrupted. Nothing heavy is imported
before signals are handled: loading the commands takes seconds, and whoever interrupts that gets a sentence too.
Not here: the commands (commands.py).
"""

from __future__ import annotations

import io
import os
import signal
import sys


class Interrupted(BaseException):
    """Raised wherever the program is, for every `finally`; no SystemExit, which an importer's bug may be too."""


def main() -> None:
    """Entry point of the console script."""
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no ★ gets a ?
    try:
        _run()
    except Interrupted as signalled:
        sys.exit(128 + signalled.args[0])  # what a shell expects


def _run() -> None:
    """The command that was named; whatever goes wrong is one line."""
    from vibe_pipeline.cli.commands import app
    from vibe_pipeline.cli.output import errors
    from vibe_pipeline.errors import VibeError, full_disk

    try:
        with full_disk("the output could not be written", "Free some room, or send it elsewhere"):
            try:
                app()
            finally:
                _write_all()
    except VibeError as error:
        errors.print(f"vibe: {error}", style="red", markup=False)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("VIBE_DEBUG"):
            raise
        words = " ".join(str(error).split()) or "no words"
        told = f"vibe: unexpected {type(error).__name__}: {words}. Set VIBE_DEBUG=1 to see where, and please report it."
        errors.print(told, style="red", markup=False)
        sys.exit(1)


def _write_all() -> None:
    """What is left of stdout; when Python ends it would fail in words that are not ours."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            raise


def _interrupted(number: int, frame: object) -> None:
    print("vibe: interrupted. What has settled stays, run the same command to go on.", file=sys.stderr)
    raise Interrupted(number)
