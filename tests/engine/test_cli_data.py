"""`vibe data …` as a shell meets it: figures for people in any width, JSON for machines, errors of one line."""

import json

import pytest

from tests.engine.curated import keep, take_back
from vibe_pipeline.curate.cards.card import Card
from vibe_pipeline.curate.cards.difference import Difference
from vibe_pipeline.records import load
from vibe_pipeline.store import Store

OLD = [{"prompt": "Why?", "completion": "Because."}, {"kind": "document", "prompt": "", "completion": "Once."}]
NEW = [
    *OLD,
    {
        "prompt": "Where\x1b[2J\u202e?",
        "completion": "one\ntwo\n" + "more\n" * 9,
        "tokens": 12345,
        "reasons": ["+success"],
    },
    {"kind": "preference", "prompt": "Which?", "completion": "This.", "rejected": "That.", "split": "validation"},
    {"kind": "preference", "is_forgotten": True},
]


@pytest.fixture
def home(tmp_path):
    keep(tmp_path / "var", OLD)
    keep(tmp_path / "var", NEW, dropped={"too short": 1234, "duplicate within the generation": 5})
    return tmp_path / "var"


def test_a_card_is_shown_with_aligned_figures_and_where_its_page_lies(vibe, home):
    said = vibe("data", "show", "g001")
    assert said.code == 0
    assert "examples   4 (3 train, 1 validation)" in said.out
    assert "dropped    1,239 (1,234 quality, 5 duplicates, 0 contamination)" in said.out
    assert "leaks      ✓ 0 (0 conversations, 0 groups, 0 near duplicates)" in said.out
    assert "forgotten  1" in said.out
    assert " conversation     2  50.0 %      2           0     0 " in said.out
    assert "12,345" in said.out
    assert said.err == f"with plots: {home}/reports/g001.html\n"
    assert "<!doctype html>" in (home / "reports" / "g001.html").read_text()


def test_sampled_texts_are_short_and_obey_no_control(vibe, home):
    shown = vibe("data", "show", "g001").out
    assert r"    Where\x1b[2J\u202e?" in shown
    assert "\x1b" not in shown
    assert "[5 more lines]" in shown
    assert "  chosen\n    This.\n  rejected\n    That.\n" in shown


@pytest.mark.parametrize("width", [200, 80, 40, 24])
def test_a_table_fits_its_terminal(vibe, home, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    for command in (("diff", "g000", "g001"), ("export", "g001", "--shape", "text", "--out", f"out{width}")):
        said = vibe("data", *command)
        tables = [line for line in said.out.splitlines() if line.startswith(" ")]
        assert tables
        assert max(map(len, tables)) <= width
    assert " g001 " in vibe("data", "diff", "g000", "g001").out


def test_a_card_says_how_many_are_held_out_by_group(vibe, tmp_path):
    for group in (None, "", "user"):
        keep(tmp_path / "var", [*NEW, {"split": "test"}], group=group, grouped=2 if group else 0)
    shown = [vibe("data", "show", f"g00{number}").out for number in range(3)]
    assert "groups " not in shown[0].replace("0 groups", "")
    assert "groups     none named (curate.group)" in shown[1]
    assert "groups     2 examples have user, 3 have none and are held out by conversation" in shown[2]


def test_a_leak_is_marked(vibe, tmp_path):
    keep(tmp_path / "var", OLD, leaks={"conversations": 2, "groups": 0, "near_duplicates": 0})
    keep(tmp_path / "var", OLD, leaks={})
    assert "✗ 2 (2 conversations" in vibe("data", "show", "g000").out
    assert "not looked at" in vibe("data", "show", "g001").out


def test_the_json_of_a_card_is_the_card(ask, home):
    told = ask("data", "show", "g001")
    assert told.pop("page") == f"{home}/reports/g001.html"
    assert load(Card, told).counts["kind"] == {
        "conversation": {"train": 2},
        "document": {"train": 1},
        "preference": {"validation": 1},
    }


def test_the_page_is_written_where_it_is_wanted(vibe, home, tmp_path):
    assert vibe("data", "show", "g001", "--html", "mine.html").code == 0
    assert (tmp_path / "mine.html").read_text() == (home / "reports" / "g001.html").read_text()


def test_a_difference_is_shown_side_by_side_and_as_json(ask, vibe, home):
    shown = vibe("data", "diff", "g000", "g001").out
    assert " rows     2     4      +2 " in shown
    assert " conversation     1     2      +1   50.0 %   50.0 % " in shown
    assert "of what g001 says are words that g000 does not have" in shown
    told = load(Difference, ask("data", "diff", "g000", "g001"))
    assert (told.old, told.new, told.counts["kind"]["preference"].new_share) == ("g000", "g001", 0.25)


def test_an_export_says_what_lies_where_and_what_does_not(ask, vibe, home, tmp_path):
    said = vibe("data", "export", "g001")
    assert said.code == 0
    assert " train     2  train.jsonl " in said.out
    assert "left out: 1 preference: compares two answers: --shape preference" in said.out
    assert said.err == f"g001 as prompt-completion in {tmp_path}/g001-prompt-completion-jsonl\n"
    told = ask("data", "export", "g001", "--kinds", "preference, document", "--format", "parquet", "--out", "pairs")
    assert (told["shape"], told["rows"]) == ("preference", {"validation": 1})
    assert told["files"] == {"validation": "validation.parquet"}
    lines = (tmp_path / "g001-prompt-completion-jsonl" / "train.jsonl").read_text().splitlines()
    assert json.loads(lines[0]).keys() == {"prompt", "completion"}


def test_what_a_later_generation_took_back_is_said_wherever_its_generation_is_met(ask, vibe, tmp_path):
    keep(tmp_path / "var", [*OLD, {"prompt": "Who?"}])
    keep(tmp_path / "var", NEW, **take_back(Store(tmp_path / "var"), 0, 0))
    shown = vibe("data", "show", "g000").out
    assert "taken back  1 since by later generations, and counted here all the same\n" in shown
    assert "quality 0.5, taken back since\n  prompt\n    Why?" in shown
    assert "takes back  1 of earlier generations\n" in vibe("data", "show", "g001").out
    assert ask("data", "show", "g000")["withdrawn_since"] == 1
    assert " taken back since     1     0      -1 " in vibe("data", "diff", "g000", "g001").out
    assert ask("data", "diff", "g000", "g001")["withdrawn_since"]["old"] == 1
    words = "was taken back by a later generation (disliked, or answered anew)"
    assert f"left out: 1 conversation: {words}\n" in vibe("data", "export", "g000").out
    assert f"- 1 conversation: {words}\n" in (tmp_path / "g000-prompt-completion-jsonl" / "README.md").read_text()
    assert ask("data", "export", "g000")["left_out"]["conversation"] == {words: 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "g009"), "g009 is not open; there are 2 generations. Run `vibe generation open` first."),
        (("show", "third"), "'third' is not a generation. Write it as g003."),
        (("show", "g000", "--html", "no/such/folder/a.html"), "cannot be written"),
        (("diff", "g000", "g002"), "g002 is not open"),
        (("export", "g000", "--format", "csv"), "'csv' is not a format. Name one of: jsonl, parquet."),
        (("export", "g000", "--shape", "round"), "'round' is not a shape. Name one of: prompt-completion, messages, "),
        (("export", "g000", "--kinds", "poetry"), "no examples of the kind 'poetry'. Name some of: "),
        (("export", "g000", "--out", "/proc/out"), "/proc/out cannot be written"),
        (("export", "g000", "--out", "."), "is not empty. Name another folder with --out."),
    ],
)
def test_an_error_is_one_line_with_what_would_help(vibe, home, arguments, words):
    said = vibe("data", *arguments)
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)
    assert words in said.err


def test_a_generation_without_examples_yet_is_told_how_to_get_them(vibe, home):
    for kept in (home / "results" / "examples").iterdir():
        kept.unlink()
    assert "g000 is open, and its examples are not made yet. Run `vibe climb`" in vibe("data", "show", "g000").err
