"""Functions against scipy and closed forms; every target that computes one itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from heecon.language import FUNCTIONS, Definition, check, evaluate, numba_runtime, parse

TIMES = np.array([0.0, 1e-9, 0.01, 0.5, 1.0, 2.5, 10.0, 40.0])


def survival(text: str) -> np.ndarray:
    return evaluate(parse(text), {"t": TIMES}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("survival_exponential(t, 0.3)", stats.expon(scale=1 / 0.3)),
        ("survival_weibull(t, 0.7, 5)", stats.weibull_min(0.7, scale=5)),
        ("survival_weibull(t, 1.9, 5)", stats.weibull_min(1.9, scale=5)),
        ("survival_gompertz(t, 0.08, 0.02)", stats.gompertz(0.25, scale=12.5)),
        ("survival_lognormal(t, 1.1, 0.9)", stats.lognorm(0.9, scale=math.exp(1.1))),
        ("survival_loglogistic(t, 1.4, 6)", stats.fisk(1.4, scale=6)),
        ("survival_gamma(t, 0.6, 0.2)", stats.gamma(0.6, scale=5)),
        ("survival_gamma(t, 3.3, 0.9)", stats.gamma(3.3, scale=1 / 0.9)),
    ],
)
def test_survival_against_scipy(text: str, expected: stats.rv_continuous) -> None:
    value = survival(text)
    assert value[0] == 1.0
    np.testing.assert_allclose(value, expected.sf(TIMES), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("q", [2.0, 1.0, 0.3, 0.02, -0.02, -0.4, -1.5])
def test_generalised_gamma_against_its_density(q: float) -> None:
    """scipy's gengamma(a, c) has the density |c| x^(ca - 1) exp(-x^c) / Gamma(a).

    So a = q^-2 and c = q / sigma, with the scale exp(mu) |q|^(2 / c).
    """
    mu, sigma = 1.2, 0.8
    c = q / sigma
    scale = math.exp(mu + 2 * math.log(abs(q)) / c)
    expected = stats.gengamma.sf(TIMES[1:], q**-2, c, scale=scale)
    value = survival(f"survival_gengamma(t, {mu}, {sigma}, {q})")
    assert value[0] == 1.0
    np.testing.assert_allclose(value[1:], expected, rtol=1e-9, atol=1e-11)


def test_generalised_gamma_special_cases() -> None:
    """q = 1 is Weibull (shape 1 / sigma), q = sigma is gamma, q = 0 is lognormal."""
    weibull = survival("survival_weibull(t, 1 / 0.8, exp(1.2))")
    np.testing.assert_allclose(survival("survival_gengamma(t, 1.2, 0.8, 1)"), weibull, atol=1e-14)
    gamma = survival("survival_gamma(t, 0.8 ** -2, exp(-1.2) / 0.8 ** 2)")
    np.testing.assert_allclose(survival("survival_gengamma(t, 1.2, 0.8, 0.8)"), gamma, atol=1e-14)
    lognormal = survival("survival_lognormal(t, 1.2, 0.8)")
    np.testing.assert_array_equal(survival("survival_gengamma(t, 1.2, 0.8, 0)"), lognormal)


@pytest.mark.parametrize("power", range(1, 13))
@pytest.mark.parametrize("sign", [1, -1])
def test_generalised_gamma_goes_to_lognormal_smoothly(power: int, sign: int) -> None:
    """The difference is of the order of q all the way down, until it is taken as 0 below 1e-8."""
    q = sign * 10.0**-power
    near = survival(f"survival_gengamma(t, 1.2, 0.8, {q:.0e})".replace("e-0", "e-"))
    lognormal = survival("survival_lognormal(t, 1.2, 0.8)")
    difference = np.max(np.abs(near - lognormal))
    if power > 8:
        assert difference == 0.0
    elif power < 8:
        assert 0.02 * abs(q) < difference < 0.2 * abs(q)


@pytest.mark.parametrize("shape", [0.2, -0.2, 1e-3, 4e-4, 1e-4, -1e-5, 1e-8, 1e-15, 0.0])
def test_gompertz_keeps_its_digits_near_shape_0(shape: float) -> None:
    grown = np.expm1(shape * TIMES) / shape if shape else TIMES
    value = survival(f"survival_gompertz(t, {shape!r}, 0.05)")
    np.testing.assert_allclose(value, np.exp(-0.05 * grown), rtol=1e-11)


def test_gompertz_series_has_enough_terms() -> None:
    value = evaluate(parse("survival_gompertz(1, 0.00099, 5)"), {}, {})
    expected = math.exp(-5 * math.expm1(0.00099) / 0.00099)
    assert float(value) == pytest.approx(expected, rel=1e-12, abs=0)


def test_gompertz_far_out_is_0() -> None:
    assert evaluate(parse("survival_gompertz(t, 1, 0.05)"), {"t": 1e4}, {}) == 0.0


def test_gamma_cdf_grid() -> None:
    worst = 0.0
    for shape in [1e-3, 0.1, 0.5, 1.0, 2.3, 9.9, 10.0, 50.0, 1e3, 9_999.0, 1e4]:
        middle = shape + math.sqrt(shape) * np.linspace(-6, 6, 25)
        for x in np.abs([*middle, 0.01 * shape, 0.5 * shape, 2 * shape, 1e-6 * shape]):
            expected = special.gammainc(shape, x)
            worst = max(worst, abs(numba_runtime.gamma_cdf(float(x), shape, 1.0) - expected))
    assert worst < 1e-14


@pytest.mark.parametrize("shape", [10_001.0, 1e5, 1e6, 1e8, 1e12])
def test_gamma_cdf_of_large_shape(shape: float) -> None:
    """Near the mean scipy is exact; far out Wilson and Hilferty's cube root will do."""
    root = math.sqrt(shape)
    for z in (-3.0, -1.0, 0.0, 0.5, 2.0, 4.0):
        x = shape + z * root
        value = numba_runtime.gamma_cdf(x, shape, 1.0)
        assert abs(value - special.gammainc(shape, x)) < 1e-15
        assert evaluate(parse("gamma_cdf(x, a, 1)"), {"x": [x], "a": shape}, {})[0] == value
    for z in (-8.0, -5.0, 5.0, 8.0):
        x = shape + z * root
        cube = 3 * math.sqrt(shape) * ((x / shape) ** (1 / 3) - 1 + 1 / (9 * shape))
        value = numba_runtime.gamma_cdf(x, shape, 1.0)
        assert value == pytest.approx(special.ndtr(cube), rel=0.02, abs=1e-15)
    assert numba_runtime.gamma_cdf(shape * 0.4, shape, 1.0) == 0.0
    assert numba_runtime.gamma_cdf(shape * 1.6, shape, 1.0) == 1.0


@pytest.mark.parametrize(
    ("x", "shape", "scale", "expected"),
    [
        (0.0, 2.0, 1.0, 0.0),
        (-1.0, 2.0, 1.0, 0.0),
        (math.inf, 2.0, 1.0, 1.0),
        (math.nan, 2.0, 1.0, math.nan),
        (1.0, 0.0, 1.0, math.nan),
        (1.0, -1.0, 1.0, math.nan),
        (1.0, 2.0, 0.0, math.nan),
        (1.0, math.nan, 1.0, math.nan),
    ],
)
def test_gamma_cdf_at_its_edges(x: float, shape: float, scale: float, expected: float) -> None:
    np.testing.assert_equal(numba_runtime.gamma_cdf(x, shape, scale), expected)
    values = {"x": x, "a": shape, "s": scale}
    np.testing.assert_equal(float(evaluate(parse("gamma_cdf(x, a, s)"), values, {})), expected)


def test_normal_functions() -> None:
    p = np.concatenate([10.0 ** np.arange(-300, -1, 7), np.linspace(0.001, 0.999, 300)])
    quantiles = [numba_runtime.normal_quantile(float(value)) for value in p]
    np.testing.assert_allclose(quantiles, special.ndtri(p), rtol=1e-13, atol=1e-15)
    x = np.linspace(-35.0, 9.0, 300)
    levels = [numba_runtime.normal_cdf(float(value)) for value in x]
    np.testing.assert_allclose(levels, special.ndtr(x), rtol=1e-12)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_normal_quantile_at_its_edges(p: float) -> None:
    np.testing.assert_equal(numba_runtime.normal_quantile(p), special.ndtri(p))


def test_smallest_and_largest_of_eight() -> None:
    rng = np.random.default_rng(7)
    for count in range(2, 9):
        numbers = [float(value) for value in rng.normal(size=count)]
        assert numba_runtime.minimum(*numbers) == min(numbers)
        assert numba_runtime.maximum(*numbers) == max(numbers)
        assert math.isnan(numba_runtime.minimum(*[*numbers[1:], math.nan]))
        assert math.isnan(numba_runtime.maximum(*[*numbers[1:], math.nan]))


def test_what_has_no_value_is_nan_or_infinite_without_warning() -> None:
    cases = {
        "log(0 * x)": -math.inf,
        "log(-x)": math.nan,
        "sqrt(-x)": math.nan,
        "x / (x - 1)": math.inf,
        "(x - 1) / (x - 1)": math.nan,
        "exp(1000 * x)": math.inf,
        "(-8 * x) ** (1 / 3)": math.nan,
        "(0 * x) ** -1": math.inf,
        "min(x, log(-x))": math.nan,
        "2 if log(-x) > 0 else 3": math.nan,  # what has no value decides nothing
        "1 / 0": math.inf,
        "normal_quantile(2 * x)": math.nan,
    }
    for text, expected in cases.items():
        np.testing.assert_equal(float(evaluate(parse(text), {"x": 1.0}, {})), expected, text)


def test_nan_in_the_unchosen_branch_is_harmless() -> None:
    value = evaluate(parse("log(x) if x > 0 else -1"), {"x": [-1.0, 0.0, 1.0]}, {})
    np.testing.assert_array_equal(value, [-1.0, -1.0, 0.0])


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_entries(function: object) -> None:
    if isinstance(function, Definition):
        assert check(function.body, function.arguments, {}) == []
    name = next(key for key, entry in FUNCTIONS.items() if entry is function)
    assert FUNCTIONS[name].name == name
    assert FUNCTIONS[name].summary.endswith(".")
