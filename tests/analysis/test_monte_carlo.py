"""Errors beside estimates, the stopping rule, and what simulating adds to the variance of a PSA."""

from __future__ import annotations

import numpy as np
import pytest

import heecon as he
from heecon.analysis.engines import options_of, with_engine
from heecon.analysis.evaluation import run as evaluate
from heecon.analysis.monte_carlo import errors_of, estimates, until_error, variance_shares
from heecon.analysis.psa import outcomes_of, run_psa
from heecon.engine.individual_run import Options
from heecon.engine.microsim import run_microsim
from heecon.engine.sampling import sample


def simulated(name: str = "krijkamp", patients: int = 20_000, seed: int = 1) -> he.Model:
    return with_engine(he.load(name), "microsim", patients, seed)


def test_every_estimate_has_an_error() -> None:
    evaluation = evaluate(simulated())
    found = {row[:5]: row[5:] for row in estimates(evaluation).rows}
    result = evaluation.result
    mean, error = found["treatment", "", "total_cost", None, True]
    assert mean == pytest.approx(result.total("cost")[0, 1])
    errors = errors_of(evaluation)
    assert error == errors.kind["cost"][0, 1, 1] > 0
    mean, _ = found["treatment", "", "qalys", None, False]
    assert mean == pytest.approx(result.of("qalys", discounted=False)[0, 1])
    mean, error = found["treatment", "no_treatment", "total_qaly", None, True]
    assert mean == pytest.approx(np.diff(result.total("qaly")[0])[0])
    assert error == errors.increment(1, 0)[0, 1]
    mean, error = found["treatment", "no_treatment", "nmb", 50_000.0, True]
    difference = 50_000 * np.diff(result.total("qaly")[0]) - np.diff(result.total("cost")[0])
    assert mean == pytest.approx(difference[0])
    assert error == errors.increment(1, 0, 50_000.0)[0, 2]
    assert all(np.isfinite(error) and error >= 0 for _, error in found.values())


def test_a_cohort_has_no_monte_carlo_error() -> None:
    with pytest.raises(he.InputError, match="a cohort is exact"):
        estimates(evaluate(he.load("krijkamp")))


def test_people_are_simulated_until_the_error_is_small_enough() -> None:
    model = he.load("krijkamp")
    told: list[int] = []
    rule = until_error(model, 50_000.0, 150.0, on_forecast=told.append)
    run = run_microsim(model, options=Options(patients=10_000_000, enough=rule))
    assert run.monte_carlo is not None
    people = run.monte_carlo.people
    assert [0.8 < forecast / people < 1.25 for forecast in told] == [True]
    assert people < 1_000_000
    assert run.monte_carlo.increment(1, 0, 50_000.0)[0, 2] <= 150.0
    whole = run_microsim(model, options=Options(patients=people))
    assert np.array_equal(whole.discounted, run.discounted)  # no different people than without
    fewer = run_microsim(model, options=Options(patients=people - 8_192)).monte_carlo
    assert fewer is not None
    assert fewer.increment(1, 0, 50_000.0)[0, 2] > 150.0


@pytest.mark.parametrize("error", [0.0, -1.0, np.inf, np.nan])
def test_an_error_that_cannot_be_reached_is_refused(error: float) -> None:
    with pytest.raises(he.InputError, match="Give an amount above 0"):
        until_error(he.load("krijkamp"), 50_000.0, error)


def test_variance_is_split_into_parameters_and_simulation() -> None:
    """The parameter part is the variance of the cohort at the same draws, which is exact."""
    model = he.load("sick_sicker")
    values = sample(model, 400, 3)
    exact = outcomes_of(model, values)
    noisy = outcomes_of(with_engine(model, "microsim", 500, 1), values)
    assert exact.simulation is None
    shares = variance_shares(noisy, [100_000.0]).where(quantity="nmb")
    nmb = exact.nmb(100_000.0)
    for index, name in enumerate(model.strategies):
        if index:
            found = shares.where(strategy=name, comparator=exact.reference)
            (variance,), (parameter,) = found["variance"], found["parameter"]
            truth = float((nmb[:, index] - nmb[:, 0]).var(ddof=1))
            assert parameter == pytest.approx(truth, rel=0.35)
            assert variance == pytest.approx(parameter + found["monte_carlo"][0])
            assert 0 < found["monte_carlo_share"][0] < 1
    # 500 people are too few, and it is said
    assert shares.where(strategy="B", comparator=exact.reference)["monte_carlo_share"][0] > 0.3


def test_more_people_leave_the_parameters_share() -> None:
    model = he.load("sick_sicker")
    values = sample(model, 60, 3)
    few, many = (
        variance_shares(outcomes_of(with_engine(model, "microsim", n, 1), values), [100_000.0])
        for n in (500, 5_000)
    )
    for a, b in zip(few["monte_carlo"], many["monte_carlo"], strict=True):
        assert b == pytest.approx(a / 10, rel=0.3)


def test_exact_draws_have_no_such_split() -> None:
    with pytest.raises(he.InputError, match="the draws are exact"):
        variance_shares(run_psa(he.load("sick_sicker"), 10), [1e5])


def test_batches_of_draws_are_the_draws_of_one_run() -> None:
    model = simulated("sick_sicker", 300)
    values = sample(model, 6, 1)
    whole = outcomes_of(model, values)
    first = outcomes_of(model, {k: v[:4] for k, v in values.items()})
    more = outcomes_of(model, {k: v[4:] for k, v in values.items()}, first_draw=4)
    both = first.followed_by(more)
    assert np.array_equal(both.cost, whole.cost)
    assert both.simulation is not None
    assert whole.simulation is not None
    np.testing.assert_allclose(both.simulation, whole.simulation, rtol=1e-12)


def test_options_come_from_the_scenario_or_the_command() -> None:
    model = he.load("krijkamp_history", "base_case")
    assert options_of(model).patients == 100_000
    assert options_of(with_engine(model, None, 7, 9)) == Options(patients=7, seed=9)


def test_every_analysis_uses_the_scenarios_engine() -> None:
    from heecon.analysis.one_way import one_way  # noqa: PLC0415

    found = one_way(simulated("sick_sicker", 2_000), threshold=100_000.0)
    assert found
