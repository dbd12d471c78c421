"""Under which hash seeds a piece of code is looked at again, and from where.

Sets are ordered by the hashes of what they hold. Under half of all seeds two words come in the order that they had, so
what may ask a set or a hash is seen under sixteen seeds: one pair of words in twenty thousand passes all the same, of
four seeds one in eight.
"""

from __future__ import annotations

import ast
import re

from vibe_pipeline.spans import parsed

HASH_SEED = "0"
ELSEWHERE = "1"
"""Under this seed the snippet also finds itself on another machine, as far as that can be had: in another folder, with
another home, user, host name, time zone, number of processors and `time.time()`."""
FEW = (ELSEWHERE, "2", "3")
MANY = tuple(map(str, range(1, 16)))

BY_HASH = re.compile(
    r"\b(\w*[sS]et|__hash__|hash|id|intersection|union|difference|symmetric_difference)\b"
    r"|\.(keys|items)\(\)\s*[-&|^]|[-&|^]\s*[\w.]+\.(keys|items)\(\)"
)


def other_seeds(code: str) -> tuple[str, ...]:
    """Those that the code is looked at under besides HASH_SEED; the one that shows most comes first."""
    return MANY if BY_HASH.search(code) or _holds_set(code) else FEW


def _holds_set(code: str) -> bool:
    spans = parsed(code)
    return spans is None or any(isinstance(node, ast.Set | ast.SetComp) for node in ast.walk(spans.tree))
