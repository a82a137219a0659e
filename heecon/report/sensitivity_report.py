"""What the sensitivity commands print and write: a table first, a picture second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.text import Text

from heecon import plot
from heecon.analysis.ceac import column
from heecon.analysis.evppi import Evppi, violations
from heecon.analysis.evsi import Evsi, NetBenefit, best_size
from heecon.analysis.morris import Morris, MorrisRow
from heecon.analysis.one_way import OneWay, OneWayRow, Point
from heecon.analysis.price import PriceRow
from heecon.analysis.sobol import Sobol, SobolRow
from heecon.analysis.threshold import Threshold
from heecon.analysis.two_way import TwoWay
from heecon.report.console import money, show
from heecon.table import Column, Field, Table


@dataclass(frozen=True)
class Report:
    """What one analysis leaves.

    Attributes:
        printed: tables for the screen.
        notes: sentences after them.
        tables: for files, the main one first.
        pictures: file name without ending -> what draws it.
    """

    printed: Sequence[Table]
    notes: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: dict[str, plot.Draw] = field(default_factory=dict)


SHOWN = 20
"""Single inputs that a table on the screen lists at most."""

SHOWN_FACTORS = 15
"""Factors that a table on the screen lists at most."""


def at_each(
    thresholds: Sequence[float] | None, analyse: Callable[[float | None], Report]
) -> Report:
    """One report of an analysis at each threshold; at the model's first if none is named."""
    levels = list(dict.fromkeys(thresholds or []))
    if len(levels) < 2:
        return analyse(levels[0] if levels else None)
    reports = [analyse(level) for level in levels]
    pairs = [(f"{level:,.10g}", report) for level, report in zip(levels, reports, strict=True)]
    shared = set(reports[0].notes).intersection(*(report.notes for report in reports))
    notes = [note for note in reports[0].notes if note in shared]
    return Report(
        [
            table if at in table.title else table.titled(f"{table.title}; at {at}")
            for at, report in pairs
            for table in report.printed
        ],
        notes + [f"At {at}: {n}" for at, report in pairs for n in report.notes if n not in shared],
        [
            Table.stacked(tables, Column("threshold", "Willingness to pay", levels, "money"))
            for tables in zip(*(report.tables for report in reports), strict=True)
        ],
        {
            f"{name}_{level:g}": draw
            for level, report in zip(levels, reports, strict=True)
            for name, draw in report.pictures.items()
        },
    )


def print_report(report: Report, console: Console) -> None:
    """Print the tables and the notes."""
    console.print()
    for table in report.printed:
        show(console, table)
    for note in report.notes:
        console.print(Text(note))


def _once(values: tuple[float, ...]) -> tuple[float, ...]:
    """The values of inputs that move together; equal ones once."""
    return values[:1] if len(set(values)) == 1 else values


def _one_way_fields(base: Point) -> tuple[Field, ...]:
    return (
        ("input", "Input", "text", "name"),
        ("label", "Label", "text"),
        ("unit", "Unit", "text"),
        ("basis", "Basis", "text"),
        ("base_value", "Base", "number", lambda row: _once(row.base_values)),
        ("low_value", "Low", "number", lambda row: _once(row.low_values)),
        ("high_value", "High", "number", lambda row: _once(row.high_values)),
        ("nmb_base", "NMB at base", "money", lambda _: base.nmb),
        ("nmb_low", "NMB at low", "money", "low.nmb"),
        ("nmb_high", "NMB at high", "money", "high.nmb"),
        ("swing", "Swing", "money"),
        ("icer_base", "ICER at base", "money", lambda _: base.icer),
        ("icer_low", "ICER at low", "money", "low.icer"),
        ("icer_high", "at high", "money", "high.icer"),
        ("quadrant_low", "Quadrant at low", "text", "low.quadrant"),
        ("quadrant_high", "at high", "text", "high.quadrant"),
        ("optimal_low", "Best at low", "text", lambda row: " = ".join(row.low.optimal)),
        ("optimal_high", "at high", "text", lambda row: " = ".join(row.high.optimal)),
        ("changes_decision", "Decision changes", "figures"),
        ("warning", "Warning", "text"),
    )


LEFT_OUT: tuple[Field, ...] = (("input", "Input", "text", "key"), ("reason", "Reason", "text"))


def one_way_report(found: OneWay, by_icer: bool, currency: str) -> Report:
    """The tornado as a table and a picture, on net benefit or on the ICER."""
    rows = found.by_icer() if by_icer else found.rows
    title = (
        f"One-way analysis of {found.strategy} against {found.comparator} at "
        f"{found.threshold:,.0f} {currency} per QALY; base incremental NMB {money(found.base.nmb)}"
    )
    table = Table.of("one_way", title, rows, _one_way_fields(found.base))
    results = (
        ("icer_low", "icer_high", "quadrant_low", "quadrant_high")
        if by_icer
        else ("nmb_low", "nmb_high", "swing")
    )
    values = ("input", "low_value", "base_value", "high_value")
    moving = [i for i, row in enumerate(rows) if row.swing > 0]
    switches = Column("switches", "Best of all becomes", [_switch(found, row) for row in rows])
    notes = [
        *found.warnings,
        f"{len(found.left_out)} inputs are left out; one_way_left_out.csv says why.",
    ]
    if len(moving) < len(rows):
        still = [row for row in rows if not row.swing > 0]
        notes.append(
            f"{len(still)} inputs do not move this comparison and are in one_way.csv only."
        )
        others = [f"{row.name} ({_switch(found, row)})" for row in still if row.changes_decision]
        if others:
            notes.append(
                f"Of them these change which of all strategies is best: {', '.join(others)}."
            )
    return Report(
        [table.select(*values, *results).plus(switches).take(moving)],
        notes,
        [table, Table.of("one_way_left_out", "Inputs left out", found.left_out, LEFT_OUT)],
        {"tornado": _tornado(found, rows, by_icer, currency)},
    )


def _switch(found: OneWay, row: OneWayRow) -> str:
    """Which strategy takes the place of the best of all, and at which end."""
    ends = {"low": row.low.optimal, "high": row.high.optimal}
    return "; ".join(
        f"{' = '.join(best)} at {end}" for end, best in ends.items() if best != found.base.optimal
    )


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
    pairs = [(i, j) for i in range(len(found.x.ticks)) for j in range(len(found.y.ticks))]
    best = [" = ".join(found.decision(i, j)) for i, j in pairs]
    table = Table.crossed(
        name,
        "The best strategy at every pair of values",
        Column(found.x.name, found.x.name, found.x.ticks.tolist(), "number"),
        Column(found.y.name, found.y.name, found.y.ticks.tolist(), "number"),
        [
            Column("optimal", "Best", best),
            *(
                column(f"nmb_{strategy}", f"NMB, {strategy}", found.nmb[:, :, i], "money")
                for i, strategy in enumerate(found.strategies)
            ),
        ],
    )
    shares = {label: share for label, share in found.shares().items() if share > 0}
    columns = [
        Column("strategy", "Strategy", list(shares)),
        Column("share", "Share of the grid", list(shares.values()), "share"),
    ]
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
        [Table("shares", title, columns)],
        [f"In the base case: {' = '.join(found.base_decision)}. The shares are not probabilities."],
        [table],
        {name: picture},
    )


SWITCHES: tuple[Field, ...] = (
    ("value", "Value", ".6g"),
    ("best_below", "Best below it", "text", lambda switch: " = ".join(switch.before)),
    ("best_above", "Best above it", "text", lambda switch: " = ".join(switch.after)),
    ("nmb_difference", "NMB difference", "number", "difference"),
    ("jump", "Jump", "text"),
)


def threshold_report(found: Threshold) -> Report:
    """Every value at which the decision changes."""
    title = (
        f"{found.name} ({found.unit}): base {found.base:g}, from {found.low:g} to {found.high:g}"
    )
    table = Table.of("threshold", title, found.switches, SWITCHES)
    printed = [table.select("value", "best_below", "best_above")] if len(table) else []
    notes = ([] if printed else [title]) + list(found.sentences())
    return Report(printed, notes, [table])


PRICES: tuple[Field, ...] = (
    ("threshold", "Threshold", "money"),
    ("strategy", "Strategy", "text"),
    ("against", "Against", "text", lambda row: " ".join(row.against)),
    ("price", "Highest price", "cents"),
    ("discount", "Discount", "share"),
    ("nmb_base", "NMB at the base price", "money"),
    ("nmb_free", "NMB at price 0", "money"),
    ("lowest", "Lowest price", "cents"),
    ("limit", "Limit", "text"),
    ("linear", "Linear", "text"),
    ("explanation", "Meaning", "text"),
)


def price_report(rows: Sequence[PriceRow]) -> Report:
    """The highest price worth paying at each threshold."""
    table = Table.of("price", f"Value-based price of {rows[0].strategy}", rows, PRICES)
    against = ["all others" if len(row.against) > 1 else row.against[0] for row in rows]
    prices = ["none" if row.price is None else f"{row.price:,.2f}" for row in rows]
    printed = table.select("threshold", "against", "price", "discount", "explanation").plus(
        Column("against", "Against", against), Column("price", "Highest price", prices, "figures")
    )
    return Report([printed], tables=[table])


def _interval(name: str, label: str) -> tuple[Field, ...]:
    """An index with its interval: one text for readers, three columns in files."""
    return (
        (name, label, "number", f"{name}.value"),
        (f"{name}_low", f"{label}, low", "number", f"{name}.low"),
        (f"{name}_high", f"{label}, high", "number", f"{name}.high"),
    )


FACTOR: tuple[Field, ...] = (
    ("quantity", "Quantity", "text", lambda row: str(row.quantity)),
    ("factor", "Factor", "text", "factor.name"),
)
SOBOL: tuple[Field, ...] = (
    *FACTOR,
    *_interval("first", "First order"),
    *_interval("total", "Total order"),
)
SOBOL_CONVERGENCE: tuple[Field, ...] = (
    *FACTOR,
    ("size", "Size", ",d"),
    ("first", "First order", "number", "first.value"),
    ("first_half_width", "Half width", "number", "first.half_width"),
    ("total", "Total order", "number", "total.value"),
    ("total_half_width", "Half width", "number", "total.half_width"),
)
SOBOL_PAIRS: tuple[Field, ...] = (
    ("quantity", "Quantity", "text", lambda row: str(row.quantity)),
    ("factor", "Factor", "text", lambda pair: pair.factors[0].name),
    ("other_factor", "Other factor", "text", lambda pair: pair.factors[1].name),
    ("second", "Second order", "number", "second.value"),
    ("half_width", "Half width", "number", "second.half_width"),
)
SOBOL_SCREEN: tuple[Field, ...] = (
    FACTOR[1],
    ("first", "First order", "text", lambda row: str(row.first)),
    ("total", "Total order", "text", lambda row: str(row.total)),
)


def sobol_report(found: Sobol, pair: tuple[str, str]) -> Report:
    """Shares of the variance by factor, with intervals, and how they converge.

    Args:
        found: the analysis.
        pair: the strategy whose results are printed, and what it is compared with.
    """
    tables = [
        Table.of("sobol", "Sobol indices", found.rows, SOBOL),
        Table.of(
            "sobol_convergence", "Sobol indices by size", found.convergence, SOBOL_CONVERGENCE
        ),
    ]
    notes = [*found.notes, f"{found.runs:,} model runs."]
    if found.pairs:
        tables.append(Table.of("sobol_pairs", "Pairs of factors", found.pairs, SOBOL_PAIRS))
        notes.append("Pairs are in sobol_pairs.csv.")
    rows = [row for row in _of_pair(found.rows, pair) if row.total.different]
    printed = _by_quantity("Sobol indices", rows, SOBOL_SCREEN, pair)
    notes.append(_rest(len(found.rows), printed, "sobol.csv"))
    return Report(printed, notes, tables)


MORRIS: tuple[Field, ...] = (
    *FACTOR,
    *_interval("mu_star", "mu*"),
    ("mu", "mu", "number"),
    ("sigma", "sigma", "number"),
)
MORRIS_SCREEN: tuple[Field, ...] = (
    FACTOR[1],
    ("mu_star", "mu*", "text", lambda row: str(row.mu_star)),
    *MORRIS[-2:],
)


def morris_report(found: Morris, pair: tuple[str, str]) -> Report:
    """Elementary effects by factor; see ``sobol_report``."""
    rows = _of_pair(found.rows, pair)
    near = replace(found, rows=tuple(rows)).influential()
    rows = [row for row in rows if row.mu_star.value > 0]
    printed = _by_quantity("Morris screening", rows, MORRIS_SCREEN, pair)
    notes = [
        *found.notes,
        f"Worth a closer look: {', '.join(near)}." if near else "No factor moves these results.",
        f"{found.runs:,} model runs.",
        _rest(len(found.rows), printed, "morris.csv"),
    ]
    return Report(
        printed,
        notes,
        [Table.of("morris", "Elementary effects", found.rows, MORRIS)],
    )


R = TypeVar("R", SobolRow, MorrisRow)


def _of_pair(rows: Sequence[R], pair: tuple[str, str]) -> list[R]:
    """The rows of a strategy, of net benefit at the first threshold only."""
    first = next((row.quantity.threshold for row in rows if row.quantity.threshold), None)
    shown = (None, first)
    return [
        row for row in rows if row.quantity.strategy == pair[0] and row.quantity.threshold in shown
    ]


def _by_quantity(
    title: str, rows: Sequence[R], fields: Sequence[Field], pair: tuple[str, str]
) -> list[Table]:
    """A table for the screen for each quantity, of the factors that matter most."""
    found: dict[str, list[R]] = {}
    for row in rows:
        against = f" v {pair[1]}" if row.quantity.name.startswith("incremental") else ""
        found.setdefault(f"{row.quantity}{against}", []).append(row)
    return [
        Table.of(name, f"{title}: {name}", of[:SHOWN_FACTORS], fields) for name, of in found.items()
    ]


def _rest(rows: int, printed: Sequence[Table], file: str) -> str:
    return f"{sum(map(len, printed))} of {rows:,} rows are shown; all are in {file}."


EVPPI: tuple[Field, ...] = (
    ("parameters", "Known exactly", "text", lambda row: ", ".join(row.parameters)),
    ("threshold", "Willingness to pay", "money"),
    ("evppi", "EVPPI", "cents", "value"),
    ("standard_error", "Standard error", "cents"),
    ("bias", "Bias", "cents"),
    ("evpi", "EVPI", "cents"),
    ("method", "Method", "text"),
    (
        "r_squared",
        "R squared",
        "number",
        lambda row: (
            float(np.mean([d.r_squared for d in row.diagnostics])) if row.diagnostics else None
        ),
    ),
    (
        "edf",
        "Degrees of freedom",
        "number",
        lambda row: float(np.max([d.edf for d in row.diagnostics])) if row.diagnostics else None,
    ),
    ("doubtful", "Doubtful", "text"),
)


def evppi_report(found: Sequence[Evppi], population: float | None, currency: str) -> Report:
    """What knowing each parameter, or group, exactly would be worth."""
    total: Field = (
        "population",
        "Population",
        "money",
        lambda row: None if population is None else row.population(population)[0],
    )
    singles = [row for row in found if len(row.parameters) == 1 and row.value > 0]
    shown = [row for row in found if len(row.parameters) > 1 or row in singles[:SHOWN]]
    title = (
        f"EVPPI per person at {found[0].threshold:,.0f} {currency} per QALY "
        f"(EVPI {found[0].evpi:,.2f})"
        if found
        else "EVPPI"
    )
    notes = list(violations(found))
    if len(shown) < len(found):
        notes.append(f"{len(found) - len(shown)} more inputs, worth less, are in evppi.csv.")
    fit: Field = ("fit", "Fit", "text", lambda row: "doubtful" if row.doubtful else "good")
    screen = (EVPPI[0], *EVPPI[2:5], fit, *([] if population is None else [total]))
    return Report(
        [Table.of("evppi", title, shown, screen)] if shown else [],
        notes if shown else [title, _nothing_learnt(found[0]), *notes],
        [Table.of("evppi", title, found, (*EVPPI, total))],
    )


def _nothing_learnt(found: Evppi) -> str:
    if found.evpi == 0:
        return "One strategy is the best in every draw: no input is worth knowing exactly."
    return "No single input changes the decision: only several together are worth knowing exactly."


EVSI: tuple[Field, ...] = (
    ("trial", "Trial", "text"),
    ("n_per_arm", "n per arm", "d", "n"),
    ("people", "People", ",d"),
    ("threshold", "Willingness to pay", "money"),
    ("evsi", "EVSI", "cents", "value"),
    ("standard_error", "Standard error", "cents"),
    ("bias", "Bias", "cents"),
    ("evppi", "EVPPI", "cents"),
    ("evppi_error", "Its error", "cents"),
    ("method", "Method", "text"),
)


def evsi_report(found: Sequence[Evsi], net: Sequence[NetBenefit], currency: str) -> Report:
    """What a trial would be worth at each size, and the size worth most."""
    by_size = {row.n: row for row in net}

    def at(amount: str) -> Callable[[Evsi], float | None]:
        return lambda row: getattr(by_size[row.n], amount) if net else None

    money_columns: tuple[Field, ...] = (
        ("population_value", "Population", "money", at("value")),
        ("cost", "Cost", "money", at("cost")),
        ("enbs", "ENBS", "money", at("enbs")),
    )
    notes = [
        f"With {row.n} per arm the study seems worth more than perfect knowledge: use more draws."
        for row in found
        if row.contradicts
    ]
    if any(row.evppi < row.value and not row.contradicts for row in found):
        notes.append("An EVSI above the EVPPI is noise: no trial is worth more than knowing.")
    noise = [row.n for row in found if row.noise]
    if len(noise) == len(found):
        notes.append("Not different from zero at any size: this trial cannot change the decision.")
    elif noise:
        notes.append(f"Not different from zero with {', '.join(map(str, noise))} per arm.")
    if net and len(noise) < len(found):
        best = best_size(net)
        notes.append(
            "No size is worth its cost."
            if best is None
            else f"Best size: {best.n} per arm, expected net benefit {money(best.enbs)} {currency} "
            f"(standard error {money(best.standard_error)})."
        )
    title = f"{found[0].trial}, per person at {found[0].threshold:,.0f} {currency} per QALY"
    table = Table.of("evsi", title, found, (*EVSI, *money_columns))
    screen = ["n_per_arm", "evsi", "standard_error", "evppi", "evppi_error"]
    screen += [name for name, *_ in money_columns] if net else []
    return Report([table.select(*screen)], notes, [table])
