"""Real text in any amount, without the network: the sources of Python's standard library and of what is installed.

Documentation and code as people wrote them, each passage once until the corpus is used up (some hundred MB of
installed packages); then from the beginning again, cut at other places. What people said to assistants and typed into
terminals comes first where VIBE_DATA has it. Not here: timing, and text that never ends (walk.py).
"""

from __future__ import annotations

import json
import os
import random
import re
import sysconfig
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from itertools import chain, count
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


PEOPLE = {
    "prose": {"oasst_messages": "text", "pandalm_preferences": "instruction", "nl2bash": "description", "mbpp": "text"},
    "code": {"mbpp": "code", "quixbugs": "fixed"},
    "commands": {"nl2bash": "command"},
}
"""Of VIBE_DATA/dev: files with the field that holds what somebody wrote."""

LARGEST = 100_000
"""Characters of a source: what is larger is data more often than not."""

DOCSTRING, DOCTEST = re.compile(r'"""(.*?)"""', re.DOTALL), re.compile(r"^\s*>>> (.+)$", re.MULTILINE)


def prose(size: int, seed: int = 0) -> Iterator[str]:
    """Some so many characters of what people said to assistants, and then of docstrings."""
    return _up_to(size, _written("prose"), (text for file in _files(seed) for text in DOCSTRING.findall(file)))


def code(size: int, seed: int = 0) -> Iterator[str]:
    """The same of functions, and then of sources without their docstrings."""
    return _up_to(size, _written("code"), (DOCSTRING.sub('"""…"""', file) for file in _files(seed)))


def commands(size: int, seed: int = 0) -> Iterator[str]:
    """The same of what people typed into a terminal, and then of doctests."""
    return _up_to(size, _written("commands"), (text for file in _files(seed) for text in DOCTEST.findall(file)))


def _up_to(size: int, *sources: Iterator[str]) -> Iterator[str]:
    taken = 0
    for text in chain.from_iterable(sources):
        if text := text.strip():
            yield text
            taken += len(text)
        if taken >= size:
            return


def _written(kind: str) -> Iterator[str]:
    folder = Path(os.environ.get("VIBE_DATA", "../shared/data")) / "dev"
    for name, field in PEOPLE[kind].items():
        path = folder / f"{name}.jsonl"
        with path.open(encoding="utf-8") if path.exists() else nullcontext(()) as lines:
            yield from (json.loads(line)[field] for line in lines)


@cache
def _sources() -> list[Path]:
    folders = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib")]
    return sorted({path for folder in folders for path in folder.rglob("*.py")})


def _files(seed: int) -> Iterator[str]:
    """The texts of all sources but tables that are called sources, in an order of their own."""
    for path in random.Random(seed).sample(_sources(), len(_sources())):
        text = path.read_text(encoding="utf-8", errors="replace")
        if len(text) < LARGEST:
            yield text


def passages(seed: int = 0) -> Iterator[str]:
    """Passages of 5 to 40 lines, for ever."""
    for again in count():
        cut = random.Random(seed + again)
        for path in cut.sample(_sources(), len(_sources())):
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
