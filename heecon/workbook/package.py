"""Open a workbook from a stranger: bounded, never run, every cell with its address."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from heecon.errors import HeeconError, InputError, Problem
from heecon.workbook.address import letters

MAX_BYTES = 100_000_000
MAX_PART_BYTES = 150_000_000
"""Unpacked bytes of a part that is read: sheets, shared strings, styles."""

MAX_UNPACKED_BYTES = 800_000_000
"""Of all parts together; each is unpacked once before any is understood."""

MAX_RATIO = 200
"""How much smaller a part may be packed: numbers and formulas reach 20, a bomb thousands."""

MAX_PARTS = 2_000
MAX_SHEETS = 1_000
MAX_CELLS = 4_000_000
"""Of the sheets an import reads."""

MAX_BOOK_CELLS = 20_000_000
"""Of all sheets, which only a check reads."""

MAX_FORMULA = 8_192
"""Characters of a formula: Excel takes no more, and a shared one is written out in every cell."""

MAX_CHARACTERS = 500_000_000
"""Of all formulas together, written out."""

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384

SAVE_AGAIN = "Save it again from a spreadsheet program as .xlsx"

_MACROS = ("vbaproject", "xl/macrosheets/", "xl/activex/", "xl/embeddings/")
_MACRO_TYPES = (b"macroenabled", b"vbaproject", b"macrosheet", b"activex", b"oleobject")
_LINK_TYPES = (b"externallink",)
_ENTITIES = (b"<!doctype", b"<!entity")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK, _OVERLAP = 1 << 20, 16
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
    except (OSError, ValueError) as error:
        what = f"the file cannot be read: {getattr(error, 'strerror', error)}"
        raise InputError(Problem(name, what, "Check its permissions")) from None
    if size > MAX_BYTES:
        what = f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read"
        raise InputError(Problem(name, what, "Export again with fewer draws"))
    if path.suffix.lower() != ".xlsx":
        what = f"'{path.suffix or name}' is not the ending of a workbook heecon reads"
        raise InputError(Problem(name, what, "Save it as .xlsx, without macros"))
    try:
        with path.open("rb") as file:
            if file.read(len(_OLE)) == _OLE:
                what = "the workbook is encrypted, or in the format of Excel before 2007"
                raise InputError(Problem(name, what, "Save it as .xlsx without a password"))
        with zipfile.ZipFile(path) as archive:
            problems = _problems(archive, name)
    except InputError:
        raise
    except Exception as error:  # zlib, lzma, struct and zipfile each have their own for damage
        what = f"this is not a readable .xlsx workbook ({error or type(error).__name__})"
        raise InputError(Problem(name, what, SAVE_AGAIN)) from None
    if problems:
        raise InputError(problems)


def _problems(archive: zipfile.ZipFile, name: str) -> list[Problem]:
    """Everything about a package that is a reason not to read it."""
    parts = archive.infolist()
    found = []
    if len(parts) > MAX_PARTS:
        return [Problem(name, f"the workbook has {len(parts):,} parts", SAVE_AGAIN)]
    if any(part.flag_bits & 1 for part in parts):
        return [Problem(name, "the workbook is encrypted", "Save it without a password")]
    lowered = [part.filename.lower() for part in parts]
    if "xl/workbook.xml" not in lowered or "[content_types].xml" not in lowered:
        what = "this is a zip archive, but not a workbook"
        return [Problem(name, what, SAVE_AGAIN)]
    if len(set(lowered)) < len(lowered):  # programs differ in which of two they read
        return [Problem(name, "a part of the workbook is there twice", SAVE_AGAIN)]
    if any(mark in part for part in lowered for mark in _MACROS):
        found.append(_macros(name, "carries macros or embedded programs"))
    if any(part.startswith("xl/externallinks/") for part in lowered):
        found.append(_links(name))
    for part in parts:
        big = part.file_size > _BOMB_FLOOR
        ratio = part.file_size / max(part.compress_size, 1)
        if part.file_size > MAX_PART_BYTES or (big and ratio > MAX_RATIO):
            what = f"'{part.filename}' unpacks to {part.file_size:,} bytes"
            hint = f"At most {MAX_PART_BYTES:,} are read: export the workbook again"
            found.append(Problem(name, what, hint))
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_BYTES and not found:
        what = f"the workbook unpacks to {unpacked:,} bytes"
        hint = f"At most {MAX_UNPACKED_BYTES:,} are read: export it again with fewer draws"
        found.append(Problem(name, what, hint))
    return found or _contents(archive, parts, name)


def _contents(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], name: str) -> list[Problem]:
    """What the parts say that is a reason not to read them; all of them are unpacked once."""
    found = [
        Problem(name, f"'{part.filename}' declares entities of its own", SAVE_AGAIN)
        for part in parts
        if _declares_entities(archive, part)
    ]
    types = _text(archive, parts, "[content_types].xml")
    if any(mark in types for mark in _MACRO_TYPES):
        found.append(_macros(name, "declares macros or embedded programs"))
    if any(mark in types for mark in _LINK_TYPES):
        found.append(_links(name))
    sheets = _text(archive, parts, "xl/workbook.xml").count(b"<sheet")
    if sheets > MAX_SHEETS:
        what = f"the workbook has {sheets:,} sheets"
        found.append(Problem(name, what, f"At most {MAX_SHEETS:,} are read"))
    return found


def _macros(name: str, what: str) -> Problem:
    hint = "Save it as .xlsx without them; nothing of it was read"
    return Problem(name, f"the workbook {what}", hint)


def _links(name: str) -> Problem:
    hint = "Break the links (Data, Edit Links) and save it again"
    return Problem(name, "the workbook has links to other files", hint)


def _text(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], name: str) -> bytes:
    """The letters of a part, whatever its case and encoding."""
    part = next(part for part in parts if part.filename.lower() == name)
    return archive.read(part).lower().replace(b"\0", b"").replace(b" ", b"")


def _declares_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether a part declares entities: no spreadsheet program writes any, and they can explode.

    Pictures may; nothing here reads them.
    """
    if part.filename.lower().startswith("xl/media/"):
        return False
    before = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            # UTF-16 has a zero byte beside every letter.
            text = before + chunk.replace(b"\0", b"")
            if b"<!" in text and any(mark in text.lower() for mark in _ENTITIES):
                return True
            before = text[-_OVERLAP:]
    return False


# --- cells ---------------------------------------------------------------------------------------


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
