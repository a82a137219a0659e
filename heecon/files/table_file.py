"""Read a CSV or XLSX table from a stranger: bounded, never evaluated, every cell addressed."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.files.names import did_you_mean, unprintable
from heecon.files.reading import reading

MAX_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 60_000_000
MAX_ROWS = 200_000
MAX_COLUMNS = 1_000
MAX_CELLS = 5_000_000

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


def read_table(path: Path, name: str | None = None) -> TableFile:
    """Read ``path`` (.csv or .xlsx).

    Raises:
        InputError: missing, too large, unreadable, ragged, or with a bad header.
    """
    name = name or path.name
    smaller = "Keep only the rows the model needs"
    with reading(path, name, MAX_BYTES, smaller, kind="a table", utf8="'CSV UTF-8'"):
        if path.suffix.lower() == ".xlsx":
            return _from_xlsx(path, name)
        return parse_csv(path.read_text(encoding="utf-8-sig"), name)


def parse_csv(text: str, name: str) -> TableFile:
    """Parse CSV text that messages call ``name``.

    Raises:
        InputError: the text is not a rectangular CSV table with a header.
    """
    first = text.lstrip("\n").split("\n", 1)[0]
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if separator in first and "," not in first:
            what = f"the header is separated by {called}"
            raise InputError(Problem(f"{name}:1", what, "Save the file with commas ('CSV UTF-8')"))
    return _table(name, "", list(_csv_records(text, name)))


def _csv_records(text: str, name: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    row = 1  # the first line of a record: a quoted cell may hold line breaks
    try:
        for record in reader:
            yield row, record
            row = reader.line_num + 1
    except csv.Error as error:
        what = f"the row is not valid CSV: {error}"
        hint = 'Close every quote; write "" for a quote inside quotes'
        raise InputError(Problem(f"{name}:{row}", what, hint)) from None


def _from_xlsx(path: Path, name: str) -> TableFile:
    unpacked = _unpacked_bytes(path, name)
    if unpacked > MAX_UNPACKED_BYTES:
        what = f"the workbook unpacks to {unpacked:,} bytes"
        hint = f"At most {MAX_UNPACKED_BYTES:,} are read: keep only the cells the model needs"
        raise InputError(Problem(name, what, hint))
    try:
        sheet, records = _xlsx_records(path)
    except Exception as error:  # openpyxl raises nearly anything when a workbook is damaged
        raise _unreadable(name, error) from None
    return _table(name, sheet, records)


def _unpacked_bytes(path: Path, name: str) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:  # last: unknown zip kind
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> InputError:
    what = f"this is not a readable .xlsx workbook ({error or type(error).__name__})"
    return InputError(Problem(name, what, "Save it again from a spreadsheet program"))


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


def _table(name: str, sheet: str, records: Sequence[Record]) -> TableFile:
    stripped = [(line, tuple(cell.strip() for cell in cells)) for line, cells in records]
    filled = [(line, cells) for line, cells in stripped if any(cells)]
    if not filled:
        raise InputError(Problem(name, "the table is empty", "It needs a header row"))
    if len(filled) > MAX_ROWS:
        what = f"the table has {len(filled):,} rows; at most {MAX_ROWS:,} are read"
        raise InputError(Problem(name, what, "Keep only the rows the model needs"))
    number_of_header, cells_of_header = filled[0]
    diagnostics = Diagnostics()
    header = _header(name, sheet, number_of_header, cells_of_header)
    for line, cells in filled:
        for index, cell in enumerate(cells):
            if code := unprintable(cell):
                what = f"the cell has the control character {code}"
                hint = "Delete it, or type the cell again"
                diagnostics.error(_address(name, sheet, line, index), what, hint)
        if any(cells[len(header) :]):
            what = f"the row has {len(cells)} cells; the header has {len(header)}"
            where = _address(name, sheet, line)
            diagnostics.error(where, what, "Put text with commas in quotes")
    diagnostics.raise_if_any()
    return TableFile(
        name,
        header,
        # Trailing commas may be left out.
        tuple((cells + ("",) * len(header))[: len(header)] for _, cells in filled[1:]),
        tuple(line for line, _ in filled[1:]),
        sheet,
        number_of_header,
    )


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
    """All cells of a table as numbers (rows x columns); 0 where a cell is none."""
    values = np.zeros((len(table.rows), len(table.header)))
    for row, cells in enumerate(table.rows):
        for column, cell in enumerate(cells):
            try:
                values[row, column] = number(cell)
            except InvalidValue as invalid:
                found = invalid if cell else InvalidValue("the cell is empty", "Type a number")
                diagnostics.add([found.at(table.where(row, table.header[column]))])
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
