"""How exact a microsimulation is: standard errors, when to stop, what they add to a PSA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.outcomes import Outcomes
from heecon.engine.moments import Moments, MonteCarlo
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model.definition import Model

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean over simulated people and its standard error.

    Attributes:
        strategy: whose.
        comparator: what it is over; empty when it is no increment.
        quantity: outcome, "total_cost", "total_qaly", "total_life_year", or "nmb".
        threshold: of "nmb"; else None.
        discounted: whether it is.
        mean: per person.
        error: Monte Carlo standard error of the mean.
    """

    strategy: str
    comparator: str
    quantity: str
    threshold: float | None
    discounted: bool
    mean: float
    error: float


def estimates(evaluation: Evaluation) -> tuple[Estimate, ...]:
    """Every estimate of a microsimulation with its error: outcomes, totals, increments, NMB.

    Raises:
        InputError: the run was a cohort's, or had several draws.
    """
    result, errors = evaluation.result, errors_of(evaluation)
    rows = []
    for at, discounted in enumerate((False, True)):
        cube = (result.discounted if discounted else result.undiscounted)[0].sum(axis=2)
        for s, strategy in enumerate(result.strategies):
            for o, outcome in enumerate(result.outcomes):
                mean, error = float(cube[s, o]), float(errors.outcome[0, s, o, at])
                rows.append(Estimate(strategy, "", outcome.name, None, discounted, mean, error))
            for kind in ("cost", "qaly", "life_year"):
                mean = float(result.total(kind, discounted=discounted)[0, s])
                error = float(errors.kind[kind][0, s, at])
                rows.append(Estimate(strategy, "", f"total_{kind}", None, discounted, mean, error))
    return (*rows, *_decision(evaluation, errors))


def _decision(evaluation: Evaluation, errors: MonteCarlo) -> list[Estimate]:
    """Discounted increments over the comparator and net benefit at the model's thresholds."""
    result, comparator = evaluation.result, evaluation.comparator
    reference = result.strategies.index(comparator)
    cost, qaly = result.total("cost")[0], result.total("qaly")[0]
    rows = []
    for s, strategy in enumerate(result.strategies):
        for threshold in evaluation.model.settings.thresholds:
            mean, error = threshold * qaly[s] - cost[s], errors.net_benefit(s, threshold)[0]
            rows.append(Estimate(strategy, "", "nmb", threshold, True, float(mean), float(error)))
        if s == reference:
            continue
        increments = {"total_cost": cost, "total_qaly": qaly}
        for at, (name, amounts) in enumerate(increments.items()):
            mean, error = amounts[s] - amounts[reference], errors.increment(s, reference)[0, at]
            found = Estimate(strategy, comparator, name, None, True, float(mean), float(error))
            rows.append(found)
        for threshold in evaluation.model.settings.thresholds:
            mean = threshold * (qaly[s] - qaly[reference]) - (cost[s] - cost[reference])
            error = errors.increment(s, reference, threshold)[0, 2]
            found = Estimate(
                strategy, comparator, "nmb", threshold, True, float(mean), float(error)
            )
            rows.append(found)
    return rows


def errors_of(evaluation: Evaluation) -> MonteCarlo:
    """The errors of a run.

    Raises:
        InputError: the run was a cohort's, or had several draws.
    """
    errors = evaluation.result.monte_carlo
    if errors is None:
        what = "a cohort is exact: it has no Monte Carlo error"
        raise InputError(Problem("engine", what, 'Run with engine = "microsim"'))
    if evaluation.result.draws > 1:
        what = f"the run has {evaluation.result.draws} draws"
        raise InputError(Problem("draws", what, "Use variance_shares for draws of parameters"))
    return errors


def until_error(
    model: Model, threshold: float, error: float, comparator: str | None = None
) -> Callable[[Moments], bool]:
    """A rule for ``engine.individual_run.Options.enough``: stop when increments are exact enough.

    Args:
        model: the model.
        threshold: amount per QALY.
        error: largest Monte Carlo standard error any increment of net monetary benefit may have
            (of net benefit itself, when there is one strategy).
        comparator: what increments are over; the model's, or the first strategy, if None.

    Raises:
        InputError: the error is not positive, or the comparator is unknown.
    """
    strategies = list(model.strategies)
    if not (error > 0 and np.isfinite(error)):
        raise InputError(Problem("--until-se", f"an error of {error}", "Give an amount above 0"))
    chosen = comparator or model.settings.comparator or strategies[0]
    if chosen not in strategies:
        remedy = names.did_you_mean(chosen, strategies)
        raise InputError(Problem("comparator", f"unknown strategy '{chosen}'", remedy))
    reference = strategies.index(chosen)

    def enough(moments: Moments) -> bool:
        if moments.count < 2:
            return False
        found = MonteCarlo(moments.count, 0, np.empty(0), {}, moments.covariance()[None])
        if len(strategies) == 1:
            return bool(found.net_benefit(0, threshold)[0] <= error)
        largest = max(
            found.increment(s, reference, threshold)[0, 2] for s in range(len(strategies))
        )
        return bool(largest <= error)

    return enough


@dataclass(frozen=True)
class VarianceShare:
    """Where the spread of a quantity over the draws of a PSA comes from.

    Attributes:
        strategy: whose.
        comparator: what it is over; empty when it is no increment.
        quantity: "cost", "effect" or "nmb".
        threshold: amount per unit of effect of an "nmb"; else None.
        variance: over the draws.
        simulation: the part due to simulating a finite number of people in each draw.
        parameter: the rest, due to the parameters; not below 0.
        share: of the simulation, 0 to 1.
    """

    strategy: str
    comparator: str
    quantity: str
    threshold: float | None
    variance: float
    simulation: float
    parameter: float
    share: float


def variance_shares(
    outcomes: Outcomes, threshold: float, comparator: str | None = None
) -> tuple[VarianceShare, ...]:
    """What of the variance over draws is parameter uncertainty, and what Monte Carlo noise.

    The draws have independent people, so the variance of an estimate over the draws is that of its
    expectation plus, on average, the squared Monte Carlo error. More people in each draw shrink
    the second only (O'Hagan, Stevenson and Madan 2007, Health Economics 16:1009).

    Args:
        outcomes: of a PSA by microsimulation, at least two draws.
        threshold: amount per unit of effect.
        comparator: what increments are over; the model's if None.

    Raises:
        InputError: the draws are exact, or there is one.
    """
    noise = outcomes.simulation
    if noise is None or outcomes.draws < 2:
        what = "the draws are exact" if noise is None else "one draw has no spread"
        raise InputError(Problem("draws", what, "Run a PSA with the microsimulation"))
    count = len(outcomes.strategies)
    reference = outcomes.index(comparator or outcomes.reference)
    both = np.column_stack([outcomes.cost, outcomes.effect])
    rows = []
    for s, strategy in enumerate(outcomes.strategies):
        for against in ("", outcomes.strategies[reference]):
            if against == strategy:
                continue
            cost, effect = np.zeros(2 * count), np.zeros(2 * count)
            cost[s], effect[count + s] = 1.0, 1.0
            if against:
                cost[reference] -= 1.0
                effect[count + reference] -= 1.0
            weights = {"cost": cost, "effect": effect, "nmb": threshold * effect - cost}
            for quantity, w in weights.items():
                variance = float((both @ w).var(ddof=1))
                own = float(w @ noise @ w)
                share = min(own / variance, 1.0) if variance > 0.0 else 0.0
                rest = max(variance - own, 0.0)
                level = threshold if quantity == "nmb" else None
                rows.append(
                    VarianceShare(strategy, against, quantity, level, variance, own, rest, share)
                )
    return tuple(rows)
