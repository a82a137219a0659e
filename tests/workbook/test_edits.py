"""What a payer typed, cell by cell: what is understood, and what is refused with its address."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heecon.errors import Diagnostics
from heecon.workbook.edits import read_edits
from heecon.workbook.package import ReadCell, ReadSheet
from tests.workbook.books import MADE, column_of, edited, imported, refused, row_of, typed, where


def test_nothing_typed(export: Path) -> None:
    edits = read_edits(export)
    assert (edits.model, edits.exported, edits.scenario.value) == (
        "small",
        "base_case",
        "base_case",
    )
    assert not edits.settings
    assert not edits.values
    assert edits.overrides == 0
    assert edits.ids["hr[new]"].startswith("small.xlsx:Inputs!A")
    assert set(edits.hashes) >= {"model.toml", "parameters.csv"}


@pytest.mark.parametrize("value", [0.7, " 0.7 ", "0.7", "7e-1"])
def test_numbers(export: Path, value: object) -> None:
    assert imported(typed(export, {"h_base": value})).model.parameters[2].value == 0.7


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0,5", "has a comma"),
        ("5%", "5% is 0.05"),
        ("abc", "'abc' is not a number"),
        (True, "TRUE is not a number"),
        ("#DIV/0!", "the cell is the error #DIV/0!"),
        ("=1/0", "the formula '=1/0' has no result"),
        ("1e999", "too large"),
        ("nan", "not a finite number"),
        ("0.\u200b5", "control character U+200B"),
    ],
)
def test_what_is_no_number(export: Path, value: object, words: str) -> None:
    typed(export, {"h_base": value})
    refused(export, f"{where('h_base')}: ", words)


def test_a_date(export: Path) -> None:
    def change(book: Any) -> None:
        sheet = book["Inputs"]
        sheet.cell(row_of(sheet, "h_base"), column_of(sheet, "your override")).value = MADE

    refused(edited(export, export, change), where("h_base"), "2026-01-01 00:00:00 is not a number")


@pytest.mark.parametrize("key", ["dr_cost_1", "cycle_length", "threshold_1", "max_age", "horizon"])
def test_settings_that_are_no_numbers(export: Path, key: str) -> None:
    typed(export, {key: "soon"})
    refused(export, f"{where(key)}: 'soon' is not a number")


def test_every_mistake_at_once(export: Path) -> None:
    typed(export, {"h_base": "x", "c_care": "y", "share_ill": "1,5"})
    found = refused(export)
    assert [problem.where for problem in found.problems] == [
        where(key) for key in ("share_ill", "h_base", "c_care")
    ]


def test_a_formula_with_its_result(export: Path) -> None:
    """As a spreadsheet program saves it."""
    typed(export, {"h_base": "=0.2*1.5→0.3"})
    assert read_edits(export).values["h_base"].value == 0.3


@pytest.mark.parametrize("heading", ["live value", "scenario's value"])
def test_a_number_typed_over_a_formula(export: Path, heading: str) -> None:
    typed(export, {("h_base", heading): 0.35})
    edits = read_edits(export)
    assert edits.values["h_base"].value == 0.35
    assert edits.values["h_base"].where == where("h_base", heading)
    assert edits.overrides == 0  # the workbook counts only its yellow cells


def test_a_formula_typed_over_a_formula_is_not_passed_over(export: Path) -> None:
    typed(export, {("h_base", "live value"): "=0.2*1.1"})
    refused(export, where("h_base", "live value"), "has no result")


def test_our_formulas_written_otherwise_are_still_ours(export: Path) -> None:
    formula = 'IF(E9="",IF(G9="",F9,G9),E9)'
    rewritten = formula.replace("IF", "if ").replace("(E", "($E$")
    typed(export, {("h_base", "live value"): f"={rewritten}→0.2"})
    assert not read_edits(export).values


def test_a_setting_typed_over_the_live_cell(export: Path) -> None:
    typed(export, {("correction", "live"): "simpson"})
    assert read_edits(export).settings["correction"].value == "simpson"


# --- rows and columns ----------------------------------------------------------------------------


def shuffled(book: Any) -> None:
    """Rows of Inputs in reverse order, with blank rows between, as values are sorted."""
    sheet = book["Inputs"]
    first, last = row_of(sheet, "id") + 1, sheet.max_row
    rows = [[found.value for found in row] for row in sheet.iter_rows(first, last)]
    sheet.delete_rows(first, last)
    for number, values in enumerate(reversed(rows)):
        for column, value in enumerate(values, start=1):
            sheet.cell(first + 2 * number, column).value = value


def moved_columns(book: Any) -> None:
    sheet = book["Inputs"]
    sheet.insert_cols(3, 2)
    source = column_of(sheet, "id")
    for row in range(1, sheet.max_row + 1):
        sheet.cell(row, 40).value = sheet.cell(row, source).value
        sheet.cell(row, source).value = None


def more_columns(book: Any) -> None:
    book["Control"].insert_cols(2)
    sheet = book["Inputs"]
    sheet.insert_cols(1)
    sheet["A6"] = "my notes"
    sheet["A9"] = "ask the manufacturer"


def rows_above(book: Any) -> None:
    for name in ("Cover", "Control", "Inputs"):
        book[name].insert_rows(1, 5)
    book["Inputs"]["A2"] = "Changed by the payer"


@pytest.mark.parametrize("change", [shuffled, moved_columns, more_columns, rows_above])
def test_rows_and_columns_may_move(export: Path, change: Callable[[Any], None]) -> None:
    typed(export, {"hr[new]": 0.75, "h_base": 0.15, "dr_cost_1": 0.05})
    edited(export, export, change)
    found = imported(export)
    values = {row.key: row.value for row in found.model.parameters}
    assert (values["hr[new]"], values["h_base"], found.changed) == (0.75, 0.15, 3)
    assert "effect = [{ from = 0, rate = 0.03 }" in found.text


def test_columns_copied_twice_are_ambiguous(export: Path) -> None:
    def change(book: Any) -> None:
        book["Inputs"]["Z6"] = "your override"

    refused(edited(export, export, change), "Inputs!Z6", "stands twice")


@pytest.mark.parametrize("heading", ["id", "your override", "live value", "distribution", "source"])
def test_headings_renamed_or_deleted(export: Path, heading: str) -> None:
    """A missing column of distributions is not a wish to clear them all."""

    def change(book: Any) -> None:
        sheet = book["Inputs"]
        sheet.cell(6, column_of(sheet, heading)).value = "renamed"

    refused(edited(export, export, change), "small.xlsx:Inputs!A6", heading)


def test_ids_that_stand_twice(export: Path) -> None:
    def change(book: Any) -> None:
        sheet = book["Inputs"]
        sheet.cell(row_of(sheet, "c_care"), 1).value = "h_base"

    refused(edited(export, export, change), "'h_base' stands twice", "Inputs!A")


def test_settings_that_stand_twice(export: Path) -> None:
    typed(export, {"dr_cost_1": 0.01})

    def change(book: Any) -> None:
        book["Control"]["A60"] = "dr_cost_1"
        book["Control"]["D60"] = 0.02

    refused(edited(export, export, change), "Control!A60", "'dr_cost_1' stands twice")


def test_an_override_without_its_id(export: Path) -> None:
    typed(export, {"h_base": 0.3})
    at = where("h_base")

    def change(book: Any) -> None:
        sheet = book["Inputs"]
        sheet.cell(row_of(sheet, "h_base"), 1).value = None

    refused(edited(export, export, change), f"{at}: the row has an override but no id")


def test_deleted_rows_change_nothing(export: Path) -> None:
    def change(book: Any) -> None:
        book["Inputs"].delete_rows(row_of(book["Inputs"], "c_care"))

    assert imported(edited(export, export, change)).changed == 0


@pytest.mark.parametrize(
    ("sheet", "key", "words"),
    [
        ("Inputs", "h_bse", "Did you mean 'h_base'?"),
        ("Inputs", "hr[nwe]", "unknown input 'hr[nwe]'"),
        ("Inputs", "hr[new", "unknown input 'hr[new'"),
        ("Inputs", "hr[new]]", "unknown input"),
        ("Inputs", "7", "unknown input"),
        ("Control", "dr_cost_0", "no setting"),
        ("Control", "dr_cost_9", "no stretch 9"),
        ("Control", "dr_price_1", "no setting"),
        ("Control", "threshold_x", "no setting"),
        ("Control", "threshold_²", "no setting"),
        ("Control", "include[nobody]", "unknown strategy 'nobody'"),
        ("Control", "stop.h_nothing", "no row with the id 'h_nothing'"),
        ("Control", "colour", "no setting"),
    ],
)
def test_unknown_ids(export: Path, sheet: str, key: str, words: str) -> None:
    def change(book: Any) -> None:
        page = book[sheet]
        page.cell(200, 1).value = key
        page.cell(200, column_of(page, "your override")).value = 0.5

    column = "E" if sheet == "Inputs" else "D"
    found = refused(edited(export, export, change), words)
    assert found.problems[0].where in {
        f"small.xlsx:{sheet}!{column}200",
        f"small.xlsx:{sheet}!A200",
    }


def test_a_stopping_rule_typed_in_both_places(export: Path) -> None:
    typed(export, {"stop.stop_at": 3})
    assert read_edits(export).values["stop_at"].value == 3
    typed(export, {"stop_at": 4})
    refused(export, where("stop.stop_at"), "another value", where("stop_at"))
    typed(export, {"stop_at": 3})
    assert imported(export).changed == 1


# --- the cover -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("format", "99", "the layout 99"),
        ("model", "../small", "is not here"),
        ("model", "/etc", "is not here"),
        ("model", "nowhere", "--model FOLDER"),
        ("model", 'small"\nx = "', "is not here"),
        ("scenario", "../../dearer", "not the name of a scenario"),
        ("scenario", "/elsewhere/evil.toml", "not the name of a scenario"),
        ("scenario", "evil.toml", "not the name of a scenario"),
        ("scenario", "gone", "no scenario 'gone'"),
    ],
)
def test_a_cover_that_says_something_else(export: Path, label: str, value: str, words: str) -> None:
    (export.parent / "evil.toml").write_text('title = "Secret words"', encoding="utf-8")

    def change(book: Any) -> None:
        sheet = book["Cover"]
        sheet.cell(row_of(sheet, label), 2).value = value

    found = refused(edited(export, export, change), words, "small.xlsx:Cover")
    assert "Secret" not in str(found)


@pytest.mark.parametrize("label", ["format", "model", "scenario"])
def test_a_cover_without_a_row(export: Path, label: str) -> None:
    def change(book: Any) -> None:
        book["Cover"].delete_rows(row_of(book["Cover"], label))

    refused(edited(export, export, change), f"no row '{label}'")


@pytest.mark.parametrize(
    "value", ["../dearer", "dearer.toml", "/elsewhere/evil.toml", 'x"\n[parameters]', 7, "deerer"]
)
def test_a_scenario_that_cannot_be_chosen(export: Path, value: object) -> None:
    typed(export, {("scenario", "live"): value})
    refused(export, where("scenario", "live"))


def test_errors_are_only_those_of_spreadsheets() -> None:
    """A source may begin with a number sign."""
    from heecon.workbook import edits  # noqa: PLC0415

    sheet = ReadSheet(
        "f.xlsx", "Inputs", {(1, 1): ReadCell("#5 of the list"), (1, 2): ReadCell("#N/A")}
    )
    diagnostics = Diagnostics()
    edit = edits._detail(sheet, 1, 1, "source", diagnostics)
    assert edit is not None
    assert (edit.value, diagnostics.errors) == ("#5 of the list", ())
    assert edits._detail(sheet, 1, 2, "source", diagnostics) is None
    assert diagnostics.errors[0].where == "f.xlsx:Inputs!B1"
