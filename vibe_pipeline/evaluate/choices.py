"""Scorer of items with choices: which of them the model finds likeliest after the prompt, and how surely.

What stands before a choice is the item's prefix (its shots, if it has any) and its prompt, to the letter; the choice
follows after one blank, or at once where the prompt ends in white space. Nothing is generated. A choice's weight is
its log-likelihood a UTF-8 byte (`acc_norm` of lm-evaluation-harness, Gao et al. 2021; Brown et al. 2020 take tokens),
times the mean bytes of the item's choices: what is long is not at a loss, and a weight stays that of a whole answer,
so that chances spread from 0 to 1. By the byte alone they crowd around 1 / choices (docs/log.md, "general suite").
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from vibe_pipeline.evaluate.results import columns
from vibe_pipeline.models import Execution
from vibe_pipeline.passes import (
    Fork,
    label_logits,
    longest,
    packs,
    shared_prefix_logits,
    shares_prefixes,
)
from vibe_pipeline.progress import Advance

if TYPE_CHECKING:
    import torch

SCORER = "choices-v1"

MAX_LENGTH = 1024
"""Tokens of prompt and choice that are read; a longer one loses the beginning of its prompt."""

SCHEMA = columns("answer", "score", "chance", "exact", "nll", "tokens", "seconds")


def score(model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance) -> pl.DataFrame:
    """SCHEMA, one row per item (item_id, prompt, answer, choices, and prefix if there are shots), in their order.

    `answer` is the choice of the greatest weight, `score` 1.0 and `exact` true where it is the right one, `chance` the
    right one's share of the softmax over the weights, `nll` in nats a token of the right one, of which there are
    `tokens`. Where one of the log-likelihoods is not finite, all but `tokens` and `seconds` are null.
    """
    if items.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    prefixes = items["prefix"] if "prefix" in items.columns else pl.repeat("", items.height, eager=True)
    forks = _forks(tokenizer, items, prefixes, longest(model, MAX_LENGTH))
    rows: dict[int, tuple[Any, ...]] = {}
    for _, group in pl.DataFrame({"prefix": prefixes}).with_row_index("at").group_by("prefix", maintain_order=True):
        members = group["at"].to_list()
        for which, losses, seconds in losses_of(model, [forks[at] for at in members], on):
            for at, loss in zip((members[number] for number in which), losses, strict=True):
                rows[at] = _row(items.row(at, named=True), loss, seconds)
            advance(len(rows), items.height)
    return pl.DataFrame([rows[at] for at in sorted(rows)], schema=SCHEMA, orient="row")


def _forks(tokenizer: Any, items: pl.DataFrame, prefixes: pl.Series, limit: int) -> list[Fork]:
    """Token ids of every prompt with its prefix, and of its choices, cut so that the longest choice fits."""
    prompts = (prefixes + items["prompt"]).to_list()
    stems = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    forks = []
    for prompt, stem, choices in zip(prompts, stems, items["choices"].to_list(), strict=True):
        blank = "" if prompt[-1:].isspace() else " "
        branches = tokenizer([blank + choice for choice in choices], add_special_tokens=False)["input_ids"]
        branches = [branch[: limit - 1] for branch in branches]
        room = limit - max(map(len, branches))
        forks.append(Fork(stem[-room:] or [tokenizer.eos_token_id], branches))
    return forks


def losses_of(model: Any, forks: list[Fork], on: Execution) -> Iterator[tuple[range, list[list[list[float]]], float]]:
    """Pack by pack: which forks, the losses of each one's branches in nats token by token, and seconds a fork."""
    import torch

    length = max(len(fork.stem) + max(map(len, fork.branches)) for fork in forks)
    ways = _shared if shares_prefixes(model, length) else _plain
    started = time.monotonic()
    with torch.inference_mode():
        for pack, flat in ways(model, forks, on.device):
            which = range(pack.start, pack.stop)
            seconds = (time.monotonic() - started) / len(which)
            if len(which) > 1 and not flat.isfinite().all():  # what is not finite spoils the others of its pack
                for at in which:
                    ((_, losses, seconds),) = losses_of(model, [forks[at]], on)
                    yield range(at, at + 1), losses, seconds
            else:
                parts = iter(flat.split([len(branch) for fork in forks[pack] for branch in fork.branches]))
                yield which, [[next(parts).tolist() for _ in fork.branches] for fork in forks[pack]], seconds
            started = time.monotonic()


def _shared(model: Any, forks: list[Fork], device: str) -> Iterator[tuple[slice, torch.Tensor]]:
    """Losses with the tokens that all stems begin with, and each stem, read once."""
    known = _common(forks)
    rests = [Fork(fork.stem[known:], fork.branches) for fork in forks]
    for pack, logits, rows, targets in shared_prefix_logits(model, forks[0].stem[:known], rests, device):
        yield pack, logits.logsumexp(-1)[rows] - logits[rows, targets]


def _plain(model: Any, forks: list[Fork], device: str) -> Iterator[tuple[slice, torch.Tensor]]:
    """Losses by a pass over prompt and choice for every choice."""
    import torch

    for at, fork in enumerate(forks):
        rows, labels = [fork.stem + branch for branch in fork.branches], [len(branch) for branch in fork.branches]
        passes = [label_logits(model, rows[pack], labels[pack], device) for pack in packs(model, rows)]
        losses = [torch.nn.functional.cross_entropy(*one, reduction="none") for one in passes]
        yield slice(at, at + 1), torch.cat(losses)


def _common(forks: list[Fork]) -> int:
    """How many tokens all stems begin with, the last of each left out: it predicts its own branches."""
    first, last = (pick([fork.stem[:-1] for fork in forks]) for pick in (min, max))  # in the order of a dictionary
    return next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))


def _row(item: dict[str, Any], losses: list[list[float]], seconds: float) -> tuple[Any, ...]:
    """By likelihood a byte."""
    sizes = [max(1, len(text.encode())) for text in item["choices"]]
    return weighed(item, losses, seconds, [sum(sizes) / len(sizes) / size for size in sizes])


def weighed(item: dict[str, Any], losses: list[list[float]], seconds: float, by: list[float]) -> tuple[Any, ...]:
    """SCHEMA of one item, from the losses of each choice token by token; a choice weighs its log-likelihood times what
    `by` says."""
    totals = [-sum(loss) for loss in losses]
    right = item["choices"].index(item["answer"])
    if not all(map(math.isfinite, totals)):
        return item["item_id"], None, None, None, None, None, len(losses[right]), seconds
    weights = [total * factor for total, factor in zip(totals, by, strict=True)]
    shares = [math.exp(weight - max(weights)) for weight in weights]
    preferred = item["choices"][shares.index(1.0)]
    is_right = preferred == item["answer"]
    nll = -totals[right] / len(losses[right])
    chance = shares[right] / sum(shares)
    return item["item_id"], preferred, float(is_right), chance, is_right, nll, len(losses[right]), seconds
