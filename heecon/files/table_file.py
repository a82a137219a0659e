"""Read a CSV or XLSX table from a stranger: bounded, never evaluated, every cell addressed."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.files.names import did_you_mean, unprintable
from heecon.files.reading import reading
from heecon.files.xlsx_package import SAVE_AGAIN, check_package

MAX_ROW_BYTES = 100
MAX_UNPACKED_BYTES = 60_000_000
MAX_ROWS = 200_000
MAX_COLUMNS = 1_000
MAX_CELLS = 5_000_000

_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?")
_DECIMAL_POINT = re.compile(r"[+-]?([0-9]*\.[0-9]+)([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")

Record = tuple[int, Sequence[str]]
"""The number of a row in its file, and its cells."""


@dataclass(frozen=True)
class TableFile:
    """The text of a table: a header and rows of stripped cells ('' for an empty one).

    Attributes:
        name: how messages call the file.
        header: column names.
        rows: cells, as many as the header has; blank rows are left out.
        numbers: row number in the file of each entry of ``rows``.
        sheet: name of the sheet in a workbook; empty for a CSV file.
        header_number: row number of the header.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    sheet: str = ""
    header_number: int = 1

    def where(self, row: int, column: str | None = None) -> str:
        """Address of a cell: ``parameters.csv:12:3 (value)`` or ``parameters.xlsx:Sheet1!C12``."""
        if column is None or column not in self.header:
            return _address(self.name, self.sheet, self.numbers[row])
        index = self.header.index(column)
        return f"{_address(self.name, self.sheet, self.numbers[row], index)} ({column})"

    def where_header(self, column: str | None = None) -> str:
        """Address of a cell of the header, or of the whole header."""
        index = None if column is None else self.header.index(column)
        return _address(self.name, self.sheet, self.header_number, index)


def number(text: str) -> float:
    """Read a finite decimal number.

    Raises:
        InvalidValue: a ``ValueError`` that says what is wrong and how to write it.
    """
    if not _NUMBER.fullmatch(text):
        if text.endswith("%"):
            what = f"{shown(text)} is a percentage; write it as a fraction"
            raise InvalidValue(what, "5% is 0.05")
        if "," in text:
            hint = "Write 1234.5 with a point and no separators"
            raise InvalidValue(f"{shown(text)} has a comma", hint)
        if text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
            hint = "Every number must be finite: leave out what is unknown"
            raise InvalidValue(f"{shown(text)} is not a finite number", hint)
        raise InvalidValue(f"{shown(text)} is not a number", "Write a plain decimal number: 1234.5")
    value = float(text)
    if not math.isfinite(value):
        raise InvalidValue(
            f"{shown(text)} is too large for a number", "The largest is about 1.8e308"
        )
    return value


def read_table(path: Path, name: str | None = None, max_rows: int = MAX_ROWS) -> TableFile:
    """Read ``path`` (.csv or .xlsx), of at most so many rows and 100 bytes a row.

    Raises:
        InputError: missing, too large, unreadable, ragged, or with a bad header.
    """
    name = name or path.name
    smaller, limit = "Keep only the rows the model needs", MAX_ROW_BYTES * max_rows
    with reading(path, name, limit, smaller, kind="a table", utf8="'CSV UTF-8'"):
        if path.suffix.lower() == ".xlsx":
            return _from_xlsx(path, name, max_rows)
        return parse_csv(path.read_text(encoding="utf-8-sig"), name, max_rows)


def parse_csv(text: str, name: str, max_rows: int = MAX_ROWS) -> TableFile:
    """Parse CSV text that messages call ``name``.

    Cells are separated by commas; or by semicolons, and then numbers may have a decimal comma.

    Raises:
        InputError: the text is not a rectangular CSV table with a header.
    """
    if text[:4].lower() == "sep=":  # a line for Excel
        text = text[text.find("\n") :] if "\n" in text else ""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = ";" if ";" in first and "," not in first else ","
    if "\t" in first and separator == "," and "," not in first:
        what = "the header is separated by tabs"
        raise InputError(Problem(f"{name}:1", what, "Save the file with commas ('CSV UTF-8')"))
    table = _table(name, "", _csv_records(text, name, separator), max_rows)
    return table if separator == "," else _with_points(table)


def _with_points(table: TableFile) -> TableFile:
    """A table separated by semicolons with decimal points in the place of decimal commas.

    Where it has both, nothing is replaced, and who asks for a number is told.

    Raises:
        InputError: a number like 1.234 may be read both ways.
    """
    cells = [cell for row in table.rows for cell in row]
    if any(_DECIMAL_POINT.fullmatch(cell) and not _THOUSANDS.fullmatch(cell) for cell in cells):
        return table
    diagnostics = Diagnostics()
    for index, row in enumerate(table.rows):
        for column, cell in zip(table.header, row, strict=True):
            if _THOUSANDS.fullmatch(cell):
                what = f"{cell} may have a decimal point or a thousands separator"
                hint = f"Write {cell.replace('.', '')}, or {cell.replace('.', ',', 1)}"
                diagnostics.error(table.where(index, column), what, hint)
    diagnostics.raise_if_any()
    rows = (
        tuple(c.replace(",", ".") if _DECIMAL_COMMA.fullmatch(c) else c for c in row)
        for row in table.rows
    )
    return replace(table, rows=tuple(rows))


def _csv_records(text: str, name: str, separator: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    row = 1  # the first line of a record: a quoted cell may hold line breaks
    try:
        for record in reader:
            yield row, record
            row = reader.line_num + 1
    except csv.Error as error:
        what = f"the row is not valid CSV: {error}"
        hint = 'Close every quote; write "" for a quote inside quotes'
        raise InputError(Problem(f"{name}:{row}", what, hint)) from None


def _from_xlsx(path: Path, name: str, max_rows: int) -> TableFile:
    check_package(path, name, MAX_UNPACKED_BYTES)
    try:
        sheet, records = _xlsx_records(path)
    except Exception as error:  # openpyxl raises nearly anything when a workbook is damaged
        what = f"this is not a readable .xlsx workbook ({error or type(error).__name__})"
        raise InputError(Problem(name, what, SAVE_AGAIN)) from None
    return _table(name, sheet, records, max_rows)


def _xlsx_records(path: Path) -> tuple[str, list[Record]]:
    """The name and the filled rows of the first sheet, with values rather than formulas."""
    import openpyxl  # noqa: PLC0415  (takes a third of a second; only for workbooks)

    records: list[Record] = []
    cells_seen = 0
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions, which do not matter here
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what a file says of its size may be wrong
            for row, line in enumerate(sheet.iter_rows(values_only=True), 1):
                cells_seen += len(line) + 1
                if cells_seen > MAX_CELLS:
                    raise ValueError(f"more than {MAX_CELLS:,} cells")
                if any(cell is not None for cell in line):
                    records.append((row, [_cell_text(cell) for cell in line]))
            return sheet.title, records
        finally:
            book.close()


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return repr(cell) if isinstance(cell, float) else str(cell)


def _table(name: str, sheet: str, records: Iterable[Record], max_rows: int) -> TableFile:
    filled = _filled(name, records, max_rows)
    if not filled:
        raise InputError(Problem(name, "the table is empty", "It needs a header row"))
    number_of_header, cells_of_header = filled[0]
    diagnostics = Diagnostics()
    header = _header(name, sheet, number_of_header, cells_of_header)
    hint = "Delete what stands above the header" + (
        ", or name every column" if sheet else "; put text with commas in quotes"
    )
    for line, cells in filled:
        for index, cell in enumerate(cells):
            if code := unprintable(cell):
                what = f"the cell has the control character {code}"
                remedy = "Delete it, or type the cell again"
                diagnostics.error(_address(name, sheet, line, index), what, remedy)
        if any(cells[len(header) :]):
            what = f"the row has {len(cells)} cells; the header has {len(header)}"
            diagnostics.error(_address(name, sheet, line), what, hint)
    diagnostics.raise_if_any()
    if len(header) * len(filled) > MAX_CELLS:
        what = f"the table has {len(header):,} columns and {len(filled) - 1:,} rows"
        few = f"At most {MAX_CELLS:,} cells are read: keep only what the model needs"
        raise InputError(Problem(name, what, few))
    return TableFile(
        name,
        header,
        # Trailing commas may be left out.
        tuple((cells + ("",) * len(header))[: len(header)] for _, cells in filled[1:]),
        tuple(line for line, _ in filled[1:]),
        sheet,
        number_of_header,
    )


def _filled(
    name: str, records: Iterable[Record], max_rows: int
) -> list[tuple[int, tuple[str, ...]]]:
    """The header and the rows that are not blank, stripped."""
    filled: list[tuple[int, tuple[str, ...]]] = []
    cells_seen = 0
    for line, record in records:
        cells = tuple(cell.strip() for cell in record)
        if any(cells):
            filled.append((line, cells))
            cells_seen += len(cells)
        if len(filled) > max_rows + 1 or cells_seen > MAX_CELLS:
            what = f"the table has more than {max_rows:,} rows or {MAX_CELLS:,} cells"
            raise InputError(Problem(name, what, "Keep only the rows the model needs"))
    return filled


def _header(name: str, sheet: str, line: int, cells: tuple[str, ...]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > MAX_COLUMNS:
        what = f"the header has {len(cells):,} columns; at most {MAX_COLUMNS:,} are read"
        raise InputError(Problem(_address(name, sheet, line), what, "Drop the columns not needed"))
    diagnostics = Diagnostics()
    for index, cell in enumerate(cells):
        where = _address(name, sheet, line, index)
        if not cell:
            diagnostics.error(where, "a column has no name", "Name it or delete it")
        elif cell in cells[:index]:
            diagnostics.error(where, f"column '{cell}' stands twice", "Delete one of them")
    diagnostics.raise_if_any()
    return cells


def check_columns(table: TableFile, known: Collection[str], needed: Collection[str]) -> None:
    """Refuse a table with a column nobody knows, or without one that is needed.

    Raises:
        InputError: with every such column.
    """
    if not set(table.header) & set(known):
        sheet = f" of the first sheet, {table.sheet}," if table.sheet else ""
        what = f"the first filled row{sheet} is no header: it has none of the columns"
        hint = "Delete the rows above the header" + (
            ", and move the sheet of the table to the front" if sheet else ""
        )
        columns = ", ".join(needed or known)
        raise InputError(Problem(table.where_header(), f"{what} {columns}", hint))
    diagnostics = Diagnostics()
    for column in table.header:
        if column not in known:
            hint = did_you_mean(column, known)
            diagnostics.error(table.where_header(column), f"unknown column {shown(column)}", hint)
    for column in needed:
        if column not in table.header:
            what = f"there is no column '{column}'"
            diagnostics.error(table.where_header(), what, "Add it to the header")
    diagnostics.raise_if_any()


def numbers_of(table: TableFile, diagnostics: Diagnostics) -> NDArray[np.float64]:
    """All cells of a table as numbers (rows x columns); 0 where a cell is none.

    What is wrong in the same way in many cells of a column is told once.
    """
    values = np.zeros((len(table.rows), len(table.header)))
    wrong: dict[tuple[int, str], tuple[Problem, int]] = {}
    for row, cells in enumerate(table.rows):
        for column, cell in enumerate(cells):
            try:
                values[row, column] = number(cell)
            except InvalidValue as invalid:
                what = invalid.what if cell else "the cell is empty"
                unknown = not cell or cell.lower() == "nan"
                hint = "Type a number, or delete the row or the column" if unknown else invalid.hint
                where = table.where(row, table.header[column])
                first, count = wrong.get((column, hint), (Problem(where, what, hint), 0))
                wrong[column, hint] = first, count + 1
    for problem, count in wrong.values():
        more = f", and so are {count - 1:,} cells below it" if count > 1 else ""
        diagnostics.error(problem.where, problem.what + more, problem.hint)
    return values


def _address(name: str, sheet: str, line: int, column: int | None = None) -> str:
    """Address of a row, or of a cell of it; columns are counted from 0."""
    if not sheet:
        return f"{name}:{line}" if column is None else f"{name}:{line}:{column + 1}"
    return f"{name}:{sheet}!{'' if column is None else _letters(column)}{line}"


def _letters(index: int) -> str:
    """Spreadsheet letters of a column counted from 0: A, B, ..., Z, AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
