"""Expected value of sample information: what a declared new study is worth, and its best size.

Two ways that share nothing but the draws. *Regression*: simulate the study once for each draw and
regress net benefit on the study's statistics. *Moment matching*: shrink the expected net benefit
given the parameters until its variance is what the study would leave explained; that variance comes
from the posterior after a number of simulated data sets, each by weighting the draws with their
likelihood. Matching keeps the shape that the value has given the parameters, so it is rough for a
study so small that its data can take few values; regression is not.

Sources: Strong, Oakley, Brennan, Breeze 2015 Med Decis Making 35:570 (regression); Heath,
Manolopoulou, Baio 2018 Med Decis Making 38:163 (moment matching); Menzies 2016 Med Decis Making
36:308 (weights); Heath 2020 Med Decis Making 40:314 (comparison).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.evppi import (
    Diagnostics,
    Learned,
    Method,
    columns_of,
    learn,
    multipliers,
)
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.trial import Draws, Likelihood, Trial
from heecon.arrays import Floats
from heecon.engine.sampling import stream
from heecon.errors import InputError, Problem

DATA_SETS = 100
"""Simulated data sets behind moment matching."""


SIZES = (50, 100, 200, 400, 800, 1600)
"""People in each arm of the trials that are valued unless others are named."""


@dataclass(frozen=True)
class Evsi:
    """Expected value of a study of one size.

    Attributes:
        trial: its name.
        n: people in each arm.
        people: people in all arms.
        threshold: amount per unit of effect.
        value: amount per person whom the decision affects.
        standard_error: of ``value``.
        bias: how much such an estimate lies above the truth on average.
        evppi: value of knowing the parameters the study informs exactly, from the same draws.
        evppi_error: its standard error.
        method: "regression" or "moment_matching".
        diagnostics: of the regressions.
        effective_draws: moment matching only: the median effective number of draws behind a
            posterior; below about 100 there are too few draws for so informative a study.
    """

    trial: str
    n: int
    people: int
    threshold: float
    value: float
    standard_error: float
    bias: float
    evppi: float
    evppi_error: float
    method: str
    diagnostics: tuple[Diagnostics, ...]
    effective_draws: float | None = None

    @property
    def noise(self) -> bool:
        """Whether the value is not different from zero."""
        return self.value <= 2 * self.standard_error

    @property
    def contradicts(self) -> bool:
        """Whether the study seems worth more than perfect knowledge, by more than the errors."""
        slack = 2 * float(np.hypot(self.standard_error, self.evppi_error))
        return self.value - self.evppi > slack


@dataclass(frozen=True)
class NetBenefit:
    """Expected net benefit of sampling: the study's value for a population less its cost.

    Attributes:
        n: people in each arm.
        value: population value of the study.
        cost: fixed cost and cost per person in the study.
        enbs: ``value`` less ``cost``.
        standard_error: of ``enbs``.
    """

    n: int
    value: float
    cost: float
    enbs: float
    standard_error: float


def evsi(
    outcomes: Outcomes,
    trial: Trial,
    sizes: Sequence[int],
    threshold: float,
    *,
    method: Literal["regression", "moment_matching"] = "regression",
    fit: Method = "auto",
    seed: int = 1,
) -> tuple[Evsi, ...]:
    """Value of a study at several sizes.

    Args:
        outcomes: draws of costs, effects and parameters.
        trial: the study.
        sizes: people in each arm.
        threshold: amount per unit of effect.
        method: "regression" or "moment_matching".
        fit: how net benefit is regressed, see ``evppi``.
        seed: of the data and of the bootstrap.

    Raises:
        InputError: a parameter was not sampled, a size is not positive, or moment matching is asked
            of a study without a likelihood.
    """
    columns = columns_of(outcomes, trial.parameters)
    draws = {key: outcomes.parameters[key] for key in trial.parameters}
    likelihood = trial.log_likelihood
    if method == "moment_matching" and likelihood is None:
        hint = "Give the trial a log_likelihood, or use regression"
        raise InputError(Problem("method", f"'{trial.name}' has no likelihood", hint))
    perfect = learn(outcomes, columns, threshold, fit, seed)
    found = []
    for n in sizes:
        data = trial.simulate(draws, n, seed)
        effective = None
        if method == "moment_matching" and likelihood is not None:
            learned = perfect
            value, error, bias, effective = _match(
                perfect, partial(_of_data, likelihood, draws, n), data, seed
            )
        else:
            learned = learn(outcomes, data, threshold, fit, seed)
            value, error, bias = learned.value, learned.standard_error, learned.bias
        found.append(
            Evsi(
                trial.name,
                n,
                n * trial.arms,
                threshold,
                value,
                error,
                bias,
                perfect.value,
                perfect.standard_error,
                method,
                learned.diagnostics,
                effective,
            )
        )
    return tuple(found)


def net_benefit_of_sampling(
    found: Sequence[Evsi],
    population: float | None,
    fixed_cost: float,
    cost_per_person: float,
) -> tuple[NetBenefit, ...]:
    """Population value of a study less its cost, at every size; nothing without a population.

    Args:
        found: from ``evsi``.
        population: people the decision affects, see ``ceac.population_size``.
        fixed_cost: cost of the study whatever its size.
        cost_per_person: cost of one person in the study.

    Raises:
        InputError: a cost or population is negative or not finite.
    """
    if population is None:
        return ()
    amounts = ("population", population), ("cost", fixed_cost), ("cost", cost_per_person)
    for name, amount in amounts:
        if not 0 <= amount < math.inf:
            raise InputError(Problem(name, f"{amount}", "Give an amount of at least 0"))
    rows = []
    for entry in found:
        cost, value = fixed_cost + cost_per_person * entry.people, entry.value * population
        error = entry.standard_error * population
        rows.append(NetBenefit(entry.n, value, cost, value - cost, error))
    return tuple(rows)


def check_costs(people: float | None, fixed: float, per_person: float) -> None:
    """Costs of a trial mean nothing without the people whom its result serves.

    Raises:
        InputError: there are costs and no people.
    """
    if people is None and (fixed or per_person):
        what = "the costs of a trial are set against its value for a population"
        raise InputError(Problem("--people", what, "Give --people, or drop the costs"))


def best_size(rows: Sequence[NetBenefit]) -> NetBenefit | None:
    """The size with the highest expected net benefit of sampling; None if none is above 0."""
    best = max(rows, key=lambda row: row.enbs, default=None)
    return best if best is not None and best.enbs > 0 else None


def _match(
    perfect: Learned,
    likelihood: Callable[[Floats], Floats],
    data: Floats,
    seed: int,
) -> tuple[float, float, float, float]:
    """Value, standard error, bias and effective number of draws by moment matching."""
    if not perfect.fits:
        return 0.0, 0.0, 0.0, float(len(data))
    strategies = list(perfect.fits)
    increment = perfect.increment[:, strategies]
    fitted = perfect.fitted[:, strategies]
    chosen = _evenly(fitted[:, int(fitted.var(axis=0).argmax())])
    weights = _posteriors(np.array([likelihood(data[i]) for i in chosen]), chosen)
    left = _covariances(weights, fitted)
    prior = np.atleast_2d(np.cov(fitted.T))

    def value(given: Floats, shrink: Floats, mass: Floats) -> float:
        centre = (mass @ increment) / len(mass)
        matched = centre + (given - (mass @ given) / len(mass)) @ shrink
        return float(mass @ np.maximum(matched.max(axis=1), 0) / len(mass) - max(centre.max(), 0))

    estimate = value(fitted, _shrinkage(prior, left.mean(axis=0)), np.ones(len(fitted)))
    # As in ``evppi`` the regressions and the parameters move together; the data sets move as well.
    generator = stream(seed, "data sets")
    found = []
    for block in multipliers(len(fitted), seed):
        moved = np.stack([perfect.fits[j].perturbed(block) for j in strategies], axis=1)
        for repetition in range(block.shape[1]):
            again = generator.integers(len(left), size=len(left))
            shrink = _shrinkage(prior, left[again].mean(axis=0))
            found.append(value(moved[:, :, repetition], shrink, 1 + block[:, repetition]))
    effective = float(np.median(1 / (weights**2).sum(axis=1)))
    return estimate, float(np.std(found, ddof=1)), float(np.mean(found)) - estimate, effective


def _of_data(likelihood: Likelihood, draws: Draws, n: int, data: Floats) -> Floats:
    return likelihood(data, draws, n)


def _evenly(values: Floats) -> NDArray[np.int64]:
    """Positions of draws spread evenly over the ranks of some values."""
    number = min(DATA_SETS, len(values))
    ranks = ((np.arange(number) + 0.5) * len(values) / number).astype(np.int64)
    return np.argsort(values, kind="stable")[ranks]


def _posteriors(log_likelihoods: Floats, origins: NDArray[np.int64]) -> Floats:
    """Weights of the draws after each data set, (data sets, draws).

    The draw a data set came from is left out: it would make the posterior look too sure.
    """
    log_likelihoods[np.arange(len(origins)), origins] = -np.inf
    weights = np.exp(log_likelihoods - log_likelihoods.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _covariances(weights: Floats, values: Floats) -> Floats:
    """Covariance of values under each row of weights, (rows, columns, columns)."""
    means = weights @ values
    products = (values[:, :, None] * values[:, None, :]).reshape(len(values), -1)
    second = (weights @ products).reshape(len(weights), values.shape[1], -1)
    return np.asarray(second - means[:, :, None] * means[:, None, :])


def _shrinkage(prior: Floats, left: Floats) -> Floats:
    """The matrix that turns deviations with covariance ``prior`` into ones with prior - left."""
    root, inverse = _roots(prior)
    explained, _ = _roots(inverse @ (prior - left) @ inverse)
    return np.asarray(inverse @ explained @ root)


def _roots(matrix: Floats) -> tuple[Floats, Floats]:
    """Symmetric square root of a covariance matrix and its (pseudo-)inverse."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    kept = values > 1e-9 * max(values[-1], 0)
    roots = np.sqrt(np.where(kept, values, 0))
    inverses = np.divide(1, roots, out=np.zeros_like(roots), where=kept)
    return (vectors * roots) @ vectors.T, (vectors * inverses) @ vectors.T
