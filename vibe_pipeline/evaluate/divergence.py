"""How far an adapter has moved the model from its base on fixed texts: Kullback and Leibler's divergence (1951).

The base is the same model with its adapter off, so nothing is stored and no second model is loaded. It is measured on
every generation and blocks none: replay of one's own data does not protect what the base could do, and a KL that
grows from rung to rung is a reason to look at the general suite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import polars as pl

from vibe_pipeline.evaluate import general
from vibe_pipeline.evaluate.choices import MAX_LENGTH
from vibe_pipeline.evaluate.figures import mean
from vibe_pipeline.judgement import Figure
from vibe_pipeline.models import Execution
from vibe_pipeline.passes import label_logits, longest, packs
from vibe_pipeline.progress import Advance

if TYPE_CHECKING:
    import torch

POSITIONS = 16
"""Of a text, its last: the head over the whole vocabulary is the cost, and first tokens have little to go by."""

EVERY = 4
"""Of the built-in general suite each fourth item is a text: 30 of them, ten a part."""


def fixed_texts() -> tuple[str, ...]:
    """Questions of the built-in general suite with their right answers; a suite of one's own changes nothing here."""
    chosen = general.items().gather_every(EVERY)
    return tuple(chosen.select(pl.format("{} {}", "prompt", "answer")).to_series())


def divergence(model: Any, tokenizer: Any, texts: Sequence[str], on: Execution, advance: Advance) -> Figure:
    """Mean over texts of KL(base ‖ model), in nats a token, with its 95 % t interval and the number of texts as n.

    A text's KL is the mean over what is predicted for each of its last POSITIONS tokens, with the full softmax in
    fp32. Texts where it is not finite are left out of n. Without an adapter it is 0 by definition.
    """
    adapter_off = getattr(model, "disable_adapter", None)
    if adapter_off is None:
        return mean(pl.repeat(0.0, len(texts), eager=True))
    return mean(pl.Series(_per_text(model, adapter_off, tokenizer, list(texts), on, advance), dtype=pl.Float64))


def _per_text(
    model: Any, adapter_off: Any, tokenizer: Any, texts: list[str], on: Execution, advance: Advance
) -> list[float | None]:
    """The KL of each text, None where it is not finite."""
    import torch

    limit = longest(model, MAX_LENGTH)
    rows = [row[-limit:] for row in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    counts = [min(POSITIONS, len(row) - 1) for row in rows]
    found: list[float | None] = []
    for pack in packs(model, rows):
        with torch.inference_mode():
            now = _log_chances(model, rows[pack], counts[pack], on, nullcontext())
            base = _log_chances(model, rows[pack], counts[pack], on, adapter_off())
            kl = (base.exp() * (base - now)).sum(-1)
        means = [float(part.mean()) for part in kl.split(counts[pack])]
        found += [value if math.isfinite(value) else None for value in means]
        advance(pack.stop, len(rows))
    return found


def _log_chances(
    model: Any, rows: list[list[int]], counts: list[int], on: Execution, state: AbstractContextManager[Any]
) -> torch.Tensor:
    with state:
        return label_logits(model, rows, counts, on.device)[0].log_softmax(-1)
