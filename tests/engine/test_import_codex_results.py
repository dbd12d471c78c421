"""Codex CLI: the calls of a rollout, and how they ended by their own output, by events and by items."""

import json

import pytest

from tests.engine.codex import META, answer, call, event, item, output, read, said, user


@pytest.mark.parametrize(
    ("value", "text", "success", "error_type", "latency_ms"),
    [
        ('{"output": "x", "metadata": {"exit_code": 0, "duration_seconds": 0.5}}', "x", True, None, 500),
        ('{"output": "x", "metadata": {"exit_code": 2, "duration_seconds": 0.5}}', "x", False, "exit code 2", 500),
        ("Exit code: 1\nWall time: 0.2 seconds\nOutput:\nx\n", "x\n", False, "exit code 1", 200),
        ("Chunk ID: a\nWall time: 1 seconds\nProcess exited with code 0\nOutput:\nx", "x", True, None, 1000),
        ("Chunk ID: a\nWall time: 1 seconds\nProcess running with session ID 3\nOutput:\nx", "x", None, None, 1000),
        ({"content": "x", "success": False}, "x", False, "tool_error", None),
        ([{"type": "input_text", "text": "x"}, {"type": "input_image"}], "x\n[image]", None, None, None),
        ("exec command rejected by user", "exec command rejected by user", False, "rejected", None),
        ("aborted by user after 2.0s", "aborted by user after 2.0s", False, "interrupted", None),
        ("unsupported call: f", "unsupported call: f", False, "tool_error", None),
        ("the text says exit_code=7", "the text says exit_code=7", None, None, None),
        ('{"answer": 3}', '{"answer": 3}', None, None, None),
    ],
)  # fmt: skip
def test_a_result_says_whether_it_worked(value, text, success, error_type, latency_ms):
    tool, _ = read(META, user("q"), call(), output(value), answer("a"))
    assert (tool.output, tool.success, tool.error_type, tool.latency_ms) == (text, success, error_type, latency_ms)


def completed(name: str, status: str, **more) -> dict:
    return event("item_completed", thread_id="t1", turn_id="u", item={"id": name, "status": status, **more})


@pytest.mark.parametrize(
    ("end", "success", "error_type"),
    [
        (event("exec_command_end", call_id="c", exit_code=3), False, "exit code 3"),
        (event("exec_command_end", call_id="c", exit_code=0), True, None),
        (event("patch_apply_end", call_id="c", success=False), False, "tool_error"),
        (event("mcp_tool_call_end", call_id="c", result={"Ok": {"content": []}}), True, None),
        (event("mcp_tool_call_end", call_id="c", result={"Ok": {"isError": True}}), False, "tool_error"),
        (event("mcp_tool_call_end", call_id="c", result={"Err": "no server"}), False, "tool_error"),
        (completed("c", "failed", exit_code=3), False, "exit code 3"),
        (completed("c", "completed", exit_code=0), True, None),
        (completed("c", "declined", exit_code=-1), False, "rejected"),
        (completed("c", "completed", result={"content": [], "isError": False}), True, None),
        (completed("c", "completed", result={"content": [], "isError": True}), False, "tool_error"),
        (completed("c", "failed", error={"message": "no server"}), False, "tool_error"),
        (completed("c", "inProgress"), None, None),
    ],
)
def test_an_event_knows_what_the_result_does_not_say(end, success, error_type):
    tool, _ = read(META, user("q"), call(), end, output("x"), answer("a"))
    assert (tool.output, tool.success, tool.error_type) == ("x", success, error_type)


ENDED = [completed("a", "failed", exit_code=1), completed("b", "completed", exit_code=0)]
ANSWERED = [output("a", "a"), output("b", "b")]
BOTH = {"a": (False, "exit code 1"), "b": (True, None)}


@pytest.mark.parametrize(
    "lines",
    [
        [*ENDED, *ANSWERED],
        [*ANSWERED, *ENDED],
        [ENDED[0], ANSWERED[0], *reversed([ENDED[1], ANSWERED[1]])],
    ],
)
def test_an_item_tells_of_the_call_whose_id_it_bears(lines):
    tools = read(META, user("q"), call("a"), call("b"), *lines, answer("done"))[:-1]
    assert {tool.output: (tool.success, tool.error_type) for tool in tools} == BOTH


def test_an_item_does_not_outdo_what_the_output_of_another_call_says():
    told = "Wall time: 1 seconds\nProcess exited with code {}\nOutput:\n{}"
    outputs = [output(told.format(code, name), name) for name, code in (("a", 1), ("b", 0))]
    tools = read(META, user("q"), call("a"), call("b"), *ENDED, *outputs, answer("done"))[:-1]
    assert {tool.output: (tool.success, tool.error_type) for tool in tools} == BOTH


def test_of_the_commands_of_a_script_the_first_that_failed_tells():
    script = item("custom_tool_call", name="exec", call_id="s", input="await tools.exec_command(1)")
    inside = [completed("x1", "completed", exit_code=0), completed("x2", "failed", exit_code=2)]
    inside += [completed("x3", "failed", exit_code=3), completed("x4", "completed", exit_code=0)]
    result = item("custom_tool_call_output", call_id="s", output="x")
    by_hand = completed("x5", "failed", exit_code=9, source="user_shell")
    for begun, ended in (([script], (False, "exit code 2")), ([call("a"), script], (None, None))):
        *_, tool, _ = read(META, user("q"), *begun, *inside, result, answer("a"))
        assert (tool.success, tool.error_type) == ended
    tool, _ = read(META, user("q"), script, by_hand, inside[0], result, answer("a"))
    assert tool.success is True


def test_all_kinds_of_calls_are_read():
    lines = [
        item("custom_tool_call", name="apply_patch", call_id="p", input="*** Begin Patch"),
        item("custom_tool_call_output", call_id="p", output='{"output": "Success", "metadata": {"exit_code": 0}}'),
        item("local_shell_call", call_id="l", status="completed", action={"type": "exec", "command": ["ls"]}),
        output("files", "l"),
        item("web_search_call", status="completed", action={"type": "search", "query": "w"}),
        call("never"),
    ]
    found = [(json.loads(given), text) for _, given, text in said(META, *lines)]
    assert found == [
        ({"name": "apply_patch", "arguments": "*** Begin Patch"}, "Success"),
        ({"name": "local_shell", "arguments": {"type": "exec", "command": ["ls"]}}, "files"),
        ({"name": "web_search", "arguments": {"type": "search", "query": "w"}}, ""),
        ({"name": "shell", "arguments": {"command": ["ls"]}}, ""),
    ]


def test_an_image_that_was_made_is_a_tool_without_its_bytes():
    made = item("image_generation_call", id="ig", status="completed", revised_prompt="a cat", result="iVBOR")
    call = '{"name": "image_generation", "arguments": {"revised_prompt": "a cat"}}'
    assert said(META, user("draw"), made, answer("a")) == [("tool", call, ""), ("chat", "draw", "a")]


def test_events_speak_where_there_are_no_items():
    lines = [event("user_message", message="q"), event("agent_reasoning", text="hm")]
    lines += [event("exec_command_begin", call_id="c", command=["ls"], cwd="/w")]
    lines += [event("exec_command_end", call_id="c", stdout="out", stderr="", exit_code=1)]
    tool, chat = read(META, *lines, event("agent_message", message="a"))
    assert (tool.input, tool.output, tool.success) == (
        '{"name": "shell", "arguments": {"command": ["ls"], "cwd": "/w"}}', "out", False
    )  # fmt: skip
    assert (chat.input, chat.output, chat.extra["reasoning"]) == ("q", "a", "hm")
