"""SWE-agent and mini-swe-agent: the question, each action with what came of it, and how the run ended."""

import json

import pytest
from hypothesis import given

from tests.engine.importing import lost
from tests.engine.spoiling import MOMENT, spoiled, survives
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

HISTORY = [
    {"role": "system", "content": "be able", "agent": "main", "message_type": "system_prompt"},
    {"role": "user", "content": "like this", "agent": "main", "is_demo": True},
    {"role": "user", "content": "fix it", "agent": "main", "message_type": "observation"},
    {"role": "assistant", "content": "look\n```\nls\n```", "thought": "look", "action": "ls\n", "agent": "main"},
    {"role": "user", "content": "a.py", "agent": "main", "message_type": "observation"},
    {"role": "assistant", "content": "done", "thought": "done", "action": "submit", "agent": "main"},
]
STEPS = [
    {"action": "ls\n", "observation": "a.py", "response": "look", "thought": "look", "execution_time": 0.5},
    {"action": "submit", "observation": "diff", "response": "done", "thought": "done", "execution_time": 0.1},
]
RUN = {
    "environment": "swe_main",
    "trajectory": STEPS,
    "history": HISTORY,
    "info": {"exit_status": "submitted", "submission": "diff"},
}

MINI = [
    {"role": "system", "content": "be able"},
    {"role": "user", "content": "fix it"},
    {"role": "assistant", "content": "look\n\n```bash\nls\n```", "timestamp": 1767323045.0},
    {"role": "user", "content": "<returncode>1</returncode>\n<output>\nno\n</output>"},
    {"role": "assistant", "content": "two\n```bash\na\n```\n```bash\nb\n```"},
    {"role": "user", "content": "Please give exactly one action"},
    {"role": "assistant", "content": "end\n```mswea_bash_command\necho COMPLETE\n```"},
    {"role": "user", "content": "diff"},
]


def read(value) -> list[Interaction]:
    importer = formats()["swe_agent"]
    assert importer.recognises(value)
    return [item for item in importer.read(value, "test", MOMENT) if isinstance(item, Interaction)]


def bash(command: str) -> str:
    return json.dumps({"name": "bash", "arguments": {"command": command}})


def test_a_run_is_its_actions_and_then_the_exchange():
    look, submit, chat = read(RUN)
    assert (look.input, look.output, look.success, look.latency_ms) == (bash("ls"), "a.py", None, 500)
    assert (submit.input, submit.output) == (bash("submit"), "diff")
    assert (chat.input, chat.output, chat.success) == ("fix it", "look\n```\nls\n```\n\ndone", None)
    assert chat.extra == {
        "system": "be able", "environment": "swe_main", "exit_status": "submitted", "submission": "diff"
    }  # fmt: skip
    assert [item.turn for item in (look, submit, chat)] == [0, 1, 2]


def test_a_run_that_did_not_submit_failed():
    chat = read(RUN | {"info": {"exit_status": "exit_cost"}})[-1]
    assert (chat.success, chat.error_type) == (False, "exit_cost")


def test_tool_calls_and_thinking_are_read():
    call = {"id": "c", "type": "function", "function": {"name": "open", "arguments": '{"path": "a"}'}}
    thinking = [{"type": "thinking", "thinking": "hm"}]
    acted = {**HISTORY[3], "content": "look", "tool_calls": [call], "thinking_blocks": thinking}
    seen = {"role": "tool", "content": "text", "agent": "main", "tool_call_ids": ["c"]}
    tool, chat = read({"history": [HISTORY[2], acted, seen]})
    assert (tool.input, tool.output) == ('{"name": "open", "arguments": {"path": "a"}}', "text")
    assert (chat.output, chat.extra) == ("look", {"reasoning": "hm"})


def test_a_trajectory_without_its_history_is_enough():
    query = [{"role": "system", "content": "be able"}, {"role": "user", "content": "fix it"}]
    found = read({"trajectory": [{**STEPS[0], "query": query}, STEPS[1]], "info": {}})
    assert [(item.input, item.output) for item in found] == [
        (bash("ls"), "a.py"), (bash("submit"), "diff"), ("fix it", "look\n\ndone")
    ]  # fmt: skip
    assert read({"trajectory": STEPS, "info": {}})[-1].input == ""


def test_each_attempt_is_a_conversation():
    other = {**RUN, "history": [*HISTORY[:3], {**HISTORY[3], "content": "again"}]}
    found = read({"attempts": [RUN, other], "history": HISTORY})
    assert len({item.conversation_id for item in found}) == 2


def test_actions_of_mini_swe_agent_stand_in_the_text():
    look, refused, end, chat = read(MINI)
    assert (refused.action, refused.input, refused.output) == ("tool", "", "Please give exactly one action")
    assert (look.input, look.output, look.success, look.error_type) == (bash("ls"), "no", False, "exit code 1")
    assert (end.input, end.output, end.success) == (bash("echo COMPLETE"), "diff", None)
    assert (chat.input, chat.success) == ("fix it", None)
    assert chat.output == "\n\n".join(MINI[place]["content"] for place in (2, 4, 6))


@pytest.mark.parametrize("extra", [{"actions": [{"command": "ls"}]}, {}])
def test_an_action_may_stand_in_a_tag(extra):
    seen = {"role": "user", "content": "no\n", "extra": {"returncode": 1, "raw_output": "no"}}
    acted = {"role": "assistant", "content": "look\n<mswea_bash_command>ls</mswea_bash_command>", "extra": extra}
    look, _ = read({"info": {"exit_status": "Submitted"}, "messages": [*MINI[:2], acted, seen]})
    assert (look.input, look.output, look.success) == (bash("ls"), "no", False)


def test_commands_that_were_recorded_count_however_the_text_holds_them():
    acted = {"role": "assistant", "content": "RUN ls", "extra": {"actions": [{"command": "ls"}]}}
    assert read({"info": {"exit_status": "Submitted"}, "messages": [*MINI[:2], acted]})[0].input == bash("ls")


def test_what_a_model_is_told_of_an_answer_without_an_action_is_kept():
    refused = {"role": "user", "content": "one action!", "extra": {"interrupt_type": "FormatError"}}
    refused["extra"] |= {"model_response": "hm"}
    tool, end, chat = read({"info": {"exit_status": "Submitted"}, "messages": [*MINI[:2], refused, *MINI[6:]]})
    assert (tool.input, tool.output, tool.success, tool.error_type) == ("", "one action!", False, "FormatError")
    assert (end.output, chat.input, chat.output[:2]) == ("diff", "fix it", "hm")
    silent = [{**HISTORY[3], "action": ""}, {**HISTORY[4], "content": "one command!"}]
    told = read({**RUN, "history": [*HISTORY[:3], *silent, *HISTORY[3:]]})
    assert [(item.input, item.output) for item in told[:3]] == [
        ("", "one command!"), (bash("ls"), "a.py"), (bash("submit"), "diff")
    ]  # fmt: skip


def test_the_newer_form_has_calls_exit_codes_times_and_the_model():
    call = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    stamp = {"timestamp": 1767323045.5}
    messages = [
        *MINI[:2],
        {"role": "assistant", "content": "look", "tool_calls": [call], "extra": {"actions": [], **stamp}},
        {"role": "tool", "tool_call_id": "c", "content": "<returncode>2</returncode>", "extra": {"raw_output": "no",
         "returncode": 2, **stamp}},
        {"role": "user", "content": "The user added a new task. The new task is: more"},
        {"role": "assistant", "content": "fine"},
        {"role": "exit", "content": "LimitsExceeded", "extra": {"exit_status": "LimitsExceeded"}},
    ]  # fmt: skip
    info = {"exit_status": "LimitsExceeded", "mini_version": "2.0", "config": {"model": {"model_name": "gpt-5"}}}
    tool, first, last = read({"info": info, "messages": messages, "trajectory_format": "mini-swe-agent-1.1"})
    assert (tool.input, tool.output, tool.success, tool.error_type) == (bash("ls"), "no", False, "exit code 2")
    assert (tool.occurred_at.year, tool.model_id, first.input, first.success) == (2026, "gpt-5", "fix it", None)
    assert (last.input[:24], last.output, last.success, last.error_type) == (
        "The user added a new tas", "fine", False, "LimitsExceeded"
    )  # fmt: skip


def test_swe_agent_names_its_model_in_how_to_run_it_again():
    def again(agent: dict) -> dict:
        return {"replay_config": json.dumps({"env": {}, "agent": agent})}

    assert {item.model_id for item in read(RUN | again({"model": {"name": "m"}}))} == {"m"}
    several = {"agent_configs": [{"model": {"name": "m"}}, {"model": {"name": "n"}}]}
    other = {**RUN, "replay_config": None, "history": [*HISTORY[:3], {**HISTORY[3], "content": "again"}]}
    found = read({"attempts": [RUN, other, RUN], **again(several)})
    assert [item.model_id for item in found if item.action == "chat"] == ["m", "n", "m"]


def interrupted(text: str, kind: str) -> dict:
    return {"role": "user", "content": text, "extra": {"interrupt_type": kind}}


def acted(command: str, call: str = "") -> dict:
    """A command that the model wants to run: as a call, or in its text."""
    if not call:
        return {"role": "assistant", "content": f"do\n```bash\n{command}\n```", "timestamp": 1767323045.0}
    arguments = json.dumps({"command": command})
    made = {"id": call, "type": "function", "function": {"name": "bash", "arguments": arguments}}
    return {"role": "assistant", "content": "do", "tool_calls": [made]}


def came(output: str, call: str = "", **more) -> dict:
    extra = {"raw_output": output, "returncode": 0} | more
    return {"role": "tool" if call else "user", "content": output, "extra": extra} | (
        {"tool_call_id": call} if call else {}
    )


NOT_EXECUTED = {"returncode": -1, "exception_info": "action was not executed"}
REJECTION = "Commands not executed. The user rejected your commands with the following message: keep it"


@pytest.mark.parametrize("calls", [("", ""), ("c1", "c2")])
def test_what_a_person_says_while_the_agent_runs_is_the_persons(calls):
    one, two = calls
    comment = interrupted("Interrupted by user: test, too", "UserInterruption")
    messages = [*MINI[:2], acted("rm x", one), came("", one, **NOT_EXECUTED), interrupted(REJECTION, "UserRejection")]
    messages += [acted("ls", two), came("a.py", two), comment, {"role": "assistant", "content": "fine"}]
    found = read({"info": {"exit_status": "Submitted"}, "messages": messages})
    tools = [(item.input, item.output, item.success, item.error_type) for item in found if item.action == "tool"]
    assert tools == [(bash("rm x"), "", False, "not executed"), (bash("ls"), "a.py", True, None)]
    assert [item.input for item in found if item.action == "chat"] == ["fix it", REJECTION, comment["content"]]


def test_a_rejection_of_the_first_version_is_the_persons_too_and_the_command_failed():
    rejection = {"role": "user", "content": "Command not executed. The user rejected your command: keep it"}
    found = read({"info": {"exit_status": "Submitted"}, "messages": [*MINI[:2], acted("rm x"), rejection, *MINI[6:]]})
    assert (found[0].input, found[0].success, found[0].error_type) == (bash("rm x"), False, "rejected")
    assert [item.input for item in found if item.action == "chat"] == ["fix it", rejection["content"]]


def test_a_command_of_the_person_is_told_with_its_output_in_one_turn():
    typed = {"role": "user", "content": "User command: \n```bash\nls\n```", "extra": {"actions": [{"command": "ls"}]}}
    messages = [
        *MINI[:2],
        acted("pwd", "c1"),
        came("/w", "c1"),
        interrupted("Switched to human mode.", "UserRejection"),
    ]
    messages += [typed, came("a.py"), acted("cat a.py", "c2"), came("text", "c2")]
    found = read({"info": {"exit_status": "Submitted"}, "messages": messages})
    assert [item.input for item in found if item.action == "tool"] == [bash("pwd"), bash("cat a.py")]
    assert [item.input for item in found if item.action == "chat"] == ["fix it", f"{typed['content']}\n\na.py"]


def test_a_second_result_of_a_call_is_kept_unless_it_says_the_same():
    messages = [*MINI[:2], acted("ls", "c1"), came("a", "c1"), came("a", "c1"), came("b", "c1")]
    found = read({"info": {"exit_status": "Submitted"}, "messages": messages})
    assert [item.output for item in found if item.action == "tool"] == ["a", "b"]


def test_responses_are_read():
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "look"}]}
    call = {"type": "function_call", "name": "bash", "arguments": '{"command": "ls"}', "call_id": "c"}
    seen = {
        "type": "function_call_output",
        "call_id": "c",
        "output": "<returncode>0</returncode>\n<output>\na\n</output>",
    }
    messages = [*MINI[:2], {"object": "response", "output": [said, call]}, seen]
    tool, chat = read({"info": {"exit_status": "Submitted"}, "messages": messages})
    assert (tool.input, tool.output, tool.success) == (bash("ls"), "a", True)
    assert (chat.output, chat.success) == ("look", None)


def test_trajectories_are_found_in_a_folder_and_bring_nothing_twice(tmp_path, left_alone):
    store = Store(tmp_path / "home")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.traj").write_text(json.dumps(RUN, indent=2))
    (tmp_path / "runs" / "b.traj.json").write_text(json.dumps(MINI, indent=2))
    (tmp_path / "runs" / "c.traj").write_text(json.dumps(RUN, indent=2)[:300])
    first = import_paths(InteractionLogger(store.root), store, [tmp_path / "runs"])
    assert [(file.format, file.imported, file.quarantined) for file in first] == [
        ("swe_agent", 1, 0), ("swe_agent", 1, 0), ("unknown", 0, 1)
    ]  # fmt: skip
    again = import_paths(InteractionLogger(store.root), store, [tmp_path / "runs"])
    assert [(file.imported, file.duplicate) for file in again] == [(0, 1), (0, 1), (0, 0)]


def test_a_run_that_never_answered_is_a_reason():
    with pytest.raises(Unusable, match="no answer follows a question"):
        read({"history": HISTORY[:3], "trajectory": []})


@pytest.mark.parametrize("value", [{"history": ["x"]}, {"messages": []}, [{"role": "user", "content": "x"}], {}, None])
def test_other_records_are_left_to_others(value):
    assert not formats()["swe_agent"].recognises(value)


@given(spoiled([RUN, MINI, {"info": {"exit_status": "x"}, "messages": MINI}, {"attempts": [RUN]}]))
def test_no_wrong_type_gets_further_than_a_reason(value):
    assert survives("swe_agent", value)


@pytest.mark.parametrize("bad", [{"role": "user", "content": [3]}, 3])
def test_a_message_that_cannot_be_read_is_told_with_its_reason(bad):
    run = {"info": {"exit_status": "submitted"}, "messages": [*MINI[:4], bad, *MINI[4:]]}
    assert len(read(run)) == len(read({**run, "messages": MINI}))
    assert [part for _, part in lost(run, "swe_agent")] == [json.dumps(bad)]


def test_an_attempt_that_gives_nothing_is_told_beside_the_others():
    silent = {"trajectory": [], "history": []}
    value = {"attempts": [RUN, silent, 3]}
    assert len(read(value)) == len(read(RUN))
    reason = "neither a question nor an answer"
    assert lost(value, "swe_agent") == [(reason, json.dumps(silent)), (reason, "3")]
