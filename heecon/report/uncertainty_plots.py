"""Pictures of decision uncertainty: plane, acceptability, loss, value of information, tornado."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.acceptability import Acceptability
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import ellipses
from heecon.report import svg

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 620, 360
LEFT, TOP, MARGIN_LEFT = 92, 48, 24
CLOUD = 2_000
"""Draws shown of each strategy on the plane; the ellipse is of all of them."""


def ce_plane(outcomes: Outcomes, threshold: float | None = None) -> str:
    """Increments of cost and effect against the comparator, with 95% ellipses and means.

    Args:
        outcomes: draws of cost and effect.
        threshold: drawn as a dashed line through the origin.
    """
    reference = outcomes.index(outcomes.reference)
    others = [i for i in range(len(outcomes.strategies)) if i != reference]
    clouds = [
        np.column_stack(
            [
                outcomes.effect[:, i] - outcomes.effect[:, reference],
                outcomes.cost[:, i] - outcomes.cost[:, reference],
            ]
        )
        for i in others
    ]
    outlines = dict(zip(others, ellipses(outcomes), strict=True)) if outcomes.draws > 1 else {}
    everything = np.vstack([*clouds, np.zeros((1, 2))])
    axes = svg.Axes(
        LEFT,
        TOP,
        WIDTH - LEFT - 24,
        HEIGHT,
        svg.padded(everything[:, 0].tolist()),
        svg.padded(everything[:, 1].tolist()),
    )
    parts = [svg.text(LEFT, 22, "Cost-effectiveness plane", size=14, weight="bold")]
    parts.append(svg.line(axes.left, axes.y(0), axes.left + axes.width, axes.y(0)))
    parts.append(svg.line(axes.x(0), axes.top, axes.x(0), axes.top + axes.height))
    if threshold is not None:
        parts += _threshold_line(axes, threshold)
    for i, cloud in zip(others, clouds, strict=True):
        fill = svg.colour(i)
        parts.append(axes.dots(cloud[:CLOUD].tolist(), fill))
        if i in outlines:
            parts.append(axes.curve(outlines[i].points().tolist(), fill))
        mean = cloud.mean(axis=0)
        parts.append(
            f'<circle cx="{axes.x(mean[0]):.1f}" cy="{axes.y(mean[1]):.1f}" r="4" '
            f'fill="{fill}" stroke="white"/>'
        )
    against = outcomes.labels.get(outcomes.reference, outcomes.reference)
    parts += axes.frame(
        x_label=f"Incremental effect v {svg.cut(against, 40)}",
        y_label=f"Incremental cost {outcomes.currency}",
    )
    entries = [
        (outcomes.labels.get(outcomes.strategies[i], outcomes.strategies[i]), svg.colour(i))
        for i in others
    ]
    return _page(parts, entries)


def acceptability_curves(found: Acceptability, labels: Mapping[str, str], currency: str) -> str:
    """Probability of being cost-effective by threshold, the frontier drawn thick."""
    axes = _threshold_axes(found, (0.0, 1.0))
    parts = [svg.text(LEFT, 22, "Acceptability curves and frontier", size=14, weight="bold")]
    for index in range(len(found.strategies)):
        points = list(zip(found.thresholds, found.probability[:, index], strict=True))
        parts.append(axes.curve(points, svg.colour(index)))
    frontier = zip(found.thresholds, found.frontier, strict=True)
    parts.append(axes.curve(frontier, svg.INK, dashed=True))
    parts += axes.frame(x_label=f"Threshold {currency}", y_label="Probability cost-effective")
    return _page(parts, [*_entries(found.strategies, labels), ("Frontier (dashed)", svg.INK)])


def loss_curves(found: Acceptability, labels: Mapping[str, str], currency: str) -> str:
    """Expected loss of each strategy by threshold; the lowest curve is the EVPI."""
    axes = _threshold_axes(found, (0.0, float(found.expected_loss.max()) * 1.05 or 1.0))
    parts = [svg.text(LEFT, 22, "Expected loss", size=14, weight="bold")]
    for index in range(len(found.strategies)):
        points = list(zip(found.thresholds, found.expected_loss[:, index], strict=True))
        parts.append(axes.curve(points, svg.colour(index)))
    parts += axes.frame(
        x_label=f"Threshold {currency}", y_label=f"Expected loss per person {currency}"
    )
    return _page(parts, _entries(found.strategies, labels))


def evpi_curve(found: Acceptability, currency: str) -> str:
    """Expected value of perfect information per person by threshold, with 95% limits."""
    top = float((found.evpi + 2 * found.standard_error).max()) * 1.05 or 1.0
    axes = _threshold_axes(found, (0.0, top))
    upper = list(zip(found.thresholds, found.evpi + 1.96 * found.standard_error, strict=True))
    low = np.maximum(found.evpi - 1.96 * found.standard_error, 0.0)
    lower = list(zip(found.thresholds, low, strict=True))
    title = "Expected value of perfect information per person"
    parts = [svg.text(LEFT, 22, title, size=14, weight="bold")]
    parts.append(axes.area(upper + lower[::-1], "#D6E6F2"))
    parts.append(axes.curve(zip(found.thresholds, found.evpi, strict=True), svg.colour(0)))
    parts += axes.frame(x_label=f"Threshold {currency}", y_label=f"EVPI {currency}")
    return _page(parts, [("EVPI", svg.colour(0)), ("95% Monte Carlo limits", "#D6E6F2")])


def tornado(rows: Sequence[tuple[str, float, float]], base: float, title: str, label: str) -> str:
    """Bars of the outcome at the low and high value of each input, the widest on top.

    Args:
        rows: (input, outcome at its low value, outcome at its high value).
        base: outcome at the base values.
        title: above the picture.
        label: of the outcome axis.
    """
    ordered = sorted(rows, key=lambda row: -abs(row[2] - row[1]))
    left, bar = 250, 20
    height = bar * max(len(ordered), 1)
    values = [base, *(value for _, low, high in ordered for value in (low, high))]
    axes = svg.Axes(
        left, TOP, WIDTH - left + 60, height, svg.padded(values), (float(len(ordered) or 1), 0.0)
    )
    parts = [svg.text(MARGIN_LEFT, 22, title, size=14, weight="bold")]
    for number, (name, low, high) in enumerate(ordered):
        top, bottom = number + 0.15, number + 0.85
        parts.append(axes.rectangle((base, top), (low, bottom), svg.colour(0)))
        parts.append(axes.rectangle((base, top), (high, bottom), svg.colour(1)))
        y = axes.y(number + 0.5) + 3.5
        parts.append(svg.text(left - 8, y, svg.cut(name, 40), size=10, anchor="end"))
    parts.append(svg.line(axes.x(base), axes.top, axes.x(base), axes.top + axes.height))
    parts += axes.frame(y_ticks=(), x_label=label)
    entries = [("at the low value", svg.colour(0)), ("at the high value", svg.colour(1))]
    return _page(parts, entries, width=WIDTH + 84, bottom=TOP + height + 44)


def decision_map(
    x: Sequence[float],
    y: Sequence[float],
    best: Sequence[Sequence[int]],
    names: Sequence[str],
    labels: tuple[str, str, str],
) -> str:
    """Which strategy is best in each cell of a grid.

    Args:
        x: values across, ascending.
        y: values up, ascending.
        best: best[i][j] is the index in ``names`` of the best strategy at y[i], x[j].
        names: words for the strategies.
        labels: title, x label, y label.
    """
    x_edges, y_edges = _edges(x), _edges(y)
    axes = svg.Axes(
        LEFT,
        TOP,
        WIDTH - LEFT - 24,
        HEIGHT,
        (float(x_edges[0]), float(x_edges[-1])),
        (float(y_edges[0]), float(y_edges[-1])),
    )
    parts = [svg.text(LEFT, 22, labels[0], size=14, weight="bold")]
    for i, row in enumerate(best):
        for j, index in enumerate(row):
            corner, opposite = (x_edges[j], y_edges[i]), (x_edges[j + 1], y_edges[i + 1])
            parts.append(axes.rectangle(corner, opposite, svg.colour(index)))
    parts += axes.frame(x_label=labels[1], y_label=labels[2])
    shown = sorted({index for row in best for index in row})
    return _page(parts, [(names[index], svg.colour(index)) for index in shown])


def _edges(values: Sequence[float]) -> Floats:
    """Cell borders halfway between the values of a grid."""
    centres = np.asarray(values, dtype=float)
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate(([first], middle, [last]))


def _threshold_line(axes: svg.Axes, threshold: float) -> list[str]:
    """The part of cost = threshold x effect that lies inside the axes."""
    x = np.linspace(*axes.x_range, 400)
    inside = (threshold * x >= axes.y_range[0]) & (threshold * x <= axes.y_range[1])
    points = [(float(v), float(threshold * v)) for v in x[inside]]
    return [axes.curve(points, svg.LINE, dashed=True)] if len(points) > 1 else []


def _threshold_axes(found: Acceptability, y_range: tuple[float, float]) -> svg.Axes:
    low, high = float(found.thresholds.min()), float(found.thresholds.max())
    return svg.Axes(
        LEFT, TOP, WIDTH - LEFT - 24, HEIGHT, (low, high if high > low else low + 1), y_range
    )


def _entries(strategies: Sequence[str], labels: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(labels.get(name, name), svg.colour(i)) for i, name in enumerate(strategies)]


def _page(
    parts: list[str],
    entries: Sequence[tuple[str, str]],
    *,
    width: float = WIDTH,
    bottom: float = TOP + HEIGHT + 44,
) -> str:
    keys, height = svg.legend(entries, width, bottom)
    return svg.page(width, bottom + height + 8, parts + keys)
