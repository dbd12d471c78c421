"""Claude's design chats: blocks in their order, a tool's call holds its result, a pill is no question."""

import pytest

from tests.engine.importing import format_of, read
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable


def asked(text, **more):
    return {"role": "user", "content": {"content": text, "authorAccountUuid": "me", **more}}


def answered(*blocks, **more):
    return {"role": "assistant", "content": {"role": "assistant", "contentBlocks": list(blocks), **more}}


def text(words):
    return {"type": "text", "text": words}


def design(*messages):
    value = {"uuid": "d", "title": "t", "project": {"name": "p"}, "created_at": "2026-09-20T10:00:00Z"}
    value["messages"] = list(messages)
    assert format_of(value) == "claude_export"
    return read(value)


def test_a_question_with_its_answer_and_its_tools():
    call = {"id": "t", "name": "write", "input": {"path": "a"}, "output": "wrote"}
    blocks = [
        {"type": "thinking", "text": "hm"},
        text("I write."),
        {"type": "tool_call", "toolCall": call},
        text("Done."),
    ]
    tool, item = design(asked("q"), answered(*blocks))
    assert (tool.action, tool.input, tool.output) == ("tool", '{"name": "write", "arguments": {"path": "a"}}', "wrote")
    assert (item.input, item.output, item.user, tool.user) == ("q", "I write.\n\nDone.", "me", "me")
    assert item.extra == {"title": "t", "project": "p", "reasoning": "hm"}


def test_what_was_attached_is_part_of_the_question_and_what_is_hidden_is_not():
    attachments = [{"type": "image", "name": "a.png"}, {"type": "comment", "name": "div", "content": "bigger"}]
    attachments.append({"type": "text", "name": "result", "hidden": True, "content": "ok"})
    (item,) = design(asked("q", attachments=attachments), answered(text("a")))
    assert item.input == "q\n\n[image]\n\n[file: div]\nbigger"


def test_a_pill_is_no_question():
    (item,) = design(asked("q"), answered(text("a")), asked("check completed", pill=True), answered(text("b")))
    assert (item.input, item.output) == ("q", "a\n\nb")


def test_who_interjects_asks_and_an_error_is_a_failure():
    blocks = [text("a"), {"type": "user_interjection", "message": {"content": "r"}}, text("b")]
    first, second = design(asked("q"), answered(*blocks, {"type": "error", "message": "ended"}))
    assert (first.input, first.output, first.success) == ("q", "a", None)
    assert (second.input, second.output, second.success, second.extra["error"]) == ("r", "b", False, "ended")


def test_a_question_to_the_person_is_a_call():
    record = {"questionId": "k", "spec": {"title": "Style?"}}
    question = {"role": "assistant", "content": {"content": "", "questionRecord": record}}
    tool, first, second = design(asked("q"), question, asked("Answered"), answered(text("a")))
    assert (tool.input, first.output) == ('{"name": "question", "arguments": {"title": "Style?"}}', "")
    assert (second.input, second.output) == ("Answered", "a")


def test_what_cannot_be_read_costs_itself():
    bad, item = design(asked("q"), {"role": "assistant", "content": {"blocks": []}}, answered({"type": "new"}))
    assert (type(bad), str(bad), item.output) == (Unusable, "a message has no content", "[new]")


def test_a_chat_in_which_nothing_was_asked_is_no_record():
    with pytest.raises(NothingAsked):
        design()
