"""Recalculates Excel formulas in process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import formualizer
import numpy as np

from heecon.language import ExcelTable, Table

_SHEET = "S"
_VALUES, _FORMULAS, _FIRST_TABLE = 1, 2, 3  # columns
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Spreadsheet:
    """A workbook with one cell a value and one column a table column.

    Attributes:
        references: name -> its cell.
        tables: table name -> its ranges.
    """

    def __init__(self, values: Mapping[str, float], tables: Mapping[str, Table]) -> None:
        self.book = formualizer.Workbook()
        self.book.add_sheet(_SHEET)
        self.references: dict[str, str] = {}
        for row, (name, value) in enumerate(values.items(), start=1):
            self.book.set_value(_SHEET, row, _VALUES, float(value))
            self.references[name] = f"$A${row}"
        self.tables: dict[str, ExcelTable] = {}
        column = _FIRST_TABLE
        for name, table in tables.items():
            keys = self._fill(column, table.keys.tolist())
            ranges = {}
            for column, (label, numbers) in enumerate(table.columns.items(), start=column + 1):  # noqa: B020
                ranges[label] = self._fill(column, numbers.tolist())
            self.tables[name] = ExcelTable(keys, ranges)
            column += 1

    def _fill(self, column: int, numbers: Sequence[float]) -> str:
        for row, number in enumerate(numbers, start=1):
            self.book.set_value(_SHEET, row, column, number)
        letter = _LETTERS[column - 1]
        return f"${letter}$1:${letter}${len(numbers)}"

    def clear(self, name: str, content: str | None = None) -> None:
        """Empty the cell of a value, or put a text there."""
        self.book.set_value(_SHEET, int(self.references[name][3:]), _VALUES, content)

    def calculate(self, formulas: Sequence[str]) -> list[float]:
        """The values of formulas written without ``=``; NaN for an error value."""
        rows = [[f"={formula}"] for formula in formulas]
        self.book.set_formulas_batch(_SHEET, 1, _FORMULAS, rows)
        cells = [(_SHEET, row, _FORMULAS) for row in range(1, len(rows) + 1)]
        return [
            float(value) if isinstance(value, float | int) else np.nan
            for value in self.book.evaluate_cells(cells)
        ]
