"""Impossible numbers in a run: found in every draw, cycle and time in state, reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from heecon.arrays import Floats
from heecon.errors import Problem, SimulationError
from heecon.language import names, table_names
from heecon.model.definition import Formula, Model

Flags = NDArray[np.bool_]
Found = TypeVar("Found")

SHOWN = 3
"""How many places of one complaint are listed."""

ROUNDING = 1e-12
"""A number beyond its limit by no more than this is taken to be the limit: 1 - 0.9 - 0.1 < 0."""


class RangeChecks:
    """Collects what is impossible while one strategy is evaluated."""

    def __init__(
        self, model: Model, strategy: str, first_draw: int, values: Mapping[str, Floats]
    ) -> None:
        self.model = model
        self.strategy = strategy
        self.first_draw = first_draw
        self.values = values
        self.problems: list[Problem] = []
        self._reported: set[str] = set()

    def in_range(
        self, value: Floats, low: float, high: float, what: str, formula: Formula
    ) -> Floats:
        """Note values below ``low`` or above ``high``, and all that are not finite.

        Returns:
            The values, rounding errors beyond the limits cut off.
        """
        with np.errstate(invalid="ignore"):
            least, most = value.min(), value.max()
            if low <= least and most <= high and most < np.inf:  # never so with a NaN
                return value
            self.check_finite(value, what, formula)
            bad = np.isfinite(value) & ((value < low - ROUNDING) | (value > high + ROUNDING))
        limits = (
            f"It must be at least {low:g}"
            if high == np.inf
            else f"It must lie in {low:g} to {high:g}"
        )
        hint = f"{limits}; the formula is '{formula.text}' at {formula.where}"
        self.note(bad, value, f"the {what} is", "", hint)
        return np.clip(value, low, high)

    def check_finite(self, value: Floats, what: str, formula: Formula) -> None:
        """Note values that are not finite, with the variable they come from."""
        with np.errstate(invalid="ignore"):
            if np.isfinite(value.min()) and np.isfinite(value.max()):
                return
        bad = ~np.isfinite(value)
        name = self._culprit(formula, tuple(np.argwhere(bad)[0]))
        cause = self.model.variables.get(name, formula)
        if cause.where in self._reported:
            return
        self._reported.add(cause.where)
        culprit = f"; variable '{name}' is not finite there" if name else ""
        hint = f"The formula is '{cause.text}' at {cause.where}{culprit}; {self._hint(cause)}"
        self.note(bad, value, f"the {what} is", "", hint)

    def note(self, bad: Flags, value: Floats, what: str, state: str, hint: str) -> None:
        """Note the flagged places of an array over (draw, cycle, time in state)."""
        if not bad.any():
            return
        places = np.argwhere(bad)
        more = f" (and at {len(places) - SHOWN} more places)" if len(places) > SHOWN else ""
        for draw, cycle, time in places[:SHOWN]:
            place = self.place(int(draw), int(cycle), state)
            place += f", cycle {time} in the state" if value.shape[2] > 1 else ""
            number = f"{value[draw, cycle, time]:.10g}"
            self.problems.append(Problem(place, f"{what} {number}{more}", hint))

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
        """Name of the first variable, in order of evaluation, that is not finite at a place."""
        variables = self.model.variables
        needed = set(names(formula.tree))
        for name in reversed(list(variables)):
            if name in needed:
                needed |= names(variables[name].tree)
        for name in variables:
            if name in needed:
                value = self.values[name]
                at = tuple(min(i, n - 1) for i, n in zip(index, value.shape, strict=True))
                if not np.isfinite(value[at]):
                    return name
        return ""

    def _hint(self, formula: Formula) -> str:
        """What a user may look for in a formula whose value is not finite."""
        begins = [
            f"table '{name}' begins at {self.model.tables[name].keys[0]:g}"
            for name in sorted(table_names(formula.tree))
        ]
        if begins:
            return f"a look-up has no value below the first key, and {', '.join(begins)}"
        return (
            "look for a division or mod by zero, or a logarithm, root or power of a negative number"
        )


def for_all(strategies: Iterable[str], work: Callable[[str], Found]) -> list[Found]:
    """Do something for every strategy, and report the problems of all of them together.

    Args:
        strategies: their names.
        work: what is done for one.

    Returns:
        What it gives, in the order of the strategies.

    Raises:
        SimulationError: some failed; those of a formula are listed only once.
    """
    found: list[Found] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    repeated = []
    for strategy in strategies:
        try:
            found.append(work(strategy))
        except SimulationError as error:
            fresh = [p for p in error.problems if (p.hint or p.what) not in seen]
            if len(fresh) < len(error.problems):
                repeated.append(strategy)
            problems += fresh
            seen |= {p.hint or p.what for p in fresh}
    if repeated:
        what = f"what is wrong above is wrong here too: {', '.join(repeated)}"
        problems.append(Problem("other strategies", what))
    if problems:
        raise SimulationError(problems)
    return found
