"""What snippets are attacked with: code that says whether it got through, and the same code where nothing stops it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path


def unprotected(code: str, folder: Path) -> str:
    """The same attack as a plain process."""
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=20).stdout


def attempt(*lines: str) -> str:
    """A snippet that prints whether these lines get through."""
    body = textwrap.indent("\n".join(lines), "    ")
    answer = "\n    print('through')\nexcept (OSError, ValueError):\n    print('stopped')"
    return f"import ctypes, os, resource, socket\ntry:\n{body}{answer}"
