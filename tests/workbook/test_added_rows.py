"""What is typed into rows of Inputs is read by the workbook as it is by the import, or said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from heecon.errors import InputError
from heecon.workbook.importer import import_workbook
from heecon.workbook.inputs import IMPOSSIBLE, NO_ID, SPARE, TWICE, UNREAD
from heecon.workbook.recalculate import convert, recalculate
from heecon.workbook.verify import verify
from tests.workbook.books import add_row, at, edited, row_of

Change = Callable[[Any], object]
OVERRIDE = "your override"
NOT_NUMBERS = "overrides that are not numbers"
BELOW = "rows with an id below the area that is read"


def failing(path: Path, engine: str = "formualizer") -> dict[str, Any]:
    """Value of every check that fails, but for those of traces."""
    found = recalculate(path, engine)
    cells = [found.values("Checks", [(r, 1), (r, 3), (r, 4)]) for r in range(7, 60)]
    return {str(what): value for what, value, verdict in cells if verdict == "FAIL"}


def problem(words: str) -> str:
    return f"overrides and rows with the problem '{words}'"


def test_a_spare_row_counts_as_it_does_in_the_import(export: Path) -> None:
    """The workbook must give the engine's results with the row, in every cell of the model."""
    path = edited(export, export, lambda book: add_row(book, "h_base[new]", {OVERRIDE: 0.3}))
    assert failing(path) == {}
    with at(path.parent):
        found = verify(path)
    assert found.imported.changed == 1
    assert {difference.against for difference in found.differences} <= {"file"}
    assert found.compared_with_engine > 1_000


@pytest.mark.parametrize(
    ("key", "override", "below", "what"),
    [
        ("h_base", None, 0, problem(TWICE)),
        ("h_base", 0.3, 0, problem(TWICE)),
        ("h_based", 0.3, 0, problem(UNREAD)),
        ("h_base[nobody]", 0.3, 0, problem(UNREAD)),
        (None, 0.3, 0, problem(NO_ID)),
        ("h_base[new]", 0.3, SPARE, BELOW),
    ],
)
def test_a_row_that_nothing_reads_is_said(
    export: Path, key: str | None, override: float | None, below: int, what: str
) -> None:
    edited(export, export, lambda book: add_row(book, key, {OVERRIDE: override}, below))
    assert failing(export) == {what: 1.0}
    if what != BELOW and (key != "h_base" or override):
        with at(export.parent), pytest.raises(InputError):
            verify(export)


def test_a_blank_row_is_no_input(export: Path) -> None:
    """As one that was inserted, without formulas."""

    def change(book: Any) -> None:
        row = int(add_row(book, None, {}).removeprefix("Inputs!A"))
        for cell in book["Inputs"][row]:
            cell.value = None

    edited(export, export, change)
    assert failing(export) == {}


def cell(sheet: str, key: str, column: int, value: object) -> Change:
    """A change of the cell in the row of a text of the first column."""

    def change(book: Any) -> None:
        book[sheet].cell(row_of(book[sheet], key), column).value = value

    return change


def table(book: Any) -> None:
    book["Tables"]["B6"].value = 0.5


def deleted(book: Any) -> None:
    for found in book["Inputs"][row_of(book["Inputs"], "h_base")]:
        found.value = None


@pytest.mark.parametrize(
    ("change", "checks", "words"),
    [
        (cell("Inputs", "c_care", 5, -500), (problem(IMPOSSIBLE), "total cost"), "c_care"),
        (cell("Inputs", "d_a", 5, 0.9), ("shares of 'split' sum to 1",), "Inputs!E"),
        (cell("Control", "dr_cost_1", 4, -0.02), ("discount rates: the lowest",), ""),
        (cell("Control", "dr_cost_1", 4, 3.5), ("discount rates: the highest",), ""),
        (table, ("numbers of look-up tables",), "Tables!B6: the look-up table has 0.5"),
        (cell("Constants", "const_0.5", 2, 0.7), ("constants changed",), "0.7 instead of 0.5"),
        (
            cell("Scenario_inputs", "c_care", 3, 700),
            ("inputs changed",),
            "Scenario_inputs!C34: the scenario's value of 'c_care' is 700 instead of 500",
        ),
        (deleted, ("inputs whose row is missing",), "Inputs has no row h_base"),
        (cell("Inputs", "h_base", 5, "0.3"), (NOT_NUMBERS,), "is the text '0.3'"),
        (
            cell("Control", "include[usual]", 4, "no"),
            ("the comparator",),
            "refused with what was typed",
        ),
    ],
)
def test_what_a_payer_may_do_wrong(
    export: Path, change: Change, checks: tuple[str, ...], words: str
) -> None:
    """The workbook fails a check that names it, and the import says so with the cell."""
    # With an override the checks against the engine say nothing.
    edited(export, export, cell("Control", "threshold_1", 4, 21_000))
    edited(export, export, change)
    found = failing(export)
    for start in checks:
        assert any(what.startswith(start) for what in found), found
    with at(export.parent):
        try:
            said = " ".join(import_workbook(export).notes)
        except InputError as error:
            said = str(error)
    assert words in said


@pytest.mark.parametrize(
    ("value", "count"), [(0.25, 0), (0, 0), ("abc", 1), ("0.25", 1), ("=1/0", 1)]
)
def test_overrides_are_counted_alike(export: Path, value: object, count: int) -> None:
    counted_alike(export, "formualizer", value, count)


@pytest.mark.slow
@pytest.mark.parametrize(("value", "count"), [(0.25, 0), ("abc", 1), (" ", 1)])
def test_overrides_in_libreoffice(export: Path, value: object, count: int) -> None:
    """There ``COUNTIF(...,"?*")`` counts numbers as texts (apache/poi, pull request 1327)."""
    counted_alike(export, "libreoffice", value, count)


def counted_alike(path: Path, engine: str, value: object, count: int) -> None:
    def change(book: Any) -> None:
        book["Inputs"].cell(row_of(book["Inputs"], "h_base"), 5).value = value

    edited(path, path, change)
    assert failing(path, engine).get(NOT_NUMBERS, 0) == count
    (changes,) = recalculate(path, engine).values("Results", [(2, 1)])
    assert str(changes).endswith(", with 1 override(s)")


@pytest.mark.slow
def test_a_payer_s_copy_passes_in_libreoffice(export: Path) -> None:
    """Overrides of an input, of a setting and in a spare row; saved there, and checked."""
    edited(export, export, cell("Inputs", "h_base", 5, 0.25))
    edited(export, export, cell("Control", "dr_cost_1", 4, 0.05))
    edited(export, export, lambda book: add_row(book, "c_care[new]", {OVERRIDE: 450}))
    program = shutil.which("soffice") or shutil.which("libreoffice")
    assert program, "apt-get install libreoffice-calc"
    kind = "xlsx:Calc MS Excel 2007 XML"
    saved = convert(export, export.parent / "scratch", program, kind)
    shutil.copy(saved, export)
    with at(export.parent):
        found = verify(export, "libreoffice")
    assert found.passed, found.differences[:5]
    assert found.imported.changed == 3
    cover = openpyxl.load_workbook(saved, data_only=True)["Cover"]
    shown = {label: value for label, value, *_ in cover.iter_rows(values_only=True)}
    assert (shown["all checks"], shown["overrides"]) == ("OK", 3)
