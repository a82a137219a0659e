"""What the sensitivity commands print and write: a table first, a picture second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from rich.console import Console
from rich.text import Text

from heecon import plot
from heecon.analysis.evppi import Evppi, violations
from heecon.analysis.evsi import Evsi, NetBenefit, best_size
from heecon.analysis.morris import Morris
from heecon.analysis.one_way import OneWay, OneWayRow
from heecon.analysis.price import PriceRow
from heecon.analysis.sobol import Sobol
from heecon.analysis.threshold import Threshold
from heecon.analysis.two_way import TwoWay
from heecon.report.console import Column, money, show
from heecon.report.tables import Rows


@dataclass(frozen=True)
class Printed:
    """A table for the screen.

    Attributes:
        title: above it.
        first: heading of the first column.
        labels: first column.
        columns: the others.
    """

    title: str
    first: str
    labels: Sequence[str]
    columns: Sequence[Column]


@dataclass(frozen=True)
class Report:
    """What one analysis leaves.

    Attributes:
        printed: tables for the screen.
        notes: sentences after them.
        tables: file name without ending -> table.
        pictures: file name without ending -> what draws it.
    """

    printed: Sequence[Printed]
    notes: Sequence[str] = ()
    tables: dict[str, Rows] = field(default_factory=dict)
    pictures: dict[str, plot.Draw] = field(default_factory=dict)


SHOWN = 20
"""Single inputs that a table on the screen lists at most."""


def print_report(report: Report, console: Console) -> None:
    """Print the tables and the notes."""
    console.print()
    for table in report.printed:
        show(console, table.title, table.labels, table.columns, table.first)
    for note in report.notes:
        console.print(Text(note))


def one_way_report(found: OneWay, by_icer: bool, currency: str) -> Report:
    """The tornado as a table and a picture, on net benefit or on the ICER."""
    rows = found.by_icer() if by_icer else found.rows
    title = (
        f"One-way analysis of {found.strategy} against {found.comparator} at "
        f"{found.threshold:,.0f} {currency} per QALY; base incremental NMB {money(found.base.nmb)}"
    )
    columns = [
        Column("Low", [_values(row.low_values) for row in rows]),
        Column("Base", [_values(row.base_values) for row in rows]),
        Column("High", [_values(row.high_values) for row in rows]),
    ]
    if by_icer:
        columns += [
            Column("ICER at low", [_icer(row.low.icer) for row in rows]),
            Column("at high", [_icer(row.high.icer) for row in rows]),
            Column("Quadrant at low", [str(row.low.quadrant) for row in rows], words=True),
            Column("at high", [str(row.high.quadrant) for row in rows], words=True),
        ]
    else:
        columns += [
            Column("NMB at low", [money(row.low.nmb) for row in rows]),
            Column("NMB at high", [money(row.high.nmb) for row in rows]),
            Column("Swing", [money(row.swing) for row in rows]),
        ]
    columns.append(
        Column("Decision changes", ["yes" if row.changes_decision else "no" for row in rows])
    )
    return Report(
        [Printed(title, "Input", [row.name for row in rows], columns)],
        [
            *found.warnings,
            f"{len(found.left_out)} inputs are left out; one_way_left_out.csv says why.",
        ],
        {
            "one_way": _one_way_rows(found, rows),
            "one_way_left_out": Rows(
                ("input", "reason"), tuple((row.key, row.reason) for row in found.left_out)
            ),
        },
        {"tornado": _tornado(found, rows, by_icer, currency)},
    )


def _one_way_rows(found: OneWay, rows: Sequence[OneWayRow]) -> Rows:
    header = (
        "input", "label", "unit", "basis", "base_value", "low_value", "high_value",
        "nmb_base", "nmb_low", "nmb_high", "swing", "icer_base", "icer_low", "icer_high",
        "quadrant_low", "quadrant_high", "optimal_low", "optimal_high", "changes_decision",
        "warning",
    )  # fmt: skip
    return Rows(
        header,
        tuple(
            (
                row.name, row.label, row.unit, row.basis, _values(row.base_values, 17),
                _values(row.low_values, 17), _values(row.high_values, 17),
                found.base.nmb, row.low.nmb, row.high.nmb, row.swing,
                found.base.icer, row.low.icer, row.high.icer,
                str(row.low.quadrant), str(row.high.quadrant),
                " = ".join(row.low.optimal), " = ".join(row.high.optimal),
                row.changes_decision, row.warning,
            )
            for row in rows
        ),
    )  # fmt: skip


def _tornado(found: OneWay, rows: Sequence[OneWayRow], by_icer: bool, currency: str) -> plot.Draw:
    labels = found.outcomes.labels
    title = " v ".join(labels.get(name, name) for name in (found.strategy, found.comparator))
    if by_icer:
        bars = [
            (_bar(found, row), row.low.icer, row.high.icer)
            for row in rows
            if row.icer_swing is not None
        ]
        known = [
            (name, low, high) for name, low, high in bars if low is not None and high is not None
        ]
        return partial(
            plot.tornado, known[:20], found.base.icer or 0.0, title, f"ICER ({currency})"
        )
    bars_nmb = [(_bar(found, row), row.low.nmb, row.high.nmb) for row in rows if row.swing > 0]
    label = f"Incremental NMB ({currency}) at {found.threshold:,.0f}"
    return partial(plot.tornado, bars_nmb[:20], found.base.nmb, title, label)


def _bar(found: OneWay, row: OneWayRow) -> str:
    """Words for a bar: the input's label, and whose it is where strategies have their own."""
    strategy = row.name.partition("[")[2].removesuffix("]")
    owner = found.outcomes.labels.get(strategy)
    return f"{owner}: {row.label}" if owner and row.label != row.name else row.label


def two_way_report(found: TwoWay, name: str = "two_way") -> Report:
    """Decision regions: which strategy is best at every pair of values."""
    header = (found.x.name, found.y.name, "optimal", *(f"nmb_{s}" for s in found.strategies))
    rows = tuple(
        (float(x), float(y), " = ".join(found.decision(i, j)), *found.nmb[i, j].tolist())
        for i, x in enumerate(found.x.ticks)
        for j, y in enumerate(found.y.ticks)
    )
    shares = {label: share for label, share in found.shares().items() if share > 0}
    columns = [Column("Share of the grid", [f"{share:.1%}" for share in shares.values()])]
    title = f"Where each strategy is best, at {found.threshold:,.0f} {found.currency} per QALY"
    labels = [found.labels.get(name, name) for name in found.strategies]
    picture = partial(
        plot.decision_map,
        found.x.ticks,
        found.y.ticks,
        found.optimal.argmax(axis=2).T,
        labels,
        (title, found.x.label or found.x.name, found.y.label or found.y.name),
    )
    return Report(
        [Printed(title, "Strategy", list(shares), columns)],
        [f"In the base case: {' = '.join(found.base_decision)}. The shares are not probabilities."],
        {name: Rows(header, rows)},
        {name: picture},
    )


def threshold_report(found: Threshold) -> Report:
    """Every value at which the decision changes."""
    rows = tuple(
        (s.value, " = ".join(s.before), " = ".join(s.after), s.difference, s.jump)
        for s in found.switches
    )
    header = ("value", "best_below", "best_above", "nmb_difference", "jump")
    columns = [
        Column("Best below it", [str(row[1]) for row in rows], words=True),
        Column("Best above it", [str(row[2]) for row in rows], words=True),
    ]
    title = (
        f"{found.name} ({found.unit}): base {found.base:g}, from {found.low:g} to {found.high:g}"
    )
    printed = [Printed(title, "Value", [f"{row[0]:.6g}" for row in rows], columns)] if rows else []
    notes = ([] if rows else [title]) + list(found.sentences())
    return Report(printed, notes, {"threshold": Rows(header, rows)})


def price_report(rows: Sequence[PriceRow]) -> Report:
    """The highest price worth paying at each threshold."""
    header = (
        "threshold", "strategy", "against", "price", "discount", "nmb_base", "nmb_free",
        "lowest", "limit", "linear", "explanation",
    )  # fmt: skip
    table = tuple(
        (
            r.threshold, r.strategy, " ".join(r.against), r.price, r.discount, r.nmb_base,
            r.nmb_free,
            r.lowest, r.limit, r.linear, r.explanation,
        )
        for r in rows
    )  # fmt: skip
    against = ["all others" if len(row.against) > 1 else row.against[0] for row in rows]
    columns = [
        Column("Against", against, words=True),
        Column(
            "Highest price", ["none" if row.price is None else f"{row.price:,.2f}" for row in rows]
        ),
        Column("Discount", ["" if row.discount is None else f"{row.discount:.1%}" for row in rows]),
        Column("Meaning", [row.explanation for row in rows], words=True),
    ]
    title = f"Value-based price of {rows[0].strategy}"
    return Report(
        [Printed(title, "Threshold", [f"{row.threshold:,.0f}" for row in rows], columns)],
        tables={"price": Rows(header, table)},
    )


def sobol_report(found: Sobol) -> Report:
    """Shares of the variance by factor, with intervals, and how they converge."""
    printed = []
    for quantity in dict.fromkeys(row.quantity for row in found.rows):
        rows = [row for row in found.rows if row.quantity == quantity]
        columns = [
            Column("First order", [str(row.first) for row in rows], words=True),
            Column("Total order", [str(row.total) for row in rows], words=True),
        ]
        printed.append(
            Printed(f"Sobol indices: {quantity}", "Factor", [r.factor.name for r in rows], columns)
        )
    indices = tuple(
        (
            str(r.quantity), r.factor.name, r.first.value, r.first.low, r.first.high,
            r.total.value, r.total.low, r.total.high,
        )
        for r in found.rows
    )  # fmt: skip
    convergence = tuple(
        (str(r.quantity), r.factor.name, r.size, r.first.value, r.first.half_width,
         r.total.value, r.total.half_width)
        for r in found.convergence
    )  # fmt: skip
    pairs = tuple(
        (str(r.quantity), r.factors[0].name, r.factors[1].name, r.second.value, r.second.half_width)
        for r in found.pairs
    )
    tables = {
        "sobol": Rows(
            (
                "quantity", "factor", "first", "first_low", "first_high", "total", "total_low",
                "total_high",
            ),
            indices,
        ),
        "sobol_convergence": Rows(
            (
                "quantity", "factor", "size", "first", "first_half_width", "total",
                "total_half_width",
            ),
            convergence,
        ),
    }  # fmt: skip
    if pairs:
        header = ("quantity", "factor", "other_factor", "second", "half_width")
        tables["sobol_pairs"] = Rows(header, pairs)
    notes = [*found.notes, f"{found.runs:,} model runs."]
    return Report(printed, notes + (["Pairs are in sobol_pairs.csv."] if pairs else []), tables)


def morris_report(found: Morris) -> Report:
    """Elementary effects by factor."""
    printed = []
    for quantity in dict.fromkeys(row.quantity for row in found.rows):
        rows = [row for row in found.rows if row.quantity == quantity]
        columns = [
            Column("mu*", [str(row.mu_star) for row in rows], words=True),
            Column("mu", ["" if row.mu is None else f"{row.mu:.4g}" for row in rows]),
            Column("sigma", ["" if row.sigma is None else f"{row.sigma:.4g}" for row in rows]),
        ]
        printed.append(
            Printed(
                f"Morris screening: {quantity}", "Factor", [r.factor.name for r in rows], columns
            )
        )
    table = tuple(
        (
            str(r.quantity),
            r.factor.name,
            r.mu_star.value,
            r.mu_star.low,
            r.mu_star.high,
            r.mu,
            r.sigma,
        )
        for r in found.rows
    )
    header = ("quantity", "factor", "mu_star", "mu_star_low", "mu_star_high", "mu", "sigma")
    notes = [*found.notes, f"Worth a closer look: {', '.join(found.influential())}."]
    return Report(printed, [*notes, f"{found.runs:,} model runs."], {"morris": Rows(header, table)})


def evppi_report(found: Sequence[Evppi], population: float | None, currency: str) -> Report:
    """What knowing each parameter, or group, exactly would be worth."""
    header = (
        "parameters", "threshold", "evppi", "standard_error", "bias", "evpi", "method",
        "r_squared", "edf", "doubtful", "population",
    )  # fmt: skip
    table = tuple(
        (
            ", ".join(r.parameters), r.threshold, r.value, r.standard_error, r.bias, r.evpi,
            r.method,
            float(np.mean([d.r_squared for d in r.diagnostics])) if r.diagnostics else None,
            float(np.max([d.edf for d in r.diagnostics])) if r.diagnostics else None,
            r.doubtful, None if population is None else r.population(population)[0],
        )
        for r in found
    )  # fmt: skip
    singles = [row for row in found if len(row.parameters) == 1 and row.value > 0]
    shown = [row for row in found if len(row.parameters) > 1 or row in singles[:SHOWN]]
    notes = list(violations(found))
    if len(shown) < len(found):
        notes.append(f"{len(found) - len(shown)} more inputs, worth less, are in evppi.csv.")
    columns = [
        Column("EVPPI", [f"{row.value:,.2f}" for row in shown]),
        Column("Standard error", [f"{row.standard_error:,.2f}" for row in shown]),
        Column("Bias", [f"{row.bias:,.2f}" for row in shown]),
        Column("Fit", ["doubtful" if row.doubtful else "good" for row in shown], words=True),
    ]
    if population is not None:
        totals = [money(row.population(population)[0]) for row in shown]
        columns.append(Column("Population", totals))
    evpi = found[0].evpi if found else 0.0
    title = (
        f"EVPPI per person at {found[0].threshold:,.0f} {currency} per QALY (EVPI {evpi:,.2f})"
        if found
        else "EVPPI"
    )
    labels = [", ".join(row.parameters) for row in shown]
    return Report(
        [Printed(title, "Known exactly", labels, columns)] if shown else [],
        notes if shown else [title, "No single input is worth knowing exactly.", *notes],
        {"evppi": Rows(header, table)},
    )


def evsi_report(found: Sequence[Evsi], net: Sequence[NetBenefit], currency: str) -> Report:
    """What a trial would be worth at each size, and the size worth most."""
    header = (
        "trial", "n_per_arm", "people", "threshold", "evsi", "standard_error", "bias", "evppi",
        "method", "population_value", "cost", "enbs",
    )  # fmt: skip
    by_size = {row.n: row for row in net}
    table = tuple(
        (
            r.trial, r.n, r.people, r.threshold, r.value, r.standard_error, r.bias, r.evppi,
            r.method,
            *((by_size[r.n].value, by_size[r.n].cost, by_size[r.n].enbs) if net else (None,) * 3),
        )
        for r in found
    )  # fmt: skip
    columns = [
        Column("EVSI", [f"{row.value:,.2f}" for row in found]),
        Column("Standard error", [f"{row.standard_error:,.2f}" for row in found]),
        Column("EVPPI", [f"{row.evppi:,.2f}" for row in found]),
    ]
    notes = [
        f"With {row.n} per arm the study seems worth more than perfect knowledge: use more draws."
        for row in found
        if row.contradicts
    ]
    if net:
        columns += [
            Column("Population", [money(row.value) for row in net]),
            Column("Cost", [money(row.cost) for row in net]),
            Column("ENBS", [money(row.enbs) for row in net]),
        ]
        best = best_size(net)
        notes.append(
            "No size is worth its cost."
            if best is None
            else f"Best size: {best.n} per arm, expected net benefit {money(best.enbs)} {currency}."
        )
    title = f"{found[0].trial}, per person at {found[0].threshold:,.0f} {currency} per QALY"
    labels = [f"{row.n}" for row in found]
    return Report(
        [Printed(title, "n per arm", labels, columns)], notes, {"evsi": Rows(header, table)}
    )


def _values(values: Sequence[float], digits: int = 4) -> str:
    if len(set(values)) == 1:
        values = values[:1]
    return "; ".join(f"{value:.{digits}g}" for value in values)


def _icer(value: float | None) -> str:
    return "" if value is None else money(value)
