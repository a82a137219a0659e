"""What a one-way analysis moves, what it leaves out, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heecon.analysis.axis import Bounds, bounds_of, check_range, group_of, moved, rows_of
from heecon.arrays import Floats
from heecon.errors import Diagnostics, InputError, Problem
from heecon.files import names
from heecon.model.definition import Model
from heecon.model.parameter import Parameter

NEVER = {
    "methodological": "a methodological setting: give it a scenario of its own",
    "switch": "a switch between structures: give it a scenario of its own",
}
"""Tags of what is never in a one-way analysis, and why."""

FIXED = "fixed: it has neither a distribution nor low and high"


@dataclass(frozen=True)
class LeftOut:
    """A parameter that is not in the analysis, and why."""

    key: str
    label: str
    reason: str


@dataclass(frozen=True)
class OneWayInput:
    """A row before it is run.

    Attributes:
        name: of the row.
        rows: the parameters it is about.
        basis: where the range comes from.
        values: (2,) values, low and high, of each key that moves.
        group: the correlation group that moves along; empty if none.
    """

    name: str
    rows: tuple[Parameter, ...]
    basis: str
    values: Mapping[str, Floats]
    group: str = ""


def one_way_inputs(
    model: Model,
    ranges: Mapping[str, tuple[float, float]],
    links: Mapping[str, Sequence[str]],
    probabilities: tuple[float, float],
) -> tuple[list[OneWayInput], list[LeftOut]]:
    """Every row of a one-way analysis, and every parameter that has none.

    Args:
        model: the model.
        ranges: parameter key -> (low, high), instead of its own.
        links: name -> keys that move together.
        probabilities: the quantiles that bound a parameter without low and high.

    Returns:
        Rows in the order of the file, links last; each parameter moves in one of them, or is left
        out.

    Raises:
        InputError: see ``one_way``.
    """
    members = _linked(model, links)
    _check_ranges(model, ranges)
    if not 0 < probabilities[0] < probabilities[1] < 1:
        what = f"the quantiles {probabilities} bound nothing"
        raise InputError(Problem("probabilities", what, "Give two, 0 < low < high < 1"))
    taken = {row.key for rows in members.values() for row in rows}
    bounds: dict[str, Bounds] = {}
    left_out = []
    for row in model.parameters:
        reason = _banned(row)
        found = bounds_of(model, row, probabilities)
        if row.key in ranges:
            found = Bounds(*ranges[row.key], "as given")
        if not reason and found is None:
            reason = FIXED
        elif not reason and found is not None and not found.low < found.high:
            reason = "its range is a single value"
        if reason or found is None:
            left_out.append(LeftOut(row.key, row.label or row.key, reason))
        else:
            bounds[row.key] = found
    moves = [
        OneWayInput(
            row.key,
            (row,),
            bounds[row.key].basis,
            _ends(model, [row], bounds),
            group_of(model, row),
        )
        for row in model.parameters
        if row.key in bounds and row.key not in taken
    ]
    for name, rows in members.items():
        moving = [row for row in rows if row.key in bounds]
        if not moving:
            what = f"nothing in the link '{name}' has a range"
            keys = ", ".join(row.key for row in rows)
            raise InputError(Problem("links", what, f"Give ranges for {keys}"))
        bases = dict.fromkeys(bounds[row.key].basis for row in moving)
        moves.append(
            OneWayInput(name, tuple(moving), "; ".join(bases), _ends(model, moving, bounds))
        )
    return moves, left_out


def _banned(row: Parameter) -> str:
    return next((reason for tag, reason in NEVER.items() if tag in row.tags), "")


def _linked(model: Model, links: Mapping[str, Sequence[str]]) -> dict[str, tuple[Parameter, ...]]:
    """The rows of every link, once they are known to be free to move."""
    known = {row.key for row in model.parameters}
    owner: dict[str, str] = {}
    found = {}
    diagnostics = Diagnostics()
    for name, keys in links.items():
        rows = found[name] = rows_of(model, keys)
        if name in known:
            diagnostics.error("links", f"'{name}' is a parameter", "Name the link otherwise")
        for row in rows:
            if _banned(row):
                diagnostics.error("links", f"'{row.key}' is {_banned(row)}")
            elif group_of(model, row):
                what = f"'{row.key}' already moves with the group '{row.correlation_group}'"
                diagnostics.error("links", what, f"Leave it out of '{name}'")
            elif row.key in owner:
                what = f"'{row.key}' stands in both '{owner[row.key]}' and '{name}'"
                diagnostics.error("links", what, "Leave it out of one of them")
            owner[row.key] = name
    diagnostics.raise_if_any()
    return found


def _check_ranges(model: Model, ranges: Mapping[str, tuple[float, float]]) -> None:
    for key, (low, high) in ranges.items():
        row = rows_of(model, key)[0]
        if row.key != key:
            raise InputError(Problem("ranges", f"'{key}' is several rows", "Give each its own"))
        if _banned(row):
            raise InputError(Problem("ranges", f"'{key}' is {_banned(row)}"))
        check_range(key, low, high)


def _ends(
    model: Model, rows: Sequence[Parameter], bounds: Mapping[str, Bounds]
) -> dict[str, Floats]:
    values: dict[str, Floats] = {}
    for row in rows:
        values |= moved(model, [row], np.array([bounds[row.key].low, bounds[row.key].high]))
    return values


def wanted(
    moves: Sequence[OneWayInput], left_out: Sequence[LeftOut], parameters: Sequence[str]
) -> tuple[list[OneWayInput], list[LeftOut]]:
    """The rows with these names; the parameters of the others are left out.

    Raises:
        InputError: there is no such row, or it may not be in the analysis.
    """
    known = {move.name: move for move in moves}
    reasons = {item.key: item.reason for item in left_out}
    diagnostics = Diagnostics()
    for name in parameters:
        if name in reasons:
            diagnostics.error("parameters", f"'{name}' is {reasons[name]}")
        elif name not in known:
            hint = names.did_you_mean(name, known)
            diagnostics.error("parameters", f"unknown row '{name}'", hint)
    diagnostics.raise_if_any()
    dropped = [
        LeftOut(row.key, row.label or row.key, "not asked for")
        for name, move in known.items()
        if name not in parameters
        for row in move.rows
    ]
    return [move for name, move in known.items() if name in parameters], [*left_out, *dropped]
