"""Regression of net benefit on parameters by splines.

A fit is a ridge regression on columns computed from the parameters: columns left free (an intercept
and straight lines) and blocks of columns shrunk together. One block
is shrunk by the amount that minimises generalised cross-validation, several by restricted maximum
likelihood. A fit so written has an exact effective number of parameters, and its sampling error can
be simulated at the price of one matrix product.

Sources: Wand, Ormerod 2008 Aust N Z J Stat 50:179 (splines as ridge regression); Wood, Fasiolo 2017
Biometrics 73:1071 (update of the shrinkage); Strong, Oakley, Brennan 2014 Med Decis Making 34:311
(splines for EVPPI); Kim, Gu 2004 J R Stat Soc B 66:337 (overhead).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.arrays import Floats

KNOTS = 20
"""Inner knots of the spline of one parameter."""

MARGIN = 4
"""Columns of each parameter that enter products of two: a line and the smoothest curves."""

OVERHEAD = 1.4
"""How much cross-validation charges for a parameter: above 1, against finding patterns in noise."""

BINS = 20
"""Groups of draws in which residuals should average to zero."""


@dataclass(frozen=True)
class Basis:
    """Columns a regression may use.

    Attributes:
        columns: (draws, columns); the first is the intercept.
        block: (columns,) -1 for a free column, else the number of its block.
    """

    columns: Floats
    block: NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """A fitted regression.

    Attributes:
        fitted: (draws,) expected outcome given the parameters.
        residual: (draws,) outcome minus ``fitted``.
        columns: (draws, columns) of the basis.
        inverse: (columns, columns) inverse of the penalised cross-product.
        edf: effective number of parameters, the intercept included.
        r_squared: share of the outcome's variance that is explained.
    """

    fitted: Floats
    residual: Floats
    columns: Floats
    inverse: Floats
    edf: float
    r_squared: float

    def perturbed(self, multipliers: Floats) -> Floats:
        """Fits to the outcome with its residuals multiplied: a bootstrap without refitting.

        Args:
            multipliers: (draws, repetitions) independent numbers with mean 0 and variance 1.

        Returns:
            (draws, repetitions)
        """
        count = len(self.residual)
        scaled = self.residual * np.sqrt(count / max(count - self.edf, 1.0))
        noise = self.columns.T @ (scaled[:, None] * multipliers)
        return np.asarray(self.fitted[:, None] + self.columns @ (self.inverse @ noise))


def independent(columns: Floats) -> Floats:
    """Standardised columns without constants and without those the others determine.

    The shares of a Dirichlet block sum to one: the last one says nothing new.

    Args:
        columns: (draws, parameters).

    Returns:
        (draws, up to parameters) with mean 0 and standard deviation 1.
    """
    spread = columns.std(axis=0)
    varies = spread > 1e-12 * np.abs(columns).max(axis=0)
    centred = (columns[:, varies] - columns[:, varies].mean(axis=0)) / spread[varies]
    kept: list[int] = []
    for index in range(centred.shape[1]):
        column = centred[:, index]
        if kept:
            others = centred[:, kept]
            column = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
        if np.sqrt((column**2).mean()) > 1e-6:
            kept.append(index)
    return np.asarray(centred[:, kept])


def spline_basis(columns: Floats) -> Basis:
    """Cubic splines of each parameter and products of two.

    Args:
        columns: (draws, parameters) from ``independent``.
    """
    count, width = columns.shape
    parts = [np.ones((count, 1)), columns]
    blocks = [np.full(1 + width, -1)]
    margins = []
    for index in range(width):
        curves = _curves(columns[:, index])
        parts.append(curves)
        blocks.append(np.full(curves.shape[1], index))
        margins.append(np.column_stack([columns[:, index], curves[:, : MARGIN - 1]]))
    for first in range(width):
        for second in range(first + 1, width):
            products = margins[first][:, :, None] * margins[second][:, None, :]
            parts.append(products.reshape(count, -1))
            blocks.append(np.full(parts[-1].shape[1], width))
    return Basis(np.hstack(parts), np.concatenate(blocks))


def _curves(x: Floats) -> Floats:
    """Columns spanning the curved part of a cubic smoothing spline, the smoothest first.

    They are scaled so that the sum of squared coefficients is the integrated squared second
    derivative, and they are orthogonal to straight lines.
    """
    from scipy.interpolate import BSpline  # noqa: PLC0415  (a third of a second)

    values = np.unique(x)
    if len(values) < 3:
        return np.empty((len(x), 0))
    inner = np.unique(np.quantile(values, np.linspace(0, 1, min(KNOTS, len(values) - 2) + 2)))
    knots = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
    size = len(knots) - 4
    raw = BSpline.design_matrix(x, knots, 3).toarray()
    # Second derivatives are straight between knots, so Simpson's rule integrates squares exactly.
    middle, width = (inner[1:] + inner[:-1]) / 2, np.diff(inner)
    second = BSpline(knots, np.eye(size), 3).derivative(2)
    penalty = np.zeros((size, size))
    for points, weight in ((inner[:-1], 1 / 6), (middle, 4 / 6), (inner[1:], 1 / 6)):
        slopes = second(points)
        penalty += slopes.T @ ((width * weight)[:, None] * slopes)
    roots, vectors = np.linalg.eigh(penalty)
    used = np.flatnonzero(roots > 1e-9 * roots[-1])
    curves = raw @ (vectors[:, used] / np.sqrt(roots[used]))
    line = np.column_stack([np.ones_like(x), x])
    return np.asarray(curves - line @ np.linalg.lstsq(line, curves, rcond=None)[0])


def fit(basis: Basis, outcome: Floats) -> Fit:
    """Fit an outcome; how much each block is shrunk is chosen from the data.

    Args:
        basis: columns and blocks.
        outcome: (draws,).
    """
    centre, spread = outcome.mean(), outcome.std()
    scaled = (outcome - centre) / (spread if spread > 0 else 1.0)
    cross = basis.columns.T @ basis.columns
    target = basis.columns.T @ scaled
    choose = _by_cross_validation if basis.block.max() == 0 else _by_likelihood
    shrinkage = choose(basis, cross, target, float(scaled @ scaled))
    inverse = _inverse(cross, shrinkage)
    fitted = basis.columns @ (inverse @ target)
    edf = float((inverse * cross).sum())
    explained = 1 - float(((scaled - fitted) ** 2).mean()) if spread > 0 else 0.0
    fitted = centre + spread * fitted
    return Fit(fitted, outcome - fitted, basis.columns, inverse, edf, explained)


def _inverse(cross: Floats, shrinkage: Floats) -> Floats:
    """Inverse of the penalised cross-product, after scaling its diagonal to one."""
    matrix = cross + np.diag(shrinkage)
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    both = np.outer(scale, scale)
    return np.asarray(np.linalg.inv(matrix * both + 1e-12 * np.eye(len(cross))) * both)


def _by_cross_validation(basis: Basis, cross: Floats, target: Floats, square: float) -> Floats:
    """The shrinkage of a single block with the least generalised cross-validation score."""
    count = len(basis.columns)
    free = basis.block < 0
    # What the free columns leave of the block; its principal axes are fitted one by one.
    solved = np.linalg.solve(cross[np.ix_(free, free)], cross[np.ix_(free, ~free)])
    solved_target = np.linalg.solve(cross[np.ix_(free, free)], target[free])
    roots, vectors = np.linalg.eigh(
        cross[np.ix_(~free, ~free)] - cross[np.ix_(~free, free)] @ solved
    )
    roots = np.maximum(roots, 0)
    along = vectors.T @ (target[~free] - solved.T @ target[free])
    unexplained = square - target[free] @ solved_target
    amounts = roots.max() * np.logspace(-12, 6, 181)
    scores = []
    for amount in amounts:
        kept = roots / (roots + amount)
        used = OVERHEAD * (free.sum() + kept.sum())
        gain = (along**2 * (roots + 2 * amount) / (roots + amount) ** 2).sum()
        scores.append((unexplained - gain) / (count - used) ** 2 if used < count else np.inf)
    return np.where(free, 0.0, amounts[int(np.argmin(scores))])


def _by_likelihood(basis: Basis, cross: Floats, target: Floats, square: float) -> Floats:
    """The shrinkage of each block by restricted maximum likelihood."""
    count = len(basis.columns)
    members = [basis.block == block for block in range(int(basis.block.max()) + 1)]
    shrinkage = np.zeros(len(cross))
    for member in members:
        shrinkage[member] = cross.diagonal()[member].mean() if member.any() else 0.0
    ceiling = 1e8 * shrinkage
    for _ in range(100):
        inverse = _inverse(cross, shrinkage)
        beta = inverse @ target
        left = square - 2 * beta @ target + beta @ cross @ beta
        variance = max(left / max(count - (inverse * cross).sum(), 1.0), 1e-12)
        before = shrinkage.copy()
        for member in members:
            determined = member.sum() - (shrinkage * inverse.diagonal())[member].sum()
            length = max(beta[member] @ beta[member], 1e-300)
            # A block worth less than a hundredth of a parameter is on its way to nothing.
            wanted = variance * determined / length if determined > 0.01 else np.inf
            shrinkage[member] = np.clip(wanted, 1e-16 * ceiling[member], ceiling[member])
        if np.allclose(shrinkage, before, rtol=1e-3, atol=0):
            break
    return shrinkage


def misfit(fit_: Fit, columns: Floats) -> float:
    """Probability of residuals as patterned as these if the regression is right.

    The draws are sorted by each parameter in turn and cut into groups; the means of the residuals
    in the groups are compared by an analysis of variance, and the smallest probability is
    multiplied by the number of parameters (Bonferroni). Below 0.01 the fit is doubtful.

    Args:
        fit_: the regression.
        columns: (draws, parameters) from ``independent``.
    """
    from scipy.special import fdtrc  # noqa: PLC0415

    count, width = columns.shape
    groups = min(BINS, count // 10)
    within = float(fit_.residual @ fit_.residual)
    if groups < 3 or within <= 0:
        return 1.0
    smallest = 1.0
    for index in range(width):
        parts = np.array_split(fit_.residual[np.argsort(columns[:, index], kind="stable")], groups)
        between = sum(part.sum() ** 2 / len(part) for part in parts)
        ratio = (between / (groups - 1)) / ((within - between) / (count - groups))
        smallest = min(smallest, float(fdtrc(groups - 1, count - groups, ratio)))
    return float(min(smallest * width, 1.0))
