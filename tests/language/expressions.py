"""One list of expressions, each with its value; every target has to give it.

The expected values are worked out here with plain arithmetic, ``math`` or ``scipy.stats`` - never
with heecon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from heecon.language import Table

VALUES: dict[str, float] = {
    "a": 2.0,
    "b": -3.5,
    "c": 0.25,
    "x": 1.7,
    "p": 0.3,
    "t": 2.5,
    "zero": 0.0,
    "age": 56.99999999999,
    "h_death": 0.02,
}
A, B, C, X, P, T = (VALUES[name] for name in "abcxpt")

TABLES = {
    "life": Table(
        "life", np.array([50.0, 57.0, 58.0, 90.0]), {"qx": np.array([0.01, 0.02, 0.04, 0.3])}
    ),
    "waning": Table(
        "waning",
        np.array([0.0, 1.0, 5.0]),
        {"low": np.array([1.0, 0.5, 0.1]), "high": np.array([1.0, 0.8, 0.4])},
    ),
}


@dataclass(frozen=True)
class Case:
    """An expression and what it is worth."""

    text: str
    expected: float
    tolerance: float = 1e-12


def special(text: str, expected: float) -> Case:
    """An expression whose function the targets compute in different ways."""
    return Case(text, float(expected), 1e-10)


def gengamma_survival(t: float, mu: float, sigma: float, q: float) -> float:
    """Prentice's form: with G ~ Gamma(q^-2), (log t - mu) / sigma = log(q^2 G) / q."""
    shape = q**-2
    place = shape * math.exp(q * (math.log(t) - mu) / sigma)
    return float(stats.gamma.sf(place, shape) if q > 0 else stats.gamma.cdf(place, shape))


CASES = [
    # numbers and arithmetic
    Case("0", 0.0),
    Case("1.5e-3", 0.0015),
    Case("0.1 + 0.2", 0.30000000000000004),
    Case(".5 + 5.", 5.5),
    Case("a + b", -1.5),
    Case("a - b - c", 5.25),
    Case("a - (b - c)", 5.75),
    Case("a * b + c", -6.75),
    Case("a * (b + c)", -6.5),
    Case("a / b / c", 2.0 / -3.5 / 0.25),
    Case("a / (b / c)", 2.0 / (-3.5 / 0.25)),
    Case("a / (b * c)", 2.0 / -0.875),
    Case("+a", 2.0),
    Case("-a", -2.0),
    Case("--a", 2.0),
    Case("a - -b", -1.5),
    Case("a * -b", 7.0),
    Case("-a * b", 7.0),
    Case("-(a + b)", 1.5),
    Case("1e300 * 1e-300", 1.0),
    Case("0.12345678901234567 * 1e17", 12345678901234567.0),
    # powers
    Case("-2 ** 2", -4.0),
    Case("(-2) ** 2", 4.0),
    Case("-a ** 2", -4.0),
    Case("(-a) ** 2", 4.0),
    Case("b ** 2", 12.25),
    Case("2 ** 3 ** 2", 512.0),
    Case("(2 ** 3) ** 2", 64.0),
    Case("2 ** -1", 0.5),
    Case("a ** c ** a", 2.0**0.0625),
    Case("-a ** -2", -0.25),
    Case("zero ** zero", 1.0),
    Case("0 ** 0", 1.0),
    Case("zero ** a", 0.0),
    Case("b ** 3", -42.875),
    Case("(a + 1) ** (x - 1.7)", 1.0),
    Case("a * x ** 2 / c", 2.0 * 1.7**2 / 0.25),
    # comparisons and conditions
    Case("1 if a > b else 0", 1.0),
    Case("1 if a < b else 0", 0.0),
    Case("1 if a >= 2 else 0", 1.0),
    Case("1 if a <= 1 else 0", 0.0),
    Case("1 if a == 2 else 0", 1.0),
    Case("1 if a != 2 else 0", 0.0),
    Case("1 if b < c < a else 0", 1.0),
    Case("1 if b < c < zero <= a else 0", 0.0),
    Case("1 if a > b and c > 0 else 0", 1.0),
    Case("1 if a > b and c > 1 or p > 1 else 0", 0.0),
    Case("1 if not a > b else 2", 2.0),
    Case("1 if not (a > b and c > 1) else 2", 1.0),
    Case("1 if a > b or (c > 1 and p > 1) else 0", 1.0),
    Case("10 if a < 1 else 20 if a < 3 else 30", 20.0),
    Case("(10 if a < 1 else 20) + (1 if b < -1 else 2)", 21.0),
    Case("-(1 if a > 1 else 2)", -1.0),
    Case("1 if a < -b else 0", 1.0),
    Case("1 if (2 if a > 1 else 3) == 2 else 0", 1.0),
    # what is not computed does no harm
    Case("log(a) if a > 0 else log(b)", math.log(2.0)),
    Case("1 / zero if zero > 0 else 5", 5.0),
    Case("1 if zero != 0 and 1 / zero > 2 else 7", 7.0),
    Case("1 if zero == 0 or 1 / zero > 2 else 7", 1.0),
    # elementary functions
    Case("exp(x)", math.exp(1.7)),
    Case("log(x)", math.log(1.7)),
    Case("sqrt(x)", math.sqrt(1.7)),
    Case("abs(b)", 3.5),
    Case("floor(b)", -4.0),
    Case("floor(x)", 1.0),
    Case("ceil(b)", -3.0),
    Case("ceil(x)", 2.0),
    Case("ceil(a)", 2.0),
    Case("min(a, b)", -3.5),
    Case("max(a, b)", 2.0),
    Case("min(a, b, c, x)", -3.5),
    Case("max(b, zero, c)", 0.25),
    Case("max(0.01, h_death, 0.015)", 0.02),
    Case("min(8, 7, 6, 5, 4, 3, 2, 1)", 1.0),
    Case("mod(7, 3)", 1.0),
    Case("mod(-7, 3)", 2.0),
    Case("mod(b, a)", 0.5),
    Case("exp(min(a, x) * log(c + 1)) - 1", 1.25**1.7 - 1),
    # distributions
    special("normal_cdf(x)", stats.norm.cdf(1.7)),
    special("normal_cdf(-8)", stats.norm.cdf(-8.0)),
    special("normal_quantile(p)", stats.norm.ppf(0.3)),
    special("normal_quantile(0.975)", 1.959963984540054),
    special("normal_quantile(1e-10)", stats.norm.ppf(1e-10)),
    special("gamma_cdf(t, x, c)", stats.gamma.cdf(2.5, 1.7, scale=0.25)),
    special("gamma_cdf(t, 12.5, 0.3)", stats.gamma.cdf(2.5, 12.5, scale=0.3)),
    special("gamma_cdf(b, 2, 1)", 0.0),
    # rates, probabilities, odds
    Case("rate_to_prob(0.2, t)", 1 - math.exp(-0.5)),
    Case("prob_to_rate(p, t)", -math.log(0.7) / 2.5),
    Case("rate_to_prob(prob_to_rate(p, t), t)", 0.3),
    Case("odds(p)", 0.3 / 0.7),
    Case("odds_to_prob(odds(p))", 0.3),
    Case("logit(p)", math.log(0.3 / 0.7)),
    Case("expit(x)", 1 / (1 + math.exp(-1.7))),
    Case("expit(b)", 1 / (1 + math.exp(3.5))),
    Case("expit(-800)", 0.0),
    Case("expit(800)", 1.0),
    Case("apply_hazard_ratio(p, 0.82)", 1 - 0.7**0.82),
    Case("apply_hazard_ratio(p, zero)", 0.0),
    Case("apply_odds_ratio(p, a)", 0.6 / 1.3),
    # survival
    Case("survival_exponential(t, 0.2)", math.exp(-0.5)),
    special("survival_weibull(t, 1.3, 4)", stats.weibull_min.sf(2.5, 1.3, scale=4.0)),
    special("survival_gompertz(t, 0.1, 0.05)", stats.gompertz.sf(2.5, 0.5, scale=10.0)),
    special("survival_gompertz(t, zero, 0.05)", math.exp(-0.125)),
    Case("survival_gompertz(t, 400, 0.05)", 0.0),
    special("survival_gompertz(t, -0.1, 0.05)", math.exp(0.5 * (math.exp(-0.25) - 1))),
    special("survival_lognormal(t, 1.2, 0.8)", stats.lognorm.sf(2.5, 0.8, scale=math.exp(1.2))),
    special("survival_loglogistic(t, 1.8, 3)", stats.fisk.sf(2.5, 1.8, scale=3.0)),
    special("survival_gamma(t, 1.7, 0.4)", stats.gamma.sf(2.5, 1.7, scale=2.5)),
    special("survival_gengamma(t, 1.2, 0.8, 0.5)", gengamma_survival(2.5, 1.2, 0.8, 0.5)),
    special("survival_gengamma(t, 1.2, 0.8, -0.7)", gengamma_survival(2.5, 1.2, 0.8, -0.7)),
    special(
        "survival_gengamma(t, 1.2, 0.8, zero)", stats.lognorm.sf(2.5, 0.8, scale=math.exp(1.2))
    ),
    Case("survival_weibull(zero, 0.5, 4)", 1.0),
    Case("survival_lognormal(zero, 1.2, 0.8)", 1.0),
    Case("survival_gengamma(zero, 1.2, 0.8, -0.7)", 1.0),
    Case(
        "1 - survival_exponential(t + 0.1, 0.2) / survival_exponential(t, 0.2)", -math.expm1(-0.02)
    ),
    # tables: age is a hair below 57, which counts as 57
    Case("lookup(life, age)", 0.02),
    Case("lookup(life, qx, age)", 0.02),
    Case("lookup(life, age - 1)", 0.01),
    Case("lookup(life, 50)", 0.01),
    Case("lookup(life, 57.999)", 0.02),
    Case("lookup(life, 110)", 0.3),
    Case("max(lookup(life, age), h_death * 2)", 0.04),
    Case("interpolate(life, 57.25)", 0.025),
    Case("interpolate(life, qx, 50)", 0.01),
    Case("interpolate(life, 49.9999999999)", 0.01),
    Case("interpolate(life, 89.5)", 0.04 + 31.5 * 0.26 / 32),
    Case("interpolate(life, 90)", 0.3),
    Case("interpolate(life, 95)", 0.3),
    Case("lookup(waning, high, x)", 0.8),
    Case("interpolate(waning, low, x + 1.3)", 0.3),
    Case("lookup(waning, low, lookup(waning, high, zero))", 0.5),
]
