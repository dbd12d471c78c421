"""Style drift: tone probes answered greedily, searched for corporate phrases.

A phrase counts wherever it stands in the answer, in any case, with straight or curly apostrophes.
"""

from __future__ import annotations

from typing import Any

from vibe_pipeline.models import Execution
from vibe_pipeline.passes import answer
from vibe_pipeline.settings import Style


def tone(model: Any, tokenizer: Any, style: Style, on: Execution) -> tuple[tuple[str, str, str], ...]:
    """(question, answer, the first corporate phrase in it or '') per tone probe."""
    answers = answer(model, tokenizer, list(style.probes), style.max_tokens, on.device)
    return tuple((question, text, corporate(text, style)) for question, text in zip(style.probes, answers, strict=True))


def corporate(text: str, style: Style) -> str:
    """The first of the corporate phrases that the text contains, or ''."""
    return next((phrase for phrase in style.corporate_phrases if holds(text, phrase)), "")


def holds(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text."""
    return _folded(phrase) in _folded(text)


def _folded(text: str) -> str:
    return text.replace("’", "'").casefold()
