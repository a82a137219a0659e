"""Intervals and standard errors, on the scale where they are symmetric.

Ratios are symmetric on the logarithmic scale: their standard error is that of the logarithm.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from heecon.errors import InvalidValue

_NORMAL = NormalDist()

CRITICAL = _NORMAL.inv_cdf(0.975)
"""The two-sided critical value of the standard normal distribution for 95%: 1.96."""

LOG_SE = 1e-6, 100.0
"""The smallest and the largest standard error of a ratio's logarithm that can be meant."""


def se_from_interval(low: float, high: float, *, log: bool) -> float:
    """Standard error from a 95% interval: its width over twice the critical value.

    Args:
        low: lower end.
        high: upper end.
        log: the figure is a ratio; the standard error is that of its logarithm.

    Raises:
        InvalidValue: the ends are in the wrong order, or a ratio's are not positive.
    """
    if not low < high:
        raise InvalidValue(f"low {low:g} is not below high {high:g}", "Exchange or correct them")
    if log and low <= 0:
        raise InvalidValue(f"the interval of a ratio is positive, not {low:g}", "Correct it")
    width = math.log(high / low) if log else high - low
    return width / (2 * CRITICAL)


def interval_from_se(value: float, se: float, *, log: bool) -> tuple[float, float]:
    """The 95% interval from a standard error, the inverse of ``se_from_interval``."""
    half = CRITICAL * se
    return (
        (value * math.exp(-half), value * math.exp(half)) if log else (value - half, value + half)
    )


def se_from_p(value: float, p: float, *, log: bool) -> float:
    """Standard error from a two-sided p value of a Wald test against no effect.

    Altman and Bland 2011, BMJ 343:d2090: the estimate (its logarithm, for a ratio) over the normal
    quantile of the p value. Published p values often come from another test (log-rank, exact), so
    the result is approximate.

    Raises:
        InvalidValue: p is not between 0 and 1, or the estimate is that of no effect.
    """
    if not 0 < p < 1:
        raise InvalidValue(f"the p value {p:g} is not between 0 and 1", "Look it up in the source")
    effect = abs(math.log(value) if log else value)
    if effect == 0:
        raise InvalidValue("no effect has no standard error by its p value", "Use an interval")
    return effect / _NORMAL.inv_cdf(1 - p / 2)


def asymmetry(value: float, low: float, high: float) -> float:
    """How far a ratio is from the middle of its interval: geometric mean over value, minus 1.

    An interval of a ratio from a Wald statistic is symmetric on the logarithmic scale; more than 2%
    off says that one of the three figures was misprinted, or that the interval is of another kind.
    """
    return math.sqrt(low * high) / value - 1
