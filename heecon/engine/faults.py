"""Impossible numbers in a run: found in every draw, cycle and slot, reported all together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heecon.errors import Problem, SimulationError
from heecon.language import names
from heecon.model.definition import Formula, Model

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHOWN = 3
"""How many places of one complaint are listed."""


class Faults:
    """Collects what is impossible while one strategy is prepared."""

    def __init__(
        self, model: Model, strategy: str, first_draw: int, environment: Mapping[str, Floats]
    ) -> None:
        self.model = model
        self.strategy = strategy
        self.first_draw = first_draw
        self.environment = environment
        self.problems: list[Problem] = []

    def check_range(
        self, value: Floats, low: float, high: float, what: str, formula: Formula
    ) -> None:
        """Note values below ``low`` or above ``high``, and all that are not finite."""
        self.check_finite(value, what, formula)
        with np.errstate(invalid="ignore"):
            bad = np.isfinite(value) & ((value < low) | (value > high))
        limits = (
            f"It must be at least {low:g}"
            if high == np.inf
            else f"It must lie in {low:g} to {high:g}"
        )
        remedy = f"{limits}; the formula is '{formula.text}' at {formula.where}"
        self.check_flags(bad, value, f"the {what} is", "", remedy)

    def check_finite(self, value: Floats, what: str, formula: Formula) -> None:
        """Note values that are not finite, with the variable they come from."""
        bad = ~np.isfinite(value)
        if bad.any():
            culprit = self._culprit(formula, tuple(np.argwhere(bad)[0]))
            remedy = f"The formula is '{formula.text}' at {formula.where}{culprit}"
            self.check_flags(bad, value, f"the {what} is", "", remedy)

    def check_flags(self, bad: Flags, value: Floats, what: str, state: str, remedy: str) -> None:
        """Note the flagged places of an array over (draw, cycle, slot)."""
        places = np.argwhere(bad)
        for draw, cycle, slot in places[:SHOWN]:
            more = f" (and at {len(places) - SHOWN} more places)" if len(places) > SHOWN else ""
            place = self.place(int(draw), int(cycle), state)
            place += f", cycle {slot} in the state" if value.shape[2] > 1 else ""
            number = f"{value[draw, cycle, slot]:.10g}"
            self.problems.append(Problem(place, f"{what} {number}{more}", remedy))

    def place(self, draw: int, cycle: int, state: str = "") -> str:
        """``strategy denosumab, draw 0, cycle 12, state sre``."""
        text = f"strategy {self.strategy}, draw {self.first_draw + draw}, cycle {cycle}"
        return f"{text}, state {state}" if state in self.model.states else text

    def stop_if_any(self) -> None:
        """Raise what was noted.

        Raises:
            SimulationError: something was.
        """
        if self.problems:
            raise SimulationError(self.problems)

    def _culprit(self, formula: Formula, index: tuple[int, ...]) -> str:
        """The first variable, in order of evaluation, that is not finite at a place."""
        needed = set(names(formula.tree))
        for name in reversed(self.model.variables):
            if name in needed:
                needed |= names(self.model.variables[name].tree)
        for name in self.model.variables:
            if name in needed:
                value = self.environment[name]
                at = tuple(min(i, n - 1) for i, n in zip(index, value.shape, strict=True))
                if not np.isfinite(value[at]):
                    place = self.model.variables[name].where
                    return f"; variable '{name}' ({place}) is {value[at]:g} there"
        return ""
