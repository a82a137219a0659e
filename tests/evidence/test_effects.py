"""Intervals and conversions against known answers."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from heecon.errors import InvalidValue
from heecon.evidence import conversion
from heecon.evidence.interval import (
    CRITICAL,
    asymmetry,
    interval_from_se,
    se_from_interval,
    se_from_p,
)


def test_standard_errors_of_published_intervals() -> None:
    """Stopeck: 0.0743 and 0.0763 on the logarithmic scale; Kohno: 0.2235 from p = 0.027."""
    assert se_from_interval(0.71, 0.95, log=True) == pytest.approx(0.0743, abs=5e-5)
    assert se_from_interval(0.66, 0.89, log=True) == pytest.approx(0.0763, abs=5e-5)
    assert se_from_p(0.61, 0.027, log=True) == pytest.approx(0.2235, abs=5e-5)
    assert pytest.approx(stats.norm.ppf(0.975), rel=1e-12) == CRITICAL


def test_altman_and_blands_example() -> None:
    """BMJ 2011;343:d2090: 0.81 with p = 0.03 (z 2.17) gives 0.67 to 0.98."""
    se = se_from_p(0.81, 0.03, log=True)
    low, high = interval_from_se(0.81, se, log=True)
    assert (low, high) == pytest.approx((0.67, 0.98), abs=0.005)


@given(st.floats(0.05, 20), st.floats(0.01, 2), st.booleans())
def test_intervals_come_back(value: float, se: float, log: bool) -> None:
    low, high = interval_from_se(value, se, log=log)
    assert se_from_interval(low, high, log=log) == pytest.approx(se, rel=1e-9)
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
    )
    for call in calls:
        with pytest.raises(InvalidValue):
            call()


@given(st.floats(0.2, 2), st.floats(0.05, 0.45))
def test_hazard_ratios_give_the_risk_ratio_back(ratio: float, risk: float) -> None:
    hazard_ratio = conversion.risk_ratio_to_hazard_ratio(ratio, risk)
    assert (1 - (1 - risk) ** hazard_ratio) / risk == pytest.approx(ratio)
    # A ratio of hazards is further from 1 than that of risks.
    assert (hazard_ratio - 1) * (ratio - 1) >= 0
    assert abs(math.log(hazard_ratio)) >= abs(math.log(ratio)) - 1e-12


def test_conversions_by_hand() -> None:
    assert conversion.median_to_rate(26.4 / 12) == pytest.approx(0.315, abs=5e-4)
    assert conversion.mean_to_rate(6) == pytest.approx(1 / 6)
    # 0.85 at a control risk of 0.64: ln(1 - 0.544) / ln(0.36).
    assert conversion.risk_ratio_to_hazard_ratio(0.85, 0.64) == pytest.approx(
        math.log(0.456) / math.log(0.36), rel=1e-12
    )


@pytest.mark.parametrize(("frailty", "ratio"), [(0.73, 0.6), (1.5, 0.8), (0.0, 0.7)])
def test_events_behind_risks_and_hazard_ratios_are_those_of_simulated_patients(
    frailty: float, ratio: float
) -> None:
    """Patients with rates of their own, counted one by one: their risks give back their rates."""
    random = np.random.default_rng(5)
    rates = random.gamma(1 / frailty, frailty, 400_000) if frailty else np.ones(400_000)
    control, treated = (float((random.poisson(0.9 * r * rates) > 0).mean()) for r in (1, ratio))
    assert conversion.mean_events(control, frailty) == pytest.approx(0.9, rel=0.01)
    found = conversion.risk_ratio_to_rate_ratio(treated / control, control, frailty)
    assert found == pytest.approx(ratio, rel=0.015)
    first = math.log(1 - treated) / math.log(1 - control)  # ratio of cumulative hazards
    found = conversion.hazard_ratio_to_rate_ratio(first, control, frailty)
    assert found == pytest.approx(ratio, rel=0.015)


def test_impossible_conversions_are_refused() -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: conversion.risk_ratio_to_hazard_ratio(2, 0.64),
        lambda: conversion.median_to_rate(0),
        lambda: conversion.mean_to_rate(-1),
    )
    for call in calls:
        with pytest.raises(InvalidValue):
            call()


@pytest.mark.parametrize(
    ("convert", "said"),
    [
        (lambda: conversion.hazard_ratio_to_rate_ratio(0.8, 22, 0.7), "a risk of 22 is impossible"),
        (lambda: conversion.mean_events(0.3, 5000), "the variance 5000 of a frailty is not"),
        (lambda: conversion.risk_ratio_to_rate_ratio(3, 0.5, 0.7), "3 at a control risk of 0.5"),
    ],
)
def test_impossible_figures_of_a_frailty_are_named(convert: Callable[[], float], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        convert()
