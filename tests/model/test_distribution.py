"""Distributions against scipy.stats, which shares no code with heecon's closed forms."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from heecon.model.correlation import nearest_covariance
from heecon.model.distribution import fitted, mismatch
from heecon.model.families import FAMILIES, Z975
from heecon.model.joint import JOINT_FAMILIES, Block

PROBABILITIES = np.array([1e-6, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.9999])

# family, native arguments, the same distribution in scipy
CASES: list[tuple[str, tuple[float, ...], Any]] = [
    ("normal", (3.0, 0.5), scipy.stats.norm(3, 0.5)),
    ("beta", (20.0, 3.0), scipy.stats.beta(20, 3)),
    ("gamma", (4.0, 250.0), scipy.stats.gamma(4, scale=250)),
    ("lognormal", (-0.2, 0.07), scipy.stats.lognorm(0.07, scale=np.exp(-0.2))),
    ("uniform", (2.0, 5.0), scipy.stats.uniform(2, 3)),
    ("triangular", (1.0, 2.0, 5.0), scipy.stats.triang(0.25, 1, 4)),
    ("triangular", (1.0, 1.0, 5.0), scipy.stats.triang(0.0, 1, 4)),
    ("pert", (1.0, 2.0, 5.0), scipy.stats.beta(2, 4, 1, 4)),
    ("pert", (0.0, 4.0, 4.0), scipy.stats.beta(5, 1, 0, 4)),
]


@pytest.mark.parametrize(("family", "arguments", "reference"), CASES)
def test_moments_and_quantiles(family: str, arguments: tuple[float, ...], reference: Any) -> None:
    built = fitted(family, reference.mean(), arguments=arguments)
    assert built.mean() == pytest.approx(reference.mean(), rel=1e-12)
    assert built.median() == pytest.approx(reference.median(), rel=1e-10)
    assert built.quantile(PROBABILITIES) == pytest.approx(reference.ppf(PROBABILITIES), rel=1e-9)
    assert built.support() == reference.support()
    low, high = reference.ppf([0.001, 0.9999])
    for value in (-math.inf, low - 5, *np.linspace(low, high, 7), high + 5, math.inf):
        assert built.cdf(value) == pytest.approx(reference.cdf(value), rel=1e-9, abs=1e-14)


def test_logit_normal() -> None:
    built = fitted("logit_normal", 0.5, arguments=(0.4, 0.9))
    normal = scipy.stats.norm(0.4, 0.9)
    expected = 1 / (1 + np.exp(-normal.ppf(PROBABILITIES)))
    assert built.quantile(PROBABILITIES) == pytest.approx(expected, rel=1e-12)
    points = np.array([-1.0, 0.0, 0.2, 0.9, 1.0, 3.0])
    below = [0.0, 0.0, *normal.cdf(scipy.special.logit(points[2:4])), 1.0, 1.0]
    assert [built.cdf(x) for x in points] == pytest.approx(below, rel=1e-12)
    mean = normal.expect(scipy.special.expit)
    extreme = fitted("logit_normal", 0.5, arguments=(-700.0, 30.0)).quantile(PROBABILITIES)
    assert ((extreme >= 0) & (extreme < 1e-100)).all()
    assert built.mean() == pytest.approx(mean, rel=1e-8)
    assert built.median() == pytest.approx(1 / (1 + np.exp(-0.4)), rel=1e-12)


@pytest.mark.parametrize(
    ("family", "value", "se"),
    [
        ("normal", -2.0, 0.3),
        ("beta", 0.685, 0.0293),
        ("gamma", 500.0, 50.0),
        ("lognormal", 0.8, 0.1),
    ],
)
def test_from_a_standard_error(family: str, value: float, se: float) -> None:
    """The method of moments gives back the mean and the standard error."""
    built = fitted(family, value, se=se)
    u = (np.arange(400_000) + 0.5) / 400_000
    values = built.quantile(u)
    assert built.mean() == pytest.approx(value, rel=1e-12)
    assert values.mean() == pytest.approx(value, rel=1e-4)
    assert values.std() == pytest.approx(se, rel=1e-3)
    assert mismatch(built, value) == ""


@pytest.mark.parametrize(
    ("family", "value", "low", "high"),
    [("lognormal", 0.82, 0.71, 0.95), ("logit_normal", 0.3, 0.2, 0.42)],
)
def test_intervals_on_their_own_scale(family: str, value: float, low: float, high: float) -> None:
    """The value is the median, and the limits hold 95% as far as they are symmetric."""
    built = fitted(family, value, low=low, high=high)
    assert built.centre == "median"
    assert built.median() == pytest.approx(value, rel=1e-12)
    assert built.quantile(np.array([0.025, 0.975])) == pytest.approx([low, high], rel=0.02)


def test_symmetric_intervals_give_the_standard_error() -> None:
    for family in ("normal", "beta", "gamma"):
        from_interval = fitted(family, 0.5, low=0.4, high=0.6)
        from_error = fitted(family, 0.5, se=0.1 / Z975)
        assert from_interval.arguments == pytest.approx(from_error.arguments, rel=1e-12)


@pytest.mark.parametrize(("family", "arguments", "reference"), CASES)
def test_quantiles_invert_the_distribution_function(
    family: str, arguments: tuple[float, ...], reference: Any
) -> None:
    u = np.linspace(0.001, 0.999, 999)
    values = fitted(family, 1.0, arguments=arguments).quantile(u)
    assert reference.cdf(values) == pytest.approx(u, abs=1e-10)


@pytest.mark.parametrize("family", ["uniform", "triangular", "pert"])
def test_a_range(family: str) -> None:
    """Low and high are the range of the bounded families, and the value is the mode."""
    built = fitted(family, 2.0, low=1.0, high=5.0)
    assert built.quantile(np.array([0.0, 1.0])) == pytest.approx([1, 5])
    assert built.arguments == ((1, 5) if family == "uniform" else (1, 2, 5))
    assert mismatch(built, 2.0) == "" if family != "uniform" else mismatch(built, 3.0) == ""


def test_a_fixed_value_does_not_vary() -> None:
    built = fitted("fixed", 3.0)
    assert built.quantile(np.array([0.01, 0.5, 0.99])).tolist() == [3, 3, 3]
    assert (built.mean(), built.median(), mismatch(built, 3.0)) == (3, 3, "")


SUPPORTS = {
    "beta": (0, 1),
    "gamma": (0, np.inf),
    "lognormal": (0, np.inf),
    "logit_normal": (0, 1),
    "normal": (-np.inf, np.inf),
}


@example("gamma", 0.41268532835663646, 20.0, [1e-9, 1.0000000000000003e-9])
@given(
    st.sampled_from(sorted(SUPPORTS)),
    st.floats(0.01, 20),
    st.floats(0.01, 20),
    st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2, max_size=20),
)
def test_quantiles_ascend_inside_the_support(
    family: str, first: float, second: float, probabilities: list[float]
) -> None:
    built = fitted(family, 0.5, arguments=(first, second))
    values = built.quantile(np.sort(probabilities))
    low, high = SUPPORTS[family]
    # scipy's beta and gamma end within 1e-14 of the exact quantile: probabilities closer than that,
    # such as 1e-9 and the next number, may come out in either order.
    assert (np.diff(values) >= -1e-13 * np.abs(values[1:])).all()
    assert (values >= low).all()
    assert (values <= high).all()


@given(
    st.sampled_from(["uniform", "triangular", "pert"]),
    st.floats(-1e3, 1e3),
    st.floats(0, 1),
    st.floats(1e-3, 1e3),
    st.lists(st.just(0.0) | st.floats(0.5**54, 1), min_size=2, max_size=20),
)
def test_ranges_are_kept(
    family: str, low: float, share: float, width: float, probabilities: list[float]
) -> None:
    high = low + width
    built = fitted(family, low + share * (high - low), low=low, high=high)
    values = built.quantile(np.sort(probabilities))
    slack = 1e-9 * max(abs(low), abs(high), 1)
    assert (np.diff(values) >= -slack).all()
    assert values.min() >= low - slack
    assert values.max() <= high + slack
    assert low - slack <= built.mean() <= high + slack


@given(
    st.sampled_from(sorted(FAMILIES)),
    st.floats(allow_nan=False),
    st.lists(st.floats(), max_size=3),
    st.none() | st.floats(),
    st.none() | st.floats(),
    st.none() | st.floats(),
)
def test_any_numbers_give_a_distribution_or_a_complaint(
    family: str,
    value: float,
    arguments: list[float],
    se: float | None,
    low: float | None,
    high: float | None,
) -> None:
    try:
        built = fitted(family, value, arguments=arguments, se=se, low=low, high=high)
    except ValueError:
        return
    assert np.isfinite(built.mean())
    assert np.isfinite(built.median())
    mismatch(built, 1.0)


def test_an_unknown_family() -> None:
    with pytest.raises(ValueError, match=r"unknown distribution 'gama'. Did you mean 'gamma'"):
        fitted("gama", 1.0)


def test_native_arguments_go_before_the_rest() -> None:
    built = fitted("gamma", 2000, arguments=(100, 20), se=5, low=1, high=9999)
    assert built.arguments == (100, 20)


def test_a_value_off_its_distribution_is_said_with_numbers() -> None:
    off = mismatch(fitted("gamma", 1000, arguments=(4, 300)), 1000)
    assert "base value 1000 is not the mean of gamma(shape=4, scale=300)" in off
    assert "mean 1200" in off
    assert "median 1101.6" in off
    off = mismatch(fitted("triangular", 2.5, arguments=(1, 2, 5)), 2.5)
    assert "not the mode" in off
    assert "mode 2" in off


@pytest.mark.parametrize("family", FAMILIES)
def test_bad_arguments_are_refused(family: str) -> None:
    entry = FAMILIES[family]
    with pytest.raises(ValueError, match="takes"):
        fitted(family, 0.5, arguments=(1.0,) * (len(entry.arguments) + 1))
    if family != "fixed":
        with pytest.raises(ValueError, match="must"):
            fitted(
                family,
                0.5,
                arguments=tuple(range(len(entry.arguments), 0, -1)[:1])
                + (-1.0,) * (len(entry.arguments) - 1),
            )


def uniforms(draws: int, columns: int) -> np.ndarray:
    return np.random.default_rng(0).random((draws, columns))


def test_dirichlet_moments() -> None:
    counts = np.array([20.0, 5.0, 75.0])
    block = Block("mix", "dirichlet", ("a", "b", "c"), counts / 100, np.empty((0, 3)), counts)
    draws = block.draw(uniforms(200_000, 3))
    reference = scipy.stats.dirichlet(counts)
    assert draws.sum(axis=1) == pytest.approx(np.ones(len(draws)))
    assert draws.mean(axis=0) == pytest.approx(reference.mean(), abs=0.0005)
    assert np.cov(draws.T) == pytest.approx(reference.cov(), abs=3e-5)
    assert block.mean() == pytest.approx(reference.mean())


@pytest.mark.parametrize(
    ("family", "values", "link"),
    [
        ("multivariate_normal", [1.0, -2.0], lambda x: x),
        ("multivariate_lognormal", [0.8, 2.0], np.log),
        ("multivariate_logit_normal", [0.3, 0.6], lambda x: np.log(x / (1 - x))),
    ],
)
def test_covariance_is_on_the_scale_of_the_link(
    family: str, values: list[float], link: Any
) -> None:
    covariance = np.array([[0.04, 0.018], [0.018, 0.09]])
    block = Block("g", family, ("a", "b"), np.array(values), covariance, np.zeros(2))
    draws = link(block.draw(uniforms(200_000, 2)))
    assert draws.mean(axis=0) == pytest.approx(link(np.array(values)), abs=0.003)
    assert np.cov(draws.T) == pytest.approx(covariance, abs=0.001)


def test_rows_of_joint_draws_stay_together() -> None:
    rows = np.arange(20.0).reshape(10, 2)
    block = Block("g", "empirical", ("a", "b"), rows.mean(axis=0), rows, np.zeros(2))
    draws = block.draw(uniforms(5_000, 2))
    assert (draws[:, 1] - draws[:, 0] == 1).all()
    assert set(draws[:, 0]) == set(rows[:, 0])
    assert draws.mean(axis=0) == pytest.approx(rows.mean(axis=0), abs=0.3)
    assert np.cov(draws.T) == pytest.approx(np.cov(rows.T, bias=True), rel=0.05)
    edges = block.draw(np.array([[0.0, 0.5], [1.0, 0.5]]))
    assert edges.tolist() == [rows[0].tolist(), rows[-1].tolist()]


def test_shares_of_a_whole_sum_to_one() -> None:
    counts = np.array([1.0, 3.0])
    block = Block("g", "dirichlet", ("a", "b"), np.array([0.25, 0.25]), np.empty((0, 2)), counts)
    assert "sum to 0.5, not 1" in JOINT_FAMILIES["dirichlet"].check(block)
    block = Block("g", "dirichlet", ("a", "b"), counts / 4, np.empty((0, 2)), counts - 1)
    assert "a was never observed (its count, arg1, is 0)" in JOINT_FAMILIES["dirichlet"].check(
        block
    )
    block = Block("g", "dirichlet", ("a", "b"), counts / 4, np.empty((0, 2)), counts - 2)
    assert "must be positive" in JOINT_FAMILIES["dirichlet"].check(block)


def test_a_dirichlet_of_tiny_counts_is_drawn() -> None:
    """Nearly all of the whole falls to one part: to each as often as its count says."""
    counts = np.array([0.001, 0.003])
    block = Block("mix", "dirichlet", ("a", "b"), counts / 0.004, np.empty((0, 2)), counts)
    draws = block.draw(uniforms(20_000, 2))
    assert draws.sum(axis=1) == pytest.approx(np.ones(len(draws)))
    assert draws.mean(axis=0) == pytest.approx([0.25, 0.75], abs=0.01)
    # The first share is beta(0.001, 0.003).
    between = ((draws[:, 0] > 1e-6) & (draws[:, 0] < 1 - 1e-6)).mean()
    beta = scipy.stats.beta(*counts)
    assert between == pytest.approx(beta.cdf(1 - 1e-6) - beta.cdf(1e-6), abs=0.005)


def covariances(matrix: list[list[float]]) -> Block:
    names = ("a", "b", "c")[: len(matrix)]
    values = np.array([1.0, -2.0, 0.5])[: len(matrix)]
    return Block("g", "multivariate_normal", names, values, np.array(matrix), np.zeros(len(names)))


@pytest.mark.parametrize(
    "matrix",
    [
        [[0.04, 0.06], [0.06, 0.09]],  # correlation 1
        [[0.04, -0.06], [-0.06, 0.09]],
        [[0.04, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[0.04, 0.0, 0.04], [0.0, 0.09, 0.09], [0.04, 0.09, 0.13]],  # c - a - b does not vary
    ],
)
def test_a_singular_covariance_is_drawn(matrix: list[list[float]]) -> None:
    block = covariances(matrix)
    assert JOINT_FAMILIES[block.family].check(block) == ""
    assert nearest_covariance(block.matrix)[1] < 1e-12
    draws = block.draw(uniforms(50_000, len(matrix)))
    assert draws.mean(axis=0) == pytest.approx(block.values, abs=0.005)
    assert np.cov(draws.T) == pytest.approx(np.array(matrix), abs=0.002)
    values, vectors = np.linalg.eigh(matrix)
    for vector in vectors.T[values < 1e-12]:  # what does not vary does not vary at all
        assert np.ptp(draws @ vector) < 1e-9


@pytest.mark.parametrize(("beyond", "fits"), [(1e-11, True), (0.0099, True), (0.0101, False)])
def test_a_covariance_that_is_impossible_by_rounding_is_repaired(beyond: float, fits: bool) -> None:
    """A correlation of 1 + beyond becomes 1; nothing else comes near."""
    scale = np.outer([0.2, 3.0], [0.2, 3.0])
    block = covariances((scale * [[1, 1 + beyond], [1 + beyond, 1]]).tolist())
    if not fits:
        assert "not positive definite" in JOINT_FAMILIES[block.family].check(block)
        return
    assert JOINT_FAMILIES[block.family].check(block) == ""
    found, change = nearest_covariance(block.matrix)
    assert change == pytest.approx(beyond, rel=1e-3)
    assert found == pytest.approx(scale, rel=1e-12)


@pytest.mark.parametrize(
    ("family", "matrix", "words"),
    [
        ("multivariate_normal", [[1.0, 2.0], [2.0, 1.0]], "not positive definite"),
        ("multivariate_normal", [[1.0, 0.5], [0.4, 1.0]], "not symmetric"),
        ("multivariate_normal", [[1.0, 0.0], [0.0, -1.0]], "the variance of b is negative"),
        ("multivariate_normal", [[1.0, 0.1], [0.1, 0.0]], "b has no variance, but a covariance"),
        ("multivariate_lognormal", [[1.0, 0.0], [0.0, 1.0]], "must be positive"),
        ("multivariate_logit_normal", [[1.0, 0.0], [0.0, 1.0]], "inside 0 and 1"),
        ("empirical", [[1.0, 2.0]], "at least two"),
    ],
)
def test_bad_blocks_are_refused(family: str, matrix: list[list[float]], words: str) -> None:
    block = Block("g", family, ("a", "b"), np.array([-1.0, 2.0]), np.array(matrix), np.zeros(2))
    assert words in JOINT_FAMILIES[family].check(block)
