"""What a tool puts around a text, and is none of it: what a log writes before each line, HTML's entities and tags.

Seen through for what is nearly the same or quoted; that two texts are the very same is told by all that stands there,
for `&lt;` is another answer than `<`. Both sides of a comparison are treated alike. Not here: colours, numbers of lines
and line ends that are written out, which no text has of its own (shingles.py).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from vibe_pipeline.curate.dedup.shingles import Laid, Tokens, laid, tokens

LONGEST = 32
"""Words and signs of what stands before each line: a date, a time, a module and a level are some twenty."""
MOST = 1 / 2
"""Of the lines of a text: somebody may say something before and behind a log."""
ALL = 0.9
"""Of the lines that begin so, what stands behind: else it is how some of them go on."""
LINES = 3
"""At least: two begin alike by chance."""
LEFT = 1 / 3
"""Of the lines, which say something else behind it: else it is what the text says."""

NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
NUMBERED = {
    form: chr(point)
    for point in (*range(0x80), 0xA0, *range(0x2010, 0x2027))
    if not chr(point).isalnum() and chr(point) != "_"
    for form in (f"{point}", f"{point:03}", f"x{point:x}", f"x{point:02x}", f"x{point:04x}")
}
"""Signs that are written as a number; letters are left as they are."""


def unwrapped(texts: pa.Array) -> tuple[Tokens, Tokens]:
    """Of a batch of texts: all their words and signs, and those without what was put around."""
    found = laid(texts)
    return found.tokens, _without_tags(_without_entities(found.tokens, ~_prefixes(found)))


def _prefixes(found: Laid) -> np.ndarray:
    """bool, of each token: whether most lines of its text begin with it and what stands before it, but for dates and
    times. Each line is compared with the one in the middle of its text; a beginning ends where a field does."""
    hashes, offsets = found.tokens.hashes, found.tokens.offsets
    firsts = found.lines()
    ends = np.append(firsts[1:], len(hashes))
    of_text = np.searchsorted(firsts, offsets)
    counts = np.diff(of_text)
    middle = of_text[:-1] + counts // 2
    texts = np.repeat(np.arange(len(counts)), counts)
    lines = np.flatnonzero(counts[texts] >= LINES)
    needed, words, ended = np.zeros(len(counts)), np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    alike = np.zeros(len(firsts), dtype=np.int64)
    for place in range(LONGEST):
        mine, its = firsts[lines] + place, firsts[middle[texts[lines]]] + place
        is_there = (mine < ends[lines]) & (its < ends[middle[texts[lines]]])
        lines, mine, its = lines[is_there], mine[is_there], its[is_there]
        is_alike = hashes[mine] == hashes[its]
        others = np.flatnonzero(~is_alike)
        others = others[_is_moment(found, mine[others])]
        is_alike[others] = _is_moment(found, its[others])
        lines = lines[is_alike]
        shared = np.bincount(texts[lines], minlength=len(counts))
        if place == 0:
            needed = np.maximum(np.maximum(ALL * shared, MOST * counts), 1)
        begin = np.flatnonzero(shared >= needed)
        if not begin.size:
            break
        lines = lines[(shared >= needed)[texts[lines]]]
        last = firsts[middle[begin]] + place
        words[begin] += found.tokens.is_word[last]
        is_end = last + 1 == ends[middle[begin]]
        is_end[~is_end] = found.is_spaced(last[~is_end] + 1)
        is_end &= (
            ~found.tokens.is_word[last] | _is_moment(found, last) | (words > 1)[begin] & (shared >= ALL * counts)[begin]
        )
        ended[begin[is_end]] = place + 1
        alike[lines] = ended[texts[lines]]
    says_more = np.bincount(texts[firsts + alike < ends], minlength=len(counts)) >= LEFT * counts
    return _marked(len(hashes), firsts, np.where(says_more[texts], alike, 0))


def _is_moment(found: Laid, places: np.ndarray) -> np.ndarray:
    """bool: whether a token is a number of a date or a time: joined to others by a colon, or by two hyphens, slashes
    or full stops, or a part of a second."""
    is_moment = found.is_number(places)
    numbers = places[is_moment]
    if not numbers.size:
        return is_moment
    near = np.clip(numbers[:, None] + np.arange(-4, 5), 0, len(found.starts) - 1)
    signs, are_numbers = found.tokens.hashes[near[:, 1::2]], found.is_number(near[:, ::2])
    colon, comma, *others = ((signs == sign) & are_numbers[:, 1:] & are_numbers[:, :-1] for sign in _signs(": , - / ."))
    is_one = colon[:, 1] | colon[:, 2] | colon[:, 0] & (comma[:, 1] | others[-1][:, 1])
    for sign in others:
        is_one |= (sign[:, 1:] & sign[:, :-1]).any(axis=1)
    is_moment[is_moment] = is_one
    return is_moment


def _without_entities(found: Tokens, is_kept: np.ndarray) -> Tokens:
    """Those that are kept, by a mask, with the sign in the place of its entity."""
    hashes = found.hashes
    ampersand, semicolon, number = _signs("& ; #")
    places = np.flatnonzero(hashes == ampersand)
    if places.size:
        names, meant = _entities()
        is_numbered = _behind(hashes, places, 1) == number
        lengths = is_numbered + 3
        name = _behind(hashes, places, lengths - 2) + is_numbered
        at = np.minimum(np.searchsorted(names, name), len(names) - 1)
        is_one = (names[at] == name) & (_behind(hashes, places, lengths - 1) == semicolon)
        is_one &= _is_of_one_text(found, places, lengths)
        places, lengths, signs = places[is_one], lengths[is_one], meant[at[is_one]]
        is_kept &= ~_marked(len(hashes), places, lengths)
        is_kept[places] = signs != 0
        hashes = hashes.copy()
        hashes[places] = signs
    whole = Tokens(hashes, found.is_word, found.offsets)
    return whole if is_kept.all() else whole.among(is_kept)


def _without_tags(found: Tokens) -> Tokens:
    """Without tags that have no attributes, in texts that close one or break a line: else `List<string>` is code. What
    is mostly tags is told by them."""
    less, more, slash, line_break = _signs("< > / br")
    places = np.flatnonzero(found.hashes == less)
    one, two, three = (_behind(found.hashes, places, at) for at in (1, 2, 3))
    is_word = _behind(found.is_word, places, 1)
    closes = (three == more) & ((one == slash) & _behind(found.is_word, places, 2) | (two == slash) & is_word)
    lengths = np.where(is_word & (two == more), 3, np.where(closes, 4, 0))
    is_tag = (lengths > 0) & _is_of_one_text(found, places, lengths)
    is_told = is_tag & (closes | (one == line_break))
    if not is_told.any():
        return found
    count = len(found.offsets) - 1
    texts = np.searchsorted(found.offsets, places, side="right") - 1
    told, tags = (np.bincount(texts[it], minlength=count) for it in (is_told, is_tag))
    words = np.diff(np.concatenate([[0], np.cumsum(found.is_word)])[found.offsets])
    is_wrapped = is_tag & ((told > 0) & (2 * tags <= words))[texts]
    return found.among(~_marked(len(found.hashes), places[is_wrapped], lengths[is_wrapped]))


def _marked(count: int, firsts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """bool (count): what lies in so many places from each of these on."""
    marks = np.zeros(count, dtype=bool)
    steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    marks[np.repeat(firsts, lengths) + steps] = True
    return marks


def _behind(values: np.ndarray, places: np.ndarray, steps: np.ndarray | int) -> np.ndarray:
    """What stands so far behind these, or the last of all."""
    return values[np.minimum(places + steps, len(values) - 1)]


def _is_of_one_text(found: Tokens, places: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """bool: whether so many tokens from each of these on are of one text."""
    ends = found.offsets[1:][np.searchsorted(found.offsets[1:], places, side="right")]
    return places + lengths <= ends


@cache
def _signs(signs: str) -> np.ndarray:
    return tokens(pa.array([signs])).hashes


@cache
def _entities() -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the names, sorted, those of numbers one higher; and of the sign that each means, 0 where it is none."""
    names = np.append(_signs(" ".join(NAMED)), _signs(" ".join(NUMBERED)) + np.uint64(1))
    signs = tokens(pa.array([*NAMED.values(), *NUMBERED.values()]))
    meant, is_sign = np.zeros(len(names), dtype=np.uint64), np.diff(signs.offsets) == 1
    meant[is_sign] = signs.hashes[signs.offsets[:-1][is_sign]]
    order = np.argsort(names)
    return names[order], meant[order]
