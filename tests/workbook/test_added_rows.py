"""What is typed into rows of Inputs is read by the workbook as it is by the import, or said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heecon.errors import InputError
from heecon.workbook.inputs import NO_ID, SPARE, TWICE, UNREAD
from heecon.workbook.recalculate import recalculate
from heecon.workbook.verify import verify
from tests.workbook.books import add_row, at, edited, row_of

OVERRIDE = "your override"
NOT_NUMBERS = "overrides that are not numbers"
BELOW = "rows with an id below the area that is read"


def failing(path: Path, engine: str = "formualizer") -> dict[str, Any]:
    """Value of every check of the inputs that fails."""
    found = recalculate(path, engine)
    cells = [found.values("Checks", [(r, 1), (r, 3), (r, 4)]) for r in range(7, 40)]
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
