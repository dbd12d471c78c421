"""Which span lies within which, by the parent of each. Not here: what spans say."""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def nearest(parents: Mapping[K, K | None], wanted: Container[K]) -> dict[K, K]:
    """Each span → itself, if it is wanted, else the wanted one that is nearest around it; none where there is none.

    Each span is looked at once, however deep they lie; a cycle ends as the outermost does.
    """
    found: dict[K, K | None] = {}
    for span in parents:
        way: list[K] = []
        place: K | None = span
        while place is not None and place in parents and place not in found and place not in wanted:
            found[place] = None
            way.append(place)
            place = parents[place]
        end = None if place is None else place if place in wanted else found.get(place)
        found.update(dict.fromkeys(way, end))
        if place == span and end is not None:
            found[span] = end
    return {span: end for span, end in found.items() if end is not None}
