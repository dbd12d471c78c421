"""Facts of signatures: how a public name is called, which parameters it takes, what a default is.

Read from source by griffe, without annotations: what a caller types. A default is told where it is a value, or the name
of one: `_DEFAULT` is nothing that a caller could pass. Each is asked like any fact (documentation.py): in two wordings
that are logged and one that never is.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.definitions import is_called_as_written
from vibe_pipeline.interactions.synthesize.made import interaction, probe
from vibe_pipeline.interactions.synthesize.packages import Package, PublicName, public_names
from vibe_pipeline.interactions.synthesize.source_files import text_of
from vibe_pipeline.records import Interaction, Probe
from vibe_pipeline.spans import parsed

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
    parameters = list(function.parameters)
    if public.is_method:
        if any(it.name.startswith("__") and not it.name.endswith("__") for it in parameters):
            return  # the class gives them other names
        parameters = _of_callers(function, parameters)
    defaults = {it.name: value for it in parameters if (value := _default(function, it)) is not None}
    written = [text for text in (_text(it, defaults) for it in parameters) if text is not None]
    if not parameters:
        return
    call = f"{public.called}({', '.join(_with_marks(parameters, written))})" if len(written) == len(parameters) else ""
    names = ", ".join(it.name for it in parameters)
    if 0 < len(call) <= MAX_CHARACTERS:
        yield _fact(package, "signature", call, name=public.name)
    if len(f"{public.name}({names})") <= MAX_CHARACTERS:
        yield _fact(package, "parameters", names, name=public.name)
    for name, value in defaults.items():
        yield _fact(package, "default", value, name=public.name, parameter=name)


def _of_callers(method: Any, parameters: list[Any]) -> list[Any]:
    """Without the first, whatever its name is, which is the instance or class; Python itself tells of C code where it
    takes one."""
    if not parameters or "staticmethod" in method.labels or not _kind(parameters[0]).startswith("positional"):
        return parameters
    is_told = method.module.analysis == "dynamic" and parameters[0].name not in ("self", "cls")
    return parameters if is_told else parameters[1:]


def _fact(package: Package, what: str, answer: str, **words: str) -> SignatureFact:
    subject = f"{what} of {words['name']}" + (f", {words['parameter']}" if "parameter" in words else "")
    questions = tuple(wording.format(**words) for wording in WORDINGS[what])
    return SignatureFact(package.name, subject, questions, PROBE_WORDING[what].format(**words), answer)


def _kind(parameter: Any) -> str:
    return str(parameter.kind.value) if parameter.kind else ""


def _text(parameter: Any, defaults: dict[str, str]) -> str | None:
    """`name=default`; None where the default is no value that somebody could type."""
    if _has_default(parameter):
        return f"{parameter.name}={defaults[parameter.name]}" if parameter.name in defaults else None
    stars = {"variadic positional": "*", "variadic keyword": "**"}.get(_kind(parameter), "")
    return f"{stars}{parameter.name}"


def _has_default(parameter: Any) -> bool:
    return parameter.default is not None and not _kind(parameter).startswith("variadic")


def _default(function: Any, parameter: Any) -> str | None:
    """The default as a literal: as it is written, or that of a constant of the module; None for anything else."""
    if not _has_default(parameter):
        return None
    text = str(parameter.default)
    if text.isidentifier() and function.module.analysis != "dynamic":
        text = _constants(text_of(function.filepath)).get(text, text)
    is_short = len(text) <= MAX_DEFAULT and "\n" not in text and text != "..."
    return text if is_short and _is_literal(text) else None


@lru_cache(maxsize=64)
def _constants(code: str) -> dict[str, str]:
    """Names that a module gives one literal, at its top, and binds nowhere else."""
    spans = parsed(code)
    bound = Counter(_bound(spans.tree)) if spans else Counter()
    if spans is None or bound["*"]:
        return {}
    given: dict[str, str] = {}
    for statement in spans.tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            text = ast.unparse(statement.value)
            # A list may be another one by the time of the call.
            if _is_literal(text, unchanging=True):
                given |= {it.id: text for it in targets if isinstance(it, ast.Name) and bound[it.id] == 1}
    return given


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that are bound anywhere in a module, each time they are; "*" where others may be."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(name := getattr(node, "name", None), str):
            yield name


def _is_literal(text: str, *, unchanging: bool = False) -> bool:
    try:
        value = ast.literal_eval(text)
        if unchanging:
            hash(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _with_marks(parameters: list[Any], written: list[str]) -> Iterator[str]:
    """With `/` after those that have no name for callers and `*` before those that must be named."""
    kinds = [_kind(parameter) for parameter in parameters]
    for place, text in enumerate(written):
        if kinds[place] == "keyword-only" and not {"keyword-only", "variadic positional"} & set(kinds[:place]):
            yield "*"
        yield text
        if kinds[place] == "positional-only" and "positional-only" not in kinds[place + 1 :]:
            yield "/"
