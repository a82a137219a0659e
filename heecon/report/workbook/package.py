"""Open a workbook from a stranger: bounded, never run, every cell with its address."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heecon.errors import InputError, Problem
from heecon.report.workbook.address import letters

MAX_BYTES = 100_000_000
MAX_PART_BYTES = 150_000_000
"""Unpacked bytes of a part that is read: sheets, shared strings, styles."""

MAX_RATIO = 400
"""How much smaller a part may be packed: numbers and formulas reach 20, a bomb thousands."""

MAX_PARTS = 2_000
MAX_CELLS = 4_000_000

SAVE_AGAIN = "Save it again from a spreadsheet program as .xlsx"

_MACROS = ("vbaproject", "xl/macrosheets/", "xl/activex/", "xl/embeddings/")
_BOMB_FLOOR = 5_000_000
"""Parts smaller than this are not asked how well they were packed."""


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


def check_package(path: Path) -> None:
    """Refuse what is not a plain, bounded .xlsx file, before anything in it is read.

    Raises:
        InputError: missing, too large, not a workbook, damaged, with macros or links to other
            files, or packed to burst.
    """
    name = path.name
    try:
        if path.exists() and not path.is_file():
            raise InputError(Problem(name, "this is not a regular file", "Give an .xlsx file"))
        size = path.stat().st_size
    except FileNotFoundError:
        raise InputError(Problem(name, f"there is no file {path}", "Check the path")) from None
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}"
        raise InputError(Problem(name, what, "Check its permissions")) from None
    if size > MAX_BYTES:
        what = f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read"
        raise InputError(Problem(name, what, "Export again with fewer draws"))
    if path.suffix.lower() != ".xlsx":
        what = f"'{path.suffix or name}' is not the ending of a workbook heecon reads"
        raise InputError(Problem(name, what, "Save it as .xlsx, without macros"))
    try:
        with zipfile.ZipFile(path) as archive:
            problems = _problems(archive, name)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        what = f"this is not a readable .xlsx workbook ({error or type(error).__name__})"
        raise InputError(Problem(name, what, SAVE_AGAIN)) from None
    if problems:
        raise InputError(problems)


def _problems(archive: zipfile.ZipFile, name: str) -> list[Problem]:
    """Everything about a package that is a reason not to read it."""
    parts = archive.infolist()
    found = []
    if len(parts) > MAX_PARTS:
        found.append(Problem(name, f"the workbook has {len(parts):,} parts", SAVE_AGAIN))
        return found
    if any(part.flag_bits & 1 for part in parts):
        found.append(Problem(name, "the workbook is encrypted", "Save it without a password"))
        return found
    lowered = [part.filename.lower() for part in parts]
    if "xl/workbook.xml" not in lowered or "[content_types].xml" not in lowered:
        what = "this is a zip archive, but not a workbook"
        return [Problem(name, what, SAVE_AGAIN)]
    if any(mark in part for part in lowered for mark in _MACROS):
        what = "the workbook carries macros or embedded programs"
        found.append(Problem(name, what, "Save it as .xlsx without them; nothing of it was read"))
    if any(part.startswith("xl/externallinks/") for part in lowered):
        what = "the workbook has links to other files"
        found.append(Problem(name, what, "Break the links (Data, Edit Links) and save it again"))
    for part in parts:
        big = part.file_size > _BOMB_FLOOR
        ratio = part.file_size / max(part.compress_size, 1)
        if part.file_size > MAX_PART_BYTES or (big and ratio > MAX_RATIO):
            what = f"'{part.filename}' unpacks to {part.file_size:,} bytes"
            remedy = f"At most {MAX_PART_BYTES:,} are read: export the workbook again"
            found.append(Problem(name, what, remedy))
    if not found and "macroenabled" in archive.read(_entry(parts, "[content_types].xml")).decode(
        "utf-8", "replace"
    ).lower().replace(" ", ""):
        what = "the workbook declares macros"
        found.append(Problem(name, what, "Save it as .xlsx; nothing of it was read"))
    if not found:
        found += _doctypes(archive, parts, name)
    return found


def _entry(parts: list[zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    return next(part for part in parts if part.filename.lower() == name)


def _doctypes(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], name: str) -> list[Problem]:
    """Parts that declare entities: no spreadsheet program writes any, and they can explode."""
    found = []
    for part in parts:
        if not part.filename.lower().endswith((".xml", ".rels")):
            continue
        with archive.open(part) as stream:
            beginning = stream.read(4_096)
        if b"<!DOCTYPE" in beginning or b"<!ENTITY" in beginning:
            what = f"'{part.filename}' declares entities of its own"
            found.append(Problem(name, what, SAVE_AGAIN))
    return found


def read_sheets(path: Path, wanted: Collection[str]) -> dict[str, ReadSheet]:
    """The cells of some sheets, with formulas and with the values the file holds for them.

    Args:
        path: an .xlsx file.
        wanted: names of sheets; those the file does not have are left out.

    Raises:
        InputError: see ``check_package``; or the content is damaged.
    """
    check_package(path)
    try:
        formulas = _read(path, wanted, values=False)
        values = _read(path, wanted, values=True)
    except InputError:
        raise
    except Exception as error:  # openpyxl raises nearly anything when a workbook is damaged
        what = f"the workbook is damaged ({type(error).__name__})"
        raise InputError(Problem(path.name, what, SAVE_AGAIN)) from None
    found = {}
    for name, cells in formulas.items():
        results = values.get(name, {})
        found[name] = ReadSheet(
            path.name,
            name,
            {
                place: ReadCell(results.get(place), content.removeprefix("="))
                if formula
                else ReadCell(content)
                for place, (content, formula) in cells.items()
            },
        )
    return found


def _read(path: Path, wanted: Collection[str], *, values: bool) -> Any:
    """Cells by sheet: (content, whether it is a formula), or just values."""
    import openpyxl  # noqa: PLC0415  (takes a third of a second; only for workbooks)

    found: dict[str, dict[tuple[int, int], Any]] = {}
    seen = 0
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions, which do not matter here
        book = openpyxl.load_workbook(file, read_only=True, data_only=values)
        try:
            for name in wanted:
                if name not in book.sheetnames:
                    continue
                sheet = book[name]
                sheet.reset_dimensions()  # what a file says of its size may be wrong
                cells = found.setdefault(name, {})
                for row in sheet.iter_rows():
                    seen += len(row) + 1
                    if seen > MAX_CELLS:
                        what = f"the sheets have more than {MAX_CELLS:,} cells"
                        raise InputError(Problem(path.name, what, "Export the workbook again"))
                    for cell in row:
                        if cell.value is not None:
                            content = cell.value
                            place = (cell.row, cell.column)
                            cells[place] = content if values else (content, cell.data_type == "f")
            return found
        finally:
            book.close()
