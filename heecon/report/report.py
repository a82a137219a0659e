"""What an analysis prints, writes and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from heecon import plot
from heecon.report.console import show
from heecon.table import Column, Table


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
