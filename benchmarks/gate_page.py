"""Rates → tables for people, figures for machines, and the generated blocks of docs/the-gate.md, whose prose is kept.

Not here: a rate (gate_cases.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import polars as pl

from benchmarks.gate_cases import LOSSES, NAIVE, SIZES, Rates
from benchmarks.gate_plot import power
from benchmarks.report import Figures, rows
from vibe_pipeline.judgement import Figure
from vibe_pipeline.outside import write as write_file
from vibe_pipeline.paired import design_effect

OUTCOMES = ("promoted", "rejected", "undecided")
GROUPS = {
    "equal": "No gain: the child answers the new items as well as its parent",
    "loss": "Recall lower by the margin of 5 points",
    "slide": "Recall lower by the margin than that of the champions of old",
    "general": "Base abilities lower by the margin",
    "free": "Free-form items alone",
    "attempts": "Several attempts at one generation, each 5 points worse",
    "whole": "Conversations lost whole, with so many points in all, while other answers differ here and there",
}
USUAL = "6 % differ"
"""The middle of what real rungs with replay have: see the table of real answers."""
HARMLESS = f"0 points lost, {USUAL}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the page says first: of all these cases at the default budget the one that is promoted most often."""

    name: str
    words: str
    goal: str
    groups: tuple[str, ...]
    begins: str = ""
    clustering: str = ""

    def worst(self, found: Iterable[Rates]) -> Figure | None:
        """None where no such case was simulated."""
        its = [it for it in found if it.case.earlier == FULL and it.case.group in self.groups]
        its = [it for it in its if it.case.name.startswith(self.begins)]
        shares = [it.share("promoted") for it in its if self.clustering in ("", it.case.clustering)]
        return max(shares, key=lambda share: share.value, default=None)


FULL = 300
"""Earlier items: the default budget."""

CLAIMS = (
    Claim("null_equal", "no gain at all", "≤ 5 %", ("equal",)),
    Claim(
        "null_margin",
        "recall lower by exactly the margin",
        "≤ 5 %",
        ("loss", "attempts", "default gate", "tall", "uneven", "whole"),
        "5 points",
    ),
    Claim("null_slide", "recall lower by the margin than the champions' of old", "≤ 5 %", ("slide",)),
    Claim("null_general", "base abilities lower by the margin", "≤ 5 %", ("general",)),
    Claim("null_retention", "free-form: retention lower by its margin", "≤ 5 %", ("free",), "retention"),
    Claim("null_gain_nll", "free-form: no gain in NLL", "≤ 5 %", ("free",), "no gain"),
    Claim(
        "loss_10",
        "recall lower by 10 points",
        "≤ 1 %",
        ("loss", "default gate", "tall", "uneven", "whole"),
        "10 points",
    ),
    Claim(
        "harmless_alone", f"nothing lost, a clear gain, {USUAL}, items alone", "≥ 80 %", ("loss",), HARMLESS, "alone"
    ),
    Claim("harmless", "the same, items in clusters as answered", "≥ 80 %", ("loss",), HARMLESS, "as answered"),
    Claim("harmless_tall", "the same, 300 of 900 such items asked", "≥ 80 %", ("tall",), HARMLESS),
)


def headline(found: Sequence[Rates]) -> Figures:
    """The worst of each null at the default budget, and a harmless child's chance."""
    out: Figures = {}
    for claim in CLAIMS:
        if worst := claim.worst(found):
            name = f"{claim.name}_promoted"
            out |= {name: worst.value, f"{name}_low": worst.low, f"{name}_high": worst.high}
    return out


def figures(found: Sequence[Rates]) -> Figures:
    """Every rate by the name of its case."""
    out = headline(found)
    for it in found:
        case = it.case
        asked = f"{case.earlier} of {case.there_are}" if case.there_are else f"{case.earlier}"
        said = f"{case.group} {case.name} {asked} {case.clustering} {case.gate.get('margin', '')}"
        slug = re.sub(r"\W+", "_", said).strip("_").lower()
        out |= {f"{slug}_{outcome}": it.share(outcome).value for outcome in OUTCOMES}
    return out


def blocks(found: Sequence[Rates], real: pl.DataFrame) -> dict[str, str]:
    """The generated parts of the page, by their names."""
    return {
        "headline": _headline(found),
        "errors": _errors(found),
        "seen": _seen(found),
        "clusters": _clusters(found),
        "whole": _whole(found),
        "real": _real(real),
    }


def plots(found: Sequence[Rates]) -> dict[str, str]:
    """File name → SVG."""
    out = {}
    for name, often in (("gate-power-12", 0.12), ("gate-power-30", 0.30)):
        lines = {}
        for size in SIZES:
            named = {f"{100 * loss:.0f} points lost, {100 * often:.0f} % differ": 100 * loss for loss in LOSSES}
            its = [it for it in found if it.case.name in named and _is_grid(it) and it.case.earlier == size]
            lines[f"{size} items"] = [(named[it.case.name], it.share("promoted")) for it in its]
        if any(lines.values()):
            most = 10.0 if often < 0.2 else 20.0
            out[f"{name}.svg"] = power(
                f"Promoted, where parent and child differ on {often:.0%} of the items", lines, most
            )
    return out


def fill(page: Path, named: Mapping[str, str]) -> None:
    """Generated blocks into the page between their marks; what stands around them stays."""
    text = page.read_text(encoding="utf-8")
    for name, block in named.items():
        marked = re.compile(f"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
        text = marked.sub(lambda _, to=f"<!-- {name} -->\n{block}\n<!-- /{name} -->": to, text)  # type: ignore[misc]
    write_file(page, text)


def _is_grid(it: Rates) -> bool:
    return it.case.group == "loss" and it.case.clustering == "as answered"


def _headline(found: Sequence[Rates]) -> str:
    told = [(claim, claim.worst(found)) for claim in CLAIMS]
    lines = [(claim.words, _percent(worst), claim.goal) for claim, worst in told if worst]
    return rows(("what is true of the child, the worst of its cases", "promoted [95 % interval]", "goal"), lines)


def _errors(found: Sequence[Rates]) -> str:
    out = []
    for group, title in GROUPS.items():
        its = [it for it in found if it.case.group == group and it.case.earlier == 300]
        if group == "loss":
            its = [it for it in its if it.case.name.startswith("5 points")]
        if its:
            out.append(f"**{title}**\n\n{_table(its)}")
    return "\n\n".join(out)


def _whole(found: Sequence[Rates]) -> str:
    named = {
        "default gate": "The default gate (margin 5 points), with its floors",
        "demo gate": "A margin of 10 points, with floors",
    }
    return "\n\n".join(
        f"**{title}**\n\n{_table(its)}"
        for group, title in named.items()
        if (its := [it for it in found if it.case.group == group])
    )


def _clusters(found: Sequence[Rates]) -> str:
    named = {
        "0 points lost, 6 % differ",
        "5 points lost, 6 % differ",
        "5 points lost, 12 % differ",
        "10 points lost, 12 % differ",
    }
    its = [it for it in found if it.case.group in ("loss", "tall", "uneven") and it.case.name in named]
    its = [it for it in its if it.case.earlier in (60, 300)]
    return _table(sorted(its, key=lambda it: (it.case.name, it.case.earlier, it.case.there_are)), sized=True)


def _table(its: Iterable[Rates], *, sized: bool = False) -> str:
    titles = [
        "truth",
        *(["items"] if sized else []),
        "items are",
        "asked",
        *OUTCOMES,
        "recall > .90 and new > .85",
        "at most 10 points lower",
        "mean is higher",
    ]
    lines = [
        [
            it.case.name,
            *([f"{it.case.earlier} of {it.case.there_are or it.case.earlier}"] if sized else []),
            it.case.clustering,
            f"{it.asked:.0f}",
            _percent(it.share("promoted")),
            *(f"{it.share(outcome).value:.1%}" for outcome in OUTCOMES[1:]),
            *(f"{it.share(rule).value:.1%}" if it.case.recall or rule == "mean" else "–" for rule in NAIVE),
        ]
        for it in its
    ]
    return rows(titles, lines)


def _seen(found: Sequence[Rates]) -> str:
    """What can be seen with so many items: promoted / undecided / rejected."""
    lines = []
    for loss, its in LOSSES.items():
        for often in its:
            name = f"{100 * loss:.0f} points lost, {100 * often:.0f} % differ"
            of_size = {it.case.earlier: it for it in found if _is_grid(it) and it.case.name == name}
            if of_size:
                lines.append([name, *(_three(of_size[size]) if size in of_size else "–" for size in SIZES)])
    return rows(("promoted / undecided / rejected, %", *(f"{size} items" for size in SIZES)), lines)


def _three(it: Rates) -> str:
    return " / ".join(f"{100 * it.share(outcome).value:.0f}" for outcome in ("promoted", "undecided", "rejected"))


def _real(real: pl.DataFrame) -> str:
    """How often parent and child really differ on earlier items, and how wordings of one fact go together."""
    its = real.filter((pl.col("part") == "exact") & ~pl.col("is_new")).drop_nulls(["exact_parent", "exact_child"])
    lines = []
    for (source,), rungs in its.group_by("source", maintain_order=True):
        differ, lost, effects = [], [], []
        for (_,), rung in rungs.group_by("rung", maintain_order=True):
            difference = rung["exact_child"].to_numpy().astype(float) - rung["exact_parent"].to_numpy()
            differ.append(float((difference != 0).mean()))
            lost.append(float(-difference.mean()))
            effects.append(design_effect(difference, rung["cluster"].to_numpy()))
        lines.append([source, len(differ), rungs.height, *(_range(values) for values in (differ, lost, effects))])
    return rows(
        ("ladder", "rungs", "items", "share that differs", "recall lost", "items that tell as much as one alone"), lines
    )


def _range(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} – {max(values):.2f})"


def _percent(share: Figure) -> str:
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"
