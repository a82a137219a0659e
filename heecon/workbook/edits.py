"""What a payer changed in a workbook: overrides by id, each with the cell it stands in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.files.names import unprintable
from heecon.files.table_file import number
from heecon.workbook.address import letters
from heecon.workbook.cover import FORMAT, ROOM
from heecon.workbook.package import ReadCell, ReadSheet, read_sheets

SHEETS = ("Cover", "Control", "Inputs")
DATA = ("Tables", "Constants", "Scenario_inputs")
"""Sheets with numbers that cannot be changed in a workbook."""
VALUE_COLUMNS = ("your override", "live value", "scenario's value")
"""Where a number may have been typed: in the override, or over one of the formulas beside it."""

DETAIL = (
    "low", "high", "distribution", "se", "arg1", "arg2", "arg3", "unit", "price_year", "status",
    "source", "note",
)  # fmt: skip
"""Columns of an input that a scenario may change."""

FIXED = ("correlation_group", "tags")
"""Columns of an input that no scenario can change."""

CLOSE = 1e-12
"""Relative difference below which a number is the one that was exported: files keep 15 digits."""

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
        room: cycles its traces have room for; 0 if the cover does not say.
        draw: the draw that is replayed; 0 for none.
        data: the sheets of look-up tables and of what scenarios say, if they are there.
        notes: what a user should know of what was typed.
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
    room: int = 0
    draw: float = 0.0
    data: Mapping[str, ReadSheet] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_edits(path: Path) -> Edits:
    """Read a workbook that heecon exported and somebody may have changed.

    Raises:
        InputError: the file is unsafe or damaged, not one of heecon's, or a cell cannot be
            understood; all of them at once.
    """
    sheets = read_sheets(path, (*SHEETS, *DATA))
    missing = [name for name in SHEETS if name not in sheets]
    if missing:
        what = f"there is no sheet {', '.join(missing)}: this is not a workbook heecon exported"
        hint = "Make one with heecon workbook export; or rename the sheet back if it was renamed"
        raise InputError(Problem(path.name, what, hint))
    diagnostics = Diagnostics()
    about = _about(sheets["Cover"])
    cover = f"{path.name}:Cover"
    for label in ("format", "model", "scenario"):
        if label not in about:
            diagnostics.error(cover, f"the cover has no row '{label}'", "Export the workbook again")
    if not diagnostics.found and about["format"] != str(FORMAT):
        what = f"the workbook has the layout {about['format']}; this heecon reads {FORMAT}"
        diagnostics.error(cover, what, "Export it again and copy overrides")
    diagnostics.raise_if_any()
    _constants(sheets.get("Constants"), diagnostics)
    control = _control(sheets["Control"], diagnostics)
    values, details, ids = _inputs(sheets["Inputs"], diagnostics)
    scenario = control.pop("scenario", None)
    draw = control.pop("psa_draw", None)
    if scenario is None:
        what = "there is no row with the id 'scenario'"
        diagnostics.error(f"{path.name}:Control", what, "Export the workbook again")
    if diagnostics.found or scenario is None:
        raise diagnostics.refusal()
    stops = {
        key.removeprefix("stop."): edit for key, edit in control.items() if key.startswith("stop.")
    }
    for key, edit in stops.items():
        if key not in ids:
            what = f"the sheet of inputs has no row with the id '{key}'"
            diagnostics.error(edit.where, what, "Put the row back, or clear the cell")
        elif key in values and values[key].value != edit.value:
            what = f"'{key}' is overridden with another value at {values[key].where}"
            diagnostics.error(edit.where, what, "Clear one of the two cells")
    diagnostics.raise_if_any()
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
        data={name: sheets[name] for name in DATA if name in sheets},
        notes=tuple(_text_notes(values | stops)),
        draw=draw.value if draw and isinstance(draw.value, float) else 0.0,
        room=int(about[ROOM]) if re.fullmatch("[0-9]{1,6}", about.get(ROOM, "")) else 0,
    )


def _constants(sheet: ReadSheet | None, diagnostics: Diagnostics) -> None:
    """See that the numbers in formulas are those that their names say."""
    for (row, column), cell in sorted(sheet.cells.items()) if sheet else ():
        found = CONSTANT.fullmatch(cell.value) if isinstance(cell.value, str) else None
        if sheet and found and column == 1:
            wanted, value = float(found[1].replace("m", "-")), sheet.value(row, 2)
            if not is_same(wanted, value):
                what = f"the constant is {shown(value)} instead of {wanted:.15g}"
                hint = "Put it back: constants belong to the formulas, and change with the model"
                diagnostics.error(sheet.where(row, 2), what, hint)


def _text_notes(edits: Mapping[str, Edit]) -> Iterable[str]:
    """Numbers that are texts, which the workbook itself may not calculate with."""
    for edit in edits.values():
        if isinstance(edit.value, str):
            yield (
                f"{edit.where} is the text {shown(edit.value)}, read as a number; the workbook's "
                "own formulas may not: type it again as a number."
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
    """Row of the header, which is the one with most of the headings, and its columns by name.

    Raises:
        InputError: a heading is missing or stands twice.
    """
    needed = tuple(wanted)
    rows: dict[int, dict[str, list[int]]] = {}
    for (row, column), cell in sorted(sheet.cells.items()):
        name = cell.value.strip() if isinstance(cell.value, str) else ""
        if name in needed:
            rows.setdefault(row, {}).setdefault(name, []).append(column)
    row = max(rows, key=lambda row: (len(rows[row]), -row), default=1)
    columns = rows.get(row, {})
    problems = [
        Problem(sheet.where(row, places[1]), f"the heading '{name}' stands twice",
                "Delete the column you added, or rename its heading")
        for name, places in columns.items() if len(places) > 1
    ]  # fmt: skip
    missing = [name for name in needed if name not in columns]
    if missing:
        what = f"the row has no heading {', '.join(repr(name) for name in missing)}"
        hint = "Columns may be moved but not renamed or deleted: put the headings back"
        problems.append(Problem(sheet.where(row, 1), what, hint))
    if problems:
        raise InputError(problems)
    return row, {name: places[0] for name, places in columns.items()}


def _ids(
    sheet: ReadSheet, below: int, columns: Mapping[str, int], diagnostics: Diagnostics
) -> dict[int, str]:
    """Ids by row; nobody knows what an override in a row without one is of."""
    ids: dict[int, str] = {}
    for (row, column), cell in sorted(sheet.cells.items()):
        text = "" if cell.value is None else str(cell.value).strip()
        if column == columns["id"] and row > below and text:
            ids[row] = text
    for (row, column), cell in sorted(sheet.cells.items()):
        overridden = column == columns["your override"] and cell.value not in (None, "")
        if overridden and row > below and row not in ids:
            what = "the row has an override but no id"
            diagnostics.error(sheet.where(row, column), what, "Put its id back, or clear the cell")
    return ids


def _control(sheet: ReadSheet, diagnostics: Diagnostics) -> dict[str, Edit]:
    """Overrides of settings by id; the scenario is always there."""
    row_of_header, columns = _header(sheet, ("id", "live", "your override", "scenario says"))
    found: dict[str, Edit] = {}
    places: dict[str, str] = {}
    for row, key in _ids(sheet, row_of_header, columns, diagnostics).items():
        names = (
            ("live",)
            if key in ("scenario", "psa_draw")
            else ("your override", "live", "scenario says")
        )
        if key in FOLLOWS:
            continue
        where = sheet.where(row, columns["id"])
        edit = _first_typed(sheet, row, [columns[name] for name in names], diagnostics)
        if edit is None:
            continue
        if key in found:
            what = f"the id '{key}' stands twice (first at {places[key]})"
            diagnostics.error(where, what, "Delete one of the rows")
        found[key], places[key] = edit, where
    return found


def _inputs(
    sheet: ReadSheet, diagnostics: Diagnostics
) -> tuple[dict[str, Edit], dict[str, dict[str, Edit]], dict[str, str]]:
    """Overrides of inputs by key, their describing cells, and where each id stands."""
    row_of_header, columns = _header(sheet, ("id", *VALUE_COLUMNS, *DETAIL, *FIXED))
    values: dict[str, Edit] = {}
    details: dict[str, dict[str, Edit]] = {}
    places: dict[str, str] = {}
    for row, key in _ids(sheet, row_of_header, columns, diagnostics).items():
        where = sheet.where(row, columns["id"])
        if key in places:
            what = f"the id '{key}' stands twice (first at {places[key]})"
            diagnostics.error(where, what, "Delete one of the rows")
            continue
        places[key] = where
        edit = _first_typed(sheet, row, [columns[name] for name in VALUE_COLUMNS], diagnostics)
        if edit is not None:
            values[key] = edit
        described = {
            name: _detail(sheet, row, columns[name], name, diagnostics) for name in DETAIL + FIXED
        }
        details[key] = {name: edit for name, edit in described.items() if edit is not None}
    return values, details, places


_CELL = r"[A-Z]{1,3}[0-9]+"
_OURS = tuple(
    re.compile(pattern)
    for pattern in (
        rf'IF\(({_CELL})="",IF\(({_CELL})="",{_CELL},\2\),\1\)',
        rf'IF\(({_CELL})="",{_CELL},\1\)',
        rf"INDEX\(S[CS]_TABLE,MATCH\({_CELL},S[CS]_ID,0\),SET_SCENARIO_NUMBER\)",
        rf'IF\(({_CELL})="","",IF\(ISNUMBER\(MATCH\(\1,SC_ID,0\)\),'
        r'INDEX\(SC_TABLE,MATCH\(\1,SC_ID,0\),SET_SCENARIO_NUMBER\),"NONE"\)\)',
        r'INDEX\(IN_(LIVE|BASE),MATCH\("\w+",IN_ID,0\)\)',
        r'IF\((SET_STOP_\w+)="","",\1\)',
        rf'IF\((SET_\w+_OVERRIDE)="",{_CELL},\1\)',
    )
)
"""The formulas an export writes into cells where a value may be typed."""


def _first_typed(
    sheet: ReadSheet, row: int, columns: Sequence[int], diagnostics: Diagnostics
) -> Edit | None:
    """What a user typed into the first of some cells that holds anything typed."""
    for column in columns:
        cell = sheet.cells.get((row, column))
        if cell is None or _is_ours(cell):
            continue
        with diagnostics.collecting(where := sheet.where(row, column)):
            content = _content(cell)
            if content is not None:
                return Edit(content, where)
    return None


def _is_ours(cell: ReadCell) -> bool:
    """Whether a cell has a formula of ours: that is nothing typed."""
    plain = re.sub(r"[\s$]", "", cell.formula or "").upper()
    return any(ours.fullmatch(plain) for ours in _OURS)


CONSTANT = re.compile("const_(m?[0-9.]+(?:em?[0-9]+)?)")

FOLLOWS = frozenset(
    ["scenario_number", "cycles", "simpson_end", "pointwise", "changes",
     "model_changes", "stale"]
)  # fmt: skip
"""Rows of the control sheet that are no settings of a scenario."""

ERRORS = (
    "#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA", "#SPILL!",
    "#CALC!",
)  # fmt: skip
"""What a spreadsheet program shows where a formula has no result."""


def _content(cell: ReadCell, *, is_text: bool = False) -> float | str | None:
    """What a cell holds; None for an empty one.

    Raises:
        InvalidValue: it is neither a number nor a text.
    """
    value = cell.value
    wanted = "text" if is_text else "a number"
    if value is None and cell.formula:
        what = f"the formula {shown('=' + cell.formula)} has no result in the file"
        hint = f"Open the file in a spreadsheet program and save it, or type {wanted}"
        raise InvalidValue(what, hint)
    if value is None:
        return None
    if isinstance(value, bool):
        what = f"{str(value).upper()} is not {wanted}"
        raise InvalidValue(what, f"Type {wanted}, or clear it")
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise InvalidValue(f"{value} is not a finite number", "Type a number")
        return float(value)
    if not isinstance(value, str):
        raise InvalidValue(
            f"{value} is not {wanted}", f"Format the cell as {wanted} and type it again"
        )
    text = value.strip()
    if text in ERRORS:
        raise InvalidValue(f"the cell is the error {text}", f"Type {wanted}")
    if code := unprintable(text):
        what = f"the text has the control character {code}"
        raise InvalidValue(what, "Delete it, or type the cell again")
    if value and not text and not is_text:
        raise InvalidValue("the cell holds only spaces, which formulas take for a text", "Clear it")
    return text or None


def _detail(
    sheet: ReadSheet, row: int, column: int, name: str, diagnostics: Diagnostics
) -> Edit | None:
    """A describing cell: a number or a text, as its column wants."""
    cell = sheet.cells.get((row, column))
    if cell is None:
        return None
    with diagnostics.collecting(where := sheet.where(row, column)):
        content = _content(cell, is_text=name not in NUMBERS)
        if content is None:
            return None
        if name not in NUMBERS:
            return Edit(_text(content), where)
        figure = as_number(content)
        if name == "price_year" and not figure.is_integer():
            raise InvalidValue(f"{figure} is not a year", "Write four digits")
        return Edit(figure, where)
    return None


def as_number(content: float | str) -> float:
    """A number, also when it was typed as text.

    Raises:
        InvalidValue: it is none.
    """
    return content if isinstance(content, float) else number(str(content))


def is_same(old: object, new: object) -> bool:
    """Whether a cell still holds what was exported."""
    if isinstance(old, int | float) and isinstance(new, int | float):
        return abs(old - new) <= CLOSE * max(abs(old), abs(new))
    return old == new
