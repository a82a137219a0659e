"""How exact a microsimulation is: standard errors, when to stop, what they add to a PSA."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.outcomes import Outcomes, check_threshold
from heecon.engine.moments import Moments, MonteCarlo
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model.definition import Model
from heecon.table import Table

_Row = tuple[str, str, str, float | None, bool, float, float]
"""Strategy, comparator, quantity, threshold, whether discounted, mean, standard error."""

FORECAST = 10_000
"""People after whom it is told how many an error needs."""


def estimates(evaluation: Evaluation) -> Table:
    """Every mean of a microsimulation with its standard error: outcomes, totals, increments, NMB.

    Returns:
        The comparator is empty where a mean is no increment; the quantity is an outcome,
        "total_cost", "total_qaly", "total_life_year", or "nmb", which has a threshold.

    Raises:
        InputError: the run was a cohort's, or had several draws.
    """
    result, errors = evaluation.result, errors_of(evaluation)
    rows: list[_Row] = []
    for at, discounted in enumerate((False, True)):
        cube = (result.discounted if discounted else result.undiscounted)[0].sum(axis=2)
        for s, strategy in enumerate(result.strategies):
            for o, outcome in enumerate(result.outcomes):
                mean, error = float(cube[s, o]), float(errors.outcome[0, s, o, at])
                rows.append((strategy, "", outcome.name, None, discounted, mean, error))
            for kind in dict.fromkeys(o.kind for o in result.outcomes if o.kind != "count"):
                mean = float(result.total(kind, discounted=discounted)[0, s])
                error = float(errors.kind[kind][0, s, at])
                rows.append((strategy, "", f"total_{kind}", None, discounted, mean, error))
    return Table.listed(
        "monte_carlo",
        "Monte Carlo errors",
        [*rows, *_decision(evaluation, errors)],
        [
            ("strategy", "Strategy", "text"),
            ("comparator", "Comparator", "text"),
            ("quantity", "Quantity", "text"),
            ("threshold", "Willingness to pay", "money"),
            ("discounted", "Discounted", "text"),
            ("mean", "Mean", ",.4f"),
            ("standard_error", "Standard error", ",.5f"),
        ],
    )


def _decision(evaluation: Evaluation, errors: MonteCarlo) -> list[_Row]:
    """Discounted increments over the comparator and net benefit at the model's thresholds."""
    result, comparator = evaluation.result, evaluation.comparator
    thresholds = evaluation.model.settings.thresholds
    reference = result.strategies.index(comparator)
    cost, qaly = result.total("cost")[0], result.total("qaly")[0]
    rows: list[_Row] = []
    for s, strategy in enumerate(result.strategies):
        found: list[tuple[str, str, float | None, float, float]] = []
        for level in thresholds:
            error = errors.net_benefit(s, level)[0]
            found.append(("", "nmb", level, level * qaly[s] - cost[s], error))
        if s != reference:
            more_cost, more_qaly = cost[s] - cost[reference], qaly[s] - qaly[reference]
            cost_error, qaly_error = errors.increment(s, reference)[0]
            found.append((comparator, "total_cost", None, more_cost, cost_error))
            found.append((comparator, "total_qaly", None, more_qaly, qaly_error))
            for level in thresholds:
                error = errors.increment(s, reference, level)[0, 2]
                found.append((comparator, "nmb", level, level * more_qaly - more_cost, error))
        rows += [
            (strategy, against, quantity, level, True, float(mean), float(error))
            for against, quantity, level, mean, error in found
        ]
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
    model: Model,
    threshold: float,
    error: float,
    comparator: str | None = None,
    on_forecast: Callable[[int], None] | None = None,
) -> Callable[[Moments], bool]:
    """A rule for ``engine.individual_run.Options.enough``: stop when increments are exact enough.

    Args:
        model: the model.
        threshold: amount per QALY.
        error: largest Monte Carlo standard error any increment of net monetary benefit may have
            (of net benefit itself, when there is one strategy).
        comparator: what increments are over; the model's, or the first strategy, if None.
        on_forecast: called once, with how many people will about be needed.

    Raises:
        InputError: the error or the threshold is none, or the comparator is unknown.
    """
    strategies = list(model.strategies)
    check_threshold(threshold)
    if not (error > 0 and np.isfinite(error)):
        raise InputError(Problem("--until-se", f"an error of {error}", "Give an amount above 0"))
    chosen = comparator or model.settings.comparator or strategies[0]
    if chosen not in strategies:
        hint = names.did_you_mean(chosen, strategies)
        raise InputError(Problem("comparator", f"unknown strategy '{chosen}'", hint))
    reference = strategies.index(chosen)

    waiting = [on_forecast] if on_forecast else []

    def enough(moments: Moments) -> bool:
        if moments.count < 2:
            return False
        found = MonteCarlo(moments.count, 0, np.empty(0), {}, moments.covariance()[None])
        if len(strategies) == 1:
            largest = float(found.net_benefit(0, threshold)[0])
        else:
            rows = range(len(strategies))
            largest = max(float(found.increment(s, reference, threshold)[0, 2]) for s in rows)
        if waiting and moments.count >= FORECAST:
            tell = waiting.pop()
            if largest > error:
                tell(math.ceil(moments.count * (largest / error) ** 2))
        return largest <= error

    return enough


def variance_shares(
    outcomes: Outcomes, thresholds: Sequence[float], comparator: str | None = None
) -> Table:
    """What of the variance over draws is parameter uncertainty, and what Monte Carlo noise.

    The draws have independent people, so the variance of an estimate over the draws is that of its
    expectation plus, on average, the squared Monte Carlo error. More people in each draw shrink
    the second only (O'Hagan, Stevenson and Madan 2007, Health Economics 16:1009).

    Args:
        outcomes: of a PSA by microsimulation, at least two draws.
        thresholds: amounts per unit of effect.
        comparator: what increments are over; the model's if None.

    Returns:
        The comparator is empty where a quantity ("cost", "effect" or "nmb") is no increment; the
        part of the parameters is not below 0, the share of the simulation at most 1.

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
    for threshold, s, increment in product(thresholds, range(count), (False, True)):
        if increment and s == reference:
            continue
        cost, effect = np.zeros(2 * count), np.zeros(2 * count)
        cost[s], effect[count + s] = 1.0, 1.0
        if increment:
            cost[reference] -= 1.0
            effect[count + reference] -= 1.0
        whose = outcomes.strategies[s], outcomes.strategies[reference] if increment else ""
        weights = {"cost": cost, "effect": effect, "nmb": threshold * effect - cost}
        for quantity, w in weights.items():
            variance = float((both @ w).var(ddof=1))
            own = float(w @ noise @ w)
            share = min(own / variance, 1.0) if variance > 0.0 else 0.0
            level = threshold if quantity == "nmb" else None
            rows.append((level, *whose, quantity, variance, max(variance - own, 0.0), own, share))
    return Table.listed(
        "psa_variance",
        "Variance over the draws",
        rows,
        [
            ("threshold", "Willingness to pay", "money"),
            ("strategy", "Strategy", "text"),
            ("comparator", "Comparator", "text"),
            ("quantity", "Quantity", "text"),
            ("variance", "Variance", "number"),
            ("parameter", "Of parameters", "number"),
            ("monte_carlo", "Of simulation", "number"),
            ("monte_carlo_share", "Monte Carlo share of variance", "share"),
        ],
    )
