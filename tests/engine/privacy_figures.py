"""How much of what is planted goes and how much of what looks alike stays: by kind, with n and Wilson's interval.

`python -m tests.engine.privacy_figures [FOLDER]` prints both as Markdown, and with a folder of JSON lines the speed on
their text. The set was written by the hand that wrote the patterns: it shows what is covered, not what is missing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from tests.engine.look_alikes import harmless
from tests.engine.planted import Planted, planted
from vibe_pipeline.evaluate.figures import share
from vibe_pipeline.judgement import Figure
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.scrub.placeholders import PLACEHOLDER
from vibe_pipeline.settings import Log
from vibe_pipeline.store import Store


def outcomes(scrubber: Scrubber, items: list[Planted]) -> pl.DataFrame:
    """kind, text, scrubbed, is_gone (nothing of the value is left), is_exact (and all around it stands)."""
    texts = pl.Series("text", [it.before + it.value + it.after for it in items])
    scrubbed = scrubber.column(texts)[0].rename("scrubbed")
    frame = pl.DataFrame([pl.Series("kind", [it.kind for it in items]), texts, scrubbed])
    gone = [not any(line in text for line in it.value.splitlines()) for it, text in zip(items, scrubbed, strict=True)]
    exact = [
        text.startswith(it.before) and text.endswith(it.after)
        and PLACEHOLDER.fullmatch(text[len(it.before) : len(text) - len(it.after)]) is not None
        for it, text in zip(items, scrubbed, strict=True)
    ]  # fmt: skip
    return frame.with_columns(pl.Series("is_gone", gone), pl.Series("is_exact", exact))


def false_positives(scrubber: Scrubber, items: list[tuple[str, str]]) -> pl.DataFrame:
    """kind, text, scrubbed, is_changed."""
    texts = pl.Series("text", [text for _, text in items])
    scrubbed = scrubber.column(texts)[0].rename("scrubbed")
    frame = pl.DataFrame([pl.Series("kind", [kind for kind, _ in items]), texts, scrubbed])
    return frame.with_columns(is_changed=pl.col("text") != pl.col("scrubbed"))


def by_kind(frame: pl.DataFrame, column: str) -> Iterator[tuple[str, Figure]]:
    """The share of each kind in the order of appearance, then of all."""
    for (kind,), rows in frame.group_by("kind", maintain_order=True):
        yield str(kind), share(rows[column])
    yield "all", share(frame[column])


def speed(scrubber: Scrubber, texts: pl.Series, rounds: int = 3) -> float:
    """MB per CPU second, the best of some rounds: what else the machine does hardly matters."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        scrubber.column(texts)
        times.append(time.process_time() - start)
    return texts.str.len_bytes().sum() / min(times) / 1e6


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_of(item)


def main(folder: Path | None) -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as home:
        scrubber = Scrubber(Store(home), Log())
        found = outcomes(scrubber, list(planted(seed=11, each=200)))
        print("| planted | gone | exactly |\n| --- | --- | --- |")
        for (kind, gone), (_, exact) in zip(by_kind(found, "is_gone"), by_kind(found, "is_exact"), strict=True):
            print(f"| {kind} | {_shown(gone)} | {exact.value:.3f} |")
        print("\n| looks alike | replaced |\n| --- | --- |")
        for kind, figure in by_kind(false_positives(scrubber, list(harmless(seed=11, each=1000))), "is_changed"):
            print(f"| {kind} | {_shown(figure)} |")
        if folder:
            lines = (line for path in sorted(folder.rglob("*.jsonl")) for line in path.read_text().splitlines())
            texts = [text for line in lines for text in texts_of(json.loads(line))]
            secrets = Scrubber(Store(home), Log(personal_data=()))
            for rows in (1, 50):
                joined = pl.Series(["\n".join(texts[row : row + rows]) for row in range(0, len(texts), rows)])
                print(f"\n{joined.len()} rows, MB per CPU second:", end=" ")
                print(f"secrets {speed(secrets, joined):.0f}, with personal data {speed(scrubber, joined):.0f}")


def _shown(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}] of {figure.n}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
