"""heecon batch: every scenario of a model, side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from heecon.analysis.scenarios import (
    ScenarioRun,
    comparison,
    each_scenario,
    scenario_files,
    without_trace,
)
from heecon.commands.common import (
    Plots,
    make_console,
    progress,
    say_compiling,
    say_warnings,
    say_written,
)
from heecon.errors import InputError
from heecon.files.write import csv_files, write_all
from heecon.report.run_files import MANIFEST, write_run
from heecon.report.scenario_report import print_comparison
from heecon.workbook.case import cases_of
from heecon.workbook.comparison import comparison_book
from heecon.workbook.export import write_workbook
from heecon.workbook.xlsx import to_bytes


def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|MODEL",
            help="A folder of scenarios, or a model from `heecon list`.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the files, one folder below it a scenario. Default: reports/MODEL.",
            show_default=False,
        ),
    ] = None,
    workbooks: Annotated[
        bool,
        typer.Option(
            help="Write a live workbook of each scenario too (some 10 seconds and 10 MB each).",
        ),
    ] = False,
    plots: Plots = None,
) -> None:
    """Run every scenario of a model, write each and put all of them side by side."""
    paths = scenario_files(source)
    folder = out or Path("reports") / _model(paths)
    runs: list[ScenarioRun] = []
    with progress("Scenarios", len(paths)) as advance:
        began = time.perf_counter()
        for found in each_scenario(paths, keep_trace=True, on_compile=say_compiling):
            if found.evaluation is not None:
                seconds = time.perf_counter() - began
                write_run(found.evaluation, folder / found.name, seconds, plots or ())
            runs.append(without_trace(found))
            advance(len(runs))
            began = time.perf_counter()
    contents: dict[str, str | bytes] = {**csv_files([comparison(runs)])}
    if workbooks:
        _workbooks(runs, folder)
    contents["comparison.xlsx"] = to_bytes(comparison_book(runs))
    written = write_all(folder, contents, "comparison_manifest.json", _about(runs))
    say_warnings(_warnings(runs))
    console = make_console()
    print_comparison(runs, console)
    say_written(console, folder, [*(folder / run.name for run in runs if run.evaluation), *written])
    _stop_if_broken(runs)


def _warnings(runs: list[ScenarioRun]) -> list[str]:
    """Each warning once, with the scenarios it is about."""
    about: dict[str, list[str]] = {}
    for run in runs:
        for warning in run.evaluation.warnings() if run.evaluation else ():
            about.setdefault(warning, []).append(run.name)
    return [f"{', '.join(names)}: {warning}" for warning, names in about.items()]


def _model(paths: Sequence[Path]) -> str:
    """The model the scenarios are of, for the name of their folder; ``all`` if of several."""
    names = {path.parent.name for path in paths}
    return names.pop() if len(names) == 1 else "all"


def _workbooks(runs: list[ScenarioRun], folder: Path) -> None:
    """A live workbook in the folder of each scenario."""
    by_model: dict[str, list[ScenarioRun]] = {}
    for run in runs:
        if run.evaluation is not None and run.evaluation.model.scenario.engine == "cohort":
            by_model.setdefault(run.evaluation.model.name, []).append(run)
    carried = {run.name for family in by_model.values() for run in family}
    left = [run.name for run in runs if run.evaluation is not None and run.name not in carried]
    if left:
        typer.echo(f"No workbook of {', '.join(left)}: a workbook holds a cohort.", err=True)
    with progress("Workbooks", len(carried)) as advance:
        done = 0
        for family in by_model.values():
            cases = cases_of([run.path for run in family])
            for run, case in zip(family, cases, strict=True):
                write_workbook(case, folder / run.name / "workbook.xlsx", MANIFEST)
                done += 1
                advance(done)


def _about(runs: list[ScenarioRun]) -> dict[str, object]:
    """What the manifest of a comparison says."""
    about = {
        run.name: {
            "file": run.path.name,
            "manifest": f"{run.name}/manifest.json" if run.evaluation else None,
            "problems": [str(problem) for problem in run.problems],
        }
        for run in runs
    }
    return {"scenarios": about}


def _stop_if_broken(runs: list[ScenarioRun]) -> None:
    """Report what is wrong with the broken scenarios, now that the others are written."""
    problems = [
        replace(problem, where=f"scenario '{run.name}': {problem.where}")
        for run in runs
        for problem in run.problems
    ]
    if problems:
        raise InputError(problems)
