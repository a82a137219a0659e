"""Monte Carlo errors, running means, and the rule for stopping."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import heecon as he
from heecon.analysis.convergence import Precision, precision, running, until
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import run_psa
from heecon.table import Table
from tests.golden.published import INPUTS

from .golden_draws import sick_sicker
from .linear import linear_draws, passes


@pytest.fixture
def model() -> he.Model:
    return he.load(INPUTS / "sick_sicker", "published")


# --- errors -------------------------------------------------------------------------------------


def test_errors_by_hand() -> None:
    outcomes = Outcomes(("a", "b"), np.array([[0.0, -2], [1, -1], [2, 6]]), np.zeros((3, 2)))
    found = precision(outcomes, 10.0)
    # nmb a: 0, -1, -2; b: 2, 1, -6; b - a: 2, 2, -4
    assert found.nmb.tolist() == [-1, -1]
    np.testing.assert_allclose(found.nmb_error, [1 / np.sqrt(3), np.sqrt(19) / np.sqrt(3)])
    assert found.increment.tolist() == [0, 0]
    np.testing.assert_allclose(found.increment_error, [0, np.sqrt(12 / 3)])
    np.testing.assert_allclose(found.probability, [1 / 3, 2 / 3])
    np.testing.assert_allclose(found.probability_error, np.sqrt(3 / 7 * 4 / 7 / 7))
    assert found.evpi == pytest.approx(4 / 3)
    assert (found.reference, found.draws) == ("a", 3)


def test_increments_share_luck() -> None:
    found = precision(sick_sicker(), 100_000.0, "B")
    assert found.reference == "B"
    assert found.increment[2] == found.increment_error[2] == 0
    apart = np.hypot(found.nmb_error[3], found.nmb_error[2])
    assert found.increment_error[3] < apart / 2


def test_the_errors_are_those_of_repeated_runs() -> None:
    """P(new is better) for a mean of 100 and variance 300^2 + 400^2 + 800^2 is in any table."""
    sd = np.sqrt(300.0**2 + 400**2 + 800**2)
    truth = 0.542181  # standard normal distribution at 100 / sd = 0.10600
    assert 100 / sd == pytest.approx(0.10600, abs=5e-6)
    runs = [precision(linear_draws(seed), 1.0) for seed in range(50)]
    assert passes([(run.increment[1] - 100) / run.increment_error[1] for run in runs])
    shares = [(run.probability[1] - truth) / run.probability_error[1] for run in runs]
    assert passes(shares)
    assert 0.7 < np.std(shares) < 1.35


def test_certainty_in_few_draws_is_not_certainty() -> None:
    outcomes = Outcomes(("a", "b"), np.zeros((10, 2)), np.tile([0.0, 1.0], (10, 1)))
    found = precision(outcomes, 1.0)
    assert found.probability.tolist() == [0, 1]
    np.testing.assert_allclose(found.probability_error, np.sqrt(2 / 14 * 12 / 14 / 14))


def test_one_draw_knows_no_errors() -> None:
    found = precision(Outcomes(("a", "b"), np.zeros((1, 2)), np.ones((1, 2))), 1.0)
    assert np.isinf([*found.nmb_error, *found.increment_error, found.evpi_error]).all()
    assert found.probability.tolist() == [0.5, 0.5]
    assert not found.reaches(1e9, None)


def test_one_strategy() -> None:
    found = precision(Outcomes(("a",), np.arange(3.0)[:, None], np.zeros((3, 1))), 1.0)
    assert found.probability.tolist() == [1]
    assert found.increment_error.tolist() == [0]
    assert found.evpi == found.evpi_error == 0


# --- running means ------------------------------------------------------------------------------


def numbers(table: Table, name: str) -> NDArray[np.float64]:
    return np.array(table[name], dtype=np.float64)


def test_running_means_are_those_of_the_first_draws() -> None:
    outcomes = sick_sicker()
    found = running(outcomes, 100_000.0, 7, "B")
    counts = list(dict.fromkeys(found["draws"]))
    assert counts == [143, 286, 429, 571, 714, 857, 1000]
    for count in counts:
        row = found.where(draws=count)
        first = replace(outcomes, cost=outcomes.cost[:count], effect=outcomes.effect[:count])
        expected = precision(first, 100_000.0, "B")
        assert row["strategy"] == expected.strategies
        np.testing.assert_allclose(numbers(row, "nmb"), expected.nmb, rtol=1e-12)
        np.testing.assert_allclose(numbers(row, "incremental_nmb"), expected.increment, atol=1e-6)
        errors = numbers(row, "incremental_nmb_error")
        np.testing.assert_allclose(errors, expected.increment_error, rtol=1e-8)
        chances = numbers(row, "probability_cost_effective")
        np.testing.assert_allclose(chances, expected.probability, rtol=1e-12)
        assert row["evpi"] == pytest.approx([expected.evpi] * 4, rel=1e-9)


def test_more_points_than_draws() -> None:
    found = running(linear_draws(1, 5), 1.0, 100)
    assert list(dict.fromkeys(found["draws"])) == [1, 2, 3, 4, 5]
    errors = numbers(found, "incremental_nmb_error").reshape(5, -1)
    assert np.isinf(errors[0]).all()
    assert np.isfinite(errors[1:]).all()
    assert found["evpi"][0] == 0


def test_running_needs_a_point() -> None:
    with pytest.raises(he.InputError, match="0 points"):
        running(sick_sicker(), 1.0, 0)


# --- stopping -----------------------------------------------------------------------------------


def test_it_stops_when_precise_enough_and_not_before(model: he.Model) -> None:
    seen: list[Precision] = []
    found = until(model, 100_000.0, increment_error=700.0, batch=100, seed=5, on_batch=seen.append)
    assert found.reached
    errors = [entry.increment_error.max() for entry in found.history]
    assert errors[-1] <= 700 < min(errors[:-1])
    assert [entry.draws for entry in found.history] == list(range(100, 100 * len(errors) + 1, 100))
    assert seen == list(found.history)
    assert found.precision is found.history[-1]


def test_batches_are_one_run(model: he.Model) -> None:
    found = until(model, 100_000.0, increment_error=1e-3, batch=150, limit=400, seed=5)
    assert not found.reached
    assert [entry.draws for entry in found.history] == [150, 300, 400]
    whole = run_psa(model, 400, seed=5)
    np.testing.assert_array_equal(found.outcomes.cost, whole.cost)
    np.testing.assert_array_equal(found.outcomes.effect, whole.effect)
    for key, column in whole.parameters.items():
        np.testing.assert_array_equal(found.outcomes.parameters[key], column)
        assert len(np.unique(column)) == 400
    assert found.outcomes.base == whole.base


def test_it_stops_by_the_probability(model: he.Model) -> None:
    found = until(model, 100_000.0, probability_error=0.02, batch=200, limit=5_000)
    assert found.reached
    assert found.precision.probability_error.max() <= 0.02
    assert found.history[-2].probability_error.max() > 0.02


def test_it_refuses(model: he.Model) -> None:
    with pytest.raises(he.InputError, match="no precision is asked for"):
        until(model, 1.0)
    for batch, limit in ((1, 10), (20, 10), (10, 10**9)):
        with pytest.raises(he.InputError, match="batches of"):
            until(model, 1.0, increment_error=1.0, batch=batch, limit=limit)
    fixed = model.with_values({row.key: row.value for row in model.parameters})
    with pytest.raises(he.InputError, match="nothing varies"):
        until(fixed, 1.0, increment_error=1.0)
