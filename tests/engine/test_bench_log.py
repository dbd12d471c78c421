"""The benchmark of the log at a tiny size: every figure is there, makes sense, and lands where people look."""

import json

import pytest

from benchmarks.log import main

TINY = ["--writes", "20", "--size-mb", "0.2", "--seal-mb", "0.2", "--rows", "3000", "--shared-rows", "2000"]
TINY += ["--rounds", "2"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    docs = tmp_path_factory.mktemp("docs")
    (docs / "benchmarks.md").write_text("# Benchmarks\n\nBefore.\n\n<!-- log -->old<!-- /log -->\n\nAfter.\n")
    assert main([*TINY, "--docs", str(docs), "--work", str(docs)]) == 0
    assert [path.name for path in docs.iterdir() if path.name.startswith("bench-log-")] == []
    return docs


def test_the_figures_that_others_read_are_there_with_their_machine_and_date(written):
    found = json.loads((written / "benchmarks" / "log.json").read_text())
    assert found.keys() == {"machine", "date", "versions", "figures"}
    assert found["machine"].keys() == {"cpu", "cores", "memory_gib", "disk", "system"}
    figures = found["figures"]
    for name in ("durable_writes_per_s", "batched_writes_per_s", "vs_sqlite_ratio", "scan_seconds", "seal_rows_per_s"):
        assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"], name
        assert figures[f"{name}_low"] > 0
    assert 0.1 < figures["bytes_vs_jsonl"] < 0.6
    assert figures["import_jsonl_rows_per_s"] > 0
    assert figures["import_vs_to_sqlite_ratio"] > 0
    assert 50 < figures["import_json_array_peak_mib"] < 500


def test_the_page_gets_its_section_and_keeps_the_others(written):
    page = (written / "benchmarks.md").read_text()
    assert page.startswith("# Benchmarks\n\nBefore.\n\n<!-- log -->\n## log")
    assert page.endswith("<!-- /log -->\n\nAfter.\n")
    assert "old" not in page.split("## log")[1].split(",")[0]
    assert page.count(" – |") == 2  # nobody measures the memory of a loop by hand


def test_one_part_alone_prints_its_figures_and_writes_nothing(tmp_path, capsys):
    assert main([*TINY, "--only", "scan", "--docs", str(tmp_path / "docs"), "--work", str(tmp_path)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["rows"] == 3000
    assert figures["scan_vs_sqlite_ratio"] > 0
    assert "durable_writes_per_s" not in figures
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_said_before_anything_is_made(tmp_path, capsys):
    assert main(["--only", "seal", "--seal-mb", "1e12", "--work", str(tmp_path)]) == 1
    assert "MiB are free" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
