"""The microsimulation against the readable walker: the same people, the same lives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import heecon as he
from heecon.engine.cohort import run_cohort
from heecon.engine.individual_run import Options
from heecon.engine.microsim import run_microsim
from heecon.engine.result import Result
from heecon.model.definition import Model

from .cases import cases, draws_of, model_of
from .reference_walker import Lives, Reference
from .simulator import Case
from .small import close, model

PEOPLE = 60


def simulate(given_model: he.Model, patients: int = PEOPLE, **options: Any) -> Result:
    return run_microsim(given_model, options=Options(patients=patients, **options))


def reference(given_model: Model, strategy: str, patients: int = PEOPLE, **keys: Any) -> Lives:
    return Reference(given_model, strategy, patients, **keys).run()


def check(run: Result, lives: Lives, strategy: int, people: int = PEOPLE, draw: int = 0) -> None:
    """Means, standard errors, cube by state and occupancy."""
    names = [outcome.name for outcome in run.outcomes]
    assert run.monte_carlo is not None
    for number, name in enumerate(names):
        totals = lives.totals[name]
        cube = np.stack([run.undiscounted, run.discounted], axis=-1)[draw, strategy, number]
        close(cube.sum(axis=0), totals.mean(axis=0), 1e-9)
        errors = totals.std(axis=0, ddof=1) / np.sqrt(people)
        np.testing.assert_allclose(
            run.monte_carlo.outcome[draw, strategy, number], errors, rtol=1e-6, atol=1e-9
        )
        for index, state in enumerate(run.states):
            close(cube[index], lives.cells[name, state] / people, 1e-9)
    if run.trace is not None:
        close(run.trace.occupancy[draw, strategy], lives.occupancy / people)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_random_models_are_walked_as_the_reference_does(case: Case) -> None:
    """Tunnels, residence, every correction and timing, starts, one-off amounts, draws."""
    made, draws = model_of(case), draws_of(case)
    run = run_microsim(made, draws, Options(patients=PEOPLE, keep_trace=True))
    for draw in range(run.draws):
        values = {key: float(column[draw]) for key, column in (draws or {}).items()}
        for number, strategy in enumerate(run.strategies):
            lives = reference(made, strategy, draw=draw, values=values)
            check(run, lives, number, draw=draw)


PERSONAL: dict[str, Any] = {
    "horizon": "9 cycles",
    "cycle": "6 months",
    "rate": "0.05",
    "start_age": "60",
    "states": {
        "well": {"residence": 3},
        "event": {"tunnel": 2},
        "after": {},
        "dead": {"absorbing": True},
    },
    "start": {"well": "1 - prior", "after": "prior"},
    "strategies": {"old": {}, "new": {"start": {"well": 0.5, "after": "rest"}}},
    "variables": {
        "hazard": "0.3 * frailty * (1 + 0.5 * count_event) * effect",
        "recent": "1 if time_since_event < 1 and ever_event > 0.5 else 0",
        "die": "lookup(life, age + shift) * (1 + 0.2 * ever_event)"
        " - bad_rate * (1 if shift > 1.05 else 0) * cycle",
        "treated": "1 if time < stop else 0",
    },
    "transitions": {
        "well": {"rates": {"event": "hazard * (1 + 0.1 * state_cycle)", "dead": "die"}},
        "event": {
            "probabilities": {
                "event": "0.1 * frailty / (1 + frailty)",
                "dead": "0.05 + 0.1 * event_is_spinal",
                "after": "rest",
            }
        },
        "after": {
            "probabilities": {"after": "rest", "event": "0.2 * recent + bad_sum", "dead": 0.1}
        },
    },
    "outcomes": {
        "drug": {
            "kind": "cost",
            "timing": "cycle_start",
            "state": {"alive": "100 * treated + (time_since_event if bad_time > 0.5 else 0)"},
        },
        "care": {
            "kind": "cost",
            "entering": {"event": "1000 * (1 + event_is_spinal) * frailty"},
            "transition": {"well -> dead": "50 * state_cycle + shift", "after -> event": 7},
        },
        "begin": {"kind": "cost", "start": "10 * frailty"},
        "health": {"kind": "qaly", "state": {"alive": "0.8 - 0.1 * recent - 0.01 * state_part"}},
        "late": {
            "kind": "qaly",
            "timing": "cycle_end",
            "state": {"well": "x1 * cycle", "after": 1},
        },
        "even": {"kind": "qaly", "correction": "half_cycle", "state": {"alive": "x1"}},
        "years": {"kind": "life_year", "state": {"alive": 1}},
    },
    "tables": {"life": {"age": [0.0, 60.0, 62.0, 64.0], "rate": [0.01, 0.1, 0.2, 0.3]}},
    "parameters": [
        he.Parameter("effect", 1.0, strategy="old"),
        he.Parameter("effect", 0.7, strategy="new"),
        he.Parameter("theta", 0.8),
        he.Parameter("bad_rate", 0.0),
        he.Parameter("bad_sum", 0.1),
        he.Parameter("bad_time", 0.0),
    ],
}


def personal_model(**changes: Any) -> he.Model:
    keys = {**PERSONAL, **changes}
    variables = {**keys["variables"], "state_part": "count_event * 2"}
    definition = {
        "model": {
            "title": "personal",
            "cycle": keys["cycle"],
            "horizon": keys["horizon"],
            "start_age": keys["start_age"],
            "correction": keys.get("correction", "life_table"),
            "discounting": {"cost": keys["rate"], "effect": "0.02"},
        },
        "states": keys["states"],
        "start": keys["start"],
        "strategies": keys["strategies"],
        "variables": variables,
        "transitions": keys["transitions"],
        "outcomes": keys["outcomes"],
        "individuals": {
            "frailty": {"distribution": "frailty", "arguments": ["theta"], "group": "traits"},
            "shift": {"distribution": "normal", "arguments": ["0.5", "0.2"], "group": "traits"},
            "prior": {"distribution": "bernoulli", "arguments": ["0.3"]},
            "stop": {"distribution": "exponential", "arguments": ["0.5 / effect_all"]},
            "x1": {"column": "multiplier"},
        },
        "types": {"event": {"hip": "0.5", "spinal": "rest", "arm": "theta / 8"}},
    }
    parameters = [*keys["parameters"], he.Parameter("effect_all", 1.0)]
    joint = {"traits": {"frailty": [1.0, 0.6], "shift": [0.6, 1.0]}}
    patients = {"multiplier": [1.0, 2.0, 3.0, 5.0, 8.0], "unused": [0.0] * 5}
    return he.Model.from_dict(
        definition, parameters, keys["tables"], "personal", joint, patients=patients
    )


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "correction",
    ["life_table", pytest.param("end", marks=SLOW), pytest.param("start", marks=SLOW)],
)
def test_persons_and_their_past_are_walked_as_the_reference_does(correction: str) -> None:
    made = personal_model(correction=correction)
    run = simulate(made, 300, keep_trace=True)
    for number, strategy in enumerate(run.strategies):
        check(run, reference(made, strategy, 300), number, 300)


def test_the_events_of_the_log_are_the_reference_walkers() -> None:
    made = personal_model()
    found: dict[str, list[tuple[int, ...]]] = {"old": [], "new": []}

    def keep(strategy: str, draw: int, moves: Any) -> None:
        assert draw == 0
        found[strategy] += [tuple(int(x) for x in row) for row in moves]

    simulate(made, 300, on_event=keep)
    names = list(made.states)
    for strategy, events in found.items():
        expected = reference(made, strategy, 300).events
        assert sorted(events) == sorted(
            (person, cycle, names.index(a), names.index(b), kind)
            for person, cycle, a, b, kind in expected
        )


# --- the same numbers whatever else --------------------------------------------------------------


def test_threads_and_blocks_change_nothing() -> None:
    made = personal_model()
    one = simulate(made, 20_000, threads=1)
    two = simulate(made, 20_000, threads=2)
    assert np.array_equal(one.discounted, two.discounted)
    assert one.monte_carlo is not None
    assert two.monte_carlo is not None
    assert np.array_equal(one.monte_carlo.covariance, two.monte_carlo.covariance)


def test_a_run_is_continued_by_the_next_people() -> None:
    made = personal_model()
    parts = [simulate(made, 5_000), simulate(made, 3_000, first=5_000)]
    whole = simulate(made, 8_000)
    both = (5 * parts[0].discounted + 3 * parts[1].discounted) / 8
    close(both, whole.discounted, 1e-11)


def test_strategies_share_random_numbers_and_none_changes_another() -> None:
    made = personal_model()
    alone = simulate(personal_model(strategies={"old": {}}, parameters=_without("new")), 2_000)
    both = simulate(made, 2_000)
    assert np.array_equal(alone.discounted[:, 0], both.discounted[:, 0])


def _without(strategy: str) -> list[he.Parameter]:
    return [row for row in PERSONAL["parameters"] if row.strategy != strategy]


def test_an_unrelated_parameter_or_attribute_changes_nothing() -> None:
    plain = simulate(personal_model(), 2_000)
    more = personal_model(parameters=[*PERSONAL["parameters"], he.Parameter("unrelated", 3.0)])
    assert np.array_equal(simulate(more, 2_000).discounted, plain.discounted)


def test_seeds_and_draws_have_numbers_of_their_own() -> None:
    made = personal_model()
    first, second = simulate(made, 2_000, seed=1), simulate(made, 2_000, seed=2)
    assert not np.allclose(first.discounted, second.discounted)
    draws = {"theta": np.array([0.8, 0.8])}
    run = run_microsim(made, draws, Options(patients=2_000))
    assert np.array_equal(run.discounted[0], first.discounted[0])
    assert not np.allclose(run.discounted[0], run.discounted[1])


def test_common_random_numbers_reduce_the_variance_of_increments() -> None:
    """The same increment with independent random numbers, by the error of its parts."""
    made = model(
        horizon="20 cycles",
        strategies={"old": {}, "new": {}},
        transitions={"healthy": {"rates": {"dead": "h"}}},
        outcomes={"years": {"kind": "qaly", "state": {"alive": 1}}},
        parameters=[
            he.Parameter("h", 0.1, strategy="old"),
            he.Parameter("h", 0.09, strategy="new"),
        ],
    )
    run = simulate(made, 20_000)
    assert run.monte_carlo is not None
    common = run.monte_carlo.increment(1, 0)[0, 1]
    independent = np.hypot(*run.monte_carlo.kind["qaly"][0, :, 1])
    lives = [reference(made, strategy, 20_000).totals["years"][:, 1] for strategy in ("old", "new")]
    close(common, (lives[1] - lives[0]).std(ddof=1) / np.sqrt(20_000), 1e-9)
    assert common < independent / 3


def test_errors_of_net_benefit() -> None:
    run = simulate(personal_model(), 300)
    assert run.monte_carlo is not None
    lives = [reference(run.model, strategy, 300) for strategy in run.strategies]
    cost = [np.sum([x.totals[n][:, 1] for n in ("drug", "care", "begin")], axis=0) for x in lives]
    qaly = [np.sum([x.totals[n][:, 1] for n in ("health", "late", "even")], axis=0) for x in lives]
    nmb = [3_000 * q - c for c, q in zip(cost, qaly, strict=True)]
    error = (nmb[1] - nmb[0]).std(ddof=1) / np.sqrt(300)
    close(run.monte_carlo.increment(1, 0, 3_000.0)[0, 2], error, 1e-9)
    close(run.monte_carlo.net_benefit(1, 3_000.0)[0], nmb[1].std(ddof=1) / np.sqrt(300), 1e-9)
    close(run.monte_carlo.increment(1, 1, 3_000.0), [[0.0, 0.0, 0.0]])


# --- the cohort's expectation ----------------------------------------------------------------


def test_a_model_without_persons_has_the_cohorts_expectation() -> None:
    made = model(
        horizon="12 cycles",
        cycle="3 months",
        correction="life_table",
        rate="0.05",
        states={"well": {"residence": 4}, "ill": {"tunnel": 2}, "dead": {"absorbing": True}},
        transitions={
            "well": {"rates": {"ill": "0.5 / (1 + state_cycle)", "dead": 0.1}},
            "ill": {"probabilities": {"well": "rest", "ill": 0.1, "dead": 0.1}},
        },
        outcomes={
            "cost": {"kind": "cost", "state": {"ill": 5}, "entering": {"ill": "3 + cycle"}},
            "graves": {"kind": "cost", "state": {"dead": "7 + cycle"}},
            "life": {"kind": "qaly", "state": {"alive": 1}},
        },
    )
    run, exact = simulate(made, 200_000), run_cohort(made)
    assert run.monte_carlo is not None
    for kind in ("cost", "qaly"):
        error = run.monte_carlo.kind[kind][:, :, 1]
        assert (np.abs(run.total(kind) - exact.total(kind)) < 4 * error).all()
        assert (error > 0).all()
    # Those whom nothing more happens to are worth something still, to each and in the mean.
    lives = reference(made, "only", 2_000).totals["graves"]
    check_error = simulate(made, 2_000).monte_carlo
    assert check_error is not None
    close(check_error.outcome[0, 0, 1], lives.std(axis=0, ddof=1) / np.sqrt(2_000), 1e-9)
