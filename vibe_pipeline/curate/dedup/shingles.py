"""Texts → hashes of their words, and of every window of so many words: what sameness is measured on.

A word is a run of letters, digits and underscores in any script that writes spaces; a character of a script that does
not (Chinese, Japanese, Thai, Khmer, emoji) is a word by itself. Case, white space and punctuation are not seen, so that
reformatting changes nothing. Hashes are polynomials over bytes (Karp and Rabin, 1987), taken for a whole batch at once
from running sums; they are the same on every machine. Not here: what two texts share (sketch.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_BYTES = 1 << 16
"""Of a text that are looked at."""

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that it has an inverse modulo 2^64."""
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))

SPACE, WORD, SIGN = 0, 1, 2

CLASSES = np.full(256, WORD, dtype=np.uint8)
CLASSES[:128] = [WORD if chr(byte).isalnum() or chr(byte) == "_" else SIGN for byte in range(128)]
CLASSES[:33] = CLASSES[127] = SPACE

LEADS_LONG = 0xE3
"""First byte of a character of three or four bytes, from U+3000 on."""
UNSPACED = [(0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF)]
"""Thai, Lao, Tibetan, Burmese and Khmer."""
PUNCTUATION = [(0x00A0, 0x00BF), (0x2000, 0x2BFF), (0x3000, 0x303F), (0xFEFF, 0xFEFF)]
PUNCTUATION += [(0xFF00, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF65)]
"""No-break and other spaces, quotes, dashes, arrows, mathematical signs, and those of full width."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words and ASCII signs of a batch of texts."""

    hashes: np.ndarray
    """uint64, of all texts one after the other."""
    is_word: np.ndarray
    offsets: np.ndarray
    """int64, one more than there are texts."""

    def of(self, chosen: np.ndarray) -> Tokens:
        """Those of some of the texts, by a mask over them."""
        counts = np.diff(self.offsets)
        taken = np.repeat(chosen, counts)
        offsets = np.concatenate([[0], np.cumsum(counts[chosen])])
        return Tokens(self.hashes[taken], self.is_word[taken], offsets)

    def words(self) -> Tokens:
        """The same without signs."""
        return self.among(self.is_word)

    def among(self, kept: np.ndarray) -> Tokens:
        """Some of them, by a mask."""
        before = np.concatenate([[0], np.cumsum(kept)])
        return Tokens(self.hashes[kept], self.is_word[kept], before[self.offsets])


def mixed(values: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every bit of a value moves every bit of its hash."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def joined(*values: np.ndarray, seed: int = 0) -> np.ndarray:
    """uint64 (n): one hash for each row of several columns of n."""
    hashes = np.full(len(values[0]), seed, dtype=np.uint64)
    for value in values:
        hashes = mixed(hashes ^ value.astype(np.uint64)) + np.uint64(1)
    return hashes


def _letters(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of all texts in lower case, one after the other, and where each begins."""
    lower = _composed(pc.utf8_lower(pc.fill_null(texts.cast(pa.large_string()), "")))
    short = pc.binary_slice(lower.cast(pa.large_binary()), 0, MAX_BYTES)
    _, offsets, data = short.buffers()
    places = np.frombuffer(offsets, dtype=np.int64)[short.offset : short.offset + len(short) + 1]
    letters = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
    return letters[places[0] : places[-1]], places - places[0]


def _composed(texts: pa.Array) -> pa.Array:
    """In Unicode's form NFC: what looks the same is the same."""
    is_ascii = pc.string_is_ascii(texts)
    if pc.all(is_ascii).as_py():
        return texts
    beyond = pc.invert(is_ascii)
    return pc.replace_with_mask(texts, beyond, pc.utf8_normalize(texts.filter(beyond), form="NFC"))


def spans(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """uint64 hashes of values[start:end]; the same values give the same hash wherever they stand."""
    powers, inverses = _powers(len(values) + 1)
    sums = np.zeros(len(values) + 1, dtype=np.uint64)
    np.cumsum((values + np.uint64(1)) * powers[: len(values)], out=sums[1:])
    return mixed((sums[ends] - sums[starts]) * inverses[starts])


def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the base and of its inverse, from 0 up: at least so many, made for a power of two of them at once."""
    return _made(1 << max(16, (count - 1).bit_length()))


@cache
def _made(count: int) -> tuple[np.ndarray, np.ndarray]:
    made = np.full((2, count), 1, dtype=np.uint64)
    made[:, 1:] = [[BASE], [INVERSE]]
    np.multiply.accumulate(made, axis=1, out=made)
    return made[0], made[1]


def tokens(texts: pa.Array) -> Tokens:
    """Of a batch of texts, of which each may be null."""
    letters, offsets = _letters(texts)
    classes = CLASSES[letters]
    is_alone = _beyond_ascii(letters, classes)
    is_first = np.zeros(len(letters) + 1, dtype=bool)
    is_first[offsets] = True
    is_first = is_first[:-1]
    changes = np.ones(len(letters), dtype=bool)
    changes[1:] = classes[1:] != classes[:-1]
    begins = (changes | is_first | (classes == SIGN) | is_alone) & (classes != SPACE)
    breaks = np.flatnonzero(begins | changes | is_first)
    ends = np.append(breaks[1:], len(letters))
    is_token = begins[breaks]
    starts, ends = breaks[is_token], ends[is_token]
    return Tokens(
        hashes=spans(letters.astype(np.uint64), starts, ends),
        is_word=classes[starts] == WORD,
        offsets=np.searchsorted(starts, offsets),
    )


def _beyond_ascii(letters: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Where a character begins that is a word by itself; what is punctuation is made a space."""
    is_alone = letters >= LEADS_LONG
    leads = np.flatnonzero((letters >= 0xC2) & (letters < 0xF0))
    if not leads.size:
        return is_alone
    padded = np.append(letters, [0, 0]).astype(np.int32)
    is_long = padded[leads] >= 0xE0
    is_whole = (padded[leads + 1] & 0xC0 == 0x80) & (~is_long | (padded[leads + 2] & 0xC0 == 0x80))
    leads, is_long = leads[is_whole], is_long[is_whole]  # else it is cut off
    first, second, third = (padded[leads + place] & 0x3F for place in range(3))
    points = np.where(is_long, (first & 0x0F) << 12 | second << 6 | third, (first & 0x1F) << 6 | second)
    is_sign = _within(points, PUNCTUATION)
    classes[leads[is_sign]] = classes[leads[is_sign] + 1] = classes[leads[is_sign & is_long] + 2] = SPACE
    is_alone[leads[_within(points, UNSPACED)]] = True
    return is_alone


def _within(points: np.ndarray, ranges: list[tuple[int, int]]) -> np.ndarray:
    found = np.zeros(len(points), dtype=bool)
    for low, high in ranges:
        found |= (points >= low) & (points <= high)
    return found


def windows(words: Tokens, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(hashes of every `width` neighbouring words, offsets); a text with fewer words has none."""
    counts = np.maximum(np.diff(words.offsets) - width + 1, 0)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    starts = np.arange(offsets[-1]) + np.repeat(words.offsets[:-1] - offsets[:-1], counts)
    return spans(words.hashes, starts, starts + width), offsets
