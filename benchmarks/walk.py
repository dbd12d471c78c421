"""Text that never ends and never comes twice by chance: random walks through real text.

A walk goes on word by word, and every few words from another place where the same two words stand, or the same one
where few do (a Markov chain: Shannon, A Mathematical Theory of Communication, 1948, section 3). So neighbours stood
together in the source and words are as common as there; yet no thirteen words in a row are taken from one place, and
ten million texts made from 30 MB hold hardly more duplicates and shared passages than were asked for.

Every choice is a hash of the text's key: the same key gives the same text, whenever and beside whatever it is made.
Not here: what the texts are for (data_log.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]

RUN = 6
"""Words that a walk goes straight on, at most: thirteen in a row are from three places."""

WAYS = 8
"""Places at least among which it is chosen where to go on."""

END_WITHIN = 12
"""Words by which a text may be longer than asked for, to end with a sentence or a line."""

SHORT = 20
"""Characters of a line that may come again."""

NUMBERS = re.compile(r"[\W\d]*\d[\W\d]*")
"""Of a table: such lines are alike where nobody copied any."""

WORD = re.compile(r"\w+\W*")
END = re.compile(r"[.!?:;)\]}]\s|\S\s*\n")


def chosen(keys: Keys, what: int) -> Rates:
    """In [0, 1): one number per key for each `what`, all independent (the finaliser of SplitMix64)."""
    mixed = keys + np.uint64((2 * what + 1) * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True, slots=True)
class Source:
    """A text as words, each with what is no word after it, and where a walk may go on."""

    distinct: pa.StringArray
    words: npt.NDArray[np.int32]
    """The number of each word in `distinct`."""
    beginnings: npt.NDArray[np.int32]
    """Where lines begin."""
    to_end: npt.NDArray[np.int32]
    """Words from here to the end of a sentence or line, END_WITHIN at most."""
    alike: npt.NDArray[np.int32]
    """All places, those together that have the same words before them."""
    first: npt.NDArray[np.int32]
    size: npt.NDArray[np.int32]
    """Where in `alike` those begin that one may go to in the stead of a place, and how many they are."""
    characters: float
    """Of a word with what is after it, on average."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Source:
        """A walk goes from one text to the next as it does within one. Lines that were copied come once."""
        split = pa.array([word for line in _lines(texts) for word in WORD.findall(line)])
        assert len(split), "a walk needs a text"
        coded = split.dictionary_encode()
        words = coded.indices.to_numpy().astype(np.int32)
        ends_line = np.array(["\n" in word for word in coded.dictionary.to_pylist()])[words]
        ends = np.array([END.search(word) is not None for word in coded.dictionary.to_pylist()])[words]
        beginnings = ((np.flatnonzero(ends_line) + 1) % len(words)).astype(np.int32)
        one = np.roll(words, 1).astype(np.int64)
        places, first, size = _alike(one << 32 | np.roll(words, 2))
        places_one, first_one, size_one = _alike(one)
        rare, unique = size < WAYS, size_one < WAYS
        first[rare], size[rare] = first_one[rare] + len(words), size_one[rare]
        first[rare & unique], size[rare & unique] = 2 * len(words), len(beginnings)
        return cls(
            distinct=coded.dictionary,
            words=words,
            beginnings=beginnings,
            to_end=_distance(ends),
            alike=np.concatenate([places, places_one, beginnings]),
            first=first,
            size=size,
            characters=pc.mean(pc.utf8_length(split)).as_py(),
        )

    def texts(self, keys: Keys, sizes: Rates, changed: Rates | float = 0.0, by: Keys | None = None) -> pa.StringArray:
        """One text per key of about so many characters; a share of words is `changed` for others, as `by` decides."""
        if not len(keys):
            return pa.array([], pa.string())
        text, places = self._walked(keys, np.ceil(sizes / self.characters).astype(np.int64))
        words = self.words[places]
        if by is not None:
            counted = np.arange(len(text), dtype=np.uint64) - np.searchsorted(text, text).astype(np.uint64)
            at = by[text] * np.uint64(0x9E3779B97F4A7C15) + counted
            edited = np.flatnonzero(chosen(at, 1) < np.broadcast_to(changed, len(keys))[text])
            words[edited] = self.words[(chosen(at[edited], 2) * len(self.words)).astype(np.int64)]
        spelled = self.distinct.take(pa.array(words))
        bounds = np.searchsorted(text, np.arange(len(keys) + 1))
        offsets = np.frombuffer(spelled.buffers()[1], np.int32, len(words) + 1)[bounds]
        return pa.StringArray.from_buffers(len(keys), pa.py_buffer(offsets), spelled.buffers()[2])

    def _walked(self, keys: Keys, lengths: Counts) -> tuple[Counts, Counts]:
        """(text, place in the source) of every word, in order."""
        going = np.arange(len(keys))
        place = self.beginnings[(chosen(keys, 0) * len(self.beginnings)).astype(np.int64)].astype(np.int64)
        left = lengths
        runs: list[tuple[Counts, Counts, Counts]] = []
        while len(going):
            wanted = 1 + (chosen(keys[going], 2 * len(runs) + 3) * RUN).astype(np.int64)
            run = np.minimum(wanted, left)
            left = left - run
            last = (place + run - 1) % len(self.words)
            run = run + np.where(left > 0, 0, self.to_end[last])
            runs.append((going, place, run))
            on = left > 0
            going, left, after = going[on], left[on], (last[on] + 1) % len(self.words)
            beside = (chosen(keys[going], 2 * len(runs) + 2) * self.size[after]).astype(np.int64)
            place = self.alike[self.first[after] + beside].astype(np.int64)
        text, start, run = (np.concatenate(parts) for parts in zip(*runs, strict=True))
        order = np.argsort(text, kind="stable")
        text, start, run = text[order], start[order], run[order]
        within = np.arange(run.sum()) - np.repeat(np.cumsum(run) - run, run)
        return np.repeat(text, run), (np.repeat(start, run) + within) % len(self.words)


def _lines(texts: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for text in texts:
        for line in f"{text}\n".splitlines(keepends=True):
            if line not in seen and not NUMBERS.fullmatch(line):
                yield line
                if len(line) >= SHORT:
                    seen.add(line)


def _alike(
    before: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """All places by what is before them; and of each, where its like begin there and how many they are."""
    places = np.argsort(before, kind="stable")
    starts = np.flatnonzero(np.diff(before[places], prepend=-1))
    sizes = np.diff(starts, append=len(places))
    first, size = np.empty((2, len(places)), np.int32)
    first[places], size[places] = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    return places.astype(np.int32), first, size


def _distance(ends: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    places = np.arange(len(ends))
    following = np.minimum.accumulate(np.where(ends, places, len(ends))[::-1])[::-1]
    return np.minimum(following - places, END_WITHIN).astype(np.int32)
