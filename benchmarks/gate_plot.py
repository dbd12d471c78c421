"""How often a child is promoted, by what it has truly lost: a line for each number of items, as SVG.

The same figures give the same bytes. Not here: a figure (gate_cases.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vibe_pipeline.judgement import Figure

WIDTH, HEIGHT = 460, 240
COLOURS = ("#999999", "#e69f00", "#56b4e9", "#009e73", "#0072b2")
"""Okabe and Ito 2008: told apart by the colour-blind."""

STYLE = """
.power { --paper: #fff; --ink: #1d2127; --soft: #5c6672; --line: #dde2e8; font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
 .power { --paper: #14171b; --ink: #e6e9ed; --soft: #9aa5b1; --line: #3a424b; }
}
.power .paper { fill: var(--paper); } .power text { fill: var(--soft); } .power .title { fill: var(--ink); }
.power .grid { stroke: var(--line); } .power .line { fill: none; stroke-width: 2; } .power .bar { stroke-width: 1.2; }
"""

Points = Sequence[tuple[float, Figure]]
"""(true loss in points, share promoted)."""


def power(title: str, lines: Mapping[str, Points], most: float = 20.0) -> str:
    """Promotions by true loss with their 95 % intervals; a mark at 5 %."""
    body = [
        _grid(most),
        *(_line(colour, points, most) for colour, points in zip(COLOURS, lines.values(), strict=False)),
    ]
    names = [
        f'<text x="{WIDTH + 14}" y="{20 + 18 * place}" style="fill:{colour}">{name}</text>'
        for place, (colour, name) in enumerate(zip(COLOURS, lines, strict=False))
    ]
    box = f'viewBox="-44 -34 {WIDTH + 150} {HEIGHT + 84}" width="{WIDTH + 150}" height="{HEIGHT + 84}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="power" {box} role="img" aria-label="{title}">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="paper" x="-44" y="-34" width="{WIDTH + 150}" height="{HEIGHT + 84}"/>\n'
        f'<text class="title" x="0" y="-14">{title}</text>\n' + "\n".join([*body, *names]) + "\n</svg>\n"
    )


def _grid(most: float) -> str:
    across = [
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{_y(share)}" y2="{_y(share)}"/>'
        f'<text x="-38" y="{_y(share) + 4}">{share:.0%}</text>'
        for share in (0.0, 0.05, 0.25, 0.5, 0.75, 1.0)
    ]
    below = [
        f'<text x="{_x(loss, most) - 4}" y="{HEIGHT + 18}">{loss}</text>' for loss in (0, 2, 5, 10, 20) if loss <= most
    ]
    said = f'<text x="{WIDTH / 2 - 110}" y="{HEIGHT + 38}">recall that is truly lost, in points</text>'
    return "\n".join([*across, *below, said])


def _line(colour: str, points: Points, most: float) -> str:
    path = " ".join(f"{_x(loss, most)},{_y(share.value)}" for loss, share in points)
    bars = "".join(
        f'<line class="bar" style="stroke:{colour}" x1="{_x(loss, most)}" x2="{_x(loss, most)}" '
        f'y1="{_y(share.low)}" y2="{_y(share.high)}"/>'
        for loss, share in points
    )
    return f'<polyline class="line" style="stroke:{colour}" points="{path}"/>{bars}'


def _x(loss: float, most: float) -> float:
    return round(loss / most * WIDTH, 1)


def _y(share: float) -> float:
    return round((1 - share) * HEIGHT, 1)
