"""The tables ``heecon run`` prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.incremental import IncrementalRow, Status
from heecon.model.build import base_number
from heecon.model.definition import Model, RateStep

NARROW = 40
"""Strategy names are used instead of labels longer than this."""


def print_run(evaluation: Evaluation, console: Console) -> None:
    """Print header, costs, health, events, incremental results, assumptions and warnings."""
    _header(evaluation, console)
    _costs(evaluation, console)
    _health(evaluation, console)
    _events(evaluation, console)
    _incremental(evaluation, console)
    _pairwise(evaluation, console)
    _net_benefit(evaluation, console)
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


def _costs(evaluation: Evaluation, console: Console) -> None:
    currency = evaluation.model.settings.currency or "cost"
    discounted = evaluation.by_category("cost")
    totals, plain = evaluation.cost(), evaluation.cost(discounted=False)
    if not discounted:
        return
    table = _table(f"Costs per person ({currency}, discounted; last column undiscounted)")
    for category in discounted:
        table.add_column(_heading(category), justify="right")
    table.add_column("Total", justify="right", style="bold")
    table.add_column("Undisc. total", justify="right")
    for name in evaluation.result.strategies:
        amounts = [money(by_strategy[name]) for by_strategy in discounted.values()]
        table.add_row(_label(evaluation, name), *amounts, money(totals[name]), money(plain[name]))
    console.print(table)


def _health(evaluation: Evaluation, console: Console) -> None:
    table = _table("Health per person (discounted | undiscounted)")
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
        table.add_column(title, justify="right")
        table.add_column("undisc.", justify="right")
    for name in evaluation.result.strategies:
        cells = [f"{amounts[name]:.4f}" for _, a, b in columns for amounts in (a, b)]
        table.add_row(_label(evaluation, name), *cells)
    console.print(table)


def _events(evaluation: Evaluation, console: Console) -> None:
    rows = [row for row in evaluation.summary() if row.kind == "count"]
    outcomes = list(dict.fromkeys((row.outcome, row.label) for row in rows))[1:]
    if not outcomes:
        return
    table = _table("Events per person (undiscounted)")
    for _, label in outcomes:
        table.add_column(_heading(label), justify="right")
    amounts = {(row.strategy, row.outcome): row.undiscounted for row in rows}
    for name in evaluation.result.strategies:
        cells = [f"{amounts[name, outcome]:.4f}" for outcome, _ in outcomes]
        table.add_row(_label(evaluation, name), *cells)
    console.print(table)


def _incremental(evaluation: Evaluation, console: Console) -> None:
    table = _table("Fully incremental analysis, in order of cost (discounted)")
    for title in ("Cost", "QALYs", "Incr. cost", "Incr. QALYs", "ICER"):
        table.add_column(title, justify="right")
    table.add_column("Result", justify="left")
    for row in evaluation.incremental():
        style = "dim" if row.status in (Status.DOMINATED, Status.EXTENDEDLY_DOMINATED) else ""
        table.add_row(
            _label(evaluation, row.strategy),
            money(row.cost),
            f"{row.effect:.4f}",
            money(row.incremental_cost),
            _signed(row.incremental_effect),
            money(row.icer) if row.status is Status.FRONTIER else "",
            _result(row, evaluation),
            style=style,
        )
    console.print(table)


def _result(row: IncrementalRow, evaluation: Evaluation) -> Text:
    """The explanation, with the strategies called as in the first column."""
    known = "|".join(map(re.escape, evaluation.result.strategies))
    text = re.sub(
        rf"\b({known})\b", lambda found: str(_label(evaluation, found[1])), row.explanation
    )
    return Text(f"{text} ({row.quadrant})" if row.status is Status.FRONTIER else text)


def _pairwise(evaluation: Evaluation, console: Console) -> None:
    rows = evaluation.pairwise()
    if not rows:
        return
    against = evaluation.model.strategies[evaluation.comparator].label
    table = _table(f"Each strategy against {against} (discounted)")
    for title in ("Incr. cost", "Incr. QALYs", "ICER"):
        table.add_column(title, justify="right")
    table.add_column("Quadrant and meaning")
    for row in rows:
        table.add_row(
            _label(evaluation, row.strategy),
            money(row.incremental_cost),
            _signed(row.incremental_effect),
            money(row.icer),
            Text(f"{row.quadrant}: {row.quadrant.meaning}"),
        )
    console.print(table)


def _net_benefit(evaluation: Evaluation, console: Console) -> None:
    settings = evaluation.model.settings
    if not settings.thresholds:
        return
    rows = {(row.strategy, row.threshold): row for row in evaluation.net_benefit()}
    table = _table("Net benefit (NMB in money, NHB in QALYs; * is the best at the threshold)")
    for threshold in settings.thresholds:
        table.add_column(f"NMB at {threshold:,.0f}", justify="right")
        table.add_column(f"NHB at {threshold:,.0f}", justify="right")
    for name in evaluation.result.strategies:
        cells = []
        for threshold in settings.thresholds:
            row = rows[name, threshold]
            cells += [money(row.nmb) + ("*" if row.optimal else " "), f"{row.nhb:.4f}"]
        table.add_row(_label(evaluation, name), *cells)
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


def _label(evaluation: Evaluation, name: str) -> Text:
    label = evaluation.model.strategies[name].label
    return Text(label if len(label) <= NARROW else name)


def _heading(label: str) -> Text:
    return Text(label[:1].upper() + label[1:])


def _table(title: str) -> Table:
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Strategy", justify="left", min_width=12, ratio=None)
    return table
