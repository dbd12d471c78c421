"""The file of a generation's examples: train first, then by kind, synthetic ones last, so that counts are also offsets.

Candidates lie in one file a part, in the same order; rows that stay are copied from it part by part, so that no text is
held longer than that. Not here: which rows stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vibe_pipeline.curate.dedup.keys import KINDS, SPLITS, Features

SCHEMA = pa.schema(
    [
        pa.field("example_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("stage", pa.string()),
        pa.field("split", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("conversation_id", pa.string()),
        pa.field("unit", pa.uint64()),  # hash of what is on one side as a whole: conversation, or section of a document
        pa.field("held_with", pa.uint64()),  # hash of what is on that side with it: group, trunk of a branch, or itself
        pa.field("module", pa.string()),
        pa.field("fact", pa.string()),
        pa.field("prompt", pa.string()),
        pa.field("context", pa.int32()),  # characters of the prompt before its last question
        pa.field("completion", pa.string()),
        pa.field("rejected", pa.string()),
        pa.field("interaction_ids", pa.list_(pa.string())),
        pa.field("quality", pa.float32()),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("tokens", pa.int32()),  # an estimate: what a token is depends on a lineage's model
        pa.field("priority", pa.int32()),  # 0 is taken first where a budget has no room for all
        pa.field("generation", pa.int32()),
    ]
)

OF_CANDIDATES = [name for name in SCHEMA.names if name not in ("tokens", "priority", "generation")]

WORDS_A_TOKEN, LETTERS_A_TOKEN = 0.88, 4.0
"""Words and signs tell tokens within an eighth, in prose, code and commands alike; letters, within a third, are used
for the turns before and for what was rejected: docs/log.md, "how long an example is"."""
TOKENS_A_BYTE = 0.45
"""Of bytes beyond one a letter: small models know few words of other scripts than the Latin one."""
LONGEST_TOKEN = 5.0
"""Letters: what has longer words than that (a hash, an image in base64) is cut up."""
AROUND = 3
"""Tokens of a prompt's format."""


class Output:
    """The rows that stay of some files; `counts` are known when all tables were taken."""

    def __init__(
        self,
        files: Sequence[Path],
        these: Features,
        stays: np.ndarray,
        is_synthetic: np.ndarray,
        priority: np.ndarray,
        generation: int,
    ) -> None:
        self._files = [pq.ParquetFile(file) for file in files]
        self._first = np.cumsum([0, *(file.metadata.num_rows for file in self._files)])
        self._these, self._stays, self._is_synthetic = these, stays, is_synthetic
        self._priority, self._generation = priority, generation
        self.counts: list[tuple[str, str, int, int]] = []
        self.synthetic: list[int] = []

    def tables(self) -> Iterator[pa.Table]:
        """In the order of the file."""
        for split in range(len(SPLITS)):
            for kind in sorted(range(len(KINDS)), key=KINDS.__getitem__):
                is_here = self._stays & (self._these.split == split) & (self._these.kind == kind)
                if is_here.any():
                    yield from self._of(split, kind, is_here)

    def _of(self, split: int, kind: int, is_here: np.ndarray) -> Iterator[pa.Table]:
        characters = 0
        for rows in (is_here & ~self._is_synthetic, is_here & self._is_synthetic):
            for table in self._taken(rows):
                characters += sum(pc.sum(pc.utf8_length(table[name])).as_py() for name in ("prompt", "completion"))
                yield table
        self.counts.append((SPLITS[split], KINDS[kind], int(is_here.sum()), characters))
        self.synthetic.append(int((is_here & self._is_synthetic).sum()))

    def _taken(self, rows: np.ndarray) -> Iterator[pa.Table]:
        """These rows of all files, by a mask, with what is known of them by now."""
        for file, first, stop in zip(self._files, self._first, self._first[1:], strict=False):
            for table in _read(file, np.flatnonzero(rows[first:stop])):
                at = first + table["row"].to_numpy()
                made = {
                    "tokens": _tokens(table, self._these.sketches.words[at]),
                    "priority": self._priority[at],
                    "generation": np.full(len(table), self._generation, np.int32),
                }
                for name, values in made.items():
                    table = table.append_column(name, pa.array(values))
                yield table.select(SCHEMA.names).cast(SCHEMA)


def _tokens(table: pa.Table, words: np.ndarray) -> np.ndarray:
    """int32: an estimate, of rows of which question and completion have so many words and signs."""
    prompt, completion, rejected = (_sizes(table[name]) for name in ("prompt", "completion", "rejected"))
    letters, size = prompt + completion + rejected
    told = words / WORDS_A_TOKEN + (table["context"].to_numpy() + rejected[0]) / LETTERS_A_TOKEN
    return (AROUND + np.maximum(told + TOKENS_A_BYTE * (size - letters), letters / LONGEST_TOKEN)).astype(np.int32)


def _sizes(texts: pa.ChunkedArray) -> np.ndarray:
    """(2, n): letters and bytes."""
    return np.stack([pc.fill_null(size(texts), 0).to_numpy() for size in (pc.utf8_length, pc.binary_length)])


def _read(file: pq.ParquetFile, rows: np.ndarray) -> Iterator[pa.Table]:
    """These rows of a file, with their numbers in it, row group by row group."""
    start = 0
    for group in range(file.num_row_groups):
        stop = start + file.metadata.row_group(group).num_rows
        here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)]
        if here.size:
            table = file.read_row_group(group, columns=OF_CANDIDATES).take(pa.array(here - start))
            yield table.append_column("row", pa.array(here))
        start = stop
