"""Parameters that vary together: Dirichlet rows, multivariate normals, and rows of joint draws.

A block is the set of parameters sharing a ``correlation_group``. Its matrix, where it needs one,
is ``joint/<group>.csv`` in the model's folder: a header of parameter names, then the covariance
matrix (for the normal families, on the scale of the family's link) or one row a joint draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats
from heecon.model.correlation import ROUNDED, nearest_covariance, root


@dataclass(frozen=True, eq=False)
class Block:
    """A joint distribution of several parameters.

    Attributes:
        group: the ``correlation_group``.
        family: a key of ``JOINT_FAMILIES``.
        names: parameter keys, one a component.
        values: base values, one a component.
        matrix: covariance (components x components) or draws (rows x components); empty for
            Dirichlet, whose counts are in ``counts``.
        counts: Dirichlet counts, one a component; 0 for the others.
    """

    group: str
    family: str
    names: tuple[str, ...]
    values: Floats
    matrix: Floats
    counts: Floats

    def draw(self, uniforms: Floats) -> Floats:
        """Turn uniforms (draws x components) into draws of the same shape.

        Empirical blocks use only the first column, to choose a row.
        """
        return JOINT_FAMILIES[self.family].draw(self, uniforms)

    def mean(self) -> Floats:
        """Expected value of each component (the median for the log and logit families)."""
        return JOINT_FAMILIES[self.family].mean(self)


@dataclass(frozen=True)
class JointFamily:
    """A family of joint distributions.

    Attributes:
        draw: draws from (block, uniforms).
        mean: the component values the base values should equal.
        check: a complaint about a block, or an empty string.
        matrix: what ``joint/<group>.csv`` holds: "covariance", "draws" or "" (no file).
    """

    draw: Callable[[Block, Floats], Floats]
    mean: Callable[[Block], Floats]
    check: Callable[[Block], str]
    matrix: str


def _draw_dirichlet(block: Block, uniforms: Floats) -> Floats:
    from scipy.special import gammaincinv, gammaln  # noqa: PLC0415

    gammas = gammaincinv(block.counts, uniforms)
    # With counts near 0 all gammas of a draw may be smaller than any number: then their logarithms,
    # by the first term of the series u = x**count / Gamma(count + 1).
    tiny = gammas.max(axis=1) < 1e-250
    logs = (np.log(uniforms[tiny]) + gammaln(block.counts + 1)) / block.counts
    gammas[tiny] = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(gammas / gammas.sum(axis=1, keepdims=True))


def _draw_normal(block: Block, uniforms: Floats, centre: Floats) -> Floats:
    from scipy.special import ndtri  # noqa: PLC0415

    return np.asarray(centre + ndtri(uniforms) @ root(block.matrix).T)


def _draw_empirical(block: Block, uniforms: Floats) -> Floats:
    rows = np.minimum((uniforms[:, 0] * len(block.matrix)).astype(int), len(block.matrix) - 1)
    return np.asarray(block.matrix[rows])


def _check_dirichlet(block: Block) -> str:
    if not (block.counts >= 0).all():
        return "every count (arg1) must be positive"
    if not block.counts.all():
        name = block.names[int(block.counts.argmin())]
        return (
            f"{name} was never observed (its count, arg1, is 0), so that no draw would have it: "
            "add a prior, such as 1, to every count and let the values follow"
        )
    total = float(block.values.sum())
    if abs(total - 1) > 0.02:
        # A scenario that fixes one share would leave the others to sum to one in every draw.
        return f"the base values sum to {total:.6g}, not 1: change all shares of a whole together"
    return ""


def _check_covariance(block: Block) -> str:
    if not np.allclose(block.matrix, block.matrix.T, rtol=1e-9, atol=0):
        return "the covariance matrix is not symmetric"
    variances = np.diag(block.matrix)
    if (variances < 0).any():
        return f"the variance of {block.names[int(variances.argmin())]} is negative"
    alone = (variances == 0) & (block.matrix != 0).any(axis=1)
    if alone.any():
        name = block.names[int(alone.argmax())]
        return f"{name} has no variance, but a covariance with others"
    if nearest_covariance(block.matrix)[1] > ROUNDED:
        smallest = float(np.linalg.eigvalsh(block.matrix).min())
        return (
            f"the covariance matrix is not positive definite (smallest eigenvalue {smallest:.3g})"
        )
    return ""


def _check_log_covariance(block: Block) -> str:
    positive = (block.values > 0).all()
    return _check_covariance(block) or ("" if positive else "the base values must be positive")


def _check_logit_covariance(block: Block) -> str:
    inside = ((block.values > 0) & (block.values < 1)).all()
    return _check_covariance(block) or ("" if inside else "the base values must lie inside 0 and 1")


def _check_rows(block: Block) -> str:
    return "" if len(block.matrix) >= 2 else "at least two joint draws are needed"


def _logit(values: Floats) -> Floats:
    return np.log(values / (1 - values))


def _expit(values: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415

    return np.asarray(expit(values))


JOINT_FAMILIES: Mapping[str, JointFamily] = {
    "dirichlet": JointFamily(
        draw=_draw_dirichlet,
        mean=lambda block: block.counts / block.counts.sum(),
        check=_check_dirichlet,
        matrix="",
    ),
    "multivariate_normal": JointFamily(
        draw=lambda block, u: _draw_normal(block, u, block.values),
        mean=lambda block: block.values,
        check=_check_covariance,
        matrix="covariance",
    ),
    "multivariate_lognormal": JointFamily(
        draw=lambda block, u: np.exp(_draw_normal(block, u, np.log(block.values))),
        mean=lambda block: block.values,
        check=_check_log_covariance,
        matrix="covariance",
    ),
    "multivariate_logit_normal": JointFamily(
        draw=lambda block, u: _expit(_draw_normal(block, u, _logit(block.values))),
        mean=lambda block: block.values,
        check=_check_logit_covariance,
        matrix="covariance",
    ),
    "empirical": JointFamily(
        draw=_draw_empirical,
        mean=lambda block: np.asarray(block.matrix.mean(axis=0)),
        check=_check_rows,
        matrix="draws",
    ),
}
"""Every joint family; adding one is adding one entry here."""
