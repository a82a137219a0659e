"""Tables from strangers: every cell with its address, nothing evaluated, nothing too large."""

import datetime
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heecon.errors import Diagnostics, InputError
from heecon.files import table_file
from heecon.files.table_file import check_columns, number, numbers_of, parse_csv, read_table


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_table(path)
    return str(refused.value)


def workbook(path: Path, rows: list[list[Any]], title: str = "Sheet1") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-1.5", -1.5), ("+.5", 0.5), ("2.", 2), ("1e3", 1000), ("1E-05", 1e-5)],
)
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("5 %", "is a percentage"),
        ("1,5", "has a comma"),
        ("1,234.5", "has a comma"),
        ("NaN", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("1e999", "too large"),
        ("1_000", "not a number"),
        ("0x10", "not a number"),
        ("１２", "not a number"),
        ("=1+1", "not a number"),
        ("", "not a number"),
        ("9" * 400, r"'9{59}... \(402 characters\) is too large"),
    ],
)
def test_what_is_no_number(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        number(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back(value: float) -> None:
    assert number(repr(value)) == value


def test_rows_are_counted_by_their_first_line() -> None:
    table = parse_csv('\na,b\n\n1,"two\nlines"\n3,4\n', "x.csv")
    assert table.rows == (("1", "two\nlines"), ("3", "4"))
    assert table.where_header() == "x.csv:2"
    assert table.where_header("b") == "x.csv:2:2"
    assert table.where(0, "b") == "x.csv:4:2 (b)"
    assert table.where(1, "b") == "x.csv:6:2 (b)"
    assert table.where(1) == "x.csv:6"


def test_trailing_commas_may_be_too_few_or_too_many() -> None:
    table = parse_csv("a,b,,\n1\n1,2,,\n", "x.csv")
    assert table.header == ("a", "b")
    assert table.rows == (("1", ""), ("1", "2"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.csv: the table is empty"),
        ("\n \n", "x.csv: the table is empty"),
        ("a,,b\n1,2,3\n", "x.csv:1:2: a column has no name"),
        ("a,b,a\n", "x.csv:1:3: column 'a' stands twice"),
        ("a\tb\n1\t2\n", "x.csv:1: the header is separated by tabs"),
        ('a,b\n1,2\n"3,4\n5,6\n', "x.csv:3: the row is not valid CSV"),
        ('a,b\n1,"x"y\n', "x.csv:2: the row is not valid CSV"),
        ("a,b\n1," + "x" * 200_000 + "\n", "x.csv:2: the row is not valid CSV: field larger"),
        ("a,b\n1,2,3\n4,5\n6,7,8\n", "x.csv:4: the row has 3 cells; the header has 2"),
        (",".join(f"c{i}" for i in range(1001)), "1,001 columns; at most 1,000"),
        ("a\n" + "1\n" * 200_001, "more than 200,000 rows"),
        ("notes\na,b\n1,2\n", "2 cells; the header has 1. Delete what stands above the header"),
        (",".join(f"c{i}" for i in range(1000)) + "\n1" * 6_000, "1,000 columns and 6,000 rows"),
        ("a;b\n1,5;1.234\n", "x.csv:2:2 (b): 1.234 may have a decimal point or a thousands"),
        ("a;b\n1;-12.345.678\n", "-12.345.678 may have a decimal point or a thousands"),
        ("a,b\n1,x\uffffy\n", "x.csv:2:2: the cell has the control character U+FFFF"),
        ("a,b\n1,\ufdd0\n", "U+FDD0"),
        ("a,b\n1,\U0001fffe\n", "U+1FFFE"),
    ],
)
def test_tables_that_are_none(text: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_csv(text, "x.csv")
    assert message in str(refused.value)
    assert all(problem.hint for problem in refused.value.problems)


def test_the_header_is_no_row() -> None:
    assert len(parse_csv("a\n" + "1\n" * 200_000, "x.csv").rows) == 200_000


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        # As Excel writes it where the decimal sign is a comma.
        ("a;b\n1,5;x, y\n-0,035;1e3\n", (("1.5", "x, y"), ("-0.035", "1e3"))),
        ("a;b\n1.5;1.234\n", (("1.5", "1.234"),)),
        ("a;b\n1.5;1,234\n", (("1.5", "1,234"),)),  # both: `number` refuses the comma
        ("a;b\n1.234,5;0,5\n", (("1.234,5", "0.5"),)),
        ("sep=;\r\na;b\r\n1;2\r\n", (("1", "2"),)),
        ("sep=,\na,b\n1,2\n", (("1", "2"),)),
    ],
)
def test_separators(text: str, rows: tuple[tuple[str, ...], ...]) -> None:
    table = parse_csv(text, "x.csv")
    assert table.rows == rows
    assert table.numbers[0] == table.header_number + 1


def test_rows_keep_their_numbers_below_a_line_for_excel() -> None:
    assert parse_csv("sep=,\na,b\n1,2\n", "x.csv").where(0) == "x.csv:3"


@pytest.mark.parametrize("hostile", ["a\n" + "1\n" * 400_000, ",".join("a" * 400_000)])
def test_reading_ends_at_the_limit(hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "MAX_CELLS", 50_000)
    with pytest.raises(InputError, match="50,000 cells"):
        parse_csv(hostile, "x.csv", max_rows=60_000)


@pytest.mark.parametrize(
    ("part", "said"),
    [("xl/vbaProject.bin", "macros"), ("xl/externalLinks/externalLink1.xml", "links to other")],
)
def test_a_workbook_that_does_more_than_hold_numbers(tmp_path: Path, part: str, said: str) -> None:
    path = workbook(tmp_path / "x.xlsx", [["a"], [1]])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(part, b"x")
    assert said in refusal(path)


def test_cells_that_are_wrong_alike_are_told_once() -> None:
    found = Diagnostics()
    table = parse_csv("age,p\n1,0.1\n2,nan\n3,NaN\n4,\n5,5%\n", "x.csv")
    assert numbers_of(table, found)[0].tolist() == [1, 0.1]
    assert [str(problem) for problem in found.errors] == [
        "x.csv:3:2 (p): 'nan' is not a finite number, and so are 2 cells below it. Type a number, "
        "or delete the row or the column",
        "x.csv:6:2 (p): '5%' is a percentage; write it as a fraction. 5% is 0.05",
    ]


def test_a_sheet_of_notes_in_front(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [["About this file"], ["Made in May"]], "Notes")
    with pytest.raises(InputError) as refused:
        check_columns(read_table(path), ["name", "value", "note"], ["name", "value"])
    assert str(refused.value) == (
        "x.xlsx:Notes!1: the first filled row of the first sheet, Notes, is no header: it has none "
        "of the columns name, value. Delete the rows above the header, and move the sheet of the "
        "table to the front"
    )


@given(st.text(max_size=60))
def test_any_text_is_a_table_or_a_problem(text: str) -> None:
    try:
        table = parse_csv(text, "x.csv")
    except InputError:
        return
    assert all(len(row) == len(table.header) for row in table.rows)


def test_what_a_workbook_holds_is_text(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        [
            ["name", "value", None],
            [None, None],
            ["whole", 3],
            ["broken", 0.1],
            ["float", 2.0],
            ["large", 1e22],
            ["truth", True],
            ["date", datetime.date(2024, 3, 1)],
            ["blank", None],
            [" padded ", " 1.5 "],
        ],
    )
    table = read_table(path)
    assert table.rows == (
        ("whole", "3"),
        ("broken", "0.1"),
        ("float", "2"),
        ("large", "1e+22"),
        ("truth", "True"),
        ("date", "2024-03-01 00:00:00"),
        ("blank", ""),
        ("padded", "1.5"),
    )
    assert table.where(0, "value") == "x.xlsx:Sheet1!B3 (value)"
    assert table.where(0) == "x.xlsx:Sheet1!3"
    assert table.where_header("value") == "x.xlsx:Sheet1!B1"


def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [["note", "value"], ["", 1]])
    book = openpyxl.load_workbook(path)
    cell = book.active["A2"]
    cell.value = "=HYPERLINK(1)"
    cell.data_type = "s"
    book.save(path)
    assert read_table(path).rows == (("=HYPERLINK(1)", "1"),)
    assert parse_csv("note,value\n=1+1,@x\n", "x.csv").rows == (("=1+1", "@x"),)


def test_cells_of_a_workbook_are_named(tmp_path: Path) -> None:
    header = [f"c{i}" for i in range(30)]
    path = workbook(tmp_path / "x.xlsx", [header, [*range(30), 1]], "In puts")
    assert "x.xlsx:In puts!2: the row has 31 cells" in refusal(path)
    workbook(path, [[*header, "c3"]])
    assert "x.xlsx:Sheet1!AE1: column 'c3' stands twice" in refusal(path)
    workbook(path, [[]])
    assert "the table is empty" in refusal(path)


def test_far_cells_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = "a"
    book.active.cell(1_000_000, 1, "7")
    book.save(path)
    table = read_table(path)
    assert table.rows == (("7",),)
    assert table.where(0, "a") == "x.xlsx:Sheet!A1000000 (a)"
    book.active.cell(1, 16_000, "b")
    book.save(path)
    assert "16,000 columns; at most 1,000" in refusal(path)


def test_a_workbook_of_too_many_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "MAX_CELLS", 10)
    path = workbook(tmp_path / "x.xlsx", [["a", "b"]] + [["1", "2"]] * 9)
    assert "more than 10 cells" in refusal(path)


def damaged(path: Path, name: str, content: bytes) -> None:
    """Replace one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for entry, old in parts.items():
            archive.writestr(entry, content if entry == name else old)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">
<!ENTITY h "&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;"><!ENTITY i "&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;">]>
<worksheet>&i;</worksheet>"""


@pytest.mark.parametrize(
    "name", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml", "xl/styles.xml"]
)
@pytest.mark.parametrize("content", [b"", b"<not xml", b"<worksheet/>", b"\x00\xff", BOMB])
def test_damaged_workbooks(name: str, content: bytes, tmp_path: Path) -> None:
    """Whatever openpyxl thinks of them, they are problems; or are read when it does not matter."""
    path = workbook(tmp_path / "x.xlsx", [["a"], [1]])
    damaged(path, name, content)
    try:
        table = read_table(path)
    except InputError:
        return
    assert table.rows == (("1",),)


def test_other_files_with_the_name_of_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_text("a,b\n1,2\n")
    assert "not a readable .xlsx workbook (File is not a zip file)" in refusal(path)
    path.write_bytes(b"")
    assert "not a readable .xlsx workbook" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.txt", "x")
    assert "a zip archive, but not a workbook" in refusal(path)
