"""heecon evppi and evsi: what knowing more would be worth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from heecon.analysis import trial as designs
from heecon.analysis.ceac import population_size
from heecon.analysis.draws_file import read_outcomes
from heecon.analysis.evppi import rank
from heecon.analysis.evsi import SIZES, check_costs
from heecon.analysis.outcomes import Outcomes, checked_thresholds
from heecon.analysis.psa import run_psa, size_of_psa
from heecon.commands.common import (
    NoScenario,
    Out,
    People,
    Rate,
    Seed,
    Target,
    Threshold,
    Years,
    folder_beside,
    folder_for,
    load_model,
    progress,
    refuse_models,
    say_compiling,
    say_simulated,
)
from heecon.commands.psa import check_external
from heecon.commands.sensitivity import finish
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.report.report import Report, at_each
from heecon.report.value_of_information_report import evppi_report
from heecon.results import PSAResult

Draws = Annotated[
    int | None, typer.Option(help="Number of draws. Default: the scenario's, or 10,000.")
]


def evppi(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    draws: Draws = None,
    seed: Seed = 1,
    threshold: Threshold = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="Value these together: key,key,...; may be repeated."),
    ] = None,
    people: People = None,
    years: Years = 10.0,
    rate: Rate = 0.035,
    external: Annotated[
        Path | None, typer.Option(help="Another program's draws: draw, strategy, cost, effect.")
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option(help="With --external: the parameters of each draw.")
    ] = None,
    out: Out = None,
) -> None:
    """Rank the inputs by what knowing each exactly would be worth (EVPPI)."""
    began = time.perf_counter()

    check_external(external, scenario=scenario, no_scenario=no_scenario or None, draws=draws)
    if external is None and parameters is not None:
        hint = "Name the outcomes with --external; heecon psa runs a model at given draws"
        raise InputError(Problem("--parameters", "it belongs to --external", hint))
    if external is not None:
        model, outcomes = None, read_outcomes(external, parameters)
        folder = folder_beside(external, out)
    else:
        model, outcomes = _psa(load_model(scenario, no_scenario), draws, seed)
        folder = folder_for(model, out, "evppi")
    groups = {text: [key.strip() for key in text.split(",")] for text in group or []}
    population = _population(people, years, rate)

    def at(threshold: float | None) -> Report:
        found = rank(outcomes, _level(outcomes, threshold), groups, seed=seed)
        return evppi_report(found, population, outcomes.currency)

    with progress("Inputs"):
        report = at_each(threshold, at)
    finish(model, report, folder, "evppi", began, seed=seed, draws=outcomes.draws)


def evsi_(
    parameter: Annotated[
        str, typer.Argument(metavar="KEY", help="The input the trial measures: its key.")
    ],
    scenario: Target = None,
    no_scenario: NoScenario = False,
    hazard_ratio: Annotated[
        float | None,
        typer.Option(help="It is a hazard ratio; events expected per person in follow-up."),
    ] = None,
    sd: Annotated[
        float | None, typer.Option(help="It is a mean; standard deviation of one person's value.")
    ] = None,
    proportion: Annotated[
        bool, typer.Option("--proportion", help="It is a proportion of people.")
    ] = False,
    person_years: Annotated[
        float | None, typer.Option(help="It is a rate; years observed per person.")
    ] = None,
    n: Annotated[
        list[int] | None, typer.Option(help="People in each arm; may be repeated.")
    ] = None,
    fixed_cost: Annotated[float, typer.Option(help="Cost of the trial whatever its size.")] = 0.0,
    cost_per_person: Annotated[float, typer.Option(help="Cost of one person in it.")] = 0.0,
    moment_matching: Annotated[
        bool, typer.Option("--moment-matching", help="Instead of regression.")
    ] = False,
    draws: Draws = None,
    seed: Seed = 1,
    threshold: Threshold = None,
    people: People = None,
    years: Years = 10.0,
    rate: Rate = 0.035,
    out: Out = None,
) -> None:
    """Value a new trial of one input at several sizes (EVSI, ENBS)."""
    began = time.perf_counter()
    refuse_models(parameter)
    chosen = [hazard_ratio is not None, sd is not None, proportion, person_years is not None]
    if sum(chosen) != 1:
        what = "say in one way what the trial measures"
        hint = "Give one of --hazard-ratio, --sd, --proportion, --person-years"
        raise InputError(Problem("evsi", what, hint))
    if hazard_ratio is not None:
        design = designs.hazard_ratio_trial(parameter, hazard_ratio)
    elif sd is not None:
        design = designs.normal_trial(parameter, sd)
    elif person_years is not None:
        design = designs.poisson_trial(parameter, person_years)
    else:
        design = designs.binomial_trial(parameter)
    check_costs(people, fixed_cost, cost_per_person)
    model, outcomes = _psa(load_model(scenario, no_scenario), draws, seed)
    with progress("Trials"):
        found = PSAResult(outcomes).evsi(
            design, n or SIZES, threshold=threshold, seed=seed, moment_matching=moment_matching,
            people=people, years=years, rate=rate,
            fixed_cost=fixed_cost, cost_per_person=cost_per_person,
        )  # fmt: skip
    folder = folder_for(model, out, "evsi")
    finish(model, found.report, folder, "evsi", began, seed=seed, draws=outcomes.draws)


def _psa(model: Model, draws: int | None, seed: int) -> tuple[Model, Outcomes]:

    say_simulated(model)
    count, _ = size_of_psa(model, draws, seed)
    with progress("Draws", count) as advance:
        return model, run_psa(model, count, seed, on_draws=advance, on_compile=say_compiling)


def _level(outcomes: Outcomes, threshold: float | None) -> float:

    return checked_thresholds(outcomes, None if threshold is None else [threshold])[0]


def _population(people: float | None, years: float, rate: float) -> float | None:

    return None if people is None else population_size(people, years, rate)
