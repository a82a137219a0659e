"""The families of distributions of parameters: adding one is adding an entry to ``FAMILIES``.

Closed forms only; scipy is imported when a quantile or a distribution function is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from heecon.arrays import Floats
from heecon.errors import InvalidValue

Z975 = 1.959963984540054
"""97.5% point of the standard normal distribution."""

LARGEST = 1e100
"""No argument may be this large: squares and products must stay finite."""

SHAPES = 1e-12, 1e12
"""The smallest and the largest shape of a beta or gamma distribution."""

Arguments = tuple[float, ...]


@dataclass(frozen=True)
class Family:
    """A family of univariate distributions.

    Attributes:
        arguments: names of the native arguments.
        check: a message when arguments are out of range, else an empty string.
        mean: mean from the arguments.
        quantile: inverse distribution function of (probabilities, *arguments).
        cdf: distribution function of (value, *arguments).
        support: the least and the largest value, from the arguments.
        median: median from the arguments, for the families whose base value may be one; else None.
        from_moments: arguments from (mean, standard error); None if the family has no such rule.
        from_interval: arguments from (estimate, low, high), a 95% interval, or the full range for
            the bounded families.
        interval_centre: the statistic the estimate stands for when built from an interval.
        native_centre: the same when built from its own arguments.
    """

    arguments: tuple[str, ...]
    check: Callable[..., str]
    mean: Callable[..., float]
    quantile: Callable[..., Any]
    cdf: Callable[..., float]
    support: Callable[..., tuple[float, float]]
    median: Callable[..., float] | None = None
    from_moments: Callable[[float, float], Arguments] | None = None
    from_interval: Callable[[float, float, float], Arguments] | None = None
    interval_centre: str = "mean"
    native_centre: str = "mean"


def _special() -> Any:
    import scipy.special  # noqa: PLC0415  (a third of a second; only for quantiles)

    return scipy.special


# --- rules from moments and intervals ------------------------------------------------------------


def _beta_moments(mean: float, se: float) -> Arguments:
    if not 0 < mean < 1:
        what = f"a beta distribution needs a mean between 0 and 1, not {mean:g}"
        raise InvalidValue(what, "Use another distribution, or correct the value")
    size = mean * (1 - mean) / se**2 - 1
    if size <= 0:
        largest = math.sqrt(mean * (1 - mean))
        what = f"a beta mean of {mean:g} allows a standard error below {largest:.4g}, not {se:g}"
        raise InvalidValue(what, "Correct the standard error or the interval")
    return mean * size, (1 - mean) * size


def _gamma_moments(mean: float, se: float) -> Arguments:
    if mean <= 0:
        what = f"a gamma distribution needs a positive mean, not {mean:g}"
        raise InvalidValue(what, "Use another distribution, or correct the value")
    return (mean / se) ** 2, se**2 / mean


def _lognormal_moments(mean: float, se: float) -> Arguments:
    if mean <= 0:
        what = f"a lognormal distribution needs a positive mean, not {mean:g}"
        raise InvalidValue(what, "Use another distribution, or correct the value")
    variance = math.log1p((se / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def _half_width(low: float, high: float) -> float:
    return (high - low) / (2 * Z975)


def _lognormal_interval(value: float, low: float, high: float) -> Arguments:
    if low <= 0:
        what = f"a lognormal distribution needs positive bounds, not {low:g}"
        raise InvalidValue(what, "Use another distribution, or correct the bounds")
    return math.log(value), _half_width(math.log(low), math.log(high))


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _logit_normal_interval(value: float, low: float, high: float) -> Arguments:
    if not 0 < low < high < 1:
        what = f"a logit-normal distribution needs bounds inside 0 and 1, not {low:g} and {high:g}"
        raise InvalidValue(what, "Use another distribution, or correct the bounds")
    return _logit(value), _half_width(_logit(low), _logit(high))


def _logit_normal_mean(mu: float, sigma: float) -> float:
    # No closed form: Gauss-Hermite quadrature, 64 nodes.
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    values = (1 + np.tanh((mu + sigma * nodes) / 2)) / 2  # as 1 / (1 + exp(-x)), never too large
    return float(values @ weights / weights.sum())


def _pert_beta(low: float, mode: float, high: float) -> tuple[float, float]:
    """Shapes of the beta distribution behind a PERT distribution (weight 4 on the mode)."""
    return 1 + 4 * (mode - low) / (high - low), 1 + 4 * (high - mode) / (high - low)


# --- quantiles -----------------------------------------------------------------------------------


def _normal_quantile(u: Floats, mean: float, sd: float) -> Any:
    return mean + sd * _special().ndtri(u)


def _triangular_quantile(u: Floats, low: float, mode: float, high: float) -> Any:
    split = (mode - low) / (high - low)
    rising = low + np.sqrt(u * (high - low) * (mode - low))
    falling = high - np.sqrt((1 - u) * (high - low) * (high - mode))
    return np.where(u < split, rising, falling)


def _pert_quantile(u: Floats, low: float, mode: float, high: float) -> Any:
    return low + (high - low) * _special().betaincinv(*_pert_beta(low, mode, high), u)


# --- distribution functions ----------------------------------------------------------------------


def _fixed_cdf(x: float, value: float) -> float:
    return float(x >= value)


def _normal_cdf(x: float, mean: float, sd: float) -> float:
    return math.erfc((mean - x) / (sd * math.sqrt(2))) / 2


def _lognormal_cdf(x: float, mu: float, sigma: float) -> float:
    return _normal_cdf(math.log(x), mu, sigma) if x > 0 else 0.0


def _logit_normal_cdf(x: float, mu: float, sigma: float) -> float:
    return _normal_cdf(_logit(x), mu, sigma) if 0 < x < 1 else _uniform_cdf(x, 0.0, 1.0)


def _beta_cdf(x: float, a: float, b: float) -> float:
    return float(_special().betainc(a, b, x)) if 0 < x < 1 else _uniform_cdf(x, 0.0, 1.0)


def _gamma_cdf(x: float, shape: float, scale: float) -> float:
    return float(_special().gammainc(shape, x / scale)) if x > 0 else 0.0


def _uniform_cdf(x: float, low: float, high: float) -> float:
    return min(max((x - low) / (high - low), 0.0), 1.0)


def _triangular_cdf(x: float, low: float, mode: float, high: float) -> float:
    if x <= low or x >= high:
        return float(x >= high)
    if x < mode:
        return (x - low) ** 2 / ((high - low) * (mode - low))
    return 1 - (high - x) ** 2 / ((high - low) * (high - mode))


def _pert_cdf(x: float, low: float, mode: float, high: float) -> float:
    return _beta_cdf((x - low) / (high - low), *_pert_beta(low, mode, high))


def _real_line(*_arguments: float) -> tuple[float, float]:
    return -math.inf, math.inf


def _above_zero(*_arguments: float) -> tuple[float, float]:
    return 0.0, math.inf


def _unit_interval(*_arguments: float) -> tuple[float, float]:
    return 0.0, 1.0


def _first_to_last(*arguments: float) -> tuple[float, float]:
    return arguments[0], arguments[-1]


# --- checks --------------------------------------------------------------------------------------


def _positive(*arguments: float) -> str:
    if not all(a > 0 for a in arguments):
        return "every argument must be positive"
    # Outside, scipy's quantiles fail, and what varies is nothing, or nothing but 0 and 1.
    low, high = SHAPES
    return "" if low < arguments[0] < high else f"the shape must be {low:g} to {high:g}"


def _shapes(a: float, b: float) -> str:
    return _positive(a, b) or _positive(b, a)


def _second_positive(_first: float, second: float) -> str:
    return "" if second > 0 else "the second argument must be positive"


def _ordered(low: float, high: float) -> str:
    return "" if low < high else "low must be below high"


def _mode_inside(low: float, mode: float, high: float) -> str:
    return "" if low <= mode <= high and low < high else "the mode must lie between low and high"


FAMILIES: Mapping[str, Family] = {
    "fixed": Family(
        arguments=("value",),
        check=lambda _value: "",
        mean=lambda value: value,
        quantile=np.full_like,
        cdf=_fixed_cdf,
        support=_real_line,
    ),
    "normal": Family(
        arguments=("mean", "sd"),
        check=_second_positive,
        mean=lambda mean, _sd: mean,
        quantile=_normal_quantile,
        cdf=_normal_cdf,
        support=_real_line,
        from_moments=lambda mean, se: (mean, se),
        from_interval=lambda value, low, high: (value, _half_width(low, high)),
    ),
    "beta": Family(
        arguments=("alpha", "beta"),
        check=_shapes,
        mean=lambda a, b: a / (a + b),
        quantile=lambda u, a, b: _special().betaincinv(a, b, u),
        cdf=_beta_cdf,
        support=_unit_interval,
        from_moments=_beta_moments,
        from_interval=lambda value, low, high: _beta_moments(value, _half_width(low, high)),
    ),
    "gamma": Family(
        arguments=("shape", "scale"),
        check=_positive,
        mean=lambda shape, scale: shape * scale,
        quantile=lambda u, shape, scale: scale * _special().gammaincinv(shape, u),
        cdf=_gamma_cdf,
        support=_above_zero,
        from_moments=_gamma_moments,
        from_interval=lambda value, low, high: _gamma_moments(value, _half_width(low, high)),
    ),
    "lognormal": Family(
        arguments=("meanlog", "sdlog"),
        check=_second_positive,
        mean=lambda mu, sigma: math.exp(mu + sigma**2 / 2),
        median=lambda mu, _sigma: math.exp(mu),
        quantile=lambda u, mu, sigma: np.exp(_normal_quantile(u, mu, sigma)),
        cdf=_lognormal_cdf,
        support=_above_zero,
        from_moments=_lognormal_moments,
        from_interval=_lognormal_interval,
        interval_centre="median",
        native_centre="median",
    ),
    "logit_normal": Family(
        arguments=("mu", "sigma"),
        check=_second_positive,
        mean=_logit_normal_mean,
        median=lambda mu, _sigma: (1 + math.tanh(mu / 2)) / 2,
        quantile=lambda u, mu, sigma: _special().expit(_normal_quantile(u, mu, sigma)),
        cdf=_logit_normal_cdf,
        support=_unit_interval,
        from_interval=_logit_normal_interval,
        interval_centre="median",
        native_centre="median",
    ),
    "uniform": Family(
        arguments=("low", "high"),
        check=_ordered,
        mean=lambda low, high: (low + high) / 2,
        quantile=lambda u, low, high: low + (high - low) * u,
        cdf=_uniform_cdf,
        support=_first_to_last,
        from_interval=lambda _value, low, high: (low, high),
    ),
    "triangular": Family(
        arguments=("low", "mode", "high"),
        check=_mode_inside,
        mean=lambda low, mode, high: (low + mode + high) / 3,
        quantile=_triangular_quantile,
        cdf=_triangular_cdf,
        support=_first_to_last,
        from_interval=lambda value, low, high: (low, value, high),
        interval_centre="mode",
        native_centre="mode",
    ),
    "pert": Family(
        arguments=("low", "mode", "high"),
        check=_mode_inside,
        mean=lambda low, mode, high: (low + 4 * mode + high) / 6,
        quantile=_pert_quantile,
        cdf=_pert_cdf,
        support=_first_to_last,
        from_interval=lambda value, low, high: (low, value, high),
        interval_centre="mode",
        native_centre="mode",
    ),
}
"""Every univariate family; adding a distribution is adding one entry here."""
