"""Real rollouts and event streams of Codex CLI, read from VIBE_DATA (default ../shared/data)."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate, Log
from vibe_pipeline.store import Store

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "importers"
DATA = DATA / "codex_cli"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def bring(home: Path, name: str) -> list[dict]:
    store = Store(home)
    (result,) = import_paths(InteractionLogger(home), store, [DATA / name])
    assert (result.format, result.read, result.imported) == ("codex_cli", 1, 1)
    (again,) = import_paths(InteractionLogger(home), store, [DATA / name])
    assert (again.imported, again.duplicate) == (0, 1)
    seal(store, Curate(), Log(scrub=False, personal_data=()))
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return pl.read_parquet(files).sort("turn").rows(named=True)


def test_a_rollout(tmp_path):
    (row,) = bring(tmp_path, "rollout_standard_session.jsonl")
    assert (row["action"], row["input"], row["output"]) == (
        "chat", "Add rate limiting", "I'll add rate limiting to the API."
    )  # fmt: skip
    assert row["occurred_at"] == datetime(2024, 1, 1, 10, 0, 1, tzinfo=UTC)
    assert json.loads(row["extra"])["cwd"] == "/Users/alice/code/my-api"


@pytest.mark.parametrize(
    ("name", "question", "calls"),
    [
        ("rollout_fc_args_1.jsonl", "inspect files", [("exec_command", {"cmd": "rg --files", "workdir": "/tmp"})]),
        ("rollout_fc_stdin.jsonl", "send input", [("write_stdin", {"chars": "yes\n", "session_id": "sess-42"})]),
        (
            "rollout_function_calls.jsonl",
            "Run the tests",
            [("shell_command", {"summary": "Running tests"}), ("apply_patch", {"summary": "Fixing typo"})],
        ),
    ],
)
def test_calls_whose_results_are_missing(tmp_path, name, question, calls):
    *tools, last = rows = bring(tmp_path, name)
    assert [(row["action"], *json.loads(row["input"]).values()) for row in tools] == [("tool", *call) for call in calls]
    assert (last["action"], last["input"]) == ("chat", question)
    assert {(row["output"], row["success"]) for row in rows} == {("", None)}


def test_a_patch_is_kept_as_it_was_written(tmp_path):
    row, _ = bring(tmp_path, "rollout_fc_args_2.jsonl")
    patch = json.loads(row["input"])["arguments"]["patch"]
    assert patch.startswith("*** Begin Patch\n*** Update File: internal/parser/codex.go")


def test_a_script_of_many_calls_is_one_call(tmp_path):
    (row,) = bring(tmp_path, "functions_exec_multiple.jsonl")
    call = json.loads(row["input"])
    assert (call["name"], row["success"]) == ("functions.exec", None)
    assert "await tools.exec_command(" in call["arguments"]["source"]
    assert row["output"].startswith("Script completed\nWall time 0.3 seconds")
    assert row["output"].endswith('"exit_code=9 is prose only"}')


@pytest.mark.parametrize(
    ("name", "command", "answer"),
    [
        ("exec_json_stream_1.jsonl", None, "4"),
        ("exec_json_stream_4.jsonl", "bash -lc 'cat test.js'", "`test.js` simply contains"),
        ("exec_json_stream_5.jsonl", "zsh -lc ls", "Found 1 text file"),
    ],
)
def test_streams_have_answers_without_their_question(tmp_path, name, command, answer):
    *tools, chat = bring(tmp_path, name)
    assert (chat["input"], chat["success"]) == ("", None)
    assert chat["output"].startswith(answer)
    assert json.loads(chat["extra"])["reasoning"].startswith("**")
    assert [json.loads(row["input"])["arguments"]["command"] for row in tools] == ([command] if command else [])
    assert all(row["success"] and row["output"] for row in tools)
