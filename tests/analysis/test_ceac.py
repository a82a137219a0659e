"""Acceptability, frontier, expected loss and EVPI: published values, ties, degenerate cases."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import heecon as he
from heecon.analysis.ceac import ceac, population_size
from heecon.analysis.outcomes import Outcomes
from tests.golden.published import close, golden

from .golden_draws import STRATEGIES, sick_sicker
from .linear import linear_draws, loss, passes


def outcomes_from(nmb: Any) -> Outcomes:
    """Outcomes whose net monetary benefit is the same at every threshold."""
    rows: NDArray[np.float64] = np.array(nmb, dtype=float)
    names = tuple("abcdef"[: rows.shape[1]])
    return Outcomes(names, -rows, np.zeros_like(rows))


@pytest.fixture
def published() -> Any:
    return golden("darth_indep")["outputs"]["psa"]


def test_the_published_draws_at_all_41_thresholds(published: Any) -> None:
    found = ceac(sick_sicker(), published["wtp"])
    assert len(found.thresholds) == 41
    np.testing.assert_array_equal(found.probability, published["ceac_SoC_A_B_AB"])
    close(found.evpi, published["evpi"], relative=1e-9)
    close(found.expected_loss, published["expected_loss_SoC_A_B_AB"], relative=1e-9)


def test_the_published_frontier(published: Any) -> None:
    names = {
        "Standard.of.care": "SoC",
        **{f"Strategy.{name}": name for name in STRATEGIES},
    }
    expected = {
        (row["WTP"], names[row["Strategy"]])
        for row in published["ceac_dampack"]
        if row["On_Frontier"]
    }
    found = ceac(sick_sicker(), published["wtp"])
    got = {
        (threshold, STRATEGIES[j])
        for i, threshold in enumerate(published["wtp"])
        for j in np.flatnonzero(found.optimal[i])
    }
    assert got == expected
    for i, threshold in enumerate(published["wtp"]):
        index = next(STRATEGIES.index(s) for t, s in expected if t == threshold)
        assert found.frontier[i] == found.probability[i, index]


def test_the_curve_sums_to_one_everywhere() -> None:
    found = ceac(sick_sicker(), list(range(0, 300_000, 1_000)))
    np.testing.assert_allclose(found.probability.sum(axis=1), 1.0, rtol=1e-14)


def test_by_hand() -> None:
    found = ceac(outcomes_from([[1, 0, 0], [0, 4, 0], [2, 0, 5]]), [1.0])
    np.testing.assert_allclose(found.probability[0], [1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(found.expected_loss[0], [7 / 3, 6 / 3, 5 / 3])
    assert found.optimal[0].tolist() == [False, False, True]
    assert found.evpi[0] == pytest.approx(5 / 3)
    # regrets of c: 1, 4, 0
    assert found.standard_error[0] == pytest.approx(np.std([1, 4, 0], ddof=1) / np.sqrt(3))
    assert found.frontier[0] == pytest.approx(1 / 3)


def test_ties_are_split_exactly() -> None:
    found = ceac(outcomes_from([[1, 1, 0], [2, 2, 2], [0, 0, 3], [1, 1, 0]]), [1.0])
    third = 1 / 3
    np.testing.assert_allclose(
        found.probability[0],
        [(0.5 + third + 0.5) / 4, (0.5 + third + 0.5) / 4, (third + 1) / 4],
        rtol=1e-15,
    )


def test_nearly_equal_is_not_equal() -> None:
    found = ceac(outcomes_from([[1_000_000.0, 1_000_000.0000001]]), [1.0])
    assert found.probability[0].tolist() == [0, 1]


def test_strategies_that_are_the_same_share_the_frontier() -> None:
    found = ceac(outcomes_from([[1, 1], [3, 3]]), [1.0])
    assert found.probability[0].tolist() == [0.5, 0.5]
    assert found.optimal[0].tolist() == [True, True]
    assert found.evpi[0] == 0


def test_a_single_draw() -> None:
    found = ceac(outcomes_from([[1, 3, 2]]), [1.0])
    assert found.probability[0].tolist() == [0, 1, 0]
    assert found.expected_loss[0].tolist() == [2, 0, 1]
    assert (found.evpi[0], found.standard_error[0]) == (0, 0)


def test_one_strategy() -> None:
    found = ceac(outcomes_from([[1], [5]]), [0.0, 10.0])
    assert found.probability.tolist() == [[1], [1]]
    assert found.evpi.tolist() == [0, 0]
    assert found.frontier.tolist() == [1, 1]


def test_evpi_of_a_linear_decision_within_its_error() -> None:
    truth = loss(100.0, np.sqrt(300.0**2 + 400**2 + 800**2))
    scores = []
    for seed in range(50):
        found = ceac(linear_draws(seed), [1.0])
        scores.append((found.evpi[0] - truth) / found.standard_error[0])
    assert passes(scores)
    assert 0.7 < np.std(scores) < 1.35


def test_thresholds_must_be_named_and_not_negative() -> None:
    with pytest.raises(he.InputError, match="no threshold"):
        ceac(sick_sicker())
    for bad in (-1.0, np.nan, np.inf, 1e308):
        with pytest.raises(he.InputError, match="is not a threshold"):
            ceac(sick_sicker(), [10.0, bad])


def test_population_by_hand() -> None:
    assert population_size(1000, 3, 0.0) == 3000
    assert population_size(1000, 2.5, 0.1) == pytest.approx(1000 * (1 + 1 / 1.1 + 0.5 / 1.21))
    assert population_size(1000, 0.25, 0.035) == 250
    assert population_size(0, 10, 0.035) == 0


@pytest.mark.parametrize("rate", [0.0, 1e-12, 0.035, 2.0, -0.01])
def test_population_is_the_sum_over_the_years(rate: float) -> None:
    years = sum((1 + rate) ** -year for year in range(300)) + 0.5 * (1 + rate) ** -300
    assert population_size(10, 300.5, rate) == pytest.approx(10 * years, rel=1e-12)


def test_a_billion_years_take_no_time() -> None:
    assert population_size(10, 1e9, 0.035) == pytest.approx(10 * 1.035 / 0.035, rel=1e-12)
    with pytest.raises(he.InputError, match="population"):
        population_size(10, 1e9, -0.5)


@pytest.mark.parametrize(
    "bad", [(-1, 1, 0), (1, -1, 0), (1, 1, -1), (1, np.inf, 0), (np.nan, 1, 0)]
)
def test_population_refuses(bad: tuple[float, float, float]) -> None:
    with pytest.raises(he.InputError, match="population"):
        population_size(*bad)
