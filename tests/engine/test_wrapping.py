"""What a log or a page puts around a text is not seen where likeness is told, and what a text says itself is."""

import html
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.curate.dedup.shingles import Tokens
from vibe_pipeline.curate.dedup.wrapping import unwrapped

CODE = """def merge(left, right):
    result = []

    while left and right:
        if left[0] <= right[0] & 255:
            result.append(left.pop(0))
        else:
            result.append(right.pop(0))
    return result + left + right"""
LINES = CODE.split("\n")


def each(found: Tokens) -> list[list[int]]:
    words = found.words()
    return [words.hashes[a:b].tolist() for a, b in zip(words.offsets, words.offsets[1:], strict=False)]


def is_same(one: str, other: str) -> bool:
    """Whether they are alike where likeness is told; whether they are equal is told by all their words."""
    whole, bare = map(each, unwrapped(pa.array([one, other])))
    assert (whole[0] == whole[1]) == (one.split() == other.split())
    return bare[0] == bare[1]


BEGINNINGS = [
    "web-1  | ",
    "INFO worker ",
    "[pod/web-1/web] ",
    "2024-03-02T12:{:02}:07.1234567Z ",
    "[2024-03-02 9:{:02}:07] bot: ",
    "[12:{:02}] <bob> ",
    "02.03.2024, 12:{:02} - Bob: ",
    "2024/03/02 12:{:02}:07,123 - app.main - INFO - ",
    "Mar  2 12:{:02}:07 host sshd[42]: ",
]


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("frame", ["{}", "Here it is:\n{}", "{}\nThat is all.", "{}\n"])
def test_what_most_lines_begin_with_is_not_seen(beginning, frame):
    logged = "\n".join(beginning.format(at) + line for at, line in enumerate(LINES, 7))
    if beginning == "INFO worker ":
        frame = "{}"
    assert is_same(frame.format(CODE), frame.format(logged))


def test_nor_where_line_ends_are_written_out_or_blank_lines_are_trimmed():
    logged = "\n".join(f"web-1  | {line}".rstrip() for line in LINES)
    assert is_same(CODE, logged)
    assert is_same(json.dumps(f"\n{CODE}"), json.dumps(f"\n{logged}"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10 20 pears\n30 40 plums\n50 60 figs", "11 20 pears\n31 40 plums\n51 60 figs"),
        ("1.5 pears\n2.5 plums\n3.5 figs", "1.7 pears\n2.7 plums\n3.7 figs"),
        ("12:00\n13:00\n14:00", "12:30\n13:30\n14:30"),
        ("2024-01-02,1.5\n2024-01-03,1.6\n2024-01-04,1.7", "2024-01-02,2.5\n2024-01-03,2.6\n2024-01-04,2.7"),
        ("cats.push(1)\ncats.push(2)\ncats.push(3)", "dogs.push(1)\ndogs.push(2)\ndogs.push(3)"),
        ("He ran\nHe sat\nHe ate", "She ran\nShe sat\nShe ate"),
        ("He did run\nHe did sit\nThen it rained", "She did run\nShe did sit\nThen it rained"),
        ("Bob: yes", "Ann: yes"),
        ("ha ha\nha ha\nha ha", "ho ho\nho ho\nho ho"),
        ("我在\n我是\n我有", "你在\n你是\n你有"),
    ],
)
def test_what_lines_say_is_seen(one, other):
    assert not is_same(one, other)


PAGES = {
    "escaped": html.escape,
    "by numbers": lambda it: it.replace("&", "&#38;").replace("<", "&#x3C;").replace("[", "&#091;"),
    "in pre": lambda it: f"<pre><code>{html.escape(it)}</code></pre>",
    "in paragraphs": lambda it: "".join(f"<p>{html.escape(line)}</p>\n" for line in it.split("\n")),
    "in broken lines": lambda it: html.escape(it).replace("\n", "<br>\n"),
    "in a log": lambda it: html.escape("\n".join(f"web-1 | {line}" for line in it.split("\n"))),
}


@pytest.mark.parametrize("name", PAGES)
def test_entities_and_tags_of_a_page_are_not_seen(name):
    assert is_same(CODE, PAGES[name](CODE))


def test_an_escaped_sign_is_the_sign():
    bare = unwrapped(pa.array([CODE, html.escape(CODE)]))[1]
    one, other = (bare.hashes[a:b].tolist() for a, b in zip(bare.offsets, bare.offsets[1:], strict=False))
    assert one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("List<String> names = all(a, b, c)", "List<Integer> names = all(a, b, c)"),
        ("git checkout <branch> and then push it", "git checkout <commit> and then push it"),
        ("int *p = &x; int q = a &32;", "int *p = &y; int q = a &64;"),
        ("<a href='x'>one two three four</a>", "<a href='y'>one two three four</a>"),
        ("<ul><li>Yes</li></ul>", "<ol><dt>Yes</dt></ol>"),
        ("it is &eacute; here", "it is &agrave; here"),
    ],
)
def test_names_in_code_attributes_and_what_is_mostly_tags_are_seen(one, other):
    assert not is_same(one, other)


PIECES = ["&", "lt", "amp;", "#39;", "<", "p", "/p", ">", "\n", " ", "web |", "12:00 ", "word", "&lt;", "<p>", "</p>"]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=24).map("".join), max_size=5))
def test_a_text_is_the_same_alone_and_among_others(texts):
    bare = each(unwrapped(pa.array(texts, pa.string()))[1])
    assert bare == [each(unwrapped(pa.array([text]))[1])[0] for text in texts]
