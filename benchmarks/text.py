"""Real text in any amount, without the network: the sources of Python's standard library and of what is installed.

Documentation and code as people wrote them, each passage once until the corpus is used up (some hundred MB of
installed packages); then from the beginning again, cut at other places. Not here: timing.
"""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, TextIO

WHAT_IT_IS = "Python sources of the standard library and of installed packages, as questions about code and the code"

QUESTIONS = (
    "What does this do?",
    "Why does this fail when the list is empty?",
    "Can you write this without the loop?",
    "Please go on from here:",
    "Is there a test for this?",
)


def passages(seed: int = 0) -> Iterator[str]:
    """Passages of 5 to 40 lines, for ever."""
    folders = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib")]
    files = sorted({path for folder in folders for path in folder.rglob("*.py")})
    for again in count():
        cut = random.Random(seed + again)
        for path in cut.sample(files, len(files)):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            while lines:
                size = cut.randint(5, 40)
                text, lines = "\n".join(lines[:size]).strip(), lines[size:]
                if text:
                    yield text


def conversations(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Records as chat tools export them: one to four questions with their answers."""
    texts, choose = passages(seed), random.Random(seed)
    for number in count():
        messages = []
        for _ in range(choose.randint(1, 4)):
            asked = f"{choose.choice(QUESTIONS)}\n\n{next(texts)[:400]}"
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": next(texts)}]
        yield {
            "id": f"{seed}-{number}",
            "create_time": 1_750_000_000 + 31 * number,
            "model": choose.choice(("large", "small")),
            "messages": messages,
        }


def write_export(file: TextIO, size: int, *, as_array: bool) -> int:
    """Conversations up to so many bytes, as lines or as one JSON array; returns how many."""
    written = number = 0
    for number, conversation in enumerate(conversations(), 1):
        text = json.dumps(conversation)
        before = ("[" if number == 1 else ",\n") if as_array else ""
        written += file.write(before + text + ("" if as_array else "\n"))
        if written >= size:
            break
    file.write("]" if as_array else "")
    return number
