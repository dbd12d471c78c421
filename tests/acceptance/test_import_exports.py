"""Real exports of ChatGPT, Claude.ai, Open WebUI, Gemini CLI and AI Studio: what a person finds in them by eye."""

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

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def bring(home: Path, name: str) -> tuple[ImportedFile, list[dict]]:
    """One file, imported twice: the second time nothing is new."""
    store = Store(home)
    (result,) = import_paths(InteractionLogger(home), store, [DATA / name])
    (again,) = import_paths(InteractionLogger(home), store, [DATA / name])
    assert result.read == result.imported + result.duplicate + result.quarantined
    assert (again.read, again.imported, again.quarantined) == (result.read, 0, result.quarantined)
    seal(store, Curate(), Log(scrub=False, personal_data=()))
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    if not files:
        return result, []
    rows = pl.read_parquet(files).sort("conversation_id", "turn").rows(named=True)
    return result, [row | {"extra": json.loads(row["extra"] or "{}")} for row in rows]


def counts(result: ImportedFile) -> tuple[int, int, int, int]:
    return result.read, result.imported, result.duplicate, result.quarantined


def turns(rows: list[dict]) -> set[tuple[str, str, str]]:
    return {(row["action"], row["input"], row["output"]) for row in rows}


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_chatgpt_with_hidden_instructions(tmp_path):
    result, rows = bring(tmp_path, "chatgpt_export/real_photosynthesis.json")
    assert (counts(result), result.format) == ((1, 1, 0, 0), "chatgpt_export")
    assert [row["input"] for row in rows] == [
        "Can you explain how photosynthesis works in simple terms?",
        "Why is sunlight important?",
        "What is an ecosystem",
        "Are ponds sentient?",
        "What about forests?",
    ]
    assert [row["turn"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[0]["output"].startswith("Photosynthesis is the process plants use to make their own food.")
    assert rows[0]["occurred_at"].replace(tzinfo=UTC) == moment(2025, 6, 21, 20, 24, 43, 102000)
    assert {row["model_id"] for row in rows} == {"gpt-4o"}
    assert all("Get right to the point." in row["extra"]["system"] for row in rows)


def test_chatgpt_with_branches_thoughts_and_a_tool(tmp_path):
    _, rows = bring(tmp_path, "chatgpt_export/native_conversation_branches.json")
    tool = next(row for row in rows if row["action"] == "tool")
    superseded, answer = sorted((row for row in rows if row["action"] == "chat"), key=lambda row: row["output"] > "G")[
        ::-1
    ]
    assert (superseded["output"], superseded["input"]) == ("Superseded answer.", answer["input"])
    assert {superseded["conversation_id"], answer["conversation_id"]} >= {tool["conversation_id"]}
    assert tool["input"] == '{"name": "browser.search", "arguments": {"query": "fixture evidence"}}'
    assert (tool["action"], tool["output"]) == ("tool", "Privacy-safe tool result.")
    assert answer["input"] == "Analyze the attached fixture and create an artifact.\n[image]\n\n[file: input.txt]"
    assert answer["output"].startswith("Final answer. [Download artifact](sandbox:")
    assert answer["model_id"] == "gpt-5-6-pro"
    assert answer["extra"]["alternatives"] == ["Superseded answer."]
    assert answer["extra"]["reasoning"] == "Privacy-safe reasoning trace.\n\nPrivacy-safe reasoning summary."
    assert answer["extra"]["system"] == "Privacy-safe fixture profile.\n\nPreserve structured provider evidence."
    assert answer["extra"]["attachments"] == ["input.txt"]


def test_chatgpt_edges(tmp_path):
    result, rows = bring(tmp_path, "chatgpt_export/handmade_edges.json")
    assert counts(result) == (5, 5, 0, 0)
    assert turns(rows) == {
        ("chat", "Name a river", "The Rhine"),
        ("chat", "Name a river", "The Danube"),
        ("chat", "cycle", "cycle"),
        ("chat", "dangling current_node", "half an ans"),
        ("tool", '{"name": "python", "arguments": "print(1)"}', "1"),
        ("chat", "Plot it", "It prints 1."),
        ("chat", "[image]\nWhat is it?", "An image."),
    }
    by_output = {row["output"]: row for row in rows}
    assert by_output["The Danube"]["extra"]["alternatives"] == ["The Rhine"]
    assert (by_output["half an ans"]["success"], by_output["The Danube"]["success"]) == (False, None)
    assert by_output["An image."]["extra"]["weight"] == 0.0


@pytest.mark.parametrize("name", ["conversations_three.json", "export.zip"])
def test_chatgpt_as_a_file_and_as_downloaded(tmp_path, name):
    result, rows = bring(tmp_path, f"chatgpt_export/{name}")
    assert (counts(result), result.format) == ((2, 2, 0, 0), "chatgpt_export")
    assert {(row["input"], row["occurred_at"].replace(tzinfo=UTC)) for row in rows} == {
        ("How do I get started with Python programming?", moment(2024, 1, 1)),
        ("What are some good beginner projects?", moment(2024, 1, 1, 0, 3, 20)),
        ("Explain machine learning in simple terms", moment(2024, 1, 2)),
    }


def test_chatgpt_without_links_and_a_shape_without_an_answer(tmp_path):
    _, rows = bring(tmp_path, "chatgpt_export/minimal_conversations.json")
    assert turns(rows) == {("chat", "Hello, what's the weather?", "It's sunny.")}
    result, rows = bring(tmp_path / "other", "chatgpt_export/synthetic_fuzz_shape.json")
    assert (result.imported, result.reasons) == (1, {"no answer follows a question": 1})
    assert {(action, output) for action, _, output in turns(rows)} == {("chat", ""), ("tool", "")}


def test_claude_with_thinking(tmp_path):
    result, (row,) = bring(tmp_path, "claude_export/thinking.json")
    assert (counts(result), result.format) == ((1, 1, 0, 0), "claude_export")
    assert (row["input"], row["output"]) == ("Can you greet me?", "Hello there! It's great to hear from you.")
    assert row["extra"]["reasoning"].startswith("The user asked for a greeting.")
    assert row["occurred_at"].replace(tzinfo=UTC) == moment(2025, 1, 1, 0, 0, 1)


def test_claude_with_questions_that_were_never_answered(tmp_path):
    _, rows = bring(tmp_path, "claude_export/minimal_conversations.json")
    assert turns(rows) == {
        ("chat", "Hey, can you help me with a Python script?", "Sure thing!"),
        ("chat", "I need to parse some JSON data and filter entries.", "Here's how..."),
    }


def test_claude_with_attachments_and_blocks_of_unknown_types(tmp_path):
    _, (row,) = bring(tmp_path, "claude_export/content_blocks.json")
    assert row["input"].startswith(
        "Can you explain how this works?\n\n[file: synthetic-93850]\nHere's an implementation:"
    )
    assert row["output"] == "After reviewing, I found several areas for improvement."


def test_claude_conversations_whose_texts_are_empty_give_nothing(tmp_path):
    result, _ = bring(tmp_path, "claude_export/real_conversations.json")
    assert (counts(result), result.reasons) == ((26, 0, 0, 26), {"no answer follows a question": 26})
    result, _ = bring(tmp_path / "other", "claude_export/invalid_unicode.json")
    assert result.reasons == {"a message has the unknown sender None": 1}


def test_open_webui_all_chats_with_ratings(tmp_path):
    result, rows = bring(tmp_path, "open_webui/handmade_export_all.json")
    assert (counts(result), result.format) == ((2, 2, 0, 0), "open_webui")
    prime, other = sorted((row for row in rows if row["input"] == "Name a prime"), key=lambda row: row["output"])
    assert (other["output"], other["feedback"], other["model_id"]) == ("9", -1.0, "m-b")
    assert (prime["output"], prime["feedback"], prime["model_id"]) == ("7", 1.0, "m-a")
    assert prime["extra"]["alternatives"] == ["9"]
    assert prime["occurred_at"].replace(tzinfo=UTC) == moment(2025, 6, 15, 15, 6, 40)
    assert any(row["output"].startswith("The principle you''re referring to") for row in rows)


def test_open_webui_single_chats(tmp_path):
    result, (row,) = bring(tmp_path, "open_webui/webui_chat.json")
    assert (result.format, row["model_id"]) == ("open_webui", "deepseek/deepseek-chat:free")
    _, rows = bring(tmp_path / "converted", "open_webui/converted_chat.json")
    assert [row["turn"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[4]["input"] == "What about forests?"
    _, (row,) = bring(tmp_path / "thinking", "open_webui/converted_thinking.json")
    assert row["output"] == "Hello there! It's great to hear from you."
    assert row["extra"]["reasoning"].startswith("The user asked for a greeting.")


def test_gemini_cli_with_a_tool(tmp_path):
    result, (tool, answer) = bring(tmp_path, "other/gemini_cli_tool_calls.json")
    assert (counts(result), result.format) == ((1, 1, 0, 0), "gemini_cli")
    assert tool["input"] == '{"name": "read_file", "arguments": {"file_path": "main.go"}}'
    assert (tool["action"], tool["success"]) == ("tool", True)
    assert (answer["input"], answer["output"], answer["model_id"]) == (
        "Read this file",
        "Let me read it.",
        "gemini-2.5-pro",
    )
    assert answer["extra"]["reasoning"] == "Planning: I need to read the file first."
    assert answer["occurred_at"].replace(tzinfo=UTC) == moment(2024, 1, 1, 10)


def test_ai_studio_with_a_thought(tmp_path):
    result, (row,) = bring(tmp_path, "other/aistudio_export.json")
    assert (counts(result), result.format) == ((1, 1, 0, 0), "ai_studio")
    assert row["input"].startswith("in diceter asyclic graphical models")
    assert row["output"].startswith("Yes, you are **absolutely correct!**")
    assert row["extra"]["reasoning"].startswith("**Verifying the Factorization**")
    assert row["model_id"] == "gemini-3-pro-preview"


def test_logged_requests_of_which_one_failed(tmp_path):
    result, (row,) = bring(tmp_path, "other/raw_api_log.jsonl")
    assert (counts(result), result.format) == ((3, 1, 0, 2), "openai_chat")
    assert result.reasons == {"no answer follows a question": 2}
    assert (row["input"], row["output"], row["success"]) == ("Generate test cases", "", False)
    assert (row["error_type"], row["latency_ms"]) == ("rate_limit_error", 50.0)
    assert row["model_id"] == "claude-sonnet-4-20250514"
    assert row["occurred_at"].replace(tzinfo=UTC) == moment(2026, 3, 15, 12, 10)
