"""Hashes of words, and sketches by which examples are compared: what changes them, and what does not."""

import json
import random
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.curate.dedup import shingles
from vibe_pipeline.curate.dedup.shingles import tokens, windows
from vibe_pipeline.curate.dedup.sketch import BANDS, SAMPLED, SHINGLE, similar, sketch
from vibe_pipeline.settings import Quality

WORDS = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "é", "ж", "eins", "zwei"]), max_size=12)


def hashes(*texts: str) -> list[list[int]]:
    found = tokens(pa.array(texts)).words()
    return [found.hashes[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)]


@given(WORDS, WORDS)
def test_texts_have_the_same_hashes_where_they_have_the_same_words(left, right):
    one, other = hashes(" ".join(left), " ".join(right))
    assert [a == b for a in one for b in other] == [a == b for a in left for b in right]


@given(WORDS, st.sampled_from([", ", "\n\n", " — ", "  (", " “", "\u00a0", "\u3000", "« ", "，", "。", "…"]))
def test_case_white_space_and_punctuation_change_nothing(words, between):
    one, other = hashes(" ".join(words), between.join(word.upper() for word in words) + ".")
    assert one == other


@given(st.lists(st.sampled_from(["Grüße", "é", "한국어", "ば", "a", "Ω"]), max_size=9))
def test_how_unicode_composes_a_letter_changes_nothing(words):
    one, other = hashes(*(unicodedata.normalize(form, " ".join(words)) for form in ("NFC", "NFD")))
    assert one == other


PASTED = "the office financed efficient offline workflows for the staff"


@pytest.mark.parametrize(
    "pasted",
    [
        PASTED.replace("o", "o\u00ad"),
        PASTED.replace("e", "e\u200b"),
        PASTED.replace("e", "\u200de\u2060").replace("i", "\ufeffi"),
        PASTED.replace("fi", "ﬁ").replace("ff", "ﬀ"),
        PASTED.replace(" ", "\u2009"),
        "".join(chr(ord(it) + 0xFEE0) if it > " " else "\u3000" for it in PASTED),
    ],
)
def test_what_is_not_seen_and_how_a_letter_is_encoded_change_nothing(pasted):
    one, other = hashes(PASTED, pasted)
    assert one == other


@pytest.mark.parametrize(
    ("left", "right"),
    [
        *zip("✅✓→⬆½²Ⅳ①€🙂°‰′", "❌✗←⬇¾³Ⅵ②£🙁′%°", strict=True),
        *zip(("x ≤ 5", "5 µs", "3 m²", "5²", "½", "OK ✅"), ("x ≥ 5", "5 s", "3 m³", "52", "1/2", "OK"), strict=True),
    ],
)
def test_what_differs_in_a_sign_beyond_ascii_says_something_else(left, right):
    found = sketches(("Is it so?", left), ("Is it so?", right), (left, "yes"), (right, "yes"))
    assert found.says[0] != found.says[1]
    assert found.asks[2] != found.asks[3]
    assert found.bag[2] != found.bag[3]


def test_a_sign_beyond_ascii_is_the_same_whatever_stands_beside_it():
    assert hashes("x≤5 日本PASS✅")[0] == hashes("x ≤ 5 日 本 pass ✅\ufe0f")[0]


def test_what_says_nothing_is_near_nothing():
    assert not sketches((" ".join(prose(1)), "—")).bands.any()


def test_all_of_the_longest_text_is_looked_at():
    longest = Quality().longest
    for letter in "aж日":
        text = letter * (longest - 9) + " the end"
        assert hashes(text)[0][-2:] == hashes("the end")[0]


AREA = 'def area(width, height):\n\tif width < 0:\n\t\traise ValueError("negative\\n")\n\treturn width * height\n'
LINES = AREA.splitlines()
SHOWN = {
    "numbered": "\n".join(f"{at:6}\t{line}" for at, line in enumerate(LINES, 8)),
    "numbered by an agent's tool": "\n".join(f"{at:>6}→{line}" for at, line in enumerate(LINES, 8)),
    "numbered without spaces": "\n".join(f"{at}→{line}" for at, line in enumerate(LINES, 98)),
    "coloured": AREA.replace("def", "\x1b[1;34mdef\x1b[0m").replace("return", "\x1b[34mreturn\x1b[39;49m"),
    "JSON": json.dumps(AREA),
    "JSON in JSON": json.dumps(json.dumps(AREA)),
    "numbered, in JSON": json.dumps("\n".join(f"{at:6}\t{line}" for at, line in enumerate([" ", *LINES], 8)))[9:],
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_tool_makes_of_code_is_the_code(name):
    one, other = hashes(AREA, SHOWN[name])
    assert one == other
    structure = sketches(("", AREA), ("", SHOWN[name].strip('\\"')), is_code=True).structure
    assert (structure[0] == structure[1]).all()


@pytest.mark.parametrize(("left", "right"), [(r"\n", r"\t"), (r"a\n", "a"), ("1\tyes\n2\tno", "3\tyes\n4\tno")])
def test_what_is_written_out_and_numbers_of_a_table_are_told_apart_where_a_text_is_short(left, right):
    found = sketches(("What is it?", left), ("What is it?", right), (left, "yes"), (right, "yes"))
    assert found.says[0] != found.says[1]
    assert found.bag[2] != found.bag[3]


def test_a_backslash_at_the_end_changes_nothing_in_the_next_text():
    assert hashes("one \\", "next")[1] == hashes("next")[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Die Straße ist größer", "DIE STRASSE IST GRÖẞER"),
        ("ещё всё о ребёнке", "Еще все о ребенке"),
        ("ὁδὸς λόγος", "ὉΔῸΣ ΛΌΓΟΣ"),
        ("يُعَدُّ الْكِتَابُ مَصْدَرًا", "يعد الكتاب مصدرا"),
        ("كتاب جميل", "كتـــاب جميـل"),
        ("הַסֵּפֶר הוּא־אֶחָד", "הספר הוא אחד"),
    ],
)
def test_a_text_is_the_same_in_its_two_spellings(one, other):
    for form in ("NFC", "NFD", "NFKC"):
        left, right = hashes(unicodedata.normalize(form, one), other)
        assert left == right


def test_letters_with_other_accents_are_others():
    left, right = hashes("ma cote", "ma côté")
    assert left[1] != right[1]


@given(st.lists(st.text(max_size=20), max_size=6))
def test_a_text_has_the_same_hashes_alone_and_among_others(texts):
    assert hashes(*texts) == [hashes(text)[0] for text in texts]


@pytest.mark.parametrize("sign", ["…", "«", "é", "日"])
@pytest.mark.parametrize("left", [1, 2])
def test_a_character_that_is_cut_off_changes_nothing_in_the_next_text(monkeypatch, sign, left):
    monkeypatch.setattr(shingles, "MAX_BYTES", 4 + left)
    assert hashes(f"one {sign}", "two three")[1] == hashes("two three")[0]


@given(st.text("日本語中文字ไทยลาวမြန်ភាសា🙂", min_size=1, max_size=9))
def test_a_character_of_a_script_without_spaces_is_a_word(text):
    assert len(hashes(text)[0]) == len(text)


@given(st.lists(WORDS, max_size=5), st.integers(1, 5))
def test_windows_are_those_of_each_text_alone(texts, width):
    found = tokens(pa.array([" ".join(words) for words in texts], pa.string())).words()
    values, offsets = windows(found, width)
    assert np.diff(offsets).tolist() == [max(0, len(words) - width + 1) for words in texts]
    every = [" ".join(words[at : at + width]) for words in texts for at in range(len(words) - width + 1)]
    assert [a == b for a in values for b in values] == [a == b for a in every for b in every]


def sketches(*pairs: tuple[str, str], is_code: bool = False, is_steps: bool = False, is_held: bool = False):
    questions, completions = (pa.array(column) for column in zip(*pairs, strict=True))
    none = pa.nulls(len(pairs), pa.string())
    flags = {"is_code": is_code, "is_steps": is_steps, "is_held": is_held}
    return sketch(questions, completions, none, **{name: np.full(len(pairs), flag) for name, flag in flags.items()})


def prose(seed: int, words: int = 120) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(4000)}" for _ in range(words)]


def test_bands_agree_as_often_as_the_similarity_says():
    """Share of 16 bands of four that agree = Jaccard^4, on average over pairs."""
    pairs, wanted = [], []
    for seed in range(120):
        words, changed = prose(seed), prose(seed)
        for at in random.Random(seed).sample(range(120), seed % 12):
            changed[at] = "other"
        sets = [{tuple(text[at : at + SHINGLE]) for at in range(121 - SHINGLE)} for text in (words, changed)]
        wanted.append((len(sets[0] & sets[1]) / len(sets[0] | sets[1])) ** 4)
        pairs += [("q", " ".join(words)), ("q", " ".join(changed))]
    found = sketches(*pairs)
    shares = (found.bands[::2] == found.bands[1::2]).mean(axis=1)
    assert abs(shares.mean() - np.mean(wanted)) < 0.03
    assert np.corrcoef(shares, wanted)[0, 1] > 0.9


def test_what_is_short_has_no_bands_and_a_short_completion_must_be_the_very_same():
    question = " ".join(prose(1, 40))
    found = sketches(("short", "yes"), (question, "works"), (question, "works."), (question, "fails: KeyError"))
    assert not found.bands[0].any()
    assert (found.bands[1] == found.bands[3]).all()
    assert len({*found.anchor[1:].tolist()}) == 3


def test_steps_are_near_no_others():
    """The same steps in another order are another session."""
    steps = " ".join(prose(1, 40))
    assert not sketches((steps, "grep"), (steps, steps), is_steps=True).bands.any()


@pytest.mark.parametrize(
    ("left", "right", "is_like"),
    [
        ("What does os.stat do?", "what does os.stat do", True),
        ("What does os.stat do?", "Explain os.stat in one sentence.", False),
        ("What does os.stat do?", "What does os.lstat do?", False),
        (" ".join(prose(1)), " ".join([*prose(1)[:-3], "some", "other", "end"]), True),
        (" ".join(prose(1)), " ".join(prose(2)), False),
    ],
)
def test_questions_are_similar_when_most_of_their_words_are_the_same(left, right, is_like):
    found = sketches((left, "a"), (right, "a"))
    assert similar(found.check[:1], found.check[1:]).tolist() == [is_like]


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ("Describe the purpose of os.stat.", "Please describe purpose of os.stat", True),
        ("Describe the purpose of os.stat.", "of os.stat, describe the purpose", True),
        ("Describe the purpose of os.stat.", "Describe the purpose of os.lstat.", False),
        ("Describe the purpose of os.stat.", "What does os.stat do?", False),
    ],
)
def test_a_question_is_its_words_but_for_empty_ones_in_any_order(left, right, is_same):
    found = sketches((left, "a"), (right, "a"))
    assert (found.bag[0] == found.bag[1]) == is_same


CODE = """def merge(left, right):
    result = []
    while left and right:
        result.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
    return result + left + right
"""


def test_the_structure_of_code_does_not_see_names_and_sees_everything_else():
    renamed = CODE.replace("merge", "join_sorted").replace("left", "a").replace("right", "b").replace("result", "out")
    other = "def add(numbers):\n    total = 0\n    for number in numbers:\n        total += number\n    return total\n"
    found = sketches(("q", CODE), ("q", renamed), ("q", other * 2), ("q", "x = 1"), is_code=True).structure
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).sum() <= 2
    assert not found[3].any()
    assert not sketches(("q", CODE)).structure.any()


def test_grams_are_of_completions_and_of_questions_that_are_learned_from():
    question, completion = " ".join(prose(1, 2000)), " ".join(prose(2, 2000))
    learned, held = sketches((question, completion)), sketches((question, completion), is_held=True)
    assert learned.gram_counts[0] == pytest.approx(2 * 1988 / SAMPLED, rel=0.2)
    assert held.gram_counts[0] == pytest.approx(1988 / SAMPLED, rel=0.2)
    assert set(held.grams) < set(learned.grams)


def test_a_stretch_of_sketches_is_those_of_its_rows():
    rows = [(" ".join(prose(n)), " ".join(prose(n + 9, 40 * n))) for n in range(6)]
    whole, part = sketches(*rows), sketches(*rows[2:5])
    stretch = whole.of(slice(2, 5))
    assert (stretch.bands == part.bands).all()
    assert (stretch.grams == part.grams).all()
    assert (stretch.ends == part.ends).all()
    assert whole.bands.shape == (6, BANDS)
