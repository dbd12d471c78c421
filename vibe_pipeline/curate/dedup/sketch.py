"""A sketch of each example: a few hashes by which near-duplicates and leaks are found without reading texts again.

Similarity is Jaccard's over windows of words, estimated by MinHash (Broder, 1997; rensa's R-MinHash): 64 minima in 16
bands of four (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3). Two texts of similarity s share a
band with probability s^4, so the share of bands that agree tells s as well as the minima would, and an index needs
nothing but the bands. What it finds with 6 of 16: .5 → 0 %, .7 → 16 %, .8 → 70 %, .9 → 99 %.

An example is anchored by its completion; where that is short ("works", "yes"), by its question, and the completion must
be the very same; where both are short, only the same example is the same. What a log or a page puts around a
text counts only where two must be the very same. Not here: who is compared with whom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from unicodedata import unidata_version

import numpy as np
import pyarrow as pa

from vibe_pipeline.curate.dedup.shingles import Tokens, mixed, spans, tokens, windows
from vibe_pipeline.curate.dedup.wrapping import unwrapped

MADE_BY = f"8-rensa-{version('rensa')}-unicode-{unidata_version}"
"""Whoever keeps hashes keeps them apart by this: raise the number where they become others; so may rensa's, and by what
Unicode knows of a character."""

BANDS, ROWS = 16, 4
SEED = 42
SHORT = 10
"""Words: with fewer, one changed word is another text, and only the very same words are the same."""
SHINGLE = 2
"""Words: where a twentieth of them is edited, two texts share .82 of their windows of two and .74 of those of three."""
GRAM = 13
"""Words in a row by which contamination is looked for (Brown et al., 2020, appendix C)."""
SAMPLED = 4
"""One gram in so many is kept, by its hash: the same ones in every text (FracMinHash: Irber et al., 2022)."""
STRUCTURE_WORDS = 5
STRUCTURE_SHORT = 16
"""Words and signs: the structure of less code is that of much other code."""
CHECKS, SIMILAR = 16, 13
"""Hashes of four bits in a check, and how many of them agree where two questions are similar (.8 of their words)."""

KEYWORDS = """
and as assert async await bool break byte case catch char class const continue def default del delete do done double
elif else end enum esac except export extends false fi final finally float fn for from func function global go goto if
impl import in int interface is lambda let long loop map match mod mut new nil none nonlocal not null or package pass
print private protected pub public raise range return select self short static str string struct super switch then this
throw throws trait true try type unsigned use using var void volatile where while with yield
"""
"""Words of many programming languages that a renaming leaves as they are."""

WRITTEN_OUT = r"\ \n \t \r"
"""Of what was put in quotes: the same code without has none of it."""

OPERATORS = "+ * / % & | ^ ~ < > = @ # $ " + WRITTEN_OUT
"""Signs that ask something else: C is not C++. A hyphen or a full stop is as often there as not."""

EMPTY = "a an and are be can could do does for i in is it me my of on or please that the this to would you"
"""Words without which a question is still the same question."""


@dataclass(frozen=True, slots=True)
class Sketches:
    """Of n examples; each field has n rows, but for the grams."""

    bag: np.ndarray
    """uint64: of the question's words but the empty ones ("please", "the"), in any order; 0 where it has none."""
    asks: np.ndarray
    """uint64: of all words of the question, in order."""
    says: np.ndarray
    """uint64: of all words and signs of the completion, in order; 0 where it has none."""
    tells: np.ndarray
    """uint64: the same without signs that are no operators, which are typed in many ways."""
    rejects: np.ndarray
    """uint64: of all words and signs of the answer that was rejected; 0 where there is none."""
    bands: np.ndarray
    """uint32 (n, 16): of the anchor, or zeros where question and completion are short, or nothing is said."""
    is_long: np.ndarray
    """bool: it is anchored by its completion."""
    words: np.ndarray
    """int32: words and signs of question and completion."""
    check: np.ndarray
    """uint64: 16 hashes of four bits, of which two similar questions share most."""
    structure: np.ndarray
    """uint32 (n, 16): of code whose names are not looked at; zeros where it is too short, or no code."""
    grams: np.ndarray
    """uint64: sampled windows of 13 words of either answer, and of the question of what is learned from."""
    ends: np.ndarray
    """int64: how many grams there are up to and with each example."""

    @property
    def anchor(self) -> np.ndarray:
        """uint64 (n): what must be equal besides the bands: all of the completion where it is short, else nothing."""
        return np.where(self.is_long, np.uint64(0), self.says)

    @property
    def gram_counts(self) -> np.ndarray:
        """int64 (n)"""
        return np.diff(self.ends, prepend=0)

    def of(self, rows: slice) -> Sketches:
        """Of some neighbouring examples."""
        before = self.ends[rows.start - 1] if rows.start else 0
        ends = self.ends[rows]
        per_row = {name: getattr(self, name)[rows] for name in PER_ROW}
        return Sketches(**per_row, grams=self.grams[before : ends[-1]], ends=ends - before)


PER_ROW = ("bag", "asks", "says", "tells", "rejects", "bands", "is_long", "words", "check", "structure")


def sketch(
    questions: pa.Array,
    completions: pa.Array,
    rejected: pa.Array,
    *,
    is_code: np.ndarray,
    is_steps: np.ndarray,
    is_held: np.ndarray,
) -> Sketches:
    """Of a batch of examples: texts, whether the completion is code, whether the question is steps in an order that a
    set of windows does not tell, so that none is near another, and whether it is held out."""
    (asked, question), (said, answer), (refused, other) = map(unwrapped, (questions, completions, rejected))
    asks, says = question.words(), answer.words()
    telling = asked.among(asked.is_word | _among(asked.hashes, OPERATORS))
    is_long, is_asked_long = (np.diff(words.offsets) >= SHORT for words in (says, asks))
    whole = _whole(said)
    bands = np.zeros((len(is_long), BANDS), dtype=np.uint32)
    for words, is_anchor in ((says, is_long), (asks, is_asked_long & ~is_long)):
        chosen = is_anchor & ~is_steps & (whole != 0)
        bands[chosen] = _bands(words.of(chosen), SHINGLE)
    check = _whole(asks)
    check[is_asked_long] = _check(asks.of(is_asked_long))
    every, learned = np.arange(len(is_long)), np.flatnonzero(~is_held)
    grams, ends = _sampled(len(is_long), (asks.of(~is_held), learned), (says, every), (other.words(), every))
    return Sketches(
        bag=_bag(telling),
        asks=_whole(telling),
        says=whole,
        tells=_whole(said.among(said.is_word | _among(said.hashes, OPERATORS))),
        rejects=_whole(refused),
        bands=bands,
        is_long=is_long,
        words=(np.diff(asked.offsets) + np.diff(said.offsets)).astype(np.int32),
        check=check,
        structure=_structure(answer, is_code),
        grams=grams,
        ends=ends,
    )


def similar(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether two checks are of similar questions: three quarters of their hashes agree, where chance gives one."""
    differing = left ^ right
    differing |= differing >> np.uint64(2)
    differing |= differing >> np.uint64(1)
    return np.bitwise_count(differing & np.uint64(0x1111111111111111)) <= CHECKS - SIMILAR


def _whole(words: Tokens) -> np.ndarray:
    return spans(words.hashes, words.offsets[:-1], words.offsets[1:])


def _bag(words: Tokens) -> np.ndarray:
    """Of empty words alone these are all that is asked."""
    whole, telling = (
        _sums(words.offsets, hashes)
        for hashes in (mixed(words.hashes), np.where(_among(words.hashes, EMPTY), np.uint64(0), mixed(words.hashes)))
    )
    return np.where(telling != 0, mixed(telling), mixed(whole))


def _sums(offsets: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    sums = np.concatenate([[np.uint64(0)], np.cumsum(hashes)])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def _minima(hashes: np.ndarray, offsets: np.ndarray, count: int) -> np.ndarray:
    """uint32 (n, count)."""
    from rensa import RMinHash

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), count, SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32).reshape(-1, count)


def _bands(words: Tokens, width: int) -> np.ndarray:
    """uint32 (n, 16); never 0, which says that there are none."""
    minima = _minima(*windows(words, width), BANDS * ROWS).reshape(-1, BANDS, ROWS).astype(np.uint64)
    joined = mixed(
        mixed(minima[..., 0] << np.uint64(32) | minima[..., 1]) ^ (minima[..., 2] << np.uint64(32) | minima[..., 3])
    )
    return np.maximum((joined >> np.uint64(32)).astype(np.uint32), 1)


def _check(words: Tokens) -> np.ndarray:
    minima = mixed(_minima(words.hashes, words.offsets, CHECKS).astype(np.uint64)) >> np.uint64(60)
    return (minima << (np.arange(CHECKS, dtype=np.uint64) * np.uint64(4))).sum(axis=1, dtype=np.uint64)


def _sampled(count: int, *texts: tuple[Tokens, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sampled grams of texts, of which each has the number of its row, and how many there are up to each row."""
    found, owners = [], []
    for words, rows in texts:
        grams, offsets = windows(words, GRAM)
        is_kept = grams % np.uint64(SAMPLED) == 0
        found.append(grams[is_kept])
        owners.append(np.repeat(rows, np.diff(offsets))[is_kept])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(found)[order], np.searchsorted(owner[order], np.arange(1, count + 1))


def _structure(said: Tokens, is_code: np.ndarray) -> np.ndarray:
    """Bands over words and signs, in which every name is the same name."""
    bands = np.zeros((len(is_code), BANDS), dtype=np.uint32)
    code = said.of(is_code)
    code = code.among(~_among(code.hashes, WRITTEN_OUT))
    is_told = np.diff(code.offsets) >= STRUCTURE_SHORT
    code = code.of(is_told)
    nameless = np.where(code.is_word & ~_among(code.hashes, KEYWORDS), np.uint64(0), code.hashes)
    bands[np.flatnonzero(is_code)[is_told]] = _bands(replace(code, hashes=nameless), STRUCTURE_WORDS)
    return bands


def _among(hashes: np.ndarray, words: str) -> np.ndarray:
    known = _known(words)
    return known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes


@cache
def _known(words: str) -> np.ndarray:
    return np.sort(tokens(pa.array([words])).hashes)
