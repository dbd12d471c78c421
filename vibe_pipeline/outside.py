"""Files outside the home, which belong to people: the whole of one is written or none.

Not here: files of the home (store.py).
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

from vibe_pipeline.errors import SettingsInvalid


def write(path: Path, text: str) -> None:
    """A new one is for whoever may read its folder, an old one for whoever could read it. A link stays a link, and what
    is no regular file (a pipe, a terminal) is written to and not replaced."""
    try:
        path = path.expanduser().resolve()
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        temporary = path.with_name(f".{uuid.uuid4().hex}")
        try:
            temporary.write_text(text, encoding="utf-8")
            if path.exists():
                temporary.chmod(path.stat().st_mode)
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsInvalid(f"{path} cannot be written: {reason}", "Name another file") from error
