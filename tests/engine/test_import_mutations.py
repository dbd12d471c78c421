"""Every place of a good record in turn holds something wrong: the answer is interactions or a reason, never a crash."""

from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial

import pytest

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.opinions import with_remarks
from vibe_pipeline.interactions.importers.unfinished import Waiting
from vibe_pipeline.interactions.lines import line_of

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)

WRONG = [None, True, 0, -1, 1e308, 10**400, "", "x", "user", [], {}, [None], [3], {"a": None}, {"id": "x"}, [[["x"]]]]

CHATGPT = {
    "title": "t",
    "create_time": 1700000000.5,
    "current_node": "d",
    "conversation_id": "c",
    "default_model_slug": "gpt",
    "mapping": {
        "r": {"id": "r", "parent": None, "children": ["a"], "message": None},
        "a": {
            "parent": "r",
            "children": ["b", "e"],
            "message": {
                "author": {"role": "user"},
                "content": {
                    "content_type": "multimodal_text",
                    "parts": ["q", {"content_type": "image_asset_pointer"}, {"text": "spoken"}],
                },
                "metadata": {"attachments": [{"name": "f.txt"}]},
            },
        },
        "b": {
            "parent": "a",
            "children": ["c"],
            "message": {
                "author": {"role": "assistant"},
                "recipient": "python",
                "content": {"content_type": "code", "text": "1/0"},
            },
        },
        "c": {
            "parent": "b",
            "children": ["d"],
            "message": {
                "author": {"role": "tool", "name": "python"},
                "content": {"content_type": "execution_output", "text": "Traceback"},
                "metadata": {"aggregate_result": {"status": "failed", "in_kernel_exception": {"name": "E"}}},
            },
        },
        "d": {
            "parent": "c",
            "children": [],
            "message": {
                "author": {"role": "assistant"},
                "create_time": 1700000001,
                "weight": 0.0,
                "status": "in_progress",
                "content": {"content_type": "text", "parts": ["see \ue200cite\ue201"]},
                "metadata": {
                    "model_slug": "m",
                    "content_references": [{"matched_text": "\ue200cite\ue201", "alt": "x"}],
                },
            },
        },
        "e": {
            "parent": "a",
            "children": [],
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "c"}]},
            },
        },
    },
}

CLAUDE = {
    "uuid": "c",
    "name": "n",
    "created_at": "2025-01-01T00:00:00Z",
    "account": {"uuid": "u"},
    "current_leaf_message_uuid": "b",
    "chat_messages": [
        {
            "uuid": "a",
            "parent_message_uuid": "root",
            "sender": "human",
            "text": "q",
            "content": [{"type": "text", "text": "q", "start_timestamp": "2025-01-01T00:00:00Z"}],
            "attachments": [{"file_name": "f", "extracted_content": "inside"}],
            "files": [{"file_name": "g", "file_kind": "image"}],
        },
        {
            "uuid": "b",
            "parent_message_uuid": "a",
            "sender": "assistant",
            "text": "",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "tool_use", "id": "t", "name": "n", "input": {"x": 1}},
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": "r"}],
                    "is_error": True,
                },
                {"type": "text", "text": "a"},
            ],
        },
    ],
}

DETAILS = '<details type="tool_calls" done="true" id="1" name="n" arguments="{}" result="&quot;r&quot;">x</details>a'

WEBUI = {
    "id": "c",
    "user_id": "u",
    "created_at": 1750000000,
    "chat": {
        "id": "d",
        "title": "t",
        "params": {"system": "s"},
        "timestamp": 1750000000000,
        "history": {
            "currentId": "b",
            "messages": {
                "a": {
                    "id": "a",
                    "parentId": None,
                    "childrenIds": ["b"],
                    "role": "user",
                    "content": "q",
                    "files": [{"type": "file", "name": "f"}],
                },
                "b": {
                    "id": "b",
                    "parentId": "a",
                    "childrenIds": [],
                    "role": "assistant",
                    "content": DETAILS,
                    "model": "m",
                    "timestamp": 1750000001,
                    "annotation": {"rating": 1, "comment": "c"},
                    "error": {"content": "e", "code": "x"},
                },
            },
        },
        "messages": [{"role": "user", "content": "q"}],
    },
}

GEMINI = {
    "sessionId": "s",
    "projectHash": "h",
    "startTime": "2025-01-01T00:00:00Z",
    "summary": "t",
    "messages": [
        {"id": "a", "type": "user", "timestamp": "2025-01-01T00:00:00Z", "content": [{"text": "q"}]},
        {
            "id": "b",
            "type": "gemini",
            "content": "a",
            "model": "m",
            "thoughts": [{"subject": "s", "description": "d"}],
            "toolCalls": [
                {
                    "id": "t",
                    "name": "n",
                    "args": {"x": 1},
                    "status": "error",
                    "result": [{"functionResponse": {"response": {"output": "r"}}}],
                    "resultDisplay": "r",
                }
            ],
        },
        {"id": "c", "type": "error", "content": "e"},
    ],
}

STUDIO = {
    "runSettings": {"model": "models/m"},
    "systemInstruction": {"parts": [{"text": "s"}]},
    "chunkedPrompt": {
        "chunks": [
            {"role": "user", "driveImage": {"id": "i"}},
            {"role": "user", "text": "q", "createTime": "2025-01-01T00:00:00Z"},
            {"role": "model", "text": "hm", "isThought": True},
            {"role": "model", "executableCode": {"language": "PYTHON", "code": "1"}},
            {"role": "model", "codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "r"}},
            {"role": "model", "parts": [{"text": "a"}]},
        ]
    },
}

LOGGED = {
    "timestamp": "2025-01-01T00:00:00Z",
    "latency_ms": 5,
    "request": {
        "model": "m",
        "system": [{"type": "text", "text": "s"}],
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "r"}],
            },
        ],
    },
    "response": {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
    "error": {"type": "e", "message": "m"},
}


def places(value, path=()):
    """Every place in a JSON value, from the outside in."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def with_wrong(value, path, wrong):
    changed = deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    return changed


def read(name, value):
    with suppress(Unusable, SettingsInvalid):  # of the second the log's own check makes a reason
        for item in Waiting(MOMENT).finished(partial(formats()[name].read, value, "test", MOMENT)):
            for logged in () if isinstance(item, Unusable) else with_remarks(item, MOMENT):
                line_of(logged)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("chatgpt_export", CHATGPT),
        ("claude_export", CLAUDE),
        ("open_webui", WEBUI),
        ("gemini_cli", GEMINI),
        ("ai_studio", STUDIO),
        ("openai_chat", LOGGED),
    ],
)
def test_a_wrong_value_in_any_place_gives_interactions_or_a_reason(name, good):
    importer = formats()[name]
    assert list(importer.read(good, "test", MOMENT))
    for path in places(good):
        for wrong in WRONG:
            changed = with_wrong(good, path, wrong)
            if importer.recognises(changed):
                read(name, changed)


ASKED = [
    {"id": "o", "trace_id": "t", "type": "GENERATION", "session_id": "s", "messages": [{"role": "user"}]},
    {
        "id": "t",
        "timestamp": "2025-01-01T00:00:00Z",
        "sessionId": "s",
        "observations": [{"id": "o"}],
        "trace": {"id": "t"},
    },
    {"data": [{"id": "t", "traceId": "t", "startTime": ""}], "meta": {}, "traces": [], "id": "s"},
    {"standard_logging_object": {"call_type": "c", "startTime": 1, "messages": [], "session_id": "s"}},
    {"info": {"trace_id": "t", "trace_metadata": {"mlflow.trace.session": "s"}}, "data": {"spans": []}},
    {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]},
    {"name": "n", "context": {"trace_id": "t"}, "attributes": {}, "parent_id": None, "start_time": "", "kind": "k"},
    {"eval": {"task": "t"}, "samples": [{"messages": []}], "plan": {}},
    {"request": {"input": "q"}, "response": {"object": "response", "output": []}},
    {"conversations": [{"from": "human", "value": "q"}], "chosen": [], "rejected": []},
    {
        "trajectory": [{"action": "a", "observation": "o"}],
        "history": [{"role": "user", "message_type": "m"}],
        "info": {},
    },
    {"type": "response_item", "payload": {"type": "message"}, "timestamp": "", "item": {"type": "x"}},
    {"type": "user", "message": {"role": "user", "content": "q"}, "uuid": "u", "sessionId": "s"},
    {"id": "s", "timestamp": "", "session": {"id": "s"}, "items": [], "msg": {"type": "t"}, "record_type": "state"},
]


@pytest.mark.parametrize("good", [CHATGPT, CLAUDE, WEBUI, GEMINI, STUDIO, LOGGED, *ASKED])
def test_no_format_fails_over_a_record_of_another(good):
    """One that does costs the record, though it is sound for the format that it is of."""
    for path in places(good):
        for wrong in WRONG:
            changed = with_wrong(good, path, wrong)
            for importer in formats().values():
                if importer.recognises and importer.recognises(changed) and importer.session_of:
                    assert isinstance(importer.session_of(changed), str | None)
