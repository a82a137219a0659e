"""Turn a payer's edited workbook into a scenario file that holds only what differs."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heecon.errors import InputError, Problem
from heecon.model import library, names
from heecon.model.complaint import shown
from heecon.model.definition import Model
from heecon.model.load import load
from heecon.model.parameter import Parameter
from heecon.model.sections import sections_of
from heecon.report.files import write_all
from heecon.report.workbook.edits import DETAIL, Edit, Edits, as_number, read_edits
from heecon.report.workbook.inputs import cells_of
from heecon.report.workbook.layout import ABSENT
from heecon.report.workbook.settings import CORRECTIONS, LIFETIME, TIMINGS, WEIGHTS

DISTRIBUTION = ("distribution", "low", "high", "se", "arg1", "arg2", "arg3")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
ARGUMENTS = ("arg1", "arg2", "arg3")
CLOSE = 1e-12
"""Relative difference below which a number is the one that was exported: files keep 15 digits."""


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
        notes: what a user should know.
    """

    folder: Path
    base: Model
    model: Model
    whole: Model
    text: str
    changed: int
    overrides: int
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
    content, notes = _Differences(edits, base, whole, exported).content()
    notes = [*_version_notes(edits, base), *notes]
    text = _toml(edits, base, content)
    model, complete = _checked(edits, folder, text)
    if target is not None:
        write_all(target.parent, {target.name: text})
    settings, parameters = content.get("settings", {}), content.get("parameters", {})
    changed = len(settings) + ("strategies" in content) + sum(
        len(given) if _by_strategy(given) else 1 for given in parameters.values()
    )  # fmt: skip
    return Imported(folder, base, model, complete, text, changed, edits.overrides, tuple(notes))


def _by_strategy(given: Mapping[str, Any]) -> bool:
    return bool(given) and all(isinstance(value, dict) for value in given.values())


def _models(edits: Edits, source: str | None) -> tuple[Path, Model, Model, Model]:
    """The model's folder; the chosen scenario, without and with the strategies it leaves out; and
    the scenario the workbook was made for.
    """
    cover = f"{edits.file}:Cover"
    place = Problem(cover, f"the model {shown(edits.model)} is not here",
                    "Say where it is with --model FOLDER")  # fmt: skip
    if not _NAME.fullmatch(edits.model):
        raise InputError(place)
    try:
        folder = library.find(source or edits.model).model
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
            scenario = None if name == edits.model else name
            return load(folder, scenario, every_strategy=every_strategy)
        except InputError as error:
            what = f"the scenario {shown(name)} cannot be used"
            raise InputError([Problem(where, what), *error.problems]) from None

    return (
        folder,
        loaded(chosen, edits.scenario.where, every_strategy=False),
        loaded(chosen, edits.scenario.where, every_strategy=True),
        loaded(edits.exported, cover, every_strategy=True),
    )


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


class _Differences:
    """Collects what differs, and every problem on the way."""

    def __init__(self, edits: Edits, base: Model, whole: Model, exported: Model) -> None:
        self.edits = edits
        self.base = base
        self.whole = whole
        self.exported = {row.key: row for row in exported.parameters}
        self.rows = {row.key: row for row in whole.parameters}
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def content(self) -> tuple[dict[str, Any], list[str]]:
        """The scenario file as data, and what a user should know.

        Raises:
            InputError: with every problem.
        """
        settings, strategies = self._settings()
        parameters = self._parameters()
        if self.problems:
            raise InputError(self.problems)
        content: dict[str, Any] = {}
        if strategies is not None:
            content["strategies"] = strategies
        if settings:
            content["settings"] = settings
        if parameters:
            content["parameters"] = parameters
        return content, self.notes

    def _complain(self, edit: Edit, what: str, remedy: str) -> None:
        self.problems.append(Problem(edit.where, what, remedy))

    # --- settings ---------------------------------------------------------------------------------

    def _settings(self) -> tuple[dict[str, Any], list[str] | None]:
        found: dict[str, Any] = {}
        rates: dict[str, Edit] = {}
        thresholds: dict[int, Edit] = {}
        kept: dict[str, Edit] = {}
        one_of: dict[str, list[str]] = {
            "comparator": list(self.whole.strategies),
            "correction": self._corrections(),
            "timing": list(TIMINGS),
        }
        for key, edit in self.edits.settings.items():
            if key in one_of:
                if edit.value not in one_of[key]:
                    remedy = names.did_you_mean(str(edit.value), one_of[key])
                    self._complain(edit, f"{shown(edit.value)} is no {key}", remedy)
                elif key == "correction" and str(edit.value).startswith(WEIGHTS):
                    found[key] = {"weights": str(edit.value).removeprefix(WEIGHTS)}
                elif key == "timing":
                    rates[key] = edit
                else:
                    found[key] = edit.value
            elif key == "perspective":
                found[key] = str(edit.value)
            elif key == "horizon":
                self._horizon(edit, found)
            elif key in {"max_age", "start_age", "cycle_length"}:
                value = self._number(edit)
                if value is not None:
                    name = "cycle" if key == "cycle_length" else key
                    found[name] = f"{_plain(value)} years" if name == "cycle" else value
            elif key.startswith("threshold_"):
                thresholds[int(key.removeprefix("threshold_"))] = edit
            elif key.startswith("dr_"):
                rates[key] = edit
            elif key.startswith("include["):
                kept[key.removeprefix("include[").rstrip("]")] = edit
            else:
                self._complain(edit, f"'{key}' cannot be overridden", "Clear the cell")
        if thresholds:
            found["thresholds"] = self._thresholds(thresholds)
        if rates:
            found["discounting"] = self._discounting(rates)
        before = sections_of(self.base)["model"]
        found = {key: value for key, value in found.items() if value != before.get(key)}
        strategies = self._strategies(kept) if kept else None
        return found, None if strategies == list(self.base.strategies) else strategies

    def _corrections(self) -> list[str]:
        tables = [f"{WEIGHTS}{name}" for name in self.base.tables]
        return [*CORRECTIONS, *tables]

    def _number(self, edit: Edit) -> float | None:
        found, problems = as_number(edit)
        self.problems += problems
        return None if found is None else float(found.value)

    def _horizon(self, edit: Edit, found: dict[str, Any]) -> None:
        if edit.value == LIFETIME:
            found["horizon"] = LIFETIME
            return
        value = self._number(edit)
        if value is not None and value <= 0:
            self._complain(edit, f"a horizon of {value:g} years", "Give years, or lifetime")
        elif value is not None:
            found["horizon"] = f"{_plain(value)} years"

    def _thresholds(self, edits: Mapping[int, Edit]) -> list[float]:
        values: dict[int, float] = dict(enumerate(self.base.settings.thresholds, start=1))
        for place, edit in edits.items():
            if edit.value == ABSENT:
                values.pop(place, None)
                continue
            value = self._number(edit)
            if value is not None and value <= 0:
                self._complain(edit, f"a threshold of {value:g}", "Give an amount above 0")
            elif value is not None:
                values[place] = value
        return [values[place] for place in sorted(values)]

    def _discounting(self, edits: Mapping[str, Edit]) -> dict[str, Any]:
        found = dict(sections_of(self.base)["model"]["discounting"])
        for key, edit in edits.items():
            if key == "timing":
                found["timing"] = edit.value
                continue
            value = self._number(edit)
            parts = re.fullmatch(r"dr_(cost|effect)_(from_)?([0-9]+)", key)
            if value is None or parts is None:
                continue
            kind, begins, place = parts[1], bool(parts[2]), int(parts[3]) - 1
            rates = found[kind]
            steps = rates if isinstance(rates, list) else [{"from": 0.0, "rate": rates}]
            if place >= len(steps):
                what = f"the scenario has no stretch {place + 1} of discounting"
                self._complain(edit, what, "Clear the cell, or change the scenario file")
                continue
            steps = [dict(step) for step in steps]
            steps[place]["from" if begins else "rate"] = value
            found[kind] = steps if len(steps) > 1 else steps[0]["rate"]
        return found

    def _strategies(self, edits: Mapping[str, Edit]) -> list[str]:
        known = list(self.whole.strategies)
        kept = set(self.base.strategies)
        for name, edit in edits.items():
            if name not in known:
                remedy = names.did_you_mean(name, known)
                self._complain(edit, f"unknown strategy '{name}'", remedy)
            elif edit.value not in ("yes", "no"):
                self._complain(edit, f"{shown(edit.value)} is neither yes nor no", "Choose one")
            else:
                kept = kept | {name} if edit.value == "yes" else kept - {name}
        if not kept:
            first = next(iter(edits.values()))
            self._complain(first, "no strategy is left", "Say yes to at least one")
        return [name for name in known if name in kept]

    # --- inputs -----------------------------------------------------------------------------------

    def _parameters(self) -> dict[str, Any]:
        """Overridden inputs: name -> table, or name -> strategy -> table."""
        shared: dict[str, dict[str, Any]] = {}
        own: dict[str, dict[str, dict[str, Any]]] = {}
        for key, where in self.edits.ids.items():
            name, _, strategy = key.removesuffix("]").partition("[")
            edit = self.edits.values.get(key)
            details = self._changed_details(key)
            if edit is None and not details:
                continue
            if not self._known(key, name, strategy, where):
                continue
            table = self._table(edit, details, self.rows.get(key) or self.rows.get(name), key)
            if table is not None and strategy:
                own.setdefault(name, {})[strategy] = table
            elif table is not None:
                shared[name] = table
        return {
            name: self._joined(name, shared.get(name), own.get(name, {}))
            for name in dict.fromkeys([*shared, *own])
        }

    def _known(self, key: str, name: str, strategy: str, where: str) -> bool:
        known = {row.name for row in self.rows.values()}
        if name in known and (not strategy or strategy in self.whole.strategies):
            return True
        choices = [*self.rows]
        if name in known:
            choices += [f"{name}[{other}]" for other in self.whole.strategies]
        remedy = names.did_you_mean(key, choices)
        self.problems.append(Problem(where, f"unknown input {shown(key)}", remedy))
        return False

    def _joined(
        self, name: str, shared: dict[str, Any] | None, own: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        """A scenario gives a name one table, or one a strategy: if both, all of the latter."""
        if shared is None:
            return own
        if not own:
            return shared
        others = [s for s in self.whole.strategies if f"{name}[{s}]" not in self.rows]
        return dict.fromkeys(others, shared) | own

    def _changed_details(self, key: str) -> dict[str, Edit | None]:
        """Describing cells that differ from what was exported; None for one that was cleared."""
        row = self.exported.get(key)
        now = self.edits.details.get(key, {})
        if row is None:
            return {}
        before = cells_of(row)
        found: dict[str, Edit | None] = {}
        for column in DETAIL:
            old, new = before.get(column), now.get(column)
            if new is None:
                if old not in (None, "") and column not in ARGUMENTS:
                    found[column] = None
            elif not _same(old, new.value):
                found[column] = new
        return found

    def _table(
        self, edit: Edit | None, details: Mapping[str, Edit | None], row: Parameter | None, key: str
    ) -> dict[str, Any] | None:
        """What the scenario says of one input."""
        value = row.value if row is not None else None
        if edit is not None:
            value = self._number(edit)
        if value is None:
            return None
        if edit is not None and row is not None and not details and _same(row.value, value):
            return None  # the override repeats the scenario's value
        table: dict[str, Any] = {"value": value}
        distribution = [column for column in DISTRIBUTION if column in details]
        if distribution and row is not None:
            now = self.edits.details.get(key, {})
            for column in DISTRIBUTION:
                if column in ARGUMENTS and not any(c in details for c in ARGUMENTS):
                    continue  # they were fitted to the numbers that changed
                if column in now:
                    table[column] = now[column].value
        elif (
            row is not None and row.distribution is not None and row.distribution.family != "fixed"
        ):
            self.notes.append(f"{key}: overridden, so it is fixed in a probabilistic analysis.")
        if row is not None and row.unit:
            table["unit"] = row.unit
        if row is not None and row.price_year is not None:
            table["price_year"] = row.price_year
        for column in ("unit", "price_year", "status", "source", "note"):
            new = details.get(column)
            if new is not None:
                table[column] = int(new.value) if column == "price_year" else new.value
        typed = edit.where if edit is not None else next(d.where for d in details.values() if d)
        table.setdefault("status", "assumption")
        table.setdefault("source", f"Typed into {typed}")
        return table


def _same(old: object, new: object) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return abs(old - new) <= CLOSE * max(abs(old), abs(new))
    return old == new


def _plain(value: float) -> str:
    """A number without an exponent: lengths of time take none."""
    return f"{value:.15f}".rstrip("0").rstrip(".")


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
    if found is None:
        return problem
    parts = found[2].split(".")
    keys = [f"{parts[0]}[{parts[1]}]", parts[0]] if len(parts) > 1 else [parts[0]]
    for key in keys:
        if found[1] == "parameters" and key in edits.ids:
            edit = edits.values.get(key)
            return replace(problem, where=edit.where if edit else edits.ids[key])
    settings = {
        "discounting": "dr_cost_1", "cycle": "cycle_length", "thresholds": "threshold_1",
    }  # fmt: skip
    edit = edits.settings.get(settings.get(parts[0], parts[0]))
    return replace(problem, where=edit.where) if edit else problem


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
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
