"""The page of a generation: it stands alone, shows what people wrote as text, and goes when they are forgotten."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.engine.curated import keep, write_set
from vibe_pipeline.curate.cards.card import describe
from vibe_pipeline.curate.cards.page import page
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.interactions.segments import manifest
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.store import Store

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\x00\x1b[31m\u202e </pre> {{ 7 * 7 }} &amp;"
VOID = {"meta", "br"}


class Read(HTMLParser):
    """The tags of a page, which must nest, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, *attribute) for attribute in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("home"))
    rows = [
        {"prompt": HOSTILE, "completion": "  first\n\tsecond", "reasons": ["<b>", "+success"], "module": HOSTILE},
        {"kind": "preference", "rejected": HOSTILE, "split": "validation", "tokens": 12345},
    ]
    return describe(store, write_set(store, 7, rows, dropped={"too <i>short": 3}))


def test_what_people_wrote_is_shown_and_not_obeyed(card):
    read = Read(page(card))
    assert {"script", "img", "b", "i"} & set(read.tags) == set()
    assert (
        r"<script>alert(1)</script><img src=x onerror=alert(2)>\x00\x1b[31m\u202e </pre> {{ 7 * 7 }} &amp;" in read.text
    )
    assert "  first\n\tsecond" in read.text
    assert "too <i>short" in read.text


def test_the_page_asks_for_nothing(card):
    text = page(card)
    read = Read(text)
    assert {"script", "link", "img", "iframe", "object", "style"} & set(read.tags) == {"style"}
    assert not [it for it in read.attributes if it[1] in ("src", "href") or it[1].startswith("on")]
    assert "url(" not in text
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in read.attributes


def test_plots_have_words_and_numbers_for_those_who_do_not_see_them(card):
    read = Read(page(card))
    labels = [value for tag, name, value in read.attributes if name == "aria-label"]
    assert "preference: rows by tokens; most have 8,192–16,383" in labels
    assert len(labels) == 3
    assert read.text.count("12,345") >= 2


def test_a_leak_is_seen(card):
    assert "✗" not in page(card)
    leaked = page(replace(card, leaks={"conversations": 1234, "groups": 0, "near_duplicates": 0}))
    assert "✗ 1,234" in leaked
    assert "Not looked at" in page(replace(card, leaks={}))


def test_what_was_taken_back_since_is_told_beside_what_this_one_takes_back(card):
    assert "takes back" not in (shown := Read(page(card)).text)
    assert "taken back since" not in shown
    since = tuple(replace(sample, is_taken_back=sample.kind == "preference") for sample in card.samples)
    shown = Read(page(replace(card, withdrawn=1111, withdrawn_since=2222, samples=since))).text
    assert "takes back of earlier ones1,111" in shown
    assert "taken back since2,222" in shown
    assert "this page goes on counting it" in shown
    assert shown.count("· taken back since") == 1


def test_the_same_card_gives_the_same_page_and_an_empty_one_gives_one(card, store):
    assert page(card) == page(card)
    assert "holds no examples" in Read(page(describe(store, write_set(store, 0, [])))).text


def test_the_page_is_private_and_forgetting_takes_it_away(tmp_path):
    home = tmp_path / "var"
    logger = InteractionLogger(home)
    logger.log(module="m", action="ask", input="secret plan", conversation_id="c", interaction_id="i0")
    logger.log(module="m", action="ask", input="weather", conversation_id="d", interaction_id="i1")
    logger.close()
    ladder = Ladder(home)
    ladder.log.seal()
    segments = tuple(segment.sha for segment in manifest(ladder.store, "interactions"))
    keep(home, [{"prompt": "secret plan"}, {"prompt": "weather"}], segments)
    ladder.generations.card(0)
    assert "secret plan" in ladder.generations.page(0).read_text()
    assert ladder.generations.page(0).stat().st_mode & 0o777 == 0o600
    ladder.log.forget(Criteria(conversation="c"))
    assert not ladder.generations.page(0).exists()
    assert ladder.generations.card(0).forgotten == 1
    assert "secret plan" not in ladder.generations.page(0).read_text()
    assert "weather" in ladder.generations.page(0).read_text()
