"""Means and variances over people, gathered block by block in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats


@dataclass(frozen=True)
class Moments:
    """Number, means and sums of products of deviations of some quantities.

    Attributes:
        count: how many people.
        mean: (quantities).
        products: (quantities, quantities) sums of products of deviations from the means, or
            (quantities) of their squares only.
    """

    count: int
    mean: Floats
    products: Floats

    @staticmethod
    def pairs(columns: Sequence[Floats]) -> Moments:
        """Means and all products of columns.

        Each product is a sum of its own, so that it does not depend on how many columns there are.
        """
        mean = np.array([column.mean() for column in columns])
        deviations = [column - m for column, m in zip(columns, mean, strict=True)]
        products = np.empty((len(columns), len(columns)))
        for i, left in enumerate(deviations):
            for j in range(i + 1):
                products[i, j] = products[j, i] = left @ deviations[j]
        return Moments(len(columns[0]), mean, products)

    def merged(self, other: Moments) -> Moments:
        """These people and then others (Chan, Golub and LeVeque 1983, American Statistician)."""
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        square = np.outer(step, step) if self.products.ndim == 2 else step * step
        between = square * (self.count * other.count / count)
        return Moments(count, mean, self.products + other.products + between)

    def covariance(self) -> Floats:
        """Of one person: (quantities, quantities), or the variances."""
        return self.products / max(self.count - 1, 1)


@dataclass(frozen=True)
class MonteCarlo:
    """How far the means over people may be from the expectation.

    All arrays have the draws first. Strategies share random numbers: the error of a
    difference is that of the differences person by person, which is smaller than the errors of its
    two sides suggest.

    Attributes:
        people: how many were simulated in each draw, for each strategy.
        seed: of their random numbers.
        outcome: (draws, strategies, outcomes, 2) standard errors of the outcomes, undiscounted and
            discounted.
        kind: by kind of outcome, (draws, strategies, 2) standard errors of the totals.
        covariance: (draws, 2 strategies, 2 strategies) of one person's discounted costs of all
            strategies, then QALYs of all strategies.
    """

    people: int
    seed: int
    outcome: Floats
    kind: dict[str, Floats]
    covariance: Floats

    def error(self, weights: Floats) -> Floats:
        """Standard error of a weighted sum of the strategies' mean costs and QALYs.

        Args:
            weights: (2 strategies) or (sums, 2 strategies), costs first.

        Returns:
            (draws) or (draws, sums).
        """
        variance = np.einsum("...i,dij,...j->d...", weights, self.covariance, weights)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0) / self.people))

    def increment(self, strategy: int, comparator: int, threshold: float | None = None) -> Floats:
        """Standard errors of a strategy's increments over a comparator.

        Args:
            strategy: its number.
            comparator: the other's.
            threshold: of the incremental net benefit.

        Returns:
            (draws, 2) of cost and QALYs, or (draws, 3) with the net benefit.
        """
        half = self.covariance.shape[1] // 2
        rows = np.zeros((2, 2 * half))
        rows[0, [strategy, comparator]] += [1.0, -1.0]
        rows[1, [half + strategy, half + comparator]] += [1.0, -1.0]
        if strategy == comparator:
            rows[:] = 0.0
        if threshold is not None:
            rows = np.vstack([rows, threshold * rows[1] - rows[0]])
        return self.error(rows)

    def net_benefit(self, strategy: int, threshold: float) -> Floats:
        """Standard error of a strategy's net monetary benefit, (draws)."""
        half = self.covariance.shape[1] // 2
        weights = np.zeros(2 * half)
        weights[strategy], weights[half + strategy] = -1.0, threshold
        return self.error(weights)


def together(parts: Sequence[MonteCarlo]) -> MonteCarlo:
    """The errors of several runs of the same people, one draw after the other."""
    first = parts[0]
    return MonteCarlo(
        first.people,
        first.seed,
        np.concatenate([part.outcome for part in parts]),
        {kind: np.concatenate([part.kind[kind] for part in parts]) for kind in first.kind},
        np.concatenate([part.covariance for part in parts]),
    )
