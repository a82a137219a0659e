"""Intervals, conversions, indirect comparison and pairwise meta-analysis against known answers."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from heecon.errors import InvalidValue
from heecon.evidence import conversion
from heecon.evidence.indirect import Effect, indirect
from heecon.evidence.interval import (
    asymmetry,
    critical,
    interval_from_se,
    se_from_interval,
    se_from_p,
)
from heecon.evidence.pairwise import pool

# Colditz 1994 JAMA 271:698, the BCG trials: events and others with vaccine, events and others
# without. Results as metafor 4 prints them (rma(measure="RR"), the package's own first example).
BCG = np.array(
    [
        (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
        (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619),
        (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600),
        (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
    ],
    dtype=float,
)  # fmt: skip


def bcg() -> tuple[list[float], list[float]]:
    a, b, c, d = BCG.T
    effects = np.log(a / (a + b)) - np.log(c / (c + d))
    ses = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    return effects.tolist(), ses.tolist()


@pytest.mark.parametrize(
    ("method", "effect", "se", "tau2"),
    [
        ("fixed", -0.4303, 0.0405, 0.0),
        ("dl", -0.7141, 0.1787, 0.3088),
        ("reml", -0.7145, 0.1798, 0.3132),
    ],
)
def test_metafors_example_to_its_printed_precision(
    method: str, effect: float, se: float, tau2: float
) -> None:
    pooled = pool(*bcg(), method)
    assert pooled.effect == pytest.approx(effect, abs=5.1e-5)
    assert pooled.se == pytest.approx(se, abs=5.1e-5)
    assert pooled.tau2 == pytest.approx(tau2, abs=5.1e-5)
    assert pooled.q == pytest.approx(152.2330, abs=5.1e-5)
    assert pooled.df == 12
    assert sum(pooled.weights) == pytest.approx(1, abs=1e-12)


def test_reml_is_where_the_restricted_score_vanishes() -> None:
    """Another route: the root of the derivative (Viechtbauer 2005), by Brent."""
    effects, ses = bcg()
    y, v = np.array(effects), np.array(ses) ** 2

    def score(tau2: float) -> float:
        w = 1 / (v + tau2)
        centre = w @ y / w.sum()
        return float((w**2 @ (y - centre) ** 2) - w.sum() + (w**2).sum() / w.sum())

    root = optimize.brentq(score, 0.01, 2, xtol=1e-14)
    assert pool(effects, ses, "reml").tau2 == pytest.approx(root, rel=1e-6)


def test_alike_studies_have_no_variance_between_them() -> None:
    for method in ("dl", "reml"):
        pooled = pool([0.2, 0.2, 0.2], [0.1, 0.2, 0.3], method)
        assert pooled.tau2 == 0
        assert pooled.i2 == 0
    assert pool([0.2], [0.1]).effect == pytest.approx(0.2)


def test_what_cannot_be_pooled_is_refused() -> None:
    for effects, ses, method, what in (
        ([], [], "reml", "0 effects"),
        ([1.0], [1.0, 2.0], "reml", "1 effects and 2"),
        ([1.0], [0.0], "reml", "cannot be used"),
        ([1.0], [1.0], "magic", "unknown method 'magic'"),
    ):
        with pytest.raises(InvalidValue, match=what):
            pool(effects, ses, method)


def test_an_indirect_comparison_by_hand() -> None:
    """Log odds ratios -0.6 (0.15) and -0.2 (0.20): -0.4 with sqrt(0.0225 + 0.04) = 0.25."""
    found = indirect(Effect(-0.6, 0.15), Effect(-0.2, 0.20))
    assert found.value == pytest.approx(-0.4, abs=1e-15)
    assert found.se == pytest.approx(0.25, abs=1e-15)
    with pytest.raises(InvalidValue, match="standard error 0"):
        indirect(Effect(1, 0), Effect(1, 1))


def test_standard_errors_of_published_intervals() -> None:
    """Stopeck: 0.0743 and 0.0763 on the logarithmic scale; Kohno: 0.2235 from p = 0.027."""
    assert se_from_interval(0.71, 0.95, log=True) == pytest.approx(0.0743, abs=5e-5)
    assert se_from_interval(0.66, 0.89, log=True) == pytest.approx(0.0763, abs=5e-5)
    assert se_from_p(0.61, 0.027, log=True) == pytest.approx(0.2235, abs=5e-5)
    assert critical() == pytest.approx(stats.norm.ppf(0.975), rel=1e-12)


def test_altman_and_blands_example() -> None:
    """BMJ 2011;343:d2090: 0.81 with p = 0.03 (z 2.17) gives 0.67 to 0.98."""
    se = se_from_p(0.81, 0.03, log=True)
    low, high = interval_from_se(0.81, se, log=True)
    assert (low, high) == pytest.approx((0.67, 0.98), abs=0.005)


@given(
    st.floats(0.05, 20), st.floats(0.01, 2), st.booleans(), st.sampled_from([0.5, 0.9, 0.95, 0.99])
)
def test_intervals_come_back(value: float, se: float, log: bool, level: float) -> None:
    low, high = interval_from_se(value, se, log=log, level=level)
    assert se_from_interval(low, high, log=log, level=level) == pytest.approx(se, rel=1e-9)
    if log:
        assert asymmetry(value, low, high) == pytest.approx(0, abs=1e-9)


def test_a_transposed_digit_is_seen() -> None:
    assert asymmetry(3.26, 1.80, 5.09) == pytest.approx(-0.0715, abs=5e-5)
    assert abs(asymmetry(3.26, 1.80, 5.90)) < 0.001


def test_intervals_that_are_none_are_refused() -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: se_from_interval(2, 1, log=False),
        lambda: se_from_interval(-1, 1, log=True),
        lambda: se_from_p(0.8, 0, log=True),
        lambda: se_from_p(1, 0.5, log=True),
        lambda: critical(1),
    )
    for call in calls:
        with pytest.raises(InvalidValue):
            call()


@given(st.floats(0, 5), st.floats(0.01, 5))
def test_rates_and_probabilities_are_inverse(rate: float, time: float) -> None:
    probability = conversion.rate_to_probability(rate, time)
    assert probability == pytest.approx(1 - math.exp(-rate * time), abs=1e-12)
    assert conversion.probability_to_rate(probability, time) == pytest.approx(rate, abs=1e-6)


@given(st.floats(0.2, 2), st.floats(0.05, 0.45))
def test_hazard_and_risk_ratios_are_inverse(ratio: float, risk: float) -> None:
    hazard_ratio = conversion.risk_ratio_to_hazard_ratio(ratio, risk)
    assert conversion.hazard_ratio_to_risk_ratio(hazard_ratio, risk) == pytest.approx(ratio)
    # A ratio of hazards is further from 1 than that of risks.
    assert (hazard_ratio - 1) * (ratio - 1) >= 0
    assert abs(math.log(hazard_ratio)) >= abs(math.log(ratio)) - 1e-12


def test_conversions_by_hand() -> None:
    assert conversion.median_to_rate(26.4 / 12) == pytest.approx(0.315, abs=5e-4)
    assert conversion.mean_to_rate(6) == pytest.approx(1 / 6)
    assert conversion.events_per_patient_to_rate(0.6, 1.2) == pytest.approx(0.5)
    assert conversion.probability_to_odds(0.2) == pytest.approx(0.25)
    assert conversion.odds_to_probability(0.25) == pytest.approx(0.2)
    # Odds 0.25 x 2 = 0.5, a risk of 1/3: 5/3 of 0.2.
    assert conversion.odds_ratio_to_risk_ratio(2, 0.2) == pytest.approx(5 / 3)
    # 0.85 at a control risk of 0.64: ln(1 - 0.544) / ln(0.36).
    assert conversion.risk_ratio_to_hazard_ratio(0.85, 0.64) == pytest.approx(
        math.log(0.456) / math.log(0.36), rel=1e-12
    )


def test_impossible_conversions_are_refused() -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: conversion.rate_to_probability(-1, 1),
        lambda: conversion.probability_to_rate(1, 1),
        lambda: conversion.risk_ratio_to_hazard_ratio(2, 0.64),
        lambda: conversion.hazard_ratio_to_risk_ratio(2, 1),
        lambda: conversion.median_to_rate(0),
        lambda: conversion.mean_to_rate(-1),
        lambda: conversion.events_per_patient_to_rate(1, 0),
        lambda: conversion.probability_to_odds(1),
    )
    for call in calls:
        with pytest.raises(InvalidValue):
            call()
