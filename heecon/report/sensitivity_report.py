"""What one-way, two-way, threshold and price print and write: a table first, a picture second."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from heecon import plot
from heecon.analysis.ceac import column
from heecon.analysis.one_way import OneWay, OneWayRow, Point
from heecon.analysis.price import PriceRow
from heecon.analysis.threshold import Threshold
from heecon.analysis.two_way import TwoWay
from heecon.report.console import money
from heecon.report.report import Report
from heecon.table import Column, Field, Table


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
