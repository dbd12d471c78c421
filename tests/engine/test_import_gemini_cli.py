"""Gemini CLI's sessions: one record, or lines that are replayed; tools with their results, errors, commands."""

import json
from datetime import UTC, datetime

import pytest

from tests.engine.importing import lost
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
TIME = "2025-01-01T10:00:00Z"
HEADER = {"sessionId": "s", "projectHash": "h", "startTime": TIME, "kind": "main"}


def said(name, kind, content, **more):
    return {"id": name, "type": kind, "timestamp": TIME, "content": content, **more}


def tool(status="success", output="package main", **more):
    result = [{"functionResponse": {"id": "t", "name": "read_file", "response": {"output": output}}}]
    return {"id": "t", "name": "read_file", "args": {"path": "main.go"}, "status": status, "result": result, **more}


def read(*records):
    importer = formats()["gemini_cli"]
    assert all(importer.recognises(record) for record in records)
    return [item for item in importer.read(list(records), "test", MOMENT) if isinstance(item, Interaction)]


def turns(*records):
    return [(item.action, item.input, item.output) for item in read(*records)]


def test_a_session_in_one_record():
    asked, answered = said("u", "user", [{"text": "Read "}, {"text": "this"}]), said("b", "gemini", "It is empty.")
    thoughts = [{"subject": "Plan", "description": "read it"}]
    called = said("a", "gemini", "I read.", thoughts=thoughts, model="gemini-x", toolCalls=[tool()])
    found, answer = read({**HEADER, "messages": [asked, called, answered], "summary": "Reading"})
    assert (found.action, found.input, found.output, found.success) == (
        "tool",
        '{"name": "read_file", "arguments": {"path": "main.go"}}',
        "package main",
        True,
    )
    assert (answer.input, answer.output, answer.model_id) == ("Read this", "I read.\n\nIt is empty.", "gemini-x")
    assert found.model_id == "gemini-x"
    assert answer.extra == {"title": "Reading", "reasoning": "Plan: read it"}
    assert answer.occurred_at == datetime(2025, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(("status", "error"), [("error", "tool_error"), ("cancelled", "cancelled")])
def test_a_tool_that_failed_says_so(status, error):
    called = said("a", "gemini", "I read.", toolCalls=[tool(status, "denied")])
    found, answer = read({**HEADER, "messages": [said("u", "user", "q"), called]})
    assert (found.output, found.success, found.error_type) == ("denied", False, error)
    assert answer.success is None


@pytest.mark.parametrize(
    ("told", "success", "error"),
    [
        ("⚠️  Response truncated due to token limits.", False, "length"),
        ("⚠️  Response stopped due to safety reasons.", False, "content_filter"),
        ("⚠️  Response stopped due to malformed function call.", None, None),
    ],
)
def test_an_answer_that_was_cut_off_or_filtered_failed(told, success, error):
    asked, note, answered = said("u", "user", "q"), said("i", "info", told), said("a", "gemini", "half")
    for messages in ([asked, note, answered], [asked, answered, note]):
        (item,) = read({**HEADER, "messages": messages})
        assert (item.output, item.success, item.error_type) == ("half", success, error)


def test_lines_are_replayed():
    lines = [
        HEADER,
        said("u", "user", "q"),
        said("a", "gemini", ""),
        said("a", "gemini", "a", toolCalls=[tool()]),
        said("u2", "user", "undone"),
        said("a2", "gemini", "undone too"),
        {"$rewindTo": "u2"},
        said("u3", "user", "r"),
        said("a3", "gemini", "s"),
        {"$set": {"summary": "Title"}},
    ]
    assert [(action, output) for action, _, output in turns(*lines)] == [
        ("tool", "package main"),
        ("chat", "a"),
        ("chat", "s"),
    ]
    assert read(*lines)[0].extra == {"title": "Title"}


def test_a_patch_may_bring_the_messages():
    asked = {"$set": {"messages": [said("u", "user", "q"), said("a", "gemini", "a")]}}
    assert turns(HEADER, asked, asked) == [("chat", "q", "a")]


def test_commands_notes_and_context_are_no_questions():
    messages = [
        said("1", "user", "<session_context>Linux</session_context>"),
        said("2", "user", "/help"),
        said("3", "info", "an update is there"),
        said("4", "user", "/tmp/x is missing, why?"),
        said("5", "gemini", "a"),
    ]
    (item,) = read({**HEADER, "messages": messages})
    assert (item.input, item.output) == ("/tmp/x is missing, why?", "a")
    assert item.extra["system"] == "<session_context>Linux</session_context>"


def test_a_question_mark_that_the_model_answers_is_a_question():
    assert turns(HEADER, said("1", "user", "?"), said("2", "gemini", "What?")) == [("chat", "?", "What?")]


def test_a_command_that_stands_for_a_prompt_is_what_the_person_said():
    asked = said("1", "user", [{"text": "You are an agent."}], displayContent=[{"text": "/init"}])
    (item,) = read(HEADER, asked, said("2", "gemini", "Done."))
    assert (item.input, item.output, item.extra) == ("/init", "Done.", {"prompt": "You are an agent."})


def test_what_the_program_says_after_a_tool_is_no_question():
    shown = [{"functionResponse": {"name": "f", "response": {"output": "ok"}}}]
    program = said("3", "user", [{"text": "System: Please continue."}], displayContent=shown)
    lines = [said("1", "user", "q"), said("2", "gemini", "a"), program, said("4", "gemini", "b")]
    assert turns(HEADER, *lines) == [("chat", "q", "a\n\nb")]


@pytest.mark.parametrize("calls", [[], [tool("cancelled", "stopped")]])
def test_a_request_that_was_cancelled_is_no_part_of_the_next(calls):
    lines = [said("1", "user", "q"), said("2", "gemini", "", toolCalls=calls), said("3", "info", "Request cancelled.")]
    *_, first, second = read(HEADER, *lines, said("4", "user", "r"), said("5", "gemini", "b"))
    assert (first.input, first.output, first.success, first.error_type) == ("q", "", False, "cancelled")
    assert (second.input, second.output, second.success) == ("r", "b", None)
    assert read(HEADER, *lines)[-1].interaction_id == first.interaction_id


@pytest.mark.parametrize(
    "record",
    [
        {"sessionId": "s", "startTime": TIME, "messages": [{"role": "user", "content": "q"}]},
        {"sessionId": "s", "startTime": TIME, "type": "GENERATION", "input": "q", "output": "a"},
        {"id": "1", "type": "user", "timestamp": TIME, "role": "user", "content": "q"},
        {"id": "1", "type": "error", "timestamp": TIME, "detail": "of another program"},
    ],
)
def test_what_other_programs_write_is_left_to_them(record):
    assert not formats()["gemini_cli"].recognises(record)


def test_an_error_without_an_answer_is_a_failed_interaction():
    failed = [said("u", "user", "q"), said("e", "error", "[API Error: quota]")]
    (item,) = read({**HEADER, "messages": failed})
    assert (item.input, item.output, item.success, item.error_type) == ("q", "", False, "error")
    assert item.extra["error"] == "[API Error: quota]"
    (item,) = read({**HEADER, "messages": [*failed, said("a", "gemini", "a")]})
    assert (item.output, item.success, item.error_type) == ("a", None, None)


def test_sessions_in_one_file_are_told_apart():
    talk = [said("u", "user", "q"), said("a", "gemini", "a")]
    first, second = read(HEADER, *talk, {**HEADER, "sessionId": "other"}, *talk)
    assert first.conversation_id != second.conversation_id
    (alone,) = read({**HEADER, "messages": talk})
    assert alone.interaction_id == first.interaction_id


def test_a_file_of_lines_is_one_record_and_a_broken_line_costs_itself(tmp_path, left_alone):
    talk = [HEADER, said("u", "user", "q"), said("a", "gemini", "a")]
    lines = [json.dumps(line) for line in talk]
    path = tmp_path / "session-1.jsonl"
    path.write_text("\n".join([*lines, '{"id": "b", "ty']))
    store = Store(tmp_path / "home")
    (result,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (result.format, result.read, result.imported, result.quarantined) == ("gemini_cli", 2, 1, 1)
    (result,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (result.imported, result.duplicate, result.quarantined) == (0, 1, 1)


HISTORY = [
    {"role": "user", "parts": [{"text": "This is the Gemini CLI. We are setting up the context for our chat."}]},
    {"role": "model", "parts": [{"text": "Got it. Thanks for the context!"}]},
    {"role": "user", "parts": [{"text": "list"}]},
    {"role": "model", "parts": [{"functionCall": {"name": "ls", "args": {}}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "ls", "response": {"output": "a.txt"}}}]},
    {"role": "model", "parts": [{"text": "There is a.txt"}]},
]


@pytest.mark.parametrize("checkpoint", [HISTORY, {"history": HISTORY, "authType": "oauth-personal"}])
def test_a_checkpoint_is_a_conversation(tmp_path, checkpoint):
    (tmp_path / "checkpoint-a.json").write_text(json.dumps(checkpoint))
    store = Store(tmp_path / "home")
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "checkpoint-a.json"])
    assert (result.format, result.read, result.imported) == ("gemini_cli", 1, 1)
    tool, asked = formats()["gemini_cli"].read(checkpoint, "test", MOMENT)
    assert (tool.action, tool.input, tool.output) == ("tool", '{"name": "ls", "arguments": {}}', "a.txt")
    assert (asked.input, asked.output) == ("list", "There is a.txt")
    assert asked.extra == {"system": HISTORY[0]["parts"][0]["text"]}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (HEADER, "neither a question nor an answer"),
        ({**HEADER, "messages": 3}, "messages is not a list"),
        ({**HEADER, "messages": [3]}, "a message is not an object"),
    ],
)
def test_what_gives_nothing_has_its_reason(record, reason):
    with pytest.raises(Unusable, match=reason):
        read(record)


def test_a_message_or_a_session_that_gives_nothing_is_told_beside_the_others():
    silent = {**HEADER, "sessionId": "s2"}
    records = [HEADER, said("a", "user", "q"), {"$set": {"messages": [3]}}, said("b", "gemini", "a"), silent]
    assert turns(*records) == [("chat", "q", "a")]
    assert [reason for reason, _ in lost(records, "gemini_cli")] == [
        "a message is not an object",
        "neither a question nor an answer",
    ]


def test_what_tools_answered_is_no_question_though_it_is_written_in_the_persons_name():
    told = said("3", "user", tool()["result"])
    hinted = said("5", "user", [*tool()["result"], {"inlineData": {"mimeType": "image/png"}}, {"text": "be brief"}])
    lines = [said("1", "user", "q"), said("2", "gemini", "", toolCalls=[tool()]), told, said("4", "gemini", "a")]
    assert turns(HEADER, *lines, hinted, said("6", "gemini", "b"))[1:] == [
        ("chat", "q", "a"),
        ("chat", "be brief", "b"),
    ]


TALK = [
    said("u", "user", "q"),
    said("a", "gemini", "a"),
    said("v", "user", "r"),
    said("b", "gemini", "", toolCalls=[tool()]),
]
TALK += [said("c", "gemini", "b")]
HIDDEN = said("b2", "gemini", "", toolCalls=[tool(output="<tool_output_masked>")])
AGAIN = [said("v2", "user", [{"text": "r"}]), HIDDEN, said("c2", "gemini", [{"text": "b"}])]
SUMMARY = [
    said("s", "user", "<state_snapshot>\n<overall_goal>x</overall_goal></state_snapshot>"),
    said("t", "gemini", "Got it. Thanks for the additional context!"),
]


@pytest.mark.parametrize(
    "rewrite",
    [
        [{"$set": {"messages": [*SUMMARY, *AGAIN]}}],
        [*SUMMARY, *AGAIN, {"$patch": {"removeIds": ["u", "a", "v", "b", "c"]}}],
        [{"$set": {"messages": [*TALK[:3], {**HIDDEN, "id": "b"}, *TALK[4:]]}}],
        [{"$patch": {"updates": [{**HIDDEN, "id": "b"}, {"id": "c", "content": "b"}, {"id": "x", "content": "x"}]}}],
    ],
)  # fmt: skip
def test_what_the_model_forgets_was_said_all_the_same_and_what_is_written_again_was_said_once(rewrite):
    last = [said("w", "user", "s"), said("d", "gemini", "c")]
    assert [(action, output) for action, _, output in turns(HEADER, *TALK, *rewrite, *last)] == [
        ("chat", "a"),
        ("tool", "package main"),
        ("chat", "b"),
        ("chat", "c"),
    ]


def test_a_context_that_was_written_again_with_the_first_question_is_told_once():
    context = {"text": "<session_context>Linux</session_context>"}
    together = said("x", "user", [context, {"text": "q"}])
    found = read(HEADER, said("e", "user", [context]), *TALK, {"$set": {"messages": [together, *TALK[1:]]}})
    assert {item.extra["system"] for item in found} == {context["text"]}
    assert [item.input for item in found if item.action == "chat"] == ["q", "r"]


def test_what_was_written_again_can_be_taken_back():
    compressed = {"$set": {"messages": [*SUMMARY, *AGAIN]}}
    last = [said("w", "user", "s"), said("d", "gemini", "c")]
    assert turns(HEADER, *TALK, compressed, {"$rewindTo": "v2"}, *last) == [("chat", "q", "a"), ("chat", "s", "c")]


def test_a_request_that_the_program_forgets_was_asked_all_the_same():
    lines = [
        *TALK[:2],
        said("v", "user", "r"),
        said("i", "info", "Request cancelled."),
        {"$patch": {"removeIds": ["v"]}},
    ]
    first, second = read(HEADER, *lines, said("w", "user", "s"), said("d", "gemini", "c"))[:2]
    assert (first.output, first.success, second.input, second.success) == ("a", None, "r", False)


def test_a_patch_may_correct_a_message():
    update = {"$patch": {"updates": [{"id": "a", "content": "better"}]}}
    assert turns(HEADER, *TALK[:2], update) == [("chat", "q", "better")]


SUMMARY_TURNS = [
    {"role": "user", "parts": [{"text": "<state_snapshot>x</state_snapshot>"}]},
    {"role": "model", "parts": [{"text": "Got it. Thanks for the additional context!"}]},
]


def test_the_checkpoint_of_a_tool_holds_the_history_before_it():
    shown = [{"id": 1, "type": "user", "text": "list"}]
    call = {"name": "ls", "args": {}}
    value = {"history": shown, "clientHistory": [*HISTORY[:2], *SUMMARY_TURNS, *HISTORY[2:]], "toolCall": call}
    assert formats()["gemini_cli"].recognises(value)
    tool, asked = formats()["gemini_cli"].read(value, "test", MOMENT)
    assert (tool.output, asked.input, asked.output) == ("a.txt", "list", "There is a.txt")


def test_of_several_calls_each_has_its_own_result():
    results = [tool()["result"][0], {"functionResponse": {"id": "t2", "response": {"output": "two"}}}]
    calls = [tool(result=results), tool(id="t2", result=results)]
    found = turns(HEADER, said("u", "user", "q"), said("a", "gemini", "a", toolCalls=calls))
    assert [output for _, _, output in found] == ["package main", "two", "a"]
