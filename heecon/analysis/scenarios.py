"""Every scenario of a model, run and put side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heecon.analysis.engines import options_of
from heecon.analysis.evaluation import Evaluation, run
from heecon.analysis.strategy_comparison import (
    COMPARISON,
    comparison_fields,
    optimal,
    standings,
    totals_of,
)
from heecon.errors import HeeconError, InputError, Problem
from heecon.files import locate
from heecon.model.load import load
from heecon.table import Column, Table

FIRST = locate.BASE_CASE
"""The scenario others are read against comes first."""

MAX_SCENARIOS = 500


@dataclass(frozen=True)
class ScenarioRun:
    """One scenario, run or found broken.

    Attributes:
        name: of its file, without the ending.
        path: the file.
        evaluation: its results; None when it is broken.
        problems: what is wrong with it.
    """

    name: str
    path: Path
    evaluation: Evaluation | None
    problems: tuple[Problem, ...] = ()


def scenario_files(source: str | Path) -> list[Path]:
    """The scenarios below a folder, or of a model.

    Args:
        source: a folder of scenario files, or what ``locate.find`` takes for a model: then its
            scenarios in the present folder and those beside it. Of two files of one name the one
            in the present folder counts.

    Returns:
        Paths by name, the base case first.

    Raises:
        InputError: there is no such model or folder, or it has no scenarios, or too many.
    """
    found: dict[str, Path] = {}
    for place in _folders(source):
        for path in sorted(place.glob("*.toml")):
            found.setdefault(path.stem, path)
    if not 0 < len(found) <= MAX_SCENARIOS:
        what = f"there are {len(found) or 'no'} scenarios here"
        hint = f"At most {MAX_SCENARIOS} are run" if found else "Scenarios end in .toml"
        raise InputError(Problem(str(source), what, hint))
    return [found[name] for name in sorted(found, key=lambda name: (name != FIRST, name))]


def _folders(source: str | Path) -> list[Path]:
    folder = Path(source)
    if not (folder / "model.toml").is_file() and next(folder.glob("*.toml"), None):
        return [folder]
    try:
        target = locate.find(source, bare=True)
    except InputError:
        if folder.is_dir():
            return [folder]
        raise
    if target.scenario is not None:
        what = "this is a single scenario"
        hint = "Name the model or the folder of its scenarios, or use heecon run"
        raise InputError(Problem(str(source), what, hint))
    return list(target.folders)


def each_scenario(
    paths: Sequence[Path],
    *,
    keep_trace: bool = False,
    on_compile: Callable[[], None] | None = None,
) -> Iterator[ScenarioRun]:
    """Run scenarios one after the other; a broken one does not stop the others.

    Args:
        paths: scenario files.
        keep_trace: keep every cycle, for the files of a run; drop it before the next scenario.
        on_compile: called before the kernels are compiled, once on a machine.
    """
    for path in paths:
        try:
            locate.inside(path, path.parent)
            evaluation = run(load(path), keep_trace=keep_trace, on_compile=on_compile)
        except HeeconError as error:
            yield ScenarioRun(path.stem, path, None, error.problems)
        else:
            yield ScenarioRun(path.stem, path, evaluation)


def run_scenarios(
    source: str | Path, *, on_compile: Callable[[], None] | None = None
) -> dict[str, ScenarioRun]:
    """Run every scenario of a folder or a model.

    Args:
        source: as for ``scenario_files``.
        on_compile: called before the kernels are compiled, once on a machine.

    Returns:
        Scenarios by name, the base case first; broken ones with their problems.

    Raises:
        InputError: as ``scenario_files``.
    """
    paths = scenario_files(source)
    return {found.name: found for found in each_scenario(paths, on_compile=on_compile)}


def without_trace(found: ScenarioRun) -> ScenarioRun:
    """The same without its trace, which holds most of its memory."""
    if found.evaluation is None:
        return found
    return replace(found, evaluation=Evaluation(replace(found.evaluation.result, trace=None)))


def comparison(runs: Sequence[ScenarioRun]) -> Table:
    """One row a scenario and strategy; a broken scenario has one row that says so.

    Net benefit is at the thresholds of all scenarios in the same currency.
    """
    totals = {
        found.name: totals_of(found.evaluation) for found in runs if found.evaluation is not None
    }
    thresholds, stood = standings(totals)
    rows = [(found, row) for found in runs for row in stood.get(found.name, (None,))]
    known = [totals.get(found.name) for found, _ in rows]
    engines = [_engine(found) for found, _ in rows]
    problems = [" ".join(map(str, found.problems)) or None for found, _ in rows]
    optima = [
        Column(
            f"optimal_at_{threshold:.15g}",
            f"Best at {threshold:,.15g}",
            [
                row.strategy in optimal(stood[found.name], threshold)
                if row and threshold in row.nmb
                else None
                for found, row in rows
            ],
            "mark",
        )
        for threshold in thresholds
    ]
    fields = comparison_fields(thresholds)
    table = Table.of("comparison", "Every scenario and strategy", [row for _, row in rows], fields)
    table = table.plus(
        Column("scenario", "Scenario", [found.name for found, _ in rows]),
        Column("title", "Title", [run and run.title for run in known]),
        Column("currency", "Currency", [run and run.currency for run in known]),
        Column("engine", "Engine", [engine for engine, _ in engines]),
        Column("people", "People", [people for _, people in engines], ",d"),
        Column("problems", "Problems", problems),
        *optima,
    )
    first = ("scenario", "title", "strategy", "comparator", "currency")
    results = [name for name, *_ in COMPARISON if name not in first]
    at = [f"{kind}{o.name.removeprefix('optimal')}" for o in optima for kind in NET_BENEFIT]
    return table.select(*first, *results, *at, "engine", "people", "problems")


NET_BENEFIT = ("nmb", "incremental_nmb", "optimal")


def _engine(found: ScenarioRun) -> tuple[str | None, int | None]:
    """The engine of a run, and how many people it simulated."""
    if found.evaluation is None:
        return None, None
    model = found.evaluation.model
    if model.scenario.engine == "cohort":
        return "cohort", None
    return model.scenario.engine, options_of(model).patients
