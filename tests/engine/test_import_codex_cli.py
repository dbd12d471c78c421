"""Codex CLI: rollouts of every age, and the event stream that does not hold the question."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given

from tests.engine.codex import AT, META, SHELL, answer, call, event, item, line, output, read, said, user
from tests.engine.importing import lines as jsonl
from tests.engine.importing import lost
from tests.engine.spoiling import spoiled, survives
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store


def test_a_turn_keeps_time_model_reasoning_and_place():
    thought = item("reasoning", summary=[{"type": "summary_text", "text": "hm"}], encrypted_content="x")
    lines = [META, line("turn_context", model="gpt-5"), user("q"), thought, call(), output("ok"), answer("a")]
    tool, chat = read(*lines)
    assert (tool.action, tool.input, tool.output, tool.success) == ("tool", SHELL, "ok", None)
    assert (chat.action, chat.input, chat.output, chat.success) == ("chat", "q", "a", None)
    assert (chat.model_id, tool.model_id, chat.occurred_at, tool.turn, chat.turn) == ("gpt-5", "gpt-5", AT, 0, 1)
    place = {"cwd": "/w", "version": "0.50", "git_branch": "main"}
    assert (tool.extra, chat.extra) == (place, {**place, "reasoning": "hm"})


def test_a_question_that_was_interrupted_stands_alone():
    first, second = read(META, user("q"), event("turn_aborted", reason="interrupted"), user("r"), answer("a"))
    assert (first.input, first.output, first.success, first.error_type) == ("q", "", False, "interrupted")
    assert (second.input, second.output, second.success) == ("r", "a", None)


def test_a_thread_in_which_nothing_was_asked_is_no_record():
    with pytest.raises(NothingAsked):
        read(META, user("<environment_context>"), line("turn_context", model="m"))
    with pytest.raises(Unusable, match="neither text nor a list of parts"):
        read(META, item("message", role="user", content=3))


def test_an_event_stands_in_for_an_item_that_was_lost():
    lines = [META, user("q"), event("user_message", message="q"), answer("a"), event("agent_message", message="a")]
    lines += [event("user_message", message="lost"), answer("b"), event("agent_message", message="b")]
    assert said(*lines) == [("chat", "q", "a"), ("chat", "lost", "b")]
    lines = [META, user("is that ok?"), answer("yes"), event("user_message", message="ok"), answer("done")]
    assert said(*lines) == [("chat", "is that ok?", "yes"), ("chat", "ok", "done")]


def test_turns_that_were_taken_back_are_gone():
    lines = [META, user("q"), answer("a"), user("r"), call(), output("x"), answer("b")]
    lines += [event("thread_rolled_back", num_turns=1), user("s"), answer("c")]
    assert said(*lines) == [("chat", "q", "a"), ("chat", "s", "c")]


def test_errors_and_interruptions_fail_the_turn_they_end():
    error = event("error", message="limit", codex_error_info="usage_limit_exceeded")
    (failed,) = read(META, user("q"), error)
    assert (failed.output, failed.success, failed.error_type) == ("", False, "usage_limit_exceeded")
    assert failed.extra["error"] == "limit"
    (fine,) = read(META, user("q"), error, answer("a"))
    assert (fine.output, fine.success, fine.error_type) == ("a", None, None)
    (stopped,) = read(META, user("q"), answer("half"), event("turn_aborted", reason="interrupted"))
    assert (stopped.output, stopped.success, stopped.error_type) == ("half", False, "interrupted")


LIMIT = {"message": "limit", "codex_error_info": "usage_limit_exceeded"}


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (LIMIT, "usage_limit_exceeded"),
        ({"message": "429", "codex_error_info": {"too_many_attempts": {"http_status_code": 429}}}, "too_many_attempts"),
        ({"message": "400"}, "error"),
    ],
)
def test_a_turn_may_end_with_an_error(error, error_type):
    end = event("task_complete", last_agent_message=None, error=error, duration_ms=5)
    empty, half, whole = read(META, user("q"), end, user("r"), answer("hal"), end, user("s"), answer("a"))
    assert (empty.input, empty.output, empty.success, empty.error_type) == ("q", "", False, error_type)
    assert (empty.extra["error"], empty.latency_ms) == (error["message"], 5)
    assert (half.input, half.output, half.success, half.error_type) == ("r", "hal", False, error_type)
    assert (whole.input, whole.output, whole.success, whole.error_type) == ("s", "a", None, None)


def test_a_turn_that_failed_stands_though_it_is_the_only_or_the_last_one():
    end = event("task_complete", last_agent_message=None, error=LIMIT)
    assert said(META, user("q"), end) == [("chat", "q", "")]
    assert said(META, user("q"), answer("a"), user("r"), end) == [("chat", "q", "a"), ("chat", "r", "")]
    fine = event("task_complete", last_agent_message="a", error=None, duration_ms=7)
    (chat,) = read(META, user("q"), answer("a"), fine)
    assert (chat.success, chat.latency_ms) == (None, 7)


def test_older_rollouts_have_no_envelopes():
    message = {"type": "message", "content": [{"type": "input_text", "text": "q"}], "role": "user"}
    reply = {"type": "message", "content": [{"type": "output_text", "text": "a"}], "role": "assistant"}
    calls = [{"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c"}]
    calls += [{"type": "function_call_output", "call_id": "c", "output": "x"}]
    header = {"id": "t0", "timestamp": "2025-06-01T00:00:00Z", "instructions": None}
    expected = [("tool", '{"name": "shell", "arguments": {}}', "x"), ("chat", "q", "a")]
    found = read(header, {"record_type": "state"}, message, *calls, reply)
    assert [(one.action, one.input, one.output) for one in found] == expected
    assert found[0].occurred_at == datetime(2025, 6, 1, tzinfo=UTC)
    assert said({"session": header, "items": [message, *calls, reply]}) == expected


def test_a_fork_brings_only_what_is_new():
    fork = line("session_meta", id="t9", forked_from_id="t1")
    (first,) = read(META, user("q"), answer("a"))
    same, new = read(fork, META, user("q"), answer("a"), user("r"), answer("b"))
    assert (same.interaction_id, new.input, new.conversation_id) == (first.interaction_id, "r", first.conversation_id)


SETTINGS = {
    "workdir": "/w",
    "model": "codex-mini",
    "provider": "openai",
    "approval": "never",
    "reasoning effort": "low",
}


def message(kind: str, **more) -> dict:
    return {"id": "1", "msg": {"type": kind, **more}}


def test_the_first_event_stream_holds_what_was_asked_and_who_answered():
    tool = {"server": "docs", "tool": "find", "arguments": {"q": "x"}}
    lines = [SETTINGS, {"prompt": "q"}, message("task_started")]
    lines += [message("mcp_tool_call_begin", call_id="m", invocation=tool)]
    lines += [
        message("mcp_tool_call_end", call_id="m", result={"Ok": {"content": [{"text": "found"}], "isError": False}})
    ]
    lines += [message("mcp_tool_call_begin", call_id="n", invocation=tool)]
    lines += [message("mcp_tool_call_end", call_id="n", result={"Err": "timed out"})]
    lines += [message("patch_apply_begin", call_id="p", changes={"a.py": {"add": {"content": "1"}}})]
    lines += [message("patch_apply_end", call_id="p", stdout="", stderr="no such file", success=False)]
    lines += [message("web_search_begin", call_id="w"), message("web_search_end", call_id="w", query="x")]
    *tools, chat = read(*lines, message("agent_message", message="a"))
    find = '{"name": "docs.find", "arguments": {"q": "x"}}'
    assert [(tool.input, tool.output, tool.success) for tool in tools] == [
        (find, "found", True),
        (find, "timed out", False),
        (
            '{"name": "apply_patch", "arguments": {"changes": {"a.py": {"add": {"content": "1"}}}}}',
            "no such file",
            False,
        ),
        ('{"name": "web_search", "arguments": {"query": "x"}}', "", None),
    ]
    assert (chat.input, chat.output, chat.model_id, chat.extra) == ("q", "a", "codex-mini", {"cwd": "/w"})


@pytest.mark.parametrize(
    "other",
    [
        {"timestamp": "2026-01-02T03:04:05Z", "type": "order.created", "payload": {"order": 1}},
        {"id": 7, "msg": {"type": "order.created"}},
        {"prompt": "q"},
    ],
)
def test_what_other_programs_write_is_no_thread_but_beside_ours_it_costs_nothing(other):
    with pytest.raises(Unusable, match="no line is of a kind that Codex writes"):
        read(other)
    assert said(META, user("q"), answer("a"), other)[0] == ("chat", "q", "a")


def run(*items: dict, end=None) -> list[dict]:
    start = [{"type": "thread.started", "thread_id": "t2"}, {"type": "turn.started"}]
    return [*start, *({"type": "item.completed", "item": one} for one in items), end or {"type": "turn.completed"}]


def test_a_stream_has_answers_without_their_question():
    begun = {"type": "item.started", "item": {"id": "1", "type": "command_execution", "command": "ls"}}
    begun["item"] |= {"aggregated_output": "", "exit_code": None, "status": "in_progress"}
    ended = {"id": "1", "type": "command_execution", "command": "ls", "aggregated_output": "x", "exit_code": 2}
    stream = run(
        {"id": "0", "type": "reasoning", "text": "hm"}, ended, {"id": "2", "type": "agent_message", "text": "a"}
    )
    tool, chat = read(*stream[:3], begun, *stream[3:])
    command = '{"name": "command_execution", "arguments": {"command": "ls"}}'
    assert (tool.input, tool.output, tool.success, tool.error_type) == (command, "x", False, "exit code 2")
    assert (chat.input, chat.output, chat.success, chat.extra) == ("", "a", None, {"reasoning": "hm"})
    (open_call,) = read(*stream[:2], begun)
    assert (open_call.input, open_call.output, open_call.success) == (command, "", None)


def test_the_other_items_of_a_stream_are_tools_too():
    tool = {
        "id": "1",
        "type": "mcp_tool_call",
        "server": "s",
        "tool": "t",
        "arguments": {"a": 1},
        "status": "completed",
    }
    failed = {**tool, "id": "2", "status": "failed", "error": {"message": "no"}}
    done = {**tool, "result": {"content": [{"type": "text", "text": "x"}]}}
    change = {"id": "3", "type": "file_change", "changes": [{"path": "a", "kind": "add"}], "status": "completed"}
    found = read(*run(done, failed, change))
    assert [(one.input, one.output, one.success, one.error_type) for one in found] == [
        ('{"name": "s.t", "arguments": {"a": 1}}', "x", True, None),
        ('{"name": "s.t", "arguments": {"a": 1}}', "no", False, "failed"),
        ('{"name": "file_change", "arguments": {"changes": [{"path": "a", "kind": "add"}]}}', "", True, None),
    ]


def test_a_stream_may_fail():
    (item,) = read(*run(end={"type": "turn.failed", "error": {"message": "quota"}}))
    assert (item.output, item.success, item.error_type, item.extra) == ("", False, "turn.failed", {"error": "quota"})
    started, *others = run({"id": "0", "type": "agent_message", "text": "a"})
    (item,) = read(started, {"type": "error", "message": "Reconnecting 1/5"}, *others)
    assert (item.output, item.success) == ("a", None)


def test_a_file_with_broken_lines_keeps_the_others_and_brings_nothing_twice(tmp_path, left_alone):
    lines = [META, user("q"), call(), output("x"), answer("a")]
    path, store = tmp_path / "rollout.jsonl", Store(tmp_path / "home")
    path.write_text(
        "\n".join([*map(json.dumps, lines[:3]), '{"payload": 3, "type": "response_item"}', "{", json.dumps(lines[4])])
    )
    (first,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (first.format, first.read, first.imported, first.quarantined) == ("codex_cli", 3, 1, 2)
    path.write_text("\n".join(map(json.dumps, [*lines, user("r"), answer("b")])))
    (grown,) = import_paths(InteractionLogger(store.root), store, [path])
    (again,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (grown.imported, again.imported, again.duplicate) == (1, 0, 1)


def test_the_lists_of_prompts_and_names_beside_the_sessions_are_no_records(tmp_path, left_alone):
    home, store = tmp_path / "codex", Store(tmp_path / "home")
    (home / "sessions").mkdir(parents=True)
    (home / "sessions" / "rollout.jsonl").write_text(jsonl(META, user("q"), answer("a")))
    (home / "history.jsonl").write_text(jsonl({"session_id": "t1", "ts": 1767323045, "text": "q"}))
    (home / "session_index.jsonl").write_text(
        jsonl({"id": "t1", "thread_name": "n", "updated_at": "2026-01-02T03:04:05Z"}, "{")
    )
    results = import_paths(InteractionLogger(store.root), store, [home])
    counts = {Path(one.path).name: (one.read, one.imported, one.quarantined) for one in results}
    assert counts == {"history.jsonl": (0, 0, 0), "session_index.jsonl": (1, 0, 1), "rollout.jsonl": (1, 1, 0)}


@pytest.mark.parametrize("more", [{"speaker": "ann"}, {"role": "user"}])
def test_what_another_program_lists_is_not_ours(more):
    assert not formats()["codex_cli"].recognises({"session_id": "t1", "ts": 1767323045, "text": "q", **more})


def test_a_question_alone_is_a_reason():
    with pytest.raises(Unusable, match="no answer follows a question"):
        read(META, user("q"))


ROLLOUT = [
    line("session_meta", id="t1", thread_source="user", source={"subagent": {"other": "x"}}),
    line("turn_context", model="m"),
    user("q", "<environment_context>"),
    item("reasoning", summary=[{"type": "summary_text", "text": "t"}], content=None),
    call(),
    output('{"output": "x", "metadata": {"exit_code": 0, "duration_seconds": 0.5}}'),
    event("exec_command_end", call_id="c", exit_code=3),
    item("local_shell_call", call_id="l", action={"command": ["ls"]}),
    event("mcp_tool_call_end", call_id="l", result={"Ok": {"isError": True}}),
    output({"content": "x", "success": True}, "l"),
    answer("a"),
    event("error", message="m", codex_error_info={"a": 1}),
    event("thread_rolled_back", num_turns=1),
    event("task_complete", duration_ms=5, error={"message": "m", "codex_error_info": "other"}),
    event("item_completed", item={"id": "c", "status": "completed", "exit_code": 0, "result": {"isError": False}}),
    item("message", role="user", content=[], internal_chat_message_metadata_passthrough={"content_item_kinds": ["u"]}),
    {"session": {"id": "t0"}, "items": [{"type": "message", "role": "user", "content": [{"text": "q"}]}]},
    {"id": "0", "msg": {"type": "agent_message", "message": "a"}},
]
STREAM = run(
    {"id": "0", "type": "command_execution", "command": "ls", "aggregated_output": "x", "exit_code": 1},
    {"id": "1", "type": "mcp_tool_call", "server": "s", "tool": "t", "result": {"content": [{"text": "x"}]}},
    {"id": "2", "type": "agent_message", "text": "a"},
    end={"type": "turn.failed", "error": {"message": "m"}},
)


@given(spoiled([ROLLOUT, STREAM]))
def test_no_wrong_type_gets_further_than_a_reason(lines):
    assert survives("codex_cli", lines)


@pytest.mark.parametrize("bad", [item("message", role="user", content=[3]), output([3])])
def test_an_item_that_cannot_be_read_is_told_with_its_reason(bad):
    lines = [META, user("q"), call(), bad, answer("a")]
    assert read(*lines)[-1].output == "a"
    reason = "a message whose content is neither text nor a list of parts"
    assert lost(lines, "codex_cli") == [(reason, json.dumps(bad["payload"]))]


def test_a_thread_without_an_answer_is_told_beside_the_others():
    lines = [META, user("q"), answer("a"), line("session_meta", id="t2"), user("r")]
    assert [item.input for item in read(*lines)] == ["q"]
    ((reason, part),) = lost(lines, "codex_cli")
    assert (reason, json.loads(part)[0]["id"]) == ("no answer follows a question", "t2")


def test_an_item_of_the_event_stream_that_cannot_be_read_costs_its_result():
    item = {"id": "i", "type": "mcp_tool_call", "tool": "t", "status": "completed", "result": {"content": [3]}}
    lines = [
        {"type": "thread.started", "thread_id": "t"},
        {"type": "item.completed", "item": item},
        {"type": "item.completed", "item": {"id": "j", "type": "agent_message", "text": "a"}},
    ]
    assert [(it.action, it.output) for it in read(*lines)] == [("tool", ""), ("chat", "a")]
    assert [part for _, part in lost(lines, "codex_cli")] == [json.dumps(item)]
