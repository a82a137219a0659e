"""Each house rule broken on purpose, one at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.workbook.protection import WorkbookProtection
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula

from heecon.workbook.lint import FormulaCell, _Found, _lint_block, lint, lint_formula
from tests.workbook.books import edited, part_of, repacked


def rules(path: Path) -> list[str]:
    return [f"{broken.rule}: {', '.join(broken.places)}" for broken in lint(path)]


def test_a_fresh_export_breaks_none(export_to_read: Path) -> None:
    assert lint(export_to_read) == ()


def formula(text: str) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book["Results"]["Z99"] = text

    return change


def hide_sheet(book: Any) -> None:
    book["Inputs"].sheet_state = "veryHidden"


def hide_row(book: Any) -> None:
    book["Inputs"].row_dimensions[9].hidden = True


def hide_column(book: Any) -> None:
    book["Inputs"].column_dimensions["B"].hidden = True


def lock_sheet(book: Any) -> None:
    book["Inputs"].protection.sheet = True


def lock_book(book: Any) -> None:
    book.security = WorkbookProtection(lockStructure=True)


def array(book: Any) -> None:
    book["Results"]["Z99"] = ArrayFormula("Z99:Z100", "=A1:A2*B1:B2")


def data_table(book: Any) -> None:
    book["Results"]["Z99"] = DataTableFormula("Z99:Z100", dt2D=False, r1="A1")


def name(text: str, place: str = "Results!$A$1") -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book.defined_names[text] = DefinedName(text, attr_text=place)

    return change


def hidden_name(book: Any) -> None:
    book.defined_names["odd"] = DefinedName("odd", attr_text="Results!$A$1", hidden=True)


BROKEN: list[tuple[Callable[[Any], None], str]] = [
    (hide_sheet, "a sheet is hidden: Inputs"),
    (hide_row, "a row is hidden: xl/worksheets/"),
    (hide_column, "a column is hidden: xl/worksheets/"),
    (lock_sheet, "a sheet is locked: xl/worksheets/"),
    (lock_book, "the workbook is locked: workbook"),
    (array, "a formula is array-entered or a data table: Results!Z99"),
    (data_table, "a formula is array-entered or a data table: Results!Z99"),
    (name("AB12"), "a name reads as the address of a cell: AB12"),
    (name("R1C1"), "a name reads as the address of a cell: R1C1"),
    (name("odd", "[1]Sheet1!$A$1"), "a name reads another file: odd"),
    (name("odd", "OFFSET(Results!$A$1,0,0)"), "a name is a formula instead of a range: odd"),
    (hidden_name, "a name is hidden: odd"),
]


FORMULAS = [
    ("=NOW()", "a function is volatile: NOW"),
    ("=SUM(offset(A1,0,0))", "a function is volatile: OFFSET"),
    ("=XLOOKUP(A1,A2,A3)", "a function is not one the workbook uses: XLOOKUP"),
    ("=_xlfn.FILTER(A1,A2)", "a function is not one the workbook uses: FILTER"),
    ("=[1]Sheet1!A1", "a formula reads another file"),
    ("='C:\\x\\[other.xlsx]Sheet1'!A1", "a formula reads another file"),
    ("=cmd|'/c calc'!A0", "a formula reads another file"),
    ("=A1*2", "a formula has numbers in it"),
    ("=A1*.5", "a formula has numbers in it"),
    ("=A1+1.5E3", "a formula has numbers in it"),
    ("=SUM(A1,{1,7})", "a formula has numbers in it"),
    ("=" + "+".join(["A1"] * 334), "a formula has more than 1,000 characters"),
]


@pytest.mark.parametrize(("text", "expected"), FORMULAS)
def test_one_formula_that_breaks_a_rule(text: str, expected: str) -> None:
    found: list[str] = []
    cell = FormulaCell("Results", 99, 26, text.removeprefix("="))
    lint_formula(cell, lambda rule, place: found.append(f"{rule}{place.removeprefix(cell.place)}"))
    assert found == [expected]


def test_formulas_of_a_file_are_looked_at(export: Path) -> None:
    assert rules(edited(export, export, formula("=NOW()*7"))) == [
        "a function is volatile: Results!Z99: NOW",
        "a formula has numbers in it: Results!Z99",
    ]


@pytest.mark.parametrize(("change", "expected"), BROKEN, ids=[rule[:50] for _, rule in BROKEN])
def test_one_rule_broken(export: Path, change: Callable[[Any], None], expected: str) -> None:
    found = rules(edited(export, export, change))
    assert len(found) == 1
    assert found[0].startswith(expected), found


@pytest.mark.parametrize(
    "text",
    ["=A1*1+0", '="2 of 5"&A1', "='My 2 sheets'!A1", "=IF(A1>0,1,0)", "=SUM(A1:B2)",
     "=" + "+".join(["A1"] * 333)],
)  # fmt: skip
def test_what_is_allowed(text: str) -> None:
    found: list[str] = []
    lint_formula(FormulaCell("Results", 99, 26, text.removeprefix("=")), found.append)
    assert not found


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<sheetData>", b"<sheetData><row r='1' ht = '0'/>", "a row is hidden"),
        (b"<sheetFormatPr ", b"<sheetFormatPr zeroHeight='1' ", "a row is hidden"),
        (b"</sheetData>", b"</sheetData><sheetProtection sheet='1'/>", "a sheet is locked"),
    ],
)
def test_other_ways_of_writing_it(export: Path, old: bytes, new: bytes, rule: str) -> None:
    part = part_of(export, "Checks")
    path = repacked(export, export, {part: lambda text: text.replace(old, new, 1)})
    assert rules(path) == [f"{rule}: {part}"]


@pytest.mark.parametrize(
    ("part", "rule"),
    [
        ("xl/vbaProject.bin", "the file carries macros"),
        ("xl/externalLinks/externalLink1.xml", "the file links to other files"),
        ("xl/connections.xml", "the file links to other files"),
    ],
)
def test_parts_that_do_not_belong(export: Path, part: str, rule: str) -> None:
    assert rules(repacked(export, export, {part: b"<a/>"})) == [f"{rule}: {part}"]


# --- one formula all the way down ----------------------------------------------------------------


def column(odd: dict[int, str | None], rows: range = range(9, 49)) -> tuple[str, ...]:
    cells = dict.fromkeys(rows, "same")
    for row, text in odd.items():
        if text is None:
            del cells[row]
        else:
            cells[row] = text
    found = _Found()
    _lint_block("Trace_x", 3, cells, found)
    return tuple(place for broken in found.broken() for place in broken.places)


def test_columns_of_one_formula() -> None:
    assert column({}) == ()
    assert column({9: "start"}) == ()
    assert column({4: "total", 9: "start"}) == ()


@pytest.mark.parametrize("row", [10, 11, 25, 47, 48])
def test_a_cell_of_another_formula(row: int) -> None:
    assert f"Trace_x!C{row}" in column({9: "start", row: "other"}) or row == 10
    assert column({row: "other"})


@pytest.mark.parametrize("row", [10, 25, 47])
def test_a_cell_without_a_formula(row: int) -> None:
    assert column({row: None}) == (f"Trace_x!C{row}",)


def test_a_column_in_a_file(tmp_path: Path) -> None:
    from tests.model import small  # noqa: PLC0415
    from tests.workbook import books  # noqa: PLC0415

    files = dict(small.FILES)
    files[small.MODEL_FILE] = small.MODEL.replace('"10 years"', '"30 years"')
    books.write_files(tmp_path, files)
    path = books.export(tmp_path)
    assert lint(path) == ()

    def change(book: Any) -> None:
        sheet = book["Trace_usual"]
        assert str(sheet["K20"].value).startswith("=")
        sheet["K20"] = "=K19"

    assert rules(edited(path, path, change)) == [
        "a column is not one formula all the way down: Trace_usual!K20"
    ]
