"""Open WebUI's exports: the history is a tree, a thumb is feedback, tools stand inside the text."""

import json
from datetime import UTC, datetime
from html import escape

import pytest

from tests.engine.importing import format_of
from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def said(parent, role, content, **more):
    return {"parentId": parent, "role": role, "content": content, **more}


def row(current, /, chat=None, **messages):
    history = {"currentId": current, "messages": messages}
    return {"id": "row", "user_id": "me", "chat": {"title": "t", "history": history, "messages": [], **(chat or {})}}


def read(value):
    importer = formats()["open_webui"]
    assert importer.recognises(value)
    assert format_of(value) == "open_webui"
    return list(importer.read(value, "test", MOMENT))


def answer(content, **more):
    return read(row("a", u=said(None, "user", "q"), a=said("u", "assistant", content, **more)))


def test_the_current_answer_with_its_thumb_and_the_others_beside_it():
    item, other = read(
        row(
            "a",
            u=said(None, "user", "q", timestamp=1750000000),
            a=said("u", "assistant", "7", model="m-a", annotation={"rating": 1, "reason": "good"}),
            b=said("u", "assistant", "9", model="m-b", annotation={"rating": -1}),
        )
    )
    assert (other.input, other.output, other.feedback, other.model_id) == ("q", "9", -1.0, "m-b")
    assert (item.input, item.output, item.feedback, item.model_id, item.user) == ("q", "7", 1.0, "m-a", "me")
    kept = {"title": "t", "annotation": {"reason": "good"}, "alternatives": ["9"]}
    assert {name: item.extra[name] for name in kept} == kept
    assert item.occurred_at == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)


def test_a_thumb_down_is_minus_one():
    assert answer("a", annotation={"rating": -1, "comment": "wrong"})[0].feedback == -1.0


def test_a_chat_alone_and_the_chat_of_a_rating_are_read_as_the_row():
    value = row("a", u=said(None, "user", "q"), a=said("u", "assistant", "a"))
    rated = {"type": "rating", "data": {"rating": 1}, "snapshot": {"chat": value}}
    (whole,), (alone,), (of_rating,) = read(value), read(value["chat"]), read(rated)
    assert (alone.input, alone.output) == ("q", "a")
    assert whole.interaction_id == of_rating.interaction_id


def test_a_chat_without_a_history_is_read_from_its_list():
    (item,) = read({"chat": {"messages": [said(None, "user", "q"), said(None, "assistant", "a")]}})
    assert (item.input, item.output) == ("q", "a")


def test_reasoning_is_taken_out_of_the_text():
    block = '<details type="reasoning" done="true" duration="2">\n<summary>Thought</summary>\n> hm &amp; so\n> on\n'
    (item,) = answer(f"{block}</details>\n\nHello.")
    assert (item.output, item.extra["reasoning"]) == ("Hello.", "hm & so\non")


@pytest.mark.parametrize("where", ["attribute", "body"])
def test_tool_calls_are_taken_out_of_the_text(where):
    result = escape('{"temperature": 4}')
    inside = f' result="{result}"' if where == "attribute" else ""
    body = result if where == "body" else ""
    block = (
        f'<details type="tool_calls" done="true" id="c1" name="weather" arguments="{escape(chr(34) + "{}" + chr(34))}"'
    )
    tool, said = answer(f"I look.\n{block}{inside}>\n<summary>Tool Executed</summary>\n{body}\n</details>\nIt is cold.")
    assert (tool.action, tool.input, tool.output) == (
        "tool",
        '{"name": "weather", "arguments": {}}',
        '{"temperature": 4}',
    )
    assert (said.input, said.output) == ("q", "I look.\n\nIt is cold.")


OUTPUT = [
    {"type": "reasoning", "status": "completed", "content": [{"type": "output_text", "text": "hm"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look.\n"}]},
    {"type": "function_call", "id": "f1", "call_id": "c1", "name": "search", "arguments": '{"query": "x"}'},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "[none] found"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is cold."}]},
]
"""Of an answer since 0.10."""


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "I look.\n\nIt is cold."), ("It is warm.", "It is warm.")],
    ids=["empty", "edited"],
)
def test_tools_reasoning_and_words_may_stand_in_the_output(content, words):
    tool, item = answer(content, output=OUTPUT, done=True)
    assert (tool.action, tool.input) == ("tool", '{"name": "search", "arguments": {"query": "x"}}')
    assert (tool.output, tool.success) == ("[none] found", None)
    assert (item.input, item.output, item.success, item.extra["reasoning"]) == ("q", words, None, "hm")


def test_of_a_text_that_holds_its_tools_the_output_says_nothing_more():
    block = '<details type="tool_calls" done="true" id="c1" name="search" arguments="{}" result="&quot;r&quot;">'
    tool, item = answer(f"{block}\n</details>\nIt is cold.", output=OUTPUT)
    assert (tool.output, item.output) == ("r", "It is cold.")


def test_code_that_ran_is_the_same_tool_in_the_output_as_in_the_text():
    ran = {"type": "open_webui:code_interpreter", "id": "i", "code": "1/0\n", "output": {"stderr": "ZeroDivisionError"}}
    block = f'<details type="code_interpreter" done="true" output="{escape(json.dumps(ran["output"]))}">'
    in_output, _ = answer("", output=[ran, OUTPUT[-1]])
    in_text, _ = answer(f"{block}\n```python\n1/0\n```\n</details>It is cold.")
    assert in_output == in_text
    assert (in_output.input, in_output.success) == ('{"name": "code_interpreter", "arguments": "1/0"}', False)


def test_code_that_raised_is_a_failed_tool():
    output = escape('{"stderr": "ZeroDivisionError"}')
    block = f'<details type="code_interpreter" done="true" output="{output}">\n<summary>Analyzed</summary>\n'
    tool, _ = answer(f"{block}```python\n1/0\n```\n</details>Sorry.")
    assert tool.input == '{"name": "code_interpreter", "arguments": "1/0"}'
    assert (tool.output, tool.success, tool.error_type) == ('{"stderr": "ZeroDivisionError"}', False, "tool_error")


@pytest.mark.parametrize(
    ("error", "kind"),
    [({"content": "rate limit"}, "error"), ({"content": "x", "type": "rate_limit"}, "rate_limit"), ("boom", "error")],
)
def test_an_answer_that_failed_is_a_failed_interaction(error, kind):
    (item,) = answer("", error=error)
    assert (item.action, item.input, item.output, item.success, item.error_type) == ("chat", "q", "", False, kind)
    assert item.extra["error"] == (error if isinstance(error, str) else error["content"])


def test_answers_that_were_merged_are_followed_by_what_they_were_merged_into():
    value = row(
        "n",
        u=said(None, "user", "q", timestamp=1750000000),
        a=said("u", "assistant", "one", timestamp=1750000001),
        b=said("u", "assistant", "two", timestamp=1750000002, merged={"status": True, "content": "both"}),
        v=said("b", "user", "r", timestamp=1750000003),
        n=said("v", "assistant", "on", timestamp=1750000004),
    )
    one, two, both, on = read(value)
    assert [(item.input, item.output) for item in (one, two, both, on)] == [
        ("q", "one"),
        ("q", "two"),
        ("q", "both"),
        ("r", "on"),
    ]
    assert both.conversation_id == on.conversation_id != one.conversation_id
    assert both.extra["alternatives"] == ["one", "two"]
    value["chat"]["history"]["currentId"] = "b"
    assert [item.output for item in read(value) if "alternatives" in item.extra] == ["both"]


def test_an_answer_that_is_not_done_is_no_success():
    (item,) = answer("part", done=False)
    assert (item.output, item.success, item.error_type) == ("part", False, "interrupted")
    assert answer("whole", done=True)[0].success is None


@pytest.mark.parametrize("key", ["usage", "info"])
def test_what_ollama_says_of_time_is_the_latency(key):
    assert answer("a", **{key: {"total_duration": 1_234_000_000}})[0].latency_ms == 1234.0


@pytest.mark.parametrize(("rating", "feedback"), [("-1", -1.0), ("1", 1.0), ("nan", None), ("good", None), ([], None)])
def test_a_thumb_may_be_written_as_text(rating, feedback):
    assert answer("a", annotation={"rating": rating})[0].feedback == feedback


def test_the_model_of_an_arena_is_the_one_that_answered():
    assert answer("a", model="arena-model", selectedModelId="llama", arena=True)[0].model_id == "llama"


def test_an_image_in_an_answer_leaves_a_mark():
    assert answer("", files=[{"type": "image", "url": "/x"}])[0].output == "[image]"


def test_the_system_text_and_files_are_kept():
    files = [{"type": "image", "url": "data:"}, {"type": "file", "name": "a.pdf"}]
    value = row(
        "a", {"params": {"system": "be brief"}}, u=said(None, "user", "q", files=files), a=said("u", "assistant", "a")
    )
    (item,) = read(value)
    assert (item.input, item.extra["system"]) == ("[image]\n[file: a.pdf]\nq", "be brief")


@pytest.mark.parametrize(
    ("chat", "reason"),
    [
        ({"history": 3}, "neither a history nor messages"),
        ({"history": {"messages": [1]}}, "history.messages is not an object"),
        ({"history": {"messages": {"a": {"role": "narrator"}}}}, "unknown role 'narrator'"),
    ],
)
def test_what_gives_nothing_has_its_reason(chat, reason):
    with pytest.raises(Unusable, match=reason):
        read({"chat": chat})


def test_a_chat_in_which_nothing_was_asked_is_no_record():
    with pytest.raises(NothingAsked):
        read({"chat": {"history": {"messages": {}}, "messages": []}})


@pytest.mark.parametrize("value", [{"history": [["q", "a"]], "input": "x"}, {"chat": "USER: q", "system": "s"}, [], 3])
def test_other_formats_with_a_history_are_left_alone(value):
    assert not formats()["open_webui"].recognises(value)
