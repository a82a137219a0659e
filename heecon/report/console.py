"""The tables ``heecon run`` prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.incremental import IncrementalRow, Status
from heecon.model.build import base_number
from heecon.model.definition import Model, RateStep

WIDE = 120
"""On narrower screens strategies are called by name, not label, so that a row stays a line."""

TEXT_WIDTH = 30
"""Columns of words may be wrapped to this width."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Column:
    """A column of a table: a title and a cell for every row; words are left-aligned and wrap."""

    title: str
    cells: Sequence[str]
    words: bool = False

    @property
    def width(self) -> int:
        """Characters the column needs, with the gap to the next one."""
        cells = max((len(cell) for cell in self.cells), default=0)
        needed = min(cells, TEXT_WIDTH) if self.words else cells
        return max(needed, *(len(word) for word in self.title.split())) + 3


def print_run(evaluation: Evaluation, console: Console) -> None:
    """Print header, costs, health, events, incremental results, assumptions and warnings."""
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
    if evaluation.result.monte_carlo is not None:
        from heecon.report.monte_carlo_report import print_errors  # noqa: PLC0415  (it uses this)

        print_errors(evaluation, labels, console)
    _assumptions(evaluation, console)
    print_warnings(evaluation.warnings(), console)


def print_warnings(warnings: Sequence[str], console: Console) -> None:
    """Print complaints that did not stop the run."""
    for warning in warnings:
        console.print(Text.assemble(("Warning: ", "bold yellow"), warning))


def describe(evaluation: Evaluation) -> str:
    """How results were counted, in a sentence; printed above the tables."""
    settings = evaluation.model.settings
    rates = {kind: _rates(evaluation.model, steps) for kind, steps in settings.discount.items()}
    correction = settings.correction.method.replace("_", " ")
    return (
        f"{settings.cycles} cycles of {settings.cycle} ({settings.horizon}); state membership "
        f"counted by '{correction}'; discounting costs {rates['cost']}, effects {rates['effect']} "
        f"a year at {settings.timing.replace('_', ' ')}; perspective {settings.perspective}."
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


def _costs(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    by_category = evaluation.by_category("cost")
    if not by_category:
        return
    columns = [
        Column(heading(category), [money(amounts[name]) for name in labels])
        for category, amounts in by_category.items()
    ]
    totals, undiscounted = evaluation.cost(), evaluation.cost(discounted=False)
    columns.append(Column("Total", [money(totals[name]) for name in labels]))
    columns.append(Column("Undisc. total", [money(undiscounted[name]) for name in labels]))
    currency = evaluation.model.settings.currency or "money"
    title = f"Costs per person ({currency}, discounted; last column undiscounted)"
    show(console, title, list(labels.values()), columns)


def _health(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    pairs = [("Life years", evaluation.life_years(), evaluation.life_years(discounted=False))]
    if evaluation.has_qalys:
        pairs.append(("QALYs", evaluation.qalys(), evaluation.qalys(discounted=False)))
    first = next((o for o in evaluation.result.outcomes if o.kind == "count"), None)
    if first is not None:
        rows = [row for row in evaluation.summary() if row.outcome == first.name]
        discounted = {row.strategy: row.discounted for row in rows}
        pairs.append((first.label, discounted, {row.strategy: row.undiscounted for row in rows}))
    columns = []
    for title, with_discounting, without in pairs:
        columns.append(Column(heading(title), [f"{with_discounting[name]:.4f}" for name in labels]))
        columns.append(Column("undisc.", [f"{without[name]:.4f}" for name in labels]))
    title = "Health per person (each discounted, then undiscounted)"
    show(console, title, list(labels.values()), columns)


def _events(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    rows = [row for row in evaluation.summary() if row.kind == "count"]
    amounts = {(row.outcome, row.strategy): row.undiscounted for row in rows}
    # The first count stands in the table of health.
    outcomes = list(dict.fromkeys((row.outcome, row.label) for row in rows))[1:]
    columns = [
        Column(heading(label), [f"{amounts[outcome, name]:.4f}" for name in labels])
        for outcome, label in outcomes
    ]
    if columns:
        show(console, "Events per person (undiscounted)", list(labels.values()), columns)


def _incremental(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    rows = evaluation.incremental()
    columns = [
        Column("Cost", [money(row.cost) for row in rows]),
        Column("QALYs", [f"{row.effect:.4f}" for row in rows]),
        Column("Incr. cost", [money(row.incremental_cost) for row in rows]),
        Column("Incr. QALYs", [signed(row.incremental_effect) for row in rows]),
        Column("ICER", [money(row.icer) if row.status is Status.FRONTIER else "" for row in rows]),
        Column("Result", [_result(row, labels) for row in rows], words=True),
    ]
    title = "Fully incremental analysis, in order of cost (discounted)"
    show(console, title, [labels[row.strategy] for row in rows], columns)


def _result(row: IncrementalRow, labels: Labels) -> str:
    """The explanation, with the strategies called as in the first column."""
    known = "|".join(map(re.escape, labels))
    text = re.sub(rf"\b({known})\b", lambda found: labels[found[1]], row.explanation)
    return f"{text} ({row.quadrant})" if row.status is Status.FRONTIER else text


def _pairwise(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    rows = evaluation.pairwise()
    if not rows:
        return
    meanings = [f"{row.quadrant}: {row.quadrant.meaning}" for row in rows]
    columns = [
        Column("Incr. cost", [money(row.incremental_cost) for row in rows]),
        Column("Incr. QALYs", [signed(row.incremental_effect) for row in rows]),
        Column("ICER", [money(row.icer) for row in rows]),
        Column("Quadrant and meaning", meanings, words=True),
    ]
    title = f"Each strategy against {labels[evaluation.comparator]} (discounted)"
    show(console, title, [labels[row.strategy] for row in rows], columns)


def _net_benefit(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    thresholds = evaluation.model.settings.thresholds
    if not thresholds:
        return
    found = {(row.strategy, row.threshold): row for row in evaluation.net_benefit()}
    columns = []
    for threshold in thresholds:
        rows = [found[name, threshold] for name in labels]
        monetary = [money(row.nmb) + ("*" if row.optimal else " ") for row in rows]
        columns.append(Column(f"NMB at {threshold:,.0f}", monetary))
        columns.append(Column(f"NHB at {threshold:,.0f}", [f"{row.nhb:.4f}" for row in rows]))
    title = "Net benefit (NMB in money, NHB in QALYs; * is the best at the threshold)"
    show(console, title, list(labels.values()), columns)


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


def show(
    console: Console,
    title: str,
    labels: Sequence[str],
    columns: Sequence[Column],
    first: str = "Strategy",
) -> None:
    """Print a table; columns that do not fit beside the others follow in a table of their own.

    Args:
        console: where to.
        title: above the table.
        labels: cells of the first column, one a row.
        columns: the others.
        first: heading of the first column.
    """
    room = console.width - max(len(label) for label in labels) - 4
    groups: list[list[Column]] = [[]]
    for column in columns:
        used = sum(other.width for other in groups[-1])
        if groups[-1] and used + column.width > room:
            groups.append([])
        groups[-1].append(column)
    for number, group in enumerate(groups):
        console.print(Text(title + (" (continued)" if number else ""), style="bold"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column(first, no_wrap=True)
        for column in group:
            if column.words:
                table.add_column(Text(column.title), overflow="fold")
            else:
                table.add_column(Text(column.title), justify="right", width=column.width - 3)
        for label, *cells in zip(labels, *(column.cells for column in group), strict=True):
            table.add_row(Text(label), *(Text(cell) for cell in cells))
        console.print(table)


def money(value: float | None) -> str:
    """An amount of money to the nearest unit; empty for None."""
    if value is None:
        return ""
    shown = f"{value:,.0f}"
    return "0" if shown == "-0" else shown


def signed(value: float | None) -> str:
    """A difference of effects with its sign; empty for None."""
    return "" if value is None else f"{value:+.5f}"


def heading(label: str) -> str:
    """A label with a capital letter, for the head of a column."""
    return label[:1].upper() + label[1:]
