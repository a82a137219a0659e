"""heecon evidence: the registry, a network, and the audit of a model's evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from heecon import plot
from heecon.analysis.audit import Use, uses_in_model, uses_in_network, without_repeats
from heecon.analysis.audit import audit as look
from heecon.commands.common import NoScenario, Out, Plots, load_model, make_console, say_written
from heecon.errors import InputError, InvalidValue, Problem
from heecon.evidence.synthesis import Synthesis
from heecon.files import locate
from heecon.files.write import csv_files, write_all
from heecon.model.evidence_folder import EvidenceFolder
from heecon.model.load import load
from heecon.report import evidence_report as report
from heecon.report.evidence_report import audit_report
from heecon.report.report import Report, print_report

T = TypeVar("T")


def evidence(
    identifier: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID|MODEL]",
            help="A figure of the registry; with --audit a scenario or model.",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(help="Combine a network: league table, with --plots a forest plot."),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="With --network: fixed, dl or reml instead of its own.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="What to look at in a model's evidence.")
    ] = False,
    no_scenario: NoScenario = False,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Show the evidence: a figure and its uses, a network's league table, or the audit."""
    if network is not None and (identifier is not None or audit):
        what = "a figure, --network and --audit are three different things"
        raise InputError(Problem("evidence", what, "Ask for one of them"))
    for option, value, needs, there in (
        ("--method", method, "--network", network),
        ("--no-scenario", no_scenario or None, "--audit", audit or None),
        ("--plots", plots, "--network", network),
    ):
        if value is not None and there is None:
            raise InputError(Problem(option, f"it goes with {needs}", f"Add {needs}"))
    found = EvidenceFolder(locate.evidence_beside(Path.cwd() / "inputs" / "model"))
    if network is not None:
        synthesis = _network(found, network, method)
        _finish(report.network_report(synthesis), out, f"evidence/{network}", plots)
    elif audit:
        _audit(identifier, no_scenario, out)
    elif identifier is not None:
        if identifier in locate.available():
            hint = f"Ask for its audit: heecon evidence --audit {identifier}"
            raise InputError(Problem("evidence", f"'{identifier}' is a model, no figure", hint))
        row = _placed(found.registry().find, identifier)
        _finish(report.figure(row, _uses(identifier, found)), out)
    else:
        _finish(report.overview(found.registry(), found.networks()), out)


def _network(found: EvidenceFolder, name: str, method: str | None) -> Synthesis:
    return _placed(lambda wanted: found.network(wanted, method), name)


def _placed(look_up: Callable[[str], T], name: str) -> T:
    """What a look-up gives; a name that is not there becomes a message."""
    try:
        return look_up(name)
    except InvalidValue as complaint:
        raise InputError(complaint.at("evidence")) from None


def _uses(identifier: str, found: EvidenceFolder) -> list[Use]:
    """Where the models and networks that can be loaded use a figure."""
    networks = [_network(found, name, None) for name in found.networks()]
    uses = [use for network in networks for use in uses_in_network(identifier, network)]
    known = locate.available()
    for name, path in known.items():
        if not _mentions(path, identifier):
            continue
        try:
            uses += uses_in_model(identifier, load(name, no_scenario="/" not in name), name)
        except InputError:
            typer.echo(f"{name} cannot be loaded and was left out; heecon check {name}", err=True)
    return without_repeats(uses, {name: name.split("/")[0] for name in known if "/" in name})


def _mentions(path: Path, identifier: str) -> bool:
    """Whether the file of a model's parameters, or of a scenario, names a figure at all.

    Loading every scenario would take seconds; what one inherits is found where it is written.
    """
    file = path if path.suffix == ".toml" else path / "parameters.csv"
    try:
        return identifier.encode() in file.read_bytes()
    except OSError:  # a workbook, or not readable: loading it tells
        return True


def _audit(scenario: str | None, no_scenario: bool, out: Path | None) -> None:
    model = load_model(scenario, no_scenario)
    beside = locate.evidence_beside(locate.folder_of(scenario, model.name))
    registry = EvidenceFolder(beside).registry()
    _finish(audit_report(look(model, registry)), out, f"{model.name}/{model.scenario.name}/audit")


def _finish(report: Report, out: Path | None, below: str = "evidence", plots: Plots = None) -> None:
    """Print a report; write its tables and pictures, if it has any."""
    console = make_console()
    print_report(report, console)
    contents = csv_files(report.tables) | plot.files(report.pictures, plots or ())
    if contents:
        folder = out or Path("reports") / below
        say_written(console, folder, write_all(folder, contents))
