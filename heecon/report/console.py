"""Tables on the screen: columns that wrap or follow below, and how numbers are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from heecon.table import Column, Table

TEXT_WIDTH = 30
"""Columns of words may be wrapped to this width."""


def print_warnings(warnings: Sequence[str], console: Console) -> None:
    """Print complaints that did not stop the run."""
    for warning in warnings:
        console.print(Text.assemble(("Warning: ", "bold yellow"), warning))


def show(console: Console, table: Table) -> None:
    """Print a table; columns that do not fit beside the others follow in a table of their own.

    The first column names the rows: it is never wrapped, and stands before each group of others.
    """
    first, *others = table.columns
    labels = first.cells
    room = console.width - max(map(len, labels), default=0) - 4
    groups: list[list[Column]] = [[]]
    for column in others:
        used = sum(_width(other) for other in groups[-1])
        if groups[-1] and used + _width(column) > room:
            groups.append([])
        groups[-1].append(column)
    for number, group in enumerate(groups):
        console.print(Text(table.title + (" (continued)" if number else ""), style="bold"))
        grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
        grid.add_column(Text(first.label), no_wrap=True)
        for column in group:
            if column.words:
                grid.add_column(Text(column.label), overflow="fold")
            else:
                grid.add_column(Text(column.label), justify="right", width=_width(column) - 3)
        for label, *cells in zip(labels, *(column.cells for column in group), strict=True):
            grid.add_row(Text(label), *(Text(cell) for cell in cells))
        console.print(grid)


def across(
    title: str,
    first: Column,
    names: Iterable[str],
    values: Mapping[tuple[str, str], object],
    how: str,
) -> Table:
    """A table of one result: a column for each name in which the rows have something to say.

    Args:
        title: of the table.
        first: what the rows are about.
        names: of the other columns.
        values: by row and name; empty where there is none.
        how: format of the values.
    """
    columns = [Column(n, n, [values.get((row, n)) for row in first.cells], how) for n in names]
    return Table("across", title, [first, *(c for c in columns if any(c.cells))])


def _width(column: Column) -> int:
    """Characters the column needs, with the gap to the next one."""
    cells = max((len(cell) for cell in column.cells), default=0)
    needed = min(cells, TEXT_WIDTH) if column.words else cells
    return max([needed, *map(len, column.label.split())]) + 3


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
