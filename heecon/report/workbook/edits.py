"""What a payer changed in a workbook: overrides by id, each with the cell it stands in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heecon.errors import InputError, Problem
from heecon.model.complaint import Complaint, shown
from heecon.model.table_file import number
from heecon.report.workbook.address import letters
from heecon.report.workbook.cover import FORMAT
from heecon.report.workbook.package import ReadCell, ReadSheet, read_sheets

SHEETS = ("Cover", "Control", "Inputs")
VALUE_COLUMNS = ("your override", "live value", "scenario's value")
"""Where a number may have been typed: in the override, or over one of the formulas beside it."""

DETAIL = (
    "low", "high", "distribution", "se", "arg1", "arg2", "arg3", "unit", "price_year", "status",
    "source", "note",
)  # fmt: skip
"""Columns of an input that a scenario may change."""

NUMBERS = ("low", "high", "se", "arg1", "arg2", "arg3", "price_year")


@dataclass(frozen=True)
class Edit:
    """One value a user typed.

    Attributes:
        value: a number or a text.
        where: the cell.
    """

    value: float | str
    where: str


@dataclass(frozen=True)
class Edits:
    """Everything a workbook says that differs from what was exported, still unchecked.

    Attributes:
        file: how messages call the file.
        model: name of the model.
        exported: scenario the workbook was made for.
        scenario: scenario chosen now, and its cell.
        settings: by id of the control sheet.
        values: overrides by key of the input.
        details: by key, then column: what the describing columns say now.
        ids: where each key stands.
        overrides: how many override cells are filled in.
        hashes: of the files the workbook was made from, by name.
    """

    file: str
    model: str
    exported: str
    scenario: Edit
    settings: dict[str, Edit] = field(default_factory=dict)
    values: dict[str, Edit] = field(default_factory=dict)
    details: dict[str, dict[str, Edit]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    overrides: int = 0
    hashes: dict[str, str] = field(default_factory=dict)


def read_edits(path: Path) -> Edits:
    """Read a workbook that heecon exported and somebody may have changed.

    Raises:
        InputError: the file is unsafe or damaged, not one of heecon's, or a cell cannot be
            understood; all of them at once.
    """
    sheets = read_sheets(path, SHEETS)
    missing = [name for name in SHEETS if name not in sheets]
    if missing:
        what = f"there is no sheet {', '.join(missing)}: this is not a workbook heecon exported"
        remedy = "Make one with heecon workbook export, and change that"
        raise InputError(Problem(path.name, what, remedy))
    problems: list[Problem] = []
    about = _about(sheets["Cover"])
    for label in ("format", "model", "scenario"):
        if label not in about:
            what = f"the cover has no row '{label}'"
            problems.append(Problem(f"{path.name}:Cover", what, "Export the workbook again"))
    if not problems and about["format"] != str(FORMAT):
        what = f"the workbook has the layout {about['format']}; this heecon reads {FORMAT}"
        problems.append(Problem(f"{path.name}:Cover", what, "Export it again and copy overrides"))
    if problems:
        raise InputError(problems)
    control, found = _control(sheets["Control"])
    problems += found
    values, details, ids, found = _inputs(sheets["Inputs"])
    problems += found
    scenario = control.pop("scenario", None)
    if scenario is None:
        what = "there is no row with the id 'scenario'"
        problems.append(Problem(f"{path.name}:Control", what, "Export the workbook again"))
    if problems or scenario is None:
        raise InputError(problems)
    stops = {
        key.removeprefix("stop."): edit for key, edit in control.items() if key.startswith("stop.")
    }
    return Edits(
        file=path.name,
        model=about["model"],
        exported=about["scenario"],
        scenario=scenario,
        settings={key: edit for key, edit in control.items() if not key.startswith("stop.")},
        values=values | stops,
        details=details,
        ids=ids,
        overrides=_filled(sheets["Control"], control) + _filled(sheets["Inputs"], values),
        hashes=_hashes(sheets["Cover"]),
    )


def _filled(sheet: ReadSheet, edits: Mapping[str, Edit]) -> int:
    """How many edits stand in the column of overrides rather than over a formula."""
    _, columns = _header(sheet, ("id", "your override"))
    column = letters(columns["your override"])
    mark = re.compile(rf"!{column}[0-9]+$")
    return sum(bool(mark.search(edit.where)) for edit in edits.values())


def _about(cover: ReadSheet) -> dict[str, str]:
    """What the cover says: label -> text."""
    found: dict[str, str] = {}
    for (row, column), cell in sorted(cover.cells.items()):
        beside = cover.value(row, column + 1)
        if isinstance(cell.value, str) and beside is not None and not isinstance(beside, bool):
            found.setdefault(cell.value, _text(beside))
    return found


def _hashes(cover: ReadSheet) -> dict[str, str]:
    return {
        label: text
        for label, text in _about(cover).items()
        if len(text) == 64 and set(text) <= set("0123456789abcdef")
    }


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _header(sheet: ReadSheet, wanted: Iterable[str]) -> tuple[int, dict[str, int]]:
    """Row of the header and its columns by name.

    Raises:
        InputError: there is none.
    """
    rows: dict[int, dict[str, int]] = {}
    for (row, column), cell in sheet.cells.items():
        if isinstance(cell.value, str):
            rows.setdefault(row, {}).setdefault(cell.value.strip(), column)
    needed = set(wanted)
    for row in sorted(rows):
        if needed <= rows[row].keys():
            return row, rows[row]
    what = f"no row has the headings {', '.join(sorted(needed))}"
    remedy = "Columns may be moved but not renamed: put the headings back"
    raise InputError(Problem(f"{sheet.file}:{sheet.name}", what, remedy))


def _ids(sheet: ReadSheet, below: int, column: int) -> dict[int, str]:
    """Ids by row."""
    return {
        row: cell.value.strip()
        for (row, place), cell in sorted(sheet.cells.items())
        if place == column and row > below and isinstance(cell.value, str) and cell.value.strip()
    }


def _control(sheet: ReadSheet) -> tuple[dict[str, Edit], list[Problem]]:
    """Overrides of settings by id; the scenario is always there."""
    row_of_header, columns = _header(sheet, ("id", "live", "your override", "scenario says"))
    found: dict[str, Edit] = {}
    problems: list[Problem] = []
    for row, key in _ids(sheet, row_of_header, columns["id"]).items():
        names = ("live",) if key == "scenario" else ("your override", "live", "scenario says")
        if key in {"psa_draw", "scenario_number", "cycles", "simpson_end", "pointwise", "changes"}:
            continue
        for name in names:
            edit, problem = _typed(
                sheet, row, columns[name], formula_is_ours=name != "your override"
            )
            problems += problem
            if edit is not None:
                if key in found:
                    what = f"the id '{key}' stands twice"
                    problems.append(Problem(edit.where, what, "Delete one of the rows"))
                found[key] = edit
                break
    return found, problems


def _inputs(
    sheet: ReadSheet,
) -> tuple[dict[str, Edit], dict[str, dict[str, Edit]], dict[str, str], list[Problem]]:
    """Overrides of inputs by key, their describing cells, and where each id stands."""
    row_of_header, columns = _header(sheet, ("id", *VALUE_COLUMNS))
    values: dict[str, Edit] = {}
    details: dict[str, dict[str, Edit]] = {}
    places: dict[str, str] = {}
    problems: list[Problem] = []
    for row, key in _ids(sheet, row_of_header, columns["id"]).items():
        where = sheet.where(row, columns["id"])
        if key in places:
            what = f"the id '{key}' stands twice (first at {places[key]})"
            problems.append(Problem(where, what, "Delete one of the rows"))
            continue
        places[key] = where
        for name in VALUE_COLUMNS:
            edit, problem = _typed(
                sheet, row, columns[name], formula_is_ours=name != "your override"
            )
            problems += problem
            if edit is not None:
                values[key] = edit
                break
        details[key] = {}
        for name in DETAIL:
            if name in columns:
                edit, problem = _detail(sheet, row, columns[name], name)
                problems += problem
                if edit is not None:
                    details[key][name] = edit
    return values, details, places, problems


def _typed(
    sheet: ReadSheet, row: int, column: int, *, formula_is_ours: bool
) -> tuple[Edit | None, list[Problem]]:
    """What a user typed into a cell, if anything."""
    cell = sheet.cells.get((row, column))
    where = sheet.where(row, column)
    if cell is None or (cell.value in ("", None) and not cell.formula):
        return None, []
    if cell.formula and (formula_is_ours or "set_stop_" in cell.formula):
        return None, []
    return _content(cell, where)


def _content(cell: ReadCell, where: str) -> tuple[Edit | None, list[Problem]]:
    value = cell.value
    if cell.formula and value is None:
        what = f"the formula {shown('=' + cell.formula)} has no result in the file"
        remedy = "Open the file in a spreadsheet program and save it, or type the number"
        return None, [Problem(where, what, remedy)]
    if isinstance(value, bool):
        return None, [Problem(where, f"{value} is not a number", "Type a number, or clear it")]
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return None, [Problem(where, f"{value} is not a finite number", "Type a number")]
        return Edit(float(value), where), []
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("#"):
            return None, [Problem(where, f"the cell is the error {text}", "Type a number")]
        return (Edit(text, where), []) if text else (None, [])
    what = f"{shown(value)} is not a number"
    return None, [Problem(where, what, "Format the cell as a number and type it again")]


def _detail(
    sheet: ReadSheet, row: int, column: int, name: str
) -> tuple[Edit | None, list[Problem]]:
    """A describing cell: a number or a text, as its column wants."""
    cell = sheet.cells.get((row, column))
    if cell is None or cell.value in ("", None):
        return None, []
    where = sheet.where(row, column)
    edit, problems = _content(cell, where)
    if edit is None or name not in NUMBERS:
        return (None if edit is None else Edit(_text(edit.value), where)), problems
    return as_number(edit)


def as_number(edit: Edit) -> tuple[Edit | None, list[Problem]]:
    """An edit that must be a number, also when it was typed as text."""
    if isinstance(edit.value, float):
        return edit, []
    try:
        return Edit(number(edit.value), edit.where), []
    except Complaint as complaint:
        return None, [complaint.at(edit.where)]
