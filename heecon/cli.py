"""The ``heecon`` command.

Exit codes: 0 done; 2 something the user wrote cannot be used (a message, no traceback); 1 a fault
of heecon's own; 130 or 143 stopped by a signal.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from heecon import __version__
from heecon.errors import HeeconError

COMMANDS = {
    "run": (
        "run:run",
        "Run a model and print its cost-effectiveness tables; write them to files too.",
    ),
    "check": (
        "run:check",
        "Check a model or scenario: every problem at once, with its place. Writes nothing.",
    ),
    "new": ("models:new", "Make a folder with a small commented model to start from."),
    "list": (
        "models:list_models",
        "List the models here and those that come with heecon, or the scenarios of one.",
    ),
    "batch": (
        "batch:batch",
        "Run every scenario of a model, write each and put all of them side by side.",
    ),
    "diff": (
        "diff:diff",
        "Tell what differs between A and B, and what each change does to the results.",
    ),
    "evidence": (
        "evidence:evidence",
        "Show the evidence: a figure and its uses, a network's league table, or the audit.",
    ),
    "validate": (
        "validation:validate",
        "Compare what the model predicts with what was observed, target by target.",
    ),
    "calibrate": (
        "validation:calibrate",
        "Fit named parameters to named targets and report it; no file of the model is changed.",
    ),
    "psa": (
        "psa:psa",
        "Draw the uncertain inputs, run every draw, and say how sure the decision is.",
    ),
    "psa-mixture": (
        "psa:mixture",
        "Probabilistic analysis of rival scenarios, or of subgroups, with weights.",
    ),
    "one-way": (
        "sensitivity:one_way",
        "Move every uncertain input to the ends of its range, one at a time.",
    ),
    "two-way": (
        "sensitivity:two_way",
        "Move two inputs over a grid: which strategy is best where.",
    ),
    "threshold": (
        "sensitivity:threshold_",
        "Find every value of an input at which the decision changes.",
    ),
    "price": ("sensitivity:price", "Find the highest price of a drug that is worth paying."),
    "price-grid": (
        "sensitivity:price_grid",
        "Cross two drugs' confidential discounts, or prices of one: the decision in each cell.",
    ),
    "sobol": ("sensitivity:sobol", "Share the variance of results out among the uncertain inputs."),
    "morris": ("sensitivity:morris", "Screen the uncertain inputs for those that matter."),
    "evppi": (
        "value_of_information:evppi",
        "Rank the inputs by what knowing each exactly would be worth (EVPPI).",
    ),
    "evsi": (
        "value_of_information:evsi_",
        "Value a new trial of one input at several sizes (EVSI, ENBS).",
    ),
    "workbook": ("workbook:app", "The live Excel workbook: export, import, check."),
}
"""Command -> where it lives below ``heecon.commands``, and its line in ``heecon --help``."""

HELP = {"help_option_names": ["--help", "-h"]}


class Commands(TyperGroup):
    """Imports a command's module only when the command is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the line of the help by the command itself."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and loaded(name or ""), rest


def loaded(name: str) -> Any:
    """A command, or group of commands, with its options."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(f"heecon.commands.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        command, found = found, typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        found.command(name, context_settings=HELP)(command)
    return get_command(found)


def _named_in_help() -> None:
    """Stands in the help for a command that is not imported yet."""


app = typer.Typer(
    cls=Commands,
    context_settings=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _name, (_, _line) in COMMANDS.items():
    app.command(_name, help=_line)(_named_in_help)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
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
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
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


def _stop(number: int, _frame: object) -> NoReturn:
    """Leave as an exception does, so that unfinished files are cleaned away."""
    os.write(2, b"\nStopped; what was not finished was not written.\n")
    raise SystemExit(128 + number)


def _print_problems(error: HeeconError) -> None:
    typer.echo(f"heecon found {error.count} problem{'s' if error.count != 1 else ''}:", err=True)
    for message in error.messages():
        typer.echo(f"\n{message}", err=True)


if __name__ == "__main__":
    main()
