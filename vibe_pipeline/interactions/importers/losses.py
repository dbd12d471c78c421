"""What is lost of a record that holds many things (sessions, branches, samples, spans): each part is read for itself.

A part that gives nothing costs no other. It goes into quarantine with its reason, beside what the others gave; where
none gave anything, the record does. Not here: counting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable
from vibe_pipeline.interactions.importers.raw import TOO_DEEP


class Losses(list[Unusable]):
    """The parts of one record that gave nothing, in order."""

    @contextmanager
    def of(self, part: Any) -> Iterator[None]:
        """What fails inside is noted with the part: what JSON can hold, messages, spans, or a text as it is."""
        try:
            yield
        except NothingAsked:
            pass
        except (Unusable, RecursionError) as error:
            self.append(lost(error, part))

    def beside(self, found: Sized, otherwise: str | None = None) -> Losses:
        """These, where the record gave something else too; where not, Unusable with the first reason. Where nothing
        was lost either it is `otherwise`, or NothingAsked."""
        if found:
            return self
        if self or otherwise:
            raise (type(self[0]) if self else Unusable)(str(self[0] if self else otherwise))
        raise NothingAsked


def lost(error: Unusable | RecursionError, part: Any) -> Unusable:
    """The reason with the part, for the quarantine."""
    reason = TOO_DEEP if isinstance(error, RecursionError) else str(error)
    kind = type(error) if isinstance(error, Unusable) else Unusable
    try:
        return kind(reason, part if isinstance(part, str) else json.dumps(part, ensure_ascii=False, default=_told))
    except (RecursionError, ValueError):
        return kind(reason)


def _told(value: Any) -> Any:
    """A message or span by what it holds; a time as text."""
    if not is_dataclass(value):
        return str(value)
    known = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: item for name, item in known.items() if item not in (None, "", (), {})}
