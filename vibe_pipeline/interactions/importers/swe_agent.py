"""SWE-agent's trajectories (.traj) and mini-swe-agent's: what the agent was asked, did and saw.

Here the one who answers a call is called "user" as often as "tool": after the first answer, whatever the user says is
the result of the action before it. Demonstrations that were shown to the model are not part of the run.

Not here: mini-swe-agent's messages (mini_swe_agent.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.agents import in_order, mark_answer
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.fields import list_of, number_at, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, message_of, moment_of
from vibe_pipeline.interactions.importers.mini_swe_agent import is_mini, mini_messages
from vibe_pipeline.interactions.importers.parts import parsed
from vibe_pipeline.records import Interaction

MARKS = {"agent", "message_type", "is_demo", "thought", "action"}
"""Keys that tell messages of a history from those of any chat."""

SUBMITTED = "submitted"


def recognises(value: Any) -> bool:
    """Whether this is a trajectory."""
    if is_mini(value):
        return True
    if not isinstance(value, dict):
        return False
    return _is_history(value.get("history")) or _is_trajectory(value.get("trajectory")) or bool(_attempts(value))


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one run, or of each attempt where there were several."""
    found: list[Interaction] = []
    losses = Losses()
    for number, run in enumerate(_attempts(value) or [value]):
        with losses.of(run):
            model = _model(row_of(run)) or _model(row_of(value), number)
            found += _interactions(run, model, source, at, losses)
    yield from losses.beside(found)
    yield from found


def _interactions(run: Any, model: str | None, source: str, at: datetime, losses: Losses) -> list[Interaction]:
    record = row_of(run)
    said = mini_messages(run, losses) if is_mini(run) else _messages(record)
    info = row_of(record.get("info"))
    status = text_at(info, "exit_status")
    submission = text_at(info, "submission")
    if status:
        extra = {"exit_status": status} | ({"submission": submission} if submission else {})
        failed = {} if status.lower() == SUBMITTED else {"success": False, "error_type": status}
        mark_answer(said, extra=extra, **failed)
    origin = Origin(
        module="swe_agent",
        source=source,
        at=moment_of(record) or at,
        model=model,
        extra={key: record[key] for key in ("environment", "instance_id") if text_at(record, key)},
        grows=not status,
        unasked=not any(message.role == "user" for message in said),
    )
    return interactions(in_order(said), origin)


def _messages(run: dict[str, Any]) -> list[Message]:
    steps, history = rows_of(run.get("trajectory")), rows_of(run.get("history"))
    if steps and not any(item.get("role") == "assistant" for item in history):
        return _of_steps(steps)
    said = list(_of_history(history))
    acted = [place for place, message in enumerate(said) if message.calls]
    if len(acted) == len(steps):  # else the history was cut or has turns of other agents: who knows which step is whose
        for place, step in reversed(list(zip(acted, steps, strict=True))):
            _complete(said, place, step)
    return said


def _of_history(history: Sequence[dict[str, Any]]) -> Iterator[Message]:
    """System and question, then answers with their actions and what came of them."""
    waiting: list[str] = []
    has_answer = False
    for number, item in enumerate(history):
        role = text_at(item, "role")
        if item.get("is_demo") is True or item.get("message_type") == "demonstration":
            continue
        if role == "assistant":
            answer = _answer(item, f"step {number}")
            waiting = [identity for identity, _ in answer.calls if identity]
            has_answer = True
            yield answer
        elif role in ("user", "tool") and has_answer:
            named = [name for name in list_of(item.get("tool_call_ids")) if name in waiting]
            call_id = next(iter([*named, *waiting]), None)  # none: the answer was refused, for it held no action
            waiting = [name for name in waiting if name != call_id]
            yield Message("result", _text(item), call_id=call_id)
        elif role in ("user", "system"):
            yield Message(role, _text(item))


def _of_steps(steps: Sequence[dict[str, Any]]) -> list[Message]:
    """A trajectory without its history: the first query holds what was asked."""
    first = steps[0] if steps else {}
    asked = rows_of(first.get("query") or first.get("messages"))
    said = [message for message in _of_history(asked) if message.role in ("system", "user")]
    for number, step in enumerate(steps):
        text = text_at(step, "response") or text_at(step, "thought") or ""
        answer = _answer({"content": text, "action": step.get("action")}, f"step {number}")
        said.append(answer)
        if answer.calls:
            said.append(Message("result", call_id=answer.calls[0][0]))
            _complete(said, len(said) - 2, step)
    return said


def _complete(said: list[Message], place: int, step: dict[str, Any]) -> None:
    """What the step knows of an action that the history does not: how long it took, and the last one's result."""
    seconds = number_at(step, "execution_time")
    latency = seconds * 1000 if seconds else None
    after = place + 1
    if after == len(said) or said[after].role != "result":
        said.insert(after, Message("result", call_id=said[place].calls[0][0]))
    text = said[after].text or text_at(step, "observation") or ""
    said[after] = replace(said[after], text=text, latency_ms=latency)


def _answer(item: dict[str, Any], name: str) -> Message:
    answer = message_of({"role": "assistant", "content": item.get("content"), "tool_calls": item.get("tool_calls")})
    thinking = [text_at(block, "thinking") for block in rows_of(item.get("thinking_blocks"))]
    calls = tuple((identity or name, call) for identity, call in answer.calls[:1])
    action = text_at(item, "action")
    if not calls and action and action.strip():
        calls = ((name, call_of("bash", {"command": action.strip()})),)
    return replace(answer, calls=calls, reasoning=answer.reasoning or "\n\n".join(filter(None, thinking)))


def _text(item: dict[str, Any]) -> str:
    return message_of({"role": "user", "content": item.get("content")}).text


def _model(run: dict[str, Any], number: int = 0) -> str | None:
    """mini-swe-agent tells its model's settings, SWE-agent how to run all of it again: one agent for each attempt."""
    settings = row_of(row_of(row_of(run.get("info")).get("config")).get("model"))
    agent = row_of(row_of(parsed(run.get("replay_config"))).get("agent"))
    agents = rows_of(agent.get("agent_configs")) or [agent]
    return text_at(settings, "model_name") or text_at(row_of(agents[number % len(agents)].get("model")), "name")


def _attempts(value: Any) -> list[Any]:
    """All of them, where any is a run."""
    found = list_of(row_of(value).get("attempts"))
    return found if any("history" in run or "trajectory" in run for run in rows_of(found)) else []


def _is_history(value: Any) -> bool:
    return any(isinstance(item, dict) and "role" in item and MARKS & item.keys() for item in list_of(value))


def _is_trajectory(value: Any) -> bool:
    return any(isinstance(item, dict) and item.keys() >= {"action", "observation"} for item in list_of(value))
