"""Documentation that is generated must be what the code says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_command_line_reference_is_current(tmp_path):
    fresh = tmp_path / "cli.md"
    command = [
        sys.executable,
        "-m",
        "typer",
        "vibe_pipeline.cli.commands",
        "utils",
        "docs",
        "--name",
        "vibe",
        "--output",
        str(fresh),
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    assert fresh.read_text() == (ROOT / "docs/cli.md").read_text(), "run `make docs`"
