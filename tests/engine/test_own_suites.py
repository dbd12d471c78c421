"""Suites of one's own: read as they are, refused in one line, asked of every generation, and in the way of a loss."""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import LENIENT
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate import own
from vibe_pipeline.evaluate.standing import standing, written
from vibe_pipeline.paired import low
from vibe_pipeline.settings import load

OPEN = {"prompt": "Capital of France?", "answers": ["Paris", "Paname"]}
CHOICE = {"prompt": "Two and two?", "answer": "4", "choices": ["3", "4"]}


@pytest.fixture
def write(tmp_path):
    """A file of these lines."""

    def run(*lines, name: str = "support.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return path

    return run


def test_a_line_is_judged_by_what_it_accepts_or_by_its_choices(write):
    open_one, choice = own.items(write(OPEN, "", CHOICE)).rows(named=True)
    assert (open_one["scorer"], open_one["prompt"], open_one["accepted"]) == (
        "greedy-v1",
        OPEN["prompt"],
        OPEN["answers"],
    )
    assert (choice["scorer"], choice["prompt"], choice["choices"]) == ("choices-v1", "Two and two?\n\n", ["3", "4"])


def test_a_file_may_begin_with_a_mark_and_end_its_lines_as_windows_does(write, tmp_path):
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(map(json.dumps, (OPEN, CHOICE))).encode())
    assert own.items(path).equals(own.items(write(OPEN, CHOICE)))


def test_an_item_has_the_id_of_its_words_wherever_it_stands_and_is_a_cluster_alone(write):
    one, other = own.items(write(OPEN, CHOICE)), own.items(write(CHOICE, {**OPEN, "cluster": "c"}))
    assert one["item_id"].n_unique() == 2
    assert one["cluster"].to_list() == one["item_id"].to_list()
    assert other["item_id"][0] == one["item_id"][1]
    assert other["cluster"][1] == "c"


def test_the_same_question_under_many_ids_is_one_observation(write):
    """Forty ids, one prompt in other cases and spaces: no forty independent items."""
    wordings = (OPEN["prompt"], "  capital of\tFRANCE? ", "Capital  of France?\n")
    lines = [{**OPEN, "item_id": f"q{n}", "prompt": wordings[n % 3]} for n in range(40)]
    items = own.items(write(*lines, CHOICE))
    assert items["cluster"].to_list() == ["q0"] * 40 + [items["item_id"][40]]
    assert items["prompt"][1] == wordings[1]


@pytest.mark.parametrize(
    ("named", "clusters"),
    [
        ((None, None, None), ["q0", "q0", "q0"]),
        ((None, "c", None), ["c", "c", "c"]),
        (("a", None, "b"), ["a", "a", "b"]),
    ],
)
def test_a_line_that_names_no_cluster_is_in_that_of_its_question(write, named, clusters):
    lines = [{**OPEN, "item_id": f"q{n}", **({"cluster": name} if name else {})} for n, name in enumerate(named)]
    assert own.items(write(*lines))["cluster"].to_list() == clusters


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "support.jsonl holds no items"),
        (("", "  "), "support.jsonl holds no items"),
        ((OPEN, "{"), "line 2 is not JSON"),
        (("[" * 100_000,), "line 1 is not JSON: maximum recursion depth"),
        (('{"prompt": ' + "1" * 5000 + "}",), "line 1 is not JSON: Exceeds the limit"),
        (("[1]",), "line 1: Input should be a valid dictionary"),
        (({"prompt": "a"},), "line 1: it has not one of answer, answers, tests and criteria"),
        (({**OPEN, "answer": "b"},), "line 1: it has not one of answer, answers, tests and criteria"),
        (({**OPEN, "answers": ["b", " "]},), "line 1: a prompt or an accepted answer is blank"),
        (({**OPEN, "prompt": " "},), "line 1: a prompt or an accepted answer is blank"),
        (({"prompt": "a", "tests": "this is ( not python"},), "line 1: its tests are not Python: "),
        (({**OPEN, "tests": "assert True"},), "line 1: it has not one of"),
        (
            ({"prompt": "a", "tests": "assert True", "choices": ["b", "c"]},),
            "line 1: a line with choices has one answer",
        ),
        (({**OPEN, "answers": []},), "line 1: answers: List should have at least 1 item"),
        (({**OPEN, "anwser": "b"},), "line 1: anwser: Extra inputs are not permitted"),
        (({**CHOICE, "answer": "5"},), "line 1: the answer '5' is not among the choices"),
        (({**OPEN, "choices": ["Paris", "Paname"]},), "line 1: a line with choices has one answer"),
        ((OPEN, CHOICE, OPEN), "line 3: line 1 has the item_id '[0-9a-f]{16}' too"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line_that_says_where(write, lines, words):
    with pytest.raises(SettingsInvalid, match=words) as caught:
        own.items(write(*lines))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_is_refused_before_anything_is_trained(ladder, new_ladder, log_facts, tmp_path):
    log_facts(ladder.store.root, range(6))
    ladder.log.open_generation()
    with pytest.raises(SettingsInvalid, match=r"none\.jsonl cannot be read: No such file"):
        new_ladder(ladder.store.root, suites={"mine": str(tmp_path / "none.jsonl")}).climb("main", 0)
    assert ladder.store.names("models/adapters") == []


def test_a_task_of_lm_eval_without_lm_eval_is_refused_with_what_installs_it(store, lineage, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    (tmp_path / "sums.yaml").write_text("task: sums")
    with pytest.raises(
        SettingsInvalid, match=r"that is not installed.*pip install 'vibe-pipeline\[lm-eval\]'"
    ) as caught:
        written(store, lineage.model_copy(update={"suites": {"sums": str(tmp_path / "sums.yaml")}}))
    assert len(str(caught.value).splitlines()) == 1


# settings


def read_settings(folder: Path, suites: str):
    folder.mkdir(exist_ok=True)
    (folder / "vibe.toml").write_text(f"[lineages.main]\nsuites = {suites}\n")
    return load(folder / "vibe.toml").lineage("main")


def test_a_path_is_relative_to_the_folder_of_vibe_toml(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    its = read_settings(tmp_path / "elsewhere", '{support = "suites/support.jsonl", far = "/far.jsonl"}')
    assert its.suites == {"support": str(tmp_path / "elsewhere/suites/support.jsonl"), "far": "/far.jsonl"}
    assert its.general_suite == ""


@pytest.mark.parametrize("name", ["general", "recall", "a b", "", "../x"])
def test_a_suite_needs_a_name_of_its_own(tmp_path, name):
    with pytest.raises(SettingsInvalid, match="a suite is named by letters"):
        read_settings(tmp_path, f'{{"{name}" = "a.jsonl"}}')


# asked


def test_suites_of_two_names_with_the_same_words_are_two(store, lineage, write):
    file = str(write(OPEN))
    (_, _), (one, one_sha), (two, two_sha) = written(
        store, lineage.model_copy(update={"suites": {"a": file, "b": file}})
    )
    assert (one, two, one_sha != two_sha) == ("a", "b", True)


def test_a_copy_in_a_general_suite_of_ones_own_is_no_further_observation(store, lineage, tmp_path):
    item = {"prompt": "What is it?", "answer": "a", "choices": ["a", "b"]}
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps({"item_id": str(n), **item}) + "\n" for n in range(40)))
    ((_, sha),) = written(store, lineage.model_copy(update={"general_suite": str(tmp_path / "mine.jsonl")}))
    assert store.read_frame(f"suites/{sha}.parquet")["cluster"].n_unique() == 1


def test_a_suite_of_ones_own_is_asked_and_gated_and_its_answers_are_kept(ladder, new_ladder, log_facts, write):
    file = write({"prompt": "In one sentence: zeta?", "answer": "Nope"}, {**CHOICE, "cluster": "sums"})
    log_facts(ladder.store.root, range(6))
    ladder.log.open_generation()
    strict = LENIENT.model_copy(update={"general_margin": 0.0})
    mine = new_ladder(ladder.store.root, suites={"mine": str(file)}, gate=strict)
    event = mine.climb("main", 0)
    rule = next(rule for rule in event.facts["rules"] if rule["name"] == "mine against parent")
    assert rule["n"] == 2
    sha = dict(mine.rung("main", 0).suites)["mine"]
    kept = mine.store.read_frame(f"scores/{event.facts['child_sha']}/{sha}.parquet")
    assert kept.height == 2
    assert kept["answer"].null_count() == 0
    assert {name.split("-")[0] for name in kept["item_id"]} == {"mine"}


def test_another_word_in_a_suite_is_another_rung(ladder, new_ladder, log_facts, write):
    log_facts(ladder.store.root, range(6))
    ladder.log.open_generation()
    mine = new_ladder(ladder.store.root, suites={"mine": str(write(OPEN))})
    before = mine.rung("main", 0).key
    write({**OPEN, "answers": ["Lutetia"]})
    assert mine.rung("main", 0).key != before != ladder.rung("main", 0).key


@pytest.mark.parametrize(("items", "is_shown"), [(5, False), (20, False), (60, True)])
@pytest.mark.parametrize("name", ["support", "general"])
def test_a_handful_of_questions_that_all_are_answered_shows_nothing(name, items, is_shown):
    """A child that lost ten points answers five of five like its parent six times of ten."""
    ids = [f"{name}-{n}" for n in range(items)]
    suite = pl.DataFrame({"item_id": ids, "cluster": ids, "scorer": "greedy-v1"})
    right = pl.DataFrame({"item_id": ids, "score": 1.0}).with_columns(chance=pl.lit(None, pl.Float64))
    compared = standing(name, "s", suite, dict.fromkeys(("base", "parent", "child"), right)).parent_comparison
    assert (low(compared, 0.04) >= -0.10) == is_shown
