"""The microsimulation against exact expectations: published models, and heecon's own cohorts.

``krijkamp.json``: DARTH-git/Microsimulation-tutorial, commit a7fdd340, R 4.2.2: appendix C
(cohort), and the exact expectation of appendix B (history and individual differences) by tunnel
states.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import heecon as he
from heecon.analysis.evaluation import run as evaluate
from heecon.engine.cohort import run_cohort
from heecon.engine.individual_run import Options
from heecon.engine.microsim import run_microsim
from heecon.engine.result import Result

from .published import close, golden

PEOPLE = 400_000
MANY = 10_000_000


def errors_in(run: Result, kind: str) -> np.ndarray:
    assert run.monte_carlo is not None
    return np.asarray(run.monte_carlo.kind[kind][0, :, 1])


def check(run: Result, cost: object, qaly: object) -> None:
    """Within four Monte Carlo standard errors, which are small and not zero."""
    for kind, expected in (("cost", cost), ("qaly", qaly)):
        found, error = run.total(kind)[0], errors_in(run, kind)
        assert (error > 0).all()
        assert (error < 0.01 * np.abs(found)).all()
        assert (np.abs(found - np.asarray(expected)) < 4 * error).all()


def check_against_cohort(name: str, scenario: str | None, people: int) -> None:
    model = he.load(name, scenario)
    run, exact = run_microsim(model, options=Options(patients=people)), run_cohort(model)
    check(run, exact.total("cost")[0], exact.total("qaly")[0])
    assert run.monte_carlo is not None
    for s in range(1, len(run.strategies)):
        error = run.monte_carlo.increment(s, 0)[0]
        for at, kind in enumerate(("cost", "qaly")):
            difference = run.total(kind)[0] - exact.total(kind)[0]
            assert abs(difference[s] - difference[0]) < 4 * error[at] + 1e-9


# --- Krijkamp ------------------------------------------------------------------------------------


def test_krijkamps_cohort_is_exact() -> None:
    result = evaluate(he.load("krijkamp", "base_case")).result
    exact = golden("krijkamp")["outputs"]["exact_cohort_appendix_C"]
    close(result.total("cost")[0], exact["cost"])
    close(result.total("qaly")[0], exact["qaly"])
    trace = evaluate(he.load("krijkamp"), keep_trace=True).trace_arrays()
    close(trace.occupancy[0, 0], exact["trace"])


def test_krijkamp_without_history() -> None:
    exact = golden("krijkamp")["outputs"]["exact_cohort_appendix_C"]
    check(simulated("krijkamp", PEOPLE), exact["cost"], exact["qaly"])


def simulated(name: str, people: int) -> Result:
    return run_microsim(he.load(name), options=Options(patients=people))


def test_krijkamp_with_history() -> None:
    exact = golden("krijkamp")["outputs"]["exact_extended_B"]
    check(simulated("krijkamp_history", PEOPLE), exact["cost"], exact["qaly"])


def test_the_published_simulations_lie_within_their_error_too() -> None:
    """The authors' 100,000 people (their own luck) against ours."""
    outputs = golden("krijkamp")["outputs"]
    for name, key in (("krijkamp", "microsim_A"), ("krijkamp_history", "microsim_B")):
        run = simulated(name, PEOPLE)
        for kind in ("cost", "qaly"):
            both = np.hypot(errors_in(run, kind), outputs[key][f"{kind}_mcse"])
            assert (np.abs(run.total(kind)[0] - outputs[key][kind]) < 4 * both).all()


def test_a_history_that_never_matters_gives_the_cohort_back() -> None:
    """The formulas of the extension with its two effects switched off and everybody average."""
    model = he.load("krijkamp_history")
    values = {"rp_sick": 0.0, "ru_sick": 0.0, "x_low": 1.0 - 1e-9, "x_high": 1.0 + 1e-9}
    draws = {name: np.array([value]) for name, value in values.items()}
    run = run_microsim(model, draws, Options(patients=20_000))
    plain = simulated("krijkamp", 20_000)
    np.testing.assert_allclose(run.total("cost"), plain.total("cost"), rtol=1e-9)
    np.testing.assert_allclose(run.total("qaly"), plain.total("qaly"), rtol=1e-8)


# --- heecon's cohorts --------------------------------------------------------------------------

COHORTS = [
    ("bone_metastases", None),
    ("bone_metastases", "stop_at_2_years"),
    ("sick_sicker", None),
    ("sick_sicker", "age_dependent"),
    ("hiv", None),
    ("hiv", "heemod_life_table"),
]


@pytest.mark.parametrize(("name", "scenario"), COHORTS)
def test_models_without_history_have_the_cohorts_expectation(
    name: str, scenario: str | None
) -> None:
    check_against_cohort(name, scenario, 100_000)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scenario"), COHORTS)
def test_the_same_at_ten_million_people(name: str, scenario: str | None) -> None:
    check_against_cohort(name, scenario, MANY)


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "key"),
    [("krijkamp", "exact_cohort_appendix_C"), ("krijkamp_history", "exact_extended_B")],
)
def test_krijkamp_at_ten_million_people(name: str, key: str) -> None:
    exact = golden("krijkamp")["outputs"][key]
    check(simulated(name, MANY), exact["cost"], exact["qaly"])


# --- intervals -----------------------------------------------------------------------------------


def covered(name: str, exact: dict[str, list[float]], people: int, seeds: int) -> dict[str, int]:
    """How many 95% intervals, of as many seeds, hold the exact answer."""
    model = he.load(name)
    found = dict.fromkeys(("cost", "qaly", "increment"), 0)
    z = stats.norm.ppf(0.975)
    for seed in range(seeds):
        run = run_microsim(model, options=Options(patients=people, seed=seed))
        assert run.monte_carlo is not None
        for kind in ("cost", "qaly"):
            error = errors_in(run, kind)[1]
            found[kind] += abs(run.total(kind)[0, 1] - exact[kind][1]) < z * error
        nmb = 50_000 * run.total("qaly")[0] - run.total("cost")[0]
        wanted = 50_000 * np.array(exact["qaly"]) - np.array(exact["cost"])
        error = run.monte_carlo.increment(1, 0, 50_000.0)[0, 2]
        found["increment"] += abs((nmb[1] - nmb[0]) - (wanted[1] - wanted[0])) < z * error
    return found


@pytest.mark.parametrize(
    ("name", "key"),
    [("krijkamp", "exact_cohort_appendix_C"), ("krijkamp_history", "exact_extended_B")],
)
def test_intervals_of_200_seeds_cover_at_the_nominal_rate(name: str, key: str) -> None:
    seeds = 200
    exact = golden("krijkamp")["outputs"][key]
    low, high = stats.binom.interval(0.999, seeds, 0.95)
    for quantity, count in covered(name, exact, 2_000, seeds).items():
        assert low <= count <= high, f"{quantity}: {count} of {seeds}"


def test_a_scenario_names_the_engine_and_how_many_people() -> None:
    model = he.load("krijkamp_history", "base_case")
    assert model.scenario.engine == "microsim"
    run = evaluate(replace(model)).result
    assert run.monte_carlo is not None
    assert run.monte_carlo.people == 100_000
