"""Probability distributions of parameters, and how they are built.

A distribution is built from its own arguments, from a mean and a standard error (method of
moments), or from an estimate and its 95% interval. Which statistic of the distribution the
estimate stands for is part of the family: the mean for most, the median for the families that
live on a log or logit scale when they come from an interval, the mode for triangular and PERT.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats
from heecon.errors import InvalidValue
from heecon.files import names
from heecon.model.families import FAMILIES, LARGEST, Arguments, Family


@dataclass(frozen=True)
class Distribution:
    """One distribution with its arguments.

    Attributes:
        family: name of its entry in ``FAMILIES``.
        arguments: the family's own arguments, in the order of ``Family.arguments``.
        centre: the statistic the base value should equal: "mean", "median" or "mode".
    """

    family: str
    arguments: Arguments
    centre: str = "mean"

    def mean(self) -> float:
        """Expected value."""
        return FAMILIES[self.family].mean(*self.arguments)

    def quantile(self, probability: Floats | float) -> Floats:
        """Inverse cumulative distribution function, elementwise."""
        return np.asarray(
            FAMILIES[self.family].quantile(np.asarray(probability, dtype=float), *self.arguments)
        )

    def cdf(self, value: float) -> float:
        """Probability of a value at most as large."""
        return FAMILIES[self.family].cdf(value, *self.arguments)

    def support(self) -> tuple[float, float]:
        """The least and the largest value it can take."""
        return FAMILIES[self.family].support(*self.arguments)

    def median(self) -> float:
        """Value exceeded with probability one half."""
        closed_form = FAMILIES[self.family].median
        return closed_form(*self.arguments) if closed_form else float(self.quantile(0.5))

    def centre_value(self) -> float:
        """The mean, median or mode, whichever the base value should equal."""
        if self.centre == "median":
            return self.median()
        if self.centre == "mode":
            return self.arguments[1]
        return self.mean()

    def describe(self) -> str:
        """Text such as ``gamma(shape=4, scale=250)``."""
        named = zip(FAMILIES[self.family].arguments, self.arguments, strict=True)
        inside = ", ".join(f"{name}={argument:.6g}" for name, argument in named)
        return f"{self.family}({inside})"


def fitted(
    family: str,
    value: float,
    *,
    arguments: Sequence[float] = (),
    se: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Distribution:
    """Build a distribution from its arguments, else a standard error, else an interval.

    Args:
        family: a key of ``FAMILIES``.
        value: the base value (mean, median or mode, see the module's head).
        arguments: native arguments; when given they alone decide the distribution.
        se: standard error of ``value``.
        low: lower end of the 95% interval (of the range for uniform, triangular and PERT).
        high: upper end.

    Raises:
        InvalidValue: a ``ValueError``; the family is unknown, something is missing or out of range.
    """
    if family not in FAMILIES:
        raise InvalidValue(f"unknown distribution '{family}'", names.did_you_mean(family, FAMILIES))
    entry = FAMILIES[family]
    try:
        built = _built(family, entry, value, arguments, se, low, high)
        complaint = entry.check(*built.arguments)
        usable = bool(complaint) or (_moderate(*built.arguments) and _moderate(built.mean()))
    except ArithmeticError:
        usable = False
    if not usable:
        what = f"the numbers of the {family} distribution are too large or too far apart"
        if family == "fixed":
            what = f"{value:g} is too large"
        raise InvalidValue(what, "Check them")
    if complaint:
        raise InvalidValue(f"{built.describe()}: {complaint}", "Correct the numbers")
    return built


def _moderate(*numbers: float) -> bool:
    return all(abs(number) < LARGEST for number in numbers)


def _built(
    family: str,
    entry: Family,
    value: float,
    arguments: Sequence[float],
    se: float | None,
    low: float | None,
    high: float | None,
) -> Distribution:
    if arguments:
        return Distribution(family, _native(family, entry, arguments), entry.native_centre)
    if family == "fixed":
        return Distribution(family, (value,))
    if se is not None and entry.from_moments is not None:
        if not se > 0:
            what = f"the standard error {se:g} is not positive"
            raise InvalidValue(what, "Write 'fixed' as the distribution to fix a value")
        return Distribution(family, entry.from_moments(value, se))
    if low is not None and high is not None and entry.from_interval is not None:
        if not low < high:
            raise InvalidValue(
                f"low {low:g} is not below high {high:g}", "Exchange or correct them"
            )
        if not low <= value <= high:
            what = f"the value {value:g} lies outside low {low:g} and high {high:g}"
            raise InvalidValue(what, "Correct one of the three")
        return Distribution(family, entry.from_interval(value, low, high), entry.interval_centre)
    raise InvalidValue(f"'{family}' has nothing to be built from", f"Give {_needs(entry)}")


def mismatch(distribution: Distribution, value: float, tolerance: float = 0.02) -> str:
    """Say when a base value is not the statistic of its distribution it should be.

    Returns:
        An empty string, or a sentence with the numbers when they differ by more than
        ``tolerance`` of the larger.
    """
    centre = distribution.centre_value()
    if math.isclose(centre, value, rel_tol=tolerance, abs_tol=1e-12):
        return ""
    others = [f"mean {distribution.mean():.6g}", f"median {distribution.median():.6g}"]
    if distribution.centre == "mode":
        others.append(f"mode {centre:.6g}")
    described = distribution.describe()
    return (
        f"the base value {value:.6g} is not the {distribution.centre} of {described}, "
        f"which has {', '.join(others)}"
    )


def _native(family: str, entry: Family, arguments: Sequence[float]) -> Arguments:
    if len(arguments) != len(entry.arguments):
        listed = ", ".join(entry.arguments)
        what = f"'{family}' takes {len(entry.arguments)} arguments, not {len(arguments)}"
        raise InvalidValue(what, f"Give {listed} in this order")
    return tuple(float(argument) for argument in arguments)


def _needs(entry: Family) -> str:
    ways = [f"its arguments ({', '.join(entry.arguments)})"]
    if entry.from_moments:
        ways.append("a standard error (se)")
    if entry.from_interval:
        ways.append("low and high")
    return " or ".join(ways)
