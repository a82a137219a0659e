"""Pieces of SVG text: axes with round ticks, lines, areas, dots, bars and legends.

Everything that comes from a model is escaped; numbers are written with one decimal of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

# Colours that stay apart for colour-blind readers (Okabe and Ito 2008).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A800", "#666666")
GREY = "#C8C8C8"
INK = "#222"
LINE = "#444"

MARGIN = 16
LEGEND_ROW = 20
LABEL_LENGTH = 60

Point = tuple[float, float]


def colour(index: int) -> str:
    """The colour of the index-th series; they repeat after eight."""
    return COLOURS[index % len(COLOURS)]


@dataclass(frozen=True)
class Axes:
    """A rectangle on the page with a range of x and of y.

    Attributes:
        left, top, width, height: of the rectangle, in pixels.
        x_range: x at the left and right edge.
        y_range: y at the bottom and top edge.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: Point
    y_range: Point = (0.0, 1.0)

    def x(self, value: float) -> float:
        """Page position of an x."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value: float) -> float:
        """Page position of a y."""
        low, high = self.y_range
        return self.top + (high - value) / (high - low) * self.height

    def at(self, points: Iterable[Point]) -> str:
        """Page positions of points, as SVG writes them."""
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)

    def frame(
        self,
        title: str = "",
        *,
        x_ticks: Sequence[float] | None = None,
        y_ticks: Sequence[float] | None = None,
        x_label: str = "",
        y_label: str = "",
    ) -> list[str]:
        """Border, title, ticks with numbers, and labels."""
        bottom = self.top + self.height
        parts = [
            f'<rect x="{self.left:.1f}" y="{self.top:.1f}" width="{self.width:.1f}" '
            f'height="{self.height:.1f}" fill="none" stroke="{LINE}"/>'
        ]
        if title:
            parts.append(text(self.left, self.top - 6, title, size=11))
        for value in ticks(*self.x_range) if x_ticks is None else x_ticks:
            x = self.x(value)
            parts.append(line(x, bottom, x, bottom + 4))
            parts.append(text(x, bottom + 15, short(value), size=10, anchor="middle"))
        for value in ticks(*self.y_range) if y_ticks is None else y_ticks:
            y = self.y(value)
            parts.append(line(self.left - 4, y, self.left, y))
            parts.append(text(self.left - 7, y + 3.5, short(value), size=10, anchor="end"))
        if x_label:
            middle = self.left + self.width / 2
            parts.append(text(middle, bottom + 34, x_label, anchor="middle"))
        if y_label:
            parts.append(upright(self.left - 58, self.top + self.height / 2, y_label))
        return parts

    def curve(self, points: Iterable[Point], stroke: str, *, dashed: bool = False) -> str:
        """A line through points."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        return (
            f'<polyline points="{self.at(points)}" fill="none" stroke="{stroke}" '
            f'stroke-width="1.8"{dash}/>'
        )

    def area(self, points: Iterable[Point], fill: str) -> str:
        """A filled polygon."""
        return f'<polygon points="{self.at(points)}" fill="{fill}"/>'

    def dots(self, points: Iterable[Point], fill: str, *, size: float = 2.4) -> str:
        """Many small dots, as one path."""
        path = "".join(f"M{self.x(x):.1f} {self.y(y):.1f}h0" for x, y in points)
        return (
            f'<path d="{path}" stroke="{fill}" stroke-width="{size}" stroke-linecap="round" '
            'stroke-opacity="0.35" fill="none"/>'
        )

    def rectangle(self, corner: Point, opposite: Point, fill: str) -> str:
        """A filled rectangle between two points."""
        x1, x2 = sorted((round(self.x(corner[0])), round(self.x(opposite[0]))))
        y1, y2 = sorted((round(self.y(corner[1])), round(self.y(opposite[1]))))
        # On whole pixels, so that neighbours meet without a seam.
        return (
            f'<rect x="{x1}" y="{y1}" width="{max(x2 - x1, 1)}" height="{y2 - y1}" '
            f'fill="{fill}" shape-rendering="crispEdges"/>'
        )


def page(width: float, height: float, parts: Sequence[str]) -> str:
    """A whole picture on white."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="sans-serif" role="img">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def text(
    x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", weight: str = "normal"
) -> str:
    """Words at a place."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{INK}">{escape(words)}</text>'
    )


def upright(x: float, y: float, words: str) -> str:
    """Words turned to read upwards."""
    turned = text(x, y, words, anchor="middle")
    return f'<g transform="rotate(-90 {x:.1f} {y:.1f})">{turned}</g>'


def line(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> str:
    """A thin line."""
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{LINE}"{dash}/>'


def legend(entries: Sequence[tuple[str, str]], width: float, top: float) -> tuple[list[str], float]:
    """Centred rows of coloured squares and labels.

    Args:
        entries: (label, colour).
        width: of the page; a row is no wider.
        top: where the first row begins.

    Returns:
        The pieces, and the height they take.
    """
    rows: list[list[tuple[str, str, float]]] = [[]]
    for label, fill in entries:
        step = 28 + 6.4 * len(cut(label, LABEL_LENGTH))
        if rows[-1] and sum(used for _, _, used in rows[-1]) + step > width - 2 * MARGIN:
            rows.append([])
        rows[-1].append((cut(label, LABEL_LENGTH), fill, step))
    parts = []
    for number, row in enumerate(rows):
        x = max(MARGIN, (width - sum(step for _, _, step in row)) / 2)
        y = top + 12 + LEGEND_ROW * number
        for label, fill, step in row:
            parts.append(
                f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="12" height="12" fill="{fill}"/>'
            )
            parts.append(text(x + 17, y, label, size=11))
            x += step
    return parts, LEGEND_ROW * len(rows)


def cut(words: str, length: int) -> str:
    """Words no longer than a length, with an ellipsis where they were cut."""
    return words if len(words) <= length else f"{words[: length - 1]}…"


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers inside a range, at most ``most`` + 1 of them."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(round(number * step, 12)) for number in range(first, last + 1)]


def short(value: float) -> str:
    """A number for an axis: thousands separated, no needless zeros."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def padded(values: Iterable[float], share: float = 0.05) -> Point:
    """A range around values with some room at both ends."""
    found = list(values)
    low, high = min(found), max(found)
    room = (high - low) * share or max(abs(high) * share, 1.0)
    return low - room, high + room
