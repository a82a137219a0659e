"""Results that can be worked out on paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import heecon as he
from heecon.engine import discount
from heecon.engine.cohort import run_cohort
from heecon.model.to_dict import to_dict

from .small import close, model, result, total, trace_of

RATES = st.floats(0.001, 3.0)


# --- survival -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(hazard=RATES, cycle=st.sampled_from(["1 year", "3 months", "28 days"]))
def test_a_constant_hazard_gives_exponential_survival(hazard: float, cycle: str) -> None:
    run = result(cycle=cycle, transitions={"healthy": {"rates": {"dead": hazard}}})
    length = run.model.settings.cycle_length
    times = np.arange(11) * length
    close(trace_of(run).occupancy[0, 0, :, 0], np.exp(-hazard * times))
    # Counted at the start of cycles, life years are a geometric series.
    stay = math.exp(-hazard * length)
    close(total(run, "years"), length * (1 - stay**10) / (1 - stay))


def test_life_expectancy_is_one_over_the_hazard() -> None:
    """The trapezoid rule on exp(-h t) is out by (h dt)^2 / 12 relative; Simpson's by far less."""
    keys: dict[str, Any] = {
        "transitions": {"healthy": {"rates": {"dead": 0.05}}},
        "horizon": "800 cycles",
    }
    close(total(result(correction="life_table", **keys), "years"), 20.0, 0.05**2 / 11)
    close(total(result(correction="half_cycle", **keys), "years"), 20.0, 0.05**2 / 11)
    close(total(result(correction="simpson", **keys), "years"), 20.0, 1e-6)


@settings(deadline=None)
@given(first=RATES, second=RATES)
def test_competing_rates_share_the_leavers_in_proportion(first: float, second: float) -> None:
    run = result(
        states={"healthy": {}, "ill": {"absorbing": True}, "dead": {"absorbing": True}},
        transitions={"healthy": {"rates": {"ill": first, "dead": second}}},
        horizon="1 cycle",
    )
    leavers = -math.expm1(-(first + second))
    share = first / (first + second)
    expected = [1 - leavers, leavers * share, leavers * (1 - share)]
    close(trace_of(run).occupancy[0, 0, 1], expected)


@pytest.mark.parametrize("hazard", [1e-3, 1e-9, 1e-14])
def test_a_tiny_hazard_keeps_its_digits(hazard: float) -> None:
    run = result(transitions={"healthy": {"rates": {"dead": hazard}}}, horizon="1 cycle")
    assert trace_of(run).flow[0, 0, 0, 0] == pytest.approx(-math.expm1(-hazard), rel=1e-14, abs=0)


def test_nobody_dies_and_life_years_are_the_horizon() -> None:
    for correction in ("none", "end", "life_table", "half_cycle", "simpson"):
        run = result(correction=correction, horizon="7 years", cycle="3 months")
        close(total(run, "years"), 7.0)
        close(run.alive_at_end, 1.0)


def test_with_utility_one_qalys_are_life_years() -> None:
    years = {"kind": "life_year", "state": {"alive": 1}}
    run = result(
        transitions={"healthy": {"rates": {"dead": 0.3}}},
        outcomes={"years": years, "qalys": years | {"kind": "qaly"}},
        correction="life_table",
        rate="0.035",
    )
    for discounted in (False, True):
        assert total(run, "qalys", discounted=discounted) == total(
            run, "years", discounted=discounted
        )


# --- discounting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timing", "years"), [("cycle_start", 2), ("mid_cycle", 2.5), ("cycle_end", 3)]
)
def test_a_single_flow_in_year_two(timing: str, years: float) -> None:
    run = result(
        outcomes={"cost": {"kind": "cost", "state": {"alive": "100 if cycle == 2 else 0"}}},
        rate="0.035",
        timing=timing,
    )
    close(total(run, "cost"), 100.0)
    close(total(run, "cost", discounted=True), 100.0 / 1.035**years)


def test_an_event_in_year_two_is_discounted_like_a_state_cost() -> None:
    for timing, years in (("cycle_start", 2), ("mid_cycle", 2.5), ("cycle_end", 3)):
        run = result(
            transitions={
                "healthy": {"probabilities": {"healthy": "rest", "dead": "1 if cycle == 2 else 0"}}
            },
            outcomes={"cost": {"kind": "cost", "entering": {"dead": 100}}},
            rate="0.035",
            timing=timing,
        )
        close(total(run, "cost"), 100.0)
        close(total(run, "cost", discounted=True), 100.0 / 1.035**years)


def test_a_rate_of_zero_changes_nothing() -> None:
    run = result(transitions={"healthy": {"rates": {"dead": 0.1}}})
    np.testing.assert_array_equal(run.discounted, run.undiscounted)


PALBOCICLIB = {
    # strategy: months of median PFS and OS, drug a month; cost and QALYs by whole years
    "palbociclib": (25.3, 49.1, 2954, 113079.14130872491, 2.9541879937634796),
    "letrozole": (14.6, 42, 4, 45047.79090956397, 2.506501814180466),
}


@pytest.mark.parametrize("strategy", PALBOCICLIB)
def test_twelve_monthly_cycles_share_a_factor(strategy: str) -> None:
    """From a public script for teaching (palbociclib, UCL): 480 months, no correction, 3.5%."""
    pfs, os, drug, cost, qalys = PALBOCICLIB[strategy]
    made = model(
        cycle="1 month",
        horizon="480 cycles",
        rate="0.035",
        parameters={"pfs": pfs, "os": os, "drug": drug},
        states={"stable": {}, "progressed": {}, "dead": {"absorbing": True}},
        variables={"p": "1 - exp(-log(2) / pfs)", "q": "1 - exp(-log(2) / os)"},
        transitions={
            "stable": {"probabilities": {"progressed": "p", "dead": "q", "stable": "rest"}},
            "progressed": {"probabilities": {"dead": "q", "progressed": "rest"}},
        },
        outcomes={
            "care": {"kind": "cost", "state": {"stable": "5 + drug", "progressed": 1200}},
            "qalys": {"kind": "qaly", "state": {"stable": 0.721, "progressed": 0.5052}},
        },
    )
    for compounding in ("whole_years", "continuous"):
        sections = to_dict(made)["model"]["discounting"]
        run = run_cohort(made.with_settings(discounting=sections | {"compounding": compounding}))
        p, q = 1 - 0.5 ** (1 / pfs), 1 - 0.5 ** (1 / os)
        stable, progressed, paid, gained = 1.0, 0.0, 0.0, 0.0
        for month in range(480):
            factor = 1.035 ** -(month // 12)
            if compounding == "continuous":
                factor = math.exp(-0.035 * month / 12)
            paid += factor * (stable * (5 + drug) + progressed * 1200)
            gained += factor * (stable * 0.721 + progressed * 0.5052) / 12
            stable, progressed = stable * (1 - p - q), progressed * (1 - q) + stable * p
        close(total(run, "care", discounted=True), paid)
        close(total(run, "qalys", discounted=True), gained)
        if compounding == "whole_years":
            assert [paid, gained] == pytest.approx([cost, qalys], rel=1e-12)


def test_stepped_rates_discount_each_stretch_at_its_own() -> None:
    """UK Green Book: 3.5% for 30 years, then 3%, then 2.5%."""
    steps = [{"from": 0, "rate": 0.035}, {"from": 30, "rate": 0.03}, {"from": 75, "rate": 0.025}]
    for year, factor in (
        (0, 1.0),
        (10, 1.035**-10),
        (30, 1.035**-30),
        (31, 1.035**-30 / 1.03),
        (80, 1.035**-30 * 1.03**-45 * 1.025**-5),
    ):
        cost = {"kind": "cost", "state": {"alive": f"1 if cycle == {year} else 0"}}
        run = result(rate=steps, outcomes={"cost": cost}, horizon="100 cycles")
        close(total(run, "cost", discounted=True), factor)


def test_a_step_inside_a_cycle() -> None:
    rates = [np.array([0.1]), np.array([0.2])]
    factors = discount.discount_factors(np.array([0.25, 1.0]), [0.0, 0.5], rates)
    close(factors, [[1.1**-0.25, 1.1**-0.5 * 1.2**-0.5]])


def test_costs_and_effects_have_their_own_rates() -> None:
    definition = {
        "model": {
            "title": "two rates",
            "cycle": "1 year",
            "horizon": "3 cycles",
            "correction": "none",
            "discounting": {"cost": "0.06", "effect": "0.015"},
        },
        "states": {"healthy": {}, "dead": {"absorbing": True}},
        "start": {"healthy": 1},
        "strategies": {"only": {}},
        "transitions": {"healthy": {"rates": {"dead": 0}}},
        "outcomes": {
            kind: {"kind": kind, "per": "cycle", "state": {"alive": 1}}
            for kind in ("cost", "qaly", "life_year", "count")
        },
    }
    run = run_cohort(he.Model.from_dict(definition))
    close(total(run, "cost", discounted=True), 1 + 1 / 1.06 + 1 / 1.06**2)
    for kind in ("qaly", "life_year", "count"):
        close(total(run, kind, discounted=True), 1 + 1 / 1.015 + 1 / 1.015**2)


# --- corrections --------------------------------------------------------------------------------


@pytest.mark.parametrize("cycles", [2, 3, 4, 5, 9, 10])
def test_simpson_is_exact_for_a_cubic(cycles: int) -> None:
    cubic = "2 + 3 * time - time ** 2 + 0.5 * time ** 3"
    run = result(
        correction="simpson",
        horizon=f"{cycles} cycles",
        outcomes={"area": {"kind": "qaly", "state": {"alive": cubic}}},
    )
    n = cycles
    close(total(run, "area"), 2 * n + 3 * n**2 / 2 - n**3 / 3 + n**4 / 8)


@pytest.mark.parametrize("cycles", range(1, 12))
def test_weights_sum_to_the_number_of_cycles(cycles: int) -> None:
    close(discount.simpson_weights(cycles).sum(), cycles)
    close(discount.half_cycle_weights(cycles).sum(), cycles)
    assert len(discount.simpson_weights(cycles)) == cycles + 1


@pytest.mark.parametrize("correction", ["none", "end", "life_table", "half_cycle", "simpson"])
def test_one_off_items_are_never_corrected(correction: str) -> None:
    """A start cost of 4,000 is 4,000; half-cycle correction made heemod say 3,960 (its #345)."""
    run = result(
        transitions={"healthy": {"probabilities": {"healthy": "rest", "dead": 0.02}}},
        outcomes={
            "start": {"kind": "cost", "start": {"healthy": 4000}},
            "death": {"kind": "cost", "entering": {"dead": 1000}},
            "move": {"kind": "cost", "transition": {"healthy -> dead": 1000}},
        },
        correction=correction,
    )
    assert total(run, "start") == 4000
    assert total(run, "start", discounted=True) == 4000
    died = 1 - 0.98**10
    close(total(run, "death"), 1000 * died)
    close(total(run, "move"), 1000 * died)


def test_a_start_item_is_not_discounted_even_when_cycles_are_at_their_end() -> None:
    run = result(
        outcomes={"start": {"kind": "cost", "start": 4000}}, rate="0.05", timing="cycle_end"
    )
    assert total(run, "start", discounted=True) == 4000


@pytest.mark.parametrize("correction", ["end", "life_table", "half_cycle", "simpson"])
def test_items_at_the_start_of_the_cycle_are_not_corrected(correction: str) -> None:
    keys: dict[str, Any] = {
        "transitions": {"healthy": {"rates": {"dead": 0.4}}},
        "outcomes": {"drug": {"kind": "cost", "timing": "cycle_start", "state": {"alive": 10}}},
        "rate": "0.03",
    }
    corrected, plain = result(correction=correction, **keys), result(correction="none", **keys)
    np.testing.assert_array_equal(corrected.discounted, plain.discounted)


def test_timings_of_one_outcome_choose_its_correction() -> None:
    def drug(**keys: Any) -> float:
        outcome = {"kind": "cost", "state": {"alive": 10}} | keys
        rates = {"healthy": {"rates": {"dead": 0.4}}}
        return total(result(transitions=rates, outcomes={"drug": outcome}), "drug")

    start, end = drug(timing="cycle_start"), drug(timing="cycle_end")
    close(drug(timing="mid_cycle"), (start + end) / 2)
    close(start - end, 10 * (1 - math.exp(-4)))
    assert drug(correction="end") == end


# --- time in a state ----------------------------------------------------------------------------


def tunnel_of(cycles: int) -> dict[str, Any]:
    return {
        "states": {"healthy": {}, "ill": {"tunnel": cycles}, "well": {"absorbing": True}},
        "transitions": {
            "healthy": {"probabilities": {"healthy": "rest", "ill": 0.3}},
            "ill": {"probabilities": {"well": "rest"}},
        },
        "outcomes": {"events": {"kind": "count", "entering": {"ill": 1, "well": 1}}},
    }


@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_who_enters_a_tunnel_leaves_it_after_its_length(cycles: int) -> None:
    trace = trace_of(result(**tunnel_of(cycles)))
    inflow = trace.flow[0, 0, :, trace.moves.index(("healthy", "ill"))]
    outflow = trace.flow[0, 0, :, trace.moves.index(("ill", "well"))]
    np.testing.assert_allclose(outflow[cycles:], inflow[:-cycles], rtol=1e-14)
    assert not outflow[:cycles].any()


def residence(correction: str) -> he.Model:
    return model(
        states={"healthy": {}, "ill": {"residence": 3}, "dead": {"absorbing": True}},
        start={"healthy": 0.6, "ill": 0.4},
        transitions={
            "healthy": {"rates": {"ill": 0.5}},
            "ill": {
                "probabilities": {
                    "ill": "rest",
                    "healthy": "0.3 / (1 + state_cycle)",
                    "dead": "0.1 + 0.1 * state_cycle",
                }
            },
        },
        outcomes={
            "cost": {"kind": "cost", "state": {"ill": "100 + 50 * state_cycle", "healthy": 7}},
            "deaths": {"kind": "cost", "transition": {"ill -> dead": "10 * (1 + state_time)"}},
        },
        correction=correction,
        rate="0.05",
    )


def expanded(correction: str) -> he.Model:
    """The same with one state for each cycle of illness, the last one for all later ones."""

    def ill(k: int) -> dict[str, Any]:
        onward = f"ill{min(k + 1, 2)}"
        row = {onward: "rest", "healthy": 0.3 / (1 + k), "dead": 0.1 + 0.1 * k}
        return {"probabilities": row}

    return model(
        states={"healthy": {}, "ill0": {}, "ill1": {}, "ill2": {}, "dead": {"absorbing": True}},
        start={"healthy": 0.6, "ill0": 0.4},
        transitions={"healthy": {"rates": {"ill0": 0.5}}} | {f"ill{k}": ill(k) for k in range(3)},
        outcomes={
            "cost": {
                "kind": "cost",
                "state": {f"ill{k}": 100 + 50 * k for k in range(3)} | {"healthy": 7},
            },
            "deaths": {
                "kind": "cost",
                "transition": {f"ill{k} -> dead": 10 * (1 + k) for k in range(3)},
            },
        },
        correction=correction,
        rate="0.05",
    )


@pytest.mark.parametrize("correction", ["none", "end", "life_table", "half_cycle", "simpson"])
def test_residence_is_the_same_as_one_state_a_cycle(correction: str) -> None:
    one = run_cohort(residence(correction), keep_trace=True)
    many = run_cohort(expanded(correction), keep_trace=True)
    for outcome in ("cost", "deaths"):
        close(one.of(outcome), many.of(outcome))
        close(one.of(outcome, discounted=False), many.of(outcome, discounted=False))
    occupancy = trace_of(many).occupancy[0, 0]
    together = np.stack([occupancy[:, 0], occupancy[:, 1:4].sum(axis=1), occupancy[:, 4]], axis=1)
    close(trace_of(one).occupancy[0, 0], together)


def test_entering_a_tunnel_afresh_starts_it_again() -> None:
    run = result(
        states={"ill": {"tunnel": 2}, "well": {"absorbing": True}},
        transitions={"ill": {"probabilities": {"well": "rest", "ill": 0.5}}},
        outcomes={"relapses": {"kind": "count", "transition": {"ill -> ill": 1}}},
        horizon="3 cycles",
    )
    trace = trace_of(run)
    again = trace.flow[0, 0, :, trace.moves.index(("ill", "ill"))]
    close(again, [0.5, 0.5, 0.5 * (0.5 + 0.25)])
    close(total(run, "relapses"), again.sum())


# --- strategies, perspectives, draws ------------------------------------------------------------


def two_strategies(*order: str) -> he.Model:
    hazards = {"first": 0.1, "second": 0.3}
    return model(
        strategies={name: {} for name in order},
        transitions={"healthy": {"rates": {"dead": "hazard"}}},
        parameters=[he.Parameter("hazard", hazards[name], strategy=name) for name in order],
        correction="life_table",
    )


def test_swapping_strategies_swaps_their_results() -> None:
    one, other = (
        run_cohort(two_strategies("first", "second")),
        run_cohort(two_strategies("second", "first")),
    )
    np.testing.assert_array_equal(one.discounted, other.discounted[:, ::-1])


def test_a_strategys_own_start() -> None:
    run = result(
        strategies={"usual": {}, "late": {"start": {"healthy": 0.5, "dead": 0.5}}},
    )
    close(run.of("years")[0], [10.0, 5.0])


def test_a_draw_is_what_the_model_gives_with_its_values() -> None:
    """Discount rate, start age and hazard all vary; draws do not touch each other."""

    def build(rate: float, age: float, hazard: float) -> he.Model:
        return model(
            rate="dr",
            start_age="age_first",
            transitions={"healthy": {"rates": {"dead": "hazard * lookup(life, age)"}}},
            parameters={"dr": rate, "age_first": age, "hazard": hazard},
            tables={"life": {"age": [40.0, 45.0, 52.0], "factor": [1.0, 2.0, 5.0]}},
            correction="life_table",
        )

    rows = np.array([[0.0, 40.0, 0.1], [0.035, 43.5, 0.2], [0.1, 50.0, 0.05]])
    draws = dict(zip(("dr", "age_first", "hazard"), rows.T, strict=True))
    run = run_cohort(build(0.05, 44.0, 0.3), draws)
    for number, row in enumerate(rows):
        alone = run_cohort(build(*row))
        np.testing.assert_array_equal(run.discounted[number], alone.discounted[0])


def test_outcomes_of_other_perspectives_are_left_out() -> None:
    outcomes = {
        name: {"kind": "cost", "start": 1, "perspective": perspective}
        for name, perspective in (("all", []), ("ours", ["payer"]), ("theirs", ["societal"]))
    }
    run = result(outcomes=outcomes)
    assert [outcome.name for outcome in run.outcomes] == ["all", "ours"]
    assert run.total("cost")[0, 0] == 2
    with pytest.raises(he.InputError, match="unknown outcome 'theirs'"):
        run.of("theirs")


def test_a_model_without_an_outcome_in_its_perspective_still_runs() -> None:
    run = result(outcomes={"theirs": {"kind": "cost", "start": 1, "perspective": ["societal"]}})
    assert run.total("cost")[0, 0] == 0
    close(trace_of(run).occupancy[..., 0], 1.0)


@pytest.mark.parametrize("scenario", ["sick_sicker/age_dependent", "bone_metastases/base_case"])
def test_the_trace_sums_to_the_cube_and_the_cube_to_the_totals(scenario: str) -> None:
    run = run_cohort(he.load(scenario), keep_trace=True)
    amounts = trace_of(run).amounts
    close(amounts[..., 0].sum(axis=-1), run.undiscounted, 1e-9)
    close(amounts[..., 1].sum(axis=-1), run.discounted, 1e-9)
    kinds = {outcome.kind for outcome in run.outcomes}
    by_kind = sum(run.total(kind) for kind in kinds)
    close(by_kind, run.discounted.sum(axis=(2, 3)), 1e-9)
    by_kind = sum(run.total(kind, discounted=False) for kind in kinds)
    close(by_kind, run.undiscounted.sum(axis=(2, 3)), 1e-9)
    for outcome in run.outcomes:
        index = run.outcomes.index(outcome)
        close(run.of(outcome.name), run.discounted[:, :, index].sum(axis=-1), 1e-12)


def test_flows_move_the_trace() -> None:
    run = run_cohort(he.load("bone_metastases/base_case"), keep_trace=True)
    trace = trace_of(run)
    change = np.zeros_like(trace.occupancy[:, :, 1:])
    for index, (origin, to) in enumerate(trace.moves):
        change[..., run.states.index(origin)] -= trace.flow[..., index]
        change[..., run.states.index(to)] += trace.flow[..., index]
    close(np.diff(trace.occupancy, axis=2), change)
    close(trace.occupancy.sum(axis=-1), 1.0)


@pytest.mark.parametrize("drift", [1e-7, 1e-10])
def test_a_hazard_that_hardly_changes_still_changes(drift: float) -> None:
    """Only a series that is the same in every cycle may be kept as one number."""
    cycles = 1_000
    run = result(
        horizon=f"{cycles} cycles",
        transitions={"healthy": {"rates": {"dead": f"0.001 + {drift} * cycle"}}},
    )
    cumulative = np.cumsum([0.0, *(0.001 + drift * np.arange(cycles))])
    close(trace_of(run).occupancy[0, 0, :, 0], np.exp(-cumulative), 1e-12)
