"""The ``heecon`` command.

Exit codes: 0 done; 2 something the user wrote cannot be used (a message, no traceback); 1 a fault
of heecon's own.
"""

from __future__ import annotations

import signal
import sys
import traceback
from typing import Annotated

import typer

from heecon.commands import (
    batch,
    diff,
    evidence,
    models,
    psa,
    sensitivity,
    validation,
    voi,
    workbook,
)
from heecon.errors import HeeconError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(models.run)
app.command()(models.check)
app.command()(models.new)
app.command(name="list")(models.list_models)
app.command()(batch.batch)
app.command()(diff.diff)
app.command()(evidence.evidence)
app.command()(validation.validate)
app.command()(validation.calibrate)
app.command()(psa.psa)
app.command()(psa.mix)
app.command(name="one-way")(sensitivity.one_way)
app.command(name="two-way")(sensitivity.two_way)
app.command(name="threshold")(sensitivity.threshold_)
app.command()(sensitivity.price)
app.command()(sensitivity.discounts)
app.command()(sensitivity.sobol)
app.command()(sensitivity.morris)
app.command()(voi.voi)
app.command()(voi.trial)
app.add_typer(workbook.app, name="workbook")


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
    if hasattr(signal, "SIGPIPE"):
        # `heecon run | head` ends when head does, as other programs do.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app()
    except HeeconError as error:
        _print_problems(error)
        sys.exit(2)
    except Exception as error:
        traceback.print_exc()
        kind = type(error).__name__
        typer.echo(f"heecon met a fault of its own ({kind}); please report it.", err=True)
        sys.exit(1)


def _print_problems(error: HeeconError) -> None:
    count = len(error.problems)
    typer.echo(f"heecon found {count} problem{'s' if count != 1 else ''}:", err=True)
    for problem in error.problems:
        typer.echo(f"\n{problem}", err=True)


if __name__ == "__main__":
    main()
