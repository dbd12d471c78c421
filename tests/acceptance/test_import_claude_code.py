"""Real sessions of Claude Code, read from VIBE_DATA (default ../shared/data): what a person finds in them by eye."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.interactions.importers import ImportedFile, import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate, Log
from vibe_pipeline.store import Store

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "importers"
DATA = DATA / "claude_code"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def bring(home: Path, name: str) -> tuple[ImportedFile, list[dict]]:
    store = Store(home)
    (result,) = import_paths(InteractionLogger(home), store, [DATA / name])
    (again,) = import_paths(InteractionLogger(home), store, [DATA / name])
    assert (again.imported, again.quarantined) == (0, result.quarantined)
    seal(store, Curate(), Log(scrub=False, personal_data=()))
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    assert result.format == "claude_code"
    return result, pl.read_parquet(files).sort("conversation_id", "turn").rows(named=True)


def chats(rows: list[dict]) -> list[tuple[str, str]]:
    return [(row["input"], row["output"]) for row in rows if row["action"] == "chat"]


def tools(rows: list[dict]) -> list[tuple[str, bool | None]]:
    return [(json.loads(row["input"])["name"], row["success"]) for row in rows if row["action"] == "tool"]


def test_a_real_session(tmp_path):
    _, rows = bring(tmp_path, "real_init_session.jsonl")
    (question, output), *others = chats(rows)
    assert (question, others) == ("/init", [])
    assert output.startswith("I'll analyze the codebase")
    assert "\n\nThe directory appears to be empty." in output
    names = ["TodoWrite", "Bash", "Glob", "Glob", "Glob", "Glob", "Bash", "Glob", "Glob", "TodoWrite"]
    assert tools(rows) == [(name, True) for name in names] + [("Write", False), ("TodoWrite", True)]
    listing = rows[6]
    assert listing["output"].startswith("total 0\ndrwx")
    assert (rows[10]["error_type"], rows[2]["latency_ms"]) == ("refused", 6)
    assert {row["model_id"] for row in rows} == {"claude-sonnet-4-20250514"}
    assert rows[-1]["occurred_at"].replace(microsecond=0) == datetime(2025, 9, 3, 0, 47, 19, tzinfo=UTC)


def test_broken_lines_cost_themselves(tmp_path):
    result, rows = bring(tmp_path, "edge_cases.jsonl")
    assert (result.read, result.imported, result.quarantined) == (7, 1, 6)
    assert [question[:20] for question, _ in chats(rows)] == ["Here's a message wit", "Let's test a very lo"]
    assert sorted(tools(rows), key=str) == [("FailingTool", False), ("MultiEdit", None), ("TodoWrite", None)]
    failed = next(row for row in rows if row["success"] is False)
    assert failed["output"] == "Error: Tool execution failed with error: Command not found"
    assert not any("<command" in question or "Caveat" in question for question, _ in chats(rows))


def test_a_cut_off_session(tmp_path):
    result, rows = bring(tmp_path, "handmade_truncated.jsonl")
    assert (result.imported, result.reasons) == (1, {"not JSON (cut off?)": 1})
    tool, chat = rows
    assert (tool["output"], tool["success"]) == ("print('a')", True)
    assert (chat["input"], chat["output"], chat["success"], chat["error_type"]) == (
        "fix the test",
        "",
        False,
        "interrupted",
    )
    assert json.loads(chat["extra"])["reasoning"] == "look first"


def test_two_sessions_with_background_and_foreground_failures(tmp_path):
    _, rows = bring(tmp_path, "normalization_main.jsonl")
    assert sorted(chats(rows)) == [
        ("An independent session.", "Other reply."),
        ("Review the parser.", "Running the focused checks.\n\nChecking a foreground failure."),
    ]
    assert len({row["conversation_id"] for row in rows}) == 2
    failures = {row["output"]: row["error_type"] for row in rows if row["success"] is False}
    assert failures == {
        "Command running in background with ID: task-bg.": "background task failed",
        "command failed": "tool_error",
    }
    assert {row["latency_ms"] for row in rows if row["input"] == "Review the parser."} == {1500}


def test_a_sub_agent_in_a_file_of_its_own(tmp_path):
    _, (row,) = bring(tmp_path, "lineage_subagent_compact.jsonl")
    assert row["input"].startswith("Validate the synthetic twelve-change overhaul")
    assert row["output"] == "The task-local verification matrix is complete."
    assert json.loads(row["extra"]) == {"agent": "task-agent-12-change-proof"}


def test_the_session_of_the_web(tmp_path):
    result, rows = bring(tmp_path, "sample_session_web.json")
    assert (result.read, result.imported) == (1, 1)
    assert [question for question, _ in chats(rows)] == [
        "Create a simple Python function to add two numbers",
        "Now edit the file to add a subtract function",
        "Run the tests again",
        "Fix the issue and commit",
        "Add a multiply function too",
    ]
    assert [row["error_type"] for row in rows if row["success"] is False] == ["exit code 1"]
    assert len(tools(rows)) == 12
    assert rows[-1]["occurred_at"] == datetime(2025, 12, 24, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "valid_session.jsonl",
            [("Fix the login bug", "Looking at the auth module..."), ("That looks right", "Applied the fix.")],
        ),
        (
            "sample_session.jsonl",
            [
                ("Create a hello world function", "I'll create that function for you."),
                ("Now add a goodbye function", "Done! The hello function is ready."),
            ],
        ),
    ],
)
def test_plain_sessions(tmp_path, name, expected):
    assert chats(bring(tmp_path, name)[1]) == expected


@pytest.mark.parametrize(
    ("name", "questions", "names"),
    [
        ("representative_messages.jsonl", 3, ["Edit", "Bash"]),
        ("todowrite_examples.jsonl", 2, ["TodoWrite"] * 3),
        ("session_b.jsonl", 1, []),
    ],
)
def test_sessions_with_tools(tmp_path, name, questions, names):
    _, rows = bring(tmp_path, name)
    assert (len(chats(rows)), tools(rows)) == (questions, [(tool, True) for tool in names])
    assert all(row["output"] for row in rows)
