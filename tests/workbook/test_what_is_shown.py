"""A workbook says what its numbers are of: currency, draw, strategies left out, stale analyses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import formualizer
import numpy as np
import pytest

from heecon.analysis.ceac import ceac
from heecon.analysis.scenarios import run_scenarios
from heecon.workbook.case import WorkbookInput, case_of
from heecon.workbook.comparison import comparison_book
from heecon.workbook.export import workbook
from heecon.workbook.importer import import_workbook
from heecon.workbook.psa_sheets import CURVES, STEPS
from heecon.workbook.xlsx import to_bytes
from tests.workbook.books import FILES, at, edited, row_of, write_files

DRAWS = 30
ABROAD = """\
title      = "Abroad"
extends    = "base_case"
[settings]
currency   = "CAD"
price_year = 2020
thresholds = [50000]
"""
MODEL = FILES["inputs/small/model.toml"].replace(
    'title       = "Small"\n', 'title       = "Small"\ncurrency = "GBP"\nprice_year = 2024\n'
).replace("well = 0.8", 'well = "u_well"') + (
    '[outcomes.stays]\nkind = "count"\nstate = { ill = 1 }\n'
    '[outcomes.years]\nkind = "life_year"\nstate = { alive = 1 }\n'
    '[strategies.third]\nlabel = "Third"\n'
)  # fmt: skip
UTILITY = "u_well,,0.8,,,,,,,,utility,assumption,a guess\n"
ALL = FILES | {
    "inputs/small/model.toml": MODEL,
    "inputs/small/parameters.csv": FILES["inputs/small/parameters.csv"] + UTILITY,
    "scenarios/small/abroad.toml": ABROAD,
}


class Exported:
    """A workbook with draws, opened in formualizer."""

    def __init__(self, root: Any) -> None:
        write_files(root, ALL)
        with at(root):
            self.case: WorkbookInput = case_of("small/base_case", draws=DRAWS, version="0")
            self.comparison = comparison_book(list(run_scenarios("small").values()))
        self.path = root / "small.xlsx"
        self.path.write_bytes(to_bytes(workbook(self.case)))
        self.spreadsheet = formualizer.load_workbook(str(self.path))
        self.spreadsheet.evaluate_all()
        get = self.spreadsheet.get_value
        self.inputs = {get("Inputs", row, 1): row for row in range(7, 30)}
        self.control = {get("Control", row, 1): row for row in range(1, 60)}

    @contextmanager
    def typed(self, values: Mapping[str, object]) -> Iterator[None]:
        """With something typed on Control: into the choice of the first rows, else as override."""
        cells = [
            (self.control[k], 3 if k in ("scenario", "psa_draw") else 4, v)
            for k, v in values.items()
        ]
        before = [self.spreadsheet.get_value("Control", row, column) for row, column, _ in cells]
        for row, column, value in cells:
            self.spreadsheet.set_value("Control", row, column, value)
        self.spreadsheet.evaluate_all()
        yield
        for (row, column, _), value in zip(cells, before, strict=True):
            self.spreadsheet.set_value("Control", row, column, value)
        self.spreadsheet.evaluate_all()

    def text(self, sheet: str, row: int, column: int = 1) -> str:
        return str(self.spreadsheet.get_value(sheet, row, column) or "")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return Exported(tmp_path_factory.mktemp("shown"))


def test_the_currency_is_that_of_the_scenario(exported: Exported) -> None:
    assert exported.text("Results", 3).startswith("Money: GBP, 2024.")
    with exported.typed({"scenario": "abroad"}):
        assert exported.text("Results", 3).startswith("Money: CAD, 2020.")
        assert exported.text("Control", exported.control["currency"], 3) == "CAD"
    rows = [[exported.text("Scenarios", 9, column) for column in (1, 3, 4)]]
    assert rows == [["currency", "GBP", "CAD"]]


def test_net_benefit_is_at_thresholds_of_the_own_currency(exported: Exported) -> None:
    sheet = next(sheet for sheet in exported.comparison.sheets if sheet.name == "Side_by_side")
    lines = [[cell.value for cell in line.values()] for line in sheet.cells.values()]
    first = lines.index(["incremental NMB at 20,000"])
    assert lines[first + 1] == ["scenario", "currency", "comparator", "usual", "new", "third"]
    found = {line[0]: (line[1], len(line) > 3) for line in lines[first + 2 : first + 5]}
    assert found == {"base_case": ("GBP", True), "abroad": ("CAD", False), "dearer": ("GBP", True)}


def test_the_psa_is_of_the_strategies_compared(exported: Exported) -> None:
    outcomes = exported.case.outcomes
    assert outcomes is not None
    with exported.typed({"include[usual]": "no", "comparator": "third"}):
        rows = range(CURVES + 1, CURVES + 2 + STEPS)
        get = exported.spreadsheet.get_value
        shown: list[list[Any]] = [
            [get("PSA", row, column) for column in (1, 2, 3, 4, 5, 6)] for row in rows
        ]
        words = [exported.text("PSA", 4, 2 + i) for i in range(3)]
        results = [exported.text("Results", 4, 3 + i) for i in range(3)]
    assert words == results == ["not compared", "", ""]
    levels = [line[0] for line in shown]
    keep = [outcomes.strategies.index(name) for name in ("new", "third")]
    level = np.array(levels)[:, None, None]
    benefit = level * outcomes.effect[:, keep] - outcomes.cost[:, keep]
    wins = benefit == benefit.max(axis=2, keepdims=True)
    share = (wins / wins.sum(axis=2, keepdims=True)).mean(axis=1)
    evpi = benefit.max(axis=2).mean(axis=1) - benefit.mean(axis=1).max(axis=1)
    assert {line[1] for line in shown} <= {"", None}
    np.testing.assert_allclose([line[2:4] for line in shown], share, atol=1e-12)
    np.testing.assert_allclose([line[5] for line in shown], evpi, rtol=1e-9, atol=1e-6)
    everything = ceac(outcomes, levels)
    assert np.abs(everything.probability[:, keep] - share).max() > 0.1


@pytest.mark.parametrize(
    ("typed", "stale", "scenarios"),
    [
        ({}, "", False),
        ({"threshold_1": 25_000, "include[new]": "no", "comparator": "third"}, "", False),
        ({"dr_cost_1": 0.05}, "with 1 override(s)", True),
        ({"scenario": "dearer"}, "now shows dearer", False),
        ({"psa_draw": 7}, "and draw 7", False),
    ],
)
def test_stored_analyses_say_that_they_are_stale(
    exported: Exported, typed: dict[str, object], stale: str, scenarios: bool
) -> None:
    with exported.typed(typed):
        for sheet in ("PSA", "One_way"):
            words = exported.text(sheet, 3)
            assert stale in words
            assert words.startswith("STALE: stored for base_case") == bool(stale)
        assert exported.text("Scenarios", 3).startswith("STALE") == scenarios


def test_a_replayed_draw_is_announced(exported: Exported) -> None:
    with exported.typed({"psa_draw": 7}):
        assert exported.text("Results", 1, 3) == "DRAW 7 OF THE PSA"
        assert exported.text("Results", 2) == "Scenario: base_case"
    path = exported.path.parent / "drawn.xlsx"

    def change(book: Any) -> None:
        book["Control"].cell(row_of(book["Control"], "psa_draw"), 3).value = 7

    edited(exported.path, path, change)
    with at(path.parent):
        notes = import_workbook(path).notes
    assert any(note.startswith("Draw 7 of the PSA is replayed") for note in notes)


def test_qalys_are_not_above_life_years(exported: Exported) -> None:
    get, row = exported.spreadsheet.get_value, exported.inputs["u_well"]
    exported.spreadsheet.set_value("Inputs", row, 5, 1.5)
    exported.spreadsheet.evaluate_all()
    found = [get("Checks", r, 1) for r in range(7, 90) if get("Checks", r, 4) == "FAIL"]
    exported.spreadsheet.set_value("Inputs", row, 5, None)
    exported.spreadsheet.evaluate_all()
    problem = "overrides and rows with the problem 'impossible value'"
    assert found == [problem, *["QALYs above life years (undiscounted)"] * 3]
    assert exported.text("Checks", 3, 4) == "OK"


def test_counts_of_different_things_are_not_added(exported: Exported) -> None:
    get = exported.spreadsheet.get_value
    cells = [[get("Results", row, column) for column in (1, 2, 4)] for row in range(1, 90)]
    result = exported.case.variant.evaluation.result
    for name, label in (("deaths", "deaths"), ("stays", "stays")):
        shown = [
            value
            for first, kind, value in cells
            if first == label and str(kind).startswith("count")
        ]
        place = [outcome.name for outcome in result.outcomes].index(name)
        wanted = [cube[0, 1, place].sum() for cube in (result.discounted, result.undiscounted)]
        assert shown == pytest.approx(wanted)
