"""Tables on the screen: columns that wrap or follow below, and how numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

TEXT_WIDTH = 30
"""Columns of words may be wrapped to this width."""


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


def print_warnings(warnings: Sequence[str], console: Console) -> None:
    """Print complaints that did not stop the run."""
    for warning in warnings:
        console.print(Text.assemble(("Warning: ", "bold yellow"), warning))


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
