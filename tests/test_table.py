"""A table renders as CSV, records, Markdown, HTML, data frame and a short text."""

import csv
import io
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heecon.table import Column, Table, escaped, inert


@dataclass(frozen=True)
class Row:
    strategy: str
    cost: float | None
    best: bool


def example() -> Table:
    return Table.of(
        "example",
        "An example",
        [Row("a", 1234.5, True), Row("b", None, False), Row("c", float("inf"), False)],
        (
            ("strategy", "Strategy", "text"),
            ("cost", "Cost", "money"),
            ("double", "Twice", "qaly", lambda row: row.cost and 2 * row.cost),
            ("best", "Best", "mark"),
            ("letters", "Letters", "text", "strategy"),
        ),
    )


def one_column(texts: list[str]) -> Table:
    return Table("t", "t", [Column("a", "A", texts)])


def test_files_have_names_and_every_digit() -> None:
    assert example().to_csv() == (
        "strategy,cost,double,best,letters\na,1234.5,2469.0,True,a\nb,,,False,b\nc,,,False,c\n"
    )


def test_readers_see_labels_and_formats() -> None:
    table = example()
    assert [column.label for column in table.columns][:2] == ["Strategy", "Cost"]
    assert table.column("cost").cells == ("1,234", "", "inf")
    assert table.column("best").cells == ("*", "", "")
    cells = ("0", "0", "100", "yes", "text")
    assert Column("x", "X", [-0.2, 0.5, 100, True, "text"], "money").cells == cells
    assert Column("x", "X", [-0.2, 0.5, True], "money").cells == ("-0.20", "0.50", "yes")
    assert Column("x", "X", [0.5, -1.0], "+.2f").cells == ("+0.50", "-1.00")


def test_an_interval_is_one_column_for_readers_and_three_in_files() -> None:
    column = Column("cost", "Cost", [(2.0, 1.0, 1234.0), None], "money", interval=True)
    table = Table("t", "t", [column])
    assert column.cells == ("2 (1 to 1,234)", "")
    assert table.to_csv() == "cost,cost_low,cost_high\n2.0,1.0,1234.0\n,,\n"


def test_several_numbers_in_a_cell() -> None:
    column = Column("x", "X", [(0.1, 2.0), (1 / 3,)], "number")
    assert column.cells == ("0.1; 2", "0.3333")
    text = Table("t", "t", [column]).to_csv()
    assert text == "x\n0.10000000000000001; 2\n0.33333333333333331\n"


def test_numbers_without_an_end_are_null_in_json() -> None:
    assert [record["cost"] for record in example().to_records()] == [1234.5, None, None]


def test_parts_of_a_table() -> None:
    table = example().where(best=False).select("letters", "cost").titled("Part")
    assert (table.title, table.rows) == ("Part", [("b", None), ("c", float("inf"))])
    assert len(table) == 2
    assert table["letters"] == ("b", "c")
    more = table.plus(Column("cost", "Price", [1, 2]), Column("new", "New", [3, 4]))
    assert more.to_csv() == "letters,cost,new\nb,1,3\nc,2,4\n"
    with pytest.raises(KeyError, match="no column 'nothing'"):
        table.column("nothing")


def test_several_numbers_in_a_cell_are_a_list_in_records() -> None:
    table = Table("t", "t", [Column("x", "X", [(1.0, float("inf"))], "number")])
    assert table.to_records() == [{"x": [1.0, None]}]


def test_a_table_of_rows() -> None:
    heads = [("x", "X", "d"), ("y", "Y", "text")]
    assert Table.listed("t", "t", [(1, "a"), (2, "b")], heads)["y"] == ("a", "b")
    assert Table.listed("t", "t", [], heads).to_csv() == "x,y\n"


def test_a_long_table() -> None:
    table = Table.crossed(
        "t",
        "t",
        Column("x", "X", [1, 2]),
        Column("y", "Y", ["a", "b"]),
        [Column("each", "Each", [1, 2, 3, 4]), Column("by_x", "By x", [5, 6])],
    )
    assert table.rows == [(1, "a", 1, 5), (1, "b", 2, 5), (2, "a", 3, 6), (2, "b", 4, 6)]


def test_columns_of_unequal_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Table("t", "t", [Column("a", "A", [1]), Column("b", "B", [])])


def test_a_data_frame() -> None:
    frame = example().to_pandas()
    assert list(frame.columns) == ["strategy", "cost", "double", "best", "letters"]
    assert frame["cost"][0] == 1234.5


def test_markdown() -> None:
    assert example().select("strategy", "cost").to_markdown().splitlines()[:3] == [
        "| Strategy | Cost |",
        "|---|--:|",
        "| a | 1,234 |",
    ]


def test_html_is_escaped_and_bounded() -> None:
    text = Table("t", "<t>", [Column("a", "<b>", ["<script>"] * 150)])._repr_html_()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;t&gt;" in text
    assert text.count("<tr>") == 101
    assert "and 50 more rows" in text


@given(st.lists(st.text(), max_size=30), st.text(), st.integers(0, 30))
def test_what_a_console_shows_is_short(texts: list[str], title: str, copies: int) -> None:
    columns = [Column("a", "A", texts)] * (copies + 1)
    text = repr(Table("t", title, columns))
    assert len(text.split("\n")) <= 10
    assert len(text) <= 1500
    assert text.replace("\n", "").isprintable()


def test_a_short_table_is_shown_whole() -> None:
    assert repr(one_column(list("abcdefgh"))).split("\n") == ["t", "A", *"abcdefgh"]
    assert repr(one_column(list("abcdefghi"))).split("\n")[-1] == "... and 2 more rows"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_quoted(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert f"'{text[0]}" in one_column([text]).to_csv()
    assert f"'{text[0]}" in Table("t", "t", [Column(text, "A", [])]).to_csv()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_digit_survives(value: float) -> None:
    text = Table("t", "t", [Column("a", "A", [value])]).to_csv()
    assert float(text.splitlines()[1]) == value


@given(st.lists(st.text().filter(lambda text: not set(text) & {"\r", "\0"})))
def test_any_text_reads_back(texts: list[str]) -> None:
    rows = list(csv.reader(io.StringIO(one_column(texts).to_csv())))[1:]
    assert [cell[0] if cell else "" for cell in rows] == [inert(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain words", "plain words"),
        ("c_unit", "c_unit"),
        ("_emphasis_", r"\_emphasis\_"),
        ("a | b", r"a \| b"),
        (r"a \| b", r"a \\\| b"),
        ("=1+1", r"\=1+1"),
        ("@SUM(1)", r"\@SUM(1)"),
        ("-5", "-5"),
        ("-2,340 (-1,487)", "-2,340 (-1,487)"),
        ("-x", r"\-x"),
        ("two\nlines\ttab", "two lines tab"),
        ("<script>", r"\<script\>"),
        ("[text](javascript:x)", r"\[text\](javascript:x)"),
        ("`code` **bold** # head", r"\`code\` \*\*bold\*\* \# head"),
        ("&amp;", r"\&amp;"),
        ("right\u202eleft\x00", "right?left?"),
    ],
)
def test_escaped(text: str, written: str) -> None:
    assert escaped(text) == written


PIPE = re.compile(r"(?<!\\)(?:\\\\)*\|")


@given(st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), max_size=4))
def test_a_markdown_table_keeps_its_shape(rows: list[list[str]]) -> None:
    columns = [
        Column(name, name, [row[i] for row in rows]) for i, name in enumerate(["a", "b|", "=c"])
    ]
    lines = Table("t", "t", columns).to_markdown().splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(len(PIPE.findall(line)) == 4 for line in lines)
    for line in lines:
        assert not re.search(r"\| [=@]", line)
