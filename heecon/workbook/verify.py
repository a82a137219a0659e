"""Check a workbook: recalculate it with another engine and compare with heecon's, cell for cell.

Cells of the model (values, timeline, traces, outcomes, workings, results) are compared with a run
of heecon's engine on the workbook's own inputs, overrides included. All other formulas are compared
with the values the file holds for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heecon.analysis.evaluation import run
from heecon.errors import InputError, Problem
from heecon.files.xlsx_package import check_package
from heecon.workbook.address import letters
from heecon.workbook.book import Book, Value
from heecon.workbook.case import ScenarioColumn, WorkbookInput, case_of
from heecon.workbook.export import workbook
from heecon.workbook.importer import Imported, import_workbook
from heecon.workbook.layout import VALUES
from heecon.workbook.lint import Broken, lint
from heecon.workbook.package import ReadLimits, cells_in, opened
from heecon.workbook.recalculate import Recalculated, recalculate

TOLERANCE = 1e-9
"""Largest difference, relative to the value or to 1, that counts as equal."""

MODEL_SHEETS = ("Values", "Timeline", "Trace_", "Outcomes", "Frontier", "Results")


@dataclass(frozen=True)
class Difference:
    """A cell that is not what it should be.

    Attributes:
        place: ``Sheet!A1``.
        formula: what stands there.
        expected: heecon's value, or the value the file holds.
        found: the spreadsheet engine's value.
        against: "engine", "file" or "formula".
    """

    place: str
    formula: str
    expected: Value
    found: Value
    against: str


@dataclass(frozen=True)
class Verification:
    """What a check found.

    Attributes:
        imported: the workbook's own inputs.
        compared_with_engine: number of formulas compared with heecon's engine.
        compared_with_file: number compared with the values in the file.
        largest: largest relative difference among equal cells.
        differences: cells that differ.
        broken: house rules that are broken.
        notes: what could not be compared, and why.
    """

    imported: Imported
    compared_with_engine: int
    compared_with_file: int
    largest: float
    differences: tuple[Difference, ...]
    broken: tuple[Broken, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing differs and no rule is broken."""
        return not self.differences and not self.broken


def verify(path: Path, engine: str = "formualizer", source: str | None = None) -> Verification:
    """Check a workbook.

    Args:
        path: the file.
        engine: "formualizer" or "libreoffice".
        source: where the model is, if it is not found by its name.

    Raises:
        InputError: the file is unsafe, foreign, or has inputs that cannot be used.
    """
    check_package(path)
    imported = import_workbook(path, source=source)
    cycles = imported.whole.settings.cycles
    if 0 < imported.room < cycles:
        what = f"the horizon has {cycles} cycles, and the traces have room for {imported.room}"
        hint = "Import the workbook, and export it again from the scenario that gives"
        raise InputError(Problem(f"{path.name}:Control", what, hint))
    recalculated = recalculate(path, engine)
    expected = workbook(_case(imported))
    found = _Comparison(recalculated)
    notes = list(imported.notes)
    if imported.draw:
        notes.append("Set the draw to 0 to compare the model with the engine.")
    wanted = {} if imported.draw else _expected(expected)
    for sheet, cells in _formulas(path):
        found.sheet(sheet, cells, wanted)
    if found.unheld:
        notes.append(
            f"The file holds no values for {found.unheld:,} formulas outside the model's sheets: "
            "it was saved by a program that does not calculate."
        )
    for (sheet, row, column), (formula, value) in wanted.items():
        place = f"{sheet}!{letters(column)}{row}"
        found.differences.append(Difference(place, formula, value, "no formula", "formula"))
    return Verification(
        imported,
        found.with_engine,
        found.with_file,
        found.largest,
        tuple(found.differences),
        lint(path),
        tuple(notes),
    )


def _case(imported: Imported) -> WorkbookInput:
    """The family of the workbook with its overrides in the scenario it has chosen."""
    name = imported.base.scenario.name or imported.base.name
    case = case_of(imported.folder, None if name == imported.base.name else name)
    edited = ScenarioColumn(name, imported.whole, run(imported.model))
    variants = tuple(edited if v.name == name else v for v in case.variants)
    return replace(case, variants=variants, overrides=imported.overrides, room=imported.room)


_Place = tuple[str, int, int]


def _expected(book: Book) -> dict[_Place, tuple[str, Value]]:
    """Formula and value of every cell of the model's sheets."""
    found: dict[_Place, tuple[str, Value]] = {}
    for sheet in book.sheets:
        if not sheet.name.startswith(MODEL_SHEETS):
            continue
        for row, cells in sheet.cells.items():
            for column, cell in cells.items():
                if cell.formula:
                    found[sheet.name, row, column] = (cell.formula, cell.value)
        for stretch in sheet.runs:
            if stretch.template:
                for row, value in enumerate(stretch.values.tolist(), start=stretch.first):
                    found[sheet.name, row, stretch.column] = (stretch.formula(row), value)
    return found


_Cell = tuple[int, int, str, Any]
"""Row, column, formula, and the value the file holds."""


def _formulas(path: Path) -> Iterator[tuple[str, list[_Cell]]]:
    """Every formula of the file with the value it holds, sheet by sheet."""
    limits, other_limits = ReadLimits(path.name), ReadLimits(path.name)
    with opened(path, values=False) as formulas, opened(path, values=True) as values:
        for sheet, other in zip(formulas.worksheets, values.worksheets, strict=True):
            found = [cell for cell in cells_in(sheet, limits) if cell.kind != "constant"]
            wanted = {(cell.row, cell.column) for cell in found}
            held = {
                (cell.row, cell.column): cell.content
                for cell in cells_in(other, other_limits)
                if (cell.row, cell.column) in wanted
            }
            yield (
                sheet.title,
                [
                    (cell.row, cell.column, cell.content, held.get((cell.row, cell.column)))
                    for cell in found
                ],
            )


class _Comparison:
    """Compares sheet after sheet.

    Attributes:
        differences: found so far.
    """

    def __init__(self, recalculated: Recalculated) -> None:
        self.recalculated = recalculated
        self.differences: list[Difference] = []
        self.with_engine = self.with_file = self.unheld = 0
        self.largest = 0.0

    def sheet(self, name: str, cells: list[_Cell], wanted: dict[_Place, tuple[str, Value]]) -> None:
        """Compare the formulas of one sheet; those found are taken out of ``wanted``."""
        places = [(row, column) for row, column, _, _ in cells]
        results = self.recalculated.values(name, places)
        for (row, column, formula, held), result in zip(cells, results, strict=True):
            expected = wanted.pop((name, row, column), None)
            place = f"{name}!{letters(column)}{row}"
            if expected is None:
                self._compare_with_file(place, formula, held, result)
                continue
            self.with_engine += 1
            if _plain(formula) != _plain(expected[0]):
                self.differences.append(
                    Difference(place, formula, f"={expected[0]}", f"={formula}", "formula")
                )
            if name == VALUES and "MATCH(" in expected[0]:
                continue  # the place of a row on Inputs, where rows may be sorted
            self._compare(place, formula, expected[1], result, "engine")

    def _compare_with_file(self, place: str, formula: str, held: Any, result: Value) -> None:
        if held is None and result not in (None, ""):
            self.unheld += 1
            return
        self.with_file += 1
        self._compare(place, formula, held, result, "file")

    def _compare(
        self, place: str, formula: str, expected: Value, found: Value, against: str
    ) -> None:
        distance = distance_of(expected, found)
        if distance is None or not distance <= TOLERANCE:  # a distance may be no number
            self.differences.append(Difference(place, formula, expected, found, against))
        else:
            self.largest = max(self.largest, distance)


def distance_of(expected: Value, found: Value) -> float | None:
    """How far two values are apart, relative to the larger of the first and 1; None if not alike.

    An error value and a number that is not finite are alike: neither is a result.
    """
    if isinstance(expected, bool) or isinstance(found, bool):
        return 0.0 if expected == found else None
    if isinstance(expected, int | float):
        if not math.isfinite(expected):
            return 0.0 if isinstance(found, str) and found.startswith("#") else None
        if not isinstance(found, int | float):
            return None
        return abs(found - expected) / max(1.0, abs(expected))
    left, right = expected or "", found or ""
    if isinstance(left, str) and left.startswith("#"):
        return 0.0 if isinstance(right, str) and right.startswith("#") else None
    return 0.0 if left == right else None


def _plain(formula: str) -> str:
    """A formula without what spreadsheet programs change when they save it."""
    return formula.replace(" ", "").upper()
