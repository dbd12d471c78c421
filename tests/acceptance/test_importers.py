"""Real files of the formats, read from VIBE_DATA (default ../shared/data): what a person finds in them by eye."""

import os
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.interactions.importers import ImportedFile, import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "importers"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def bring(home: Path, name: str) -> tuple[ImportedFile, pl.DataFrame]:
    store = Store(home)
    (result,) = import_paths(InteractionLogger(home), store, [DATA / name])
    assert result.read == result.imported + result.duplicate + result.quarantined
    seal(store, Curate())
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    rows = pl.read_parquet(files).sort("conversation_id", "turn").with_columns(pl.col("extra").fill_null("{}"))
    return result, rows


def counts(result: ImportedFile) -> tuple[int, int, int, int]:
    return result.read, result.imported, result.duplicate, result.quarantined


def test_a_plain_array_of_messages_is_one_conversation(tmp_path):
    result, rows = bring(tmp_path, "openai_jsonl/chat_array.json")
    assert (counts(result), result.format) == ((1, 1, 0, 0), "openai_chat")
    assert rows["turn"].to_list() == [0, 1]
    assert rows["input"].to_list() == ["Summarize the theory of relativity in one sentence.", "Thanks!"]
    assert rows["extra"].str.contains("concise assistant").all()


def test_every_fault_of_a_malformed_file_has_its_reason(tmp_path):
    result, rows = bring(tmp_path, "openai_jsonl/handmade_malformed.jsonl")
    assert counts(result) == (11, 4, 1, 6)
    assert result.reasons == {
        "not JSON (cut off?)": 2,
        "messages is empty": 1,
        "no answer follows a question": 2,
        "messages is not a list": 1,
    }
    assert sorted(rows["input"]) == [
        "dup",
        "line one has a byte order mark",
        "lone surrogate \ufffd here",
        "no newline at the end",
    ]


def test_tools_weights_images_and_preferences(tmp_path):
    result, rows = bring(tmp_path, "openai_jsonl/handmade_tools_weights_dpo.jsonl")
    assert counts(result) == (5, 5, 0, 0)
    found = {(row["action"], row["input"], row["output"]): row["extra"] for row in rows.rows(named=True)}
    assert ("tool", '{"name": "get_weather", "arguments": {"city": "Oslo"}}', "4 C, rain") in found
    assert ("tool", '{"name": "f", "arguments": {}}', "ok") in found
    assert "You are terse." in found["chat", "Weather in Oslo?", "4 °C and raining."]
    assert '"weight": 0' in found["chat", "What's the capital of France?", "Paris"]
    assert "Answer in JSON." in found["chat", "What is shown?\n[image]", '{"shown": "a dot"}']
    assert '"rejected": "B"' in found["chat", "Which is better?", "A, because it is shorter."]
    assert len(found) == 8


def test_reasoning_parts_stay_out_of_the_answer(tmp_path):
    result, rows = bring(tmp_path, "openai_jsonl/sft_content_parts_8.jsonl")
    assert counts(result) == (8, 8, 0, 0)
    first = rows.filter(pl.col("input").str.starts_with("What are the schools near latitude 40")).row(0, named=True)
    assert first["output"].startswith("I'm sorry, but the available tools don't seem")
    assert "Okay, the user is asking" in first["extra"]
    assert rows.filter(pl.col("action") == "tool").height == 8  # two of them without a result


def test_a_request_with_tools_keeps_calls_and_answers_in_order(tmp_path):
    _, rows = bring(tmp_path, "openai_jsonl/chat_request_tools.json")
    assert rows.select("turn", "action").rows() == [(0, "tool"), (1, "chat"), (2, "tool"), (3, "chat")]
    assert rows["input"][1] == "What's the weather in Paris?"


def test_preferences_keep_the_rejected_answer(tmp_path):
    result, rows = bring(tmp_path, "openai_jsonl/chat_preferences.jsonl")
    assert counts(result) == (5, 5, 0, 0)
    row = rows.filter(pl.col("input") == "How do I learn Python?").row(0, named=True)
    assert "Just google it." in row["extra"]
    result, rows = bring(tmp_path / "other", "sharegpt/dpo_pairs_6.json")
    assert counts(result) == (6, 6, 0, 0)
    assert rows.filter(pl.col("extra").str.contains('"rejected"')).height == 6


def test_the_official_toy_file_is_read_but_for_the_chat_without_a_question(tmp_path):
    result, rows = bring(tmp_path, "openai_jsonl/toy_chat_fine_tuning.jsonl")
    assert (counts(result), result.reasons) == ((5, 4, 0, 1), {"no answer follows a question": 1})
    assert rows.group_by("conversation_id").len()["len"].sort().to_list() == [1, 1, 1, 4]


def test_sharegpt_dialects(tmp_path):
    result, rows = bring(tmp_path, "sharegpt/handmade_malformed.json")
    assert (counts(result), result.format) == ((7, 5, 0, 2), "sharegpt")
    assert result.reasons == {"no answer follows a question": 1, "conversations is empty": 1}
    assert set(rows.filter(pl.col("output") != "").select("input", "output").rows()) == {
        ("two in a row\n\nsecond", "answer"),
        ("alias role", "unknown alias"),
        ("old key name items", "ok"),
        ("other dialect", "pairs in one object"),
    }


def test_an_empty_answer_is_no_answer(tmp_path):
    _, whole = bring(tmp_path / "whole", "sharegpt/conversation.json")
    _, rows = bring(tmp_path, "sharegpt/conversation_missingturns.json")
    assert rows["input"].to_list() == whole["input"].to_list()
    assert rows["output"].to_list() == ["", *whole["output"].to_list()[1:]]
    assert rows["success"].to_list() == [None] * 6


def test_tool_calls_of_sharegpt(tmp_path):
    result, rows = bring(tmp_path, "sharegpt/glaive_toolcall_12.json")
    assert counts(result) == (12, 11, 1, 0)
    call = rows.filter(pl.col("input").str.contains("search_recipes") & (pl.col("action") == "tool")).row(0, named=True)
    assert call["output"].startswith('{"recipes"')
    assert '"tools": [{"name": "search_recipes"' in call["extra"]
