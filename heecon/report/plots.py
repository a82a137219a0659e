"""Pictures of a run, as SVG text: milliseconds to draw and a few kilobytes to keep.

(Drawing the trace with matplotlib took 0.7 s of the 1.5 s a run may last, and a megabyte.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heecon.engine.result import Result, Trace
from heecon.report import svg

Floats = NDArray[np.float64]

POINTS = 160
ALMOST_EMPTY = 0.005

PANEL_WIDTH, PANEL_HEIGHT = 210, 130
GAP_X, GAP_Y = 48, 56
LEFT, TOP = 64, 52
COLUMNS = 4
TITLE_LENGTH = 38


def trace_plot(result: Result, trace: Trace) -> str:
    """State occupancy over time, one panel a strategy, as SVG text.

    The time axis ends when less than 0.5% of every cohort are left outside absorbing states.

    Args:
        result: the run.
        trace: its trace; the first draw is shown.
    """
    states = list(result.model.states.values())
    # Drawn from the bottom: the living first, the absorbing states on top of them, in grey.
    order = sorted(range(len(states)), key=lambda index: states[index].absorbing)
    colours = [
        svg.GREY if states[index].absorbing else svg.colour(number)
        for number, index in enumerate(order)
    ]
    last = _last_cycle(trace.occupancy[0][:, :, [not state.absorbing for state in states]])
    shown = np.unique(np.linspace(0, last, POINTS).astype(int))
    times = shown * result.model.settings.cycle_length
    count = len(result.strategies)
    columns = min(COLUMNS, count)
    width = LEFT + max(columns, 2) * (PANEL_WIDTH + GAP_X)
    bottom = TOP + -(-count // columns) * (PANEL_HEIGHT + GAP_Y)
    parts = [svg.text(LEFT, 22, result.model.settings.title, size=14, weight="bold")]
    for index, name in enumerate(result.strategies):
        left = LEFT + (index % columns) * (PANEL_WIDTH + GAP_X)
        top = TOP + (index // columns) * (PANEL_HEIGHT + GAP_Y) + 16
        axes = svg.Axes(left, top, PANEL_WIDTH, PANEL_HEIGHT, (0.0, float(times[-1])))
        parts += _areas(axes, times, trace.occupancy[0, index][shown][:, order], colours)
        label = svg.cut(result.model.strategies[name].label, TITLE_LENGTH)
        parts += axes.frame(label, y_ticks=(0.0, 0.5, 1.0))
    parts.append(svg.text(width / 2, bottom + 14, "Years", anchor="middle"))
    parts.append(svg.upright(16, (TOP + bottom) / 2, "Share of the cohort"))
    entries = list(zip([states[index].label for index in order], colours, strict=True))
    keys, height = svg.legend(entries, width, bottom + 26)
    return svg.page(width, bottom + 26 + height + 8, parts + keys)


def _last_cycle(alive: Floats) -> int:
    """The cycle after which every cohort is almost empty."""
    share = alive.sum(axis=2).max(axis=0)
    empty = np.flatnonzero(share < ALMOST_EMPTY)
    return max(int(empty[0]), 1) if len(empty) else len(share) - 1


def _areas(axes: svg.Axes, times: Floats, occupancy: Floats, colours: list[str]) -> list[str]:
    edges = np.column_stack([np.zeros(len(times)), np.cumsum(occupancy, axis=1)])
    parts = []
    for index, fill in enumerate(colours):
        upper = list(zip(times, edges[:, index + 1], strict=True))
        lower = list(zip(times, edges[:, index], strict=True))
        parts.append(axes.area(upper + lower[::-1], fill))
    return parts
