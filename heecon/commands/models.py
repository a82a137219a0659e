"""heecon run, check, new and list."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from heecon.commands import workbook as workbook_commands
from heecon.commands.common import (
    Out,
    Target,
    folder_for,
    make_console,
    say_compiling,
    say_written,
)


def run(
    scenario: Target = None,
    out: Out = None,
    workbook: Annotated[
        bool, typer.Option("--workbook", help="Write the live workbook as well (some seconds).")
    ] = False,
) -> None:
    """Run a model and print its cost-effectiveness tables; write them to files too."""
    began = time.perf_counter()
    from heecon.analysis.evaluation import run as evaluate  # noqa: PLC0415
    from heecon.model.load import load  # noqa: PLC0415
    from heecon.report.console import print_run  # noqa: PLC0415
    from heecon.report.run_files import write_run  # noqa: PLC0415

    model = load(scenario)
    evaluation = evaluate(model, keep_trace=True, on_compile=say_compiling)
    folder = folder_for(model, out)
    paths = write_run(evaluation, folder, time.perf_counter() - began)
    if workbook:
        paths.append(workbook_commands.write(scenario, folder / "workbook.xlsx")[0])
    console = make_console()
    print_run(evaluation, console)
    say_written(console, folder, paths)


def check(scenario: Target = None) -> None:
    """Check a model or scenario: every problem at once, with its place. Writes nothing."""
    from heecon.analysis.evaluation import run as evaluate  # noqa: PLC0415
    from heecon.model.load import load  # noqa: PLC0415
    from heecon.report.console import print_warnings  # noqa: PLC0415

    model = load(scenario)
    warnings = evaluate(model, on_compile=say_compiling).warnings()
    console = make_console()
    print_warnings(warnings, console)
    console.print(
        f"{model.name}: no errors. {len(model.strategies)} strategies, {len(model.states)} states, "
        f"{model.settings.cycles} cycles of {model.settings.cycle}, {len(model.inputs)} inputs "
        f"({len(model.assumptions)} assumptions), {len(warnings)} warnings.",
        markup=False,
        highlight=False,
    )


def new(folder: Annotated[Path, typer.Argument(help="Folder to make.")]) -> None:
    """Make a folder with a small commented model to start from."""
    from heecon.report.starter import make_starter  # noqa: PLC0415

    name = make_starter(folder)
    console = make_console()
    console.print(f"Made {folder}. Try it:", markup=False, highlight=False)
    console.print(f"    cd {folder}\n    heecon run {name}", markup=False, highlight=False)


def list_models() -> None:
    """List the models and scenarios here and those that come with heecon."""
    from heecon.model import library  # noqa: PLC0415

    console = make_console()
    roots = {"in this folder": Path.cwd(), "with heecon": library.bundled()}
    if roots["in this folder"].resolve() == roots["with heecon"].resolve():
        del roots["in this folder"]
    for words, root in roots.items():
        names = library.available(root)
        if names:
            console.print(f"Models and scenarios {words}:", markup=False, highlight=False)
            for name in names:
                mark = "  (default)" if name == library.DEFAULT else ""
                console.print(f"    {name}{mark}", markup=False, highlight=False)
