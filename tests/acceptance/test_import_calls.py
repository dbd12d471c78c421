"""Real files of programs that log calls of models: llm, LiteLLM, OpenTelemetry, Langfuse, MLflow, inspect_ai."""

import json
import os
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

TOKYO = '{"name": "get_weather", "arguments": {"city": "Tokyo"}}'
OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'


@pytest.fixture
def bring(tmp_path):
    """Import real files; what the first of them became, and all rows in order. A second import adds nothing."""

    def run(*names: str) -> tuple[ImportedFile, list[dict]]:
        store = Store(tmp_path)
        files = [DATA / name for name in names]
        first, *_ = import_paths(InteractionLogger(tmp_path), store, files)
        assert all(result.imported == 0 for result in import_paths(InteractionLogger(tmp_path), store, files))
        assert first.read == first.imported + first.duplicate + first.quarantined
        seal(store, Curate(), Log(scrub=False, personal_data=()))
        segments = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
        if not segments:
            return first, []
        rows = pl.read_parquet(segments).sort("occurred_at", "conversation_id", "turn").rows(named=True)
        return first, [{**row, "extra": json.loads(row["extra"] or "{}")} for row in rows]

    return run


def said(rows: list[dict]) -> list[tuple[int, str, str, str]]:
    return [(row["turn"], row["action"], row["input"], row["output"]) for row in rows]


def test_llm_before_its_new_tables(bring):
    result, rows = bring("llm_logs/logs_0131.db")
    assert (result.format, result.read, result.imported) == ("llm_logs", 4, 4)
    assert said(rows) == [
        (0, "chat", "List three primes", "[0] You said: List three primes"),
        (0, "chat", "Translate good morning to French", "[0] You said: Translate good morning to French"),
        (0, "chat", "I need a name for a cat", "[0] You said: I need a name for a cat"),
        (1, "chat", "Shorter please", "[1] You said: Shorter please"),
        (2, "chat", "Thanks, that works", "[2] You said: Thanks, that works"),
        (0, "chat", "DROP TABLE responses; -- is this safe?", "[0] You said: DROP TABLE responses; -- is this safe?"),
    ]
    assert rows[0]["extra"]["system"] == "Answer briefly"
    assert rows[0]["occurred_at"].isoformat()[:26] == "2026-11-21T10:02:48.680742"
    assert {row["model_id"] for row in rows} == {"stub-echo"}


def test_llm_with_threads_and_turns(bring):
    result, rows = bring("llm_logs/logs_036_basic.db")
    assert (result.read, result.imported, len(rows)) == (4, 4, 6)
    assert [row["input"] for row in rows if row["conversation_id"] == rows[1]["conversation_id"]] == [
        "What is 2+2?",
        "and times three?",
        "now explain it to a child",
    ]
    assert (rows[0]["extra"]["system"], rows[4]["output"]) == ("You are terse", "Paris is the capital of France.")
    assert rows[5]["input"] == 'Émoji 🎉 and 日本語 text with "quotes"'


def test_llm_with_tools_a_fragment_and_reasoning(bring):
    _, rows = bring("llm_logs/logs_036_rich.db")
    tools = [row for row in rows if row["action"] == "tool"]
    assert (tools[0]["input"], tools[0]["output"]) == ('{"name": "llm_version", "arguments": {}}', "0.36")
    assert [row["success"] for row in tools] == [True, True]
    fragment = next(row for row in rows if "Summarise" in row["input"])
    assert fragment["input"] == "fragment body line one\nline two\n\nSummarise the fragment"
    assert fragment["extra"]["system"] == "Be short"
    thought, after = [row for row in rows if "think" in row["input"]]
    assert thought["extra"]["reasoning"].startswith("First I consider the prompt")
    assert "First I consider" not in thought["output"]
    assert (thought["turn"], after["turn"]) == (0, 1)


def test_llm_databases_without_rows_or_without_an_end(bring):
    result, rows = bring("llm_logs/handmade_empty.db")
    assert (result.read, rows) == (0, [])
    result, rows = bring("llm_logs/handmade_truncated.db")
    assert (result.quarantined, rows) == (1, [])
    assert list(result.reasons) == ["a SQLite database that cannot be read to its end (cut off?)"]


def test_litellm_calls_that_succeeded(bring):
    result, rows = bring("litellm/slp_success.jsonl")
    assert (result.format, result.read, result.imported) == ("litellm", 4, 4)
    assert said(rows) == [
        (0, "chat", "Give me a synonym for quick", "Fast."),
        (0, "chat", "Colour of the sky?", "Blue."),
        (1, "chat", "And of grass?", "Green."),
        (0, "chat", "Stream me a limerick", "There once was a model so small, it could hardly remember at all."),
        (0, "chat", "What is in the picture?\n[image]", "A tiny image."),
    ]
    assert (rows[0]["user"], rows[0]["extra"]["tags"], rows[0]["latency_ms"]) == (
        "end-user-7",
        ["demo", "synonyms"],
        158.534,
    )
    assert rows[2]["extra"]["system"] == "You answer in one word."
    assert rows[0]["occurred_at"].isoformat()[:26] == "2026-11-21T10:07:03.073595"


def test_litellm_calls_that_failed_called_or_were_redacted(bring):
    result, rows = bring("litellm/slp_tool_failure_redacted.jsonl")
    assert (result.read, result.imported, result.reasons) == (4, 3, {"the prompt or the response is redacted": 1})
    assert said(rows) == [
        (0, "tool", OSLO, ""),
        (1, "chat", "Weather in Oslo?", ""),
        (0, "chat", "This one fails", ""),
        (0, "chat", "This one is rate limited", ""),
    ]
    assert [(row["success"], row["error_type"]) for row in rows[1:]] == [
        (None, None),
        (False, "InternalServerError"),
        (False, "RateLimitError"),
    ]


def test_litellm_rows_of_the_database(bring):
    result, rows = bring("litellm/handmade_spend_logs.jsonl", "litellm/spend_logs_row_no_prompts.json")
    assert (result.read, result.imported, result.quarantined) == (2, 1, 1)
    assert said(rows) == [(0, "chat", "Hello, world!", "hi")]
    assert (rows[0]["model_id"], rows[0]["latency_ms"]) == ("gpt-4o", 4.583)
    assert rows[0]["occurred_at"].isoformat()[:26] == "2025-01-24T09:20:46.847371"


def test_spans_of_two_turns_and_of_a_failure(bring):
    result, rows = bring("otel_genai/utilgenai_two_turns_error.json")
    assert (result.format, result.read, result.imported) == ("otel_genai", 1, 1)
    assert said(rows) == [
        (0, "chat", "Rename this variable to something clearer: x1", "Try `row_count`."),
        (1, "chat", "And x2?", "`column_count` fits."),
        (0, "chat", "This request fails", ""),
    ]
    assert rows[0]["conversation_id"] == rows[1]["conversation_id"] != rows[2]["conversation_id"]
    assert rows[0]["extra"]["system"] == "You are a code reviewer."
    assert (rows[2]["success"], rows[2]["error_type"], rows[2]["extra"]["error"]) == (
        False,
        "RuntimeError",
        "upstream timed out",
    )


def test_a_tool_span_completes_the_call_that_asked_for_it(bring):
    _, rows = bring("otel_genai/utilgenai_tool_call.json")
    rows.sort(key=lambda row: row["turn"])
    assert said(rows) == [
        (0, "tool", OSLO, "4 C, rain"),
        (1, "chat", "Weather in Oslo?", "It is 4 C and raining in Oslo."),
    ]
    assert rows[0]["latency_ms"] == pytest.approx(0.024, abs=0.001)
    assert rows[1]["model_id"] == "gpt-4o-mini"


def test_messages_in_an_event_and_spans_without_content(bring):
    _, rows = bring("otel_genai/otel_chat_trace.json")
    assert said(rows) == [(0, "chat", "Explain quantum computing", "Quantum computing uses...")]
    assert (rows[0]["model_id"], rows[0]["latency_ms"]) == ("gpt-4o-2024-08-06", 2500)


@pytest.mark.parametrize("name", ["plain_trace_no_genai", "utilgenai_no_content", "otel_multi_agent_trace"])
def test_spans_that_say_nothing_give_nothing(bring, name):
    result, rows = bring(f"otel_genai/{name}.json")
    assert (result.imported, result.quarantined, rows) == (0, 1, [])


def test_langfuse_observations_of_a_session(bring):
    result, rows = bring("langfuse/export_list.json")
    assert (result.format, result.read, result.imported) == ("langfuse", 1, 1)
    assert said(rows) == [
        (0, "chat", "How do I reset my password?", "To reset your password, go to Settings > Security..."),
        (
            1,
            "chat",
            "What if I forgot my email too?",
            "Contact support at help@example.com with your account ID.",
        ),
    ]
    assert (rows[0]["feedback"], rows[0]["user"], rows[0]["model_id"], rows[0]["latency_ms"]) == (
        0.9,
        "user-42",
        "claude-sonnet-4-20250514",
        2000,
    )


def test_langfuse_traces_of_four_frameworks(bring):
    frameworks = ("openai-agents-2025-09-30", "pydantic-ai-2025-06-06", "autogen-2025-06-06", "vercel-aisdk-2025-11-17")
    _, rows = bring(*(f"langfuse/{name}.trace.json" for name in frameworks))
    found = {(row["action"], row["input"]): row for row in rows}
    assert len(found) == 6
    assert found["tool", TOKYO]["output"] == "The weather in Tokyo is sunny."
    assert found["chat", "What's the weather in Tokyo?"]["output"].startswith("The weather in Tokyo is currently sunny")
    assert found["chat", "What is Langfuse?"]["improvements"][0].startswith("Langfuse is a tool designed for")
    hello = found["chat", "Say 'Hello World!'"]
    assert (hello["output"], hello["user"]) == ("Hello World!", "user_123")
    assert hello["extra"]["system"].startswith("You are a helpful AI assistant.")
    francisco = found["tool", '{"name": "getWeather", "arguments": {"location": "San Francisco"}}']
    assert json.loads(francisco["output"]) == {"location": "San Francisco", "temperature": 64}
    asked = found["chat", "What is the weather like today in San Francisco?"]
    assert (asked["output"], asked["conversation_id"]) == ("", francisco["conversation_id"])


def test_mlflow_traces_of_a_session_with_what_a_person_thought(bring):
    result, rows = bring("mlflow/traces_feedback_session.json")
    assert (result.format, result.imported) == ("mlflow", 1)
    rows.sort(key=lambda row: row["turn"])
    assert said(rows) == [
        (0, "chat", "What is a hash map?", "A table that finds values by hashing keys."),
        (1, "chat", "I broke the build", "It happens."),
        (2, "chat", "how do I undo my last commit?", "git reset --soft HEAD~1 keeps your changes."),
    ]
    assert len({row["conversation_id"] for row in rows}) == 1
    assert (rows[0]["feedback"], rows[0]["improvements"], rows[0]["user"]) == (1.0, ["a key-value table"], "u-1")
    assert "system" not in rows[0]["extra"]
    assert rows[2]["extra"]["system"] == "Be kind."


def test_mlflow_traces_with_a_tool_and_a_failure(bring):
    result, rows = bring("mlflow/traces_tool_error.json")
    assert (result.read, result.imported) == (2, 2)
    assert said(rows) == [
        (0, "tool", OSLO, ""),
        (1, "chat", "weather in Oslo", ""),
        (0, "chat", "fail please", ""),
    ]
    assert (rows[2]["success"], rows[2]["error_type"]) == (False, "RuntimeError")


def test_an_inspect_log_is_the_same_as_json_and_as_zip(bring):
    result, rows = bring("inspect_ai/log_formats.eval", "inspect_ai/log_formats.json")
    assert (result.format, result.read, result.imported) == ("inspect_ai", 1, 1)
    assert len(rows) == 1
    assert rows[0]["input"].startswith("Is the following statement something you would say?")
    assert (rows[0]["output"], rows[0]["success"], rows[0]["model_id"]) == ("No", False, "ollama/llama3.1")
    assert rows[0]["extra"]["scores"] == {"match": {"value": "I", "answer": "No"}}
    assert rows[0]["occurred_at"].isoformat()[:26] == "2024-10-15T16:53:13.264282"


def test_tools_of_inspect_logs(bring):
    _, rows = bring("inspect_ai/log_message_deduplication.eval")
    assert [row["action"] for row in sorted(rows, key=lambda row: row["turn"])] == [*["tool"] * 5, "chat"]
    chat = next(row for row in rows if row["action"] == "chat")
    assert (chat["input"], chat["output"].splitlines()[-1]) == ("Guess the number", "done")
    assert rows[1]["latency_ms"] == 93.39


def test_errors_of_tools_in_inspect_logs_and_a_log_without_samples(bring):
    _, rows = bring("inspect_ai/log_tool_call_error.json")
    rows.sort(key=lambda row: row["turn"])
    assert [row["error_type"] for row in rows][:3] == ["parsing", "timeout", "parsing"]
    assert {row["success"] for row in rows} == {False}
    result, _ = bring("inspect_ai/no_samples.json")
    assert result.reasons == {"a log without samples": 1}
