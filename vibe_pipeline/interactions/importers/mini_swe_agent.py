"""mini-swe-agent's messages: a bare list, or {"info", "messages"}; actions in the text, as tool calls or as responses.

Not here: the run around them (swe_agent.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vibe_pipeline.interactions.importers.fields import number_at, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, message_of, moment_of

FENCED = re.compile(r"^```(?:mswea_bash_command|bash)[ \t]*\n(.*?)\n?```", re.DOTALL | re.MULTILINE)
TAGGED = re.compile(r"<mswea_bash_command>(.*?)</mswea_bash_command>", re.DOTALL)
OBSERVATION = re.compile(
    r"\s*<returncode>\s*(-?\d{1,9})\s*</returncode>\s*(?:<output>\n?(.*?)\n?</output>)?", re.DOTALL
)

REJECTED = re.compile(r"Commands? not executed\.")
COMMAND = "User command:"
"""How a command begins that a person typed instead of the model; what it printed is told in the same turn."""
PERSONS = re.compile(rf"The user added a new task|Interrupted by user: |{REJECTED.pattern} The user|{COMMAND}")
"""How the program introduces what a person says while the agent runs."""
NOTES = re.compile(
    rf"Switched to \w+ mode|Interrupted by user: Temporary interruption caught|{REJECTED.pattern} Switching to"
)
"""What the program says itself where the person only changed its mode."""
REFUSED = "FormatError"
"""What the answer was that held no action, or several: it is kept with what the model is told of it."""
NOT_EXECUTED = "action was not executed"

INFO = {"mini_version", "exit_status", "model_stats", "submission"}


def is_mini(value: Any) -> bool:
    """Whether this is a run of mini-swe-agent."""
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        info = value.get("info")
        is_run = isinstance(info, dict) and bool(INFO & info.keys())
        return is_run or str(value.get("trajectory_format", "")).startswith("mini-swe-agent")
    return isinstance(value, list) and any(_is_observation(item) for item in value)


def mini_messages(value: Any, losses: Losses) -> list[Message]:
    """All that was said and done; a message that cannot be read costs itself."""
    listed = value["messages"] if isinstance(value, dict) else value
    said: list[Message] = []
    waiting: list[str] = []
    for number, item in enumerate(listed):
        with losses.of(item):
            if not isinstance(item, dict):
                raise Unusable("a message is not an object")
            for message in _messages(item, f"step {number}", waiting, said):
                said.append(message)
                waiting += [identity for identity, _ in message.calls if identity]
                if message.role == "result" and message.call_id in waiting:
                    waiting.remove(message.call_id)
    return said


def _messages(item: dict[str, Any], name: str, waiting: list[str], said: list[Message]) -> Iterator[Message]:
    role, at = text_at(item, "role"), _moment(item)
    if role == "assistant" or item.get("object") == "response":
        waiting.clear()
        yield _answer(item, name)
    elif role == "tool" or item.get("type") == "function_call_output":
        yield _result(item, text_at(item, "tool_call_id") or text_at(item, "call_id"))
    elif role == "system":
        yield Message("system", _text(item), at=at)
    elif role == "user" and _extra(item).get("interrupt_type") == REFUSED:
        yield Message("assistant", text_at(_extra(item), "model_response") or "", at=at)
        yield Message("result", _text(item), at=at, success=False, error_type=REFUSED)
    elif role == "user":
        yield from _user(item, waiting, said)


def _user(item: dict[str, Any], waiting: list[str], said: list[Message]) -> Iterator[Message]:
    """What the person says, what came of an action or of the person's own command, or a note of the program."""
    text, at = _text(item), _moment(item)
    if REJECTED.match(text) and waiting:
        yield Message("result", call_id=waiting[0], at=at, success=False, error_type="rejected")
    is_persons = PERSONS.match(text) is not None or str(_extra(item).get("interrupt_type")).startswith("User")
    is_asked = not any(message.role == "assistant" for message in said) or _is_command(said)
    if is_asked or (is_persons and not NOTES.match(text)):
        yield Message("user", text, at=at)
    elif not NOTES.match(text):
        yield _result(item, waiting[0] if waiting else None)


def _is_command(said: list[Message]) -> bool:
    """Whether the last thing that was said is a command of the person, of which the output follows."""
    return bool(said) and said[-1].role == "user" and said[-1].text.startswith(COMMAND)


def _answer(item: dict[str, Any], name: str) -> Message:
    """Text and the one action; an answer with several blocks was refused, so that nothing of it was done."""
    parts = item.get("output")
    if isinstance(parts, list):
        texts = [part for part in parts if isinstance(part, dict) and part.get("type") == "message"]
        called = [part for part in parts if isinstance(part, dict) and part.get("type") == "function_call"]
        text = "\n\n".join(_text(part) for part in texts)
        calls = tuple((text_at(c, "call_id"), call_of(text_at(c, "name"), c.get("arguments"))) for c in called)
        return Message("assistant", text, calls=calls, at=_moment(item))
    said = message_of({**item, "role": "assistant"})
    calls = said.calls
    commands = _recorded(item) or FENCED.findall(said.text) or TAGGED.findall(said.text)
    if not calls and len(commands) == 1:
        calls = ((name, call_of("bash", {"command": commands[0].strip()})),)
    return Message("assistant", said.text, said.reasoning, calls, at=_moment(item), model=said.model)


def _recorded(item: dict[str, Any]) -> list[str]:
    """The commands as they were run, whichever expression a configuration finds them by."""
    return list(filter(None, (text_at(action, "command") for action in rows_of(_extra(item).get("actions")))))


def _result(item: dict[str, Any], call_id: str | None) -> Message:
    extra = _extra(item)
    text = _text(item)
    seen = OBSERVATION.match(text)
    code = number_at(extra, "returncode")
    code = int(seen[1]) if code is None and seen else code
    if seen and seen[2] is not None:
        text = seen[2]
    raised = text_at(extra, "exception_info")
    succeeded = False if raised else None if code is None else code == 0
    failure = f"exit code {code:g}" if code is not None else "exception"
    failure = "not executed" if raised == NOT_EXECUTED else failure
    return Message(
        role="result",
        text=text_at(extra, "raw_output") or text,
        call_id=call_id,
        at=_moment(item),
        success=succeeded,
        error_type=failure if succeeded is False else None,
    )


def _text(item: dict[str, Any]) -> str:
    content = item.get("content") if item.get("content") is not None else item.get("output")
    return message_of({"role": "user", "content": content}).text


def _moment(item: dict[str, Any]) -> Any:
    return moment_of(item) or moment_of(_extra(item))


def _extra(item: dict[str, Any]) -> dict[str, Any]:
    return row_of(item.get("extra"))


def _is_observation(item: Any) -> bool:
    text = item.get("content") if isinstance(item, dict) and item.get("role") == "user" else None
    return isinstance(text, str) and OBSERVATION.match(text) is not None
