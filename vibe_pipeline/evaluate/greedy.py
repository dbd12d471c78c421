"""Scorer of what a model says: a greedy answer beside all that is accepted, to the letter, normalised, and nearly.

Normalised as for SQuAD (Rajpurkar et al. 2016): case, punctuation, articles and white space do not count. Unlike there,
signs that say something stay (C++ is not C, 5 % not 5), and so do those of a number (-3.5 is neither 35 nor 3.5). What
is nearly right scores its similarity (rapidfuzz's ratio: twice the letters in common in order, over all letters), from
NEARLY up, and is never `exact`; where an answer has numbers, they must be the very same.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterator
from typing import Any

import polars as pl

from vibe_pipeline.evaluate.results import columns
from vibe_pipeline.models import Execution
from vibe_pipeline.passes import generated
from vibe_pipeline.progress import Advance

SCORER = "greedy-v1"

NEARLY = 0.8
"""Less similar is wrong."""

BATCH = 16

SHORTEST = 16
"""Tokens that a model may say at least: one that does not stop where it should is heard."""

PUNCTUATION = r"\.(?!\d)|,(?!\d)|(?<=\d),(?=\d{3}\b)|-(?!\d)|(?<=\w)-|[;:!?…\"'‘’“”«»()\[\]{}`*_¿¡–—]"
DASHES = str.maketrans("\u2010\u2212", "--")
"""Hyphen and minus."""
ARTICLES = r"\b(a|an|the)\b"

SCHEMA = columns("answer", "score", "exact", "seconds")


def score(model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance) -> pl.DataFrame:
    """SCHEMA, one row per item (item_id, prompt, accepted): `answer` is what it said, null with score and exact where a
    chance was not finite."""
    rows = []
    for batch, said, seconds in answers(model, tokenizer, items, _limits(tokenizer, items), on):
        for item, answer in zip(batch.rows(named=True), said, strict=True):
            figure = None if answer is None else similarity(answer, item["accepted"])
            rows.append((item["item_id"], answer, figure, None if figure is None else figure == 1.0, seconds))
        advance(len(rows), items.height)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def answers(
    model: Any, tokenizer: Any, items: pl.DataFrame, limits: pl.Series, on: Execution
) -> Iterator[tuple[pl.DataFrame, list[str | None], float]]:
    """Batches of items of one limit in tokens, with what the model says to each and the seconds that one took. A limit
    of one item never changes what is said to another: results are kept."""
    for (limit,), its in items.with_columns(limit=limits).group_by("limit", maintain_order=True):
        for batch in its.sort(pl.col("prompt").str.len_chars(), maintain_order=True).iter_slices(BATCH):
            started = time.monotonic()
            said = generated(model, tokenizer, batch["prompt"].to_list(), int(str(limit)), on.device)
            yield batch, said, (time.monotonic() - started) / batch.height


def similarity(answer: str, accepted: list[str]) -> float:
    """1 where it is one of those accepted, at least when normalised; else how near it comes to one, or 0."""
    return max(_similarity(answer, right) for right in accepted)


def _similarity(answer: str, right: str) -> float:
    from rapidfuzz.fuzz import ratio

    said, wanted = normalised(answer), normalised(right)
    if said == wanted:
        return 1.0
    nearness = ratio(said, wanted) / 100
    has_its_numbers = re.findall(r"-?\d[\d.]*", said) == re.findall(r"-?\d[\d.]*", wanted)
    return nearness if has_its_numbers and NEARLY <= nearness < 1 else 0.0


def normalised(text: str) -> str:
    """Without case, punctuation, articles and superfluous white space; to the letter where nothing else is left."""
    plain = unicodedata.normalize("NFKC", text).translate(DASHES).casefold()
    bare = re.sub(ARTICLES, " ", re.sub(PUNCTUATION, "", plain))
    return " ".join(bare.split()) or text.strip()


def _limits(tokenizer: Any, items: pl.DataFrame) -> pl.Series:
    """Tokens that may be said to each: the power of two above its longest accepted answer."""
    said = items.select(at=pl.int_range(pl.len()), text="accepted").explode("text")
    sizes = [len(row) for row in tokenizer(said["text"].to_list(), add_special_tokens=False)["input_ids"]]
    longest = said.with_columns(size=pl.Series(sizes)).group_by("at", maintain_order=True).agg(pl.col("size").max())
    return longest["size"].map_elements(lambda size: max(SHORTEST, 1 << int(size).bit_length()), pl.Int64)
