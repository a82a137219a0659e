"""What commands share: the target argument, the console, folders and the word about compiling."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from heecon.analysis.engines import options_of, with_engine
from heecon.errors import InputError, Problem
from heecon.files import locate
from heecon.model.definition import Model
from heecon.model.load import load
from heecon.plot import Format

PIPE_WIDTH = 140
"""Characters a line may have where output goes to a file or a pipe."""

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="[SCENARIO|MODEL]",
        help="A scenario file, a model folder, or a name from `heecon list`. A model means its "
        "base case if it has one. Default: the bundled base case.",
        show_default=False,
    ),
]
NoScenario = Annotated[
    bool, typer.Option("--no-scenario", help="The files of the model without its base case.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="Folder for the files. Default: below reports/.", show_default=False
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


Seed = Annotated[int, typer.Option("--seed", help="Any whole number.")]
PeopleSeed = Annotated[
    int | None,
    typer.Option(
        "--seed", help="With microsim: any whole number. Default: the scenario's, or 1.",
        show_default=False,
    ),
]  # fmt: skip
Threshold = Annotated[
    list[float] | None,
    typer.Option(
        "--threshold",
        help="Willingness to pay per unit of effect; may be repeated. Default: the model's.",
        show_default=False,
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option("--input", help="Only these inputs: key; may be repeated.", show_default=False),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", help="Decide among these strategies; may be repeated.", show_default=False
    ),
]
Of = Annotated[
    str | None,
    typer.Option(
        "--of", help="Whose increments. Default: the model's question, or the best.",
        show_default=False,
    ),
]  # fmt: skip
Against = Annotated[
    str | None,
    typer.Option("--against", help="Against which. Default: the comparator.", show_default=False),
]
People = Annotated[
    float | None,
    typer.Option("--people", help="People a year whom the decision affects.", show_default=False),
]
Years = Annotated[float, typer.Option("--years", help="Years the decision stands.")]
Rate = Annotated[float, typer.Option("--rate", help="Discount rate of the population, a year.")]
Plots = Annotated[
    list[Format] | None,
    typer.Option("--plots", help="Draw the pictures as well; may be repeated.", show_default=False),
]


def load_model(
    source: str | None, no_scenario: bool = False, seed: int | None = None, *, warn: bool = True
) -> Model:
    """Load the model a command is about, say which files it is, and what is doubtful about it.

    Args:
        source: what the user names.
        no_scenario: without its base case.
        seed: of simulated people.
        warn: tell the warnings, unless the command's own report does.

    Raises:
        InputError: everything that is wrong with the files; a seed for a cohort.
    """
    model = load(source, no_scenario=no_scenario)
    make_console().print(Text(files_of(source, model)), soft_wrap=True)
    say_warnings(model.warnings if warn else ())
    if seed is not None and model.scenario.engine == "cohort":
        what = "it belongs to the microsimulation, and this model runs as a cohort"
        raise InputError(Problem("--seed", what, "Drop it"))
    return model if seed is None else with_engine(model, seed=seed)


def say_warnings(warnings: Iterable[str]) -> None:
    """Print complaints that did not stop the command."""
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)


def files_of(source: str | None, model: Model) -> str:
    """Which files were loaded, in a line."""
    target = locate.find(source, bare=model.scenario.name == model.name)
    if target.scenario is not None:
        return f"{model.name}/{model.scenario.name}: {_short(target.scenario)}"
    words = f"{model.name}, no scenario: {_short(target.model)}"
    base = locate.find(source).scenario
    return f"{words} ({_short(base)} is not applied)" if base else words


def _short(path: Path) -> str:
    """A path as the user may write it, or that of a file that came with heecon."""
    for root, words in ((Path.cwd(), ""), (locate.bundled(), " of heecon")):
        if path.is_relative_to(root.resolve()):
            return f"{path.relative_to(root.resolve())}{words}"
    return str(path)


def refuse_models(*keys: str) -> None:
    """Refuse a model's name where the key of an input stands.

    Raises:
        InputError: with the right order.
    """
    known = locate.available()
    problems = [
        Problem(key, "this is a model, and here stands the key of an input",
                f"Name the key first: KEY {key}")
        for key in keys
        if key in known
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


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


def folder_for(
    model: Model, out: Path | None, analysis: str = "", engine: str | None = None
) -> Path:
    """Where files go: ``--out``, or reports/MODEL/SCENARIO and the analysis.

    Args:
        model: the model.
        out: what the user names.
        analysis: its folder; empty for a run.
        engine: that of the model's own files; another one stands in the folder's name.
    """
    name = model.scenario.name
    if engine not in {None, model.scenario.engine}:
        name = f"{name}-{model.scenario.engine}"
    return out or Path("reports") / model.name / name / analysis


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
def progress(words: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, shown when the work lasts longer than a second.

    Args:
        words: what is done.
        total: how much; None where it is not known: the bar then only moves.

    Yields:
        A function to call with how much is done so far.
    """
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(words, total=total)
    begin = threading.Timer(1.0, bar.start)
    begin.daemon = True
    begin.start()
    try:
        yield lambda done: bar.update(task, completed=done)
    finally:
        begin.cancel()
        begin.join()
        if bar.live.is_started:
            bar.stop()
