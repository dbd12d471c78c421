"""Curation with datatrove, as its users write it: its own readers, filters, exact dedup, MinHash and n-gram filter.

Its best settings that we know of: two tasks on two workers, forked and not begun anew for each block, Parquet between
blocks, words told apart by `str.split` after its own normalisation (its word tokenizer for English is spaCy's, many
times slower), larger reads of signatures than its default of five at once, and the steps that need the same pass in one
pipeline. The index of its n-gram filter is written by a block of ours, in its form: its own loads `lighteval`.

A conversation lies in one segment, so a block can join what a reader gives row by row. Not here: what is done to one
conversation or text (data_by_hand.py).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as dataset
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
from datatrove.pipeline.dedup import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.exact_dedup import (
    ExactDedupConfig,
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
)
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.hashing import create_hash_func
from datatrove.utils.text import ngrams, simplify_text
from datatrove.utils.word_tokenizers import WordTokenizer

from benchmarks.data_by_hand import compared, content, examples, has_neighbours, is_good
from benchmarks.process import Steps

TASKS = 2
LINES = 10_000
"""Signatures read at once."""

NEAR = MinhashConfig(n_grams=3, num_buckets=12, hashes_per_bucket=5)
QUOTED = NGramsDecontConfig(n_grams=13)


class Words(WordTokenizer):
    """What is between spaces, in text without punctuation; the first word is the kind."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()[1:]

    def sent_tokenize(self, text: str) -> list[str]:
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


class WordsOfKind(Words):
    """The same, each with its kind, so that kinds have no shingle in common; none of what has no neighbours."""

    def word_tokenize(self, text: str) -> list[str]:
        kind, *words = text.split()
        return [kind + word for word in words] if has_neighbours({"kind": kind}) else []


class Build(PipelineStep):
    """Interactions in order → examples."""

    name = "Build"
    type = "BUILD"

    def run(self, data: Iterator[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        rows = (document.metadata for document in data)
        for _, turns in groupby(rows, lambda row: row["conversation_id"]):
            for example in examples(list(turns)):
                identity = f"{example['kind']}-{example['interaction_ids'][-1]}"
                text = f"{example['kind'].replace('_', '')} {compared(example)}"
                yield Document(text=text, id=identity, metadata=example)


class Index(PipelineStep):
    """Keeps the n-grams of what is held out, for the n-gram filter; lets everything go on."""

    name = "Index"
    type = "INDEX"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: Iterator[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        hashed = create_hash_func(QUOTED.hash_config)
        found: set[int] = set()
        for document in data:
            if document.metadata["is_held_out"]:
                words = Words().word_tokenize(simplify_text(document.text, QUOTED.norm_config))
                found.update(hashed(" ".join(window)) for window in ngrams(words, QUOTED.n_grams))
            yield document
        self.folder.mkdir(exist_ok=True)
        np.array(list(found), QUOTED.hash_config.np_dtype).tofile(self.folder / f"{rank:05d}.index.hashes")


def interaction(reader: ParquetReader, row: dict[str, Any], path: str, number: int | str) -> dict[str, Any]:
    """A reader's row: its text is not looked at before conversations are whole, and must not be empty."""
    return {"text": row["interaction_id"], "id": row["interaction_id"], "metadata": row}


def key(document: Document) -> bytes:
    """What exact duplicates have in common."""
    return content(document.metadata)


def main() -> None:
    """Segments (a folder) → Parquet files in another; prints rows and seconds of each step as JSON."""
    segments, out = map(Path, sys.argv[1:])
    steps, exact = Steps(), ExactDedupConfig(content_getter=key)

    def run(name: str, tasks: int, *pipeline: PipelineStep) -> None:
        log = str(out / "logs" / name)
        LocalPipelineExecutor(list(pipeline), tasks, TASKS, logging_dir=log, start_method="fork").run()

    def at(name: str) -> str:
        return str(out / name)

    run(
        "build",
        TASKS,
        ParquetReader(str(segments), adapter=interaction),
        Build(),
        LambdaFilter(lambda document: is_good(document.metadata)),
        ParquetWriter(at("built")),
        ExactDedupSignature(at("exact-signatures"), exact),
    )
    steps.done("build_and_quality", rows(out / "built"))
    run("exact", 1, ExactFindDedups(at("exact-signatures"), at("exact-found"), exact, lines_to_buffer=LINES))
    run(
        "sign",
        TASKS,
        ParquetReader(at("built")),
        ExactDedupFilter(at("exact-found"), exact),
        ParquetWriter(at("single")),
        MinhashDedupSignature(at("signatures"), NEAR, WordsOfKind()),
    )
    steps.done("exact", rows(out / "single"))
    buckets = MinhashDedupBuckets(at("signatures"), at("buckets"), config=NEAR, lines_to_buffer=LINES)
    run("buckets", NEAR.num_buckets, buckets)
    run("cluster", 1, MinhashDedupCluster(at("buckets"), at("clusters"), NEAR, lines_to_buffer=LINES))
    run(
        "near",
        TASKS,
        ParquetReader(at("single")),
        MinhashDedupFilter(at("clusters"), lines_to_buffer=LINES),
        Index(out / "index"),
        LambdaFilter(
            lambda document: not document.metadata["is_held_out"],
            ParquetWriter(at("validation"), expand_metadata=True, compression="zstd"),
        ),
        ParquetWriter(at("learned")),
    )
    steps.done("near", rows(out / "learned") + rows(out / "validation"))
    run(
        "contamination",
        TASKS,
        ParquetReader(at("learned")),
        NGramsDecontFilter(at("index"), QUOTED, language=Words()),
        ParquetWriter(at("train"), expand_metadata=True, compression="zstd"),
    )
    steps.done("contamination_and_write", rows(out / "train") + rows(out / "validation"))
    kinds: Counter[str] = Counter()
    for name in ("train", "validation"):
        kinds.update(dataset.dataset(out / name).to_table(["kind"])["kind"].to_pylist())
    steps.tell(kinds)


def rows(folder: Path) -> int:
    """In all files of a folder."""
    return dataset.dataset(folder).count_rows()
