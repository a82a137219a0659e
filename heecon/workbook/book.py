"""A workbook as plain data: sheets of cells, every formula beside the value Python has for it.

The value is what heecon's engine gives, not what a spreadsheet would: it is written into the file
as the cell's cached result, so that a viewer that does not calculate shows it, and a program that
does can be compared with it, cell for cell.

Rows and columns are counted from 1, as spreadsheets count them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from heecon.arrays import Floats
from heecon.model.bounds import ANY, Limits, range_words
from heecon.workbook.address import letters, quoted
from heecon.workbook.live import (
    Live,
    absolute,
    area,
    compare,
    largest,
    live,
    numbers,
    total,
)

if TYPE_CHECKING:
    from openpyxl.chart._chart import ChartBase

Value = float | int | str | bool | None

Kind = Literal[
    "title",
    "heading",
    "header",
    "text",
    "wrap",
    "note",
    "input",
    "data",
    "stored",
    "calc",
    "result",
    "word",
    "check",
    "warning",
    "link",
]
"""What a cell is, which decides how it looks: see ``styles.KINDS``."""


@dataclass(frozen=True)
class Style:
    """How a cell looks: what it is, and how its number is written."""

    kind: Kind
    format: str = "General"


TITLE, HEADING, HEADER = Style("title"), Style("heading"), Style("header")
TEXT, WRAP, NOTE, LINK = Style("text"), Style("wrap"), Style("note"), Style("link")

NOT_COMPARED = "not compared"
"""Stands above the results of a strategy that the control sheet leaves out."""

WHOLE, MONEY, SHARE = "#,##0", "#,##0.00", "0.000000"
QALY, PLAIN, PERCENT = "#,##0.00000", "General", "0.0%"


@dataclass(frozen=True)
class Cell:
    """A constant, or a formula with its value."""

    value: Value
    style: Style
    formula: str = ""


@dataclass(frozen=True)
class Run:
    """A stretch of a column: one formula all the way down, or plain numbers.

    Attributes:
        column: its column.
        first: its first row.
        template: the formula; ``{r}`` stands for the row, ``{p}`` for the one before and ``{n}``
            for the one after. Empty for plain numbers.
        values: one value a row; NaN is an error value.
        style: of every cell.
    """

    column: int
    first: int
    template: str
    values: Floats
    style: Style

    def formula(self, row: int) -> str:
        """The formula in one of its rows."""
        return at_row(self.template, row)


ROW_MARKS = (("{r}", 0), ("{p}", -1), ("{n}", 1))
"""What stands for the row in a template, and how far the row it means lies away."""


def at_row(template: str, row: int) -> str:
    """A formula template in a row."""
    for mark, step in ROW_MARKS:
        template = template.replace(mark, str(row + step))
    return template


@dataclass(frozen=True)
class Choice:
    """What may be typed into a range: one of a list, or a number.

    Attributes:
        range: such as ``C5:C9``.
        options: a range that holds the options, a list in quotes, or empty for any number.
        message: shown when the cell is chosen.
        limits: the least and the largest number.
        doubtful: whether a number beyond them is asked about, and not refused.
    """

    range: str
    options: str = ""
    message: str = ""
    limits: Limits = ANY
    doubtful: bool = False


def within(limits: Limits) -> str:
    """Limits in words, after "a number"; nothing where there are none."""
    return "" if limits == ANY else f" that is {range_words(limits)}"


@dataclass(frozen=True)
class AnchoredChart:
    """A chart and the cell its upper left corner lies in."""

    chart: ChartBase
    anchor: str


@dataclass(frozen=True)
class Strip:
    """A column in which row r is the same cycle, or draw, as in its neighbours.

    Attributes:
        sheet: its sheet.
        column: counted from 1.
        first: row of the first value.
        values: one a row; 0 where the column has no cell.
    """

    sheet: str
    column: int
    first: int
    values: Floats

    def _cell(self, mark: str, values: Any) -> Live:
        return Live(f"{quoted(self.sheet)}!${letters(self.column)}{mark}", values)

    @property
    def here(self) -> Live:
        """Its cell in the row of the formula."""
        return self._cell("{r}", self.values)

    @property
    def before(self) -> Live:
        """Its cell in the row before."""
        return self._cell("{p}", np.append(0.0, self.values[:-1]))

    @property
    def after(self) -> Live:
        """Its cell in the row after."""
        return self._cell("{n}", np.append(self.values[1:], 0.0))

    def at(self, row: int) -> Live:
        """Its cell in one row."""
        inside = 0 <= row - self.first < len(self.values)
        return self._cell(f"${row}", self.values[row - self.first] if inside else 0.0)

    def range(self, count: int = 0) -> Live:
        """All its cells, or the first few."""
        shown = self.values[: count or len(self.values)]
        letter = letters(self.column)
        text = (
            f"{quoted(self.sheet)}!${letter}${self.first}:${letter}${self.first + len(shown) - 1}"
        )
        return Live(text, shown, True)


@dataclass
class Sheet:
    """One sheet, filled cell by cell.

    Attributes:
        name: letters, digits and underscores, so that formulas need no quotes.
        purpose: one sentence for the cover.
        cells: by row, then column.
        runs: long columns.
        widths: characters, by column.
        heights: points, by row; others are the program's own.
        freeze: the first cell that scrolls.
        choices: data validation.
        status_cells: ranges whose words OK and FAIL are coloured.
        faded: ranges of columns that are grey where their cell in a row says ``NOT_COMPARED``.
        charts: real charts.
        print_rows: rows repeated on every printed page, such as "1:8".
        print_columns: columns repeated likewise, such as "A:C".
        landscape: whether pages lie on their side.
        wide: too wide for a page: columns go on on further pages.
        print_area: what is printed, such as "A1:K60"; empty for everything.
        breaks: rows after which a new printed page begins.
        links: cell -> place in the workbook a click leads to.
    """

    name: str
    purpose: str
    cells: dict[int, dict[int, Cell]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    widths: Mapping[int, float] = field(default_factory=dict)
    heights: dict[int, float] = field(default_factory=dict)
    freeze: str = ""
    choices: list[Choice] = field(default_factory=list)
    status_cells: list[str] = field(default_factory=list)
    faded: list[tuple[str, int]] = field(default_factory=list)
    charts: list[AnchoredChart] = field(default_factory=list)
    print_rows: str = ""
    print_columns: str = ""
    landscape: bool = True
    wide: bool = False
    print_area: str = ""
    breaks: list[int] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    def head(self, title: str, *notes: str) -> None:
        """The title of the sheet, and what a reader should know below it."""
        self.put(1, 1, title, TITLE)
        for row, note in enumerate(notes, start=2):
            self.put(row, 1, note, NOTE)

    def put(self, row: int, column: int, value: Value, style: Style = TEXT) -> Live:
        """A constant. Text stays text, whatever it begins with. Returns a reference to it."""
        if style in (TITLE, HEADING):
            self.heights.setdefault(row, 24.0 if style == TITLE else 18.0)
        self.cells.setdefault(row, {})[column] = Cell(value, style)
        return self.cell(row, column)

    def across(
        self, row: int, column: int, values: Iterable[Value], style: Style = HEADER
    ) -> list[Live]:
        """Constants beside each other."""
        return [self.put(row, place, value, style) for place, value in enumerate(values, column)]

    def show(self, row: int, column: int, formula: Live, style: Style, value: Value = None) -> Live:
        """A formula, and in the file the value it has. Returns a reference to its cell.

        Args:
            row: of the cell.
            column: of the cell.
            formula: with its own value.
            style: how it looks.
            value: the engine's value, if it has one: the formula's own must equal it.

        Raises:
            FormulaDriftError: it does not.
        """
        if value is None:
            value = plain(formula.value)
        else:
            compare(formula, value, f"{self.name}!{letters(column)}{row}")
        self.cells.setdefault(row, {})[column] = Cell(value, style, self._local(formula.text))
        return self.cell(row, column)

    def cell(self, row: int, column: int) -> Live:
        """A reference to a cell that was filled before; one without a value equals no text."""
        value = self.cells[row][column].value
        text = f"{self._prefix}${letters(column)}${row}"
        return Live(text, "" if value is None else value)

    def column(self, row: int, column: int, count: int) -> Live:
        """Cells below each other, also those that hold nothing."""
        found = []
        for line in range(row, row + count):
            cell = self.cells.get(line, {}).get(column)
            value = "" if cell is None or cell.value is None else cell.value
            found.append(Live(f"{self._prefix}${letters(column)}${line}", value))
        return area(found)

    def seal(self, row: int, distance: int, column: int, cells: Live) -> Live:
        """Store the sum of a column in a row; shows in another how far the live sum is from it."""
        value = float(np.sum(np.nan_to_num(numbers(cells.value))))
        stored = self.put(row, column, value, Style("stored"))
        formula = absolute(total(cells) - stored) / largest(1, absolute(stored))
        return self.show(distance, column, formula, Style("calc"))

    def run(self, strip: Strip, formula: Live, style: Style, rows: slice = slice(None)) -> None:
        """One formula all the way down a column that was planned.

        Args:
            strip: the column, with the values that go into the file.
            formula: with its own value in every row, which must be the column's.
            style: how it looks.
            rows: which of the column's rows have a cell.

        Raises:
            FormulaDriftError: a value differs.
        """
        values = strip.values[rows]
        if formula.value is not strip.values:
            own = np.broadcast_to(numbers(formula.value), strip.values.shape)[rows]
            compare(formula.with_value(own), values, f"{self.name}!{letters(strip.column)}")
        first = strip.first + (rows.start or 0)
        self.runs.append(Run(strip.column, first, self._local(formula.text), values, style))

    @cached_property
    def _prefix(self) -> str:
        return f"{quoted(self.name)}!"

    @cached_property
    def _own(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![A-Za-z0-9_.'])({re.escape(self._prefix)})")

    def _local(self, text: str) -> str:
        """A formula without the name of the sheet in references to the sheet itself."""
        return self._own.sub("", text) if self._prefix in text else text

    def numbers(
        self, first: int, column: int, values: Sequence[float] | Floats, style: Style
    ) -> Strip:
        """Plain numbers all the way down."""
        strip = Strip(self.name, column, first, np.asarray(values, dtype=float))
        self.runs.append(Run(column, first, "", strip.values, style))
        return strip

    def reference(self, row: int, column: int, *, rows: int = 1, columns: int = 1) -> str:
        """Absolute address of a cell or range, as formulas of other sheets write it."""
        start = f"${letters(column)}${row}"
        end = f"${letters(column + columns - 1)}${row + rows - 1}"
        return f"{quoted(self.name)}!{start}" + ("" if start == end else f":{end}")


@dataclass
class Book:
    """A workbook.

    Attributes:
        title: for the file's properties.
        sheets: in the order of the tabs.
        names: defined names and what they stand for.
        constants: numbers formulas use, by name; ``constant`` registers them.
        named: the cells and areas behind defined names, as formulas use them.
    """

    title: str
    sheets: list[Sheet] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    named: dict[str, Live] = field(default_factory=dict)

    def sheet(self, name: str, purpose: str) -> Sheet:
        """Add a sheet."""
        sheet = Sheet(name, purpose)
        self.sheets.append(sheet)
        return sheet

    def name(self, name: str, cells: Live) -> Live:
        """Give cells a name. Formulas say the name."""
        self.names[name] = cells.text
        self.named[name] = Live(name, cells.value, cells.area)
        return self.named[name]

    def constant(self, value: float) -> Live:
        """The cell that holds a number: formulas hold none themselves but 0 and 1."""
        if value in (0.0, 1.0):
            return live(value)
        text = f"{value:.17g}" if float(f"{value:.15g}") != value else f"{value:.15g}"
        # A name may hold letters, digits, dots and underscores only.
        name = f"const_{text.replace('-', 'm').replace('+', '')}"
        self.constants[name] = value
        return Live(name, value)


def plain(value: Any) -> Value:
    """A value of a formula as a cell holds it."""
    found = value.item() if isinstance(value, np.ndarray | np.generic) else value
    return float(found) if isinstance(found, int) and not isinstance(found, bool) else found
