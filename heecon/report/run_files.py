"""The files a run leaves: tables, results, manifest, and its picture when asked for."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from heecon import plot
from heecon.analysis.evaluation import Evaluation
from heecon.analysis.monte_carlo import estimates
from heecon.files.write import csv_files, json_text, write_all
from heecon.model.definition import Model
from heecon.report import tables
from heecon.table import Table

MANIFEST = "manifest.json"

PACKAGES = ("heecon", "numpy", "numba", "scipy", "pandas", "pydantic")


def write_run(
    evaluation: Evaluation,
    folder: Path,
    seconds: float,
    formats: Iterable[plot.Format] = (),
    further: Iterable[Table] = (),
) -> list[Path]:
    """Write everything about a run into a folder, all files or none.

    Args:
        evaluation: a run; what it kept of its trace is written too.
        folder: created if need be; files of the same names are replaced.
        seconds: how long the run took, for the manifest.
        formats: of the picture of the trace; none is drawn for no format.
        further: tables that were asked for.

    Returns:
        The paths written.

    Raises:
        InputError: the folder cannot be written to.
    """
    written = [
        tables.summary(evaluation),
        tables.incremental(evaluation),
        tables.pairwise(evaluation),
        tables.net_benefit(evaluation),
        tables.assumptions(evaluation),
        *further,
    ]
    if evaluation.result.monte_carlo is not None:
        written.append(estimates(evaluation))
    if evaluation.result.trace is not None:
        written.append(tables.trace(evaluation))
    contents: dict[str, str | bytes] = {**csv_files(written)}
    if evaluation.result.trace is not None:
        contents |= plot.files({"trace": trace_picture(evaluation)}, formats)
    contents["results.json"] = json_text(results(evaluation))
    told = simulation_settings(evaluation) | {"warnings": list(evaluation.warnings())}
    return write_all(folder, contents, MANIFEST, manifest(evaluation.model, seconds, **told))


def trace_picture(evaluation: Evaluation) -> plot.Draw:
    """State occupancy over time in the first draw, a panel a strategy.

    Raises:
        InputError: the run did not keep its trace.
    """
    model, occupancy = evaluation.model, evaluation.trace_arrays().occupancy[0]
    panels = [
        (model.strategies[name].label, occupancy[index])
        for index, name in enumerate(evaluation.result.strategies)
    ]
    return partial(
        plot.trace,
        np.arange(occupancy.shape[1]) * model.settings.cycle_length,
        panels,
        [state.label for state in model.states.values()],
        [state.absorbing for state in model.states.values()],
        model.settings.title,
    )


def results(evaluation: Evaluation) -> dict[str, object]:
    """All results as plain data; the same numbers as the CSV files."""
    model = evaluation.model
    settings = model.settings
    return {
        "model": model.name,
        "title": settings.title,
        "scenario": {"name": model.scenario.name, "title": model.scenario.title},
        "settings": {
            "cycle": settings.cycle,
            "cycle_length_years": settings.cycle_length,
            "horizon": settings.horizon,
            "cycles": settings.cycles,
            "correction": settings.correction.method,
            "discount_timing": settings.timing,
            "compounding": settings.compounding,
            "perspective": settings.perspective,
            "currency": settings.currency,
            "price_year": settings.price_year,
            "comparator": evaluation.comparator,
            "thresholds": list(settings.thresholds),
        },
        "draws": evaluation.result.draws,
        "summary": tables.summary(evaluation).to_records(),
        "incremental": tables.incremental(evaluation).to_records(),
        "pairwise": tables.pairwise(evaluation).to_records(),
        "net_benefit": tables.net_benefit(evaluation).to_records(),
        "alive_at_end": {
            name: float(evaluation.result.alive_at_end[:, index].mean())
            for index, name in enumerate(evaluation.result.strategies)
        },
        "inputs": len(model.inputs),
        "assumptions": tables.assumptions(evaluation).to_records(),
        "warnings": list(evaluation.warnings()),
        "engine": model.scenario.engine,
        "monte_carlo": estimates(evaluation).to_records()
        if evaluation.result.monte_carlo is not None
        else None,
    }


def simulation_settings(evaluation: Evaluation) -> dict[str, object]:
    """What a microsimulation needs to be repeated."""
    errors = evaluation.result.monte_carlo
    return {} if errors is None else {"seed": errors.seed, "patients": errors.people}


def manifest(model: Model, seconds: float, **settings: object) -> dict[str, object]:
    """What is needed to get the same numbers again: input hashes, versions, settings, time taken.

    Args:
        model: the model that ran.
        seconds: how long it took.
        settings: of the analysis: seed, draws, method, ...
    """
    return {
        "model": model.name,
        "scenario": model.scenario.name,
        "engine": model.scenario.engine,
        "seed": None,
        "warnings": list(model.warnings),
        **settings,
        "files": {file.name: f"sha256:{file.sha256}" for file in model.files},
        "python": platform.python_version(),
        "packages": _versions(),
        "platform": f"{sys.platform} {platform.machine()}",
        "seconds": round(seconds, 3),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
