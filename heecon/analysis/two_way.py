"""Two-way analysis: move two inputs over a grid and see which strategy is best where.

The decision is the strategy with the highest net monetary benefit. Strategies whose net benefit
differs by no more than rounding (``NOISE``) are all named.

Source: Briggs 2012 (ISPOR-SMDM 6) Med Decis Making 32:722.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.axis import Axis, axis
from heecon.analysis.outcomes import Outcomes, checked_thresholds
from heecon.analysis.psa import outcomes_of
from heecon.arrays import Floats
from heecon.errors import InputError, Problem
from heecon.model.definition import Model

NOISE = 1e-12
"""A difference in net benefit below this share of the costs and effects behind it is rounding."""

MAX_RUNS = 1_000_000
"""Points a grid may have."""


@dataclass(frozen=True)
class TwoWay:
    """Every strategy at every pair of values of two axes.

    Attributes:
        x: first axis, n points.
        y: second axis, m points.
        threshold: amount per unit of effect.
        strategies: the strategies compared.
        labels: words for them.
        cost: (n, m, strategies) expected discounted cost per person.
        effect: (n, m, strategies) expected discounted QALYs.
        nmb: (n, m, strategies) net monetary benefit.
        optimal: (n, m, strategies) True for the best, and for all that tie with it.
        base_decision: the best strategy, or those that tie, at the base values.
        currency: for headings.
    """

    x: Axis
    y: Axis
    threshold: float
    strategies: tuple[str, ...]
    labels: Mapping[str, str]
    cost: Floats
    effect: Floats
    nmb: Floats
    optimal: NDArray[np.bool_]
    base_decision: tuple[str, ...]
    currency: str = ""

    def decision(self, i: int, j: int) -> tuple[str, ...]:
        """The best strategy, or those that tie, at point i of x and j of y."""
        return _named(self.strategies, self.optimal[i, j])

    def shares(self) -> dict[str, float]:
        """Share of the grid each strategy is best in; ties are split. Not a probability."""
        parts = self.optimal / self.optimal.sum(axis=2, keepdims=True)
        found = parts.mean(axis=(0, 1))
        return {name: float(found[i]) for i, name in enumerate(self.strategies)}


def two_way(
    model: Model,
    x: Axis | str,
    y: Axis | str,
    threshold: float | None = None,
    *,
    strategies: Sequence[str] | None = None,
    steps: int = 21,
    on_draws: Callable[[int], None] | None = None,
) -> TwoWay:
    """Move two inputs over a grid.

    Args:
        model: the model.
        x: an axis, or a parameter key, which is moved over its own range.
        y: the same; nothing may stand on both axes.
        threshold: amount per unit of effect; the model's first if None.
        strategies: the strategies to choose from, two for the decision between them; all if None.
        steps: points on an axis given as a key.
        on_draws: called with the number of runs done so far.

    Raises:
        InputError: an input is unknown, has no range, or moves on both axes; the grid is too large;
            there is no threshold.
        SimulationError: a pair of values makes the model impossible.
    """
    axes = [axis(model, item, steps=steps) if isinstance(item, str) else item for item in (x, y)]
    first, second = axes
    both = sorted(first.values.keys() & second.values.keys())
    if both:
        what = f"'{both[0]}' moves on both axes"
        hint = "Components of one correlation group move together: take one axis outside of it"
        raise InputError(Problem("two-way", what, hint))
    n, m = len(first.ticks), len(second.ticks)
    if n * m > MAX_RUNS:
        what = f"{n} x {m} points are too many"
        raise InputError(Problem("two-way", what, f"At most {MAX_RUNS:,} are run"))
    base = only(outcomes_of(model, {}), strategies)
    level = level_of(base, threshold)
    values = {key: np.repeat(column, m) for key, column in first.values.items()}
    values |= {key: np.tile(column, n) for key, column in second.values.items()}
    runs = only(outcomes_of(model, values, on_draws=on_draws), strategies)
    shape = (n, m, len(runs.strategies))
    return TwoWay(
        x=first,
        y=second,
        threshold=level,
        strategies=runs.strategies,
        labels=runs.labels,
        cost=runs.cost.reshape(shape),
        effect=runs.effect.reshape(shape),
        nmb=runs.nmb(level).reshape(shape),
        optimal=winners(runs, level).reshape(shape),
        base_decision=decisions(base, level)[0],
        currency=runs.currency,
    )


# --- decisions ------------------------------------------------------------------------------------


def only(outcomes: Outcomes, strategies: Sequence[str] | None) -> Outcomes:
    """The outcomes of some strategies.

    Raises:
        InputError: a strategy is unknown, or fewer than two are left.
    """
    if strategies is None:
        return outcomes
    columns = list(dict.fromkeys(outcomes.index(name) for name in strategies))
    if len(columns) < 2:
        what = f"there is nothing to choose from in {list(strategies)}"
        raise InputError(Problem("strategies", what, "Name two or more"))
    return replace(
        outcomes,
        strategies=tuple(outcomes.strategies[i] for i in columns),
        cost=outcomes.cost[:, columns],
        effect=outcomes.effect[:, columns],
    )


def level_of(outcomes: Outcomes, threshold: float | None) -> float:
    """The threshold asked for, or the model's first.

    Raises:
        InputError: there is none, or it is negative.
    """
    return checked_thresholds(outcomes, None if threshold is None else [threshold])[0]


def size_of(outcomes: Outcomes, threshold: float) -> Floats:
    """(runs,) size of the amounts net benefit is made of, against which rounding is judged."""
    amounts = np.abs(outcomes.cost) + threshold * np.abs(outcomes.effect)
    return np.asarray(amounts.max(axis=1))


def winners(outcomes: Outcomes, threshold: float) -> NDArray[np.bool_]:
    """(runs, strategies) True for the highest net benefit, and for all that tie with it."""
    nmb = outcomes.nmb(threshold)
    slack = NOISE * size_of(outcomes, threshold)
    return np.asarray(nmb >= (nmb.max(axis=1) - slack)[:, None])


def decisions(outcomes: Outcomes, threshold: float) -> list[tuple[str, ...]]:
    """The best strategy of each run, or those that tie."""
    return [_named(outcomes.strategies, row) for row in winners(outcomes, threshold)]


def _named(strategies: Sequence[str], mask: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(strategies[int(i)] for i in np.flatnonzero(mask))
