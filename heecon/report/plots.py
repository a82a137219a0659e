"""Pictures as SVG text, written directly: a picture costs milliseconds and a few kilobytes.

(Drawing the trace with matplotlib took 0.7 s of the 1.5 s a run may last, and a megabyte.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from heecon.engine.result import Result, Trace

Floats = NDArray[np.float64]

# Colours that stay apart for colour-blind readers (Okabe and Ito 2008); absorbing states are grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
ABSORBING = "#C8C8C8"
POINTS = 160
ALMOST_EMPTY = 0.005

PANEL_WIDTH, PANEL_HEIGHT = 210, 130
GAP_X, GAP_Y = 48, 56
LEFT, TOP, MARGIN = 64, 52, 16
LEGEND_ROW = 20
COLUMNS = 4
TITLE_LENGTH, LABEL_LENGTH = 38, 60


@dataclass(frozen=True)
class Panel:
    """A rectangle on the page that data are drawn into, y from 0 to 1."""

    left: float
    top: float
    end: float

    def x(self, value: float) -> float:
        """Page position of a time in years."""
        return self.left + value / self.end * PANEL_WIDTH

    def y(self, value: float) -> float:
        """Page position of a share."""
        return self.top + (1 - value) * PANEL_HEIGHT


def trace_plot(result: Result, trace: Trace) -> str:
    """State occupancy over time, one panel a strategy, as SVG text.

    The time axis ends when less than 0.5% of every cohort are left outside absorbing states.

    Args:
        result: the run.
        trace: its trace; the first draw is shown.
    """
    states = list(result.model.states.values())
    palette = iter(COLOURS * len(states))
    colours = [ABSORBING if state.absorbing else next(palette) for state in states]
    # Drawn from the bottom: the living first, the absorbing states on top of them.
    order = sorted(range(len(states)), key=lambda index: states[index].absorbing)
    last = _last_cycle(trace.occupancy[0][:, :, [not state.absorbing for state in states]])
    times = np.arange(last + 1) * result.model.settings.cycle_length
    shown = np.unique(np.linspace(0, last, POINTS).astype(int))
    columns = min(COLUMNS, len(result.strategies))
    rows = -(-len(result.strategies) // columns)
    width = LEFT + max(columns, 2) * (PANEL_WIDTH + GAP_X)
    keys = _legend([(states[index].label, colours[index]) for index in order], width)
    bottom = TOP + rows * (PANEL_HEIGHT + GAP_Y)
    height = bottom + 28 + LEGEND_ROW * len(keys)
    parts = [_text(LEFT, 22, result.model.settings.title, size=14, weight="bold")]
    for index, name in enumerate(result.strategies):
        left = LEFT + (index % columns) * (PANEL_WIDTH + GAP_X)
        top = TOP + (index // columns) * (PANEL_HEIGHT + GAP_Y) + 16
        panel = Panel(left, top, float(times[-1]))
        parts += _areas(panel, times[shown], trace.occupancy[0, index][shown], order, colours)
        parts += _axes(panel, result.model.strategies[name].label)
    parts.append(_text(width / 2, bottom + 14, "Years", anchor="middle"))
    middle = (TOP + bottom) / 2
    parts.append(
        f'<g transform="rotate(-90 16 {middle})">'
        f"{_text(16, middle, 'Share of the cohort', anchor='middle')}</g>"
    )
    for row, key in enumerate(keys):
        parts.append(f'<g transform="translate(0 {bottom + 38 + LEGEND_ROW * row})">{key}</g>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" role="img">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _last_cycle(alive: Floats) -> int:
    """The cycle after which every cohort is almost empty."""
    share = alive.sum(axis=2).max(axis=0)
    empty = np.flatnonzero(share < ALMOST_EMPTY)
    return int(empty[0]) if len(empty) else len(share) - 1


def _areas(
    panel: Panel, times: Floats, occupancy: Floats, order: Sequence[int], colours: Sequence[str]
) -> list[str]:
    parts = []
    low = np.zeros(len(times))
    for index in order:
        high = low + occupancy[:, index]
        there = [f"{panel.x(t):.1f},{panel.y(v):.1f}" for t, v in zip(times, high, strict=True)]
        back = [f"{panel.x(t):.1f},{panel.y(v):.1f}" for t, v in zip(times, low, strict=True)]
        points = " ".join(there + back[::-1])
        parts.append(f'<polygon points="{points}" fill="{colours[index]}"/>')
        low = high
    return parts


def _axes(panel: Panel, title: str) -> list[str]:
    short = title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1]}…"
    parts = [
        f'<rect x="{panel.left}" y="{panel.top}" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}" '
        'fill="none" stroke="#444"/>',
        _text(panel.left, panel.top - 6, short, size=11),
    ]
    for share in (0.0, 0.5, 1.0):
        y = panel.y(share)
        parts.append(_line(panel.left - 4, y, panel.left, y))
        parts.append(_text(panel.left - 7, y + 3.5, f"{share:g}", size=10, anchor="end"))
    for time in _ticks(panel.end):
        x, bottom = panel.x(time), panel.y(0)
        parts.append(_line(x, bottom, x, bottom + 4))
        parts.append(_text(x, bottom + 15, f"{time:g}", size=10, anchor="middle"))
    return parts


def _ticks(end: float) -> list[float]:
    """Four to eight round numbers from 0 to the end of an axis."""
    step = 10.0 ** np.floor(np.log10(end / 4))
    step = next(step * factor for factor in (1, 2, 5, 10) if end / (step * factor) <= 7)
    return [float(round(tick * step, 10)) for tick in range(int(end / step + 1e-9) + 1)]


def _legend(entries: Sequence[tuple[str, str]], width: float) -> list[str]:
    """Rows of the legend, each centred and no wider than the page."""
    rows: list[list[tuple[str, str, float]]] = [[]]
    for label, colour in entries:
        short = label if len(label) <= LABEL_LENGTH else f"{label[: LABEL_LENGTH - 1]}…"
        step = 26 + 6.4 * len(short)
        if rows[-1] and sum(used for _, _, used in rows[-1]) + step > width - 2 * MARGIN:
            rows.append([])
        rows[-1].append((short, colour, step))
    return [_legend_row(row, width) for row in rows]


def _legend_row(entries: Sequence[tuple[str, str, float]], width: float) -> str:
    x = max(MARGIN, (width - sum(step for _, _, step in entries)) / 2)
    parts = []
    for label, colour, step in entries:
        parts.append(f'<rect x="{x:.1f}" y="-10" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 17, 0, label, size=11))
        x += step
    return "".join(parts)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#444"/>'


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="#222">{escape(text)}</text>'
    )
