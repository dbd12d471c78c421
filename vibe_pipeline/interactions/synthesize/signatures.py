"""Facts of signatures: how a public name is called, which parameters it takes, what a default is.

Read from source by griffe, without annotations: what a caller types. Each is asked like any fact (documentation.py):
in two wordings that are logged and one that never is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.definitions import is_called_as_written
from vibe_pipeline.interactions.synthesize.made import interaction, probe
from vibe_pipeline.interactions.synthesize.packages import Package, PublicName, public_names
from vibe_pipeline.records import Interaction, Probe

MAX_CHARACTERS, MAX_DEFAULT = 100, 30

WORDINGS = {
    "signature": ("How is {name} called?", "Show the signature of {name}."),
    "parameters": ("Which parameters does {name} take?", "List the parameters of {name}."),
    "default": (
        "What is the default of {parameter} in {name}?",
        "Name the value that {parameter} has in {name} if left out.",
    ),
}
"""Logged."""

PROBE_WORDING = {
    "signature": "Write down a call of {name} with all its parameters.",
    "parameters": "Tell by name what can be passed to {name}.",
    "default": "If nobody passes {parameter} to {name}, which value is used?",
}
"""Never logged."""


@dataclass(frozen=True, slots=True)
class SignatureFact:
    """What is asked of a public name's signature, and the answer."""

    package: str
    fact: str
    questions: tuple[str, ...]
    probe: str
    answer: str


def signature_facts(packages: Iterable[Package], *, limit: int, seed: int) -> list[SignatureFact]:
    """Up to `limit`, in a seeded order; a larger limit only adds."""
    found = [fact for package in packages for name in public_names(package) for fact in _facts(package, name)]
    found.sort(key=lambda fact: key_of([seed, fact.fact]))
    return list({fact.fact: fact for fact in found}.values())[:limit]


def rows_of_signature(fact: SignatureFact, now: datetime) -> Iterator[Interaction]:
    """The question in every wording that is logged."""
    for question in fact.questions:
        yield interaction(
            now,
            [fact.package, fact.fact, question, fact.answer],
            module=fact.package,
            action="ask",
            input=question,
            output=fact.answer,
            success=True,
            extra={"fact": fact.fact},
        )


def probe_of_signature(fact: SignatureFact, now: datetime) -> Probe:
    """The wording that is never logged."""
    return probe(now, fact.package, fact.fact, fact.probe, fact.answer)


def _facts(package: Package, public: PublicName) -> Iterator[SignatureFact]:
    """None for what has no parameters, or perhaps other ones than its source says."""
    function = public.object
    if not function.is_function or getattr(function, "overloads", None) or not is_called_as_written(function):
        return
    parameters = [it for it in function.parameters if not (public.is_method and it.name in ("self", "cls"))]
    written = [text for text in (_text(it) for it in parameters) if text is not None]
    if not parameters or len(written) != len(parameters):
        return
    call = f"{public.name}({', '.join(_with_marks(parameters, written))})"
    if len(call) <= MAX_CHARACTERS:
        yield _fact(package, "signature", call, name=public.name)
        yield _fact(package, "parameters", ", ".join(it.name for it in parameters), name=public.name)
    for parameter in parameters:
        if parameter.default is not None and _kind(parameter) not in ("variadic positional", "variadic keyword"):
            yield _fact(package, "default", str(parameter.default), name=public.name, parameter=parameter.name)


def _fact(package: Package, what: str, answer: str, **words: str) -> SignatureFact:
    subject = f"{what} of {words['name']}" + (f", {words['parameter']}" if "parameter" in words else "")
    questions = tuple(wording.format(**words) for wording in WORDINGS[what])
    return SignatureFact(package.name, subject, questions, PROBE_WORDING[what].format(**words), answer)


def _kind(parameter: Any) -> str:
    return str(parameter.kind.value) if parameter.kind else ""


def _text(parameter: Any) -> str | None:
    """`name=default`; None where the default is no value that somebody could type."""
    stars = {"variadic positional": "*", "variadic keyword": "**"}.get(_kind(parameter), "")
    if stars or parameter.default is None:
        return f"{stars}{parameter.name}"
    default = str(parameter.default)
    if len(default) > MAX_DEFAULT or "<" in default or "\n" in default or default == "...":
        return None
    return f"{parameter.name}={default}"


def _with_marks(parameters: list[Any], written: list[str]) -> Iterator[str]:
    """With `/` after those that have no name for callers and `*` before those that must be named."""
    kinds = [_kind(parameter) for parameter in parameters]
    for place, text in enumerate(written):
        if kinds[place] == "keyword-only" and not {"keyword-only", "variadic positional"} & set(kinds[:place]):
            yield "*"
        yield text
        if kinds[place] == "positional-only" and "positional-only" not in kinds[place + 1 :]:
            yield "/"
