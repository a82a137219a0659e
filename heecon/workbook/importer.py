"""Turn a payer's edited workbook into a scenario file that holds only what differs."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heecon.errors import InputError, Problem, shown
from heecon.files import locate
from heecon.files.write import write_all
from heecon.model.definition import Model
from heecon.model.load import load
from heecon.workbook.changed_inputs import ChangedInputs
from heecon.workbook.changed_settings import ChangedSettings
from heecon.workbook.edits import Edits, read_edits

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
    notes = [*_version_notes(edits, base), *notes]
    text = _toml(edits, base, content)
    model, complete = _checked(edits, folder, text)
    if target is not None:
        _not_in_use(target, folder, base)
        write_all(target.parent, {target.name: text})
    settings, parameters = content.get("settings", {}), content.get("parameters", {})
    changed = len(settings) + ("strategies" in content) + sum(
        len(given) if _by_strategy(given) else 1 for given in parameters.values()
    )  # fmt: skip
    if edits.room and model.settings.cycles > edits.room:
        notes.append(
            f"The horizon has {model.settings.cycles} cycles, and the workbook has room for "
            f"{edits.room}: its own results leave out the rest. Export it again from the scenario."
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


def _by_strategy(given: Mapping[str, Any]) -> bool:
    return bool(given) and all(isinstance(value, dict) for value in given.values())


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
            return load(folder, scenario, every_strategy=every_strategy)
        except InputError as error:
            what = f"the scenario {shown(name)} cannot be used"
            raise InputError([Problem(where, what), *error.problems]) from None

    base = loaded(chosen, edits.scenario.where, every_strategy=False)
    whole = loaded(chosen, edits.scenario.where, every_strategy=True)
    same = edits.exported == chosen
    exported = whole if same else loaded(edits.exported, cover, every_strategy=True)
    return folder, base, whole, exported


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


def _content(
    edits: Edits, base: Model, whole: Model, exported: Model
) -> tuple[dict[str, Any], list[str]]:
    """The scenario file as data, and what a user should know.

    Raises:
        InputError: with every cell that cannot be used.
    """
    settings = ChangedSettings(edits.settings, base, whole)
    inputs = ChangedInputs(edits, whole, exported)
    found = {
        "strategies": settings.strategies(),
        "settings": settings.content(),
        "parameters": inputs.content(),
    }
    problems = [*settings.problems, *inputs.problems]
    if problems:
        raise InputError(problems)
    return {key: value for key, value in found.items() if value}, inputs.notes


# --- write and check -----------------------------------------------------------------------------


def _checked(edits: Edits, folder: Path, text: str) -> tuple[Model, Model]:
    """The model under the scenario, loaded as every scenario is, and with every strategy.

    Raises:
        InputError: what is wrong with it, each at the cell it comes from.
    """
    with tempfile.TemporaryDirectory() as scratch:
        trial = Path(scratch) / "workbook.toml"
        trial.write_text(text, encoding="utf-8")
        try:
            return load(folder, trial), load(folder, trial, every_strategy=True)
        except InputError as error:
            raise InputError([_placed(problem, edits) for problem in error.problems]) from None


def _placed(problem: Problem, edits: Edits) -> Problem:
    """The problem at the cell its value was typed into, instead of the file nobody has seen."""
    found = re.search(
        r"\((parameters|model|settings|strategies)\.?([A-Za-z0-9_.]*)\)", problem.where
    )
    nowhere = replace(problem, where=re.sub(r"^\S*workbook\.toml\S*", edits.file, problem.where))
    if found is None:
        return nowhere
    parts = found[2].split(".")
    keys = [f"{parts[0]}[{parts[1]}]", parts[0]] if len(parts) > 1 else [parts[0]]
    for key in keys:
        if found[1] == "parameters" and key in edits.ids:
            column = edits.details.get(key, {}).get(parts[-1])
            edit = column or edits.values.get(key)
            return replace(problem, where=edit.where if edit else edits.ids[key])
    last = parts[1:] or [""]
    ids = {
        "cycle": "cycle_length",
        "thresholds": f"threshold_{int(last[0]) + 1 if last[0].isdecimal() else ''}",
        "discounting": "timing" if last[0] == "timing" else f"dr_{last[0]}_",
        "strategies": "include[",
        "": "include[",
    }
    wanted = ids.get(parts[0], parts[0])
    for key, edit in edits.settings.items():
        if key.startswith(wanted):
            return replace(problem, where=edit.where)
    return nowhere


def _toml(edits: Edits, base: Model, content: Mapping[str, Any]) -> str:
    """The scenario file."""
    title = base.scenario.title or base.scenario.name or base.settings.title
    lines = [
        f"title   = {_value(f'{title}, as changed in {edits.file}')}",
        f"purpose = {_value(f'Overrides typed into {edits.file}, exported for {edits.exported}.')}",
        f"model   = {_value(edits.model)}",
    ]
    if edits.scenario.value != edits.model:
        lines.append(f"extends = {_value(edits.scenario.value)}")
    if "strategies" in content:
        lines.append(f"strategies = {_value(content['strategies'])}")
    for section in ("settings", "parameters"):
        if section in content:
            lines += ["", f"[{section}]"]
            lines += [f"{_key(key)} = {_value(value)}" for key, value in content[section].items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    """A value as TOML; its basic strings are written like those of JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(k))} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        return text.encode("utf-8", "replace").decode("utf-8")  # a file's name may be no Unicode
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
