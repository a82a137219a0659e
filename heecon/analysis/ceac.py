"""Acceptability curves and frontier, expected loss and expected value of perfect information.

All from the draws of net monetary benefit. Ties are split exactly: strategies whose net benefit is
equal in a draw share it, and no tolerance decides what is equal.

Sources: Fenwick, Claxton, Sculpher 2001 Health Econ 10:779 (curve and frontier); Alarid-Escudero
2019 Value in Health 22:611 (expected loss); Briggs, Claxton, Sculpher 2006 chapter 6 (EVPI).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.outcomes import Outcomes, checked_thresholds
from heecon.arrays import Floats
from heecon.errors import InputError, Problem
from heecon.table import Column, Table


@dataclass(frozen=True)
class CEAC:
    """Decision uncertainty over a grid of thresholds.

    Attributes:
        thresholds: (grid,).
        probability: (grid, strategies) share of the draws a strategy has the highest net benefit.
        expected_loss: (grid, strategies) expected net benefit forgone by choosing a strategy.
        optimal: (grid, strategies) True where the expected net benefit is highest: the frontier.
        evpi: (grid,) expected value of perfect information per person.
        standard_error: (grid,) Monte Carlo standard error of ``evpi``; 0 for a single draw, which
            says nothing about it.
    """

    strategies: tuple[str, ...]
    thresholds: Floats
    probability: Floats
    expected_loss: Floats
    optimal: NDArray[np.bool_]
    evpi: Floats
    standard_error: Floats

    @property
    def frontier(self) -> Floats:
        """Probability of being cost-effective of the optimal strategy, (grid,).

        Where several are optimal, the one with the highest probability counts.
        """
        return np.asarray(np.where(self.optimal, self.probability, -1.0).max(axis=1))

    def table(self, population: float | None = None) -> Table:
        """One row a threshold and strategy.

        Args:
            population: people the decision affects; None leaves their value empty.
        """
        evpi = self.evpi.tolist()
        everybody = [None if population is None else value * population for value in evpi]
        return Table.crossed(
            "psa_curves",
            "Acceptability, frontier, expected loss and EVPI",
            Column("threshold", "Willingness to pay", self.thresholds.tolist(), "money"),
            Column("strategy", "Strategy", self.strategies),
            [
                column("probability", "P(cost-effective)", self.probability, "probability"),
                column("on_frontier", "On the frontier", self.optimal, "mark"),
                column("expected_loss", "Expected loss", self.expected_loss, "cents"),
                Column("evpi", "EVPI", evpi, "cents"),
                Column("evpi_error", "Its error", self.standard_error.tolist(), "cents"),
                Column("evpi_population", "EVPI of the population", everybody, "money"),
            ],
        )


def column(name: str, label: str, values: NDArray[Any], how: str) -> Column:
    """An array of any shape as a column, its last axis fastest."""
    return Column(name, label, values.ravel().tolist(), how)


def ceac(outcomes: Outcomes, thresholds: Sequence[float] | None = None) -> CEAC:
    """Everything about the decision at each threshold.

    Args:
        outcomes: draws of cost and effect.
        thresholds: amounts per unit of effect; the model's own if None.

    Raises:
        InputError: there is no threshold.
    """
    grid = checked_thresholds(outcomes, thresholds)
    rows = [_at(outcomes.nmb(threshold)) for threshold in grid]
    probability, loss, optimal, evpi, error = (np.array(part) for part in zip(*rows, strict=True))
    return CEAC(outcomes.strategies, np.array(grid), probability, loss, optimal, evpi, error)


def _at(nmb: Floats) -> tuple[Floats, Floats, NDArray[np.bool_], float, float]:
    best = nmb.max(axis=1)
    winners = nmb == best[:, None]
    probability = (winners / winners.sum(axis=1, keepdims=True)).mean(axis=0)
    forgone = best[:, None] - nmb
    loss = forgone.mean(axis=0)
    expected = nmb.mean(axis=0)
    optimal = expected == expected.max()
    regret = forgone[:, int(expected.argmax())]
    spread = regret.std(ddof=1) if len(regret) > 1 else 0.0
    return probability, loss, optimal, float(loss.min()), float(spread / np.sqrt(len(regret)))


def population_size(yearly: float, years: float, rate: float) -> float:
    """People whom a decision affects: so many a year, for so many years, discounted.

    The first year's people are not discounted; whole years, and the share of a last one, count.

    Args:
        yearly: people a year.
        years: how long the decision stands.
        rate: discount rate a year.

    Raises:
        InputError: a number is negative, or the sum is not finite.
    """
    found = math.inf
    if yearly >= 0 and 0 <= years < math.inf and rate > -1:
        whole = math.floor(years)
        with suppress(OverflowError):
            growth = math.expm1(-whole * math.log1p(rate))  # (1 + rate)^-whole - 1
            discounted = -growth * (1 + rate) / rate if rate else whole
            found = yearly * (discounted + (years - whole) * (1 + growth))
    if not math.isfinite(found):
        what = f"{yearly:g} people a year for {years:g} years at {rate:g}"
        raise InputError(Problem("population", what, "Give finite amounts of at least 0"))
    return found
