"""What an export says of itself: to whoever asked for it, and, as a dataset card, to whoever finds the folder.

Not here: making it (writing.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What lies in the folder, and what does not."""

    generation: str
    folder: str
    format: str
    shape: str
    files: dict[str, str]
    """Split → name; a split without rows has no file."""
    rows: dict[str, int]
    """By split."""
    kinds: dict[str, int]
    """Rows by kind."""
    left_out: dict[str, dict[str, int]]
    """Kind → why → rows; kinds that were not asked for are not counted."""
    whole_prompts: int
    """Rows of chats in the shape messages whose turns could not be told apart: their prompt is one message."""


def left_out(made: Exported) -> list[str]:
    """What was left out and why, in words."""
    return [f"{rows:,} {kind}: {why}" for kind, reasons in made.left_out.items() for why, rows in reasons.items()]


def dataset_card(made: Exported) -> str:
    """The dataset card: its front matter tells `datasets.load_dataset` which file is which split."""
    files = "".join(f"  - split: {split}\n    path: {name}\n" for split, name in made.files.items())
    rows = "".join(f"| {split} | {made.files[split]} | {count:,} |\n" for split, count in made.rows.items())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in made.kinds.items())
    out = "".join(f"- {words}\n" for words in left_out(made))
    return f"""---
pretty_name: {made.generation}, {made.shape}
tags:
- vibe-pipeline
configs:
- config_name: default
  data_files:
{files}---

# {made.generation} as {made.shape}

Made by vibe-pipeline from a person's own interactions with assistants and tools: {kinds}.

| split | file | rows |
| --- | --- | ---: |
{rows}
{f"Left out:{chr(10)}{chr(10)}{out}" if out else "Nothing was left out."}
Secrets and personal data that have a shape were replaced when the log was sealed; names and what people told of
themselves were not. Read it before you hand it on: what is forgotten in the log later, disliked later or answered anew
stays in this copy.
"""
