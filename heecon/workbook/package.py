"""The cells of a workbook from a stranger: bounded, never run, every one with its address."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from heecon.errors import HeeconError, InputError, Problem
from heecon.files.xlsx_package import SAVE_AGAIN, check_package
from heecon.workbook.address import letters

MAX_CELLS = 4_000_000
"""Of the sheets an import reads."""

MAX_BOOK_CELLS = 20_000_000
"""Of all sheets, which only a check reads."""

MAX_FORMULA = 8_192
"""Characters of a formula: Excel takes no more, and a shared one is written out in every cell."""

MAX_CHARACTERS = 500_000_000
"""Of all formulas together, written out."""

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384


@dataclass(frozen=True)
class ReadCell:
    """A cell as it was found.

    Attributes:
        value: constant, or the last result of a formula; None where the file holds none.
        formula: without its ``=``; empty for a constant.
    """

    value: Any
    formula: str = ""


@dataclass(frozen=True)
class ReadSheet:
    """The filled cells of a sheet, by row and column counted from 1.

    Attributes:
        file: how messages call the file.
        name: of the sheet.
        cells: what is there.
    """

    file: str
    name: str
    cells: dict[tuple[int, int], ReadCell]

    def where(self, row: int, column: int) -> str:
        """``file.xlsx:Inputs!E12``."""
        return f"{self.file}:{self.name}!{letters(column)}{row}"

    def value(self, row: int, column: int) -> Any:
        """Value of a cell; None where it is empty."""
        found = self.cells.get((row, column))
        return None if found is None else found.value


class FoundCell(NamedTuple):
    """A filled cell.

    Attributes:
        row: counted from 1.
        column: counted from 1.
        content: the constant, the formula without its ``=``, or the value where values are read.
        kind: "constant", "formula", or "array" for an array formula or a data table.
    """

    row: int
    column: int
    content: Any
    kind: str


class ReadLimits:
    """How much of a workbook may be read, all sheets together.

    Args:
        file: how messages call it.
        cells: most cells.
    """

    def __init__(self, file: str, cells: int = MAX_BOOK_CELLS) -> None:
        self.file, self.most = file, cells
        self.cells = self.characters = 0

    def spend(self, cell: FoundCell) -> None:
        """Count a cell.

        Raises:
            InputError: it is one too many, or where no cell can be.
        """
        self.cells += 1
        if self.cells > self.most:
            self._refuse(f"the sheets have more than {self.most:,} cells")
        if not (1 <= cell.row <= MAX_ROW and 1 <= cell.column <= MAX_COLUMN):
            self._refuse(f"a cell stands in row {cell.row} of column {cell.column}")
        if cell.kind != "constant":
            length = len(str(cell.content))
            self.characters += length
            if length > MAX_FORMULA or self.characters > MAX_CHARACTERS:
                self._refuse(f"the formulas are longer than {MAX_FORMULA:,} characters")

    def _refuse(self, what: str) -> None:
        raise InputError(Problem(self.file, what, "Export the workbook again"))


@contextmanager
def opened(path: Path, *, values: bool) -> Iterator[Any]:
    """A checked workbook for reading, with formulas or with the values the file holds.

    Raises:
        InputError: it is damaged.
    """
    import openpyxl  # noqa: PLC0415  (takes a third of a second; only for workbooks)

    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions, which do not matter here
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=values)
        except Exception as error:  # openpyxl raises nearly anything when a workbook is damaged
            raise _damaged(path.name, error) from None
        try:
            yield book
        finally:
            book.close()


def cells_in(sheet: Any, limits: ReadLimits) -> Iterator[FoundCell]:
    """The filled cells of a sheet of an opened workbook.

    openpyxl's own reading fills the space before a cell with empty ones, up to its memory's end if
    a stranger's cell stands far out. Its parser, which does not, is used without that.

    Raises:
        InputError: the sheet is damaged or too large.
    """
    try:
        yield from _parsed(sheet, limits)
    except (HeeconError, GeneratorExit):
        raise
    except Exception as error:
        raise _damaged(limits.file, error) from None


def _parsed(sheet: Any, limits: ReadLimits) -> Iterator[FoundCell]:
    from openpyxl.worksheet._reader import WorkSheetParser  # noqa: PLC0415

    book = sheet.parent
    with sheet._get_source() as source:
        parser = WorkSheetParser(
            source,
            sheet._shared_strings,
            data_only=book.data_only,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        parse = parser.parse_cell

        def counted(element: Any) -> FoundCell:
            found = _found(parse(element))
            limits.spend(found)
            return found

        parser.parse_cell = counted
        for _, row in parser.parse():
            yield from (cell for cell in row if cell.content is not None)


def _found(cell: dict[str, Any]) -> FoundCell:
    content, kind = cell["value"], "constant"
    if cell["data_type"] == "f":
        kind = "formula" if isinstance(content, str) else "array"
        content = content if isinstance(content, str) else getattr(content, "text", None) or ""
        content = content.removeprefix("=")
    return FoundCell(cell["row"], cell["column"], content, kind)


def _damaged(name: str, error: Exception) -> InputError:
    what = f"the workbook is damaged ({type(error).__name__})"
    return InputError(Problem(name, what, SAVE_AGAIN))


def read_sheets(path: Path, wanted: Collection[str]) -> dict[str, ReadSheet]:
    """The cells of some sheets, with formulas and with the values the file holds for them.

    Args:
        path: an .xlsx file.
        wanted: names of sheets; those the file does not have are left out.

    Raises:
        InputError: see ``check_package``; or the content is damaged.
    """
    check_package(path)
    formulas = _read(path, wanted, values=False)
    values = _read(path, wanted, values=True)
    found = {}
    for name, cells in formulas.items():
        results = values[name]
        found[name] = ReadSheet(
            path.name,
            name,
            {
                place: ReadCell(cell.content)
                if cell.kind == "constant"
                else ReadCell(results[place].content if place in results else None, cell.content)
                for place, cell in cells.items()
            },
        )
    return found


def _read(
    path: Path, wanted: Collection[str], *, values: bool
) -> dict[str, dict[tuple[int, int], FoundCell]]:
    """The cells of some sheets by place."""
    limits = ReadLimits(path.name, MAX_CELLS)
    with opened(path, values=values) as book:
        return {
            sheet.title: {(cell.row, cell.column): cell for cell in cells_in(sheet, limits)}
            for sheet in book.worksheets
            if sheet.title in wanted
        }
