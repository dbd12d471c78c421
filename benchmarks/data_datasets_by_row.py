"""The same with functions over one row and signatures by numpy, as text-dedup's `minhash.py` and tutorials have it.

Not here: the pipeline (data_datasets.py).
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from benchmarks.data_by_hand import Row, compared, has_neighbours, is_good, windows
from benchmarks.data_datasets import BANDS, NEAR, PERMUTATIONS, PROCESSED, ROWS, Functions, curate, is_clean

PRIME = (1 << 61) - 1
LARGEST = (1 << 32) - 1


def main() -> None:
    """Segments (a folder) → Parquet files in another; prints rows and seconds of each step as JSON."""
    curate(Functions(is_good, signed, is_clean, PROCESSED))


def signed(row: Row) -> dict[str, list[bytes]]:
    """The bands of an example's signature: the least of each permutation over the hashes of its windows."""
    import numpy as np

    found = {hashlib.sha1(text.encode()).digest()[:4] for text in windows(compared(row), NEAR)}
    if not found or not has_neighbours(row):
        return {"bands": []}
    factors, offsets = _permutations()
    hashes = np.frombuffer(b"".join(sorted(found)), dtype="<u4").astype(np.uint64)
    least = (((hashes[:, None] * factors + offsets) % PRIME) & LARGEST).min(axis=0).astype(np.uint32)
    return {"bands": [band.tobytes() for band in least[: BANDS * ROWS].reshape(BANDS, ROWS)]}


@cache
def _permutations() -> Any:
    import numpy as np

    return np.random.default_rng(1).integers(1, PRIME, (2, PERMUTATIONS), dtype=np.uint64)
