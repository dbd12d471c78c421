"""A log with cuts to curate, and the events that it is filled with by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import ExampleSet, Interaction, Probe
from vibe_pipeline.settings import Curate, Log, Settings

DEFAULTS = Curate()


def on_side(name: str, *, held: bool = False) -> str:
    """The first of name0, name1, … that is a conversation to learn from, or one that is held out."""
    numbered = (f"{name}{number}" for number in range(999))
    return next(it for it in numbered if is_held_out(it, DEFAULTS.salt, DEFAULTS.held_out) == held)


MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
LEARNED, ALSO, HELD = on_side("c"), on_side("d"), on_side("c", held=True)
CHATS = ("code_generation", "conversation", "error_correction")


@dataclass(frozen=True)
class Curated:
    made: ExampleSet
    frame: pl.DataFrame

    @property
    def dropped(self) -> dict[str, int]:
        return self.made.dropped


class World:
    """A log with cuts: each call of `cut` curates what was logged since the last one."""

    def __init__(self, home: Path, curate: Curate = DEFAULTS):
        self.ladder = Ladder(home, Settings(curate=curate, log=Log(scrub=False, personal_data=())))

    def log(self, *events: Interaction | Probe) -> None:
        asked = [event for event in events if isinstance(event, Interaction)]
        logger = InteractionLogger(self.ladder.store.root)
        logger.log_many(asked, [event for event in events if isinstance(event, Probe)])

    def generations(self) -> list[ExampleSet]:
        return [self.ladder.examples(cut.generation) for cut in self.ladder.log.cuts()]

    def cut(self) -> Curated:
        made = self.ladder.examples(self.ladder.log.open_generation(force=True).generation)
        return Curated(made, self.ladder.store.read_frame(f"examples/{made.sha}.parquet"))


def event(text: str, answer: str = "", *, conversation: str = LEARNED, turn: int = 0, **values) -> Interaction:
    fixed = {"interaction_id": f"{conversation}/{turn}/{text}", "module": "m", "action": "ask", "occurred_at": MOMENT}
    return Interaction(**{**fixed, **values}, conversation_id=conversation, turn=turn, input=text, output=answer)


def run(code: str, success: bool | None, turn: int = 0, **values) -> Interaction:
    return event(code, "it said", action="run", success=success, turn=turn, **values)


def write(code: str, success: bool | None = None, turn: int = 0, **values) -> Interaction:
    return event("write it", code, action="generate", success=success, turn=turn, **values)


def probe(fact: str, question: str, answer: str = "a") -> Probe:
    return Probe(probe_id=fact + question, fact=fact, question=question, answer=answer, occurred_at=MOMENT, source="t")


def learned(curated: Curated, *kinds: str) -> list[tuple[str, str]]:
    frame = curated.frame.filter(pl.col("split") == "train", pl.col("kind").is_in(kinds or CHATS))
    return frame.select("prompt", "completion").rows()


def splits(curated: Curated) -> dict[str, str]:
    return dict(curated.frame.select("prompt", "split").rows())
