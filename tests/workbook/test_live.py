"""A formula and its value: one set of operators, and Excel's own reading of what they write."""

from __future__ import annotations

import math

import formualizer
import numpy as np
import pytest

from heecon.workbook.book import PLAIN, Book, Strip, Style
from heecon.workbook.live import (
    NOT_AVAILABLE,
    FormulaDriftError,
    Live,
    absolute,
    all_of,
    any_of,
    area,
    as_number,
    compare,
    count,
    count_if,
    exp,
    floor,
    if_error,
    index,
    is_number,
    joined,
    largest,
    live,
    log10,
    match,
    mean,
    negated,
    one_minus_exp,
    percentile,
    remainder,
    rounded,
    rows,
    smallest,
    sum_if,
    sum_of,
    sum_product,
    total,
    where,
)
from heecon.workbook.recalculate import _value
from heecon.workbook.verify import distance_of
from heecon.workbook.xlsx import to_bytes

CALC = Style("calc", PLAIN)


def cells() -> tuple[Book, list[Live], list[Live]]:
    """A sheet with four numbers, and four words and numbers."""
    book = Book("x")
    sheet = book.sheet("Sheet", "numbers")
    numbers = [sheet.put(1 + i, 1, value) for i, value in enumerate((2.0, -3.0, 0.5, 7.0))]
    words: tuple[str | float, ...] = ("a", 4.0, "b", 1.5)
    mixed = [sheet.put(1 + i, 2, value) for i, value in enumerate(words)]
    return book, numbers, mixed


def expressions(book: Book, numbers: list[Live], mixed: list[Live]) -> list[Live]:
    a, b, c, d = numbers
    column, words = area(numbers), area(mixed)
    two = book.constant(2.0)
    return [
        a - (b - c), a - (b + c), a / (b / c), a / (b * c), a * (b + c), (a + b) * c, a + (b + c),
        -a ** two, (-a) ** two, two ** -c, 1 - -b, -(a - b), (a < d) * (b >= c) + 1,
        where(a > b, a - b, "less"), where((a + b).equals(c), 1, b), where(a.differs("a"), 1, 0),
        all_of(a > 0, b > 0) , any_of(a > 0, b > 0), negated(a > b), as_number(a > b) + 1,
        is_number(mixed[0]), is_number(mixed[1]), is_number(a / (a - a)),
        if_error(match("nowhere", words), two),
        exp(-a), absolute(b), floor(b * c), log10(d), rounded(d / two / two / two, two),
        remainder(d, two), remainder(b, two), one_minus_exp(c, book.constant),
        one_minus_exp(c * book.constant(1e-9), book.constant),
        total(column), total(column, a, words), largest(0, column), smallest(column, b - c),
        largest(words), smallest(0, words), count(words), count_if(words, "a"), rows(column),
        mean(column), percentile(column, book.constant(0.025)),
        sum_product(column, column), sum_product(column * (column > a)), sum_if(words, "a", column),
        match("b", words), match(c, column), index(words, two), index(column, match(d, column)),
        index(column, match(1, column) + book.constant(9.0)),
        joined("a is ", a, "!"), joined(mixed[0], mixed[2]), sum_of([]), NOT_AVAILABLE,
    ]  # fmt: skip


def test_spreadsheets_find_the_same_values() -> None:
    book, numbers, mixed = cells()
    formulas = expressions(book, numbers, mixed)
    sheet = book.sheets[0]
    shown = [sheet.show(1 + i, 5, formula, CALC) for i, formula in enumerate(formulas)]
    other = book.sheet("Constants", "constants")
    for row, (name, value) in enumerate(book.constants.items(), start=1):
        other.put(row, 1, value)
        book.names[name] = other.reference(row, 1)
    spreadsheet = formualizer.load_workbook_bytes(to_bytes(book))
    spreadsheet.evaluate_all()
    for row, (formula, cell) in enumerate(zip(formulas, shown, strict=True), start=1):
        found = _value(spreadsheet.evaluate_cells([("Sheet", row, 5)])[0])
        distance = distance_of(cell.value, found)
        assert distance is not None, formula
        assert distance < 1e-12, formula


def test_brackets() -> None:
    a, b, c = (Live(f"$A${i}", float(i)) for i in (1, 2, 3))
    assert (a - (b - c)).text == "$A$1-($A$2-$A$3)"
    assert (a + b + c).text == (a + (b + c)).text == "$A$1+$A$2+$A$3"
    assert ((a + b) * c).text == "($A$1+$A$2)*$A$3"
    assert (a**-b).text == "$A$1^(-$A$2)"
    assert (-(a**b)).text == "-($A$1^$A$2)"
    assert (a * (b > c)).text == "$A$1*($A$2>$A$3)"
    assert where(a > -b, "x", 1).text == 'IF($A$1>-$A$2,"x",1)'


def test_formulas_hold_no_numbers_but_0_and_1() -> None:
    with pytest.raises(ValueError, match=r"0\.5 wants a constant"):
        live(1) + 0.5


def test_references() -> None:
    book, numbers, _ = cells()
    other = book.sheet("Other", "reads")
    assert area(numbers).text == "Sheet!$A$1:$A$4"
    assert numbers[0].relative.text == "Sheet!$A1"
    assert numbers[0].across.text == "Sheet!A$1"
    other.put(1, 1, 1.0)
    other.show(2, 1, other.cell(1, 1) + numbers[0], CALC)
    assert other.cells[2][1].formula == "$A$1+Sheet!$A$1"
    assert book.name("known", area(numbers)).text == "known"
    assert book.names == {"known": "Sheet!$A$1:$A$4"}


def test_an_own_reference_is_not_taken_for_a_longer_name() -> None:
    book = Book("x")
    sheet, other = book.sheet("Results", "own"), book.sheet("Trace_Results", "other")
    sheet.put(1, 1, 1.0)
    other.put(1, 1, 2.0)
    sheet.show(2, 1, sheet.cell(1, 1) + other.cell(1, 1), CALC)
    assert sheet.cells[2][1].formula == "$A$1+Trace_Results!$A$1"


def test_columns_see_the_rows_before_and_after() -> None:
    strip = Strip("Sheet", 3, 9, np.array([1.0, 2.0, 3.0]))
    assert (strip.before.text, strip.after.text) == ("Sheet!$C{p}", "Sheet!$C{n}")
    np.testing.assert_array_equal(strip.before.value, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(strip.after.value, [2.0, 3.0, 0.0])
    assert strip.range(2).text == "Sheet!$C$9:$C$10"


@pytest.mark.parametrize(
    ("own", "engine"),
    [(1.0, 1.0 + 0.9e-9), (1000.0, 1000.0 * (1 + 0.9e-9)), (0.0, 0.9e-9), (math.nan, math.inf),
     ("a", "a"), (np.array([1.0, 2.0]), np.array([1.0, 2.0]))],
)  # fmt: skip
def test_the_engine_s_value(own: object, engine: object) -> None:
    compare(Live("x", own), engine, "Sheet!A1")


@pytest.mark.parametrize(
    ("own", "engine"),
    [(1.0, 1.0 + 1.1e-9), (1000.0, 1000.0 * (1 + 1.1e-9)), (0.0, 1.1e-9), (math.nan, 1.0),
     (1.0, math.inf), ("a", "b"), ("a", 1.0), (np.array([1.0, 2.0]), np.array([1.0, 2.1]))],
)  # fmt: skip
def test_a_formula_that_drifts_from_the_engine_stops_the_export(
    own: object, engine: object
) -> None:
    with pytest.raises(FormulaDriftError, match=r"Sheet!A1.*: =x gives"):
        compare(Live("x", own), engine, "Sheet!A1")


def test_a_cell_and_a_column_with_another_value_are_refused() -> None:
    book, numbers, _ = cells()
    sheet = book.sheets[0]
    with pytest.raises(FormulaDriftError, match=r"Sheet!C1: =Sheet!\$A\$1"):
        sheet.show(1, 3, numbers[0], CALC, 2.1)
    strip = Strip("Sheet", 4, 9, np.array([1.0, 2.0]))
    with pytest.raises(FormulaDriftError, match="Sheet!D"):
        sheet.run(strip, Live("$A{r}", np.array([1.0, 2.5])), CALC)
