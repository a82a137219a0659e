"""Matrices of correlations and covariances: the nearest possible one, and its root."""

from __future__ import annotations

import numpy as np

from heecon.arrays import Floats

SMALLEST = 1e-8
"""Smallest eigenvalue of a matrix that is used: normal scores need its Cholesky factor."""

REPORTED = 1e-6
"""Changes of a correlation from this on are reported; smaller ones are rounding."""

ROUNDED = 0.01
"""Changes of a correlation up to this are made to a covariance matrix, as printed ones need."""


def nearest_correlation(matrix: Floats, smallest: float = SMALLEST, steps: int = 1000) -> Floats:
    """The correlation matrix nearest to a symmetric one (Frobenius norm), positive definite.

    Alternating projections with Dykstra's correction. The diagonal is exactly one.

    Args:
        matrix: symmetric, ones on the diagonal.
        smallest: smallest eigenvalue of the result.
        steps: at most this many projections.
    """
    current, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(steps):
        before = current
        target = current - correction
        values, vectors = np.linalg.eigh(target)
        possible = (vectors * np.maximum(values, 2 * smallest)) @ vectors.T
        correction = possible - target
        current = (possible + possible.T) / 2
        np.fill_diagonal(current, 1.0)
        if np.abs(current - before).max() < 1e-12:
            break
    low = float(np.linalg.eigvalsh(current).min())
    if low < smallest:
        # Convergence is only linear: the little that is left is taken from all correlations alike.
        share = (smallest - low) / (1 - low)
        current = (1 - share) * current + share * np.eye(len(matrix))
    return np.asarray(current)


def nearest_covariance(matrix: Floats) -> tuple[Floats, float]:
    """The covariance matrix nearest to a symmetric one, and the largest change of a correlation.

    Variances stay as they are, and so does a matrix that is possible, singular or not.
    """
    spread = np.sqrt(np.diag(matrix))
    scale = np.outer(spread, spread)
    given = np.divide(matrix, scale, out=np.zeros_like(matrix), where=scale > 0)
    np.fill_diagonal(given, 1.0)
    if float(np.linalg.eigvalsh(given).min()) >= -1e-14:
        return matrix, 0.0
    found = nearest_correlation(given, smallest=0.0)
    return found * scale, float(np.abs(found - given).max())


def root(matrix: Floats) -> Floats:
    """The lower triangle whose square is a covariance matrix, which may be singular."""
    try:
        return np.asarray(np.linalg.cholesky(matrix))
    except np.linalg.LinAlgError:
        spread = np.sqrt(np.diag(matrix))
        scale = np.where(spread > 0, spread, 1.0)
        values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
        values = np.where(values > 1e-12, values, 0.0)
        upper = np.linalg.qr((vectors * np.sqrt(values)).T)[1]
        return np.asarray(spread[:, None] * upper.T * np.where(np.diag(upper) < 0, -1.0, 1.0))
