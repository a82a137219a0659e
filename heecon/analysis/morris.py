"""Morris screening: which of many inputs matter at all, for few runs.

Every trajectory moves one factor after another across most of its range and notes how far the
result moves. An elementary effect is that change carried to the whole range (the 95% interval
unless another is asked for), so mu* is in the quantity's own unit: the average change, sign put
aside, when the factor goes from one end to the other. A sigma as large as mu* says that the effect
depends on where the others are, or is not a straight line.

Source: Campolongo, Cariboni, Saltelli 2007 Environmental Modelling and Software 22:1509 (mu*).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from heecon.errors import Diagnostics, InputError, Problem
from heecon.model.definition import Model

LEVELS = 4
"""Points of a factor's range a trajectory may visit."""

INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class MorrisRow:
    """The elementary effects of one factor on one quantity.

    Attributes:
        quantity: what moves.
        factor: what moves it.
        mu_star: mean absolute effect.
        mu: mean effect; None for a group, whose members move both ways at once.
        sigma: standard deviation of the effects; None for a group.
    """

    quantity: Quantity
    factor: Factor
    mu_star: Estimate
    mu: float | None
    sigma: float | None


@dataclass(frozen=True)
class Morris:
    """Results of a screening.

    Attributes:
        rows: by quantity, the largest mu* first.
        trajectories: how many.
        runs: model runs.
        notes: which parameters were varied as one, and what did not vary.
    """

    rows: tuple[MorrisRow, ...]
    trajectories: int
    runs: int
    notes: tuple[str, ...]

    def influential(self, share: float = 0.05) -> tuple[str, ...]:
        """Factors that may matter: what ``run_sobol`` should be given as ``factors``.

        A factor is left out when, for every quantity, even the upper end of its mu* is below
        ``share`` of the largest mu*.
        """
        largest: dict[Quantity, float] = {}
        for row in self.rows:
            largest[row.quantity] = max(largest.get(row.quantity, 0.0), row.mu_star.value)
        kept = [
            row.factor.name
            for row in self.rows
            if row.mu_star.value > 0 and row.mu_star.high >= share * largest[row.quantity]
        ]
        return tuple(dict.fromkeys(kept))


def run_morris(
    model: Model,
    trajectories: int = 50,
    seed: int = 1,
    *,
    factors: Sequence[str] | None = None,
    quantities: Sequence[str] | None = None,
    thresholds: Sequence[float] | None = None,
    comparator: str | None = None,
    strategies: Sequence[str] | None = None,
    interval: tuple[float, float] = INTERVAL,
    resamples: int = 1000,
    level: float = 0.95,
    on_draws: Callable[[int], None] | None = None,
) -> Morris:
    """Screen a model's factors, in trajectories x (factors + 1) model runs.

    Args:
        model: the model.
        trajectories: how many; 10 to 100 are usual.
        seed: any whole number, 0 included.
        factors: what to vary, by name; everything else keeps its base value. All if None.
        quantities: of ``factors.QUANTITIES``.
        thresholds: for net monetary benefit; the model's if None.
        comparator: what increments are against; the model's if None.
        strategies: whose results; all if None.
        interval: probabilities between which each parameter moves.
        resamples: bootstrap resamples.
        level: coverage of the intervals.
        on_draws: called with the number of runs done so far.

    Raises:
        InputError: a number is out of range, a name is unknown, or a factor is named that varies
            only together with others.
    """
    _check(trajectories, interval, resamples, level)
    varied = factors_of(model, factors)
    if not varied:
        raise InputError(Problem("factors", "no factor is named", "Name some, or none for all"))
    check_size(trajectories * (len(varied) + 1), varied)
    points = _design(varied, trajectories, seed, interval)
    outcomes = run_points(model, varied, points, on_draws)
    varying, still = quantities_of(outcomes, quantities, thresholds, comparator, strategies)
    rows: list[MorrisRow] = []
    for quantity, values in varying.items():
        found = _effects(
            varied,
            points,
            values,
            seed=seed,
            interval=interval,
            resamples=resamples,
            level=level,
        )
        rows += sorted(
            (
                MorrisRow(
                    quantity,
                    factor,
                    Estimate(float(star), float(half)),
                    None if factor.group else float(mu),
                    None if factor.group else float(sigma),
                )
                for factor, (star, half, mu, sigma) in zip(varied, found, strict=True)
            ),
            key=lambda row: row.mu_star.value,
            reverse=True,
        )
    notes = (*notes_on(varied), *(f"The {quantity} does not vary." for quantity in still))
    return Morris(tuple(rows), trajectories, len(points), notes)


def _check(trajectories: int, interval: tuple[float, float], resamples: int, level: float) -> None:
    diagnostics = Diagnostics()
    if trajectories < 2:
        what = f"{trajectories} trajectories"
        diagnostics.error("trajectories", what, "Use at least 2")
    if not 0 < interval[0] < interval[1] < 1:
        what = f"{interval} is not an interval of probabilities"
        diagnostics.error("interval", what, "Use one such as (0.025, 0.975)")
    if resamples < 2:
        diagnostics.error("resamples", f"{resamples} resamples", "Use at least 2")
    if not 0 < level < 1:
        diagnostics.error("level", f"{level} is not a level", "Use one such as 0.95")
    diagnostics.raise_if_any()


def _design(
    factors: Sequence[Factor], trajectories: int, seed: int, interval: tuple[float, float]
) -> Floats:
    from SALib.sample import morris  # noqa: PLC0415  (three quarters of a second)

    points: Floats = morris.sample(
        problem_of(factors, *interval),
        trajectories,
        num_levels=LEVELS,
        seed=seed_of(seed, "morris", "design"),
    )
    return points


def _effects(
    factors: Sequence[Factor],
    points: Floats,
    values: Floats,
    *,
    seed: int,
    interval: tuple[float, float],
    resamples: int,
    level: float,
) -> Floats:
    """mu*, half the width of its interval, mu and sigma, one row a factor."""
    from SALib.analyze import morris  # noqa: PLC0415

    found = morris.analyze(
        problem_of(factors, *interval),
        points,
        values,
        num_resamples=resamples,
        conf_level=level,
        num_levels=LEVELS,
        seed=seed_of(seed, "morris", "resamples"),
    )
    columns = ("mu_star", "mu_star_conf", "mu", "sigma")
    return np.column_stack([np.asarray(found[name], dtype=float) for name in columns])
