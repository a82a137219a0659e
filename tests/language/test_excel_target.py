"""Where Excel would silently give another number; each trap is sprung and recalculated."""

from __future__ import annotations

import math
import re

import pytest

from heecon.language import (
    FUNCTIONS,
    Call,
    ExcelLimitError,
    ExcelTable,
    Name,
    Number,
    parse,
    to_excel,
)

from .spreadsheet import Spreadsheet

CELLS = {"a": "A1", "b": "B1", "c": "Inputs!$C$1", "h_death": "in_h_death"}
TABLES = {"life": ExcelTable("T!$A$2:$A$9", {"qx": "T!$B$2:$B$9"})}


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("-2 ** 2", "(-(2^2))"),
        ("(-2) ** 2", "(-2)^2"),
        ("2 ** 3 ** 2", "2^(3^2)"),
        ("(2 ** 3) ** 2", "(2^3)^2"),
        ("2 ** -1", "2^(-1)"),
        ("-a ** 2", "(-(A1^2))"),
        ("a ** b", "IF(B1=0,1,A1^B1)"),
        ("2 ** a", "2^A1"),
        ("a ** 0", "IF(0=0,1,A1^0)"),
        ("0 ** a", "IF(A1=0,1,0^A1)"),
        ("(a + 1) ** (b * 2)", "IF(B1*2=0,1,(A1+1)^(B1*2))"),
        ("a - -b", "A1-(-B1)"),
        ("a - b - 1", "A1-B1-1"),
        ("a - (b - 1)", "A1-(B1-1)"),
        ("a / (b * 2)", "A1/(B1*2)"),
        ("a * (b * 2)", "A1*(B1*2)"),
        ("c * h_death", "Inputs!$C$1*in_h_death"),
        ("1 if a > 0 and b != 1 else 2", "IF(IF(A1>0,B1<>1,FALSE),1,2)"),
        ("1 if a > 0 or b == 1 else 2", "IF(IF(A1>0,TRUE,B1=1),1,2)"),
        ("1 if not a > 0 else 2", "IF(NOT(A1>0),1,2)"),
        ("floor(a)", "INT(A1)"),
        ("ceil(a + 1)", "(-INT(-(A1+1)))"),
        ("min(a, b, 1)", "MIN(A1+0,B1+0,1)"),
        ("log(a)", "LN(A1)"),
        ("0.1 + 1e-7 + 1e22", "0.1+1E-07+1E+22"),
        ("0.12345678901234566", "0.12345678901234566"),
        ("1000000", "1000000"),
        ("normal_cdf(a)", "NORMSDIST(A1)"),
        ("gamma_cdf(a, 2, 3)", "GAMMADIST(MAX(0,A1+0),2,3,TRUE)"),
        ("rate_to_prob(a + b, 2)", "1-EXP((-(A1+B1))*2)"),
        ("2 * rate_to_prob(a, 2)", "2*(1-EXP((-A1)*2))"),
        ("lookup(life, a)", "INDEX(T!$B$2:$B$9,MATCH(A1+0.000000001,T!$A$2:$A$9,1))"),
    ],
)
def test_formula(text: str, formula: str) -> None:
    assert to_excel(parse(text), CELLS, TABLES) == formula


def test_tolerance_may_be_a_cell() -> None:
    assert "A1+Tol!$A$1," in to_excel(parse("lookup(life, a)"), CELLS, TABLES, "Tol!$A$1")


def test_numbers_may_be_cells() -> None:
    """0 and 1 stay; the numbers inside a function's definition are cells as well."""
    cells: list[float] = []

    def constant(value: float) -> str:
        cells.append(value)
        return f"n_{len(cells)}"

    def formula(text: str) -> str:
        return to_excel(parse(text), CELLS, {}, constant=constant)

    assert formula("1 - a * 2.5 + 0") == "1-A1*n_1+0"
    assert cells == [2.5]
    assert formula("a ** 2 - -3") == "A1^n_2-(-n_3)"
    assert not re.search(r"(?<![A-Z_a-z$0-9])[2-9]", formula("survival_gompertz(a, b, 0.5)"))
    assert 700.0 in cells


def test_a_negative_number_node_is_bracketed() -> None:
    assert to_excel(Number(-2.0), {}, {}) == "(-2)"


def test_traps_recalculated() -> None:
    """What the unbracketed texts give in a spreadsheet, and what ours give."""
    sheet = Spreadsheet({"zero": 0.0, "two": 2.0}, {})
    naive = sheet.calculate(["-2^2", "2^3^2", "FLOOR(-3.5,-1)"])
    assert naive[:2] == [4.0, 64.0]
    texts = ["-2 ** 2", "2 ** 3 ** 2", "floor(-3.5)", "-two ** two", "zero ** zero", "two ** zero"]
    formulas = [to_excel(parse(text), sheet.references, {}) for text in texts]
    assert sheet.calculate(formulas) == [-4.0, 512.0, -4.0, -4.0, 1.0, 1.0]


def test_an_error_in_the_unneeded_part_stays_there() -> None:
    sheet = Spreadsheet({"zero": 0.0}, {})
    texts = [
        "log(zero) if zero > 0 else 7",
        "1 if zero > 0 and 1 / zero > 0 else 8",
        "9 if zero == 0 or 1 / zero > 0 else 1",
    ]
    formulas = [to_excel(parse(text), sheet.references, {}) for text in texts]
    assert sheet.calculate(formulas) == [7.0, 8.0, 9.0]


def test_an_error_that_is_needed_shows() -> None:
    sheet = Spreadsheet({"zero": 0.0}, {})
    formulas = [to_excel(parse(text), sheet.references, {}) for text in ("1 / zero", "log(zero)")]
    assert all(math.isnan(value) for value in sheet.calculate(formulas))


def test_a_text_in_an_input_cell_is_not_skipped() -> None:
    """MIN and MAX of the bare cell would pass over it and give the other number."""
    sheet = Spreadsheet({"x": 1.0, "y": 5.0}, {})
    sheet.clear("x", "n/a")
    assert sheet.calculate(["MAX($A$1,$A$2)"]) == [5.0]
    formulas = [to_excel(parse(f"{name}(x, y)"), sheet.references, {}) for name in ("min", "max")]
    assert all(math.isnan(value) for value in sheet.calculate(formulas))


def test_an_empty_input_cell_counts_as_0() -> None:
    sheet = Spreadsheet({"x": 1.0, "y": 5.0}, {})
    sheet.clear("x")
    assert sheet.calculate([to_excel(parse("min(x, y)"), sheet.references, {})]) == [0.0]


def test_functions_are_those_of_excel_2010_without_prefix() -> None:
    known = {
        *("ABS", "COUNT", "EXP", "GAMMADIST", "IF", "INDEX", "INT", "LN", "MATCH", "MAX", "MIN"),
        *("NA", "NORMSDIST", "NORMSINV", "NOT", "SQRT"),
    }
    used = set()
    for function in FUNCTIONS.values():
        arguments = tuple(Name(name) for name in function.arguments)
        cells = dict.fromkeys(function.arguments, "A1")
        table = {"table": ExcelTable("B1:B2", {"column": "C1:C2"})}
        used |= set(
            re.findall(r"([A-Z.]+)\(", to_excel(Call(function.name, arguments), cells, table))
        )
    assert used <= known
    assert used >= {"GAMMADIST", "INDEX", "MATCH", "NORMSDIST"}


def test_definitions_inside_definitions_do_not_explode() -> None:
    """Each expit writes its argument twice: forty of them would be a formula of 2^40 arguments."""
    text = "expit(" * 40 + "a" + ")" * 40
    with pytest.raises(ExcelLimitError, match=r"longer than 8,000 .* split it"):
        to_excel(parse(text), CELLS, {})


def test_no_formula_is_longer_than_a_cell_takes() -> None:
    refused = 0
    for depth in range(1, 20):
        tree = parse("expit(" * depth + "a" + ")" * depth)
        try:
            assert len(to_excel(tree, CELLS, {})) < 8_192
        except ExcelLimitError:
            refused += 1
    assert 0 < refused < 19


def test_too_deep_for_excel() -> None:
    to_excel(parse("abs(" * 58 + "a" + ")" * 58), CELLS, {})
    with pytest.raises(ExcelLimitError, match="nested"):
        to_excel(parse("ceil(" * 30 + "a" + ")" * 30), CELLS, {})
