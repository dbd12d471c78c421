"""Codex CLI: what a person asked, and what Codex or another agent wrote in their place."""

import json

import pytest

from tests.engine.codex import META, SHELL, answer, call, event, item, line, output, read, said, user
from vibe_pipeline.interactions.importers.messages import NothingAsked


@pytest.mark.parametrize(
    "hidden",
    [
        user("<environment_context>\n  <cwd>/w</cwd>\n</environment_context>"),
        user("# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>be good</INSTRUCTIONS>", "<environment_context>x"),
        user("<user_instructions>be good</user_instructions>"),
        item("message", role="developer", content=[{"type": "input_text", "text": "<permissions instructions>"}]),
        user("Warning: apply_patch was requested via exec_command. Use the apply_patch tool instead."),
        user("Warning: The maximum number of unified exec processes you can keep open is 60"),
        user('<codex_internal_context source="goal">\nGo on\n</codex_internal_context>'),
        user("<goal_context>\nGo on\n</goal_context>"),
        event("user_message", message="q"),
        event("token_count", info=None),
        line("compacted", message="what was before", replacement_history=[]),
        item("ghost_snapshot", ghost_commit={}),
        item("never_heard_of", text="x"),
        line("never_heard_of", text="x"),
    ],
)
def test_what_codex_writes_itself_is_no_question(hidden):
    assert said(META, hidden, user("q"), event("agent_message", message="a"), answer("a")) == [("chat", "q", "a")]


def of_kinds(asked: dict, *kinds: str) -> dict:
    told = {"turn_id": "u", "content_item_kinds": list(kinds)}
    return {**asked, "payload": {**asked["payload"], "internal_chat_message_metadata_passthrough": told}}


def test_newer_rollouts_say_which_parts_a_person_gave():
    goal = of_kinds(user("Go on until it is green"), "goal.internal_context")
    assert said(META, of_kinds(user("q"), "user.text"), answer("a"), goal, answer("b")) == [("chat", "q", "a\n\nb")]
    mixed = of_kinds(user("Be brief", "<skill> is what?"), "hooks.additional_context", "user.text")
    assert said(META, mixed, answer("a")) == [("chat", "<skill> is what?", "a")]
    assert said(META, of_kinds(user("<image>", "q", "</image>"), *["user.text"] * 3), answer("a")) == [
        ("chat", "q", "a")
    ]


def goal(objective: str, **more) -> dict:
    return event("thread_goal_updated", threadId="t1", goal={"objective": objective, "status": "active"}, **more)


def test_a_goal_that_a_person_set_is_the_question_once():
    step = of_kinds(user('<codex_internal_context source="user_goal">make it green'), "user.goal")
    lines = [META, goal("make it green"), step, answer("a"), goal("make it green", turnId="u"), step, answer("b")]
    assert said(*lines, goal("make it green")) == [("chat", "make it green", "a\n\nb")]
    assert said(META, user("/goal be green"), goal("be green"), answer("a")) == [("chat", "/goal be green", "a")]
    assert said(META, user("q"), goal("what the model wants", turnId="u"), answer("a")) == [("chat", "q", "a")]


@pytest.mark.parametrize("kinds", [("unknown", "unknown"), ("", ""), ("goal.internal_context",), ()])
def test_where_the_kinds_say_nothing_the_first_words_tell(kinds):
    asked = of_kinds(user("<environment_context>x", "q"), *kinds)
    assert said(META, asked, answer("a")) == [("chat", "q", "a")]


@pytest.mark.parametrize(
    "begun_by",
    [
        {"thread_source": "memory_consolidation"},
        {"thread_source": "guardian_review", "source": {"internal": "guardian"}},
        {"source": {"internal": "a later one"}},
        {"source": {"subagent": "memory_consolidation"}},
        {"source": {"subagent": {"other": "guardian"}}},
    ],
)
def test_a_thread_that_codex_began_for_itself_is_no_record(begun_by):
    with pytest.raises(NothingAsked):
        read(line("session_meta", id="t1", **begun_by), user("Consolidate"), answer("Done"))


@pytest.mark.parametrize(
    "begun_by",
    [
        {"thread_source": "user", "source": "cli"},
        {"thread_source": "automation", "source": "vscode"},
        {"thread_source": "subagent", "source": {"subagent": {"thread_spawn": {"depth": 1}}}},
        {"source": {"subagent": "review"}},
        {"source": {"custom": "bot"}},
    ],
)
def test_a_thread_that_somebody_reads_is_one(begun_by):
    assert said(line("session_meta", id="t1", **begun_by), user("q"), answer("a")) == [("chat", "q", "a")]


def test_what_the_editor_adds_is_cut_off():
    asked = user("# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nfix it\n")
    assert said(META, asked, answer("done")) == [("chat", "fix it", "done")]


def test_the_files_that_a_question_mentions_are_cut_off():
    asked = user("# Files mentioned by the user:\n\n## a.py: /w/a.py\n\n## My request for Codex:\nfix it\n")
    assert said(META, asked, answer("b")) == [("chat", "fix it", "b")]


def test_an_image_stands_in_the_question_without_its_wrapping():
    content = [{"type": "input_text", "text": text} for text in ("<image name=[Image #1]>", "</image>", "what is it?")]
    content.insert(1, {"type": "input_image", "image_url": "data:"})
    asked = item("message", role="user", content=content)
    assert said(META, asked, answer("a cat")) == [("chat", "[image]\nwhat is it?", "a cat")]


TASK = [{"type": "input_text", "text": "Message Type: NEW_TASK\nPayload:\nAudit"}]


def test_a_task_that_another_agent_gave_is_no_question_and_its_answer_stands():
    task = item("agent_message", author="/root", recipient="/root/audit", content=TASK)
    assert said(META, user("<environment_context>"), task, call(), output("x"), answer("Done")) == [
        ("tool", SHELL, "x"),
        ("chat", "", "Done"),
    ]
    assert said(META, answer("Welcome"), user("q"), task, answer("a")) == [("chat", "q", "a")]


GIVEN = {
    "author": "/root",
    "recipient": "/root/audit",
    "other_recipients": [],
    "content": "Audit",
    "trigger_turn": True,
}


@pytest.mark.parametrize(
    "given",
    [
        item("agent_message", author="/root", recipient="/root/audit", content=TASK),
        line("inter_agent_communication", **GIVEN),
        line("inter_agent_communication_metadata", trigger_turn=True),
        answer(json.dumps(GIVEN, separators=(",", ":"))),
    ],
)
def test_the_answer_to_a_task_stands_though_no_tool_ran(given):
    assert said(META, given, answer("Done")) == [("chat", "", "Done")]
    assert said(META, user("q"), given, answer("a")) == [("chat", "q", "a")]
