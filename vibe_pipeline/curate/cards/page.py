"""A card as one HTML page for a person: tables with bars, histograms as inline SVG, a few examples to read.

The page holds people's words, so it stays in the home, private like everything there, and forgetting takes it away. Not
here: a figure (card.py), the layout (page.html).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vibe_pipeline.curate.cards.card import AXES, QUALITY_BINS, Card, bin_name
from vibe_pipeline.pages import FOLDER, rendered
from vibe_pipeline.records import Split

PLOT_WIDTH, PLOT_HEIGHT = 280, 96
"""Of a histogram, in units of its SVG. It is shown about as wide in pixels, on a phone too: letters stay legible."""


def page_name(generation: str) -> str:
    """Where the page of a generation lies in its home."""
    return f"{FOLDER}/{generation}.html"


def page(card: Card) -> str:
    """The page of a card. The same card gives the same page."""
    return rendered(
        Path(__file__).with_name("page.html"),
        {"number": lambda count: f"{count:,}", "share": _share},
        card=card,
        axes=AXES,
        splits=[str(split) for split in Split],
        histograms=_lengths(card),
        quality=_plot("", list(card.quality), [f"{at / QUALITY_BINS:.1f}" for at in range(QUALITY_BINS)], every=5),
        bins=_table_of_bins(card),
        leaked=sum(card.leaks.values()),
        dropped={group: sum(reasons.values()) for group, reasons in card.dropped.items()},
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _lengths(card: Card) -> list[dict[str, Any]]:
    """A histogram for each kind, all over the same bins."""
    numbers = _bins(card)
    names = [bin_name(number) for number in numbers]
    return [
        {**_plot(kind, [it.histogram.get(number, 0) for number in numbers], names, every=3), "lengths": it}
        for kind, it in card.lengths_by_kind.items()
    ]


def _table_of_bins(card: Card) -> list[tuple[str, list[int]]]:
    """The same numbers for whoever reads no plots: a bin, and its rows by kind."""
    by_kind = [it.histogram for it in card.lengths_by_kind.values()]
    return [(bin_name(number), [histogram.get(number, 0) for histogram in by_kind]) for number in _bins(card)]


def _bins(card: Card) -> list[int]:
    return list(range(min(card.lengths.histogram), max(card.lengths.histogram) + 1)) if card.lengths else []


def _plot(title: str, counts: list[int], names: list[str], every: int) -> dict[str, Any]:
    """Where the bars of a histogram stand; every so manieth bin has its lower edge written below."""
    step, most = PLOT_WIDTH / max(1, len(counts)), max(counts, default=0) or 1
    bars = [
        {
            "x": round(place * step + 1, 2),
            "width": round(step - 2, 2),
            "height": round(max(count / most * PLOT_HEIGHT, 1 if count else 0), 2),
            "name": name,
            "count": count,
        }
        for place, (count, name) in enumerate(zip(counts, names, strict=True))
    ]
    ticks = [(round(place * step, 2), names[place].split("–")[0]) for place in range(0, len(names), every)]
    commonest = names[counts.index(max(counts))] if counts else "–"
    return {"title": title, "bars": bars, "ticks": ticks, "commonest": commonest}
