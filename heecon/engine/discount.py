"""Discount factors and within-cycle weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heecon.arrays import Floats

SHIFT = {"cycle_start": 0.0, "mid_cycle": 0.5, "cycle_end": 1.0}
"""Where in the cycle a timing lies, as a share of the cycle."""

REACHED = 1e-9
"""Years that a year may lack to count as completed: twelve twelfths are a year."""

LIMITS = (-0.5, 10_000.0)
"""The rates a year that are believed; what a draw has beyond them is a mistake."""


def discount_factors(
    times: Floats, starts: Sequence[float], rates: Sequence[Floats], compounding: str = "annual"
) -> Floats:
    """Value today of one unit at each time.

    A constant rate r gives (1 + r)^-t; by whole years t is the years completed, and compounded
    continuously it gives exp(-r t). With steps (the UK Green Book's declining rates) every
    stretch of time is discounted at its own rate: the factor is the product over the stretches.

    Args:
        times: years from now, shape (times,).
        starts: year each rate applies from; the first is 0.
        rates: rates a year, each of shape (draws or 1,).
        compounding: "annual", "whole_years" or "continuous".

    Returns:
        Factors of shape (draws or 1, times).
    """
    if compounding == "whole_years":
        times = np.floor(times + REACHED)
    factor = np.ones((1, len(times)))
    ends = [*starts[1:], np.inf]
    for start, end, rate in zip(starts, ends, rates, strict=True):
        stretch = np.clip(times, start, end) - start
        if compounding == "continuous":
            factor = factor * np.exp(-rate[:, None] * stretch[None, :])
        else:
            factor = factor * np.power(1.0 + rate[:, None], -stretch[None, :])
    return factor


def simpson_weights(cycles: int) -> Floats:
    """Weights of Simpson's composite rule at the time points 0..cycles.

    The 1/3 rule needs an even number of intervals; with an odd number the last three intervals are
    taken by the 3/8 rule, and a single interval by the trapezoid rule. (Some published model code
    swaps the weights 2/3 and 4/3, and applies the rule to an odd number of intervals; give such
    weights as a table to reproduce it.)
    """
    if cycles == 1:
        return np.array([0.5, 0.5])
    weights = np.zeros(cycles + 1)
    even = cycles if cycles % 2 == 0 else cycles - 3
    for first in range(0, even, 2):
        weights[first : first + 3] += np.array([1.0, 4.0, 1.0]) / 3.0
    if even < cycles:
        weights[even:] += np.array([3.0, 9.0, 9.0, 3.0]) / 8.0
    return weights


def half_cycle_weights(cycles: int) -> Floats:
    """Weights of the trapezoid rule at the time points 0..cycles: half at either end."""
    weights = np.ones(cycles + 1)
    weights[0] = weights[-1] = 0.5
    return weights
