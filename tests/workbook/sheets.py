"""What tests of the workbook share: a case in memory, and every formula recalculated."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import formualizer

import heecon as he
from heecon.analysis.evaluation import run as evaluate
from heecon.workbook.address import letters
from heecon.workbook.book import Book
from heecon.workbook.case import ScenarioColumn, WorkbookInput
from heecon.workbook.recalculate import _value
from heecon.workbook.verify import distance_of
from heecon.workbook.xlsx import to_bytes

TOLERANCE = 1e-9


def case_in_memory(*models: he.Model, **more: Any) -> WorkbookInput:
    """A family of models that were never files."""
    variants = tuple(
        ScenarioColumn(f"scenario_{i}", model, evaluate(model)) for i, model in enumerate(models)
    )
    values: dict[str, Any] = {
        "chosen": 0, "left_out": {}, "outcomes": None, "seed": 1, "one_way": None, "log": None,
        "made": datetime.date(2026, 1, 2), "version": "test",
    }  # fmt: skip
    return WorkbookInput(variants=variants, **(values | more))


def with_strategies(case: WorkbookInput, names: tuple[str, ...]) -> WorkbookInput:
    """The case with some of its strategies only."""
    variants = []
    for variant in case.variants:
        kept = {name: variant.model.strategies[name] for name in names}
        rows = tuple(r for r in variant.model.parameters if r.strategy in (None, *names))
        model = replace(variant.model, strategies=kept, parameters=rows)
        variants.append(ScenarioColumn(variant.name, model, evaluate(model)))
    return replace(case, variants=tuple(variants), one_way=None, log=None)


def opened(book: Book) -> Any:
    """The workbook as formualizer reads it from the bytes of the file, recalculated."""
    found = formualizer.load_workbook_bytes(to_bytes(book))
    found.evaluate_all()
    return found


def formulas_of(book: Book) -> dict[str, list[tuple[int, int, str, Any]]]:
    """Row, column, formula and value of every formula, by sheet."""
    found: dict[str, list[tuple[int, int, str, Any]]] = {}
    for sheet in book.sheets:
        cells = found.setdefault(sheet.name, [])
        for row, line in sheet.cells.items():
            cells += [
                (row, column, cell.formula, cell.value)
                for column, cell in line.items()
                if cell.formula
            ]
        for run in sheet.runs:
            if run.template:
                cells += [
                    (row, run.column, run.formula(row), value)
                    for row, value in enumerate(run.values.tolist(), start=run.first)
                ]
    return found


def incremental_table(book: Book) -> list[tuple[Any, ...]]:
    """Strategy, what it is compared with, and status, as the sheet of results has them."""
    sheet = next(sheet for sheet in book.sheets if sheet.name == "Results")
    title = "Fully incremental analysis, by rising cost"
    first = 2 + next(
        row for row, line in sheet.cells.items() if 1 in line and line[1].value == title
    )
    rows = [
        sheet.cells[row] for row in range(first, max(sheet.cells)) if 9 in sheet.cells.get(row, {})
    ]
    return [(row[1].value, row[2].value, row[8].value) for row in rows]


def engine_s_table(case: WorkbookInput) -> list[tuple[Any, ...]]:
    """The same as the engine has it, with rows of nothing for strategies left out."""
    rows = case.variant.evaluation.incremental()
    found = [(row.strategy, row.compared_with or "", str(row.status)) for row in rows]
    return found + [("", "", "")] * (len(case.model.strategies) - len(found))


def differences(book: Book, spreadsheet: Any, *sheets: str) -> list[str]:
    """Every formula whose recalculated value is not Python's.

    Args:
        book: the workbook.
        spreadsheet: the same, opened and recalculated.
        sheets: how the names of the sheets to look at begin; none for all.
    """
    wrong = []
    for name, cells in formulas_of(book).items():
        if sheets and not name.startswith(sheets):
            continue
        results = spreadsheet.evaluate_cells([(name, row, column) for row, column, _, _ in cells])
        for (row, column, formula, value), result in zip(cells, results, strict=True):
            found = _value(result)
            distance = distance_of(value, found)
            if distance is None or distance > TOLERANCE:
                place = f"{name}!{letters(column)}{row}"
                wrong.append(f"{place}: {found!r} instead of {value!r}: ={formula[:200]}")
    return wrong
