"""The end of what an agent is still writing: it waits for the import that finds it whole.

A session is a file that grows. Until the next question nobody can tell whether more belongs to the last answer: agents
go on by themselves after they have ended (hooks, notices of what ran in the background), and a call that waits for its
result is told with it later. Logged before, half an answer or a call without a result would stay for ever beside what
becomes of it, for what is logged is known by its words. So both wait for the next question, or until nobody wrote to
the file for a day: that long somebody may take to approve a call, and what was killed or left has to come in some time.

Not here: which exchanges are unfinished (exchanges.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.records import Interaction

QUIET = timedelta(days=1)
"""How long nobody wrote to a file that is taken for finished."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished(Interaction):
    """One that may become another while its file grows."""

    @classmethod
    def of(cls, interaction: Interaction) -> Unfinished:
        return cls(**{each.name: getattr(interaction, each.name) for each in fields(Interaction)})

    def finished(self) -> Interaction:
        """As it is, for nothing more will come."""
        return Interaction(**{each.name: getattr(self, each.name) for each in fields(Interaction)})


class Unanswered(Unusable):
    """A conversation of which only the question was written so far."""


@dataclass(slots=True)
class Waiting:
    """What of one record waits."""

    written_at: datetime
    conversations: set[str] = field(default_factory=set)
    """Those whose last exchange does."""

    @property
    def is_growing(self) -> bool:
        """Whether somebody may be writing; what is dated in the future is too far from now as well."""
        return abs(datetime.now(UTC) - self.written_at) < QUIET

    def finished(self, read: Callable[[], Iterable[T]]) -> Iterator[T | Interaction]:
        """What does not wait of all that `read` gives; Unanswered where all does."""
        is_growing, has_given = self.is_growing, False
        for it in read():
            if isinstance(it, Unanswered) and is_growing:
                self.conversations.add(it.part)
            elif isinstance(it, Unfinished) and is_growing:
                self.conversations.add(it.conversation_id)
            else:
                has_given = True
                yield it.finished() if isinstance(it, Unfinished) else it
        if self.conversations and not has_given:
            raise Unanswered("nothing of it is finished")
