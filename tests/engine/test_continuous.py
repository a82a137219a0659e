"""Continuous time against closed forms, quadrature, and the cohort as its cycle shrinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

import heecon as he
from heecon.analysis.engines import with_engine
from heecon.analysis.evaluation import run as evaluate
from heecon.engine.cohort import run_cohort
from heecon.engine.continuous import run_continuous
from heecon.engine.individual_run import Options
from heecon.engine.inverse import inverse_of, step_inverse
from heecon.engine.microsim import run_microsim
from heecon.engine.result import Result
from heecon.model.to_dict import to_dict
from heecon.report.run_report import describe

from .small import close, model
from .small import total as total_of

PEOPLE = 100_000


def simulate(made: he.Model, patients: int = PEOPLE, **options: Any) -> Result:
    return run_continuous(made, options=Options(patients=patients, **options))[0]


def within(run: Result, outcome: str, expected: float, *, discounted: bool = True) -> None:
    """Within four Monte Carlo standard errors."""
    assert run.monte_carlo is not None
    number = [o.name for o in run.outcomes].index(outcome)
    error = run.monte_carlo.outcome[0, 0, number, int(discounted)]
    assert 0 < error < 0.05 * abs(expected)
    assert abs(total_of(run, outcome, discounted=discounted) - expected) < 4 * error


def dying(hazard: dict[str, Any], **keys: Any) -> he.Model:
    options: dict[str, Any] = {
        "horizon": "100 years",
        "rate": "0.035",
        "transitions": {"healthy": {"hazards": {"dead": hazard}}},
    }
    return model(**options | keys)


FAMILIES: dict[str, tuple[list[float], Any]] = {
    "exponential": ([0.2], stats.expon(scale=5.0)),
    "weibull": ([1.6, 8.0], stats.weibull_min(1.6, scale=8.0)),
    "gompertz": ([0.08, 0.03], stats.gompertz(0.03 / 0.08, scale=1 / 0.08)),
    "gamma": ([2.5, 0.4], stats.gamma(2.5, scale=2.5)),
    "lognormal": ([1.5, 0.6], stats.lognorm(0.6, scale=np.exp(1.5))),
    "loglogistic": ([2.5, 6.0], stats.fisk(2.5, scale=6.0)),
    "gengamma": ([1.8, 0.7, 0.5], None),
}


def survival(family: str, t: float) -> float:
    arguments, known = FAMILIES[family]
    if known is not None:
        return float(known.sf(t))
    mu, sigma, q = arguments  # the Prentice form, by a gamma distribution
    place = np.exp(q * (np.log(max(t, 1e-300)) - mu) / sigma) / q**2
    return float(stats.gamma(q**-2).sf(place))


@pytest.mark.parametrize("family", FAMILIES)
def test_discounted_life_expectancy_by_quadrature(family: str) -> None:
    arguments, _ = FAMILIES[family]
    run = simulate(dying({"family": family, "arguments": arguments}))
    for rate in (0.0, 0.035):
        expected = integrate.quad(
            lambda t, r=rate: survival(family, t) * (1 + r) ** -t, 0, 100, limit=500
        )[0]
        within(run, "years", expected, discounted=rate > 0)


def test_exponential_life_expectancy_in_closed_form() -> None:
    run = simulate(dying({"family": "exponential", "arguments": [0.25]}), 400_000)
    within(run, "years", (1 - np.exp(-25.0)) / 0.25, discounted=False)
    force = 0.25 + np.log(1.035)
    within(run, "years", (1 - np.exp(-100 * force)) / force)


def test_weibull_life_expectancy_in_closed_form() -> None:
    from scipy.special import gamma  # noqa: PLC0415

    made = dying({"family": "weibull", "arguments": [1.6, 8.0]})
    within(simulate(made, 400_000), "years", 8.0 * gamma(1 + 1 / 1.6), discounted=False)


def test_cycle_length_does_not_matter() -> None:
    """The very same lives, whatever the cycle."""
    runs = [
        simulate(dying({"family": "weibull", "arguments": [1.6, 8.0]}, cycle=cycle), 5_000)
        for cycle in ("1 year", "3 months", "10 years")
    ]
    for run in runs[1:]:
        close(run.discounted, runs[0].discounted, 1e-10)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("since", [0.0, 3.0])
def test_times_are_the_inverse_of_the_survival_function(family: str, since: float) -> None:
    e = np.array([1e-6, 0.01, 0.5, 2.0, 6.0])
    arguments = [np.array(a) for a in FAMILIES[family][0]]
    times = inverse_of(family, np.full(5, since), e, arguments, "here")
    alive = [survival(family, t) for t in times]
    expected = survival(family, since) * np.exp(-e)
    np.testing.assert_allclose(alive, expected, rtol=1e-7)


def test_improper_gompertz_leaves_some_for_ever() -> None:
    times = inverse_of(
        "gompertz", np.zeros(2), np.array([0.1, 5.0]), [np.array(-0.1), np.array(0.1)], "here"
    )
    close(times[0], -np.log(1 - 0.1) / 0.1)
    assert np.isinf(times[1])


def test_steps() -> None:
    invert = step_inverse(np.array([0.0, 2.0, 5.0]), np.array([0.1, 0.0, 0.4]))
    since = np.array([0.0, 0.0, 1.0, 3.0, 6.0])
    e = np.array([0.1, 0.6, 0.1 - 1e-12, 0.4, 0.8])
    close(invert(since, e), [1.0, 6.0, 2.0 - 1e-11, 6.0, 8.0], 1e-9)
    assert np.isinf(step_inverse(np.array([0.0]), np.array([0.0]))(np.zeros(1), np.ones(1)))[0]


# --- several states ------------------------------------------------------------------------------


def illness(cycle: str, horizon: str = "30 years", **keys: Any) -> he.Model:
    """Rates, a Weibull clock from the start, and a life table by age."""
    return model(
        cycle=cycle,
        horizon=horizon,
        rate="0.04",
        correction="life_table",
        start_age="60",
        states={"well": {}, "ill": {}, "dead": {"absorbing": True}},
        transitions={
            "well": {
                "rates": {"ill": 0.15},
                "hazards": {"dead": {"family": "table", "table": "life", "clock": "age"}},
            },
            "ill": {
                "rates": {"well": 0.1},
                "hazards": {"dead": {"family": "weibull", "arguments": [1.5, 12.0]}},
            },
        },
        outcomes={
            "care": {
                "kind": "cost",
                "per": "year",
                "state": {"ill": 1000},
                "entering": {"ill": 500},
            },
            "health": {"kind": "qaly", "state": {"well": 0.9, "ill": 0.6}},
            "falls": {"kind": "count", "transition": {"well -> ill": 1}},
        },
        tables={"life": {"age": [0.0, 60.0, 65.0, 75.0], "rate": [0.0, 0.02, 0.05, 0.12]}},
        **keys,
    )


def test_the_cohort_comes_nearer_as_its_cycle_shrinks() -> None:
    run = simulate(illness("1 year"), 400_000)
    assert run.monte_carlo is not None
    for kind in ("cost", "qaly"):
        exact = [
            float(run_cohort(illness(cycle)).total(kind)[0, 0])
            for cycle in ("1 year", "3 months", "1 month", "0.02 years")
        ]
        # What the shrinking cohort tends to, its error being proportional to the cycle.
        limit = exact[3] + (exact[3] - exact[2]) * 0.02 / (1 / 12 - 0.02)
        error = float(run.monte_carlo.kind[kind][0, 0, 1])
        found = float(run.total(kind)[0, 0])
        assert abs(found - limit) < 4 * error
        distances = np.abs(np.array(exact) - limit)
        assert (np.diff(distances) < 0).all()
        assert distances[0] > 5 * error  # the coarse cohort is told apart


def test_clock_reset_waits_from_the_entry() -> None:
    """A Weibull wait in each of two states: the sum of two independent waits."""
    made = model(
        horizon="200 years",
        states={"first": {}, "second": {}, "end": {"absorbing": True}},
        transitions={
            "first": {"hazards": {"second": _weibull(2.0, 3.0)}},
            "second": {"hazards": {"end": _weibull(0.8, 5.0)}},
        },
        outcomes={
            "years": {"kind": "life_year", "state": {"first": 1, "second": 1}},
            "late": {"kind": "qaly", "state": {"second": 1}},
        },
    )
    run = simulate(made)
    means = [stats.weibull_min(2.0, scale=3.0).mean(), stats.weibull_min(0.8, scale=5.0).mean()]
    within(run, "years", sum(means), discounted=False)
    within(run, "late", means[1], discounted=False)


def _weibull(shape: float, scale: float) -> dict[str, Any]:
    return {"family": "weibull", "arguments": [shape, scale], "clock": "reset"}


def test_the_heading_does_not_speak_of_a_correction() -> None:
    made = with_engine(illness("1 year"), "continuous", 100)
    words = describe(evaluate(made))
    assert "30 cycles of 1 year (30 years); state membership followed in continuous time" in words
    assert "effects 4% a year at every moment" in words
    assert "counted by 'life table'" in describe(evaluate(with_engine(made, "microsim", 100)))


def test_the_trace_says_where_people_are_at_the_ends_of_cycles() -> None:
    """Ill for a while, then dead: both exponential, with doses and one-off amounts."""
    made = model(
        horizon="9 years",
        rate="0.03",
        states={"well": {}, "ill": {}, "dead": {"absorbing": True}},
        transitions={"well": {"rates": {"ill": 0.3}}, "ill": {"rates": {"dead": 0.5}}},
        outcomes={
            "years": {"kind": "qaly", "state": {"well": 0.9, "ill": "0.5 + 0.01 * cycle"}},
            "dose": {"kind": "cost", "timing": "cycle_start", "state": {"ill": 10}},
            "fall": {"kind": "cost", "start": 7, "entering": {"ill": "100 + cycle"}},
        },
    )
    run = simulate(made, 100_000, keep_trace=True)
    trace = run.trace
    assert trace is not None
    t = np.arange(10.0)
    well = np.exp(-0.3 * t)
    ill = 0.3 / 0.2 * (np.exp(-0.3 * t) - np.exp(-0.5 * t))
    expected = np.column_stack([well, ill, 1 - well - ill])
    noise = np.sqrt(expected * (1 - expected) / 100_000)
    assert (np.abs(trace.occupancy[0, 0] - expected) <= 4.5 * noise + 1e-15).all()
    assert trace.moves == (("well", "ill"), ("ill", "dead"))
    # What leaves a state, what is in it, and what it gives fit together exactly.
    occupancy, flow = trace.occupancy[0, 0], trace.flow[0, 0]
    close(np.diff(occupancy[:, 0]), -flow[:, 0])
    close(np.diff(occupancy[:, 2]), flow[:, 1])
    for discounted, cube in enumerate((run.undiscounted, run.discounted)):
        close(trace.amounts[0, 0, ..., discounted].sum(axis=-1), cube[0, 0])
    close(trace.amounts[0, 0, 1, 1, :-1, 0], 10 * occupancy[:-1, 1])
    close(trace.amounts[0, 0, 2, 1, :-1, 0], (100 + np.arange(9)) * flow[:, 0])
    lived = np.exp(-0.3 * t[:-1]) * -np.expm1(-0.3) / 0.3
    assert np.allclose(trace.amounts[0, 0, 0, 0, :-1, 0], 0.9 * lived, atol=0.006)
    again = simulate(made, 100_000)
    assert np.array_equal(again.discounted, run.discounted)


def test_doses_stay_at_the_starts_of_the_cycles() -> None:
    made = model(
        horizon="3 cycles",
        rate="0.1",
        transitions={"healthy": {"rates": {"dead": 0.3}}},
        outcomes={
            "dose": {"kind": "cost", "timing": "cycle_start", "state": {"alive": "100 + cycle"}},
            "years": {"kind": "qaly", "state": {"alive": 1}},
        },
    )
    run = simulate(made)
    alive = np.exp(-0.3 * np.arange(3))
    within(run, "dose", float((alive * [100, 101, 102]).sum()), discounted=False)
    within(run, "dose", float((alive * [100, 101, 102] / 1.1 ** np.arange(3)).sum()))


def test_discount_rates_in_steps_and_one_off_amounts() -> None:
    made = model(
        horizon="42 years",
        cycle="7 years",
        rate=[{"from": 0, "rate": "0.05"}, {"from": 10, "rate": "0.01"}],
        transitions={"healthy": {"rates": {"dead": 0.1}}},
        outcomes={
            "death": {"kind": "cost", "entering": {"dead": 1000}},
            "years": {"kind": "qaly", "state": {"alive": 1}},
        },
    )
    run = simulate(made, 200_000)
    end = 42.0

    def factor(t: float) -> float:
        return float(1.05 ** -min(t, 10) * 1.01 ** -max(t - 10, 0))

    expected = integrate.quad(lambda t: np.exp(-0.1 * t) * factor(t), 0, end, points=[10])[0]
    within(run, "years", expected)
    within(run, "death", 100 * expected)


@pytest.mark.parametrize("compounding", ["whole_years", "continuous"])
def test_discounting_by_whole_years_and_compounded_continuously(compounding: str) -> None:
    made = model(
        horizon="42 years",
        cycle="3.5 years",
        rate=[{"from": 0, "rate": "0.05"}, {"from": 10, "rate": "0.01"}],
        transitions={"healthy": {"rates": {"dead": 0.1}}},
        outcomes={
            "death": {"kind": "cost", "entering": {"dead": 1000}},
            "years": {"kind": "qaly", "state": {"alive": 1}},
        },
    )
    discounting = {**to_dict(made)["model"]["discounting"], "compounding": compounding}
    run = simulate(made.with_settings(discounting=discounting), 200_000)

    def factor(t: float) -> float:
        if compounding == "continuous":
            return float(np.exp(-0.05 * min(t, 10) - 0.01 * max(t - 10, 0)))
        return float(1.05 ** -min(int(t), 10) * 1.01 ** -max(int(t) - 10, 0))

    expected = sum(
        integrate.quad(lambda t: np.exp(-0.1 * t) * factor(t), year, year + 1 - 1e-12)[0]
        for year in range(42)
    )
    within(run, "years", expected)
    within(run, "death", 100 * expected)


def test_attributes_may_scale_a_hazard() -> None:
    """A gamma frailty on an exponential hazard gives a Pareto survival."""
    definition: dict[str, Any] = {
        "model": {
            "title": "frail",
            "cycle": "1 year",
            "horizon": "500 years",
            "engine": "continuous",
            "discounting": {"cost": "0", "effect": "0"},
        },
        "states": {"well": {}, "dead": {"absorbing": True}},
        "start": {"well": 1},
        "strategies": {"one": {}},
        "transitions": {
            "well": {"hazards": {"dead": {"family": "exponential", "arguments": ["0.2 * frailty"]}}}
        },
        "outcomes": {"years": {"kind": "life_year", "state": {"alive": 1}}},
        "individuals": {"frailty": {"distribution": "frailty", "arguments": ["0.25"]}},
    }
    run = evaluate(he.Model.from_dict(definition)).result
    expected = integrate.quad(lambda t: (1 + 0.25 * 0.2 * t) ** (-1 / 0.25), 0, 500)[0]
    within(run, "years", expected, discounted=False)


def test_tunnels_last_their_time() -> None:
    made = model(
        cycle="6 months",
        horizon="30 years",
        states={"event": {"tunnel": 3}, "after": {}, "dead": {"absorbing": True}},
        transitions={
            "event": {"rates": {"dead": 0.1, "after": "rest"}},
            "after": {"rates": {"dead": 0.2}},
        },
        outcomes={"acute": {"kind": "life_year", "state": {"event": 1}}},
    )
    within(simulate(made), "acute", (1 - np.exp(-0.15)) / 0.1, discounted=False)


# --- the same numbers whatever else, and faults ----------------------------------------------


def test_threads_change_nothing_and_strategies_share_random_numbers() -> None:
    made = illness("1 year", strategies={"one": {}, "two": {}})
    one, two = simulate(made, 20_000, threads=1), simulate(made, 20_000, threads=2)
    assert np.array_equal(one.discounted, two.discounted)
    assert np.array_equal(one.discounted[:, 0], one.discounted[:, 1])
    alone = simulate(illness("1 year"), 20_000)
    assert np.array_equal(alone.discounted[0, 0], one.discounted[0, 0])


@pytest.mark.parametrize(
    ("hazard", "survival"),
    [
        (
            {"family": "lognormal", "arguments": [1.0, 0.8]},
            lambda t: stats.lognorm(0.8, scale=np.e).sf(t),
        ),
        (
            {"family": "weibull", "arguments": [1.7, 6.0], "clock": "reset"},
            lambda t: stats.weibull_min(1.7, scale=6.0).sf(t),
        ),
        (
            {"family": "table", "table": "life"},
            lambda t: np.exp(-0.1 * np.minimum(t, 5) - 0.3 * np.maximum(t - 5, 0)),
        ),
    ],
)
def test_a_ratio_multiplies_a_hazard(hazard: dict[str, Any], survival: Any) -> None:
    """Survival to the power of the ratio: exactly at the ends of cycles, and in between."""
    made = model(
        horizon="40 years",
        strategies={"usual": {}, "treated": {}},
        parameters=[he.Parameter("hr", 1.0), he.Parameter("hr", 0.6, strategy="treated")],
        transitions={"healthy": {"hazards": {"dead": hazard | {"ratio": "hr"}}}},
        tables={"life": {"year": [0.0, 5.0], "rate": [0.1, 0.3]}},
    )
    trace = run_cohort(made, keep_trace=True).trace
    assert trace is not None
    close(trace.occupancy[0, 1, :, 0], survival(np.arange(41.0)) ** 0.6)
    run = simulate(made, 200_000)
    for strategy, power in enumerate((1.0, 0.6)):
        mean = integrate.quad(lambda t, p=power: survival(t) ** p, 0, 40, points=[5])[0]
        assert run.monte_carlo is not None
        error = run.monte_carlo.outcome[0, strategy, 0, 0]
        assert abs(run.undiscounted[0, strategy].sum() - mean) < 4 * error
    assert to_dict(made)["transitions"]["healthy"]["hazards"]["dead"]["ratio"] == "hr"


def test_ratios_that_cannot_be() -> None:
    hazard = {"family": "weibull", "arguments": [1, 1]}
    with pytest.raises(he.InputError, match="'time' cannot be used here"):
        dying(hazard | {"ratio": "1 + time"})
    with pytest.raises(he.SimulationError, match=r"draw 0, cycle 0.*the ratio '0 - 1' is -1"):
        simulate(dying(hazard | {"ratio": "0 - 1"}), 10)
    assert simulate(dying(hazard | {"ratio": 0}), 10).alive_at_end == 1.0


AGES = np.arange(0.0, 121.0)
DYING = 0.0002 * np.exp(0.085 * AGES)


def of_ages(start_age: str, **patients: list[float]) -> he.Model:
    """People who die by a life table of yearly steps, from the ages they start at."""
    sections: dict[str, Any] = {
        "model": {
            "title": "Ages",
            "cycle": "1 year",
            "horizon": "80 years",
            "start_age": start_age,
            "discounting": {"cost": "0", "effect": "0.03"},
        },
        "individuals": {name: {"column": name} for name in patients},
        "states": {"here": {}, "dead": {"absorbing": True}},
        "start": {"here": 1},
        "strategies": {"only": {}},
        "transitions": {
            "here": {"hazards": {"dead": {"family": "table", "table": "life", "clock": "age"}}}
        },
        "outcomes": {"years": {"kind": "life_year", "state": {"alive": "1 if age < 200 else 0"}}},
    }
    if patients:
        sections["outcomes"]["years"]["state"]["alive"] = 1
    tables = {"life": {"age": AGES.tolist(), "rate": DYING.tolist()}}
    return he.Model.from_dict(sections, {"late": 0.5}, tables, patients=patients or None)


def test_people_of_ages_of_their_own_die_by_their_own_ages() -> None:
    """Exactly: between two ages of the table the hazard is constant."""

    def life_years(age: float) -> float:
        total, alive, at = 0.0, 1.0, age
        while at < age + 80:
            end = min(np.floor(at) + 1, age + 80)
            rate = DYING[min(int(at), 120)]
            total += alive * -np.expm1(-rate * (end - at)) / rate
            alive *= np.exp(-rate * (end - at))
            at = end
        return total

    made = of_ages("first + late", first=[40.0, 79.75])
    run = simulate(made, 200_000)
    within(run, "years", (life_years(40.5) + life_years(80.25)) / 2, discounted=False)
    error = he_error(run)
    assert abs(life_years(60.375) - total_of(run, "years", discounted=False)) > 10 * error


def he_error(run: Result) -> float:
    assert run.monte_carlo is not None
    return float(run.monte_carlo.outcome[0, 0, 0, 0])


def test_people_of_ages_of_their_own_are_the_cohorts_of_their_ages() -> None:
    run = run_microsim(of_ages("years", years=[40.0, 80.0]), options=Options(patients=100_000))
    each = [total_of(run_cohort(of_ages(age)), "years") for age in ("40", "80")]
    within(run, "years", sum(each) / 2, discounted=False)


def test_ages_of_their_own_where_they_cannot_be() -> None:
    made = of_ages("years", years=[40.0, -1.0])
    with pytest.raises(he.InputError, match="reads 'years', which differs from person to person"):
        run_cohort(made)
    with pytest.raises(he.SimulationError, match="table 'life' begins at 0, somebody at -1"):
        simulate(made, 10)
    with pytest.raises(he.InputError, match=r"people start at ages of their own .years.\. Give"):
        made.with_settings(horizon="lifetime")
    with pytest.raises(he.InputError, match=r"'years' cannot be used here\. .* for all people:"):
        made.with_settings(discounting={"cost": "years", "effect": 0})


def test_what_needs_cycles_is_refused() -> None:
    with pytest.raises(he.InputError, match=r"are probabilities of a cycle.*microsim"):
        simulate(he.load("sick_sicker"))
    slots = model(
        states={"well": {"residence": 3}, "dead": {"absorbing": True}},
        transitions={"well": {"rates": {"dead": "0.1 * state_cycle"}}},
    )
    with pytest.raises(he.InputError, match="reads 'state_cycle'"):
        simulate(slots)
    past = model(transitions={"healthy": {"rates": {"dead": "0.1 + 0.1 * count_dead"}}})
    with pytest.raises(he.InputError, match="reads 'count_dead'"):
        simulate(past)


@pytest.mark.parametrize(
    ("hazard", "words"),
    [
        ({"family": "weibul", "arguments": [1, 1]}, "Did you mean 'weibull'"),
        ({"family": "weibull", "arguments": [1]}, "takes 2 arguments, not 1"),
        ({"family": "weibull", "arguments": ["time", 1]}, "'time' cannot be used here"),
        ({"family": "table", "table": "lif"}, "there is no table 'lif'"),
        ({"family": "weibull", "arguments": [1, 1], "clock": "age"}, "cannot go by age"),
    ],
)
def test_bad_hazards(hazard: dict[str, Any], words: str) -> None:
    with pytest.raises(he.InputError, match=words):
        dying(hazard)


def test_impossible_arguments_and_rates() -> None:
    with pytest.raises(he.SimulationError, match="argument 1 of 'weibull' is -1"):
        simulate(dying({"family": "weibull", "arguments": ["0 - 1", 2]}), 10)
    with pytest.raises(he.SimulationError, match=r"rate healthy -> dead is -0\.1"):
        simulate(model(transitions={"healthy": {"rates": {"dead": "0 - 0.1"}}}), 10)
