"""Probabilistic sensitivity analysis: run the draws, summarise costs, effects and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.evaluation import run
from heecon.analysis.outcomes import Outcomes
from heecon.engine.cohort import iterate_cohort
from heecon.engine.sampling import sample
from heecon.model.definition import Model

Floats = NDArray[np.float64]

INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class PsaRow:
    """One strategy over the draws, each quantity as (mean, lower, upper), 95% interval.

    Intervals are given of costs, effects and their increments, never of a ratio: an ICER whose
    increments change sign has no meaningful percentiles.
    """

    strategy: str
    cost: tuple[float, float, float]
    effect: tuple[float, float, float]
    incremental_cost: tuple[float, float, float] | None
    incremental_effect: tuple[float, float, float] | None


def run_psa(
    model: Model,
    draws: int = 10_000,
    seed: int = 1,
    method: str = "random",
    *,
    values: Mapping[str, Floats] | None = None,
    on_draws: Callable[[int], None] | None = None,
    on_compile: Callable[[], None] | None = None,
) -> Outcomes:
    """Draw the parameters and run the model for every draw.

    Args:
        model: the model.
        draws: how many.
        seed: any whole number.
        method: see ``sampling.sample``.
        values: draws to use instead of sampling, by parameter key.
        on_draws: called with the number of draws done so far.
        on_compile: called before the kernels are compiled.

    Returns:
        Costs and effects of every draw, together with the draws of the parameters.

    Raises:
        InputError: the draws do not fit the model.
        SimulationError: a draw gives an impossible number; the message names the draw.
    """
    base = run(model, on_compile=on_compile)
    chosen = dict(values) if values is not None else sample(model, draws, seed, method)
    return replace(outcomes_of(model, chosen, on_draws=on_draws), base=base.totals())


def outcomes_of(
    model: Model, values: Mapping[str, Floats], *, on_draws: Callable[[int], None] | None = None
) -> Outcomes:
    """Run a model at given parameter values: what every analysis calls that needs new runs.

    Args:
        model: the model.
        values: parameter key -> one value a draw; parameters left out keep their base value.
        on_draws: called with the number of draws done so far.
    """
    costs, effects, done = [], [], 0
    for result in iterate_cohort(model, values):
        costs.append(result.total("cost"))
        effects.append(result.total("qaly"))
        done += result.draws
        if on_draws is not None:
            on_draws(done)
    return Outcomes(
        strategies=tuple(model.strategies),
        cost=np.concatenate(costs),
        effect=np.concatenate(effects),
        parameters=values,
        labels={name: strategy.label for name, strategy in model.strategies.items()},
        comparator=model.settings.comparator or "",
        thresholds=model.settings.thresholds,
        currency=model.settings.currency,
    )


def summarise(outcomes: Outcomes, comparator: str | None = None) -> tuple[PsaRow, ...]:
    """Means and 95% intervals of costs, effects and increments against the comparator."""
    reference = outcomes.index(comparator or outcomes.reference)
    rows = []
    for index, name in enumerate(outcomes.strategies):
        cost, effect = outcomes.cost[:, index], outcomes.effect[:, index]
        itself = index == reference
        rows.append(
            PsaRow(
                name,
                _interval(cost),
                _interval(effect),
                None if itself else _interval(cost - outcomes.cost[:, reference]),
                None if itself else _interval(effect - outcomes.effect[:, reference]),
            )
        )
    return tuple(rows)


def _interval(values: Floats) -> tuple[float, float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(values.mean()), float(low), float(high)


def default_grid(thresholds: Sequence[float]) -> list[float]:
    """Thresholds for curves: 0 to twice the largest the model names, in forty steps."""
    top = 2 * max(thresholds, default=50_000.0)
    return [top * step / 40 for step in range(41)]
