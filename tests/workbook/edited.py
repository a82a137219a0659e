"""Random edits of a workbook, and the scenario file that says the same, written independently."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from heecon.analysis.evaluation import run
from heecon.errors import HeeconError
from heecon.model.load import load
from heecon.model.parameter import Parameter
from heecon.workbook.case import ScenarioColumn, WorkbookInput
from heecon.workbook.export import workbook
from heecon.workbook.inputs import PLACE

from .sheets import differences

RESULT_SHEETS = ("Outcomes", "Frontier", "Results")


@dataclass
class Edit:
    """A set of changes: cells of the workbook, and the same as a scenario.

    Attributes:
        scenario: the one chosen on the control sheet.
        cells: (sheet, row, column) -> value.
        settings: keys of [model].
        parameters: name -> number, or strategy -> number.
        strategies: those compared; None for the scenario's.
    """

    scenario: str
    cells: dict[tuple[str, int, int], Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    strategies: list[str] | None = None

    def toml(self, model: str) -> str:
        """The scenario file."""
        lines = ['title = "Edited"', f"model = {text(model)}", f"extends = {text(self.scenario)}"]
        if self.strategies is not None:
            lines.append(f"strategies = {text(self.strategies)}")
        for name, content in (("settings", self.settings), ("parameters", self.parameters)):
            lines += [f"[{name}]", *(f"{key} = {text(value)}" for key, value in content.items())]
        return "\n".join(lines) + "\n"


def text(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {text(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(text, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)


class Editor:
    """Edits a workbook at random and compares it with the engine.

    Args:
        case: what was exported, with ``base_case`` chosen.
        spreadsheet: the workbook, opened.
        folder: where scenario files go.
        seed: of the edits.
    """

    def __init__(self, case: WorkbookInput, spreadsheet: Any, folder: Path, seed: int) -> None:
        self.case = case
        self.spreadsheet = spreadsheet
        self.folder = folder
        self.random = random.Random(seed)  # noqa: S311
        self.control = {self.spreadsheet.get_value("Control", row, 1): row for row in range(1, 90)}
        self.inputs = {
            self.spreadsheet.get_value("Inputs", row, 1): row
            for row in range(7, 8 + len(case.keys))
        }
        self.tried = self.compared = 0

    def edit(self) -> Edit:
        """One to six changes."""
        variant = self.random.choice(self.case.variants)
        found = Edit(variant.name)
        found.cells["Control", self.control["scenario"], 3] = variant.name
        for _ in range(self.random.randint(1, 6)):
            self.random.choice((self._input, self._input, self._setting))(found, variant)
        return found

    def _input(self, found: Edit, variant: ScenarioColumn) -> None:
        row = self.random.choice(variant.model.parameters)
        value = self._value(row)
        given = found.parameters.setdefault(row.name, {})
        if row.strategy is None and not given:
            found.parameters[row.name] = value
        elif row.strategy is not None and isinstance(given, dict):
            given[row.strategy] = value
        else:
            return
        if f"stop.{row.name}" in self.control and row.strategy is None:
            found.cells["Control", self.control[f"stop.{row.name}"], 4] = value
        else:
            found.cells["Inputs", self.inputs[row.key], PLACE["your override"]] = value

    def _value(self, row: Parameter) -> float:
        if "switch" in row.tags or row.unit in {"cycles", "tests"}:
            return float(self.random.choice([0, 1, 2, row.value]))
        if row.name in {"n_age_init", "start_age"}:
            return row.value + self.random.choice([0, 1, 2.5])
        return row.value * self.random.choice(
            [0.0, 0.5, 0.9, 1.0, 1.1, self.random.uniform(0.2, 1.5)]
        )

    def _setting(self, found: Edit, variant: ScenarioColumn) -> None:
        kind = self.random.choice(
            ["comparator", "correction", "timing", "rate", "horizon", "threshold", "include"]
        )
        names = list(variant.kept)
        if kind == "comparator":
            chosen = self.random.choice(found.strategies or names)
            self._set(found, "comparator", chosen, "comparator")
        elif kind == "correction":
            methods = ["start", "end", "life_table", "half_cycle", "simpson"]
            self._set(found, "correction", self.random.choice(methods), "correction")
        elif kind == "horizon":
            years = self.random.choice([1, 2, 7.5, 10, 20])
            found.settings["horizon"] = f"{years} years"
            found.cells["Control", self.control["horizon"], 4] = float(years)
        elif kind == "threshold":
            old = list(variant.model.settings.thresholds)
            if old:
                old[0] = float(self.random.choice([1000, 12345, 20000, 51000]))
                self._set(found, "threshold_1", old[0], "")
                found.settings["thresholds"] = old
        elif kind == "include" and len(names) > 2:
            dropped = self.random.choice(names)
            if dropped != (found.settings.get("comparator") or variant.evaluation.comparator):
                found.strategies = [n for n in found.strategies or names if n != dropped]
                found.cells["Control", self.control[f"include[{dropped}]"], 4] = "no"
        elif kind in {"rate", "timing"}:
            self._discount(found, variant, kind)

    def _discount(self, found: Edit, variant: ScenarioColumn, kind: str) -> None:
        settings = variant.model.settings
        if any(len(steps) > 1 for steps in settings.discount.values()):
            return
        given = found.settings.setdefault(
            "discounting",
            {k: steps[0].rate.text for k, steps in settings.discount.items()}
            | {"timing": settings.timing},
        )
        if kind == "timing":
            given["timing"] = self.random.choice(["cycle_start", "mid_cycle", "cycle_end"])
            found.cells["Control", self.control["timing"], 4] = given["timing"]
        else:
            which = self.random.choice(["cost", "effect"])
            given[which] = self.random.choice([0.0, 0.015, 0.06])
            found.cells["Control", self.control[f"dr_{which}_1"], 4] = given[which]

    def _set(self, found: Edit, row: str, value: Any, key: str) -> None:
        found.cells["Control", self.control[row], 4] = value
        if key:
            found.settings[key] = value

    # --- compare ----------------------------------------------------------------------------------

    def compare(self, edit: Edit, *sheets: str) -> list[str] | None:
        """What differs after an edit; None when the edited model cannot be run."""
        self.tried += 1
        expected = self.expected(edit)
        if expected is None:
            return None
        for (sheet, row, column), value in edit.cells.items():
            self.spreadsheet.set_value(sheet, row, column, value)
        self.spreadsheet.evaluate_all()
        wrong = differences(workbook(expected), self.spreadsheet, *sheets)
        for sheet, row, column in edit.cells:
            self.spreadsheet.set_value(sheet, row, column, None)
        self.compared += 1
        return [f"{edit}: {line}" for line in wrong]

    def expected(self, edit: Edit) -> WorkbookInput | None:
        """The case with the edit made in the scenario it chooses; None if it cannot be run."""
        path = self.folder / "edited.toml"
        name = self.case.model.name
        path.write_text(edit.toml(name), encoding="utf-8")
        try:
            model = load(name, path)
            whole = load(name, path, every_strategy=True)
            if whole.settings.cycles > self.case.cycles:
                return None
            variant = ScenarioColumn(edit.scenario, whole, run(model))
            run(whole)
        except HeeconError:
            return None
        variants = tuple(variant if v.name == edit.scenario else v for v in self.case.variants)
        chosen = [v.name for v in variants].index(edit.scenario)
        counted = sum(column == 4 or sheet == "Inputs" for sheet, _, column in edit.cells)
        return replace(
            self.case,
            variants=variants,
            chosen=chosen,
            overrides=counted,
            room=self.case.cycles,
        )
