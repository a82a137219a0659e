"""Is the number of draws enough? Monte Carlo errors, running means, a rule for stopping.

The errors are those of the estimates, not the uncertainty about the parameters: with more draws
they shrink with the square root of the number, and the intervals of ``psa.summarise`` do not.

Sources: Hatswell 2018 PharmacoEconomics 36:1421 (convergence of net benefit, not of the ICER);
Agresti and Coull 1998 Am Stat 52:119 (error of a proportion near 0 or 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from heecon.analysis.ceac import ceac, column
from heecon.analysis.evaluation import run
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import check_uncertain, outcomes_of
from heecon.arrays import Floats
from heecon.engine.sampling import MAX_DRAWS, sample
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.table import Column, Table


@dataclass(frozen=True)
class Precision:
    """Estimates at one threshold with their Monte Carlo standard errors.

    With a single draw the errors of means are infinite: one draw says nothing about them.

    Attributes:
        threshold: amount per unit of effect.
        draws: number of draws.
        strategies: names, in the order of every array.
        reference: the strategy increments are against.
        nmb: (strategies,) expected net monetary benefit.
        nmb_error: (strategies,) its standard error.
        increment: (strategies,) expected incremental net monetary benefit; 0 for the reference.
        increment_error: (strategies,) its standard error; strategies share draws, so it is
            smaller than the errors of the two net benefits would suggest.
        probability: (strategies,) probability of being cost-effective.
        probability_error: (strategies,) its standard error by Agresti and Coull, never 0.
        evpi: expected value of perfect information per person.
        evpi_error: its standard error.
    """

    threshold: float
    draws: int
    strategies: tuple[str, ...]
    reference: str
    nmb: Floats
    nmb_error: Floats
    increment: Floats
    increment_error: Floats
    probability: Floats
    probability_error: Floats
    evpi: float
    evpi_error: float

    def reaches(self, increment_error: float | None, probability_error: float | None) -> bool:
        """Whether the largest errors are at most those given; None asks nothing."""
        increment = increment_error is None or self.increment_error.max() <= increment_error
        probability = probability_error is None or self.probability_error.max() <= probability_error
        return bool(increment and probability)


@dataclass(frozen=True)
class Stopped:
    """A probabilistic analysis that ran until it was precise enough, or until its limit.

    Attributes:
        outcomes: all draws.
        precision: the errors at the end.
        history: the errors after every batch.
        reached: False when the limit stopped it.
    """

    outcomes: Outcomes
    precision: Precision
    history: tuple[Precision, ...]
    reached: bool


def precision(outcomes: Outcomes, threshold: float, comparator: str | None = None) -> Precision:
    """Monte Carlo errors of net benefit, its increments, P(cost-effective) and EVPI.

    Args:
        outcomes: independent draws ("random"; for other methods the errors are too large).
        threshold: amount per unit of effect.
        comparator: the strategy increments are against; the model's if None.

    Raises:
        InputError: the threshold or the comparator cannot be used.
    """
    reference = comparator or outcomes.reference
    decision = ceac(outcomes, [threshold])
    nmb = outcomes.nmb(threshold)
    increment = nmb - nmb[:, [outcomes.index(reference)]]
    probability = decision.probability[0]
    return Precision(
        threshold,
        outcomes.draws,
        outcomes.strategies,
        reference,
        nmb.mean(axis=0),
        _error(nmb),
        increment.mean(axis=0),
        _error(increment),
        probability,
        _error_of_share(probability, outcomes.draws),
        float(decision.evpi[0]),
        float(decision.standard_error[0]) if outcomes.draws > 1 else math.inf,
    )


def running(
    outcomes: Outcomes, threshold: float, points: int = 100, comparator: str | None = None
) -> Table:
    """Estimates from the first draws only, a row for each number of draws and strategy.

    Args:
        outcomes: the draws, in their order.
        threshold: amount per unit of effect.
        points: how many rows at most, evenly spaced; the last uses every draw.
        comparator: the strategy increments are against; the model's if None.

    Returns:
        Mean net monetary benefit and increment, the standard error of the increment (infinite for
        one draw), the share of the draws with the highest net benefit, and the expected value of
        perfect information.

    Raises:
        InputError: fewer than one point is asked for, or the comparator is unknown.
    """
    if points < 1:
        raise InputError(Problem("points", f"{points} points", "Ask for at least one"))
    count = outcomes.draws
    last = np.unique(np.linspace(0, count, min(points, count) + 1).round().astype(np.int64))[1:]
    nmb = outcomes.nmb(threshold)
    increment = nmb - nmb[:, [outcomes.index(comparator or outcomes.reference)]]
    best = nmb.max(axis=1, keepdims=True)
    winners = nmb == best
    share = winners / winners.sum(axis=1, keepdims=True)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.cumsum(values, axis=0)[last - 1] / last[:, None])

    # Centred before squaring: costs of lives are large against their spread.
    centred = increment - increment.mean(axis=0)
    variance = mean(centred**2) - mean(centred) ** 2
    spare = np.maximum(last - 1, 1)[:, None]
    error = np.where(last[:, None] > 1, np.sqrt(np.maximum(variance, 0) / spare), np.inf)
    evpi = mean(best - nmb).min(axis=1)
    return Table.crossed(
        "psa_convergence",
        "Estimates from the first draws only",
        Column("draws", "Draws", last.tolist(), ",d"),
        Column("strategy", "Strategy", outcomes.strategies),
        [
            column("nmb", "NMB", mean(nmb), "money"),
            column("incremental_nmb", "Incr. NMB", mean(increment), "money"),
            column("incremental_nmb_error", "Its error", error, "cents"),
            column("probability_cost_effective", "P(cost-effective)", mean(share), "probability"),
            column("evpi", "EVPI", evpi, "cents"),
        ],
    )


def until(
    model: Model,
    threshold: float,
    *,
    increment_error: float | None = None,
    probability_error: float | None = None,
    batch: int = 1_000,
    limit: int = 100_000,
    seed: int = 1,
    comparator: str | None = None,
    on_batch: Callable[[Precision], None] | None = None,
) -> Stopped:
    """Run batches of draws until the errors at a threshold are small enough.

    Batches continue the same name-keyed streams, so no draw repeats and the result is that of
    ``run_psa`` with as many draws.

    Args:
        model: the model.
        threshold: amount per unit of effect.
        increment_error: stop when no increment of net monetary benefit has a larger standard error.
        probability_error: stop when no probability of being cost-effective has a larger one.
        batch: draws a batch; the first is also the smallest run.
        limit: draws at most.
        seed: any whole number.
        comparator: the strategy increments are against; the model's if None.
        on_batch: called with the errors after every batch.

    Raises:
        InputError: nothing is asked for, or a number cannot be used.
        SimulationError: a draw gives an impossible number.
    """
    _check_targets(increment_error, probability_error)
    if not 2 <= batch <= limit <= MAX_DRAWS:
        what = f"batches of {batch} draws up to {limit}"
        raise InputError(Problem("draws", what, f"Ask for 2 <= batch <= limit <= {MAX_DRAWS:,}"))
    check_uncertain(model)
    history: list[Precision] = []

    def enough(outcomes: Outcomes) -> bool:
        history.append(precision(outcomes, threshold, comparator))
        if on_batch is not None:
            on_batch(history[-1])
        return history[-1].reaches(increment_error, probability_error)

    outcomes = outcomes_of(model, sample(model, batch, seed))
    while not (reached := enough(outcomes)) and outcomes.draws < limit:
        last = min(outcomes.draws + batch, limit)
        values = sample(model, last, seed, first=outcomes.draws)
        more = outcomes_of(model, values, first_draw=outcomes.draws)
        outcomes = outcomes.followed_by(more)
    whole = replace(outcomes, base=run(model).totals())
    return Stopped(whole, history[-1], tuple(history), reached)


def _error(values: Floats) -> Floats:
    count = len(values)
    if count < 2:
        return np.full(values.shape[1], np.inf)
    return np.asarray(values.std(axis=0, ddof=1) / math.sqrt(count))


def _error_of_share(share: Floats, count: int) -> Floats:
    adjusted = (share * count + 2) / (count + 4)
    return np.asarray(np.sqrt(adjusted * (1 - adjusted) / (count + 4)))


def _check_targets(*targets: float | None) -> None:
    given = [target for target in targets if target is not None]
    if not given:
        hint = "Give increment_error or probability_error"
        raise InputError(Problem("precision", "no precision is asked for", hint))
    bad = [target for target in given if not (target > 0 and math.isfinite(target))]
    if bad:
        raise InputError(Problem("precision", f"an error of {bad[0]}", "Give amounts above 0"))
