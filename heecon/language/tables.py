"""Look-up tables: life tables, treatment waning, anything indexed by age or time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heecon.errors import InputError, Problem
from heecon.language.parser import name_problem

Array: TypeAlias = NDArray[np.float64]

# A key this close above ``x`` counts as reached: an age of 56.99999999999 (57 minus the
# rounding of 13 additions of a cycle) is 57, not 56. A cycle is millions of times longer.
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of numbers over strictly ascending keys.

    Attributes:
        name: how expressions call the table.
        keys: shape (rows,), strictly ascending and finite.
        columns: name -> values of shape (rows,).

    Raises:
        InputError: names, shapes or the order of keys are wrong.
    """

    name: str
    keys: Array
    columns: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", _frozen(self.keys))
        columns = {column: _frozen(values) for column, values in self.columns.items()}
        object.__setattr__(self, "columns", columns)
        problems = [Problem(f"table {self.name}", what) for what in self._faults()]
        if problems:
            raise InputError(problems)

    def column(self, name: str | None = None) -> Array:
        """The values of a column; without a name, of the only column.

        Raises:
            KeyError: no such column, or no name although there are several.
        """
        return self.columns[self.column_name(name)]

    def column_name(self, name: str | None = None) -> str:
        """The name of a column; without a name, of the only column.

        Raises:
            KeyError: no such column, or no name although there are several.
        """
        if name is None and len(self.columns) == 1:
            return next(iter(self.columns))
        if name is None or name not in self.columns:
            raise KeyError(name)
        return name

    def _faults(self) -> list[str]:
        faults = [problem for name in (self.name, *self.columns) if (problem := name_problem(name))]
        if self.keys.ndim != 1 or self.keys.size == 0:
            return [*faults, "has no rows"]
        if not self.columns:
            faults.append("has no value column")
        if not np.all(np.isfinite(self.keys)) or not np.all(np.diff(self.keys) > 0):
            faults.append("has keys that do not ascend strictly")
        for name, values in self.columns.items():
            if values.shape != self.keys.shape:
                faults.append(f"has {values.size} values in '{name}' for {self.keys.size} keys")
        return faults


def step_value(keys: Array, values: Array, x: ArrayLike) -> Array:
    """The value of the last row whose key is at most ``x`` (within ``TOLERANCE``).

    Below the first key the answer is NaN: a life table that starts at 50 says nothing about 49.
    Beyond the last key the last row holds: the oldest ages are open-ended.

    Args:
        keys: shape (rows,), strictly ascending.
        values: shape (rows,).
        x: any shape; NaN gives NaN.
    """
    place = np.asarray(x, dtype=np.float64)
    row = np.searchsorted(keys, place + TOLERANCE, side="right") - 1
    found = values[np.maximum(row, 0)]
    return np.where((row < 0) | np.isnan(place), np.nan, found)


def linear_value(keys: Array, values: Array, x: ArrayLike) -> Array:
    """The straight line between the neighbouring rows; ends as in :func:`step_value`.

    Below the first key the answer is NaN (within ``TOLERANCE`` it is the first value); from the
    last key on the last value holds. Arguments as in :func:`step_value`.
    """
    place = np.asarray(x, dtype=np.float64)
    outside = np.isnan(place) | (place + TOLERANCE < keys[0])
    if keys.size == 1:
        return np.where(outside, np.nan, values[0])
    inside = np.maximum(place, keys[0])
    row = np.clip(np.searchsorted(keys, inside, side="right") - 1, 0, keys.size - 2)
    rise = (values[row + 1] - values[row]) / (keys[row + 1] - keys[row])
    line = values[row] + (inside - keys[row]) * rise
    held = np.where(place >= keys[-1], values[-1], line)
    return np.where(outside, np.nan, held)


def _frozen(values: ArrayLike) -> Array:
    """A private read-only copy, so that a checked table stays checked."""
    copy = np.array(values, dtype=np.float64)
    copy.flags.writeable = False
    return copy
