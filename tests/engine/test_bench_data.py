"""The benchmark of curation at a tiny size: every figure is there, makes sense, and lands where people look."""

import json

import numpy as np
import pytest

from benchmarks import data_by_hand, data_height
from benchmarks.data import main
from benchmarks.data_turns import NEARLY, REPEATED, turns_of
from benchmarks.walk import Source, chosen

TINY = ["--rows", "300", "--shared-rows", "300", "--height", "3", "--windows", "20", "--rounds", "1"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    docs = tmp_path_factory.mktemp("docs")
    assert main([*TINY, "--docs", str(docs), "--work", str(docs)]) == 0
    assert [path.name for path in docs.iterdir() if path.name.startswith("bench-data-")] == []
    return docs


def test_the_figures_that_others_read_are_there_with_their_machine_and_date(written):
    found = json.loads((written / "benchmarks" / "data.json").read_text())
    assert found.keys() == {"machine", "date", "versions", "figures"}
    assert {"datasets", "datatrove"} < found["versions"].keys()
    figures = found["figures"]
    assert figures["vs_datasets_ratio"] > 0
    assert figures["vs_datatrove_ratio"] > 0
    assert figures["height_ratio"] > 0
    assert 0 < figures["examples_seconds_300"] < figures["seconds_300"]
    assert 0.05 < figures["peak_gib_300"] < 2
    assert figures["rows_300"] == figures["vibe_rows_cut"] == 300


def test_all_three_make_about_as_many_examples_of_the_kinds_that_they_share(written):
    figures = json.loads((written / "benchmarks" / "data.json").read_text())["figures"]
    made = {
        way: sum(figures[f"{way}_{kind}_examples"] for kind in ("conversation", "code_generation", "document"))
        for way in ("vibe", "datasets", "datatrove")
    }
    assert min(made.values()) > 100
    assert max(made.values()) < 1.25 * min(made.values()), made


def test_the_page_says_what_each_has_left_after_a_step(written):
    page = (written / "benchmarks.md").read_text()
    assert "## data" in page
    assert "| datatrove | near |" in page


def test_one_part_alone_prints_its_figures_and_writes_nothing(tmp_path, capsys):
    assert main([*TINY, "--only", "height", "--docs", str(tmp_path / "docs"), "--work", str(tmp_path)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["window"] == 20
    assert figures["height_ratio"] == pytest.approx(figures["high_seconds"] / figures["low_seconds"], rel=0.01)
    assert "seconds_300" not in figures
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_said_before_anything_is_made(tmp_path, capsys):
    assert main(["--only", "sizes", "--rows", str(10**12), "--work", str(tmp_path)]) == 1
    assert "MiB are free" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [20_000, 200_000])
def test_as_many_conversations_are_repeated_at_each_size(size):
    turns = turns_of(np.arange(size))
    first = turns.where(turns.turn == 0)
    assert len(first.turn) == size
    assert (len(np.unique(first.key)) + 1) / size == pytest.approx(1 - REPEATED - NEARLY, abs=0.02)
    assert (first.changed > 0).mean() == pytest.approx(NEARLY, abs=0.01)


def test_conversations_are_as_long_as_those_that_were_imported():
    lengths = np.bincount(turns_of(np.arange(20_000)).conversation)
    assert np.percentile(lengths, [50, 90]).tolist() == [2, 5]
    assert lengths.max() > 15


def test_a_walk_is_the_same_for_the_same_key_and_another_for_another():
    source = Source.of([f"word{number % 50} word{number % 7} end.\n" for number in range(500)])
    keys = np.arange(200, dtype=np.uint64)
    texts = source.texts(keys, np.full(200, 150.0)).to_pylist()
    assert source.texts(keys[50:60], np.full(10, 150.0)).to_pylist() == texts[50:60]
    assert len(set(texts)) == 200
    assert all(100 < len(text) < 300 for text in texts)


def test_choices_are_spread_evenly_and_independent():
    keys = np.arange(100_000, dtype=np.uint64)
    one, two = chosen(keys, 1), chosen(keys, 2)
    assert np.histogram(one, 10, (0, 1))[0] == pytest.approx(10_000, rel=0.05)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.02


def test_by_hand_a_failure_is_joined_with_its_fix_and_not_with_what_worked_next():
    def run(name, typed, success, output="done"):
        return {
            "conversation_id": "c", "interaction_id": name, "module": "shell", "action": "run",
            "input": typed, "output": output, "success": success, "extra": None,
            "error_type": None if success else "OSError",
        }  # fmt: skip

    turns = [
        run("1", "grep -r needle src tests --include *.pyy", False, "no such file"),
        run("2", "ls", True),
        run("3", "grep -r needle src tests --include *.py", True),
    ]
    (example,) = (it for it in data_by_hand.examples(turns) if it["kind"] == "error_correction")
    assert example["interaction_ids"] == ["1", "3"]
    assert example["completion"] == "grep -r needle src tests --include *.py"
    assert data_by_hand.is_good(example)


def test_the_table_by_height_has_a_line_for_each_window():
    said = {"low_seconds": 1.0, "high_seconds": 1.5, "height_ratio": 1.5}
    figures = {"height": 180, "window": 300, "window_seconds_3k": 9.0, **said}
    figures |= {"window_3k": 3000, **{f"{name}_3k": 2 * value for name, value in said.items()}}
    assert [line.split()[1] for line in data_height.table(figures).splitlines()[2:]] == ["300", "3,000"]
