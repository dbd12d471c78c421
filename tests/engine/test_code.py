"""Code is right where its tests really ran and ended well, whatever else it does."""

import json

import polars as pl
import pytest

from vibe_pipeline.evaluate import code, greedy, own
from vibe_pipeline.evaluate.code import passes, score
from vibe_pipeline.progress import nobody

TWICE = "def twice(x):\n    return 2 * x"
TESTS = "assert twice(2) == 4"


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        (TWICE, True),
        (f"Sure:\n```python\n{TWICE}\n```\nThat is it.", True),
        (f"```\n{TWICE}", True),
        (f"print('noise', end='')\n{TWICE}", True),
        ("def twice(x):\n    return x", False),
        ("def twice(x:", False),
        ("", False),
        ("exit()", False),
        ("import sys\nsys.exit(0)", False),
        ("import os\nos._exit(0)", False),
        ("while True: pass", False),
        (f"{TWICE}\nprint('x' * 10**6)", False),
    ],
)
def test_an_answer_is_right_where_its_tests_ran_and_passed(answer, is_right, monkeypatch):
    monkeypatch.setattr(code, "LIMITS", code.Limits(seconds=1.0))
    assert passes([(answer, TESTS)]) == [is_right]


def test_what_a_model_writes_is_run_with_the_tests_of_its_item(monkeypatch, on, tmp_path):
    lines = [{"item_id": name, "prompt": name, "tests": TESTS} for name in ("good", "bad", "gone")]
    (tmp_path / "code.jsonl").write_text("\n".join(map(json.dumps, lines)))
    said = {"good": TWICE, "bad": "def twice(x): pass", "gone": None}
    monkeypatch.setattr(greedy, "generated", lambda model, tokenizer, prompts, *_: [said[it] for it in prompts])
    items = own.items(tmp_path / "code.jsonl")
    assert items["scorer"].unique().to_list() == [code.SCORER]
    with nobody("") as advance:
        rows = score(None, None, items, on, advance)
    told = rows.select("item_id", "answer", "score", "exact").sort("item_id").rows()
    assert told == [("bad", said["bad"], 0.0, False), ("gone", None, None, None), ("good", TWICE, 1.0, True)]


def test_a_suite_of_code_is_read_beside_others(tmp_path):
    lines = [{"prompt": "a", "tests": TESTS}, {"prompt": "b", "answer": "c"}]
    (tmp_path / "both.jsonl").write_text("\n".join(map(json.dumps, lines)))
    items = own.items(tmp_path / "both.jsonl")
    assert items["accepted"].to_list() == [None, ["c"]]
    assert items.schema["tests"] == pl.String
