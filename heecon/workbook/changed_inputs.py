"""The inputs a payer changed in a workbook, as a scenario file has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from heecon.difference.overrides import ARGUMENTS, by_name, row_table
from heecon.errors import Diagnostics, shown
from heecon.files import names
from heecon.model.definition import Model
from heecon.model.parameter import Parameter
from heecon.workbook.edits import DETAIL, FIXED, Edit, Edits, as_number, is_same
from heecon.workbook.inputs import cells_of, family_of

DISTRIBUTION = ("distribution", "low", "high", "se", *ARGUMENTS)
EVIDENCE = ("status", "source")
_KEY = re.compile(r"([^\[\]]+)(?:\[([^\[\]]+)\])?")


class ChangedInputs:
    """What the sheet of inputs changes.

    Args:
        edits: what was typed.
        base: the scenario chosen in the workbook, with every strategy.
        exported: the scenario the workbook was made for.
        diagnostics: takes what cannot be used.

    Attributes:
        notes: what a user should know.
    """

    def __init__(
        self, edits: Edits, base: Model, exported: Model, diagnostics: Diagnostics
    ) -> None:
        self.edits, self.whole = edits, base
        self.exported = {row.key: row for row in exported.parameters}
        self.rows = {row.key: row for row in base.parameters}
        self.diagnostics = diagnostics
        self.notes: list[str] = []

    def content(self) -> dict[str, Any]:
        """Overridden inputs: name -> table, or name -> strategy -> table."""
        shared: dict[str, dict[str, Any]] = {}
        own: dict[str, dict[str, dict[str, Any]]] = {}
        for key, where in self.edits.ids.items():
            parts = _KEY.fullmatch(key)
            name, strategy = (parts[1], parts[2] or "") if parts else ("", "")
            edit = self.edits.values.get(key)
            details = self._changed_details(key, name)
            if edit is None and not details:
                continue
            if not self._known(key, name, strategy, where):
                continue
            table = self._table(edit, details, key, name)
            if table is not None and strategy:
                own.setdefault(name, {})[strategy] = table
            elif table is not None:
                shared[name] = table
        return by_name(shared, own, list(self.whole.strategies), self.rows)

    def _known(self, key: str, name: str, strategy: str, where: str) -> bool:
        known = {row.name for row in self.rows.values()}
        if name in known and (not strategy or strategy in self.whole.strategies):
            return True
        choices = [*self.rows]
        if name in known:
            choices += [f"{name}[{other}]" for other in self.whole.strategies]
        hint = names.did_you_mean(key, choices)
        self.diagnostics.error(where, f"unknown input {shown(key)}", hint)
        return False

    def _changed_details(self, key: str, name: str) -> dict[str, Edit | None]:
        """Describing cells that differ from what was exported; None for one that was cleared.

        A row that was added is compared with the one it is of, and need not repeat its cells.
        """
        added = key not in self.exported
        row = self.exported.get(name if added else key)
        if row is None:
            return {}
        before, now = cells_of(row), self.edits.details.get(key, {})
        found: dict[str, Edit | None] = {}
        for column in (*DETAIL, *FIXED):
            old, new = before.get(column), now.get(column)
            if new is None:
                if old is not None and not added:
                    found[column] = None
            elif not is_same(old.strip() if isinstance(old, str) else old, new.value):
                found[column] = new
        for column in FIXED if not added else ():
            if column in found:
                edit = found[column] or Edit("", self.edits.ids[key])
                what = f"the {column} of '{key}' is another than {shown(before.get(column, ''))}"
                hint = "Put it back: only parameters.csv can change it"
                self.diagnostics.error(edit.where, what, hint)
        return {column: edit for column, edit in found.items() if column not in FIXED}

    def _table(
        self, edit: Edit | None, details: Mapping[str, Edit | None], key: str, name: str
    ) -> dict[str, Any] | None:
        """What the scenario says of one input; None where it says nothing new."""
        row, parent = self.rows.get(key), self.rows.get(key) or self.rows.get(name)
        where = self.edits.ids[key]
        if edit is not None:
            where = edit.where
            before = self.diagnostics.found
            with self.diagnostics.collecting(where):
                value = as_number(edit.value)
            if self.diagnostics.found > before:
                return None
            if row is not None and is_same(row.value, value):
                edit, value = None, row.value  # the override repeats the scenario's value
                if not details:
                    return None
        elif row is None:
            self.diagnostics.error(where, f"'{key}' has no value", "Type one as override")
            return None
        else:
            value = row.value
        unit = details.get("unit", "")
        if unit is None and parent is not None and parent.unit:
            what = f"the unit of '{key}' was cleared"
            self.diagnostics.error(where, what, f"Put {shown(parent.unit)} back, or another")
        table = {**self._cells(edit, details, key, parent), "value": value}
        table.setdefault("status", "assumption")
        table.setdefault("source", f"Typed into {where}")
        return table

    def _cells(
        self,
        edit: Edit | None,
        details: Mapping[str, Edit | None],
        key: str,
        parent: Parameter | None,
    ) -> dict[str, Any]:
        """What is said beside the value: as it was where nothing was typed, else as typed.

        A new value does not keep the distribution and the evidence of the old one.
        """
        cells = {} if parent is None else row_table(parent, parent)
        if edit is not None:
            cells = {column: cells[column] for column in ("price_year",) if column in cells}
        now = {column: cell.value for column, cell in self.edits.details.get(key, {}).items()}
        replaced = set(details)
        if replaced & {*DISTRIBUTION}:
            # Unless they were typed, arguments were fitted to the numbers that changed.
            fitted = () if replaced & {*ARGUMENTS} else ARGUMENTS
            now = {column: cell for column, cell in now.items() if column not in fitted}
            replaced |= {*DISTRIBUTION}
        elif edit is not None and parent is not None and family_of(parent) != "fixed":
            self.notes.append(f"{key}: overridden, so it is fixed in a probabilistic analysis.")
        if any(details.get(column) for column in EVIDENCE):
            replaced |= now.keys() & EVIDENCE
        cells = {column: cell for column, cell in cells.items() if column not in replaced}
        cells |= {column: now[column] for column in replaced if column in now}
        if "price_year" in cells:
            cells["price_year"] = int(cells["price_year"])
        return cells
