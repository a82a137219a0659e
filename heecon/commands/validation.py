"""heecon validate and calibrate: predicted against observed, and fitting by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heecon.analysis.calibration import calibrate as fit
from heecon.analysis.targets import Target as Observation
from heecon.analysis.targets import read_also, read_targets
from heecon.analysis.validation import validate as check
from heecon.commands.common import (
    NoScenario,
    Out,
    Target,
    folder_for,
    load_model,
    make_console,
    progress,
    say_compiling,
    say_written,
)
from heecon.files import locate
from heecon.files.write import csv_files, write_all
from heecon.model.definition import Model
from heecon.model.evidence_folder import EvidenceFolder
from heecon.report.report import Report, print_report
from heecon.report.validation_report import (
    calibration_report,
    validation_report,
    with_another,
)


def validate(scenario: Target = None, no_scenario: NoScenario = False, out: Out = None) -> None:
    """Compare what the model predicts with what was observed, target by target."""
    model, targets, also = _model_and_targets(scenario, no_scenario)
    with progress("Validation"):
        report = validation_report(check(model, targets))
    for name in also:
        other, others, _ = _model_and_targets(name)
        if other.scenario.engine != "cohort":
            say_compiling()
        report = with_another(report, other, check(other, others))
    _finish(report, model, out, "validation")


def calibrate(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="Input to vary: its key; may be repeated."),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Target to meet (an evidence id); may be repeated.")
    ] = None,
    out: Out = None,
) -> None:
    """Fit named parameters to named targets and report it; no file of the model is changed."""
    model, targets, _ = _model_and_targets(scenario, no_scenario)
    with progress("Calibration"):
        found = fit(model, targets, inputs or [], target or [])
    _finish(calibration_report(found), model, out, "calibration")


def _model_and_targets(
    scenario: str | None, no_scenario: bool = False
) -> tuple[Model, tuple[Observation, ...], tuple[str, ...]]:
    """A model, its targets, and the other models that are validated with it."""
    model = load_model(scenario, no_scenario)
    folder = locate.folder_of(scenario, model.name)
    registry = EvidenceFolder(locate.evidence_beside(folder)).registry()
    return model, read_targets(folder, model, registry), read_also(folder)


def _finish(report: Report, model: Model, out: Path | None, analysis: str) -> None:

    console = make_console()
    print_report(report, console)
    folder = folder_for(model, out, analysis)
    contents = csv_files(report.tables)
    say_written(console, folder, write_all(folder, contents))
