"""Variance-based sensitivity analysis: Sobol indices of net monetary benefit, cost and effect.

First order: the share of a quantity's variance that would go if a factor were known. Total: the
share that would stay if everything else were known, so a total near zero means the factor may be
fixed. Second order: what two factors explain together beyond each alone. SALib designs the points
and estimates the indices; probabilities become parameter values through heecon's own quantiles.

Sources: Saltelli 2010 Computer Physics Communications 181:259 (estimators); Saltelli 2002, 145:280
(second order). Intervals are bootstrap intervals; the points are a scrambled Sobol sequence, more
even than the independent draws a bootstrap supposes, so the intervals are on the wide side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from heecon.analysis.gsa import (
    Estimate,
    Factor,
    Quantity,
    check_size,
    factors_of,
    notes_on,
    problem_of,
    quantities_of,
    run_points,
)
from heecon.arrays import Floats
from heecon.engine.sampling import seed_of
from heecon.errors import InputError, Problem
from heecon.model.definition import Model

SMALLEST = 32
"""The smallest size the convergence table starts from."""

STEPS = 4
"""Sizes in the convergence table, each twice the one before."""


@dataclass(frozen=True)
class SobolRow:
    """The indices of one factor for one quantity.

    Attributes:
        quantity: what varies.
        factor: what makes it vary.
        size: how many base points the indices are estimated from.
        first: first-order index.
        total: total-order index.
    """

    quantity: Quantity
    factor: Factor
    size: int
    first: Estimate
    total: Estimate


@dataclass(frozen=True)
class SobolPair:
    """The second-order index of two factors for one quantity."""

    quantity: Quantity
    factors: tuple[Factor, Factor]
    second: Estimate


@dataclass(frozen=True)
class Sobol:
    """Results of a variance-based analysis.

    Attributes:
        rows: by quantity, the factor with the largest total index first.
        pairs: second-order indices, if they were asked for, largest first.
        convergence: the indices at increasing sizes; the last size is ``rows``' own.
        size: base points.
        runs: model runs.
        notes: which parameters were varied as one, and what did not vary.
    """

    rows: tuple[SobolRow, ...]
    pairs: tuple[SobolPair, ...]
    convergence: tuple[SobolRow, ...]
    size: int
    runs: int
    notes: tuple[str, ...]


def run_sobol(
    model: Model,
    size: int = 1024,
    seed: int = 1,
    *,
    factors: Sequence[str] | None = None,
    quantities: Sequence[str] | None = None,
    thresholds: Sequence[float] | None = None,
    comparator: str | None = None,
    strategies: Sequence[str] | None = None,
    second_order: bool = False,
    resamples: int = 100,
    level: float = 0.95,
    on_draws: Callable[[int], None] | None = None,
) -> Sobol:
    """Share the variance of a model's results out among its factors.

    It takes size x (factors + 2) model runs, with second order size x (2 factors + 2).

    Args:
        model: the model.
        size: base points; a power of two.
        seed: any whole number, 0 included.
        factors: what to vary, by name; everything else keeps its base value. All if None.
        quantities: of ``factors.QUANTITIES``.
        thresholds: for net monetary benefit; the model's if None.
        comparator: what increments are against; the model's if None.
        strategies: whose results; all if None.
        second_order: estimate the indices of pairs too.
        resamples: bootstrap resamples.
        level: coverage of the intervals.
        on_draws: called with the number of runs done so far.

    Raises:
        InputError: the size is not a power of two or too large, fewer than two factors vary, a
            name is unknown, or a factor is named that varies only together with others.
    """
    if size < 2 or size & (size - 1):
        near = 2 ** max(1, int(np.ceil(np.log2(max(size, 2)))))
        raise InputError(Problem("size", f"{size} is not a power of two", f"Try {near}"))
    _check(resamples, level)
    varied = factors_of(model, factors)
    if len(varied) < 2:
        what = f"{len(varied)} factor varies: there is nothing to share out"
        raise InputError(Problem("factors", what, "Give at least two parameters distributions"))
    block = (2 if second_order else 1) * len(varied) + 2
    check_size(size * block, varied)
    points = _design(varied, size, seed, second_order=second_order)
    outcomes = run_points(model, varied, points, on_draws)
    varying, still = quantities_of(outcomes, quantities, thresholds, comparator, strategies)
    analysis = _Analysis(varied, block, seed, resamples, level)
    rows: list[SobolRow] = []
    pairs: list[SobolPair] = []
    convergence: list[SobolRow] = []
    for quantity, values in varying.items():
        found = analysis.estimate(values)
        rows += sorted(
            analysis.rows(quantity, size, found), key=lambda row: row.total.value, reverse=True
        )
        pairs += sorted(
            analysis.pairs(quantity, found), key=lambda pair: pair.second.value, reverse=True
        )
        for step in _sizes(size):
            # The first points of the sequence are the design of a smaller size.
            part = found if step == size else analysis.estimate_part(values, step)
            convergence += analysis.rows(quantity, step, part)
    notes = (*notes_on(varied), *(f"The {quantity} does not vary." for quantity in still))
    return Sobol(tuple(rows), tuple(pairs), tuple(convergence), size, len(points), notes)


def _check(resamples: int, level: float) -> None:
    if resamples < 2:
        raise InputError(Problem("resamples", f"{resamples} resamples", "Use at least 2"))
    if not 0 < level < 1:
        raise InputError(Problem("level", f"{level} is not a level", "Use one such as 0.95"))


def _sizes(size: int) -> list[int]:
    smaller = [size >> step for step in range(STEPS - 1, 0, -1)]
    return [*(step for step in smaller if step >= SMALLEST), size]


def _design(factors: Sequence[Factor], size: int, seed: int, *, second_order: bool) -> Floats:
    from SALib.sample import sobol  # noqa: PLC0415  (three quarters of a second)

    points = sobol.sample(
        problem_of(factors),
        size,
        calc_second_order=second_order,
        seed=seed_of(seed, "global sensitivity", "design"),
    )
    # The sequence has 30 bits: a 0 stands for anything below 2**-30.
    return np.asarray(np.clip(points, 0.5**31, 1 - 0.5**31))


@dataclass(frozen=True)
class _Analysis:
    """How indices are estimated from the values of a quantity."""

    factors: tuple[Factor, ...]
    block: int
    seed: int
    resamples: int
    level: float

    @property
    def second_order(self) -> bool:
        return self.block > len(self.factors) + 2

    def estimate(self, values: Floats) -> Mapping[str, Any] | None:
        """SALib's indices; None when the values are all the same."""
        from SALib.analyze import sobol  # noqa: PLC0415

        if np.ptp(values) == 0:
            return None
        # SALib takes the seed 0 for no seed, so it is given another number made of the user's.
        seed = seed_of(self.seed, "global sensitivity", "resamples")
        found: Mapping[str, Any] = sobol.analyze(
            problem_of(self.factors),
            values,
            calc_second_order=self.second_order,
            num_resamples=self.resamples,
            conf_level=self.level,
            seed=seed,
        )
        return found

    def estimate_part(self, values: Floats, size: int) -> Mapping[str, Any] | None:
        """First and total indices of the first base points."""
        wanted = [*range(len(self.factors) + 1), self.block - 1]
        part = values.reshape(-1, self.block)[:size, wanted].ravel()
        return replace(self, block=len(wanted)).estimate(part)

    def rows(
        self, quantity: Quantity, size: int, found: Mapping[str, Any] | None
    ) -> list[SobolRow]:
        """First and total indices in the factors' order."""
        if found is None:
            nothing = Estimate(0.0, 0.0)
            return [SobolRow(quantity, factor, size, nothing, nothing) for factor in self.factors]
        return [
            SobolRow(
                quantity,
                factor,
                size,
                Estimate(float(found["S1"][number]), float(found["S1_conf"][number])),
                Estimate(float(found["ST"][number]), float(found["ST_conf"][number])),
            )
            for number, factor in enumerate(self.factors)
        ]

    def pairs(self, quantity: Quantity, found: Mapping[str, Any] | None) -> list[SobolPair]:
        """Second-order indices, if there are any."""
        if found is None or not self.second_order:
            return []
        return [
            SobolPair(
                quantity,
                (self.factors[one], self.factors[other]),
                Estimate(
                    float(found["S2"][one, other]),
                    float(found["S2_conf"][one, other]),
                ),
            )
            for one, other in combinations(range(len(self.factors)), 2)
        ]
