"""Langfuse's scores and corrections: what was thought of the calls of a trace.

What a person or the program's user gave is feedback, what a judge gave is kept beside it, a correction is an
improvement. A score is of the trace or of one observation. The number of a CATEGORICAL one is only its category's, or
0 where that has none: its words count. Not here: traces and observations (langfuse.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.calls import Call
from vibe_pipeline.interactions.importers.fields import Row, number_of, text_at
from vibe_pipeline.interactions.importers.messages import moment_of
from vibe_pipeline.interactions.importers.nesting import nearest
from vibe_pipeline.interactions.importers.opinions import Opinion, judged

CORRECTION = {"dataType": "CORRECTION"}
"""What its list says of a correction, where it does not say so itself."""

OF_A_SCORE = {"value", "dataType"}
"""Of which an observation has none."""

WORDS = ("CATEGORICAL", "TEXT", "CORRECTION")


def is_score(row: Row) -> bool:
    """Whether a row that names a trace is what was thought of it."""
    return bool(OF_A_SCORE & row.keys())


def with_scores(
    calls: Sequence[Call], scores: Iterable[Row], parents: Mapping[str | None, str | None]
) -> Iterator[Call]:
    """The calls of one trace with the scores that are of each; `parents` tells which observation is a part of which."""
    given: dict[int, list[Row]] = defaultdict(list)
    several = list(scores)
    last = _last(calls, {text_at(score, "observationId") for score in several}, parents)
    for score in several:
        if (place := last.get(text_at(score, "observationId"))) is not None:
            given[place].append(score)
    for place, call in enumerate(calls):
        yield _judged(call, given[place]) if place in given else call


def _last(
    calls: Sequence[Call], observations: Set[str | None], parents: Mapping[str | None, str | None]
) -> dict[str | None, int]:
    """Each of these observations → the last call that is it or a part of it; of the whole trace (None) the last one.

    The last call comes first, so that where an observation has one, all around it have one too.
    """
    around = nearest(parents, observations - {None})
    last: dict[str | None, int] = {}
    for number in sorted(range(len(calls)), key=lambda number: calls[number].at, reverse=True):
        last.setdefault(None, number)
        place = around.get(calls[number].identity)
        while place not in last:
            last[place] = number
            place = around.get(parents.get(place))  # a parent may lie in another file
    return last


def _judged(call: Call, given: Sequence[Row]) -> Call:
    scores = [score for score in given if score.get("dataType") != "CORRECTION"]
    better = tuple(filter(None, (_words(score) for score in given if score.get("dataType") == "CORRECTION")))
    values = {name: value for it in scores if (name := text_at(it, "name")) and (value := _value(it)) is not None}
    by_hand = sorted((s for s in scores if s.get("source") != "EVAL"), key=lambda s: s.get("source") != "ANNOTATION")
    best = next((score for score in by_hand if _number(score) is not None), None)
    judges = (score for score in scores if score.get("source") == "EVAL")
    comments = {name: words for s in judges if (name := text_at(s, "name")) and (words := text_at(s, "comment"))}
    last = call.answer[-1]
    kept = {"scores": values, "score_comments": comments}
    extra = {name: last.extra.get(name, {}) | more for name, more in kept.items() if more}
    last = replace(last, improvements=(*last.improvements, *better), extra=last.extra | extra)
    opinions = [_opinion(score, score is best) for score in by_hand]
    return replace(call, answer=[*call.answer[:-1], judged(last, opinions)])


def _opinion(score: Row, is_best: bool) -> Opinion:
    said = "\n\n".join(filter(None, (_words(score), text_at(score, "comment"))))
    given_at = moment_of({"time": score.get("updatedAt") or score.get("timestamp") or score.get("createdAt")})
    return Opinion(_number(score) if is_best else None, said or None, given_at, text_at(score, "authorUserId"))


def _number(score: Row) -> float | None:
    """A boolean score of 0 is a thumb down."""
    value = score.get("value")
    if score.get("dataType") in WORDS and text_at(score, "longStringValue", "stringValue"):
        return None
    if score.get("dataType") == "BOOLEAN" or isinstance(value, bool):
        return (1.0 if value else -1.0) if isinstance(value, (bool, int, float)) else None
    return number_of(value)


def _words(score: Row) -> str | None:
    return text_at(score, "longStringValue", "stringValue", "value") if _number(score) is None else None


def _value(score: Row) -> Any:
    """As it was given: 0 and false stay what they are."""
    value = score.get("value")
    return _words(score) or (value if isinstance(value, bool) or number_of(value) is not None else None)
