"""InteractionLogger: the way in for live events. `log` returns once the event is on the disk.

Cheap to import on purpose: no Arrow, Polars, DuckDB or torch, so that a tool can log from its first line.
Not here: dropping duplicates and secrets, which happen when spools are sealed. What the log cannot hold
(input=None, a naive datetime, extra that is no JSON) is refused with SettingsInvalid, and in a recording
logged as text; lone surrogates in text are replaced by U+FFFD.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.lines import line_of, repaired
from vibe_pipeline.interactions.recording import RECORDED, Recording, logged, own, place_of
from vibe_pipeline.interactions.spool import Spool
from vibe_pipeline.records import Interaction, Probe, Remark

F = TypeVar("F", bound=Callable[..., Any])

Durability = Literal["durable", "batched"]

SYNC_EVERY_S = {"durable": 0.0, "batched": 1.0}


class InteractionLogger:
    """Logs to one home from any number of threads and processes; a forked process writes to its own file."""

    def __init__(
        self, home: Path | str | None = None, *, source: str = "logger", durability: Durability = "durable"
    ) -> None:
        """With durability="batched" `log` returns when the system has the line, and not the disk: a killed process
        loses nothing, a power cut what came since the last sync (one a second while lines come, and one at close)."""
        if durability not in SYNC_EVERY_S:
            names = " or ".join(map(repr, SYNC_EVERY_S))
            raise SettingsInvalid(f"durability = {durability!r} is not {names}", "Name one of them")
        self.home = Path(home).expanduser().absolute() if home is not None else _default_home()
        self.source = source
        self.durability = durability
        every = SYNC_EVERY_S[durability]
        self._interactions = Spool(self.home / "log" / "interactions" / "spool", sync_every_s=every)
        self._probes = Spool(self.home / "log" / "probes" / "spool", sync_every_s=every)
        self._remarks = Spool(self.home / "log" / "remarks" / "spool", sync_every_s=every)

    def __reduce__(self) -> tuple[Callable[[], InteractionLogger], tuple[()]]:
        """Another process gets a logger to the same home, with files of its own."""
        return partial(InteractionLogger, self.home, source=self.source, durability=self.durability), ()

    def log(
        self,
        *,
        module: str,
        action: str,
        input: str,
        output: str = "",
        success: bool | None = None,
        conversation_id: str | None = None,
        turn: int = 0,
        occurred_at: datetime | None = None,
        interaction_id: str | None = None,
        user: str | None = None,
        error_type: str | None = None,
        feedback: float | None = None,
        improvements: Sequence[str] = (),
        learnings: Sequence[str] = (),
        model_id: str | None = None,
        latency_ms: float | None = None,
        extra: dict[str, Any] | None = None,
    ) -> str:
        """Log one interaction and return its id; an interaction that belongs to no conversation is its own."""
        identity = interaction_id if interaction_id is not None else uuid.uuid4().hex
        interaction = Interaction(
            interaction_id=identity,
            conversation_id=conversation_id if conversation_id is not None else identity,
            turn=turn,
            occurred_at=occurred_at if occurred_at is not None else datetime.now(UTC),
            module=module,
            action=action,
            input=input,
            output=output,
            success=success,
            error_type=error_type,
            user=user,
            feedback=feedback,
            improvements=_tuple(improvements, "improvements"),
            learnings=_tuple(learnings, "learnings"),
            model_id=model_id,
            latency_ms=latency_ms,
            source=self.source,
            extra=extra if extra is not None else {},
        )
        self._interactions.append([line_of(interaction)])
        return repaired(identity)

    def interaction(self, *, module: str, action: str, input: str, **known: Any) -> Recording:
        """Record what happens inside a `with` block: set `.output`. Latency is recorded for you and, on an exception
        (which goes on), success, error_type and traceback. `known` takes whatever `log` takes."""
        _require(known, TAKEN)
        identity = known.pop("interaction_id", None) or uuid.uuid4().hex
        given = {name: own(known.pop(name)) for name in RECORDED if name in known}
        known = {"module": module, "action": action, "input": input, **known}
        return Recording(self.log, known, identity, **given)

    def logged(self, *, module: str | None = None, action: str | None = None, **known: Any) -> Callable[[F], F]:
        """Decorator for a function, plain or async: every call is one interaction, its arguments the input."""
        _require(known, TAKEN - {"input", "interaction_id"})

        def decorate(function: F) -> F:
            in_module, name = place_of(function)
            place = {"module": module or in_module, "action": action or name}
            return cast(F, logged(function, lambda text: self.interaction(**place, input=text, **known)))

        return decorate

    def feedback(
        self, interaction_id: str, score: float | None, comment: str | None = None, *, user: str | None = None
    ) -> str:
        """Log what somebody thought of an interaction, at any later time: a score (the latest counts), words, or both.
        Returns an id."""
        return self._remark("feedback", interaction_id, score, comment, user)

    def improvement(self, interaction_id: str, text: str, *, user: str | None = None) -> str:
        """Log what would have been the better output of an interaction. Returns an id."""
        return self._remark("improvement", interaction_id, None, text, user)

    def learning(self, interaction_id: str, text: str, *, user: str | None = None) -> str:
        """Log what an interaction taught. Returns an id."""
        return self._remark("learning", interaction_id, None, text, user)

    def probe(
        self,
        *,
        fact: str,
        question: str,
        answer: str,
        occurred_at: datetime | None = None,
        probe_id: str | None = None,
        source: str | None = None,
    ) -> str:
        """Log one probe (a question about `fact` in a wording that is never logged) and return its id."""
        identity = probe_id if probe_id is not None else uuid.uuid4().hex
        moment = occurred_at if occurred_at is not None else datetime.now(UTC)
        probe = Probe(
            probe_id=identity,
            fact=fact,
            question=question,
            answer=answer,
            occurred_at=moment,
            source=source if source is not None else self.source,
        )
        self._probes.append([line_of(probe)])
        return repaired(identity)

    def log_many(self, interactions: Iterable[Interaction], probes: Iterable[Probe] = ()) -> None:
        """Log ready-made records with one fsync for each stream; if one of them is refused, none is written."""
        interaction_lines = [line_of(interaction) for interaction in interactions]
        probe_lines = [line_of(probe) for probe in probes]
        self._interactions.append(interaction_lines)
        self._probes.append(probe_lines)

    def log_lines(self, interactions: Iterable[bytes] = (), remarks: Iterable[bytes] = ()) -> None:
        """Log what `line_of` has made lines of, with one fsync for each stream."""
        self._interactions.append(interactions)
        self._remarks.append(remarks)

    def close(self) -> None:
        """Put everything on the disk and give the descriptors back; logging again is allowed and opens new files."""
        for spool in (self._interactions, self._probes, self._remarks):
            spool.close()

    def _remark(self, kind: str, interaction_id: str, score: float | None, text: str | None, user: str | None) -> str:
        identity = uuid.uuid4().hex
        remark = Remark(
            remark_id=identity,
            interaction_id=interaction_id,
            kind=kind,
            score=score,
            text=text,
            user=user,
            occurred_at=datetime.now(UTC),
            source=self.source,
        )
        self._remarks.append([line_of(remark)])
        return identity


TAKEN = inspect.signature(InteractionLogger.log).parameters.keys() - {"self", "module", "action", "latency_ms"}
"""What a recording may be told beforehand."""


def _require(known: dict[str, Any], taken: Set[str]) -> None:
    """Refuse a mistyped name where it is written: at the end of a block it would cost the result of what was done."""
    if unknown := sorted(known.keys() - taken):
        what = f"nothing is logged under {', '.join(unknown)}"
        raise SettingsInvalid(what, f"Pass any of {', '.join(sorted(taken))}")


def _tuple(texts: Sequence[str], name: str) -> tuple[str, ...]:
    if not isinstance(texts, (list, tuple)):
        raise SettingsInvalid(f"cannot log {name} = {texts!r:.60}: it is one value", "Pass a list or tuple of str")
    return tuple(texts)


def _default_home() -> Path:
    from vibe_pipeline.settings import home  # imports pydantic: not for those who say where to log

    return home()
