"""heecon run and check."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from heecon.analysis.engines import options_of, with_engine, with_thresholds
from heecon.analysis.evaluation import Evaluation
from heecon.analysis.evaluation import run as evaluate
from heecon.analysis.monte_carlo import until_error
from heecon.commands.common import (
    Engine,
    NoScenario,
    Out,
    Patients,
    PeopleSeed,
    Plots,
    Target,
    Threshold,
    folder_for,
    load_model,
    make_console,
    progress,
    say_compiling,
    say_written,
)
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.report.console import print_warnings
from heecon.report.event_log import EventLog
from heecon.report.run_files import MANIFEST, write_run
from heecon.report.run_report import print_run
from heecon.report.tables import cost_per

LIMIT = 10_000_000
"""People simulated at most when a precision is asked for and no number of them."""

CHECKED = 1_000
"""People simulated to check a model."""


def run(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    out: Out = None,
    engine: Engine = None,
    patients: Patients = None,
    seed: PeopleSeed = None,
    until_se: Annotated[
        float | None,
        typer.Option(
            help="With microsim: stop when no increment of net benefit, at the first threshold, "
            "has a larger Monte Carlo standard error; --patients is then the limit (10 million "
            "unless given)."
        ),
    ] = None,
    threshold: Threshold = None,
    effect: Annotated[
        list[str] | None,
        typer.Option(
            help="Costs by another effect too: life_years or an outcome; may be repeated.",
            show_default=False,
        ),
    ] = None,
    avoided: Annotated[
        list[str] | None,
        typer.Option(
            help="Costs by events avoided too: an outcome of the kind count; may be repeated.",
            show_default=False,
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="With microsim: write every move of every person (.npz or .parquet)."),
    ] = None,
    workbook: Annotated[
        bool, typer.Option("--workbook", help="Write the live workbook as well (some seconds).")
    ] = False,
    plots: Plots = None,
) -> None:
    """Run a model and print its cost-effectiveness tables; write them to files too."""
    began = time.perf_counter()
    limit = LIMIT if until_se is not None and patients is None else patients
    own = load_model(scenario, no_scenario, warn=False)
    model = with_engine(own, engine, limit, seed)
    if threshold:
        model = with_thresholds(model, threshold)
    if workbook and threshold:
        what = "a workbook is judged at the thresholds of its scenario, not at those of --threshold"
        raise InputError(Problem("--workbook", what, "Write them into a scenario, or drop one"))
    if workbook and model.scenario.engine != "cohort":
        what = "a workbook holds a cohort, and this run simulates person by person"
        raise InputError(Problem("--workbook", what, "Drop it, or add --engine cohort"))
    if model.scenario.engine != "cohort":
        evaluation = simulate(model, until_se, events)
    else:
        refuse_options(seed=seed, until_se=until_se, events=events)
        evaluation = evaluate(model, keep_trace=True, on_compile=say_compiling)
    folder = folder_for(model, out, engine=own.scenario.engine)
    further = [cost_per(evaluation, name) for name in effect or []]
    further += [cost_per(evaluation, name, avoided=True) for name in avoided or []]
    paths = write_run(evaluation, folder, time.perf_counter() - began, plots or (), further)
    if workbook:
        from heecon.commands.workbook import write as write_workbook  # noqa: PLC0415  (slow)

        path = folder / "workbook.xlsx"
        paths.append(write_workbook(scenario, path, no_scenario=no_scenario, manifest=MANIFEST)[0])
    console = make_console()
    print_run(evaluation, console, further)
    say_written(console, folder, paths)


def simulate(model: Model, error: float | None, events: Path | None) -> Evaluation:
    """Simulate people, with a progress bar, until they are enough, and log their events."""
    options = options_of(model)
    if error is not None:
        chosen = (*model.settings.thresholds, 0.0)[0]
        rule = until_error(model, chosen, error, on_forecast=_forecast(options.patients))
        options = replace(options, enough=rule)
    log = None if events is None else EventLog(model, events)
    if log is not None:
        options = replace(options, on_event=log.add)
    with progress("People", options.patients) as advance:
        options = replace(options, on_people=advance)
        evaluation = evaluate(model, keep_trace=True, on_compile=say_compiling, options=options)
    found = evaluation.result.monte_carlo
    if error is not None and found is not None and found.people == options.patients:
        typer.echo(f"{found.people:,} people, the limit, were simulated.", err=True)
    if log is not None:
        typer.echo(f"{log.rows:,} events written to {log.write()}", err=True)
    return evaluation


def _forecast(limit: int) -> Callable[[int], None]:
    """Tell how many people an error needs, when that is known."""

    def tell(people: int) -> None:
        words = f"About {people:,} people are needed"
        words += (
            f", more than the limit of {limit:,}: ask for less or stop." if people > limit else "."
        )
        typer.echo(words, err=True)

    return tell


def refuse_options(**given: object) -> None:
    """Refuse options that would be ignored."""
    unused = [name.replace("_", "-") for name, value in given.items() if value is not None]
    if unused:
        what = "it belongs to the microsimulation"
        hint = "Add --engine microsim, or drop it"
        raise InputError([Problem(f"--{name}", what, hint) for name in unused])


def check(scenario: Target = None, no_scenario: NoScenario = False) -> None:
    """Check a model or scenario: every problem at once, with its place. Writes nothing."""
    model = load_model(scenario, no_scenario, warn=False)
    options = None
    if model.scenario.engine != "cohort":
        options = replace(options_of(model), patients=CHECKED)
    warnings = evaluate(model, on_compile=say_compiling, options=options).warnings()
    console = make_console()
    print_warnings(warnings, console)
    console.print(
        f"{model.name}: no errors. {len(model.strategies)} strategies, {len(model.states)} states, "
        f"{model.settings.cycles} cycles of {model.settings.cycle}, {len(model.inputs)} inputs "
        f"({len(model.assumptions)} assumptions), {len(warnings)} warnings.",
        markup=False,
        highlight=False,
    )
