"""A Gaussian process, for regressions on more parameters than splines can take together.

Products of splines multiply with the number of parameters; a process takes any number, with a
length scale for each. It is written as columns for the same ridge regression as splines.

Sources: Strong, Oakley, Brennan 2014 Med Decis Making 34:311 (for EVPPI); Rasmussen, Williams 2006
Gaussian Processes for Machine Learning, chapters 5 and 8.
"""

from __future__ import annotations

import numpy as np

from heecon.analysis.regression import Basis
from heecon.arrays import Floats
from heecon.engine.sampling import stream

LANDMARKS = 150
"""Points at which a Gaussian process is anchored."""

LEARNING = 250
"""Draws from which the length scales of a Gaussian process are learnt."""


def process_basis(columns: Floats, outcome: Floats) -> Basis:
    """A Gaussian process with straight lines, anchored at landmarks.

    The covariance is squared exponential with a length scale for every parameter, learnt by
    maximum marginal likelihood from some of the draws.

    Args:
        columns: (draws, parameters) from ``independent``.
        outcome: (draws,) what will be fitted.
    """
    count, width = columns.shape
    order = stream(0, "process").permutation(count)
    scaled = columns / _length_scales(columns[order[:LEARNING]], outcome[order[:LEARNING]])
    landmarks = _spread_out(scaled, min(LANDMARKS, count // 2))
    roots, vectors = np.linalg.eigh(_covariance(landmarks, landmarks))
    used = np.flatnonzero(roots > 1e-8 * roots[-1])
    process = _covariance(scaled, landmarks) @ (vectors[:, used] / np.sqrt(roots[used]))
    block = np.concatenate([np.full(1 + width, -1), np.zeros(len(used), dtype=np.int64)])
    return Basis(np.hstack([np.ones((count, 1)), columns, process]), block)


def _length_scales(columns: Floats, outcome: Floats) -> Floats:
    from scipy.linalg import cho_factor, cho_solve  # noqa: PLC0415
    from scipy.optimize import minimize  # noqa: PLC0415

    count, width = columns.shape
    y = (outcome - outcome.mean()) / (outcome.std() or 1.0)
    lines = 100 * (1 + columns @ columns.T)
    squares = (columns[:, None, :] - columns[None, :, :]) ** 2

    def objective(logs: Floats) -> tuple[float, Floats]:
        """Minus the log marginal likelihood and its gradient in the logs of the scales."""
        precision, signal, noise = np.exp(-2 * logs[:width]), np.exp(logs[-2]), np.exp(logs[-1])
        process = signal * np.exp(-0.5 * squares @ precision)
        factor = cho_factor(process + lines + noise * np.eye(count), lower=True)
        weights = cho_solve(factor, y)
        inverse = cho_solve(factor, np.eye(count))
        difference = inverse - np.outer(weights, weights)
        pulled = difference * process
        scales = np.einsum("ij,ijk->k", pulled, squares) * precision
        slope = 0.5 * np.array([*scales, pulled.sum(), noise * np.trace(difference)])
        # A weak pull of the length scales towards 3 standard deviations keeps them in range.
        pull = logs[:width] - np.log(3.0)
        slope[:width] += pull / 2
        value = 0.5 * y @ weights + np.log(np.diag(factor[0])).sum() + 0.25 * pull @ pull
        return float(value), slope

    bounds = [(np.log(0.2), np.log(50.0))] * width + [(-14.0, 6.0), (-9.0, 3.0)]
    options = {"maxiter": 40}
    # From smooth beginnings alone, waves would be taken for noise.
    found = []
    for scale in (3.0, 0.7 * np.sqrt(width)):
        start = np.array([*np.full(width, np.log(scale)), np.log(0.5), np.log(0.5)])
        found.append(minimize(objective, start, jac=True, bounds=bounds, options=options))
    best = min(found, key=lambda result: float(result.fun))
    return np.asarray(np.exp(best.x[:width]))


def _covariance(first: Floats, second: Floats) -> Floats:
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    return np.asarray(np.exp(-0.5 * np.maximum(squares, 0)))


def _spread_out(points: Floats, number: int) -> Floats:
    """Points chosen one by one, each the farthest from those before it."""
    chosen = [int((points**2).sum(axis=1).argmin())]
    distance = np.full(len(points), np.inf)
    while len(chosen) < number:
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        farthest = int(distance.argmax())
        if distance[farthest] <= 0:
            break
        chosen.append(farthest)
    return points[chosen]
