"""Values with one thing wrong in them, for the tests of importers: not a test itself."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import strategies as st

from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.unfinished import Waiting
from vibe_pipeline.interactions.lines import line_of
from vibe_pipeline.records import Interaction

JUNK: list[Any] = [None, True, -1, 0, 10**400, 1.5, float("inf"), float("nan"), "", "x", "{", "9" * 5000, [], {}]
JUNK += [[None], [[1]], {"a": {}}, {"type": []}, [{"type": 3, "text": {}}], {"content": [7]}, '{"metadata": 3}']

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside, from the outside in."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*before, key)
        yield from places(item, (*before, key))


@st.composite
def spoiled(draw: st.DrawFn, values: list[Any]) -> Any:
    """One of the values with up to three things in it lost or replaced."""
    value = deepcopy(draw(st.sampled_from(values)))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(value))
        if not found:
            return value
        *way, last = draw(st.sampled_from(found))
        inside = value
        for key in way:
            inside = inside[key]
        if draw(st.booleans()):
            del inside[last]
        else:
            inside[last] = deepcopy(draw(st.sampled_from(JUNK)))
    return value


def survives(name: str, value: Any) -> bool:
    """Whether reading it ends in interactions that the log takes, or in a reason; anything else is raised."""
    importer = formats()[name]
    if isinstance(value, list) and importer.session_of:
        value = [line for line in value if importer.recognises(line)]
    elif not importer.recognises(value):
        return True
    try:
        found = list(Waiting(MOMENT).finished(partial(importer.read, value, "test", MOMENT)))
    except Unusable as reason:
        return bool(str(reason))
    return all(line_of(it) and it.occurred_at.tzinfo for it in found if isinstance(it, Interaction))
