"""The tables ``heecon run`` prints."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.incremental import IncrementalRow, Quadrant, Status
from heecon.model.check_model import base_number
from heecon.model.definition import Model, RateStep
from heecon.model.settings import horizon_years
from heecon.report import tables
from heecon.report.console import heading, print_warnings, show
from heecon.report.monte_carlo_report import print_errors
from heecon.table import Column, Table

WIDE = 120
"""On narrower screens strategies are called by name, not label, so that a row stays a line."""

Labels = Mapping[str, str]

COMPOUNDING = {
    "annual": "",
    "whole_years": "by completed years, ",
    "continuous": "compounded continuously, ",
}


def print_run(evaluation: Evaluation, console: Console, further: Sequence[Table] = ()) -> None:
    """Print header, costs, health, events, incremental results, assumptions and warnings.

    Args:
        evaluation: a run.
        console: the screen.
        further: incremental analyses by other effects than QALYs.
    """
    labels = {
        name: strategy.label if console.width >= WIDE else name
        for name, strategy in evaluation.model.strategies.items()
    }
    _header(evaluation, console)
    _costs(evaluation, labels, console)
    _health(evaluation, labels, console)
    _events(evaluation, labels, console)
    if evaluation.has_qalys:
        _incremental(evaluation, labels, console)
        _pairwise(evaluation, labels, console)
        _net_benefit(evaluation, labels, console)
    for table in further:
        name = table.name.removeprefix("cost_per_")
        columns = ("strategy", "cost", name, "incremental_cost", f"incremental_{name}")
        shown = table.select(*columns, "icer", "status", "icer_pairwise", "quadrant_pairwise")
        show(console, _labelled(shown, labels))
    if evaluation.result.monte_carlo is not None:
        print_errors(evaluation, labels, console)
    _assumptions(evaluation, console)
    print_warnings(evaluation.warnings(), console)


def describe(evaluation: Evaluation) -> str:
    """How results were counted, in a sentence; printed above the tables."""
    settings = evaluation.model.settings
    rates = {kind: _rates(evaluation.model, steps) for kind, steps in settings.discount.items()}
    correction = settings.correction.method.replace("_", " ")
    horizon = settings.horizon
    years, asked = settings.cycles * settings.cycle_length, horizon_years(settings)
    if isinstance(asked, float) and not math.isclose(years, asked):
        horizon += f", rounded up to {years:.6g} years"
    counted, timing = f"counted by '{correction}'", settings.timing.replace("_", " ")
    if evaluation.model.scenario.engine == "continuous":
        counted, timing = "followed in continuous time", "every moment"
    return (
        f"{settings.cycles} cycles of {settings.cycle} ({horizon}); state membership {counted}; "
        f"discounting costs {rates['cost']}, effects {rates['effect']} a year "
        f"{COMPOUNDING[settings.compounding]}at {timing}; perspective {settings.perspective}."
    )


def _rates(model: Model, steps: Sequence[RateStep]) -> str:
    shown = [
        f"{100 * base_number(step.rate, model):.4g}%"
        + (f" from year {step.start:g}" if step.start else "")
        for step in steps
    ]
    return ", then ".join(shown)


def _header(evaluation: Evaluation, console: Console) -> None:
    model = evaluation.model
    console.print()
    console.print(Text(model.settings.title, style="bold"))
    if model.scenario.title:
        console.print(Text(f"Scenario: {model.scenario.title}"))
    console.print(Text(describe(evaluation)))
    console.print()


def _print(title: str, labels: Labels, columns: Sequence[Column], console: Console) -> None:
    """Print columns of values by strategy."""
    first = Column("strategy", "Strategy", list(labels.values()))
    show(console, Table("run", title, [first, *columns]))


def _costs(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    by_category = evaluation.by_category("cost")
    if not by_category:
        return
    totals = evaluation.cost(), evaluation.cost(discounted=False)
    columns = [
        Column(name, heading(name), [amounts[strategy] for strategy in labels], "money")
        for name, amounts in (
            *by_category.items(),
            ("total", totals[0]),
            ("undisc. total", totals[1]),
        )
    ]
    currency = evaluation.model.settings.currency or "money"
    title = f"Costs per person ({currency}, discounted; last column undiscounted)"
    _print(title, labels, columns, console)


def _health(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    counted = {outcome.kind for outcome in evaluation.result.outcomes}
    pairs = [
        (words, amounts(), amounts(discounted=False))
        for kind, words, amounts in (
            ("life_year", "Life years", evaluation.life_years),
            ("qaly", "QALYs", evaluation.qalys),
        )
        if kind in counted
    ]
    columns = [
        Column(title, label, [amounts[name] for name in labels], "qaly")
        for title, discounted, undiscounted in pairs
        for label, amounts in ((title, discounted), ("undisc.", undiscounted))
    ]
    if columns:
        title = "Health per person (each discounted, then undiscounted)"
        _print(title, labels, columns, console)


def _events(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    rows = [row for row in evaluation.summary() if row.kind == "count"]
    amounts = {(row.outcome, row.strategy): row.undiscounted for row in rows}
    outcomes = dict.fromkeys((row.outcome, row.label) for row in rows)
    columns = [
        Column(outcome, heading(label), [amounts[outcome, name] for name in labels], "qaly")
        for outcome, label in outcomes
    ]
    if columns:
        _print("Events per person (undiscounted)", labels, columns, console)


def _incremental(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    rows = evaluation.incremental()
    ratios = [row.icer if row.status is Status.FRONTIER else None for row in rows]
    table = tables.incremental(evaluation).select(
        "strategy", "cost", "qalys", "incremental_cost", "incremental_qalys", "icer"
    )
    table = table.plus(
        Column("icer", "ICER", ratios, "money"),
        Column("result", "Result", [_result(row, labels) for row in rows]),
    )
    show(console, _labelled(table, labels))


def _labelled(table: Table, labels: Labels) -> Table:
    """The table with strategies called as the screen has room for."""
    return table.plus(Column("strategy", "Strategy", [labels[str(n)] for n in table["strategy"]]))


def _result(row: IncrementalRow, labels: Labels) -> str:
    """The explanation, with the strategies called as in the first column."""
    known = "|".join(map(re.escape, labels))
    text = re.sub(rf"\b({known})\b", lambda found: labels[found[1]], row.explanation)
    return f"{text} ({row.quadrant})" if row.status is Status.FRONTIER else text


def _pairwise(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    table = tables.pairwise(evaluation)
    if not len(table):
        return
    meanings = [f"{quadrant}: {Quadrant(str(quadrant)).meaning}" for quadrant in table["quadrant"]]
    table = table.select("strategy", "incremental_cost", "incremental_qalys", "icer")
    table = table.plus(Column("meaning", "Quadrant and meaning", meanings))
    title = f"Each strategy against {labels[evaluation.comparator]} (discounted)"
    show(console, _labelled(table, labels).titled(title))


def _net_benefit(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    thresholds = evaluation.model.settings.thresholds
    if not thresholds:
        return
    found = {(row.strategy, row.threshold): row for row in evaluation.net_benefit()}
    columns = []
    for threshold in thresholds:
        rows = [found[name, threshold] for name in labels]
        amounts = Column("nmb", "NMB", [row.nmb for row in rows], "money").cells
        marks = ["*" if row.optimal else " " for row in rows]
        monetary = [amount + mark for amount, mark in zip(amounts, marks, strict=True)]
        title, health = f"NMB at {threshold:,.0f}", f"NHB at {threshold:,.0f}"
        columns.append(Column(title, title, monetary, "figures"))
        columns.append(Column(health, health, [row.nhb for row in rows], "qaly"))
    title = "Net benefit (NMB in money, NHB in QALYs; * is the best at the threshold)"
    _print(title, labels, columns, console)


def _assumptions(evaluation: Evaluation, console: Console) -> None:
    model = evaluation.model
    if not model.assumptions:
        console.print(Text(f"All {len(model.inputs)} inputs name a source."))
        return
    names = Counter(row.name for row in model.assumptions)
    console.print(
        Text.assemble(
            (
                f"{len(model.assumptions)} of {len(model.inputs)} inputs are assumptions",
                "bold yellow",
            ),
            ", not evidence: ",
            ", ".join(f"{name} ({count})" if count > 1 else name for name, count in names.items()),
            ". assumptions.csv gives the reasons.",
        )
    )
