"""Scenarios side by side, for the screen and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from heecon.analysis.engines import options_of
from heecon.analysis.scenarios import ScenarioRun
from heecon.analysis.standing import Standing, all_thresholds, optimal, standings, totals_of
from heecon.report.change_log_report import icer_text
from heecon.report.console import Column, money, show
from heecon.report.tables import Rows


def comparison(runs: Sequence[ScenarioRun]) -> Rows:
    """One row a scenario and strategy; a broken scenario has one row that says so.

    Net benefit is at the thresholds of all scenarios together.
    """
    totals = {
        found.name: totals_of(found.evaluation) for found in runs if found.evaluation is not None
    }
    thresholds = all_thresholds(list(totals.values()))
    header = [
        "scenario", "title", "strategy", "comparator", "currency", "cost", "qalys",
        "incremental_cost", "incremental_qalys", "icer", "quadrant",
    ]  # fmt: skip
    for threshold in thresholds:
        at = f"at_{threshold:.15g}"
        header += [f"nmb_{at}", f"incremental_nmb_{at}", f"optimal_{at}"]
    header += ["engine", "people", "problems"]
    rows: list[tuple[object, ...]] = []
    for found in runs:
        if found.name not in totals:
            text = " ".join(str(problem) for problem in found.problems)
            rows.append((found.name, *[None] * (len(header) - 2), text))
            continue
        run = totals[found.name]
        standing = standings(run, thresholds)
        for row in standing:
            cells: list[object] = [
                found.name, run.title, row.strategy, row.comparator, run.currency, row.cost,
                row.qalys, row.incremental_cost, row.incremental_qalys, row.icer, row.quadrant,
            ]  # fmt: skip
            for threshold in thresholds:
                best = row.strategy in optimal(standing, threshold) if row.nmb else None
                cells += [row.nmb.get(threshold), row.incremental_nmb.get(threshold), best]
            rows.append((*cells, *_engine(found), None))
    return Rows(tuple(header), tuple(rows))


def _engine(found: ScenarioRun) -> tuple[str, int | None]:
    """The engine of a run, and how many people it simulated: their luck differs by scenario."""
    model = found.evaluation.model if found.evaluation is not None else None
    if model is None or model.scenario.engine == "cohort":
        return "cohort", None
    return model.scenario.engine, options_of(model).patients


def print_comparison(runs: Sequence[ScenarioRun], console: Console) -> None:
    """Print scenarios in rows and strategies in columns, a table for each result."""
    totals = {
        found.name: totals_of(found.evaluation) for found in runs if found.evaluation is not None
    }
    thresholds = all_thresholds(list(totals.values()))
    found = {name: standings(run, thresholds) for name, run in totals.items()}
    console.print()
    if not found:
        console.print(Text("No scenario could be run."))
        return
    tables: list[tuple[str, Callable[[Standing], str]]] = [
        ("Cost per person (discounted)", lambda row: money(row.cost)),
        (
            "QALYs per person (discounted)",
            lambda row: "" if row.qalys is None else f"{row.qalys:.4f}",
        ),
        ("Incremental cost against the comparator", lambda row: money(row.incremental_cost)),
        (
            "Incremental QALYs against the comparator",
            lambda row: "" if row.incremental_qalys is None else f"{row.incremental_qalys:+.5f}",
        ),
        ("ICER against the comparator", icer_text),
    ]
    for title, cell in tables:
        _print_table(title, found, cell, console)
    for threshold in thresholds:
        title = f"Net monetary benefit at {threshold:,.0f}"
        _print_table(title, found, _nmb_at(threshold), console)
    columns = [
        Column(f"at {threshold:,.0f}", [_best(rows, threshold) for rows in found.values()], True)
        for threshold in thresholds
    ]
    if columns:
        show(console, "Optimal strategy", list(found), columns, "Scenario")


def _best(rows: Sequence[Standing], threshold: float) -> str:
    return ", ".join(optimal(rows, threshold))


def _nmb_at(threshold: float) -> Callable[[Standing], str]:
    return lambda row: money(row.nmb.get(threshold))


def _print_table(
    title: str,
    found: Mapping[str, Sequence[Standing]],
    cell: Callable[[Standing], str],
    console: Console,
) -> None:
    names = dict.fromkeys(row.strategy for rows in found.values() for row in rows)
    cells = {
        (scenario, row.strategy): cell(row) for scenario, rows in found.items() for row in rows
    }
    columns = [
        Column(name, [cells.get((scenario, name), "") for scenario in found]) for name in names
    ]
    columns = [column for column in columns if any(column.cells)]
    if columns:
        show(console, title, list(found), columns, "Scenario")
