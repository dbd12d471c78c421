"""Which run of a tool, recorded apart from the call that asked for it, is of which call.

By its id, else by its tool, its arguments and the order. Calls are found by keys, so that many runs of one tool do not
pass each other's calls. Not here: what a run tells its call (threads.py).
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from vibe_pipeline.interactions.importers.messages import Message
from vibe_pipeline.interactions.importers.threads import Thread, ToolCall

Key = tuple[bool, str | None, str | None]
"""What a call is found by: whether for a run with an id, its tool, its arguments; without a tool its id."""

WRAPPED = 4
"""How deep in a run's arguments the call's may lie."""
PART = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One run of a tool, recorded apart from the call that asked for it."""

    call: str
    """As `call_of` writes it."""
    result: Message
    at: datetime


def complete(threads: Iterable[Thread], runs: Sequence[ToolRun]) -> list[ToolRun]:
    """Give each run, in the order of time, to the call that it is of; returns the runs that no call asked for."""
    calls = _calls(threads) if runs else {}
    left: list[ToolRun] = []
    for run in sorted(runs, key=lambda run: run.at):
        if call := _call_of(run, calls):
            call.complete(replace(run.result, at=run.at))
        else:
            left.append(run)
    return left


def _calls(threads: Iterable[Thread]) -> dict[Key, deque[ToolCall]]:
    """All calls by their keys, in the order in which they were asked for."""
    several = (call for thread in threads for _, calls in thread.turns for call in calls)
    found: dict[Key, deque[ToolCall]] = defaultdict(deque)
    for call in sorted(several, key=lambda call: (call.asked_at is not None, call.asked_at)):
        for key in _keys(call):
            found[key].append(call)
    return found


def _keys(call: ToolCall) -> Iterator[Key]:
    """One that has an id is found without it by such runs alone that have none."""
    name, arguments = _apart(call.call)
    for has_id in (False,) if call.identity else (False, True):
        yield from ((has_id, name, arguments), (has_id, name, None))
    if call.identity:
        yield (True, None, call.identity)


def _call_of(run: ToolRun, calls: Mapping[Key, deque[ToolCall]]) -> ToolCall | None:
    """The call with the run's id, else the first to its tool that was asked for before; one with its arguments first.

    Instrumentations wrap arguments ({"args": [], "kwargs": {…}}) and names ("execute_tool f").
    """
    identity, (name, arguments) = run.result.call_id, _apart(run.call)
    if identity and (call := _first(calls.get((True, None, identity)))):
        return call
    names = dict.fromkeys((name, name.rpartition(" ")[2]))
    keys = ((bool(identity), each, told) for told in (*_parts(arguments), None) for each in names)
    found = (_first(calls.get(key)) for key in keys)
    return next((call for call in found if call and _is_before(call, run)), None)


def _first(calls: deque[ToolCall] | None) -> ToolCall | None:
    """The first without a run; those before it are dropped, so that nobody passes them again."""
    while calls and calls[0].is_run:
        calls.popleft()
    return calls[0] if calls else None


def _is_before(call: ToolCall, run: ToolRun) -> bool:
    return call.asked_at is None or call.asked_at <= run.at


def _apart(call: str) -> tuple[str, str]:
    """The name and the arguments in a call as `call_of` writes it."""
    name, _, arguments = call.partition(', "arguments": ')
    return name.removeprefix('{"name": ').strip('"'), arguments.removesuffix("}")


def _parts(arguments: str) -> list[str]:
    """The arguments, in JSON, and the texts, lists and objects in them, the outer ones first."""
    spans, open_at = {(0, len(arguments))}, list[int]()
    for match in PART.finditer(arguments):
        start, depth = match.start(), len(open_at)
        if match[0] in ("[", "{"):
            open_at.append(start)
            continue
        if match[0] in ("]", "}") and open_at:
            start = open_at.pop()
        if depth <= WRAPPED:
            spans.add((start, match.end()))
    return [arguments[start:end] for start, end in sorted(spans, key=lambda span: (span[0], -span[1]))]
