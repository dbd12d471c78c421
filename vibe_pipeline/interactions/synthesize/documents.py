"""Documents of packages: what modules and classes say of themselves, and the README that was installed with them.

Read, never run. A document is cut at its headings as an imported one is (importers/document.py), so that a section is
an interaction: its title in, its text out. Not here: first sentences, which are facts (documentation.py).
"""

from __future__ import annotations

import importlib.metadata
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.document import MARKDOWN, SUFFIXES, parts
from vibe_pipeline.interactions.synthesize.folders import NOT_FOR_USERS
from vibe_pipeline.interactions.synthesize.made import interaction
from vibe_pipeline.interactions.synthesize.packages import Package, public_names
from vibe_pipeline.records import Interaction

MIN_CHARACTERS, MIN_SECTION = 120, 40
"""What is shorter is a sentence, and those are facts; of a section only what is no tag, link or picture counts."""

POINTING = re.compile(r"<[^<>]*>|!?\[[^\[\]]*\](\([^()]*\)|\[[^\[\]]*\])|\w+://\S+")

README = ("README.md", "README.rst", "README.txt")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Document:
    """One text with the name it is known by."""

    package: str
    name: str
    text: str
    suffix: str = ".rst"
    """How it is marked up: docstrings mostly are reStructuredText."""


def documents_of(packages: Sequence[Package], *, limit: int, seed: int) -> list[Document]:
    """Up to `limit`, in a seeded order; a larger limit only adds."""
    found = [document for package in packages for document in (*_readmes(package), *_docstrings(package))]
    by_text = {document.text: document for document in found if len(document.text) >= MIN_CHARACTERS}
    return sorted(by_text.values(), key=lambda it: key_of([seed, "document", it.name]))[:limit]


def rows_of_document(document: Document, now: datetime) -> Iterator[Interaction]:
    """A section each; all of them are one conversation."""
    sections = parts(document.text, document.suffix)
    kept = [(list(headings), text) for headings, _, text in sections if _says_something(text)]
    for turn, (headings, text) in enumerate(kept):
        yield interaction(
            now,
            ["document", document.name],
            module=document.package,
            action="document",
            input=" > ".join([document.name, *headings]),
            output=text,
            turn=turn,
            extra={"document": document.name, "headings": headings},
        )


def _says_something(text: str) -> bool:
    """A picture may stand in a link."""
    return len(POINTING.sub("", POINTING.sub("", text)).strip()) >= MIN_SECTION


def _docstrings(package: Package) -> Iterator[Document]:
    for written, root in package.modules:
        yield from (_document(package, name, module) for name, module in _modules(root, written))
    for public in public_names(package):
        if public.object.is_class:
            yield _document(package, public.name, public.object)


def _document(package: Package, name: str, thing: Any) -> Document:
    return Document(package.name, name, thing.docstring.value.strip() if thing.docstring else "")


def _modules(root: Any, written: str) -> Iterator[tuple[str, Any]]:
    """Public modules by the name they are imported with."""
    if not root.is_module:
        return
    yield written, root
    for name, module in root.modules.items():
        if not module.is_alias and not name.startswith("_") and name not in NOT_FOR_USERS:
            yield from _modules(module, f"{written}.{name}")


def _readmes(package: Package) -> Iterator[Document]:
    """The long description of the distribution, or a README beside the source."""
    if package.search_path is not None:
        search = Path(package.search_path)
        for folder in (search / package.name, search, *([search.parent] if search.name == "src" else [])):
            for file in (folder / name for name in README):
                if file.is_file():
                    yield Document(package.name, f"{package.name}/{file.name}", _read(file), file.suffix)
                    return
        return
    for distribution in _distributions(package.name.partition(".")[0])[:1]:
        about = importlib.metadata.metadata(distribution).json
        kind = str(about.get("description_content_type", ""))
        suffix = MARKDOWN[0] if "markdown" in kind else ".txt" if "plain" in kind else ".rst"
        yield Document(
            package.name, f"{distribution}/README{suffix}", str(about.get("description", "")).strip(), suffix
        )


def _distributions(top: str) -> list[str]:
    """Which distributions brought a package: most bear its name, the others are found by looking at all of them."""
    try:
        importlib.metadata.distribution(top)
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.packages_distributions().get(top, [])
    return [top]


def _read(file: Path) -> str:
    assert file.suffix in SUFFIXES
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        log.warning("skipped %s: %s", file.name, error)
        return ""
