"""Scenarios side by side on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from heecon.analysis.scenarios import ScenarioRun
from heecon.analysis.strategy_comparison import (
    StrategyComparison,
    optimal,
    standings,
    totals_of,
)
from heecon.report.change_log_report import icer_text
from heecon.report.console import across, show
from heecon.table import Column, Table


def print_comparison(runs: Sequence[ScenarioRun], console: Console) -> None:
    """Print scenarios in rows and strategies in columns, a table for each result."""
    totals = {
        found.name: totals_of(found.evaluation) for found in runs if found.evaluation is not None
    }
    thresholds, found = standings(totals)
    if len({run.currency for run in totals.values()}) > 1:
        found = {f"{name} ({totals[name].currency})": rows for name, rows in found.items()}
    console.print()
    if not found:
        console.print(Text("No scenario could be run."))
        return
    tables: list[tuple[str, str, Callable[[StrategyComparison], object]]] = [
        ("Cost per person (discounted)", "money", lambda row: row.cost),
        ("QALYs per person (discounted)", "qaly", lambda row: row.qalys),
        ("Incremental cost against the comparator", "money", lambda row: row.incremental_cost),
        (
            "Incremental QALYs against the comparator",
            "qaly_change",
            lambda row: row.incremental_qalys,
        ),
        ("ICER against the comparator", "figures", icer_text),
    ]
    tables += [
        (f"Net monetary benefit at {threshold:,.0f}", "money", _nmb_at(threshold))
        for threshold in thresholds
    ]
    first = Column("scenario", "Scenario", list(found))
    names = dict.fromkeys(row.strategy for rows in found.values() for row in rows)
    for title, how, value in tables:
        values = {
            (scenario, row.strategy): value(row) for scenario, rows in found.items() for row in rows
        }
        table = across(title, first, names, values, how)
        if len(table.columns) > 1:
            show(console, table)
    columns = [first]
    for threshold in thresholds:
        best = [", ".join(optimal(rows, threshold)) for rows in found.values()]
        columns.append(Column("optimal", f"at {threshold:,.0f}", best))
    if thresholds:
        show(console, Table("optimal", "Optimal strategy", columns))


def _nmb_at(threshold: float) -> Callable[[StrategyComparison], float | None]:
    return lambda row: row.nmb.get(threshold)
