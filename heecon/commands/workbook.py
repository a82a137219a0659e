"""heecon workbook export, import and check."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from heecon.analysis.change_log import change_log
from heecon.commands.common import (
    NoScenario,
    Target,
    make_console,
    progress,
    say_compiling,
    say_warnings,
)
from heecon.errors import InputError, Problem
from heecon.report.change_log_report import print_change_log
from heecon.workbook.case import case_of
from heecon.workbook.export import write_workbook
from heecon.workbook.importer import import_workbook
from heecon.workbook.verify import Verification, verify

DRAWS = 1_000
SHOWN = 20
"""Differing cells that are listed."""

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="The live Excel workbook: export, import, check.",
)

File = Annotated[Path, typer.Argument(help="A workbook that heecon exported.", show_default=False)]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Folder of the model, if it is not found by its name."),
]


class Engine(StrEnum):
    """What recalculates a workbook."""

    FORMUALIZER = "formualizer"
    LIBREOFFICE = "libreoffice"


@app.command()
def export(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File to write. Default: below reports/.", show_default=False
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of the stored PSA; 0 for none.")] = DRAWS,
    seed: Annotated[int, typer.Option(help="Seed of the draws: any whole number.")] = 1,
    since: Annotated[
        str | None,
        typer.Option(
            help="What the change log starts from: a scenario. Default: the one extended."
        ),
    ] = None,
) -> None:
    """Write a scenario, with all its siblings, as a live workbook."""
    if out is not None and out.suffix.lower() != ".xlsx":
        raise InputError(Problem(str(out), "a workbook's name ends in .xlsx", "Change the name"))
    if not 0 <= draws <= 100_000:
        what = f"{draws:,} draws"
        raise InputError(Problem("--draws", what, "A workbook holds 0 to 100,000"))
    path, seconds, warnings = write(
        scenario, out, no_scenario=no_scenario, draws=draws, seed=seed, since=since
    )
    say_warnings(warnings)
    size = path.stat().st_size / 1e6
    make_console().print(
        f"Written to {path} ({size:.1f} MB, {seconds:.1f} s).\nOpen it in a spreadsheet program, "
        "change yellow cells, and read it back: heecon workbook import FILE.xlsx -o scenario.toml",
        markup=False,
        highlight=False,
    )


def write(
    scenario: str | None,
    out: Path | None,
    *,
    no_scenario: bool = False,
    draws: int = 0,
    seed: int = 1,
    since: str | None = None,
    manifest: str = "",
) -> tuple[Path, float, Sequence[str]]:
    """Write the workbook of a scenario; its path, how long it took, the model's warnings."""
    began = time.perf_counter()

    with progress("Draws", max(draws, 1)) as advance:
        case = case_of(
            scenario,
            no_scenario=no_scenario,
            draws=draws,
            seed=seed,
            since=since,
            on_draws=advance,
            on_compile=say_compiling,
        )
    path = out or Path("reports") / case.model.name / case.variant.name / "workbook.xlsx"
    with progress("Sheets"):
        written = write_workbook(case, path, manifest)
    return written, time.perf_counter() - began, case.model.warnings


@app.command(name="import")
def import_(
    file: File,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Scenario file to write. Default: none.", show_default=False
        ),
    ] = None,
    model: Model = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
) -> None:
    """Read an edited workbook: a scenario of its overrides, and what each of them does."""
    if out is not None and out.suffix.lower() != ".toml":
        raise InputError(Problem(str(out), "a scenario's name ends in .toml", "Change the name"))
    if out is not None and out.exists() and not force:
        what = "the file is there already, and would be written over"
        raise InputError(Problem(str(out), what, "Choose another name, or say --force"))
    with progress("Workbook"):
        imported = import_workbook(file, out, model)
    say_warnings(imported.model.warnings)
    console = make_console()
    log = change_log(imported.base, imported.model, on_compile=say_compiling)
    print_change_log(log, console)
    lines = [f"Note: {note}" for note in imported.notes]
    if out is not None:
        lines.append(f"Written to {out}. Run it: heecon run {out}")
    else:
        lines.append("Nothing written: name a file with -o scenario.toml")
    console.print("\n" + "\n".join(lines), markup=False, highlight=False)


@app.command()
def check(
    file: File,
    engine: Annotated[
        Engine, typer.Option(help="What recalculates the workbook.")
    ] = Engine.FORMUALIZER,
    model: Model = None,
) -> None:
    """Recalculate a workbook, compare it with heecon's engine cell for cell, lint its rules."""
    with progress("Cells"):
        found = verify(file, engine.value, model)
    console = make_console()
    _print(found, engine, console)
    if not found.passed:
        raise typer.Exit(2)


def _print(found: Verification, engine: Engine, console: Console) -> None:
    lines = [
        f"{found.compared_with_engine:,} formulas recalculated by {engine.value} and compared with "
        f"heecon's engine, {found.compared_with_file:,} with the values in the file.",
        f"Largest relative difference among equal cells: {found.largest:.2g}.",
    ]
    lines += [f"Note: {note}" for note in found.notes]
    for rule in found.broken:
        lines.append(f"House rule: {rule.rule} ({rule.count}): {', '.join(rule.places)}")
    for cell in found.differences[:SHOWN]:
        against = {"engine": "heecon's engine", "file": "the file", "formula": "the export"}
        lines.append(
            f"{cell.place}: {_short(cell.found)} instead of {_short(cell.expected)} "
            f"({against[cell.against]}); the formula is ={_short(cell.formula)}"
        )
    more = len(found.differences) - SHOWN
    if more > 0:
        lines.append(f"... and {more:,} more cells that differ.")
    lines.append("Passed." if found.passed else "Not passed.")
    console.print("\n".join(lines), markup=False, highlight=False)


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
