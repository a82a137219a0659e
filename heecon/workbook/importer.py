"""Turn a payer's edited workbook into a scenario file that holds only what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heecon.analysis.evaluation import run
from heecon.difference.difference import between
from heecon.errors import Diagnostics, InputError, Problem, shown
from heecon.files import locate
from heecon.files.shape import Where
from heecon.files.toml_file import parse_toml
from heecon.files.write import write_all
from heecon.model.definition import Model
from heecon.model.load import load
from heecon.model.scenario import Layer
from heecon.model.schema import ScenarioFile
from heecon.workbook.changed_inputs import ChangedInputs
from heecon.workbook.changed_settings import ChangedSettings
from heecon.workbook.edits import Edits, is_same, read_edits
from heecon.workbook.inputs import values_of
from heecon.workbook.layout import SCENARIO_INPUTS, TABLE_FIRST, TABLES
from heecon.workbook.package import ReadSheet
from heecon.workbook.timeline import columns_of

SHOWN = 5
"""Cells and rows that a message names."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Imported:
    """A workbook read back.

    Attributes:
        folder: of the model.
        base: the scenario chosen in the workbook, as it is without the overrides.
        model: with the overrides.
        whole: with the overrides and the strategies they leave out.
        text: the scenario file, as TOML.
        changed: how many settings and inputs the scenario overrides.
        overrides: how many cells are filled in for that.
        room: cycles the workbook's traces have room for; 0 if it does not say.
        draw: the draw replayed in the workbook; 0 for none.
        notes: what a user should know.
    """

    folder: Path
    base: Model
    model: Model
    whole: Model
    text: str
    changed: int
    overrides: int
    room: int
    draw: float
    notes: tuple[str, ...]


def import_workbook(path: Path, target: Path | None = None, source: str | None = None) -> Imported:
    """Read an edited workbook, check everything in it, and write the scenario it amounts to.

    Args:
        path: the workbook.
        target: file to write; None writes nothing.
        source: where the model is, if it is not found by its name.

    Raises:
        InputError: the file is unsafe or foreign, or cells cannot be used; nothing is written.
    """
    edits = read_edits(path)
    folder, base, whole, exported = _models(edits, source)
    content, notes = _content(edits, base, whole, exported)
    versions = _version_notes(edits, base)
    if not versions:
        _check_data(edits, whole, exported)
    notes = [*versions, *edits.notes, *_missing_rows(edits, exported), *notes]
    head = _head(edits, base)
    scenario = Layer(ScenarioFile.model_validate(head | content), _where(edits), "workbook")
    model, complete = _loaded(folder, scenario, edits)
    kept = {key: content[key] for key in ("strategies",) if key in content}
    difference = between(whole, complete)
    text = difference.to_toml(head | kept)
    parse_toml(text, edits.file)  # what was typed may be too much for a file
    if target is not None:
        _not_in_use(target, folder, base)
        run(model)  # nothing is written that cannot be run
        write_all(target.parent, {target.name: text})
    given = difference.overrides()
    tables = given["parameters"].values()
    changed = len(kept) + len(given["settings"])
    changed += sum(1 if "value" in table else len(table) for table in tables)
    if edits.room and model.settings.cycles > edits.room:
        notes.append(
            f"The horizon has {model.settings.cycles} cycles, and the workbook has room for "
            f"{edits.room}: its own results leave out the rest. Export it again from the scenario."
        )
    if edits.draw:
        notes.append(
            f"Draw {edits.draw:g} of the PSA is replayed in the workbook: its results are of that "
            "draw, and the scenario is of the base values."
        )
    return Imported(
        folder=folder,
        base=base,
        model=model,
        whole=complete,
        text=text,
        changed=changed,
        overrides=edits.overrides,
        room=edits.room,
        draw=edits.draw,
        notes=tuple(notes),
    )


def _not_in_use(target: Path, folder: Path, base: Model) -> None:
    """Refuse to write over what the new scenario rests on, or under the name it extends.

    Raises:
        InputError: it would extend itself.
    """
    in_use = {(folder.parent.parent / file.name).resolve() for file in base.files}
    if target.resolve() in in_use or target.stem == base.scenario.name != base.name:
        what = f"the new scenario extends '{base.scenario.name}' and cannot have its name"
        raise InputError(Problem(str(target), what, "Choose another name"))


def _models(edits: Edits, source: str | None) -> tuple[Path, Model, Model, Model]:
    """What the workbook is of.

    Returns:
        The model's folder; the chosen scenario, without and with the strategies it leaves out; the
        scenario the workbook was made for.
    """
    cover = f"{edits.file}:Cover"
    place = Problem(cover, f"the model {shown(edits.model)} is not here",
                    "Say where it is with --model FOLDER")  # fmt: skip
    if source is None and not _NAME.fullmatch(edits.model):
        raise InputError(place)
    try:
        folder = locate.find(source or edits.model).model
    except InputError as error:
        raise InputError([place, *error.problems]) from None
    if folder.name != edits.model:
        what = f"the workbook is of the model '{edits.model}', not of '{folder.name}'"
        raise InputError(Problem(cover, what, "Name the folder of that model"))
    chosen = edits.scenario.value
    if not isinstance(chosen, str):
        what = f"{shown(chosen)} is not the name of a scenario"
        raise InputError(Problem(edits.scenario.where, what, "Choose one from the list"))

    def loaded(name: str, where: str, *, every_strategy: bool) -> Model:
        try:
            if not _NAME.fullmatch(name) or name.endswith(".toml"):
                what = f"{shown(name)} is not the name of a scenario"
                raise InputError(Problem(where, what, "Choose one from the list"))
            scenario = None if name == edits.model else name
            return load(
                folder, scenario, no_scenario=scenario is None, every_strategy=every_strategy
            )
        except InputError as error:
            what = f"the scenario {shown(name)} cannot be used"
            raise InputError([Problem(where, what), *error.problems]) from None

    base = loaded(chosen, edits.scenario.where, every_strategy=False)
    whole = loaded(chosen, edits.scenario.where, every_strategy=True)
    same = edits.exported == chosen
    exported = whole if same else loaded(edits.exported, cover, every_strategy=True)
    return folder, base, whole, exported


def _head(edits: Edits, base: Model) -> dict[str, Any]:
    """What the scenario says of itself."""
    title = base.scenario.title or base.scenario.name or base.settings.title
    head: dict[str, Any] = {
        "title": f"{title}, as changed in {edits.file}",
        "purpose": f"Overrides typed into {edits.file}, exported for {edits.exported}.",
        "model": edits.model,
    }
    if edits.scenario.value != edits.model:
        head["extends"] = edits.scenario.value
    return head


def _version_notes(edits: Edits, base: Model) -> list[str]:
    changed = [
        file.name
        for file in base.files
        if file.name in edits.hashes and edits.hashes[file.name] != file.sha256
    ]
    if not changed:
        return []
    return [
        f"The workbook was made from another version of {', '.join(changed)}: its overrides are "
        "applied to the files as they are now."
    ]


def _missing_rows(edits: Edits, exported: Model) -> list[str]:
    """Inputs that were deleted, without which the workbook's own formulas fail."""
    missing = [row.key for row in exported.parameters if row.key not in edits.ids]
    if not missing:
        return []
    named = ", ".join(missing[:SHOWN]) + (", ..." if missing[SHOWN:] else "")
    return [
        f"{edits.file}:Inputs has no row {named}: the scenario's value is read, and the "
        "workbook's own results fail or are others. Put the row back."
    ]


def _check_data(edits: Edits, whole: Model, exported: Model) -> None:
    """See that look-up tables, and what the chosen scenario says, are as they were exported.

    Raises:
        InputError: naming the cells that were changed.
    """
    problems = [
        Problem(sheet.where(row, column), f"{what} {shown(found)} instead of {value:.15g}", hint)
        for sheet, row, column, value, what, hint in _data(edits, whole, exported)
        if not is_same(value, found := sheet.value(row, column))
    ]
    if problems:
        more = replace(problems[0], what=f"{len(problems) - SHOWN} more such cells differ")
        raise InputError(problems[:SHOWN] + [more] * bool(problems[SHOWN:]))


def _data(
    edits: Edits, whole: Model, exported: Model
) -> Iterator[tuple[ReadSheet, int, int, float, str, str]]:
    """Cells of stored numbers: sheet, row, column, number, and what to say of another."""
    if sheet := edits.data.get(TABLES):
        hint = "Put it back: only the model's files can change a table"
        for column, _, _, values in columns_of(exported.tables):
            for row, value in enumerate(values.tolist(), start=TABLE_FIRST):
                yield sheet, row, column, value, "the look-up table has", hint
    if sheet := edits.data.get(SCENARIO_INPUTS):
        said, chosen = values_of(whole), edits.scenario.value
        hint = "Put it back, and type yours as override on Inputs"
        places = [place for (_, place), cell in sheet.cells.items() if cell.value == chosen]
        ids = sorted((row, cell.value) for (row, col), cell in sheet.cells.items() if col == 1)
        # The last row of a name: a setting above may have that of the input it is read from.
        for key, row in {key: row for row, key in ids if key in said and places}.items():
            what = f"the scenario's value of '{key}' is"
            yield sheet, row, places[0], said[key], what, hint


def _content(
    edits: Edits, base: Model, whole: Model, exported: Model
) -> tuple[dict[str, Any], list[str]]:
    """The scenario file as data, and what a user should know.

    Raises:
        InputError: with every cell that cannot be used.
    """
    diagnostics = Diagnostics()
    settings = ChangedSettings(edits.settings, base, whole, diagnostics)
    inputs = ChangedInputs(edits, whole, exported, diagnostics)
    found = {
        "strategies": settings.strategies(),
        "settings": settings.content(),
        "parameters": inputs.content(),
    }
    diagnostics.raise_if_any()
    return {key: value for key, value in found.items() if value}, inputs.notes


# --- the scenario --------------------------------------------------------------------------------


def _where(edits: Edits) -> Where:
    """Turns a key path of the scenario into the cell its value was typed into."""

    def where(path: Sequence[str | int]) -> str:
        section, *keys = [str(key) for key in path] or [""]
        if section == "parameters" and keys:
            rows = [f"{keys[0]}[{keys[1]}]"] if len(keys) > 1 else []
            for key in [*rows, keys[0]]:
                if key in edits.ids:
                    edit = edits.details.get(key, {}).get(keys[-1]) or edits.values.get(key)
                    return edit.where if edit else edits.ids[key]
        wanted = _control_id(section, keys)
        edited = [edit.where for key, edit in edits.settings.items() if key.startswith(wanted)]
        return edited[0] if wanted and edited else edits.file

    return where


def _control_id(section: str, keys: Sequence[str]) -> str:
    """How the id of a setting begins on the control sheet; empty if it has none."""
    if section == "strategies":
        return "include["
    match keys if section == "settings" else []:
        case ["thresholds", *place]:
            return f"threshold_{int(place[0]) + 1 if place else ''}"
        case ["discounting", ("timing" | "compounding") as key]:
            return str(key)
        case ["discounting", *kind]:
            return f"dr_{kind[0]}_" if kind else "dr_"
        case [key, *_]:
            return "cycle_length" if key == "cycle" else key
    return ""


def _loaded(folder: Path, scenario: Layer, edits: Edits) -> tuple[Model, Model]:
    """The model under the scenario, and the same with every strategy.

    Raises:
        InputError: what is wrong with it, each at the cell it comes from.
    """
    try:
        return load(folder, scenario), load(folder, scenario, every_strategy=True)
    except InputError as error:
        # Beside a cell nobody needs the key the file would have had.
        problems = [
            replace(problem, where=re.sub(r" \([^()]*\)$", "", problem.where))
            if problem.where.startswith(edits.file)
            else problem
            for problem in error.problems
        ]
        typed = [edit.where for edit in (*edits.values.values(), *edits.settings.values())]
        if typed and not any(problem.where.startswith(edits.file) for problem in problems):
            cells = ", ".join(where.removeprefix(f"{edits.file}:") for where in typed[1:SHOWN])
            also = f" and in {cells}" if cells else ""
            what = f"the model is refused with what was typed here{also}"
            problems.insert(0, Problem(typed[0], what, "Change or clear it; the reason follows"))
        raise InputError(problems) from None
