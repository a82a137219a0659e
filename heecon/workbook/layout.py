"""Where things stand that formulas of other sheets refer to, and how names become references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from heecon.language import ExcelTable, Tree, to_excel
from heecon.workbook.address import letters, sheet_names
from heecon.workbook.book import Book
from heecon.workbook.case import WorkbookInput

INPUTS, VALUES, SCENARIO_INPUTS, TABLES, TIMELINE = (
    "Inputs",
    "Values",
    "Scenario_inputs",
    "Tables",
    "Timeline",
)

HEADER = 6
"""Row of the header on sheets with a list."""

FIRST = 9
"""Row of cycle 0 on the timeline and on every trace: the same row is the same cycle everywhere."""

TABLE_FIRST = 5
"""First row of the numbers on the sheet of tables."""

ABSENT = "none"
"""Stands where a scenario has no value: an empty cell would read as 0."""

TOLERANCE = 1e-9
"""Distance within which ages and horizons count as reached, as in the engine."""


@dataclass(frozen=True)
class Layout:
    """Addresses, known before any sheet is written.

    Attributes:
        case: what is exported.
        book: the workbook, for its constants.
    """

    case: WorkbookInput
    book: Book

    @cached_property
    def strategies(self) -> tuple[str, ...]:
        """Names of all strategies of the family."""
        return tuple(self.case.model.strategies)

    @cached_property
    def traces(self) -> dict[str, str]:
        """Sheet of each strategy's trace."""
        return sheet_names("Trace_", list(self.strategies))

    @property
    def last(self) -> int:
        """Row of the last time point."""
        return FIRST + self.case.cycles

    @cached_property
    def tables(self) -> dict[str, ExcelTable]:
        """Ranges of the look-up tables."""
        found, column = {}, 1
        for name, table in self.case.model.tables.items():
            end = TABLE_FIRST + len(table.keys) - 1
            ranges = [
                f"{TABLES}!${letters(place)}${TABLE_FIRST}:${letters(place)}${end}"
                for place in range(column, column + len(table.columns) + 1)
            ]
            found[name] = ExcelTable(ranges[0], dict(zip(table.columns, ranges[1:], strict=True)))
            column += len(table.columns) + 2
        return found

    # --- the sheet of values: names down; row numbers, then values, by strategy across -----------

    def value_row(self, name: str) -> int:
        """Row of a parameter on the sheet of values."""
        return HEADER + 1 + self._value_rows[name]

    @cached_property
    def _value_rows(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.case.names)}

    def place_column(self, strategy: str | None) -> int:
        """Column with the places, on the sheet of inputs, of what a strategy uses."""
        return 2 if strategy is None else 3 + self.strategies.index(strategy)

    @property
    def without_draw_column(self) -> int:
        """Column of the values for all strategies as they are when no draw is replayed."""
        return 3 + len(self.strategies)

    def value_column(self, strategy: str | None) -> int:
        """Column of a strategy's values; None for those of all strategies."""
        start = self.without_draw_column + 1
        return start if strategy is None else start + 1 + self.strategies.index(strategy)

    def value(self, name: str, strategy: str | None, *, without_draw: bool = False) -> str:
        """Address of a parameter's live value."""
        column = self.without_draw_column if without_draw else self.value_column(strategy)
        return f"{VALUES}!${letters(column)}${self.value_row(name)}"

    # --- expressions ------------------------------------------------------------------------------

    def excel(self, tree: Tree, references: Mapping[str, str]) -> str:
        """An expression as a formula without numbers."""
        constant = self.book.constant
        return to_excel(
            tree, references, self.tables, constant(TOLERANCE).text, lambda x: constant(x).text
        )

    def shared(self, tree: Tree, *, without_draw: bool = False) -> str:
        """An expression of parameters that all strategies share."""
        names = {
            name: self.value(name, None, without_draw=without_draw) for name in self.case.names
        }
        return self.excel(tree, names)
