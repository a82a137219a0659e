"""Expected value of partial perfect information: what learning some parameters exactly is worth.

The estimate is the mean, over the draws, of the highest expected net benefit given the parameters,
less the highest expected net benefit without them; the expectations given the parameters come from
a regression. Its standard error covers the regression and the sampling of the parameters together,
by a multiplier bootstrap of both.

Sources: Strong, Oakley, Brennan 2014 Med Decis Making 34:311 (the regression); Rothery 2020 Value
in Health 23:277 (ISPOR good practice); Chernozhukov, Chetverikov, Kato 2013 Ann Stat 41:2786
(multiplier bootstrap of maxima).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from heecon.analysis.ceac import ceac
from heecon.analysis.gaussian_process import process_basis
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.regression import Fit, fit, independent, misfit, spline_basis
from heecon.arrays import Floats
from heecon.engine.sampling import stream
from heecon.errors import InputError, Problem
from heecon.files import names

Method = Literal["auto", "spline", "process"]

MAX_SPLINE = 6
"""Parameters a spline regression takes together; their products in pairs multiply."""

REPETITIONS = 200
"""Bootstrap repetitions behind a standard error, itself known to about 5%."""

BLOCK_CELLS = 2_000_000
"""Numbers in an array of bootstrap fits."""


@dataclass(frozen=True)
class Diagnostics:
    """How well the increment of one strategy over the best is explained by the parameters.

    Attributes:
        strategy: the strategy.
        r_squared: share of the variance explained; low is normal when other parameters matter.
        edf: effective number of regression parameters.
        misfit: probability of residuals as patterned as these; below 0.01 the fit is doubtful.
    """

    strategy: str
    r_squared: float
    edf: float
    misfit: float


@dataclass(frozen=True)
class Learned:
    """The value of learning something, with the regressions it was read from.

    Attributes:
        value: expected gain per person.
        standard_error: of ``value``.
        bias: how much such an estimate lies above the truth on average, by the bootstrap.
        method: "spline", "process" or "none" (nothing varies, or no strategy ever beats the best).
        best: number of the strategy with the highest expected net benefit.
        increment: (draws, strategies) net benefit over that strategy.
        fits: a regression for each other strategy, by its number.
        diagnostics: one for each regression.
    """

    value: float
    standard_error: float
    bias: float
    method: str
    best: int
    increment: Floats
    fits: Mapping[int, Fit]
    diagnostics: tuple[Diagnostics, ...]

    @property
    def fitted(self) -> Floats:
        """Expected increments given what is learnt, (draws, strategies)."""
        columns = np.repeat(self.increment.mean(axis=0)[None], len(self.increment), axis=0)
        for strategy, found in self.fits.items():
            columns[:, strategy] = found.fitted
        return np.asarray(columns)


@dataclass(frozen=True)
class Evppi:
    """Expected value of partial perfect information of a set of parameters at one threshold.

    Attributes:
        parameters: keys of the parameters.
        threshold: amount per unit of effect.
        value: amount per person whom the decision affects.
        standard_error: of ``value``: sampling and regression together.
        bias: how much such an estimate lies above the truth on average; regressions on few draws
            find patterns in noise.
        evpi: value of perfect information on all parameters, from the same draws.
        method: "spline", "process" or "none" (the parameters do not vary).
        diagnostics: one for each regression.
    """

    parameters: tuple[str, ...]
    threshold: float
    value: float
    standard_error: float
    bias: float
    evpi: float
    method: str
    diagnostics: tuple[Diagnostics, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether a regression left a pattern in its residuals."""
        return any(entry.misfit < 0.01 for entry in self.diagnostics)

    def population(self, size: float) -> tuple[float, float]:
        """Value and standard error for a population; see ``ceac.population_size``."""
        return self.value * size, self.standard_error * size


def evppi(
    outcomes: Outcomes,
    parameters: str | Sequence[str],
    threshold: float,
    *,
    method: Method = "auto",
    seed: int = 1,
) -> Evppi:
    """Value of knowing one or several parameters exactly, by regression on the draws.

    Args:
        outcomes: draws of costs, effects and parameters.
        parameters: a key or several; a correlated block is given by all its keys.
        threshold: amount per unit of effect.
        method: "spline" (up to six parameters), "process" (Gaussian process), or "auto": splines
            where they are possible.
        seed: of the bootstrap.

    Raises:
        InputError: a parameter was not sampled, there are too few draws, or the method does not
            take so many parameters.
    """
    keys = (parameters,) if isinstance(parameters, str) else tuple(parameters)
    decision = ceac(outcomes, [threshold])
    columns = columns_of(outcomes, keys)
    found = learn(outcomes, columns, threshold, method, seed)
    return Evppi(
        keys,
        threshold,
        found.value,
        found.standard_error,
        found.bias,
        float(decision.evpi[0]),
        found.method,
        found.diagnostics,
    )


def rank(
    outcomes: Outcomes,
    threshold: float,
    groups: Mapping[str, Sequence[str]] | None = None,
    *,
    method: Method = "auto",
    seed: int = 1,
) -> tuple[Evppi, ...]:
    """Every sampled parameter on its own and the groups named, the most valuable first.

    Args:
        outcomes: draws of costs, effects and parameters; parameters that do not vary are left out.
        threshold: amount per unit of effect.
        groups: sets of keys to value together, for example the blocks of a model.
        method: see ``evppi``.
        seed: of the bootstrap.

    Raises:
        InputError: no parameter varies, or see ``evppi``.
    """
    if not outcomes.varying:
        what = "no parameter of the draws is known to vary, so nothing can be learnt"
        hint = "Give another program's draws their --parameters" if not outcomes.inputs else ""
        raise InputError(Problem("parameters", what, hint))
    single = [(key,) for key in outcomes.varying]
    sets = [*single, *(tuple(keys) for keys in (groups or {}).values())]
    found = [evppi(outcomes, keys, threshold, method=method, seed=seed) for keys in sets]
    return tuple(sorted(found, key=lambda entry: -entry.value))


def violations(found: Sequence[Evppi], errors: float = 2.0) -> tuple[str, ...]:
    """Sentences on results that contradict each other by more than their errors allow.

    Knowing more is never worth less: EVPI >= EVPPI of a set >= EVPPI of a part of it.

    Args:
        found: results from the same draws.
        errors: how many standard errors a difference may have.
    """
    complaints = []
    for entry in found:
        if entry.value - entry.evpi > errors * entry.standard_error + 1e-9 * entry.evpi:
            complaints.append(
                f"EVPPI of {', '.join(entry.parameters)} is {entry.value:.6g}, above the EVPI of "
                f"{entry.evpi:.6g} at {entry.threshold:g}"
            )
    for part in found:
        for whole in found:
            inside = set(part.parameters) < set(whole.parameters)
            slack = errors * float(np.hypot(part.standard_error, whole.standard_error))
            if inside and part.threshold == whole.threshold and part.value - whole.value > slack:
                complaints.append(
                    f"EVPPI of {', '.join(part.parameters)} is {part.value:.6g}, above that of "
                    f"{', '.join(whole.parameters)}, {whole.value:.6g}, at {part.threshold:g}"
                )
    return tuple(complaints)


def columns_of(outcomes: Outcomes, keys: Sequence[str]) -> Floats:
    """Draws of some parameters, (draws, parameters).

    Raises:
        InputError: no key is given, or one was not sampled.
    """
    if not keys:
        raise InputError(Problem("parameters", "no parameter is named", "Name at least one"))
    unknown = [key for key in keys if key not in outcomes.parameters]
    if unknown:
        hint = names.did_you_mean(unknown[0], outcomes.parameters)
        raise InputError(Problem("parameters", f"'{unknown[0]}' was not sampled", hint))
    return np.column_stack([outcomes.parameters[key] for key in keys])


def learn(
    outcomes: Outcomes, columns: Floats, threshold: float, method: Method, seed: int
) -> Learned:
    """Value of observing some columns before deciding.

    Args:
        outcomes: draws of costs and effects.
        columns: (draws, columns) what would be observed in each draw: parameters, or data.
        threshold: amount per unit of effect.
        method: see ``evppi``.
        seed: of the bootstrap.

    Raises:
        InputError: see ``evppi``.
    """
    nmb = outcomes.nmb(threshold)
    best = int(nmb.mean(axis=0).argmax())
    increment = nmb - nmb[:, [best]]
    observed = independent(columns)
    width = observed.shape[1]
    # A strategy that beats the best one in no draw is not better on average given anything either.
    differing = [j for j in range(len(outcomes.strategies)) if increment[:, j].max() > 0]
    if not width:
        return Learned(0.0, 0.0, 0.0, "none", best, increment, {}, ())
    if outcomes.draws < 10 * (width + 1):
        what = f"{outcomes.draws} draws are too few for {width} parameters"
        raise InputError(Problem("draws", what, f"Run at least {10 * (width + 1)}"))
    if not differing:
        return Learned(0.0, 0.0, 0.0, "none", best, increment, {}, ())
    if method == "spline" and width > MAX_SPLINE:
        what = f"splines of {width} parameters together"
        raise InputError(Problem("method", what, f"Use 'process' for more than {MAX_SPLINE}"))
    chosen = method
    if method == "auto":
        chosen = "spline" if width <= MAX_SPLINE else "process"
    fits: dict[int, Fit] = {}
    basis = spline_basis(observed) if chosen == "spline" else None
    for j in differing:
        fits[j] = fit(basis or process_basis(observed, increment[:, j]), increment[:, j])
    diagnostics = tuple(
        Diagnostics(outcomes.strategies[j], found.r_squared, found.edf, misfit(found, observed))
        for j, found in fits.items()
    )
    value = float(np.maximum(np.max([f.fitted for f in fits.values()], axis=0), 0).mean())
    values = _bootstrap(list(fits.values()), increment[:, differing], seed)
    bias = float(values.mean()) - value
    error = float(values.std(ddof=1))
    return Learned(value, error, bias, chosen, best, increment, fits, diagnostics)


@lru_cache(maxsize=1)  # ranking uses the same weights for every parameter
def multipliers(count: int, seed: int) -> list[Floats]:
    """Weights of the multiplier bootstrap, in blocks (count, repetitions), each with its mirror."""
    size = max(BLOCK_CELLS // count, 1)
    generator = stream(seed, "multiplier bootstrap")
    blocks = []
    left = REPETITIONS // 2
    while left > 0:
        half = generator.standard_normal((count, min(size, left)))
        half -= half.mean(axis=0)
        blocks.append(np.hstack([half, -half]))
        left -= size
    return blocks


def _bootstrap(fits: Sequence[Fit], increment: Floats, seed: int) -> Floats:
    """The value in each repetition."""
    found = []
    for weights in multipliers(len(increment), seed):
        best = np.zeros(weights.shape)
        for entry in fits:
            np.maximum(best, entry.perturbed(weights), out=best)
        with_it = ((1 + weights) * best).mean(axis=0)
        means = increment.mean(axis=0)[:, None] + increment.T @ weights / len(increment)
        found.append(with_it - np.maximum(means.max(axis=0), 0))
    return np.concatenate(found)
