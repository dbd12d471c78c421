"""One interaction while it happens: what a `with log.interaction(…)` block or a logged function fills in.

Not here: writing it. The logger does that when the block or the function ends, however it ends.
"""

from __future__ import annotations

import functools
import inspect
import os
import time
import traceback
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from copy import copy
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.lines import fitting, text_of
from vibe_pipeline.private_names import is_private

Log = Callable[..., str]

RECORDED = ("output", "success", "error_type", "model_id", "feedback", "improvements", "learnings", "extra")
"""What `log` takes and a block may still change."""


@dataclass(slots=True)
class Recording(AbstractContextManager["Recording"]):
    """Set `output` and whatever else is known; success, error_type and a traceback are set for you on an exception.

    Whatever a value is, it is logged and raises nothing. Entered again, it is another interaction with its own id, and
    knows what it knew before the first.
    """

    log: Log
    known: dict[str, Any]
    interaction_id: str
    output: Any = ""
    success: bool | None = None
    error_type: str | None = None
    model_id: str | None = None
    feedback: float | None = None
    improvements: list[str] = field(default_factory=list)
    learnings: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    _before: dict[str, Any] | None = None
    _started: float = 0.0
    _process: int = 0

    def __enter__(self) -> Recording:
        if self._before is None:
            self._before = {name: own(getattr(self, name)) for name in RECORDED}
        else:
            self.interaction_id = uuid.uuid4().hex
            for name, value in self._before.items():
                setattr(self, name, own(value))
        self._started, self._process = time.perf_counter(), os.getpid()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log it. What the block raised is raised on; if it cannot be logged as well, a note on it says why."""
        if os.getpid() != self._process:  # a fork inside the block leaves it as well, and that is another interaction
            self.interaction_id = uuid.uuid4().hex
        latency_ms = (time.perf_counter() - self._started) * 1000
        told = {name: getattr(self, name) for name in RECORDED}
        fields = fitting({**self.known, "interaction_id": self.interaction_id, **told, "latency_ms": latency_ms})
        if error is not None and not _is_ordinary_end(error):
            fields |= {"success": False, "error_type": type(error).__name__}
            fields["extra"] = {**fields.get("extra", {}), "traceback": "".join(traceback.format_exception(error))}
        elif self.success is None:
            fields["success"] = True
        try:
            self.log(**fields)
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"The interaction could not be logged: {failure}")


def own(value: Any) -> Any:
    """What a block adds to a list or dict must not stand in the next one that is given the same."""
    return copy(value) if type(value) in (dict, list) else value


def _is_ordinary_end(error: BaseException) -> bool:
    """Of a generator that nobody reads on, or of a program that leaves and says that all is well."""
    return isinstance(error, GeneratorExit) or (isinstance(error, SystemExit) and error.code in (None, 0))


def logged(function: Callable[..., Any], record: Callable[[str], Recording]) -> Callable[..., Any]:
    """The function, plain or async, with each call recorded: its arguments as input, what it returns as output."""
    if _is(inspect.isgeneratorfunction, function) or _is(inspect.isasyncgenfunction, function):
        raise SettingsInvalid(
            f"{place_of(function)[1]} is a generator: its call returns before anything has happened",
            "Use `with log.interaction(…)` around the loop that reads it",
        )
    signature = inspect.signature(function)

    def recorded(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
        return record(_input(signature, args, kwargs))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with ExitStack() as until:
            it = until.enter_context(recorded(args, kwargs))
            it.output = function(*args, **kwargs)
            return _finished(it, until.pop_all()) if inspect.iscoroutine(it.output) else it.output

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with recorded(args, kwargs) as it:
            it.output = await function(*args, **kwargs)
            return it.output

    return call_async if _is(inspect.iscoroutinefunction, function) else call


async def _finished(it: Recording, until: ExitStack) -> Any:
    """What a plain function around an async one gave: it is over when that is."""
    with until:
        it.output = await it.output
        return it.output


def place_of(function: Callable[..., Any]) -> tuple[str, str]:
    """Module and name of a function below its partials; of an object that can be called, those of its type."""
    bare = _bare(function)
    return text_of(bare.__module__), getattr(bare, "__name__", type(bare).__name__)


def _bare(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _is(kind: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    """Whether calling it runs a function of that kind: its own, or an object's `__call__`."""
    bare = _bare(function)
    return kind(bare) or kind(type(bare).__call__)


def _input(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments by name, without self and cls; a single text stands for itself, unless its name gives it away."""
    try:
        arguments = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError:  # the call itself will say so
        arguments = {"args": args, **kwargs}
    told = {name: value for name, value in arguments.items() if name not in ("self", "cls")}
    if len(told) == 1 and isinstance(text := next(iter(told.values())), str) and not is_private(next(iter(told))):
        return text
    return text_of(told)
