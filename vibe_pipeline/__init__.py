"""vibe-pipeline: your interactions, turned into a ladder of small language models.

    from vibe_pipeline import InteractionLogger, Ladder

The names are resolved when they are first used, so that a program that only logs pays for no data libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vibe_pipeline.interactions.logger import InteractionLogger as InteractionLogger
    from vibe_pipeline.ladder import Ladder as Ladder

__all__ = ["InteractionLogger", "Ladder"]

_HOMES = {"InteractionLogger": "vibe_pipeline.interactions.logger", "Ladder": "vibe_pipeline.ladder"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
