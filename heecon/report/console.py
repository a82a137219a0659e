"""The tables ``heecon run`` prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

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

Labels = Mapping[str, str]


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
    _incremental(evaluation, labels, console)
    _pairwise(evaluation, labels, console)
    _net_benefit(evaluation, labels, console)
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
    currency = evaluation.model.settings.currency or "cost"
    discounted = evaluation.by_category("cost")
    totals, plain = evaluation.cost(), evaluation.cost(discounted=False)
    if not discounted:
        return
    table = _table(f"Costs per person ({currency}, discounted; last column undiscounted)", labels)
    for category in discounted:
        table.add_column(_heading(category), justify="right", overflow="fold")
    table.add_column("Total", justify="right", overflow="fold", style="bold")
    table.add_column("Undisc. total", justify="right", overflow="fold")
    for name in evaluation.result.strategies:
        amounts = [money(by_strategy[name]) for by_strategy in discounted.values()]
        table.add_row(Text(labels[name]), *amounts, money(totals[name]), money(plain[name]))
    console.print(table)


def _health(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    table = _table("Health per person (discounted | undiscounted)", labels)
    columns = [
        ("Life years", evaluation.life_years(), evaluation.life_years(discounted=False)),
        ("QALYs", evaluation.qalys(), evaluation.qalys(discounted=False)),
    ]
    first = next((o for o in evaluation.result.outcomes if o.kind == "count"), None)
    if first is not None:
        rows = [row for row in evaluation.summary() if row.outcome == first.name]
        discounted = {row.strategy: row.discounted for row in rows}
        columns.append((first.label, discounted, {row.strategy: row.undiscounted for row in rows}))
    for title, _, _ in columns:
        table.add_column(title, justify="right", overflow="fold")
        table.add_column("undisc.", justify="right", overflow="fold")
    for name in evaluation.result.strategies:
        cells = [f"{amounts[name]:.4f}" for _, a, b in columns for amounts in (a, b)]
        table.add_row(Text(labels[name]), *cells)
    console.print(table)


def _events(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    rows = [row for row in evaluation.summary() if row.kind == "count"]
    outcomes = list(dict.fromkeys((row.outcome, row.label) for row in rows))[1:]
    if not outcomes:
        return
    table = _table("Events per person (undiscounted)", labels)
    for _, label in outcomes:
        table.add_column(_heading(label), justify="right", overflow="fold")
    amounts = {(row.strategy, row.outcome): row.undiscounted for row in rows}
    for name in evaluation.result.strategies:
        cells = [f"{amounts[name, outcome]:.4f}" for outcome, _ in outcomes]
        table.add_row(Text(labels[name]), *cells)
    console.print(table)


def _incremental(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    table = _table("Fully incremental analysis, in order of cost (discounted)", labels)
    for title in ("Cost", "QALYs", "Incr. cost", "Incr. QALYs", "ICER"):
        table.add_column(title, justify="right", overflow="fold")
    table.add_column("Result", overflow="fold")
    for row in evaluation.incremental():
        style = "dim" if row.status in (Status.DOMINATED, Status.EXTENDEDLY_DOMINATED) else ""
        table.add_row(
            Text(labels[row.strategy]),
            money(row.cost),
            f"{row.effect:.4f}",
            money(row.incremental_cost),
            _signed(row.incremental_effect),
            money(row.icer) if row.status is Status.FRONTIER else "",
            _result(row, labels),
            style=style,
        )
    console.print(table)


def _result(row: IncrementalRow, labels: Labels) -> Text:
    """The explanation, with the strategies called as in the first column."""
    known = "|".join(map(re.escape, labels))
    text = re.sub(rf"\b({known})\b", lambda found: labels[found[1]], row.explanation)
    return Text(f"{text} ({row.quadrant})" if row.status is Status.FRONTIER else text)


def _pairwise(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    rows = evaluation.pairwise()
    if not rows:
        return
    against = labels[evaluation.comparator]
    table = _table(f"Each strategy against {against} (discounted)", labels)
    for title in ("Incr. cost", "Incr. QALYs", "ICER"):
        table.add_column(title, justify="right", overflow="fold")
    table.add_column("Quadrant and meaning", overflow="fold")
    for row in rows:
        table.add_row(
            Text(labels[row.strategy]),
            money(row.incremental_cost),
            _signed(row.incremental_effect),
            money(row.icer),
            Text(f"{row.quadrant}: {row.quadrant.meaning}"),
        )
    console.print(table)


def _net_benefit(evaluation: Evaluation, labels: Labels, console: Console) -> None:
    settings = evaluation.model.settings
    if not settings.thresholds:
        return
    rows = {(row.strategy, row.threshold): row for row in evaluation.net_benefit()}
    table = _table(
        "Net benefit (NMB in money, NHB in QALYs; * is the best at the threshold)", labels
    )
    for threshold in settings.thresholds:
        table.add_column(f"NMB at {threshold:,.0f}", justify="right", overflow="fold")
        table.add_column(f"NHB at {threshold:,.0f}", justify="right", overflow="fold")
    for name in evaluation.result.strategies:
        cells = []
        for threshold in settings.thresholds:
            row = rows[name, threshold]
            cells += [money(row.nmb) + ("*" if row.optimal else " "), f"{row.nhb:.4f}"]
        table.add_row(Text(labels[name]), *cells)
    console.print(table)


def _assumptions(evaluation: Evaluation, console: Console) -> None:
    model = evaluation.model
    assumed = model.assumptions
    if not assumed:
        console.print(Text(f"All {len(model.parameters)} inputs name a source."))
        return
    rows = Counter(row.name for row in assumed)
    console.print(
        Text.assemble(
            (f"{len(assumed)} of {len(model.parameters)} inputs are assumptions", "bold yellow"),
            ", not evidence: ",
            ", ".join(f"{name} ({n})" if n > 1 else name for name, n in rows.items()),
            ". assumptions.csv gives the reasons.",
        )
    )


def money(value: float | None) -> str:
    """An amount of money to the nearest unit; empty for None."""
    if value is None:
        return ""
    shown = f"{value:,.0f}"
    return "0" if shown == "-0" else shown


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.5f}"


def _heading(label: str) -> Text:
    return Text(label[:1].upper() + label[1:])


def _table(title: str, labels: Labels) -> Table:
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    longest = max(len(label) for label in labels.values())
    table.add_column("Strategy", min_width=min(longest, 24), overflow="fold")
    return table
