"""The public names of heecon, and how one comes by a model."""

from __future__ import annotations

from pathlib import Path

from heecon.analysis.incremental import Totals, fully_incremental, pairwise
from heecon.analysis.net_benefit import net_benefit
from heecon.analysis.scenarios import comparison, run_scenarios
from heecon.analysis.trial import binomial_trial, hazard_ratio_trial, normal_trial, poisson_trial
from heecon.errors import HeeconError, InputError, Problem, SimulationError
from heecon.files import locate
from heecon.model.distribution import Distribution
from heecon.model.load import load as load_definition
from heecon.model.parameter import Parameter
from heecon.report.report import Report
from heecon.results import Analysis, CEAResult, PSAResult, read_outcomes
from heecon.runnable import Model, log, say_compiling
from heecon.workbook.importer import import_workbook as import_edits

__all__ = [
    "Analysis",
    "CEAResult",
    "Distribution",
    "HeeconError",
    "InputError",
    "Model",
    "PSAResult",
    "Parameter",
    "Problem",
    "SimulationError",
    "Totals",
    "batch",
    "binomial_trial",
    "fully_incremental",
    "hazard_ratio_trial",
    "import_workbook",
    "load",
    "net_benefit",
    "normal_trial",
    "pairwise",
    "poisson_trial",
    "read_outcomes",
]


def load(
    source: str | Path | None = None,
    scenario: str | Path | None = None,
    *,
    no_scenario: bool = False,
) -> Model:
    """Load and check a model.

    Args:
        source: a model folder, a scenario file, or a name from ``heecon list``; None for the
            bundled base case.
        scenario: the name of a scenario of the model, or the path of a scenario file, when
            ``source`` is a model; its base case, if it has one, when None.
        no_scenario: the model's files as they stand, without its base case.

    Raises:
        InputError: everything that is wrong with the files, each with its place.
    """
    found = load_definition(source, scenario, no_scenario=no_scenario)
    for warning in found.warnings:
        log.warning(warning)
    return Model.of(found, locate.folder_of(source, found.name))


def batch(source: str | Path) -> Analysis:
    """Run every scenario of a model, or of a folder, side by side.

    Raises:
        InputError: there is no such model or folder, or it has no scenarios.
    """
    found = run_scenarios(source, on_compile=say_compiling)
    broken = [str(problem) for run in found.values() for problem in run.problems]
    return Analysis(Report([], broken, [comparison(list(found.values()))]))


def import_workbook(
    path: str | Path, out: str | Path | None = None, model: str | None = None
) -> Model:
    """Read an edited workbook: the model it amounts to.

    Args:
        path: the workbook.
        out: scenario file to write; None writes nothing.
        model: folder of the model, if it is not found by its name.

    Raises:
        InputError: the file is unsafe or foreign, or cells cannot be used; nothing is written.
    """
    found = import_edits(Path(path), None if out is None else Path(out), model)
    for note in found.notes:
        log.warning(note)
    return Model.of(found.model)
