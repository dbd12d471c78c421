"""What the kept climbs show → docs/benchmarks/ladder.json, plots, and the tables of docs/continual-learning.md.

Only what stands between the marks is written; the thresholds of ANSWERS are those that the page states above them. Not
here: a figure (ladder_results.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import ladder_plots
from benchmarks.ladder_climb import Climb
from benchmarks.ladder_figures import MEASURES
from benchmarks.ladder_results import SEEDS, TITLES, UNTRAINED, Results, columns
from benchmarks.report import Figures, rows, told, write_between, write_json
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.judgement import Figure

PAGE = "continual-learning.md"
EMPTY = "# Continual learning\n"

FORGETS, HELPS, AS_GOOD, AS_RETRAINING = -0.20, 0.10, -0.05, -0.10
"""Written down before the first run: the page says what each is for."""

DEFAULT, WITHOUT, CEILING = "replay_k100", "none", "retrain_own_steps"
PLOTTED = (DEFAULT, "replay_10", WITHOUT, "retrain", "merge_mean", "merge_sum", CEILING)
"""More lines than these cannot be told apart."""

BESIDE = ("torch", "transformers", "peft")


def write(docs: Path, climbs: Sequence[Climb], about: dict[str, Any]) -> None:
    """Everything that a reader sees of this benchmark; SettingsInvalid where too little is measured to show."""
    results = Results.of([it for it in climbs if it.is_done])
    if {DEFAULT, WITHOUT} - set(results.names):
        raise SettingsInvalid(
            f"fewer than {SEEDS} seeds of {TITLES[DEFAULT]} and of {TITLES[WITHOUT]} are measured",
            "Run it again: what is measured stays",
        )
    date = write_json(docs, "ladder", about, _figures(results), BESIDE)
    _plots(docs / "images", results)
    write_between(docs / PAGE, "ladder", f"{date}, {told(about)}.\n\n{_section(results, climbs)}", EMPTY)


def _figures(results: Results) -> Figures:
    figures: Figures = {"seeds": min(len(results.seeds(it, DEFAULT)) for it in results.streams)}
    for name in results.names:
        for prefix, streams in [("", results.streams), *((f"{it}_", [it]) for it in results.streams)]:
            for measure in _measures(name):
                figures |= _named(f"{prefix}{name}_{measure}", results.measured(name, measure, streams))
            if name != WITHOUT:
                figures |= _named(f"{prefix}{name}_over_none", results.difference(name, WITHOUT, streams))
        if name not in UNTRAINED:
            figures |= {f"{name}_{what}": value for what, value in results.cost(name).items()}
        figures[f"{name}_items_per_s"] = results.items_per_s(name)
    return figures


def _named(name: str, it: Figure) -> Figures:
    return {name: it.value, f"{name}_low": it.low, f"{name}_high": it.high}


def _measures(name: str) -> Sequence[str]:
    return MEASURES[:1] if name in UNTRAINED else MEASURES


def _section(results: Results, climbs: Sequence[Climb]) -> str:
    parts = [_how_much(results, climbs), "### The questions", _answers(results)]
    for stream in results.streams:
        parts += [f"### {stream}", _table(results, stream), f"![Exact on each suite](images/ladder-{stream}.svg)"]
    parts += ["### At the end", "![Average exact](images/ladder-end.svg)", "### What it costs", _costs(results)]
    return "\n\n".join(parts)


def _how_much(results: Results, climbs: Sequence[Climb]) -> str:
    """What was measured, and what was not."""
    by_stream = {it.stream: it for it in climbs}
    shapes = "; ".join(
        f"{stream}: {shape.generations} generations of {shape.clusters * shape.rows} examples and "
        f"{shape.clusters * shape.held_out} items in {shape.clusters} clusters"
        for stream, shape in ((it, by_stream[it].shape) for it in results.streams)
    )
    wanted = {way for it in climbs for way in columns(it.name)}
    left = [title for name, title in TITLES.items() if name not in results.names and name in wanted]
    seeds = sorted({len(results.seeds(stream, name)) for stream in results.streams for name in results.names})
    lines = [f"{shapes}. Seeds: {' to '.join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))}."]
    if left:
        lines.append(f"Not measured for want of time: {'; '.join(left)}.")
    if not any(it.name == "reference" for it in climbs):
        lines.append("No reference model was named, so none was measured.")
    return " ".join(lines)


def _answers(results: Results) -> str:
    """The page's questions, with what was found."""
    lines = []
    for stream in results.streams:
        lost = results.measured(WITHOUT, "backward_transfer", [stream])
        lines.append([stream, "does it show anything?", _shown(lost), "yes" if lost.high < FORGETS else "no"])
        asked = [("does replay keep the old?", DEFAULT, WITHOUT, HELPS)]
        others = [it for it in results.names if it.startswith(("replay", "merge")) and it != DEFAULT]
        asked += [(f"would {TITLES[it]} do?", it, DEFAULT, AS_GOOD) for it in others]
        if CEILING in results.names:
            asked.append(("is climbing as good as retraining?", DEFAULT, CEILING, AS_RETRAINING))
        for question, one, other, threshold in asked:
            found = results.difference(one, other, [stream])
            lines.append([stream, question, _shown(found), _answer(found, threshold)])
    return rows(["stream", "question", "found", "answer"], lines)


def _answer(found: Figure, threshold: float) -> str:
    return "yes" if found.low > threshold else "no" if found.high < threshold else "undecided"


def _table(results: Results, stream: str) -> str:
    lines = [
        [
            TITLES[name],
            *(_shown(results.measured(name, it, [stream])) for it in _measures(name)),
            *["–"] * (len(MEASURES) - len(_measures(name))),
            "–" if name == WITHOUT else _shown(results.difference(name, WITHOUT, [stream])),
            results.matrices[stream][name].items,
        ]
        for name in results.names
    ]
    titles = ["average exact", "backward transfer", "forgetting", "learned", "average exact, less no replay's", "n"]
    return rows(["", *titles], lines)


def _costs(results: Results) -> str:
    lines = []
    for name in results.names:
        cost = results.cost(name) if name not in UNTRAINED else None
        shown = (
            [
                f"{cost['steps']:,.0f}",
                f"{cost['last_steps']:,.0f}",
                f"{cost['tokens'] / 1000:,.1f}",
                f"{cost['minutes']:.1f}",
            ]
            if cost
            else ["–"] * 4
        )
        lines.append([TITLES[name], *shown, f"{results.items_per_s(name):.0f}"])
    return rows(["one climb", "steps", "of the last rung", "thousand tokens", "minutes", "items scored/s"], lines)


def _plots(folder: Path, results: Results) -> None:
    for stream, matrices in results.matrices.items():
        lines = {TITLES[name]: matrices[name] for name in PLOTTED if name in matrices}
        title = f"{stream}: exact on each generation's suite, mean of {len(results.seeds(stream, DEFAULT))} seeds"
        ladder_plots.over_generations(folder / f"ladder-{stream}.svg", title, lines)
    ends = {
        stream: {TITLES[name]: results.measured(name, "average_exact", [stream]) for name in results.names}
        for stream in results.streams
    }
    ladder_plots.at_the_end(
        folder / "ladder-end.svg",
        "average exact at the end, 95 % intervals",
        ends,
        [TITLES[name] for name in results.names],
    )


def _shown(it: Figure) -> str:
    value, low, high = (f"{round(number, 2) + 0:.2f}" for number in (it.value, it.low, it.high))  # + 0: no minus zero
    return f"{value} [{low}, {high}]".replace("-", "−")
