"""One interaction while it happens: what a `with log.interaction(…)` block or a logged function fills in.

Not here: writing it. The logger does that when the block or the function ends, however it ends.
"""

from __future__ import annotations

import functools
import inspect
import json
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from vibe_pipeline.errors import SettingsInvalid

Log = Callable[..., str]


@dataclass(slots=True)
class Recording(AbstractContextManager["Recording"]):
    """Set `output` and whatever else is known; success, error_type and a traceback are set for you on an exception."""

    log: Log
    interaction_id: str
    output: Any = ""
    success: bool | None = None
    error_type: str | None = None
    model_id: str | None = None
    feedback: float | None = None
    improvements: list[str] = field(default_factory=list)
    learnings: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    _started: float = 0.0

    def __enter__(self) -> Recording:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log it. What the block raised is raised on; if it cannot be logged as well, a note on it says why."""
        latency_ms = (time.perf_counter() - self._started) * 1000
        if error is not None:
            self.success, self.error_type = False, type(error).__name__
            self.extra = {**self.extra, "traceback": "".join(traceback.format_exception(error))}
        elif self.success is None:
            self.success = True
        try:
            self.log(
                interaction_id=self.interaction_id,
                output=text_of(self.output),
                success=self.success,
                error_type=self.error_type,
                model_id=self.model_id,
                feedback=self.feedback,
                improvements=self.improvements,
                learnings=self.learnings,
                extra=self.extra,
                latency_ms=latency_ms,
            )
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"The interaction could not be logged: {failure}")


def text_of(value: Any) -> str:
    """Text as it is, nothing as nothing, anything else as JSON (what JSON cannot hold, by its repr)."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=repr)


def logged(function: Callable[..., Any], record: Callable[[str], Recording]) -> Callable[..., Any]:
    """The function, plain or async, with each call recorded: its arguments as input, what it returns as output."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SettingsInvalid(
            f"{function.__qualname__} is a generator: its call returns before anything has happened",
            "Use `with log.interaction(…)` around the loop that reads it",
        )
    signature = inspect.signature(function)

    def recorded(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
        return record(_input(signature, args, kwargs))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with recorded(args, kwargs) as it:
            it.output = function(*args, **kwargs)
            return it.output

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with recorded(args, kwargs) as it:
            it.output = await function(*args, **kwargs)
            return it.output

    return call_async if inspect.iscoroutinefunction(function) else call


def _input(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments by name, without self and cls; a single text stands for itself."""
    try:
        arguments = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError:  # the call itself will say so
        arguments = {"args": args, **kwargs}
    told = {name: value for name, value in arguments.items() if name not in ("self", "cls")}
    if len(told) == 1 and isinstance(text := next(iter(told.values())), str):
        return text
    return text_of(told)
