"""EVSI: closed forms by both methods, declared trials, the best size."""

from itertools import pairwise
from math import sqrt
from typing import Any, Literal

import numpy as np
import pytest

import heecon as he
from heecon.analysis.evsi import (
    Evsi,
    _posteriors,
    _shrinkage,
    best_size,
    evsi,
    net_benefit_of_sampling,
)
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.trial import (
    Trial,
    binomial_trial,
    hazard_ratio_trial,
    normal_trial,
    poisson_trial,
)

from .linear import linear_draws, loss, passes

Way = Literal["regression", "moment_matching"]
WAYS: tuple[Way, ...] = ("regression", "moment_matching")


def truth(n: int, sd: float = 2.0) -> float:
    """Prior variance 1, data variance sd^2 / n: the posterior mean's is 1 / (1 + sd^2 / n)."""
    return loss(100.0, 300 / sqrt(1 + sd**2 / n))


# --- closed forms -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way", ["regression", pytest.param("moment_matching", marks=pytest.mark.slow)]
)
def test_linear_normal(way: Way) -> None:
    trial = normal_trial("x0", 2.0)
    scores: dict[int, list[float]] = {2: [], 40: []}
    for seed in range(50):
        for found in evsi(linear_draws(seed), trial, [2, 40], 1.0, method=way, seed=seed):
            scores[found.n].append((found.value - truth(found.n)) / found.standard_error)
            assert not found.contradicts
    for values in scores.values():
        assert passes(values)
        assert 0.7 < np.std(values) < 1.4


def test_a_correlated_parameter_is_learnt_too() -> None:
    """A trial of x0 alone moves the expectation of x1 by 0.6 of what it moves x0's."""
    outcomes = linear_draws(3, 5000, correlation=0.6)
    expected = loss(100.0, (300 + 400 * 0.6) / sqrt(1 + 4 / 10))
    for way in WAYS:
        (found,) = evsi(outcomes, normal_trial("x0", 2.0), [10], 1.0, method=way)
        assert abs(found.value - expected) <= 2 * found.standard_error, way


def beta_decision(draws: int = 5000) -> Outcomes:
    """The new option gains 1000 (p - 0.25); p is beta(3, 7)."""
    generator = np.random.default_rng(12)
    p = generator.beta(3, 7, draws)
    nmb = 1000 * (p - 0.25) + 50 * generator.normal(size=draws)
    return Outcomes(
        ("a", "b"), np.column_stack([np.zeros(draws), -nmb]), np.zeros((draws, 2)), {"p": p}
    )


def test_a_binomial_trial() -> None:
    """Exact: the count is beta-binomial, the posterior mean (3 + count) / (10 + n).

    Moment matching keeps the shape of the parameter's distribution, which six possible results do
    not have: it needs the larger trial.
    """
    from scipy.stats import betabinom  # noqa: PLC0415

    outcomes = beta_decision()
    for n, ways in ((5, WAYS[:1]), (50, WAYS)):
        counts = np.arange(n + 1)
        gains = 1000 * ((3 + counts) / (10 + n) - 0.25)
        exact = float(betabinom.pmf(counts, n, 3, 7) @ np.maximum(gains, 0)) - 50
        for way in ways:
            (found,) = evsi(outcomes, binomial_trial("p"), [n], 1.0, method=way)
            assert abs(found.value - exact) <= 2 * found.standard_error, (n, way)


def test_a_poisson_trial() -> None:
    """Exact: the count is negative binomial, the posterior mean (4 + count) / (10 + time)."""
    from scipy.stats import nbinom  # noqa: PLC0415

    generator = np.random.default_rng(13)
    rate = generator.gamma(4, 1 / 10, 5000)
    nmb = 1000 * (0.4 - rate) + 50 * generator.normal(size=5000)
    outcomes = Outcomes(
        ("a", "b"), np.column_stack([np.zeros(5000), -nmb]), np.zeros((5000, 2)), {"rate": rate}
    )
    time = 20 * 0.5
    counts = np.arange(200)
    gains = 1000 * (0.4 - (4 + counts) / (10 + time))
    exact = float(nbinom.pmf(counts, 4, 10 / (10 + time)) @ np.maximum(gains, 0))
    for way in WAYS:
        (found,) = evsi(outcomes, poisson_trial("rate", 0.5), [20], 1.0, method=way)
        assert abs(found.value - exact) <= 2 * found.standard_error, way


def hazard_ratio_decision(draws: int = 5000) -> Outcomes:
    """Costs 100; saves 1000 x -(log HR); log HR is normal(-0.1, 0.2)."""
    generator = np.random.default_rng(14)
    log_ratio = generator.normal(-0.1, 0.2, draws)
    nmb = -1000 * log_ratio - 100 + 50 * generator.normal(size=draws)
    return Outcomes(
        ("a", "b"),
        np.column_stack([np.zeros(draws), -nmb]),
        np.zeros((draws, 2)),
        {"hr": np.exp(log_ratio)},
    )


def test_a_head_to_head_trial_of_a_hazard_ratio() -> None:
    """250 in each arm with 0.4 events a person: 200 events, variance 4 / 200."""
    expected = loss(0.0, 1000 * 0.2 * sqrt(0.04 / (0.04 + 4 / 200)))
    for way in WAYS:
        (found,) = evsi(
            hazard_ratio_decision(), hazard_ratio_trial("hr", 0.4), [250], 1.0, method=way
        )
        assert abs(found.value - expected) <= 2 * found.standard_error, way
        assert (found.n, found.people) == (250, 500)


def test_the_data_of_a_hazard_ratio_trial() -> None:
    ones = {"hr": np.full(20_000, 0.8)}
    data = hazard_ratio_trial("hr", 0.4).simulate(ones, 250, seed=2)[:, 0]
    assert data.mean() == pytest.approx(np.log(0.8), abs=4 * sqrt(0.02 / 20_000))
    assert data.var() == pytest.approx(4 / 200, rel=0.05)


def three_strategies() -> Outcomes:
    generator = np.random.default_rng(15)
    x = generator.normal(size=5000)
    noise = 200 * generator.normal(size=(5000, 3))
    nmb = np.column_stack([np.zeros(5000), 500 * x - 100, -500 * x - 100]) + noise
    return Outcomes(("a", "b", "c"), -nmb, np.zeros((5000, 3)), {"x": x})


def test_three_strategies() -> None:
    expected = 2 * loss(-100.0, 500 / sqrt(1 + 1))
    for way in WAYS:
        (found,) = evsi(three_strategies(), normal_trial("x", 3.0), [9], 1.0, method=way)
        assert abs(found.value - expected) <= 2 * found.standard_error, way


def test_a_trial_of_two_parameters() -> None:
    """A declared trial of one's own: both measured, with different precision."""

    def data(draws: Any, n: int, uniforms: Any) -> Any:
        from scipy.special import ndtri  # noqa: PLC0415

        means = np.column_stack([draws["x0"], draws["x1"]])
        return means + ndtri(uniforms) * np.array([2.0, 1.0]) / sqrt(n)

    def log_likelihood(found: Any, draws: Any, n: int) -> Any:
        return -n / 2 * ((found[0] - draws["x0"]) ** 2 / 4 + (found[1] - draws["x1"]) ** 2)

    trial = Trial("both", ("x0", "x1"), 1, data, 2, log_likelihood)
    variance = 300**2 / (1 + 4 / 5) + 400**2 / (1 + 1 / 5)
    for way in WAYS:
        (found,) = evsi(linear_draws(16, 5000), trial, [5], 1.0, method=way)
        assert abs(found.value - loss(100.0, sqrt(variance))) <= 2 * found.standard_error, way


def test_matched_values_have_the_covariance_the_study_explains() -> None:
    generator = np.random.default_rng(20)
    root = generator.normal(size=(3, 3))
    prior = root @ root.T
    left = prior - 0.3 * np.outer(root[:, 0], root[:, 0]) - 0.1 * np.outer(root[:, 1], root[:, 1])
    shrink = _shrinkage(prior, left)
    np.testing.assert_allclose(shrink.T @ prior @ shrink, prior - left, atol=1e-9)
    # two strategies whose gains are proportional: the covariance has no inverse
    prior = np.array([[4.0, 2.0], [2.0, 1.0]])
    shrink = _shrinkage(prior, 0.75 * prior)
    np.testing.assert_allclose(shrink.T @ prior @ shrink, 0.25 * prior, atol=1e-9)


def test_a_posterior_leaves_out_the_draw_its_data_came_from() -> None:
    weights = _posteriors(np.log([[1.0, 2.0, 3.0], [9.0, 1.0, 1.0]]), np.array([2, 0]))
    np.testing.assert_allclose(weights, [[1 / 3, 2 / 3, 0], [0, 0.5, 0.5]])


# --- order --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_larger_trials_are_worth_more_and_none_more_than_certainty(way: Way) -> None:
    found = evsi(
        linear_draws(17, 3000), normal_trial("x0", 5.0), [1, 5, 25, 125, 625], 1.0, method=way
    )
    for small, large in pairwise(found):
        assert large.value >= small.value - small.standard_error
    assert found[-1].value > 2 * found[0].value
    assert found[-1].value <= found[-1].evppi + 0.1 * found[-1].evppi_error
    assert found[-1].value == pytest.approx(found[-1].evppi, rel=0.05)
    assert not any(entry.contradicts for entry in found)


def test_contradictions_are_told() -> None:
    def entry(value: float) -> Evsi:
        return Evsi("t", 1, 1, 1.0, value, 3.0, 0.0, 100.0, 4.0, "regression", ())

    assert not entry(110.0).contradicts
    assert entry(110.1).contradicts


def test_effective_draws_fall_with_the_size_of_the_trial() -> None:
    found = evsi(linear_draws(1), normal_trial("x0", 2.0), [4, 400], 1.0, method="moment_matching")
    effective = [entry.effective_draws for entry in found]
    assert effective[0] is not None
    assert effective[1] is not None
    assert 200 < effective[0] < 1000
    assert effective[1] < 200
    assert evsi(linear_draws(1), normal_trial("x0", 2.0), [4], 1.0)[0].effective_draws is None


def test_a_trial_of_what_does_not_matter_is_worth_nothing() -> None:
    outcomes = linear_draws(18, slopes=(300.0, 0.0, 0.0))
    for way in WAYS:
        (found,) = evsi(outcomes, normal_trial("x2", 1.0), [100], 1.0, method=way)
        assert found.value < 0.05 * loss(100.0, 300.0)


def test_one_strategy() -> None:
    outcomes = linear_draws(1)
    alone = Outcomes(("a",), outcomes.cost[:, :1], outcomes.effect[:, :1], outcomes.parameters)
    for way in WAYS:
        (found,) = evsi(alone, normal_trial("x0", 1.0), [10], 1.0, method=way)
        assert (found.value, found.standard_error) == (0, 0)


# --- net benefit of sampling --------------------------------------------------------------------


def rows_by_hand() -> list[Evsi]:
    values = {10: 2.0, 100: 5.0, 1000: 6.0}
    return [
        Evsi("t", n, 2 * n, 1.0, value, 0.5, 0.0, 7.0, 0.5, "regression", ())
        for n, value in values.items()
    ]


def test_net_benefit_by_hand() -> None:
    rows = net_benefit_of_sampling(rows_by_hand(), 100_000, 50_000, 500)
    assert [row.value for row in rows] == [200_000, 500_000, 600_000]
    assert [row.cost for row in rows] == [60_000, 150_000, 1_050_000]
    assert [row.enbs for row in rows] == [140_000, 350_000, -450_000]
    assert rows[0].standard_error == 50_000
    best = best_size(rows)
    assert best is not None
    assert best.n == 100


def test_no_trial_may_be_worth_its_cost() -> None:
    assert best_size(net_benefit_of_sampling(rows_by_hand(), 1, 1e6, 0)) is None
    assert net_benefit_of_sampling(rows_by_hand(), None, 0, 0) == ()
    assert best_size([]) is None


def test_the_best_size_of_a_linear_trial() -> None:
    """The exact ENBS curve at the size found is within an error of its own top."""
    sizes = [5, 10, 20, 40, 80, 160, 320]
    found = evsi(linear_draws(19, 5000), normal_trial("x0", 5.0), sizes, 1.0)
    rows = net_benefit_of_sampling(found, 10_000, 20_000, 1_000)
    exact = {n: 10_000 * truth(n, 5.0) - 20_000 - 1_000 * n for n in sizes}
    best = best_size(rows)
    assert best is not None
    assert exact[best.n] >= max(exact.values()) - best.standard_error
    assert 20 <= best.n <= 160


@pytest.mark.parametrize("bad", [(-1, 0, 0), (1, np.nan, 0), (1, 0, np.inf)])
def test_net_benefit_refuses(bad: tuple[float, float, float]) -> None:
    with pytest.raises(he.InputError):
        net_benefit_of_sampling(rows_by_hand(), *bad)


# --- declared trials ----------------------------------------------------------------------------


def test_the_same_luck_at_every_size() -> None:
    draws = {"x0": np.linspace(-1, 1, 7)}
    trial = normal_trial("x0", 3.0)
    small = trial.simulate(draws, 4) - draws["x0"][:, None]
    large = trial.simulate(draws, 16) - draws["x0"][:, None]
    np.testing.assert_allclose(small, 2 * large)
    assert not np.allclose(trial.simulate(draws, 4, seed=2), trial.simulate(draws, 4))


def test_counts_have_their_distribution() -> None:
    p = {"p": np.full(20_000, 0.3)}
    share = binomial_trial("p").simulate(p, 20)[:, 0]
    assert set(np.round(share * 20, 9) % 1) == {0}
    assert share.mean() == pytest.approx(0.3, abs=0.003)
    assert share.var() == pytest.approx(0.3 * 0.7 / 20, rel=0.05)
    rate = poisson_trial("p", 2.0).simulate(p, 10)[:, 0]
    assert rate.mean() == pytest.approx(0.3, abs=0.004)
    assert rate.var() == pytest.approx(0.3 / 20, rel=0.05)


def test_trials_refuse() -> None:
    outcomes = linear_draws(1)
    with pytest.raises(he.InputError, match="sd is 0"):
        normal_trial("x0", 0.0)
    with pytest.raises(he.InputError, match="events_per_person is nan"):
        hazard_ratio_trial("x0", np.nan)
    with pytest.raises(he.InputError, match="years_per_person is -1"):
        poisson_trial("x0", -1.0)
    with pytest.raises(he.InputError, match="0 people in each arm"):
        evsi(outcomes, normal_trial("x0", 1.0), [0], 1.0)
    with pytest.raises(he.InputError, match="'x9' was not sampled"):
        evsi(outcomes, normal_trial("x9", 1.0), [10], 1.0)
    with pytest.raises(he.InputError, match=r"draw .* failed"):
        evsi(outcomes, binomial_trial("x0"), [10], 1.0)
    silent = Trial(
        "silent", ("x0",), 1, lambda draws, _n, uniforms: draws["x0"][:, None] + uniforms
    )
    assert evsi(outcomes, silent, [10], 1.0)[0].value > 0
    with pytest.raises(he.InputError, match="'silent' has no likelihood"):
        evsi(outcomes, silent, [10], 1.0, method="moment_matching")
