"""Pictures, drawn by matplotlib from plain numbers on the axes given, or on their own figure.

matplotlib is imported when the first picture is drawn, because a run without pictures would wait
for it a third of its time.

Words come from models of strangers: they are cut, cleared of control characters, and never read as
mathematics.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heecon.arrays import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[..., "Axes"]
"""Draws a picture on the axes given as ``ax``, or on a figure of its own."""

# Colours that stay apart for colour-blind readers (Okabe and Ito 2008).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A800", "#666666")
GREY, PALE, INK = "#C8C8C8", "#D6E6F2", "#222222"

CLOUD = 2_000
"""Draws shown of each strategy on the plane; the ellipse is of all of them."""

POINTS = 100
"""Times a trace is drawn at."""

ALMOST_EMPTY = 0.005
"""A trace ends when fewer than this share of every cohort are left."""

LABEL = 64
"""Characters of a label."""


class Format(StrEnum):
    """What a picture is written as."""

    SVG = "svg"
    PNG = "png"
    PDF = "pdf"


@dataclass(frozen=True)
class Cloud:
    """Draws of one strategy against the comparator.

    Attributes:
        label: of the strategy.
        colour: of the strategy.
        points: (draws, 2) incremental effect and cost.
        outline: (points, 2) the ellipse of 95% of them; None for a single draw.
    """

    label: str
    colour: str
    points: Floats
    outline: Floats | None


@dataclass(frozen=True)
class Line:
    """A curve with its label."""

    label: str
    colour: str
    y: Floats


def colour(index: int) -> str:
    """The colour of the index-th series; they repeat after eight."""
    return COLOURS[index % len(COLOURS)]


def words(text: str, length: int = LABEL) -> str:
    """Text as matplotlib shows it: on one line, no longer than a length, without mathematics."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(printable.split())
    cut = line if len(line) <= length else f"{line[: length - 1]}…"
    return cut.replace("$", r"\$")


def short(value: float, _position: float | None = None) -> str:
    """A number on an axis: thousands separated, no needless zeros."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def rendered(name: str, draw: Draw, formats: Iterable[Format]) -> dict[str, bytes]:
    """A picture as files: name with ending -> content, the same whenever it is drawn.

    Args:
        name: of the files, without ending.
        draw: the picture.
        formats: what to write.
    """
    import matplotlib  # noqa: PLC0415  (a third of a second; only for those who want pictures)

    matplotlib.use("agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    found = {}
    undated: dict[Format, dict[str, Any]] = {
        Format.SVG: {"Date": None},
        Format.PNG: {},
        Format.PDF: {"CreationDate": None},
    }
    settings: Any = {"svg.hashsalt": "heecon", "svg.fonttype": "none", "pdf.fonttype": 42}
    with plt.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a script the font lacks; SVG keeps the text
        figure: Any = draw().figure
        for ending in dict.fromkeys(formats):
            content = io.BytesIO()
            figure.savefig(content, format=str(ending), dpi=150, metadata=undated[ending])
            found[f"{name}.{ending}"] = content.getvalue()
        plt.close(figure)
    return found


def files(pictures: Mapping[str, Draw], formats: Iterable[Format]) -> dict[str, bytes]:
    """Every picture in every format: file name -> content; nothing is drawn for no format."""
    chosen = list(formats)
    found: dict[str, bytes] = {}
    for name, draw in pictures.items() if chosen else ():
        found |= rendered(name, draw, chosen)
    return found


# --- the pictures --------------------------------------------------------------------------------


def trace(
    times: Floats,
    panels: Sequence[tuple[str, Floats]],
    states: Sequence[str],
    absorbing: Sequence[bool],
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """State occupancy over time, a panel a strategy, all inside one pair of axes.

    Args:
        times: (points,) in years.
        panels: label of each strategy, and its (points, states) shares of the cohort.
        states: labels of the states.
        absorbing: which of them nobody leaves; they are drawn on top, in grey.
        title: above everything.
        ax: where to; a figure of its own if None.
    """
    order = sorted(range(len(states)), key=lambda index: absorbing[index])
    fills = [GREY if absorbing[i] else colour(number) for number, i in enumerate(order)]
    alive = [occupancy[:, ~np.array(absorbing)].sum(axis=1) for _, occupancy in panels]
    empty = np.flatnonzero(np.max(alive, axis=0) < ALMOST_EMPTY)
    last = max(int(empty[0]), 1) if len(empty) else len(times) - 1
    shown = np.unique(np.linspace(0, last, POINTS).astype(int))
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    ax = _axes(ax, 1.2 + 2.6 * max(columns, 2), 1.5 + 2.0 * rows)
    ax.set_axis_off()
    ax.set_title(words(title, 100), loc="left", fontweight="bold")
    for number, (label, occupancy) in enumerate(panels):
        row, column = divmod(number, columns)
        left, top = 0.06 + 0.94 * column / columns, 1 - row / rows
        box = (left, top - 0.72 / rows, 0.78 / columns, 0.6 / rows)
        panel = ax.inset_axes(box)
        panel.stackplot(times[shown], occupancy[shown][:, order].T, colors=fills, linewidth=0)
        panel.set_title(words(label, 44), loc="left", fontsize="x-small")
        panel.set_xlim(0, float(times[last]))
        panel.set_ylim(0, 1)
        panel.set_yticks([0, 0.5, 1])
        panel.tick_params(labelsize="x-small")
    ax.text(0.5, 0.02, "Years", ha="center", va="bottom", transform=ax.transAxes)
    ax.text(0.0, 0.5, "Share of the cohort", rotation=90, va="center", transform=ax.transAxes)
    _legend(ax, [(states[i], fill) for i, fill in zip(order, fills, strict=True)], inches=0.0)
    return ax


def ce_plane(
    clouds: Sequence[Cloud],
    against: str,
    currency: str,
    wtp: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Increments of cost and effect against the comparator, with 95% ellipses and means.

    Args:
        clouds: the other strategies.
        against: label of the comparator.
        currency: of the costs; may be empty.
        wtp: willingness to pay, drawn as a dashed line through the origin.
        ax: where to; a figure of its own if None.
    """
    ax = _axes(ax, 7.5, 5.5)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.axvline(0, color=INK, linewidth=0.8)
    for cloud in clouds:
        effects, costs = cloud.points[:CLOUD].T
        ax.scatter(
            effects, costs, s=4, color=cloud.colour, alpha=0.35, linewidths=0, rasterized=True
        )
        if cloud.outline is not None:
            ax.plot(*cloud.outline.T, color=cloud.colour, linewidth=1.4)
        ax.plot(*cloud.points.mean(axis=0), "o", color=cloud.colour, markeredgecolor="white")
    if wtp is not None:
        x_range, y_range = ax.get_xlim(), ax.get_ylim()
        ax.axline((0, 0), slope=wtp, color=INK, linestyle="--", linewidth=1)
        ax.set_xlim(x_range)
        ax.set_ylim(y_range)
    _labelled(
        ax,
        "Cost-effectiveness plane",
        f"Incremental QALYs v {words(against, 48)}",
        f"Incremental cost {words(currency)}",
    )
    _legend(ax, [(cloud.label, cloud.colour) for cloud in clouds])
    return ax


def curves(
    x: Floats,
    lines: Sequence[Line],
    labels: tuple[str, str, str],
    *,
    dashed: Line | None = None,
    band: tuple[str, Floats, Floats] | None = None,
    top: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Curves over the willingness to pay.

    Args:
        x: (grid,) thresholds.
        lines: the curves.
        labels: title, x label, y label.
        dashed: a curve that stands out.
        band: label, lower and upper edge of an area behind the curves.
        top: end of the y axis; that of the curves if None.
        ax: where to; a figure of its own if None.
    """
    ax = _axes(ax, 7.5, 5.0)
    entries = [(line.label, line.colour) for line in lines]
    if band is not None:
        ax.fill_between(x, band[1], band[2], color=PALE, linewidth=0)
        entries.append((band[0], PALE))
    for line in lines:
        ax.plot(x, line.y, color=line.colour, linewidth=1.6)
    if dashed is not None:
        ax.plot(x, dashed.y, color=dashed.colour, linestyle="--", linewidth=1.6)
        entries.append((dashed.label, dashed.colour))
    ax.margins(x=0)
    ax.set_ylim(0, top)
    _labelled(ax, *labels)
    _legend(ax, entries)
    return ax


def tornado(
    rows: Sequence[tuple[str, float, float]],
    base: float,
    title: str,
    label: str,
    ax: Axes | None = None,
) -> Axes:
    """Bars of an outcome at the low and high value of each input, the widest on top.

    Args:
        rows: (label of the input, outcome at its low value, outcome at its high value).
        base: outcome at the base values.
        title: above the picture.
        label: of the outcome axis.
        ax: where to; a figure of its own if None.
    """
    ordered = sorted(rows, key=lambda row: -abs(row[2] - row[1]))
    ax = _axes(ax, 10.0, 1.8 + 0.26 * max(len(ordered), 1))
    places = np.arange(len(ordered))
    for side in (0, 1):
        lengths = [ends[side] - base for _, *ends in ordered]
        ax.barh(places, lengths, left=base, height=0.7, color=COLOURS[side])
    ax.set_yticks(places, [words(name) for name, _, _ in ordered], fontsize="small")
    ax.set_ylim(max(len(ordered), 1) - 0.5, -0.5)
    ax.axvline(base, color=INK, linewidth=0.8)
    _labelled(ax, title, label, "")
    _legend(ax, [("at the low value", COLOURS[0]), ("at the high value", COLOURS[1])])
    return ax


def decision_map(
    x: Floats,
    y: Floats,
    best: NDArray[np.int_],
    names: Sequence[str],
    labels: tuple[str, str, str],
    ax: Axes | None = None,
) -> Axes:
    """Which strategy is best in each cell of a grid.

    Args:
        x: values across, ascending.
        y: values up, ascending.
        best: (y, x) index in ``names`` of the best strategy.
        names: labels of the strategies.
        labels: title, x label, y label.
        ax: where to; a figure of its own if None.
    """
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    ax = _axes(ax, 7.5, 5.5)
    palette = np.array([to_rgb(colour(index)) for index in range(len(names))])
    ax.pcolormesh(_edges(x), _edges(y), palette[best], shading="flat", rasterized=True)
    _labelled(ax, *labels)
    _legend(ax, [(names[i], colour(i)) for i in np.unique(best).tolist()])
    return ax


def forest(
    groups: Sequence[tuple[str, Sequence[tuple[str, tuple[float, float, float]]]]],
    title: str,
    label: str,
    ax: Axes | None = None,
) -> Axes:
    """Ratios with intervals on a logarithmic scale, under headings.

    Args:
        groups: heading, and its rows: label, and (value, low, high).
        title: above the picture.
        label: of the axis.
        ax: where to; a figure of its own if None.
    """
    from matplotlib.ticker import NullFormatter, NullLocator  # noqa: PLC0415

    count = sum(len(rows) + 1 for _, rows in groups)
    ax = _axes(ax, 9.0, 1.4 + 0.27 * count)
    labels: list[str] = []
    numbers: list[str] = []
    for number, (heading, rows) in enumerate(groups):
        labels.append(words(heading))
        numbers.append("")
        for name, (value, low, high) in rows:
            place = len(labels)
            ax.plot([low, high], [place, place], color=INK, linewidth=1)
            ax.plot([value], [place], "s", color=COLOURS[5 if number else 0], markersize=6)
            labels.append(words(name))
            numbers.append(f"{value:.2f} ({low:.2f}-{high:.2f})")
    ax.axvline(1, color=INK, linestyle="--", linewidth=0.8)
    ax.set_xscale("log")
    ax.set_ylim(count - 0.5, -0.5)
    _labelled(ax, title, label, "")
    low, high = ax.get_xlim()
    marks = [x for x in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10) if low < x < high]
    ax.set_xticks(marks, [short(mark) for mark in marks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(count), labels, fontsize="small")
    for tick, text in zip(ax.get_yticklabels(), numbers, strict=True):
        tick.set_fontweight("normal" if text else "bold")
    for place, text in enumerate(numbers):
        ax.text(
            1.02, place, text, transform=ax.get_yaxis_transform(), va="center", fontsize="small"
        )
    return ax


# --- pieces --------------------------------------------------------------------------------------


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    """The axes given, or those of a new figure of so many inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # noqa: PLC0415

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def _labelled(ax: Axes, title: str, x: str, y: str) -> None:
    ax.set_title("\n".join(wrap(words(title, 150), 60)), loc="left", fontweight="bold")
    ax.set_xlabel(words(x, 100))
    ax.set_ylabel("\n".join(wrap(words(y, 100), 50)))
    ax.xaxis.set_major_formatter(short)
    if y:
        ax.yaxis.set_major_formatter(short)
    ax.spines[["top", "right"]].set_visible(False)


def _legend(ax: Axes, entries: Sequence[tuple[str, str]], inches: float = 0.5) -> None:
    """Coloured squares and labels so far under the axes."""
    from matplotlib.patches import Patch  # noqa: PLC0415
    from matplotlib.transforms import offset_copy  # noqa: PLC0415

    longest = max((len(label) for label, _ in entries), default=0)
    ax.legend(
        [Patch(color=fill) for _, fill in entries],
        [words(label) for label, _ in entries],
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=offset_copy(ax.transAxes, ax.get_figure(root=True), y=-inches),
        borderaxespad=0,
        ncols=1 if longest > 45 else 2 if longest > 20 else 4,
        frameon=False,
        fontsize="small",
    )


def _edges(values: Floats) -> Floats:
    """Cell borders halfway between the values of a grid."""
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate(([2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]))
