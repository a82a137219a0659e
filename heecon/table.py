"""A named table of columns: what analyses return, and what every reader is shown.

Files and programs see the columns' names, people their labels; a missing value is None.
"""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {
    "money": ",.0f",
    "cents": ",.2f",
    "qaly": ".4f",
    "qaly_change": "+.5f",
    "share": ".1%",
    "probability": ".3f",
    "number": ".4g",
}
"""How numbers are written for people, by the name of a column's format."""

WORDS = {"text", "figures", "mark"}
"""Formats of text: words that may wrap, text that stands like a number, a star for True."""

LINES, LINE, CELL = 10, 140, 24
"""What ``repr`` shows at most: lines, characters of a line, characters of a cell."""

HTML_ROWS = 100
"""Rows a notebook shows at most."""

_SPECIAL = re.compile(r"([\\`*\[\]<>&|~#$!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*%?( \([+-][0-9][0-9.,]*\))?")

Interval = tuple[float, float, float]
"""A value with the two ends of its interval."""

Field = tuple[str, str, str] | tuple[str, str, str, str | Callable[..., object]]
"""A column of rows to come: name, label, format and, unless it is called like the column, the
attribute of a row that holds its value ("low.nmb") or a function of the row."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: in files and programs: lower case, underscores.
        label: what readers see above it.
        values: a value for every row: text, number, yes or no, None; a tuple of several numbers.
        format: of FORMATS, of WORDS, or a format specification of Python.
        interval: whether a value is (value, low, high); files have three columns of it.
    """

    name: str
    label: str
    values: Sequence[object]
    format: str = "text"
    interval: bool = False

    def __post_init__(self) -> None:
        """Freeze the values; one of an enumeration becomes its text."""
        plain = tuple(str(value) if isinstance(value, Enum) else value for value in self.values)
        object.__setattr__(self, "values", plain)

    @property
    def words(self) -> bool:
        """Whether the column is text that wraps and stands at the left."""
        return self.format == "text"

    @property
    def cells(self) -> tuple[str, ...]:
        """The values as readers see them."""
        how = FORMATS.get(self.format, self.format)
        if self.format == "money" and self._small:
            how = FORMATS["cents"]
        return tuple(self._cell(value, how) for value in self.values)

    @property
    def _small(self) -> bool:
        """Whether amounts of money are all below 100, and some are no whole numbers."""
        amounts = [value for value in self.values if isinstance(value, int | float)]
        return all(abs(v) < 100 for v in amounts) and any(v != round(v) for v in amounts)

    def flat(self) -> list[Column]:
        """The columns of single values that files have: three for an interval."""
        if not self.interval:
            return [self]
        parts = [value if isinstance(value, tuple) else (None,) * 3 for value in self.values]
        return [
            replace(self, name=f"{self.name}{end}", values=[p[i] for p in parts], interval=False)
            for i, end in enumerate(("", "_low", "_high"))
        ]

    def _cell(self, value: object, how: str) -> str:
        if value is None:
            return ""
        if isinstance(value, tuple):
            cells = [self._cell(part, how) for part in value]
            return "{} ({} to {})".format(*cells) if self.interval else "; ".join(cells)
        if self.format == "mark":
            return "*" if value else ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float) and self.format not in WORDS:
            shown = format(value, how)
            return shown if re.search("[^-0.,]", shown) else shown.removeprefix("-")
        return str(value)


@dataclass(frozen=True, repr=False)
class Table:
    """A table.

    Attributes:
        name: of the file it becomes, without the ending.
        title: what stands above it.
        columns: all of one length; the first says what a row is about.
    """

    name: str
    title: str
    columns: Sequence[Column]

    def __post_init__(self) -> None:
        """Freeze the columns.

        Raises:
            ValueError: they differ in length, which is a mistake of the caller.
        """
        object.__setattr__(self, "columns", tuple(self.columns))
        lengths = {len(column.values) for column in self.columns}
        if len(lengths) > 1:
            raise ValueError(f"columns of table {self.name} differ in length: {lengths}")

    @classmethod
    def of(cls, name: str, title: str, rows: Iterable[object], fields: Sequence[Field]) -> Table:
        """A table of objects, a row each.

        Args:
            name: of the table.
            title: of the table.
            rows: the objects; None leaves a row empty.
            fields: what its columns are called and where their values are found.
        """
        kept = list(rows)
        columns = []
        for column, label, how, *source in fields:
            found = source[0] if source else column
            get = attrgetter(found) if isinstance(found, str) else found
            columns.append(
                Column(column, label, [None if row is None else get(row) for row in kept], how)
            )
        return cls(name, title, columns)

    @classmethod
    def listed(
        cls,
        name: str,
        title: str,
        rows: Iterable[Sequence[object]],
        heads: Sequence[tuple[str, str, str]],
    ) -> Table:
        """A table of rows of values.

        Args:
            name: of the table.
            title: of the table.
            rows: the values of each row, in the order of the columns.
            heads: the columns: name, label, format.
        """
        cells = list(zip(*rows, strict=True)) or [()] * len(heads)
        pairs = zip(heads, cells, strict=True)
        return cls(name, title, [Column(key, label, v, how) for (key, label, how), v in pairs])

    @classmethod
    def crossed(
        cls, name: str, title: str, outer: Column, inner: Column, others: Sequence[Column]
    ) -> Table:
        """A long table: for each value of one column, a row each value of another.

        Args:
            name: of the table.
            title: of the table.
            outer: the first column, whose values change slowest.
            inner: the second column.
            others: further columns, with a value for every row, or for each value of ``outer``.
        """
        rows = len(outer.values) * len(inner.values)

        def spread(column: Column) -> Column:
            if len(column.values) == rows:
                return column
            values = [value for value in column.values for _ in inner.values]
            return replace(column, values=values)

        second = replace(inner, values=list(inner.values) * len(outer.values))
        return cls(name, title, [spread(outer), second, *map(spread, others)])

    @classmethod
    def stacked(cls, tables: Sequence[Table], by: Column) -> Table:
        """Tables of the same columns as one; tables that are all equal are one of them.

        Args:
            tables: one or more.
            by: what tells them apart, a value a table; stands first unless they have such a column.
        """
        first = tables[0]
        if all(table == first for table in tables):
            return first
        marks = [value for t, value in zip(tables, by.values, strict=True) for _ in range(len(t))]
        columns = [
            replace(column, values=[value for table in tables for value in table[column.name]])
            for column in first.columns
        ]
        if by.name not in {column.name for column in columns}:
            columns.insert(0, replace(by, values=marks))
        return replace(first, columns=columns)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.columns[0].values) if self.columns else 0

    def __getitem__(self, name: str) -> Sequence[Any]:
        """The values of a column."""
        return self.column(name).values

    def column(self, name: str) -> Column:
        """A column by its name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name!r}")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as tuples."""
        return list(zip(*(column.values for column in self.columns), strict=True))

    def select(self, *names: str) -> Table:
        """The table with these columns only, in this order."""
        return replace(self, columns=[self.column(name) for name in names])

    def where(self, **values: object) -> Table:
        """The rows in which columns have these values."""
        wanted = [(self[name], value) for name, value in values.items()]
        kept = [i for i in range(len(self)) if all(column[i] == value for column, value in wanted)]
        return self.take(kept)

    def take(self, places: Iterable[int]) -> Table:
        """The rows at these places, counted from 0."""
        kept = list(places)
        columns = [replace(c, values=[c.values[i] for i in kept]) for c in self.columns]
        return replace(self, columns=columns)

    def plus(self, *columns: Column) -> Table:
        """The table with further columns, each at the place of one of its name, else at the end."""
        found = {column.name: column for column in (*self.columns, *columns)}
        return replace(self, columns=list(found.values()))

    def titled(self, title: str) -> Table:
        """The table under another title."""
        return replace(self, title=title)

    def flat(self) -> list[Column]:
        """The columns files have: three for an interval."""
        return [part for column in self.columns for part in column.flat()]

    def to_csv(self) -> str:
        """CSV text; numbers keep every digit, text can never become a formula."""
        columns = self.flat()
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([inert(column.name) for column in columns])
        cells = [[_plain(value) for value in column.values] for column in columns]
        writer.writerows(zip(*cells, strict=True))
        return buffer.getvalue()

    def to_records(self) -> list[dict[str, object]]:
        """A dictionary a row, for JSON; a number that is not finite becomes None."""
        columns = self.flat()
        return [
            {column.name: _finite(column.values[row]) for column in columns}
            for row in range(len(self))
        ]

    def to_pandas(self) -> pd.DataFrame:
        """A data frame with the columns of the CSV file; values as they are."""
        import pandas  # noqa: PLC0415  (half a second; only for those who want frames)

        return pandas.DataFrame({column.name: column.values for column in self.flat()})

    def to_markdown(self) -> str:
        """Markdown without the title; text stays text, see ``escaped``."""
        rules = ["---" if column.words else "--:" for column in self.columns]
        lines = [[escaped(column.label) for column in self.columns]]
        cells = zip(*(column.cells for column in self.columns), strict=True)
        lines += [[escaped(cell) for cell in row] for row in cells]
        head, *rest = [f"| {' | '.join(line)} |" for line in lines]
        return "\n".join([head, f"|{'|'.join(rules)}|", *rest]) + "\n"

    def _repr_html_(self) -> str:
        """A table for a notebook; all text is escaped."""
        heads = "".join(
            f'<th style="text-align:{_side(column)}">{html.escape(column.label)}</th>'
            for column in self.columns
        )
        cells = [column.cells[:HTML_ROWS] for column in self.columns]
        rows = "".join(
            f"<tr>{''.join(map(_html_cell, self.columns, row))}</tr>"
            for row in zip(*cells, strict=True)
        )
        more = len(self) - HTML_ROWS
        note = f"<p>... and {more:,} more rows</p>" if more > 0 else ""
        caption = f"<caption>{html.escape(self.title)}</caption>"
        return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{note}"

    def __repr__(self) -> str:
        """The title and the first rows, at most ten short lines."""
        shown = min(len(self), LINES - 3 if len(self) > LINES - 2 else LINES - 2)
        columns = []
        for column in self.columns:
            texts = [_cut(text, CELL) for text in (column.label, *column.cells[:shown])]
            width = max(map(len, texts))
            columns.append([t.ljust(width) if column.words else t.rjust(width) for t in texts])
        lines = [self.title or self.name]
        lines += ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
        if shown < len(self):
            lines.append(f"... and {len(self) - shown:,} more rows")
        return "\n".join(_cut(line, LINE) for line in lines)


def inert(text: str) -> str:
    """Text a spreadsheet shows as it is: a leading =, +, -, @ or control character is quoted."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def escaped(text: str) -> str:
    """One line of text as Markdown that shows exactly it.

    Line breaks become spaces, invisible characters question marks. A leading ``=``, ``+``, ``-``
    or ``@`` gets a backslash, which Markdown drops and which keeps a spreadsheet from reading a
    formula into it; numbers stay as they are.
    """
    line = " ".join(text.split())
    if _NUMBER.fullmatch(line):
        return line
    line = _SPECIAL.sub(r"\\\1", _printable(line))
    return f"\\{line}" if line[:1] in {"=", "+", "-", "@"} else line


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in line)


def _plain(value: object) -> object:
    """A value as the CSV writer takes it."""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    if isinstance(value, tuple):
        return "; ".join(f"{number:.17g}" for number in value)
    return inert(value) if isinstance(value, str) else value


def _finite(value: object) -> object:
    if isinstance(value, tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cut(text: str, width: int) -> str:
    line = _printable(" ".join(text.split(" ")))
    return line if len(line) <= width else f"{line[: width - 3]}..."


def _side(column: Column) -> str:
    return "left" if column.words else "right"


def _html_cell(column: Column, cell: str) -> str:
    return f'<td style="text-align:{_side(column)}">{html.escape(cell)}</td>'
