"""Meta-analysis of one comparison: fixed and random effects."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.errors import InvalidValue

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """A pooled effect.

    Attributes:
        effect: pooled effect, on the scale of the studies' effects.
        se: its standard error.
        tau2: variance between studies; 0 for a fixed effect.
        q: Cochran's Q.
        df: its degrees of freedom.
        weights: share of each study, in the order given.
    """

    effect: float
    se: float
    tau2: float
    q: float
    df: int
    weights: tuple[float, ...]

    @property
    def i2(self) -> float:
        """Share of the variation between studies that is not chance (Higgins, Thompson 2002)."""
        return max(0.0, 1 - self.df / self.q) if self.q > 0 else 0.0


def pool(effects: Sequence[float], ses: Sequence[float], method: str = "reml") -> Pooled:
    """Pool the effects of studies by the inverse of their variance.

    Args:
        effects: one a study, on a scale where effects add (logarithms of ratios).
        ses: their standard errors.
        method: "fixed"; "dl", random effects of DerSimonian and Laird 1986; or "reml", random
            effects by restricted maximum likelihood.

    Raises:
        InvalidValue: there is no study, or a number cannot be used.
    """
    y, variances = np.asarray(effects, dtype=float), np.asarray(ses, dtype=float) ** 2
    if len(y) == 0 or y.shape != variances.shape:
        what = f"{len(y)} effects and {len(variances)} standard errors"
        raise InvalidValue(what, "Give as many of both, at least one")
    if not (np.isfinite(y).all() and np.isfinite(variances).all() and (variances > 0).all()):
        raise InvalidValue(
            "an effect or standard error cannot be used", "Standard errors are positive"
        )
    if method not in ESTIMATORS:
        raise InvalidValue(f"unknown method '{method}'", f"There is {', '.join(ESTIMATORS)}")
    fixed = 1 / variances
    q = float(fixed @ (y - fixed @ y / fixed.sum()) ** 2)
    tau2 = ESTIMATORS[method](y, variances, q)
    weights = 1 / (variances + tau2)
    shares = weights / weights.sum()
    return Pooled(
        effect=float(shares @ y),
        se=1 / math.sqrt(float(weights.sum())),
        tau2=tau2,
        q=q,
        df=len(y) - 1,
        weights=tuple(float(share) for share in shares),
    )


def _no_variance(_y: Floats, _variances: Floats, _q: float) -> float:
    return 0.0


def _dersimonian_laird(y: Floats, variances: Floats, q: float) -> float:
    weights = 1 / variances
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return max(0.0, float((q - (len(y) - 1)) / scale)) if scale > 0 else 0.0


def _reml(y: Floats, variances: Floats, _q: float) -> float:
    def deviance(tau2: float) -> float:
        """Minus twice the restricted log-likelihood, up to a constant."""
        weights = 1 / (variances + tau2)
        centre = weights @ y / weights.sum()
        return float(weights @ (y - centre) ** 2 - np.log(weights).sum() + np.log(weights.sum()))

    return smallest(deviance, float(np.var(y))) if len(y) > 1 else 0.0


def smallest(deviance: Callable[[float], float], guess: float) -> float:
    """The variance between studies with the smallest deviance; 0 if none is smaller there.

    Args:
        deviance: of a variance.
        guess: its order of magnitude.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    top = 10 * guess + 1e-8
    found = minimize_scalar(
        lambda root: deviance(root**2),
        bounds=(0, math.sqrt(top)),
        method="bounded",
        options={"xatol": 1e-12, "maxiter": 1000},
    )
    best, none = float(found.x) ** 2, deviance(0.0)
    return best if deviance(best) < none - 1e-10 * max(1.0, abs(none)) else 0.0


ESTIMATORS: dict[str, Callable[[Floats, Floats, float], float]] = {
    "fixed": _no_variance,
    "dl": _dersimonian_laird,
    "reml": _reml,
}
"""Ways to estimate the variance between studies; adding one is adding one entry here."""
