"""heecon run and check."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from heecon.analysis.engines import options_of, with_engine
from heecon.analysis.evaluation import Evaluation
from heecon.analysis.evaluation import run as evaluate
from heecon.analysis.monte_carlo import until_error
from heecon.commands.common import (
    Engine,
    Out,
    Patients,
    Plots,
    Target,
    folder_for,
    make_console,
    progress,
    say_compiling,
    say_written,
)
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.model.load import load
from heecon.report.console import print_warnings
from heecon.report.event_log import EventLog
from heecon.report.run_files import MANIFEST, write_run
from heecon.report.run_report import print_run

LIMIT = 10_000_000
"""People simulated at most when a precision is asked for and no number of them."""

CHECKED = 1_000
"""People simulated to check a model."""


def run(
    scenario: Target = None,
    out: Out = None,
    engine: Engine = None,
    patients: Patients = None,
    seed: Annotated[
        int | None, typer.Option(help="With microsim: any whole number.", show_default="1")
    ] = None,
    until_se: Annotated[
        float | None,
        typer.Option(
            help="With microsim: stop when no increment of net benefit has a larger Monte Carlo "
            "standard error; --patients is then the limit (10 million unless given)."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="With --until-se: money per QALY. Default: the model's first."),
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
    model = with_engine(load(scenario), engine, limit, seed)
    if workbook and model.scenario.engine != "cohort":
        what = "a workbook holds a cohort, and this run simulates person by person"
        raise InputError(Problem("--workbook", what, "Drop it, or add --engine cohort"))
    if model.scenario.engine != "cohort":
        evaluation = simulate(model, until_se, threshold, events)
    else:
        refuse_options(seed=seed, until_se=until_se, threshold=threshold, events=events)
        evaluation = evaluate(model, keep_trace=True, on_compile=say_compiling)
    folder = folder_for(model, out)
    paths = write_run(evaluation, folder, time.perf_counter() - began, plots or ())
    if workbook:
        from heecon.commands.workbook import write as write_workbook  # noqa: PLC0415  (slow)

        path = folder / "workbook.xlsx"
        paths.append(write_workbook(scenario, path, manifest=MANIFEST)[0])
    console = make_console()
    print_run(evaluation, console)
    say_written(console, folder, paths)


def simulate(
    model: Model, error: float | None, threshold: float | None, events: Path | None
) -> Evaluation:
    """Simulate people, with a progress bar, until they are enough, and log their events."""
    options = options_of(model)
    if error is None:
        refuse_options(threshold=threshold)
    else:
        chosen = threshold if threshold is not None else (*model.settings.thresholds, 0.0)[0]
        options = replace(options, enough=until_error(model, chosen, error))
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


def refuse_options(**given: object) -> None:
    """Refuse options that would be ignored."""
    unused = [name.replace("_", "-") for name, value in given.items() if value is not None]
    if unused:
        what = "it belongs to the microsimulation"
        hint = "Add --engine microsim, or drop it"
        if unused == ["threshold"]:
            what, hint = "it belongs to --until-se", "Add --until-se, or drop it"
        raise InputError([Problem(f"--{name}", what, hint) for name in unused])


def check(scenario: Target = None) -> None:
    """Check a model or scenario: every problem at once, with its place. Writes nothing."""
    model = load(scenario)
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
