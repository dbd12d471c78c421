"""The built-in general suite says nothing wrong and cannot be won by form; a malformed file is refused in one line."""

import ast
import json
import operator
import re
from collections import Counter

import pytest

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate import general

PRINTS = "What does this Python code print?\n"
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
IN_WORDS = {
    r"half of (\d+)": "{0} / 2",
    r"twice (\d+)": "{0} * 2",
    r"(\d+)% of (\d+)": "{0} * {1} / 100",
    r"next: (\d+), (\d+), (\d+), (\d+)\?": "{3} + ({3} - {2}) * ({3} - {2}) / ({2} - {1})",
    r"(\d+) apples and eats (\d+)\. How many apples are left": "{0} - {1}",
    r"(\d+) coins and finds (\d+) more\. How many coins has she now": "{0} + {1}",
    r"(\d+) rows of (\d+) seats\. How many seats": "{0} * {1}",
    r"(\d+) sweets are shared by (\d+) children": "{0} / {1}",
    r"box holds (\d+) pens\. How many pens are in (\d+) boxes": "{0} * {1}",
}
ITEM = {"item_id": "1", "prompt": "One?", "answer": "uno", "choices": ["uno", "dos"]}

BUILT_IN = [json.loads(line) for line in general.BUILT_IN.read_text().splitlines()]
ASKED = [line for line in BUILT_IN if not line.get("shot")]


def worth(expression: str) -> float:
    """What plain arithmetic comes to."""

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        assert isinstance(node, ast.Constant)
        return node.value

    return value(ast.parse(expression, mode="eval").body)


def solved(question: str) -> float:
    if plain := re.fullmatch(r"What is ([\d +*/()-]+)\?", question):
        return worth(plain[1])
    (found,) = [(rule, match) for rule in IN_WORDS if (match := re.search(rule, question))]
    return worth(IN_WORDS[found[0]].format(*found[1].groups()))


@pytest.fixture
def read(tmp_path):
    """Reads a file of these lines as a general suite."""

    def run(*lines):
        path = tmp_path / "mine.jsonl"
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return general.items(path)

    return run


# what is built in


def test_it_has_forty_items_a_part_each_with_four_choices():
    items = general.items()
    assert items["part"].value_counts().sort("part").rows() == [("arithmetic", 40), ("code", 40), ("language", 40)]
    assert items["choices"].list.n_unique().unique().to_list() == [4]
    assert items["prompt"].n_unique() == items["item_id"].n_unique() == 120


@pytest.mark.parametrize(
    "line", [line for line in BUILT_IN if line["part"] == "arithmetic"], ids=lambda it: it["prompt"]
)
def test_arithmetic_is_right(line):
    right = solved(line["prompt"])
    assert float(line["answer"]) == right
    assert [float(choice) for choice in line.get("choices", [right])].count(right) == 1


def test_code_prints_what_its_item_says(python):
    programs = {line["prompt"].removeprefix(PRINTS): line["answer"] for line in BUILT_IN if PRINTS in line["prompt"]}
    run = "import io, json, sys\nfrom contextlib import redirect_stdout\nout = []\n"
    run += "for code in json.loads(sys.argv[1]):\n    with redirect_stdout(io.StringIO()) as said:\n"
    run += "        exec(code, {})\n    out.append(said.getvalue().strip())\nprint(json.dumps(out))"
    printed = json.loads(python(run, json.dumps(list(programs))).stdout)
    assert dict(zip(programs, printed, strict=True)) == programs
    assert len(programs) > 28


def test_the_place_and_the_length_of_a_choice_say_nothing():
    """Whoever always takes the longest choice, or the shortest, is right about as often as by lot."""
    places = Counter((line["part"], line["choices"].index(line["answer"])) for line in ASKED)
    assert set(places.values()) == {10}
    for extreme in (max, min):
        sizes = [[len(choice) for choice in line["choices"]] for line in ASKED]
        won = [
            (len(line["answer"]) == extreme(size)) / size.count(extreme(size))
            for line, size in zip(ASKED, sizes, strict=True)
        ]
        assert 0.2 < sum(won) / 120 < 0.3
        assert all(max(size) <= 2 * min(size) for size in sizes)


def test_no_choice_is_a_piece_of_another():
    pieces = [
        (line["item_id"], one, other)
        for line in ASKED
        for one in line["choices"]
        for other in line["choices"]
        if one != other and one in other
    ]
    assert pieces == []


def test_no_item_is_a_shot():
    shots = {line["prompt"] for line in BUILT_IN if line.get("shot")}
    assert len(shots) == 12
    assert shots & {line["prompt"] for line in ASKED} == set()


def test_a_question_stands_after_the_shots_of_its_part(read):
    shots = [{"shot": True, "part": part, "prompt": f"{part}?", "answer": part} for part in ("a", "b", "a")]
    items = read(*shots, {**ITEM, "part": "a"}, {**ITEM, "item_id": "2"})
    assert items["prefix"].to_list() == ["Question: a?\nAnswer: a\n\n" * 2, ""]
    assert items["prompt"].to_list() == ["Question: One?\nAnswer:"] * 2


# a file of one's own


def test_a_file_of_ones_own_is_read_as_it_is(read):
    (row,) = read("", ITEM, "  ").rows(named=True)
    assert row == {**ITEM, "part": "general", "prefix": "", "prompt": "Question: One?\nAnswer:"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "mine.jsonl holds no items"),
        (({"shot": True, "prompt": "a", "answer": "b"},), "mine.jsonl holds no items"),
        ((ITEM, "{"), "line 2 is not JSON: Expecting property name"),
        (("[1]",), "line 1: Input should be a valid dictionary"),
        (({"item_id": "1", "prompt": "a", "answer": "b"},), "line 1: choices: Field required"),
        (({**ITEM, "prompt": ""},), "line 1: prompt: String should have at least 1 character"),
        (({**ITEM, "anwser": ""},), "line 1: anwser: Extra inputs are not permitted"),
        (({**ITEM, "answer": 3},), "line 1: answer: Input should be a valid string"),
        (({**ITEM, "choices": ["uno"]},), "line 1: choices: List should have at least 2 items"),
        (({**ITEM, "choices": ["tres", "dos"]},), "line 1: the answer 'uno' is not among the choices"),
        (({**ITEM, "choices": ["uno", "uno"]},), "line 1: the choices .* are not 2 different texts"),
        ((ITEM, {**ITEM, "item_id": "2"}, ITEM), "line 3: line 1 has the item_id '1' too"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line_that_says_where(read, lines, words):
    with pytest.raises(SettingsInvalid, match=words) as caught:
        read(*lines)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="cannot be read: No such file"):
        general.items(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b"\xe9")
    with pytest.raises(SettingsInvalid, match="cannot be read: it is not UTF-8"):
        general.items(tmp_path / "latin.jsonl")
