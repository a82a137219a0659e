"""What commands share: the target argument, the console, folders and the word about compiling."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from heecon.analysis.engines import options_of
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.model.load import load
from heecon.plot import Format

PIPE_WIDTH = 140
"""Characters a line may have where output goes to a file or a pipe."""

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="[SCENARIO|MODEL]",
        help="A scenario file, a model folder, or a name from `heecon list`. "
        "Default: the bundled base case.",
        show_default=False,
    ),
]

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Folder for the files. Default: below reports/.", show_default=False
    ),
]


Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="cohort, microsim (person by person) or continuous (with exact times of events). "
        "Default: what the scenario or the model says.",
        show_default=False,
    ),
]

Patients = Annotated[
    int | None,
    typer.Option(
        "--patients",
        help="With microsim: people simulated, for each strategy and draw. Default: what the "
        "scenario says, or 100,000.",
        show_default=False,
    ),
]


Plots = Annotated[
    list[Format] | None,
    typer.Option("--plots", help="Draw the pictures as well; may be repeated.", show_default=False),
]


def load_model(source: str | None) -> Model:
    """Load a model, and tell what is doubtful about it before anything is made of it."""
    model = load(source)
    say_warnings(model.warnings)
    return model


def say_warnings(warnings: Iterable[str]) -> None:
    """Print complaints that did not stop the command."""
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)


def say_compiling() -> None:
    """Tell that the first run takes longer."""
    typer.echo("Compiling the engine for this machine, once; later runs start at once.", err=True)


def say_simulated(model: Model) -> None:
    """Tell that an analysis runs on simulated people, with Monte Carlo noise in its numbers."""
    if model.scenario.engine == "cohort":
        return

    options = options_of(model)
    typer.echo(
        f"Simulated person by person ({options.patients:,} people a run, seed {options.seed}): "
        "Monte Carlo noise is in these numbers, and every run takes as long as a microsimulation.",
        err=True,
    )


def make_console() -> Console:
    """The screen; a file or a pipe has no width, so its tables get room."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    return console


def folder_for(model: Model, out: Path | None, analysis: str = "") -> Path:
    """Where files go: ``--out``, or reports/MODEL/SCENARIO and the analysis."""
    return out or Path("reports") / model.name / model.scenario.name / analysis


def folder_beside(file: Path, out: Path | None) -> Path:
    """Where files about another program's draws go: ``--out``, or reports/ and the file's name."""
    if out is None and not file.stem.strip("."):
        what = "the file's name gives no folder"
        raise InputError(Problem(str(file), what, "Rename it, or name a folder with --out"))
    return out or Path("reports") / file.stem


def say_written(console: Console, folder: Path, paths: list[Path]) -> None:
    """Name the files written."""
    names = ", ".join(path.name for path in paths)
    console.print(f"\nWritten to {folder}: {names}", markup=False, highlight=False)


@contextmanager
def progress(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, shown when the work lasts longer than a second.

    Yields:
        A function to call with how much is done so far.
    """
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(words, total=total)
    began = time.perf_counter()

    def advance(done: int) -> None:
        if not bar.live.is_started and time.perf_counter() - began > 1:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
