"""Sick-Sicker as published by the DARTH group, from heecon's own inputs/sick_sicker.

Golden files: R 4.2.2; ``darth_indep.json`` from DARTH-git/cohort-modeling-tutorial-intro, commit
d3c5497f, analysis/cSTM_time_indep.R (``decision_model``, ``calculate_ce_out``,
``generate_psa_params``; ICERs by dampack 1.0.2.1000 ``calculate_icers``);
``darth_timedep_age.json`` from DARTH-git/cohort-modeling-tutorial-timedep, commit 45dfd7dc,
analysis/cSTM_time_dep_simulation.R.

A defect of the source, kept in the scenario ``published`` only: its function ``gen_wcc`` has the
weights 2/3 and 4/3 of Simpson's rule swapped, and applies it to an odd number of cycles. heecon's
own ``simpson`` is tested here against the textbook rule, on the same published trace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate

import heecon as he
from heecon.analysis.evaluation import Evaluation as Evaluation_of
from heecon.analysis.evaluation import run as evaluate
from heecon.arrays import Floats
from heecon.engine import cohort
from heecon.engine.cohort import run_cohort
from heecon.engine.result import Result

from .published import INPUTS, close, definition, golden, golden_columns, rebuilt

STRATEGIES = ("SoC", "A", "B", "AB")


def run(scenario: str) -> Evaluation_of:
    return evaluate(he.load(INPUTS / "sick_sicker", scenario), keep_trace=True)


def in_order(amounts: dict[str, float]) -> list[float]:
    return [amounts[strategy] for strategy in STRATEGIES]


def check_icers(evaluation: Evaluation_of, table: list[dict[str, Any]]) -> None:
    """dampack's table: "Standard of care", "Strategy B" ...; status ND, or D for dominated."""
    names = {"Standard of care": "SoC", **{f"Strategy {s}": s for s in STRATEGIES}}
    expected = {names[row["Strategy"]]: row for row in table}
    rows = evaluation.incremental()
    assert {row.strategy for row in rows} == expected.keys()
    for row in rows:
        golden_row = expected[row.strategy]
        close(row.cost, golden_row["Cost"])
        close(row.effect, golden_row["Effect"])
        assert ("dominated" in row.status) == (golden_row["Status"] == "D")
        if golden_row["ICER"] is not None:
            close(row.icer, golden_row["ICER"])


# --- time-independent ---------------------------------------------------------------------------


def test_published_totals() -> None:
    evaluation, totals = run("published"), golden("darth_indep")["outputs"]["totals"]
    close(in_order(evaluation.cost()), totals["cost"])
    close(in_order(evaluation.qalys()), totals["qaly"])


def test_half_cycle_totals() -> None:
    evaluation = run("base_case")
    totals = golden("darth_indep")["outputs"]["totals_by_wcc"]["half"]
    close(in_order(evaluation.cost()), totals["cost"])
    close(in_order(evaluation.qalys()), totals["qaly"])


def test_uncorrected_totals_count_every_time_point() -> None:
    """DARTH's "none" weights all n + 1 time points with 1; heecon's "none" counts n cycles."""
    edited = definition("sick_sicker")
    edited["model"]["correction"] = {"weights": "ones"}
    table = {"ones": {"cycle": [float(t) for t in range(76)], "weight": [1.0] * 76}}
    evaluation = evaluate(rebuilt("sick_sicker", edited, table))
    totals = golden("darth_indep")["outputs"]["totals_by_wcc"]["none"]
    close(in_order(evaluation.cost()), totals["cost"])
    close(in_order(evaluation.qalys()), totals["qaly"])


def test_trace_of_every_strategy() -> None:
    trace = run("published").result.trace
    assert trace is not None
    expected = golden("darth_indep")["outputs"]["trace"]
    for index, strategy in enumerate(STRATEGIES):
        close(trace.occupancy[0, index], expected[strategy])


def test_icers() -> None:
    check_icers(run("published"), golden("darth_indep")["outputs"]["icer_table"])


# --- Simpson's rule as the textbooks have it ----------------------------------------------------


def integrands(cycles: int) -> dict[str, Floats]:
    """Discounted QALYs at the published trace's time points, by strategy."""
    file = golden("darth_indep")
    discount = 1.03 ** -np.arange(cycles + 1.0)
    return {
        s: np.array(file["outputs"]["trace"][s])[: cycles + 1]
        @ np.array(file["inputs"]["state_utilities"][s])
        * discount
        for s in STRATEGIES
    }


def simpson(cycles: int) -> Evaluation_of:
    edited = definition("sick_sicker")
    edited["model"] |= {"correction": "simpson", "horizon": f"{cycles} cycles"}
    for outcome in ("cost_transitions", "qaly_transitions"):  # their weights are for 75 cycles
        del edited["outcomes"][outcome]["correction"]
    return evaluate(rebuilt("sick_sicker", edited))


def test_simpson_over_an_even_number_of_cycles_is_the_textbook_rule() -> None:
    qalys = simpson(74).qalys()
    for strategy, points in integrands(74).items():
        close(qalys[strategy], integrate.simpson(points, dx=1.0))


def test_simpson_over_an_odd_number_of_cycles_ends_with_the_three_eighths_rule() -> None:
    qalys = simpson(75).qalys()
    for strategy, y in integrands(75).items():
        tail = 3 / 8 * (y[72] + 3 * y[73] + 3 * y[74] + y[75])
        close(qalys[strategy], integrate.simpson(y[:73], dx=1.0) + tail)


def test_textbook_simpson_lies_by_the_half_cycle_result_and_the_published_one_does_not() -> None:
    outputs = golden("darth_indep")["outputs"]["totals_by_wcc"]
    textbook = simpson(75).qalys()["SoC"]
    assert abs(textbook - outputs["half"]["qaly"][0]) < 0.02
    assert abs(textbook - outputs["Simpson"]["qaly"][0]) > 0.3


# --- age-dependent ------------------------------------------------------------------------------


def test_age_dependent_totals() -> None:
    evaluation = run("age_dependent")
    totals = golden("darth_timedep_age")["outputs"]["totals"]
    close(in_order(evaluation.cost()), totals["cost"])
    close(in_order(evaluation.qalys()), totals["qaly"])


def test_age_dependent_icers() -> None:
    check_icers(run("age_dependent"), golden("darth_timedep_age")["outputs"]["icer_table"])


def test_age_dependent_trace() -> None:
    trace = run("age_dependent").result.trace
    assert trace is not None
    expected = golden("darth_timedep_age")["outputs"]["trace"]
    for index, strategy in enumerate(STRATEGIES):
        close(trace.occupancy[0, index], expected[strategy])


def test_age_dependent_flows() -> None:
    """The transition array, summed over cycles 1 to 75.

    Its diagonal counts those who stay. Staying is no move in heecon: it is what nobody moved away.
    """
    trace = run("age_dependent").result.trace
    assert trace is not None
    states = ["H", "S1", "S2", "D"]
    expected = golden("darth_timedep_age")["outputs"]["total_transitions"]
    for index, strategy in enumerate(STRATEGIES):
        flow = trace.flow[0, index].sum(axis=0)
        moved = np.zeros((4, 4))
        for (origin, to), people in zip(trace.moves, flow, strict=True):
            moved[states.index(origin), states.index(to)] = people
        present = trace.occupancy[0, index, :-1].sum(axis=0)
        stayed = np.diag(present - moved.sum(axis=1))
        close(moved + stayed, expected[strategy])


def test_age_dependent_life_expectancy() -> None:
    """DARTH's ``le`` sums the survival of all time points, so its weights are all 1."""
    trace = run("age_dependent").result.trace
    assert trace is not None
    for index, strategy in enumerate(STRATEGIES):
        expected = golden("darth_timedep_age")["outputs"]["epi"][strategy]["life_expectancy"]
        close(1.0 - trace.occupancy[0, index, :, 3], golden_survival(strategy))
        close((1.0 - trace.occupancy[0, index, :, 3]).sum(), expected)


def golden_survival(strategy: str) -> Any:
    return golden("darth_timedep_age")["outputs"]["epi"][strategy]["survival"]


# --- a thousand draws ---------------------------------------------------------------------------


def psa() -> Result:
    model = he.load(INPUTS / "sick_sicker", "published")
    return run_cohort(model, golden_columns("darth_indep_psa_draws_1000"))


def test_a_thousand_draws() -> None:
    """DARTH's ``generate_psa_params(1000)`` in, its cost and QALYs of every draw out."""
    expected = golden_columns("darth_indep_psa_out_1000")
    result = psa()
    for index, strategy in enumerate(STRATEGIES):
        close(result.total("cost")[:, index], expected[f"cost_{strategy}"])
        close(result.total("qaly")[:, index], expected[f"qaly_{strategy}"])


@pytest.mark.parametrize("draws_a_chunk", [7, 333, 1000])
def test_the_size_of_a_chunk_changes_nothing(
    draws_a_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = psa()
    monkeypatch.setattr(cohort, "CHUNK_CELLS", 76 * draws_a_chunk)
    result = psa()
    np.testing.assert_array_equal(result.discounted, expected.discounted)
    np.testing.assert_array_equal(result.undiscounted, expected.undiscounted)
    np.testing.assert_array_equal(result.alive_at_end, expected.alive_at_end)
