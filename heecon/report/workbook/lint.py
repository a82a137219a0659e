"""The house rules of a workbook, checked on the file itself, whoever wrote it.

Nothing hidden, locked, volatile, array-entered or linked to other files; functions of Excel 2010;
no numbers in formulas; short formulas; names that cannot be read as addresses; one formula all the
way down. From the FAST standard and from what agencies ask of a model they are sent.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from heecon.report.workbook.address import column_of, is_safe_name, letters
from heecon.report.workbook.shorten import MAX_LENGTH

SHOWN = 5
"""Places listed of one broken rule."""

VOLATILE = frozenset({"NOW", "TODAY", "RAND", "RANDBETWEEN", "OFFSET", "INDIRECT", "CELL", "INFO"})

FUNCTIONS = frozenset(
    [
        "ABS",
        "AND",
        "AVERAGE",
        "COLUMNS",
        "COUNT",
        "COUNTBLANK",
        "COUNTIF",
        "EXP",
        "GAMMADIST",
        "IF",
        "IFERROR",
        "INDEX",
        "INT",
        "ISNUMBER",
        "LN",
        "LOG10",
        "MATCH",
        "MAX",
        "MIN",
        "MOD",
        "NA",
        "NORMSDIST",
        "NORMSINV",
        "NOT",
        "OR",
        "PERCENTILE",
        "ROUND",
        "ROW",
        "ROWS",
        "SQRT",
        "SUM",
        "SUMIF",
        "SUMPRODUCT",
    ]
)
"""Functions the workbook uses, all of them in Excel 2010 (and in Excel 2003, but IFERROR)."""

_STRING = re.compile(r'"[^"]*"')
_FUNCTION = re.compile(r"([A-Za-z_.][A-Za-z0-9_.]*)\(")
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.$:])[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.:(!])"
)
_REFERENCE = re.compile(r"(?<![A-Za-z0-9_.!'\]])(\$?)([A-Z]{1,3})(\$?)([0-9]+)(?![A-Za-z0-9_.(])")
_EXTERNAL = re.compile(r"\[[0-9]+\]")


@dataclass(frozen=True)
class Broken:
    """A house rule that the workbook breaks.

    Attributes:
        rule: in words.
        places: cells or sheets, the first few.
        count: how many there are.
    """

    rule: str
    places: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class FormulaCell:
    """A formula where it stands."""

    sheet: str
    row: int
    column: int
    text: str

    @property
    def place(self) -> str:
        """``Sheet!A1``."""
        return f"{self.sheet}!{letters(self.column)}{self.row}"


class _Found:
    """Collects places by rule."""

    def __init__(self) -> None:
        self.places: dict[str, list[str]] = {}
        self.counts: dict[str, int] = {}

    def note(self, rule: str, place: str) -> None:
        self.counts[rule] = self.counts.get(rule, 0) + 1
        listed = self.places.setdefault(rule, [])
        if len(listed) < SHOWN:
            listed.append(place)

    def broken(self) -> tuple[Broken, ...]:
        return tuple(
            Broken(rule, tuple(places), self.counts[rule]) for rule, places in self.places.items()
        )


def lint(path: Path) -> tuple[Broken, ...]:
    """The house rules a workbook breaks.

    Args:
        path: an .xlsx file that passed ``package.check_package``.
    """
    found = _Found()
    _lint_package(path, found)
    blocks: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for cell in formulas_of(path, found):
        lint_formula(cell, found.note)
        blocks.setdefault((cell.sheet, cell.column), []).append((cell.row, relative(cell)))
    for (sheet, column), cells in blocks.items():
        _lint_block(sheet, column, cells, found)
    return found.broken()


def lint_formula(cell: FormulaCell, note: Any) -> None:
    """Tell what is wrong with one formula."""
    text = _STRING.sub('""', cell.text)
    if len(cell.text) > MAX_LENGTH:
        note(f"a formula has more than {MAX_LENGTH:,} characters", cell.place)
    functions = {name.upper().removeprefix("_XLFN.") for name in _FUNCTION.findall(text)}
    if functions & VOLATILE:
        note("a function is volatile", f"{cell.place}: {', '.join(sorted(functions & VOLATILE))}")
    unknown = functions - FUNCTIONS - VOLATILE
    if unknown:
        note(
            "a function is not one the workbook uses", f"{cell.place}: {', '.join(sorted(unknown))}"
        )
    if _EXTERNAL.search(text):
        note("a formula reads another file", cell.place)
    if any(float(number) not in {0.0, 1.0} for number in _NUMBER.findall(text)):
        note("a formula has numbers in it", cell.place)


def relative(cell: FormulaCell) -> str:
    """A formula with its relative references as distances, so that copies read alike."""

    def told(match: re.Match[str]) -> str:
        fixed_column, column, fixed_row, row = match.groups()
        across = column if fixed_column else f"C[{column_of(column) - cell.column}]"
        down = row if fixed_row else f"R[{int(row) - cell.row}]"
        return f"{down}{across}"

    return _REFERENCE.sub(told, _STRING.sub(lambda m: m[0].replace("$", "").lower(), cell.text))


LONG = 20
"""Rows from which a column of formulas must be one formula all the way down."""


def _lint_block(sheet: str, column: int, cells: list[tuple[int, str]], found: _Found) -> None:
    """A long column may hold one long run; what stands above it is not part of it."""
    if len(cells) < LONG or not sheet.startswith(("Trace_", "Timeline", "PSA_draws")):
        return
    runs: list[tuple[int, int]] = []  # first row, length
    before: tuple[int, str] | None = None
    for row, text in sorted(cells):
        if before is not None and before == (row - 1, text):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((row, 1))
        before = (row, text)
    longest = max(runs, key=lambda run: run[1])
    for first, _ in runs:
        if first > longest[0]:
            place = f"{sheet}!{letters(column)}{first}"
            found.note("a column is not one formula all the way down", place)


# --- the file ------------------------------------------------------------------------------------


def _lint_package(path: Path, found: _Found) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            lowered = name.lower()
            if "externallink" in lowered:
                found.note("the file links to other files", name)
            if "vbaproject" in lowered or "macrosheets" in lowered:
                found.note("the file carries macros", name)
            if lowered.startswith("xl/worksheets/") and lowered.endswith(".xml"):
                with archive.open(name) as stream:
                    for rule in _hidden_or_locked(stream):
                        found.note(rule, name)


_MARKS = (
    (re.compile(rb"<sheetProtection\b"), "a sheet is locked"),
    (re.compile(rb"<col\b[^>]*\bhidden=\"(1|true)\""), "a column is hidden"),
    (re.compile(rb"<row\b[^>]*\bhidden=\"(1|true)\""), "a row is hidden"),
)
_CHUNK, _OVERLAP = 1 << 20, 2_000


def _hidden_or_locked(stream: IO[bytes]) -> set[str]:
    """What the text of a sheet says of protection and of hidden rows and columns."""
    found: set[str] = set()
    before = b""
    while chunk := stream.read(_CHUNK):
        text = before + chunk
        found |= {rule for mark, rule in _MARKS if mark.search(text)}
        before = text[-_OVERLAP:]
    return found


def formulas_of(path: Path, found: _Found | None = None) -> Iterator[FormulaCell]:
    """Every formula of a workbook, and what is wrong with its sheets and names on the way."""
    import openpyxl  # noqa: PLC0415

    book = openpyxl.load_workbook(path, read_only=True)
    try:
        if found is not None:
            _lint_book(book, found)
        for sheet in book.worksheets:
            sheet.reset_dimensions()
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type != "f":
                        continue
                    content = cell.value
                    if not isinstance(content, str):  # an array or a data table
                        if found is not None:
                            place = f"{sheet.title}!{cell.coordinate}"
                            found.note("a formula is array-entered or a data table", place)
                        continue
                    text = content.removeprefix("=")
                    yield FormulaCell(sheet.title, cell.row, cell.column, text)
    finally:
        book.close()


def _lint_book(book: Any, found: _Found) -> None:
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            found.note("a sheet is hidden", sheet.title)
    for name, defined in book.defined_names.items():
        if not is_safe_name(name):
            found.note("a name reads as the address of a cell", name)
        if getattr(defined, "hidden", False):
            found.note("a name is hidden", name)
    if book.security is not None and (book.security.lockStructure or book.security.lockWindows):
        found.note("the workbook is locked", "workbook")
