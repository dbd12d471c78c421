"""A snippet where the system has no fork (Windows): a plain process that is ended when its time is over.

Nothing else holds; isolation.py says so. Not here: every other system (inside/).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from vibe_pipeline.sandbox.limits import Limits
from vibe_pipeline.sandbox.outcome import FILE
from vibe_pipeline.sandbox.workers import environment

BOOT = f'import sys; sys.argv = ["{FILE}"]; exec(compile(open("{FILE}", encoding="utf-8").read(), "{FILE}", "exec"))'


def answer(code: str, search_path: str | None, hash_seed: str, limits: Limits) -> dict[str, Any]:
    """What a worker would say of it, without the memory; the seconds are the clock's."""
    with tempfile.TemporaryDirectory(prefix="vibe-snippet-", ignore_cleanup_errors=True) as folder:
        Path(folder, FILE).write_text(code + "\n", encoding="utf-8", errors="surrogatepass")
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-c", BOOT],
                cwd=folder,
                env=environment(hash_seed) | {"HOME": folder, "TMPDIR": folder, "PYTHONPATH": search_path or ""},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            try:
                status, reason = process.wait(limits.seconds), None
            except subprocess.TimeoutExpired:
                process.kill()
                status, reason = process.wait(), "Timeout"
            texts = [_read(stdout), _read(stderr)]
            return {
                "status": status,
                "reason": "Output" if any(len(text) > limits.output_bytes for text in texts) else reason,
                "stdout": texts[0],
                "stderr": texts[1],
                "seconds": time.perf_counter() - started,
                "memory_bytes": 0,
                "missed": False,
            }


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")
