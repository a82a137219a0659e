"""The house rules of a workbook, checked on the file itself, whoever wrote it.

Nothing hidden, locked, volatile, array-entered or linked to other files; functions of Excel 2010;
no numbers in formulas; short formulas; names that cannot be read as addresses; one formula all the
way down. From the FAST standard and from what agencies ask of a model they are sent.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from heecon.workbook.address import column_of, is_safe_name, letters
from heecon.workbook.package import ReadLimits, cells_in, opened
from heecon.workbook.shorten import MAX_LENGTH

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
    r"(?<![A-Za-z0-9_.$:])(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.:(!])"
)
_SHEET = re.compile(r"'(?:[^']|'')*'!")
_REFERENCE = re.compile(r"(?<![A-Za-z0-9_.!'\]])(\$?)([A-Z]{1,3})(\$?)([0-9]+)(?![A-Za-z0-9_.(])")
_EXTERNAL = re.compile(r"[\[|]")
"""Other files stand in brackets, other programs before a bar; heecon writes no tables."""


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
        path: an .xlsx file that passed ``check_package``.
    """
    found = _Found()
    _lint_package(path, found)
    blocks: dict[tuple[str, int], dict[int, str]] = {}
    for cell in formulas_of(path, found):
        lint_formula(cell, found.note)
        blocks.setdefault((cell.sheet, cell.column), {})[cell.row] = relative(cell)
    for (sheet, column), cells in blocks.items():
        _lint_block(sheet, column, cells, found)
    return found.broken()


def lint_formula(cell: FormulaCell, note: Any) -> None:
    """Tell what is wrong with one formula."""
    text = _STRING.sub('""', cell.text)
    external = _EXTERNAL.search(text)
    text = _SHEET.sub("", text)
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
    if external:
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


def _lint_block(sheet: str, column: int, cells: dict[int, str], found: _Found) -> None:
    """A long column holds one formula from its first row to its last.

    The first time point may have a formula of its own; what stands higher is not of the column.
    """
    if len(cells) < LONG or not sheet.startswith(("Trace_", "Timeline", "PSA_draws")):
        return
    main = Counter(cells.values()).most_common(1)[0][0]
    first = min(row for row, text in cells.items() if text == main)
    odd = [row for row in range(first, max(cells) + 1) if cells.get(row) != main]
    if first - 1 in cells and first - 2 in cells:
        odd.insert(0, first - 1)
    for row in odd:
        place = f"{sheet}!{letters(column)}{row}"
        found.note("a column is not one formula all the way down", place)


# --- the file ------------------------------------------------------------------------------------


def _lint_package(path: Path, found: _Found) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            lowered = name.lower()
            if any(mark in lowered for mark in _LINKS):
                found.note("the file links to other files", name)
            if "vbaproject" in lowered or "macrosheets" in lowered:
                found.note("the file carries macros", name)
            if lowered.startswith("xl/worksheets/") and lowered.endswith(".xml"):
                with archive.open(name) as stream:
                    for rule in _hidden_or_locked(stream):
                        found.note(rule, name)


_LINKS = ("externallink", "xl/connections.xml", "xl/querytables/")
_TRUE = rb"\s*=\s*[\"'](?:1|true|on)[\"']"
_ZERO = rb"\s*=\s*[\"']0+(?:\.0*)?[\"']"
_MARKS = (
    (re.compile(rb"<(?:\w+:)?sheetProtection\b"), "a sheet is locked"),
    (
        re.compile(rb"<(?:\w+:)?col\b[^>]*\s(?:hidden" + _TRUE + rb"|width" + _ZERO + rb")"),
        "a column is hidden",
    ),
    (
        re.compile(rb"<(?:\w+:)?row\b[^>]*\s(?:hidden" + _TRUE + rb"|ht" + _ZERO + rb")"),
        "a row is hidden",
    ),
    (re.compile(rb"<(?:\w+:)?sheetFormatPr\b[^>]*\szeroHeight" + _TRUE), "a row is hidden"),
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
    """Every formula of a workbook, and what is wrong with its sheets and names on the way.

    Raises:
        InputError: the workbook is damaged or too large.
    """
    limits = ReadLimits(path.name)
    with opened(path, values=False) as book:
        if found is not None:
            _lint_book(book, found)
        for sheet in book.worksheets:
            for cell in cells_in(sheet, limits):
                formula = FormulaCell(sheet.title, cell.row, cell.column, str(cell.content))
                if cell.kind == "formula":
                    yield formula
                elif cell.kind == "array" and found is not None:
                    found.note("a formula is array-entered or a data table", formula.place)


def _lint_book(book: Any, found: _Found) -> None:
    for sheet in [*book.worksheets, *book.chartsheets]:
        if sheet.sheet_state != "visible":
            found.note("a sheet is hidden", sheet.title)
    for name, defined in book.defined_names.items():
        if not is_safe_name(name):
            found.note("a name reads as the address of a cell", name)
        if getattr(defined, "hidden", False):
            found.note("a name is hidden", name)
        text = _STRING.sub('""', str(defined.attr_text or ""))
        if _EXTERNAL.search(text):
            found.note("a name reads another file", name)
        if _FUNCTION.search(_SHEET.sub("", text)):
            found.note("a name is a formula instead of a range", name)
    if book.security is not None and (book.security.lockStructure or book.security.lockWindows):
        found.note("the workbook is locked", "workbook")
