"""The plots of the ladder's benchmark as SVG: what is known of each generation's suite as the ladder grows, and what is
known at its end. The same figures give the same bytes. Not here: a figure (ladder_figures.py)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ladder_figures import Matrix
from vibe_pipeline.judgement import Figure
from vibe_pipeline.outside import write as write_file
from vibe_pipeline.records import generation_name

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999", "#7f3c8d", "#8c564b")
"""Okabe and Ito 2008 (told apart by the colour-blind), then two more."""

MARKERS = "osD^vP*Xh<"


def over_generations(file: Path, title: str, matrices: Mapping[str, Matrix]) -> None:
    """A panel for each suite: exact after each generation since its own, a line for each strategy."""
    suites = next(iter(matrices.values())).exact.shape[2]
    columns = min(3, suites)
    figure, axes = _figure((3 * columns, 2.4 * -(-suites // columns) + 0.9), -(-suites // columns), columns)
    for suite, axis in enumerate(axes.flat):
        if suite >= suites:
            axis.set_visible(False)
            continue
        for number, (name, it) in enumerate(matrices.items()):
            shown = np.arange(suite, suites)
            axis.plot(shown, it.exact[0, suite:, suite], label=name, **_style(number))
        axis.set_title(f"suite of {generation_name(suite)}", fontsize=9)
        axis.set(ylim=(-0.04, 1.04), xlim=(-0.2, suites - 0.8), xticks=range(suites))
        axis.set_xticklabels([generation_name(it) for it in range(suites)], fontsize=7)
    figure.supylabel("share of exact answers", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("after generation", fontsize=8)
    figure.suptitle(title, fontsize=10)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), fontsize=8, frameon=False)
    _write(figure, file)


def at_the_end(file: Path, title: str, figures: Mapping[str, Mapping[str, Figure]], names: Sequence[str]) -> None:
    """A row for each strategy, a panel for each stream: average exact with its interval."""
    figure, axes = _figure((3.2 * len(figures) + 1.6, 0.3 * len(names) + 1.2), 1, len(figures), sharey=True)
    for axis, (stream, known) in zip(axes.flat, figures.items(), strict=True):
        for number, name in enumerate(names):
            if it := known.get(name):
                axis.errorbar(
                    it.value, number, xerr=[[it.value - it.low], [it.high - it.value]], capsize=3, **_style(number)
                )
        axis.set(xlim=(-0.02, 1.02), yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
        axis.set_yticklabels(names, fontsize=8)
        axis.set_title(stream, fontsize=9)
    figure.suptitle(title, fontsize=10)
    _write(figure, file)


def _style(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.2,
    }


def _figure(size: tuple[float, float], rows: int, columns: int, **options: Any) -> tuple[Any, Any]:
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=size, layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for axis in axes.flat:
        axis.grid(alpha=0.3, linewidth=0.5)
        axis.tick_params(labelsize=7)
    return figure, axes


def _write(figure: Any, file: Path) -> None:
    """Text stays text; ids are hashes of a fixed salt and there is no date, so that bytes repeat."""
    from matplotlib import rc_context

    drawn = io.StringIO()
    with rc_context({"svg.hashsalt": "vibe", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    file.parent.mkdir(parents=True, exist_ok=True)
    write_file(file, drawn.getvalue())
