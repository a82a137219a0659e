"""The ``heecon`` command.

Exit codes: 0 done; 2 something the user wrote cannot be used (a message, no traceback); 1 a fault
of heecon's own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from heecon.errors import HeeconError

app = typer.Typer(
    help="Cost-effectiveness models an assessor can check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="[SCENARIO|MODEL]",
        help="A scenario file, a model folder, or a name from `heecon list`. "
        "Default: the bundled base case.",
        show_default=False,
    ),
]


@app.command()
def run(
    scenario: Target = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the files. Default: reports/MODEL/SCENARIO."),
    ] = None,
) -> None:
    """Run a model and print its cost-effectiveness tables; write them to files too."""
    began = time.perf_counter()
    from heecon.analysis.evaluation import run as evaluate  # noqa: PLC0415
    from heecon.model.load import load  # noqa: PLC0415
    from heecon.report.console import print_run  # noqa: PLC0415
    from heecon.report.run_files import write_run  # noqa: PLC0415

    model = load(scenario)
    evaluation = evaluate(model, keep_trace=True, on_compile=_say_compiling)
    folder = out or Path("reports") / model.name / model.scenario.name
    paths = write_run(evaluation, folder, time.perf_counter() - began)
    console = _console()
    print_run(evaluation, console)
    written = ", ".join(path.name for path in paths)
    console.print(f"\nWritten to {folder}: {written}", markup=False, highlight=False)


@app.command()
def check(scenario: Target = None) -> None:
    """Check a model or scenario: every problem at once, with its place. Writes nothing."""
    from heecon.analysis.evaluation import run as evaluate  # noqa: PLC0415
    from heecon.model.load import load  # noqa: PLC0415
    from heecon.report.console import print_warnings  # noqa: PLC0415

    model = load(scenario)
    warnings = evaluate(model, on_compile=_say_compiling).warnings()
    console = _console()
    print_warnings(warnings, console)
    console.print(
        f"{model.name}: no errors. {len(model.strategies)} strategies, {len(model.states)} states, "
        f"{model.settings.cycles} cycles of {model.settings.cycle}, {len(model.parameters)} inputs "
        f"({len(model.assumptions)} assumptions), {len(warnings)} warnings.",
        markup=False,
        highlight=False,
    )


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="Folder to make.")]) -> None:
    """Make a folder with a small commented model to start from."""
    from heecon.report.starter import make_starter  # noqa: PLC0415

    name = make_starter(folder)
    console = _console()
    console.print(f"Made {folder}. Try it:", markup=False, highlight=False)
    console.print(f"    cd {folder}\n    heecon run {name}", markup=False, highlight=False)


@app.command(name="list")
def list_models() -> None:
    """List the models and scenarios here and those that come with heecon."""
    from heecon.model import library  # noqa: PLC0415

    console = _console()
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


def _print_version(wanted: bool) -> None:
    if wanted:
        import heecon  # noqa: PLC0415

        typer.echo(heecon.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Cost-effectiveness models an assessor can check."""


def main() -> None:
    """Run the command line; turn errors into messages and exit codes."""
    from heecon.errors import HeeconError  # noqa: PLC0415

    try:
        app()
    except HeeconError as error:
        _print_problems(error)
        sys.exit(2)
    except Exception as error:
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        kind = type(error).__name__
        typer.echo(
            f"heecon met a fault of its own ({kind}): please report the lines above.", err=True
        )
        sys.exit(1)


def _print_problems(error: HeeconError) -> None:
    count = len(error.problems)
    typer.echo(f"heecon found {count} problem{'s' if count != 1 else ''}:", err=True)
    for problem in error.problems:
        typer.echo(f"\n{problem}", err=True)


def _say_compiling() -> None:
    typer.echo("Compiling the engine for this machine, once; later runs start at once.", err=True)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width: leave the tables room
        console.width = max(console.width, 140)
    return console


if __name__ == "__main__":
    main()
