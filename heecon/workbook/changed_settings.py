"""The settings a payer changed in a workbook, as a scenario file has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from heecon.errors import Diagnostics, shown
from heecon.files import names
from heecon.model import duration
from heecon.model.definition import Model
from heecon.model.settings import LIFETIME, horizon_years, is_whole
from heecon.model.to_dict import to_dict
from heecon.workbook.edits import Edit, as_number, is_same
from heecon.workbook.layout import ABSENT
from heecon.workbook.settings import (
    COMPOUNDINGS,
    CORRECTIONS,
    TIMINGS,
    WEIGHTS,
)

_RATE = re.compile(r"dr_(cost|effect)_(from_)?([1-9][0-9]?)", re.ASCII)
_THRESHOLD = re.compile(r"threshold_([1-9][0-9]?)", re.ASCII)
_INCLUDE = re.compile(r"include\[(.+)\]")
OF_DISCOUNTING = ("timing", "compounding")
_NUMBERS = ("max_age", "start_age")


class ChangedSettings:
    """What the control sheet changes.

    Args:
        edits: overrides of settings by id.
        base: the scenario without them.
        whole: the same with every strategy.
        diagnostics: takes what cannot be used.
    """

    def __init__(
        self, edits: Mapping[str, Edit], base: Model, whole: Model, diagnostics: Diagnostics
    ) -> None:
        self.edits, self.base, self.whole = edits, base, whole
        self.diagnostics = diagnostics

    def content(self) -> dict[str, Any]:
        """The keys of [settings] that differ."""
        found: dict[str, Any] = {}
        rates: dict[str, Edit] = {}
        thresholds: dict[int, Edit] = {}
        choices: dict[str, list[str]] = {
            "comparator": list(self.whole.strategies),
            "perspective": self._perspectives(),
            "correction": self._corrections(),
            "timing": list(TIMINGS),
            "compounding": list(COMPOUNDINGS),
        }
        for key, edit in self.edits.items():
            threshold = _THRESHOLD.fullmatch(key)
            if threshold:
                thresholds[int(threshold[1])] = edit
            elif _RATE.fullmatch(key):
                rates[key] = edit
            elif key in choices:
                self._choice(key, edit, choices[key], rates if key in OF_DISCOUNTING else found)
            elif key in _NUMBERS or key in {"horizon", "cycle_length"}:
                self._amount(key, edit, found)
            elif not _INCLUDE.fullmatch(key):
                what = f"'{key}' is no setting that can be overridden"
                self.diagnostics.error(edit.where, what, "Clear the cell")
        if thresholds:
            found["thresholds"] = self._thresholds(thresholds)
        if rates:
            found["discounting"] = self._discounting(rates)
        before = self._before(cycle_changes="cycle" in found)
        self._round(found)
        return {k: value for k, value in found.items() if not _alike(k, before.get(k), value)}

    def strategies(self) -> list[str] | None:
        """The strategies to keep; None if they are those of the scenario."""
        known = list(self.whole.strategies)
        kept = set(self.base.strategies)
        last: Edit | None = None
        for key, edit in self.edits.items():
            found = _INCLUDE.fullmatch(key)
            if not found:
                continue
            name = found[1]
            if name not in known:
                hint = names.did_you_mean(name, known)
                self.diagnostics.error(edit.where, f"unknown strategy {shown(name)}", hint)
            elif str(edit.value).lower() not in ("yes", "no"):
                self.diagnostics.error(
                    edit.where, f"{shown(edit.value)} is neither yes nor no", "Choose one"
                )
            else:
                last = edit
                kept = kept | {name} if str(edit.value).lower() == "yes" else kept - {name}
        if not kept and last is not None:
            self.diagnostics.error(last.where, "no strategy is left", "Say yes to at least one")
        if kept == set(self.base.strategies):
            return None
        return [name for name in known if name in kept]

    def _round(self, found: dict[str, Any]) -> None:
        """Say what the workbook does: it keeps the years, and runs the last cycle to its end."""
        years = horizon_years(self.base.settings)
        if "cycle" in found and isinstance(years, float):
            found.setdefault("horizon", f"{_plain(years)} years")
        horizon = found.get("horizon", LIFETIME)
        if horizon != LIFETIME:
            cycle = found.get("cycle", self.base.settings.cycle)
            if not is_whole(cycle, horizon, rounding=False):
                found["rounding"] = "up"

    def _before(self, *, cycle_changes: bool) -> dict[str, Any]:
        """The settings of the scenario; a horizon in cycles changes with their length."""
        before: dict[str, Any] = to_dict(self.base)["model"]
        years = horizon_years(self.base.settings)
        if isinstance(years, float) and not cycle_changes:
            before["horizon"] = f"{_plain(years)} years"
        return before

    def _choice(self, key: str, edit: Edit, known: list[str], found: dict[str, Any]) -> None:
        value = edit.value
        if value not in known:
            hint = names.did_you_mean(str(value), known)
            self.diagnostics.error(edit.where, f"{shown(value)} is no {key}", hint)
        elif key == "correction" and str(value).startswith(WEIGHTS):
            found[key] = {"weights": str(value).removeprefix(WEIGHTS)}
        else:
            found[key] = edit if key in OF_DISCOUNTING else value

    def _amount(self, key: str, edit: Edit, found: dict[str, Any]) -> None:
        if key == "horizon" and edit.value == LIFETIME:
            found[key] = LIFETIME
            return
        value = self._number(edit)
        if value is None:
            return
        if key in _NUMBERS:
            found[key] = value
            return
        text = _plain(value)
        if value <= 0 or text == "0":
            hint = "Give years, or lifetime" if key == "horizon" else "Give years"
            self.diagnostics.error(edit.where, f"{value:g} years is no length of time", hint)
        else:
            found["cycle" if key == "cycle_length" else key] = f"{text} years"

    def _perspectives(self) -> list[str]:
        outcomes = self.whole.outcomes.values()
        named = [name for outcome in outcomes for name in outcome.perspectives]
        return list(dict.fromkeys([self.base.settings.perspective, *named]))

    def _corrections(self) -> list[str]:
        tables = [f"{WEIGHTS}{name}" for name in self.base.tables]
        return [*CORRECTIONS, *tables]

    def _number(self, edit: Edit) -> float | None:
        with self.diagnostics.collecting(edit.where):
            return as_number(edit.value)
        return None

    def _thresholds(self, edits: Mapping[int, Edit]) -> list[float]:
        values: dict[int, float] = dict(enumerate(self.base.settings.thresholds, start=1))
        for place, edit in edits.items():
            if edit.value == ABSENT:
                values.pop(place, None)
                continue
            value = self._number(edit)
            if value is not None and value <= 0:
                self.diagnostics.error(
                    edit.where, f"a threshold of {value:g}", "Give an amount above 0"
                )
            elif value is not None:
                values[place] = value
        return [values[place] for place in sorted(values)]

    def _discounting(self, edits: Mapping[str, Edit]) -> dict[str, Any]:
        found = dict(to_dict(self.base)["model"]["discounting"])
        for key, edit in edits.items():
            if key in OF_DISCOUNTING:
                found[key] = edit.value
                continue
            value = self._number(edit)
            parts = _RATE.fullmatch(key)
            if value is None or parts is None:
                continue
            kind, begins, place = parts[1], bool(parts[2]), int(parts[3]) - 1
            rates = found[kind]
            steps = rates if isinstance(rates, list) else [{"from": 0.0, "rate": rates}]
            if place >= len(steps):
                what = f"the scenario has no stretch {place + 1} of discounting"
                self.diagnostics.error(
                    edit.where, what, "Clear the cell, or change the scenario file"
                )
                continue
            steps = [dict(step) for step in steps]
            steps[place]["from" if begins else "rate"] = value
            found[kind] = steps if len(steps) > 1 else steps[0]["rate"]
        return found


def _alike(key: str, old: Any, new: Any) -> bool:
    """Whether a setting stays what it is, however it is written."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_alike(k, old[k], new[k]) for k in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_alike, [key] * len(old), old, new))
    if key in {"cycle", "horizon"} and LIFETIME not in {old, new} and "cycle" not in old:
        return is_same(duration.years(old), duration.years(new))
    try:
        return is_same(float(old), float(new))
    except (TypeError, ValueError):
        return bool(old == new)


def _plain(value: float) -> str:
    """A number without an exponent: lengths of time take none."""
    return f"{value:.15f}".rstrip("0").rstrip(".")
