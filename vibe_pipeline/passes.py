"""A model's forward passes: rows laid end to end, continuations that share their beginning, greedy answers.

What a row of tokens is stands here too, for training and judging alike: prompt, blank line, completion. Not here: where
a model comes from (models.py), and what is made of its logits (train/, evaluate/).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

PROMPT_FORMAT = "raw-v1"
"""Prompt, blank line, completion, end of sequence; part of a suite's identity."""

PACK_TOKENS = 256
"""Rows laid end to end up to here: enough to fill the matrix units, few enough that attention stays cheap (docs/log.md,
"what judging costs")."""

ISOLATES = "isolates_packed_rows"
"""Kept in the config.json of a base model: its layers do not see across the rows of a pack."""

WINDOWS = ("sliding_window", "window_size", "attention_chunk_size")
"""What configs call the tokens that a layer of local attention sees; a mask given to a model takes its place."""


def longest(model: Any, asked: int) -> int:
    """Tokens of a row: what was asked for, or what the model's positions reach."""
    return min(asked, getattr(model.config, "max_position_embeddings", None) or asked)


def encode(
    tokenizer: PreTrainedTokenizerBase, prompts: list[str], completions: list[str], max_length: int
) -> tuple[list[list[int]], list[int]]:
    """Token ids of each example and how many of them, at its end, are labels (completion and end of sequence).

    An example longer than `max_length` tokens loses the beginning of its prompt, then the end of its completion.
    """
    heads = tokenizer([f"{prompt}\n\n" for prompt in prompts], add_special_tokens=False)["input_ids"]
    tails = tokenizer(completions, add_special_tokens=False)["input_ids"]
    rows, labels = [], []
    for head, tail in zip(heads, tails, strict=True):
        tail = [*tail, tokenizer.eos_token_id][: max_length - 1]
        rows.append(head[max(0, len(head) + len(tail) - max_length) :] + tail)
        labels.append(len(tail))
    return rows, labels


def packs(model: Any, rows: list[list[int]], most: int | None = None) -> Iterator[slice]:
    """Consecutive rows that share one forward pass, of so many tokens (PACK_TOKENS); one each where the model's layers
    would see across them."""
    most = most or PACK_TOKENS
    start = tokens = 0
    for at, row in enumerate(rows):
        if at > start and (tokens + len(row) > most or not getattr(model.config, ISOLATES, False)):
            yield slice(start, at)
            start, tokens = at, 0
        tokens += len(row)
    if rows:
        yield slice(start, len(rows))


def label_logits(
    model: Any, rows: list[list[int]], labels: list[int], device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that predict the label tokens and those tokens; (labels × vocabulary) fp32 and (labels,), row by row.

    The rows lie end to end, without padding: transformers masks attention between them where positions start
    anew. The head (a fifth of a 135M model) sees the label positions only, as one flat matrix: over a slice of
    a batch its weights would be copied once a row (half of a step's time).
    """
    import torch

    tokens = torch.tensor([token for row in rows for token in row], device=device)
    positions = torch.cat([torch.arange(len(row), device=device) for row in rows])
    counted = zip(rows, labels, strict=True)
    is_label = torch.tensor([at >= len(row) - count for row, count in counted for at in range(len(row))], device=device)
    predicts_label = is_label.roll(-1)
    with _head_at(model, predicts_label):
        logits = model(input_ids=tokens[None], position_ids=positions[None], use_cache=False).logits
    return logits[0].float(), tokens[is_label]


@contextlib.contextmanager
def _head_at(model: Any, positions: torch.Tensor) -> Iterator[None]:
    """The head sees these positions only (a mask over the tokens of a pass)."""
    handle = model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: (inputs[0][:, positions],))
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True, slots=True)
class Fork:
    """Token ids that several continuations share, and those continuations: a question and its choices."""

    stem: list[int]
    branches: list[list[int]]


def shares_prefixes(model: Any, length: int) -> bool:
    """Whether attention alone ties the tokens of a row of this length, so that a mask can say who sees whom.

    Not so in recurrent layers, nor where the row is longer than a window or chunk that some layers attend in.
    """
    windows = (getattr(model.config.get_text_config(), name, None) for name in WINDOWS)
    return bool(getattr(model.config, ISOLATES, False)) and all(length <= window for window in windows if window)


def shared_prefix_logits(
    model: Any, prefix: list[int], forks: list[Fork], device: str
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Pack by pack: which forks, logits (positions × vocabulary, fp32), and for each token of each branch the row of
    these logits that predicts it, and the token.

    Every token is read once: the prefix into a cache of keys and values, a stem for all its branches. A branch
    sees the prefix, its stem and itself (tree attention: Miao et al. 2024, SpecInfer); its last token is no input,
    and the first tokens of all branches are predicted by one position. Only for models that `shares_prefixes`.
    """
    import torch
    from transformers import DynamicCache

    cache = DynamicCache()  # without a config no layer forgets what has left its window
    if prefix:
        with _head_at(model, torch.zeros(len(prefix), dtype=torch.bool, device=device)):
            model(input_ids=torch.tensor([prefix], device=device), past_key_values=cache, use_cache=True)
    flat = [fork.stem + [token for branch in fork.branches for token in branch[:-1]] for fork in forks]
    for pack in packs(model, flat):
        owner, branch, depth = torch.tensor(_places(forks[pack]), device=device).T
        is_visible = (owner[:, None] == owner) & ((branch == 0) | (branch[:, None] == branch))
        mask = torch.zeros(len(owner), len(prefix) + len(owner), dtype=model.dtype, device=device)
        mask[:, len(prefix) :].masked_fill_(~is_visible.tril(), torch.finfo(model.dtype).min)
        ids = torch.tensor([token for row in flat[pack] for token in row], device=device)
        predicts = (branch > 0) | (branch.roll(-1) != 0) | (owner.roll(-1) != owner)
        predicts[-1] = True  # of one fork whose branches are of one token each, the end of its stem
        with _head_at(model, predicts):
            logits = model(
                input_ids=ids[None],
                position_ids=len(prefix) + depth[None],
                attention_mask=mask[None, None],
                past_key_values=cache,
                use_cache=True,
            ).logits
        cache.crop(-len(ids))
        rows, targets = torch.tensor(_predictions(forks[pack]), device=device).T
        yield pack, logits[0].float(), rows, targets


def _places(forks: list[Fork]) -> list[tuple[int, int, int]]:
    """Of each input token its fork, its branch (0: the stem) and how many tokens of its own lie before it."""
    return [
        (owner, number, depth)
        for owner, fork in enumerate(forks)
        for number, start, tokens in [
            (0, 0, len(fork.stem)),
            *((at, len(fork.stem), len(branch) - 1) for at, branch in enumerate(fork.branches, 1)),
        ]
        for depth in range(start, start + tokens)
    ]


def _predictions(forks: list[Fork]) -> list[tuple[int, int]]:
    """Of each token of each branch the row that predicts it (a fork's first is the end of its stem), and the token."""
    found, first = [], 0
    for fork in forks:
        row = first
        for branch in fork.branches:
            found += [(first if at == 0 else row + at, token) for at, token in enumerate(branch)]
            row += len(branch) - 1
        first = row + 1
    return found


def answer(
    model: Any, tokenizer: PreTrainedTokenizerBase, prompts: list[str], max_tokens: int, device: str
) -> list[str]:
    """Greedy answers to raw prompts; a model whose chances are not finite says nothing."""
    return [text or "" for text in generated(model, tokenizer, prompts, max_tokens, device)]


def generated(
    model: Any, tokenizer: PreTrainedTokenizerBase, prompts: list[str], max_tokens: int, device: str
) -> list[str | None]:
    """Greedy answers to raw prompts, in one batch padded on the left; None where a chance was not finite: the greatest
    of such is any token, and would be told as an answer."""
    import torch

    room = max(1, longest(model, sys.maxsize) - max_tokens)
    rows = [tokenizer(f"{prompt}\n\n", add_special_tokens=False)["input_ids"][-room:] for prompt in prompts]
    pad, width = tokenizer.eos_token_id, max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=device)
    is_finite = torch.ones(len(rows), dtype=torch.bool, device=device)

    def watched(_: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        is_finite.logical_and_(~logits.isnan().any(dim=-1))
        return logits

    with torch.inference_mode():
        out = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max_tokens,
            do_sample=False,
            pad_token_id=pad,
            logits_processor=[watched],
        )
    said = tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)
    return [text.strip() if is_told else None for text, is_told in zip(said, is_finite.tolist(), strict=True)]
