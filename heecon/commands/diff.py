"""heecon diff: what differs between two models, and what each difference does."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from heecon.analysis.change_log import ChangeLog, change_log, compare_totals
from heecon.analysis.evaluation import run
from heecon.analysis.strategy_comparison import RunTotals, totals_of
from heecon.commands.common import (
    NoScenario,
    Out,
    folder_for,
    load_model,
    make_console,
    progress,
    say_compiling,
    say_written,
)
from heecon.files.write import file_hash, write_all
from heecon.model.definition import Model
from heecon.report.change_log_report import files_of, print_change_log
from heecon.report.run_files import manifest
from heecon.report.saved_run import FILE, holds_results, read_run
from heecon.workbook.importer import import_workbook

Side = Annotated[
    str,
    typer.Argument(
        help="A scenario file, a model folder, a name from `heecon list`, a workbook that heecon "
        "exported, or a folder that `heecon run` wrote.",
        show_default=False,
    ),
]


def diff(a: Side, b: Side, no_scenario: NoScenario = False, out: Out = None) -> None:
    """Tell what differs between A and B, and what each change does to the results."""
    began = time.perf_counter()

    first, second = read_side(a, no_scenario), read_side(b, no_scenario)
    log = _told_apart(_compare(first, second), a, b)
    seconds = time.perf_counter() - began
    about = {"a": _about(a, first, seconds), "b": _about(b, second, seconds)}
    folder = _folder(first, out)
    paths = write_all(folder, files_of(log), "change_log_manifest.json", about)
    console = make_console()
    print_change_log(log, console)
    say_written(console, folder, paths)


def read_side(text: str, no_scenario: bool = False) -> Model | RunTotals:
    """What a user compares: a model, or the saved results of a run.

    Raises:
        InputError: nothing of that name, or everything that is wrong with it.
    """
    folder = Path(text)
    if holds_results(folder) and not (folder / "model.toml").is_file():
        return read_run(folder)
    if folder.suffix.lower() == ".xlsx":
        return import_workbook(folder).model
    return load_model(text, no_scenario)


def _compare(a: Model | RunTotals, b: Model | RunTotals) -> ChangeLog:

    if not isinstance(a, RunTotals) and not isinstance(b, RunTotals):
        with progress("Changes, %", 100) as advance:
            return change_log(
                a,
                b,
                on_step=lambda done, of: advance(100 * done // of),
                on_compile=say_compiling,
            )
    return compare_totals(
        *(
            side if isinstance(side, RunTotals) else totals_of(run(side, on_compile=say_compiling))
            for side in (a, b)
        )
    )


def _told_apart(log: ChangeLog, a: str, b: str) -> ChangeLog:
    """Two versions of one model have one name: call them what the user does."""
    if log.a.name != log.b.name or a == b:
        return log
    return replace(log, a=replace(log.a, name=a), b=replace(log.b, name=b))


def _folder(a: Model | RunTotals, out: Path | None) -> Path:

    if isinstance(a, RunTotals):
        return out or Path("reports") / "diff"
    return folder_for(a, out, "diff")


def _about(text: str, side: Model | RunTotals, seconds: float) -> dict[str, object]:

    if isinstance(side, RunTotals):
        return {"results": side.name, "files": {FILE: file_hash(Path(text) / FILE)}}
    return manifest(side, seconds)
