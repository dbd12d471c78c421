"""Texts → hashes of their words, and of every window of so many words: what sameness is measured on.

A word is a run of letters, digits and underscores in any script that writes spaces; a character of a script that does
not (Chinese, Japanese, Thai, Khmer) is a word by itself, and so is what says something beyond ASCII and is no letter
(emoji, arrows, currencies, what is more than three). Case, white space and punctuation are not seen, so that
reformatting changes nothing, nor what cannot be seen, nor how a letter is encoded, nor marks and spellings that readers
take for the same. What a tool makes of code is the code: line ends that are written out (in JSON), colours, numbers of
lines. Hashes are polynomials over bytes (Karp and Rabin, 1987), taken for a whole batch at once from running sums; they
are the same on every machine. Not here: what two texts share (sketch.py).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_BYTES = 1 << 18
"""Of a text that are looked at: all of what `quality.longest` lets pass by default, in any script."""

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that it has an inverse modulo 2^64."""
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))

SPACE, WORD, SIGN, ALONE = 0, 1, 2, 3
"""What a character is: a sign is no word, and what is alone is one by itself, whatever stands beside it."""

CLASSES = np.full(256, WORD, dtype=np.uint8)
CLASSES[:128] = [WORD if chr(byte).isalnum() or chr(byte) == "_" else SIGN for byte in range(128)]
CLASSES[:33] = CLASSES[127] = SPACE

UNSPACED = [(0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3000, 0xFFFF)]
"""Thai, Lao, Tibetan, Burmese, Khmer, Chinese, Japanese, Korean."""
DRAWN = [(0x2500, 0x259F)]
"""Lines and blocks, of which tables are drawn."""
TELLING = "‰‱′"
"""Unicode calls them punctuation; they are units."""

UNSEEN = r"[©®™\x{AD}\x{34F}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{FE00}-\x{FE0F}\x{FEFF}]"
"""Where a word may break, which way it is written, whose it is: what is pasted from a page is full of them."""
POINTED = r"[\x{591}-\x{5BD}\x{5BF}\x{5C1}\x{5C2}\x{5C4}\x{5C5}\x{5C7}\x{640}\x{64B}-\x{652}\x{670}]"
"""Vowels of Hebrew and Arabic, and what stretches a word: most write without."""
SPELT = {"[ёЁ]|[еЕ]\u0308": "е", "[ßẞ]": "ss", "ς": "σ", POINTED: ""}
"""Letters that are typed in two ways, or become others in upper case and back; Arrow's NFKC leaves two of one."""
SPELLING = np.isin(np.arange(256), [0xC3, 0xE1, *range(0xCC, 0xDA)])
"""First bytes of these, and of not much else."""
COLOURED = r"\x1b\[[0-9;:]*[A-Za-z]"
NUMBERED = r"(?m)(^|\\n)( +[0-9]+(\t|\\+t)| *[0-9]+→)"
"""Numbers of lines, as `cat -n` and tools of agents write them; a table begins with no space."""
ESCAPE, TAB, LINE_END, BACKSLASH, ARROW = 0x1B, 0x09, 0x0A, 0x5C, "→".encode()
ESCAPES = np.zeros(256, dtype=np.uint8)
"""Signs for what is written out as a letter behind a backslash: no word, and a line end is no tab."""
ESCAPES[[ord(letter) for letter in "ntr"]] = 1, 2, 3

RAISED = "\ue000"
"""Put before a number that is no plain one, for 5² is not 52, and NFKC makes it so."""


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


@dataclass(frozen=True, slots=True)
class Laid:
    """Tokens of a batch of texts, and how they stand there."""

    tokens: Tokens
    starts: np.ndarray
    """int64: the place of each token's first letter."""
    letters: np.ndarray
    """uint8: in lower case, of all texts one after the other."""
    classes: np.ndarray

    def is_spaced(self, tokens: np.ndarray) -> np.ndarray:
        """Whether white space stands before these, by their places; what begins a text has none."""
        starts = self.starts[tokens]
        return (self.classes[np.maximum(starts, 1) - 1] == SPACE) & (starts > 0)

    def is_number(self, tokens: np.ndarray) -> np.ndarray:
        """Whether these begin with a digit."""
        letters = self.letters[self.starts[tokens]]
        return (letters >= ord("0")) & (letters <= ord("9"))

    def lines(self) -> np.ndarray:
        """Places of the tokens with which lines and texts begin."""
        ends = np.flatnonzero((self.letters == LINE_END) | (self.letters == ESCAPES[ord("n")]))
        is_first = np.zeros(len(self.starts) + 1, dtype=bool)
        is_first[self.tokens.offsets] = True
        is_first[np.searchsorted(self.starts, ends, side="right")] = True
        return np.flatnonzero(is_first[:-1])


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
    lower = pc.utf8_lower(_plain(_shown(pc.fill_null(texts.cast(pa.large_string()), ""))))
    return _bytes(pc.binary_slice(lower.cast(pa.large_binary()), 0, MAX_BYTES))


def _bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
    return letters[places[0] : places[-1]], places - places[0]


def _shown(texts: pa.Array) -> pa.Array:
    """Without colours and numbers of lines; those are looked for where a number stands before a sign of them."""
    letters, offsets = _bytes(texts)
    is_end = (letters == TAB) | (letters == BACKSLASH) | (letters == ARROW[-1]) | (letters == ESCAPE)
    ends = np.flatnonzero(is_end)
    before = letters[np.maximum(ends - np.where(letters[ends] == ARROW[-1], len(ARROW), 1), 0)]
    ends = ends[(letters[ends] == ESCAPE) | (before >= ord("0")) & (before <= ord("9"))]
    return _replaced(texts, ends, offsets, {COLOURED: "", NUMBERED: r"\1"})


def _plain(texts: pa.Array) -> pa.Array:
    """In Unicode's form NFKC, without what is not seen: what looks the same is the same."""
    is_ascii = pc.string_is_ascii(texts)
    if pc.all(is_ascii).as_py():
        return texts
    beyond = pc.invert(is_ascii)
    typed = pc.replace_substring(texts.filter(beyond), "´", "'")  # of which NFKC makes an accent
    seen = pc.replace_substring_regex(typed, UNSEEN, "")
    marked = pc.replace_substring_regex(seen, r"(\p{No})", RAISED + r"\1")
    normal = pc.utf8_normalize(marked, form="NFKC")
    letters, offsets = _bytes(normal)
    spelt = _replaced(normal, np.flatnonzero(SPELLING[letters]), offsets, SPELT)
    return pc.replace_with_mask(texts, beyond, spelt)


def _replaced(texts: pa.Array, places: np.ndarray, offsets: np.ndarray, by: dict[str, str]) -> pa.Array:
    """What patterns find is replaced in those of the texts that lie at these places."""
    if not places.size:
        return texts
    touched = np.zeros(len(texts), dtype=bool)
    touched[np.searchsorted(offsets, places, side="right") - 1] = True
    some = texts.filter(pa.array(touched))
    for pattern, other in by.items():
        some = pc.replace_substring_regex(some, pattern, other)
    return pc.replace_with_mask(texts, pa.array(touched), some)


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
    return laid(texts).tokens


def laid(texts: pa.Array) -> Laid:
    """The same with what is known of their places."""
    letters, offsets = _letters(texts)
    classes = CLASSES[letters]
    is_alone = _beyond_ascii(letters, classes)
    is_first = np.zeros(len(letters) + 1, dtype=bool)
    is_first[offsets] = True
    is_first = is_first[:-1]
    letters = _escaped(letters, classes, is_first)
    changes = np.ones(len(letters), dtype=bool)
    changes[1:] = classes[1:] != classes[:-1]
    begins = (changes | is_first | (classes == SIGN) | is_alone) & (classes != SPACE)
    breaks = np.flatnonzero(begins | changes | is_first)
    ends = np.append(breaks[1:], len(letters))
    is_token = begins[breaks]
    starts, ends = breaks[is_token], ends[is_token]
    found = Tokens(
        hashes=spans(letters.astype(np.uint64), starts, ends),
        is_word=classes[starts] != SIGN,
        offsets=np.searchsorted(starts, offsets),
    )
    return Laid(found, starts, letters, classes)


def _escaped(letters: np.ndarray, classes: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """With signs for line ends and tabs that are written out; they get their class."""
    places = np.flatnonzero(letters[:-1] == BACKSLASH) + 1
    places = places[(ESCAPES[letters[places]] > 0) & ~is_first[places]]
    if not places.size:
        return letters
    letters = letters.copy()
    letters[places], classes[places] = ESCAPES[letters[places]], SIGN
    return letters


def _beyond_ascii(letters: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Where a character begins that is a word by itself; all of its bytes get its class."""
    is_alone = np.zeros(len(letters), dtype=bool)
    leads = np.flatnonzero(letters >= 0xC2)
    if not leads.size:
        return is_alone
    padded = np.append(letters, [0, 0, 0])
    lengths = (padded[leads] >= 0xE0) * np.int8(1) + (padded[leads] >= 0xF0) + 2
    for length in (2, 3, 4):
        these = leads[lengths == length]
        points = (padded[these] & (0xFF >> (length + 1))).astype(np.int32)
        is_whole = np.ones(len(these), dtype=bool)  # else it is cut off
        for place in range(1, length):
            following = padded[these + place]
            is_whole &= following & 0xC0 == 0x80
            points = points << 6 | following & 0x3F
        these, kinds = these[is_whole], _kinds()[np.minimum(points[is_whole], 0xFFFF)]
        for place in range(length):
            classes[these + place] = kinds
        is_alone[these] = kinds == ALONE
    return is_alone


@cache
def _kinds() -> np.ndarray:
    """uint8: the class of each character below U+FFFF, and at this place that of all from there on."""
    kinds = np.array([_kind(unicodedata.category(chr(point))) for point in range(1 << 16)], dtype=np.uint8)
    for low, high in UNSPACED:
        kinds[low : high + 1] = np.where(kinds[low : high + 1] == SPACE, SPACE, ALONE)
    for low, high in DRAWN:
        kinds[low : high + 1] = SPACE
    kinds[[ord(sign) for sign in TELLING]] = ALONE
    return kinds


def _kind(category: str) -> int:
    """Of a character beyond ASCII, by its category in Unicode."""
    if category in ("Sm", "Sc", "So", "No", "Co"):
        return ALONE
    return SPACE if category[0] in "ZP" or category in ("Cc", "Cf", "Sk") else WORD


def windows(words: Tokens, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(hashes of every `width` neighbouring words, offsets); a text with fewer words has none."""
    counts = np.maximum(np.diff(words.offsets) - width + 1, 0)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    starts = np.arange(offsets[-1]) + np.repeat(words.offsets[:-1] - offsets[:-1], counts)
    return spans(words.hashes, starts, starts + width), offsets
