"""What sobol and morris print and write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from heecon.analysis.morris import Morris, MorrisRow
from heecon.analysis.sobol import Sobol, SobolRow
from heecon.report.report import Report
from heecon.table import Field, Table

SHOWN_FACTORS = 15
"""Factors that a table on the screen lists at most."""


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
