"""Zidovudine with or without lamivudine in HIV, from heecon's own inputs/hiv.

Golden files: R 4.2.2; ``heemod_hiv.json`` from heemod 1.0.2, vignettes/c_homogeneous.Rmd
(``run_model`` with method "beginning", "end" and "life-table"); ``rdecision_hiv.json`` from
rdecision 1.3.0, vignettes/SM01-HIV.Rmd.

A defect of the second source: its vignette computes the transition from A to AIDS during treatment
from the wrong count (``pAC <- RR * nAC / nC``). inputs/hiv has the right one; the vignette's number
is reproduced below by putting the mistake into the definition.
"""

from __future__ import annotations

from typing import Any

import pytest

import heecon as he
from heecon.analysis.evaluation import Evaluation as Evaluation_of
from heecon.analysis.evaluation import run as evaluate

from .published import INPUTS, close, definition, golden, rebuilt

METHODS = {"beginning": "heemod_beginning", "end": "heemod_end", "life-table": "heemod_life_table"}
STRATEGIES = ("mono", "comb")


def run(scenario: str) -> Evaluation_of:
    return evaluate(he.load(INPUTS / "hiv", scenario), keep_trace=True)


# --- heemod -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_heemod_totals(method: str) -> None:
    evaluation = run(METHODS[method])
    rows = golden("heemod_hiv")["outputs"]["by_method"][method]["totals"]
    for row in rows:
        strategy = row[".strategy_names"]
        result = evaluation.result
        index = result.strategies.index(strategy)
        for name, outcome in (
            ("cost_health", "cost_health"),
            ("cost_drugs", "cost_drugs"),
            ("life_year", "life_years"),
        ):
            close(result.of(outcome)[0, index], row[name] / 1000)
        close(evaluation.cost()[strategy], row["cost_total"] / 1000)
        close(evaluation.qalys()[strategy], row["life_year"] / 1000)


@pytest.mark.parametrize("method", METHODS)
def test_heemod_icer(method: str) -> None:
    table = golden("heemod_hiv")["outputs"]["by_method"][method]["summary"]["res_comp"]
    row = next(row for row in table if row[".strategy_names"] == "comb")
    found = next(r for r in run(METHODS[method]).incremental() if r.strategy == "comb")
    close(found.icer, row[".icer"])


def test_heemod_counts_and_values_by_cycle() -> None:
    """heemod's life-table counts are the means of adjacent rows; its values are per cycle."""
    evaluation = run("heemod_life_table")
    outputs = golden("heemod_hiv")["outputs"]
    trace = evaluation.result.trace
    assert trace is not None
    kinds = [outcome.kind for outcome in evaluation.result.outcomes]
    for index, strategy in enumerate(STRATEGIES):
        occupancy = trace.occupancy[0, index]
        counts = (occupancy[:-1] + occupancy[1:]) / 2
        close(
            counts,
            [[n / 1000 for n in row] for row in outputs["counts_default"][strategy]["counts"]],
        )
        # heemod discounts within the values.
        amounts = trace.amounts[0, index, :, :, :-1, 1].sum(axis=1)
        cost = amounts[[i for i, kind in enumerate(kinds) if kind == "cost"]].sum(axis=0)
        values = outputs["values_default"][strategy]
        close(cost, [value / 1000 for value in values["cost_total"]])
        close(amounts[kinds.index("life_year")], [value / 1000 for value in values["life_year"]])


# --- rdecision ----------------------------------------------------------------------------------


def test_rdecision_mono() -> None:
    evaluation, expected = run("base_case"), golden("rdecision_hiv")["outputs"]["mono"]
    trace = evaluation.result.trace
    assert trace is not None
    close(trace.occupancy[0, 0], [[n / 1000 for n in row] for row in expected["trace"]])
    close(evaluation.cost()["mono"], expected["total_cost"])
    close(evaluation.life_years()["mono"], expected["total_ly"])
    # rdecision books a cycle at its end, heecon at its number.
    kinds = [outcome.kind for outcome in evaluation.result.outcomes]
    costs = [i for i, kind in enumerate(kinds) if kind == "cost"]
    by_cycle = trace.amounts[0, 0, costs, :, :-1, 1].sum(axis=(0, 1))
    close(by_cycle, expected["cost"][1:])


def test_rdecision_combination_with_the_right_count() -> None:
    evaluation, expected = (
        run("base_case"),
        golden("rdecision_hiv")["outputs"]["comb_corrected_pAC"],
    )
    trace = evaluation.result.trace
    assert trace is not None
    close(trace.occupancy[0, 1], [[n / 1000 for n in row] for row in expected["trace"]])
    close(evaluation.cost()["comb"], expected["total_cost"])
    close(evaluation.life_years()["comb"], expected["total_ly"])
    close(evaluation.incremental()[-1].icer, expected["icer"])


def with_the_vignettes_mistake() -> dict[str, Any]:
    """p_AC = RR x 116 / 1749 (the person-years of AIDS) instead of RR x 116 / 1734."""
    edited = definition("hiv")
    row = edited["transitions"]["A"]["probabilities"]
    assert row["C"] == "p_AC * factor"
    row["C"] = "rr * 116 / 1749 if on_lamivudine > 0.5 else p_AC"
    return edited


def test_rdecision_combination_as_in_the_vignette() -> None:
    evaluation = evaluate(rebuilt("hiv", with_the_vignettes_mistake()))
    expected = golden("rdecision_hiv")["outputs"]["comb_as_in_vignette"]
    close(evaluation.cost()["comb"], expected["total_cost"])
    close(evaluation.life_years()["comb"], expected["total_ly"])
    close(evaluation.incremental()[-1].icer, expected["icer"])


def test_rdecision_half_cycle_correction_of_life_years_only() -> None:
    edited = with_the_vignettes_mistake()
    for outcome in ("life_years", "qalys"):
        edited["outcomes"][outcome]["correction"] = "life_table"
    evaluation = evaluate(rebuilt("hiv", edited))
    expected = golden("rdecision_hiv")["outputs"]["half_cycle"]
    for strategy in STRATEGIES:
        close(evaluation.cost()[strategy], expected[f"{strategy}_cost"])
        close(evaluation.life_years()[strategy], expected[f"{strategy}_ly"])
    close(evaluation.incremental()[-1].icer, expected["icer"])


def test_both_readings_of_the_vignette() -> None:
    """Both readings of the vignette side by side: 6,264 as printed, 6,277 as Briggs has it."""
    printed = evaluate(rebuilt("hiv", with_the_vignettes_mistake())).incremental()[-1].icer
    right = run("base_case").incremental()[-1].icer
    assert printed is not None
    assert right is not None
    assert (round(printed), round(right)) == (6264, 6277)
