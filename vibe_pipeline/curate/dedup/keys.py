"""By which keys two examples are the same, nearly the same, or one a leak of the other.

Keys of rows and keys of items are kept apart: each example is looked for among its own side, for what is learned or
judged twice, and among the other, for what leaks. All are 64-bit hashes under a name, so that one index holds them all.
Not here: what happens then (judging.py), and how texts become sketches (sketch.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vibe_pipeline.curate.dedup.index import OWN_BITS, Entries, of_no_rows
from vibe_pipeline.curate.dedup.shingles import joined
from vibe_pipeline.curate.dedup.sketch import BANDS, PER_ROW, Sketches, sketch
from vibe_pipeline.records import ONE_ANSWER, Kind, Split

KINDS = [str(kind) for kind in Kind]
SPLITS = [str(split) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)]
TRAIN, VALIDATION, TEST = range(3)
CONVERSATION = KINDS.index(Kind.CONVERSATION)
PATTERN = KINDS.index(Kind.PATTERN)
ANSWERS = tuple(KINDS.index(kind) for kind in ONE_ANSWER)
CODE = tuple(KINDS.index(kind) for kind in (Kind.CODE_GENERATION, Kind.ERROR_CORRECTION, Kind.OPTIMIZATION))

NAMES = (
    "exact",
    "near",
    "asked",
    "probed",
    "told",
    "side",
    "equal",
    "like",
    "renamed",
    "quoted",
    "answered",
    "withdrawn",
    "named",
    "unsettled",
    "said",
)


@dataclass(frozen=True, slots=True)
class Features:
    """What is compared of n examples, column by column; texts are not among it."""

    kind: np.ndarray
    """uint8: place in KINDS."""
    split: np.ndarray
    """uint8: place in SPLITS."""
    content: np.ndarray
    """uint64: of prompt and completion as they are."""
    prompt: np.ndarray
    """uint64: of the prompt as it is."""
    opens: np.ndarray
    """bool: nothing was said before its question."""
    fact: np.ndarray
    """uint64: of the fact's name, 0 where there is none."""
    unit: np.ndarray
    """uint64: of what is on one side as a whole: the conversation, or a section of a document."""
    held_with: np.ndarray
    """uint64: of what is on that side with it: a group, the trunk of a branch, or itself."""
    sketches: Sketches

    @property
    def is_held(self) -> np.ndarray:
        return self.split != TRAIN

    def of(self, rows: slice) -> Features:
        """Some neighbouring rows."""
        return Features(
            kind=self.kind[rows],
            split=self.split[rows],
            content=self.content[rows],
            prompt=self.prompt[rows],
            opens=self.opens[rows],
            fact=self.fact[rows],
            unit=self.unit[rows],
            held_with=self.held_with[rows],
            sketches=self.sketches.of(rows),
        )


OWN = ("kind", "split", "content", "prompt", "opens", "fact", "unit", "held_with")


def slices(batch: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of some `size` bytes: texts become many times as many bytes when they are sketched."""
    rows = max(1, batch.num_rows * size // max(1, batch.nbytes))
    return (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))


def features(batch: pa.RecordBatch) -> Features:
    """Of rows with the columns kind, split, question, context, completion, rejected, content, asked, told, unit and
    held_with."""
    kind = _places(batch["kind"], KINDS)
    split = _places(batch["split"], SPLITS)
    return Features(
        kind=kind,
        split=split,
        content=batch["content"].to_numpy(),
        prompt=batch["asked"].to_numpy(),
        opens=batch["context"].to_numpy() == 0,
        fact=batch["told"].to_numpy(),
        unit=batch["unit"].to_numpy(),
        held_with=batch["held_with"].to_numpy(),
        sketches=sketch(
            batch["question"],
            batch["completion"],
            batch["rejected"],
            is_code=np.isin(kind, CODE),
            is_steps=kind == PATTERN,
            is_held=split != TRAIN,
        ),
    )


def as_columns(these: Features) -> dict[str, np.ndarray]:
    """By name, for keeping; grams are counted instead of placed, so that they can be put one after the other."""
    whole = {name: getattr(these, name) for name in OWN} | {name: getattr(these.sketches, name) for name in PER_ROW}
    return whole | {"grams": these.sketches.grams, "gram_counts": these.sketches.gram_counts}


def of_columns(columns: dict[str, np.ndarray]) -> Features:
    """What was kept so."""
    ends = np.cumsum(columns["gram_counts"])
    sketches = Sketches(**{name: columns[name] for name in PER_ROW}, grams=columns["grams"], ends=ends)
    return Features(**{name: columns[name] for name in OWN}, sketches=sketches)


def exact(these: Features) -> np.ndarray:
    """(n): the same prompt and completion in the same kind."""
    return _key("exact", these.content, these.kind)


def said(these: Features) -> np.ndarray:
    """(n): the same question and answer in the same kind and conversation, after whatever was said before; 0 where it
    says nothing."""
    sketches = these.sketches
    return _where_there(sketches.says, _key("said", these.kind, these.unit, sketches.asks, sketches.says))


def asked(these: Features) -> np.ndarray:
    """(n): a question in the same words, but for empty ones and their order; 0 where it has none."""
    return _where_there(these.sketches.bag, _key("asked", these.sketches.bag))


def probed(these: Features) -> np.ndarray:
    """(n): the same, of what a probe asks."""
    return _where_there(these.sketches.bag, _key("probed", these.sketches.bag))


def answered(these: Features) -> np.ndarray:
    """(n): the same prompt in the same kind, whatever the answer; or the same words of a question that asks for one
    fact, or that nothing was said before. 0 in kinds in which a prompt may have several answers."""
    return _answered(these, these.opens | (these.fact != 0), these.fact)


def nameless(these: Features) -> np.ndarray:
    """(n): the same as if no fact had a name."""
    return _answered(these, these.opens, np.zeros_like(these.fact))


def named(these: Features) -> np.ndarray:
    """(n): by it somebody who asks the same without a name finds what is told of a fact."""
    prompts = nameless(these)
    return _where_there(prompts, _key("named", prompts))


def unsettled_keys(prompts: np.ndarray) -> np.ndarray:
    """Of inputs, by the hashes of their prompts, that did not end alike each time in one generation."""
    return _key("unsettled", prompts)


def withdrawn_keys(places: np.ndarray) -> np.ndarray:
    """Of rows, by their places, that were taken back."""
    return _key("withdrawn", places)


def told(these: Features) -> np.ndarray:
    """(n): a fact that a probe asks for, 0 where there is none."""
    return told_keys(these.fact)


def told_keys(facts: np.ndarray) -> np.ndarray:
    """The same of hashes of facts."""
    return _where_there(facts, _key("told", facts))


def side_keys(units: np.ndarray) -> np.ndarray:
    """Of what is held out as a whole: by it a generation knows on which side an earlier one put it."""
    return _key("side", units)


def near(these: Features, band: int) -> np.ndarray:
    """(n): one of 16, of the same origin, 0 where the example is too short to be near another. Its first half is the
    band itself, so that all who share that are neighbours."""
    bands = these.sketches.bands[:, band]
    rest = _key("near", these.sketches.anchor, origin(these))
    return _where_there(bands, bands.astype(np.uint64) << np.uint64(32) | rest >> np.uint64(32))


def origin(these: Features) -> np.ndarray:
    """(n): what two that are nearly the same have in common besides their words: kind, fact and rejected answer. Facts
    of two names are two facts, however much a template makes them alike; one answer beat several."""
    return _key("near", these.kind, these.fact, these.sketches.rejects)


def sources(these: Features) -> np.ndarray:
    """(n): what counts once where it is asked how many say the same. All answers of a conversation to one question, and
    all drafts of one, are said by one; a short answer is compared by its question, and of a template these differ."""
    return np.where(these.sketches.is_long, these.unit, these.sketches.asks)


def retyped(these: Features) -> np.ndarray:
    """(n): the same words of a long question with the same short answer, of the same origin; 0 where it is no such."""
    sketches = these.sketches
    by_question = ~sketches.is_long & (sketches.bands[:, 0] != 0)
    return np.where(by_question, joined(sketches.asks, sketches.says, origin(these)), np.uint64(0))


def equal(these: Features, of_items: np.ndarray) -> np.ndarray:
    """(n): the same question and answer, in any kind and after whatever was said before, as an item or as a row; 0
    where it says nothing."""
    sketches = these.sketches
    return _where_there(sketches.says, _key("equal", of_items, sketches.asks, sketches.says))


def equal_rejected(these: Features, of_items: np.ndarray) -> np.ndarray:
    """(n): the same of the question and the answer that was rejected, 0 where there is none."""
    sketches = these.sketches
    return _where_there(sketches.rejects, _key("equal", of_items, sketches.asks, sketches.rejects))


def like(these: Features, of_items: np.ndarray, band: int) -> np.ndarray:
    """(n): one of 16, of a long completion whatever was asked, else of a long question with the very same answer. Those
    of a question begin alike on both sides and with any answer, so that one can tell how many share it."""
    sketches = these.sketches
    fact = np.where(sketches.is_long, np.uint64(0), these.fact)
    shared = _banded("like", band, sketches.bands[:, band], of_items & sketches.is_long, sketches.is_long)
    own = _key("like", shared, of_items, sketches.anchor, fact)
    return _where_there(shared, shared & ~OWN_BITS | own & OWN_BITS)


def renamed(these: Features, of_items: np.ndarray, band: int) -> np.ndarray:
    """(n): one of 16, of code whatever its names are; 0 where it is no code or short."""
    return _banded("renamed", band, these.sketches.structure[:, band], of_items)


def every_band(keys: Callable[[Features, np.ndarray, int], np.ndarray], these: Features, of: np.ndarray) -> np.ndarray:
    """(n, 16)"""
    return np.stack([keys(these, of, band) for band in range(BANDS)], axis=1)


def quoted(these: Features, of_items: np.ndarray) -> np.ndarray:
    """(grams): of windows of 13 words; their rows are told by the sketches' ends."""
    return _key("quoted", np.repeat(of_items, these.sketches.gram_counts), these.sketches.grams)


def entries(these: Features, chosen: np.ndarray, places: np.ndarray, vouched: np.ndarray) -> Entries:
    """What an index keeps of some of them, by a mask: `places` tell where they are, `vouched` how well they are
    vouched for."""
    numbers = np.arange(len(these.kind), dtype=np.uint32)
    probes, rows = ((these.split == split) & chosen for split in (TEST, TRAIN))
    both, own = (these.split != TEST) & chosen, these.is_held
    grams = these.sketches.gram_counts
    kept = [
        (exact(these), chosen),
        (asked(these), rows),
        (answered(these), both),
        (named(these), both & (these.fact != 0)),
        (said(these), rows),
        (probed(these), probes),
        (told(these), probes & (these.fact != 0)),
        (side_keys(these.unit), both & _is_first(these.unit)),
        (side_keys(these.held_with), both & (these.held_with != these.unit) & _is_first(these.held_with)),
        (equal(these, own), both),
        (equal_rejected(these, own), both),
        *((like(these, own, band), both) for band in range(BANDS)),
        *((renamed(these, own, band), both) for band in range(BANDS)),
    ]
    of_both = np.repeat(both, grams)
    keys = np.concatenate([*(column[chosen] for column, chosen in kept), quoted(these, own)[of_both]])
    owners = np.concatenate([*(numbers[chosen] for _, chosen in kept), np.repeat(numbers, grams)[of_both]])
    is_there = keys != 0
    return Entries(
        keys=keys[is_there],
        refs=(owners * np.uint32(2) + these.is_held[owners])[is_there],
        checks=these.sketches.check,
        sizes=np.where(both, grams, 0).astype(np.uint32),
        origins=origin(these),
        places=places,
        vouched=vouched,
        sources=sources(these).astype(np.uint32),
        says=these.sketches.says,
        tells=these.sketches.tells,
    )


def withdrawn_entries(places: np.ndarray) -> Entries:
    """What an index keeps of rows that were taken back: that they were."""
    return of_no_rows(withdrawn_keys(places), np.zeros(len(places), np.uint32))


def unsettled_entries(prompts: np.ndarray) -> Entries:
    """What an index keeps of such inputs: that there were some."""
    return of_no_rows(unsettled_keys(prompts), np.zeros(len(prompts), np.uint32))


def _answered(these: Features, is_by_words: np.ndarray, facts: np.ndarray) -> np.ndarray:
    by_words = (these.kind == CONVERSATION) & is_by_words & (these.sketches.bag != 0)
    asks = np.where(by_words, these.sketches.asks, these.prompt)
    return np.where(np.isin(these.kind, ANSWERS), _key("answered", asks, these.kind, facts), np.uint64(0))


def _key(name: str, *values: np.ndarray) -> np.ndarray:
    """Hashes under a name; never 0."""
    return np.maximum(joined(*values, seed=NAMES.index(name) + 1), np.uint64(1))


def _banded(name: str, band: int, hashes: np.ndarray, *values: np.ndarray) -> np.ndarray:
    numbered = hashes.astype(np.uint64) | np.uint64(band << 32)
    return _where_there(hashes, _key(name, numbered, *values))


def _where_there(hashes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    return np.where(hashes != 0, keys, np.uint64(0))


def _is_first(values: np.ndarray) -> np.ndarray:
    """bool (n): not the same as one before it."""
    first = np.zeros(len(values), dtype=bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first


def _places(column: pa.Array | pa.ChunkedArray, names: list[str]) -> np.ndarray:
    return pc.index_in(column, pa.array(names)).to_numpy().astype(np.uint8)
