"""Read a CSV or XLSX table from a stranger: bounded, never evaluated, every cell addressed."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from heecon.errors import InputError, Problem
from heecon.model.names import unprintable

MAX_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 200_000_000
MAX_ROWS = 200_000
MAX_COLUMNS = 1_000

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class TableFile:
    """The text of a table: a header and rows of stripped cells ('' for an empty one).

    Attributes:
        name: how messages call the file, with its sheet for a workbook.
        header: column names.
        rows: cells, as long as the header; blank rows are left out.
        numbers: row number in the file of each entry of ``rows``.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]

    def where(self, row: int, column: str | None = None) -> str:
        """Address of a cell: ``parameters.csv:12:3 (value)`` or ``parameters.xlsx:Sheet1!C12``."""
        number = self.numbers[row]
        if column is None or column not in self.header:
            return f"{self.name}:{number}" if "!" not in self.name else f"{self.name}{number}"
        index = self.header.index(column)
        if self.name.endswith("!"):
            return f"{self.name}{column_letters(index)}{number} ({column})"
        return f"{self.name}:{number}:{index + 1} ({column})"


def column_letters(index: int) -> str:
    """Spreadsheet letters of a column counted from 0: A, B, ..., Z, AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def number(text: str) -> float:
    """Read a finite decimal number.

    Raises:
        ValueError: with what is wrong and how to write it.
    """
    if not _NUMBER.fullmatch(text):
        if text.endswith("%"):
            raise ValueError(f"'{text}' is a percentage; write it as a fraction, 5% as 0.05")
        if "," in text:
            raise ValueError(f"'{text}' has a comma; write 1234.5 with a point and no separators")
        if text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
            raise ValueError(f"'{text}' is not a finite number")
        raise ValueError(f"'{text}' is not a number")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is too large for a number")
    return value


def read_table(path: Path, name: str | None = None) -> TableFile:
    """Read ``path`` (.csv or .xlsx).

    Raises:
        InputError: missing, too large, unreadable, ragged, or with a bad header.
    """
    name = name or path.name
    try:
        if path.exists() and not path.is_file():
            raise InputError(Problem(name, "this is not a regular file", "Put a table there"))
        size = path.stat().st_size
        if size > MAX_BYTES:
            what = f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read"
            raise InputError(Problem(name, what, "Keep only the rows the model needs"))
        if path.suffix.lower() == ".xlsx":
            return _from_xlsx(path, name)
        return parse_csv(path.read_text(encoding="utf-8-sig"), name)
    except FileNotFoundError:
        raise InputError(Problem(name, f"there is no file {path}", "Check the path")) from None
    except UnicodeDecodeError as error:
        what = f"the file is not UTF-8 text (byte {error.start})"
        raise InputError(Problem(name, what, "Save it as 'CSV UTF-8'")) from None
    except OSError as error:
        raise InputError(Problem(name, f"the file cannot be read: {error.strerror}")) from None


def parse_csv(text: str, name: str) -> TableFile:
    """Parse CSV text that messages call ``name``.

    Raises:
        InputError: the text is not a rectangular CSV table with a header.
    """
    first = text.lstrip("\n").split("\n", 1)[0]
    if ";" in first and "," not in first:
        what = "the header is separated by semicolons"
        raise InputError(Problem(f"{name}:1", what, "Save the file with commas ('CSV UTF-8')"))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    try:
        for record in reader:
            records.append((reader.line_num, record))
            if len(records) > MAX_ROWS:
                break
    except csv.Error as error:
        raise InputError(Problem(f"{name}:{reader.line_num}", f"not valid CSV: {error}")) from None
    return _table(name, records)


def _from_xlsx(path: Path, name: str) -> TableFile:
    import openpyxl  # noqa: PLC0415  (takes a third of a second; only for workbooks)

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            what = f"the workbook unpacks to {unpacked:,} bytes"
            raise InputError(Problem(name, what, f"At most {MAX_UNPACKED_BYTES:,} are read"))
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            cells = sheet.iter_rows(values_only=True, max_row=MAX_ROWS, max_col=MAX_COLUMNS)
            records = [
                (row, [_cell_text(cell) for cell in line]) for row, line in enumerate(cells, 1)
            ]
            return _table(f"{name}:{sheet.title}!", records)
        finally:
            book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError) as error:
        what = f"this is not a readable .xlsx workbook ({error})"
        raise InputError(Problem(name, what, "Save it again from a spreadsheet program")) from None


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return repr(cell) if isinstance(cell, float) else str(cell)


def _table(name: str, records: Sequence[tuple[int, Iterable[str]]]) -> TableFile:
    stripped = [(line, tuple(cell.strip() for cell in cells)) for line, cells in records]
    filled = [(line, cells) for line, cells in stripped if any(cells)]
    if not filled:
        raise InputError(Problem(name, "the table is empty", "It needs a header row"))
    if len(filled) > MAX_ROWS:
        raise InputError(Problem(name, f"the table has more than {MAX_ROWS:,} rows"))
    header = _header(name, filled[0])
    problems: list[Problem] = []
    rows: list[tuple[str, ...]] = []
    for line, cells in filled[1:]:
        if any(cells[len(header) :]):
            what = f"the row has {len(cells)} cells; the header has {len(header)}"
            problems.append(Problem(f"{name}:{line}", what, "Put text with commas in quotes"))
        for index, cell in enumerate(cells):
            if code := unprintable(cell):
                place = f"{name}:{line}:{index + 1}"
                problems.append(Problem(place, f"the cell has the control character {code}"))
        rows.append((cells + ("",) * len(header))[: len(header)])
    if problems:
        raise InputError(problems)
    return TableFile(name, header, tuple(rows), tuple(line for line, _ in filled[1:]))


def _header(name: str, record: tuple[int, tuple[str, ...]]) -> tuple[str, ...]:
    line, cells = record
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > MAX_COLUMNS:
        raise InputError(Problem(f"{name}:{line}", f"more than {MAX_COLUMNS:,} columns"))
    problems = []
    for index, cell in enumerate(cells):
        if not cell:
            problems.append(Problem(f"{name}:{line}:{index + 1}", "a column has no name"))
        elif cell in cells[:index]:
            problems.append(Problem(f"{name}:{line}:{index + 1}", f"column '{cell}' stands twice"))
    if problems:
        raise InputError(problems)
    return cells
