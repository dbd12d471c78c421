"""Facts of packages (public name → first sentence of its docstring) and the wordings that ask for them.

Two wordings are logged, the others never: they become probes. A suite then shows whether the fact was
learned; were a probe's wording logged too, it would show only that a sentence was memorised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.made import SOURCE, probe
from vibe_pipeline.interactions.synthesize.packages import Package, PublicName, public_names
from vibe_pipeline.interactions.synthesize.sentences import first_sentence
from vibe_pipeline.records import Interaction, Probe

WORDINGS = {"A": "What does {name} do?", "B": "Explain {name} in one sentence."}
"""Logged. They begin differently, so that the name is what the answer hangs on."""

PROBE_WORDINGS = ("Describe the purpose of {name}.", "Why would someone use {name}?", "Summarize {name} briefly.")
"""Never logged, and no frame shared with the logged ones. The first ones are asked first."""

MAX_NAME_CHARACTERS = 48


@dataclass(frozen=True, slots=True)
class Fact:
    """A public name and the sentence that its own documentation gives for it."""

    package: str
    name: str
    answer: str
    tier: int
    """0 functions, 1 classes, 2 methods: few facts are made of functions first."""


def facts_of(packages: Iterable[Package], *, limit: int | None, seed: int) -> list[Fact]:
    """Facts of all packages in the order of a seeded choice: a larger limit only adds to a smaller one's facts."""
    found = [fact for package in packages for name in public_names(package) if (fact := _fact(package, name))]
    found.sort(key=lambda fact: (fact.tier, key_of([seed, fact.name])))
    distinct = _distinct(found)
    return distinct if limit is None else distinct[:limit]


def rows_of_fact(fact: Fact, now: datetime) -> Iterator[Interaction]:
    """The question in every wording, each a conversation of its own."""
    for wording, template in WORDINGS.items():
        question = template.format(name=fact.name)
        identity = key_of([SOURCE, fact.package, fact.name, question, fact.answer])
        yield Interaction(
            interaction_id=identity,
            conversation_id=identity,
            turn=0,
            occurred_at=now,
            module=fact.package,
            action="ask",
            input=question,
            output=fact.answer,
            success=True,
            source=SOURCE,
            extra={"fact": fact.name, "wording": wording},
        )


def probes_of_fact(fact: Fact, now: datetime, wordings: int = 1) -> Iterator[Probe]:
    """The same in as many of the wordings that are never logged."""
    for wording in PROBE_WORDINGS[:wordings]:
        yield probe(now, fact.package, fact.name, wording.format(name=fact.name), fact.answer)


def _fact(package: Package, public: PublicName) -> Fact | None:
    if not public.object.docstring or len(public.name) > MAX_NAME_CHARACTERS or _is_deprecated(public):
        return None
    answer = first_sentence(public.object.docstring.value)
    if answer is None or _says_only_its_name(public.name, answer):
        return None
    tier = 2 if public.is_method else int(public.object.is_class)
    return Fact(package.name, public.name.removeprefix("builtins."), answer, tier)


def _is_deprecated(public: PublicName) -> bool:
    decorators = " ".join(str(decorator.value) for decorator in getattr(public.object, "decorators", ()))
    return (
        bool(public.object.deprecated)
        or re.search("deprecated|overload", f"{decorators} {_opening(public)}", re.I) is not None
    )


def _opening(public: PublicName) -> str:
    return " ".join(public.object.docstring.value.split()[:40])


def _says_only_its_name(name: str, answer: str) -> bool:
    """`get_user`: "Get the user." teaches nothing."""
    said = set(re.findall(r"[a-z]+", answer.lower())) - {"a", "an", "the", "of", "this", "for", "is"}
    return said <= set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower()))


def _distinct(facts: list[Fact]) -> list[Fact]:
    """The first of those with the same answer or almost the same name, so that no question has two answers."""
    seen: set[str] = set()
    kept = []
    for fact in facts:
        marks = {_plain(fact.answer), _plain(fact.name)}
        if not marks & seen:
            kept.append(fact)
            seen |= marks
    return kept


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
