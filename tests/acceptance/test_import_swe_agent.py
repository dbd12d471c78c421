"""Real trajectories of SWE-agent and mini-swe-agent, read from VIBE_DATA (default ../shared/data)."""

import json
import os
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
DATA = DATA / "swe_agent"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def bring(home: Path, name: str) -> list[dict]:
    store = Store(home)
    (result,) = import_paths(InteractionLogger(home), store, [DATA / name])
    assert (result.format, result.read, result.imported) == ("swe_agent", 1, 1)
    (again,) = import_paths(InteractionLogger(home), store, [DATA / name])
    assert (again.imported, again.duplicate) == (0, 1)
    seal(store, Curate(), Log(scrub=False, personal_data=()))
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return pl.read_parquet(files).sort("turn").rows(named=True)


def calls(rows: list[dict]) -> list[dict]:
    return [json.loads(row["input"]) for row in rows if row["action"] == "tool"]


def test_a_run_with_tool_calls(tmp_path):
    rows = bring(tmp_path, "function_calling_simple.traj")
    assert [call["name"] for call in calls(rows)] == ["find_file", "open", "edit", "bash", "submit"]
    assert calls(rows)[3]["arguments"] == {"command": "python tests/missing_colon.py"}
    assert rows[3]["output"].startswith("8.2\n")
    chat = rows[5]
    assert chat["input"].startswith("We're currently solving the following issue within our repository.")
    assert chat["output"].startswith("The `SyntaxError` in `missing_colon.py` is likely due to a missing colon")
    assert chat["output"].endswith("let's submit our changes.")
    assert json.loads(chat["extra"])["system"].startswith("SETTING: You are an autonomous programmer")


def test_a_run_with_actions_as_text_and_a_demonstration(tmp_path):
    rows = bring(tmp_path, "test_repo_i1.traj")
    commands = [call["arguments"]["command"] for call in calls(rows)]
    assert [command.split()[0] for command in commands] == ["find_file", "open", "edit", "python", "submit"]
    assert rows[4]["output"].startswith("\ndiff --git a/tests/missing_colon.py")
    assert "demonstration" not in rows[5]["input"]
    assert (rows[5]["action"], rows[5]["success"]) == ("chat", None)
    extra = json.loads(rows[5]["extra"])
    assert (extra["environment"], extra["exit_status"]) == ("swe_main", "submitted")


def test_a_run_of_mini_swe_agent(tmp_path):
    hello, end, chat = bring(tmp_path, "mini_local.traj.json")
    assert (hello["input"], hello["output"], hello["success"]) == (
        '{"name": "bash", "arguments": {"command": "echo \'hello world\'"}}', "hello world", True
    )  # fmt: skip
    assert (json.loads(end["input"])["arguments"]["command"], end["output"]) == (
        "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", ""
    )  # fmt: skip
    assert chat["input"].startswith("Please solve this issue: Blah blah blah")
    assert chat["output"].startswith("Here be some dummy command:")
