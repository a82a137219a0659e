"""Adjusted indirect comparison of two treatments by a common comparator."""

from __future__ import annotations

import math
from dataclasses import dataclass

from heecon.errors import InvalidValue


@dataclass(frozen=True)
class Effect:
    """An effect with its standard error, both on the scale where effects add.

    Attributes:
        value: of the treatment against the comparator; the logarithm of a ratio.
        se: its standard error.
    """

    value: float
    se: float


def indirect(first: Effect, second: Effect) -> Effect:
    """A against B by way of C, from A against C and B against C.

    Bucher, Guyatt, Griffith, Walter 1997, J Clin Epidemiol 50:683: the difference of the two
    effects, with the sum of their variances. Assumes that the two sets of trials are alike in all
    that modifies the effect.

    Args:
        first: A against C.
        second: B against C, from other patients.

    Raises:
        InvalidValue: a standard error is not positive.
    """
    for effect in (first, second):
        if not effect.se > 0:
            what = f"the standard error {effect.se:g} is not positive"
            raise InvalidValue(what, "Take it from the interval")
    return Effect(first.value - second.value, math.hypot(first.se, second.se))
