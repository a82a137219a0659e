"""Draws that stand in files: another program's results, or values to run a model at.

Rows are matched by what stands in the column ``draw``, never by where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.outcomes import MAX_AMOUNT, Outcomes
from heecon.arrays import Floats
from heecon.engine.sampling import uncertain
from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.files import names
from heecon.files.table_file import TableFile, number, read_table
from heecon.model.bounds import Limits, bounds, complaint, support
from heecon.model.definition import Model

COLUMNS = ("draw", "strategy", "cost", "effect")

MAX_ROWS = 1_000_000
"""Rows of another program's results: a draw and strategy each."""

Name = int | str
"""What a draw is called: a whole number, or any text."""


@dataclass(frozen=True)
class GivenDraws:
    """Parameter values to run a model at.

    Attributes:
        values: by parameter key, each (draws,).
        names: what the draws are called; empty when they are only counted.
        fixed: keys of the uncertain parameters that have no column and keep their base value.
        notes: what a reader must know: what is fixed, what lies beyond the possible.
    """

    values: Mapping[str, Floats]
    names: tuple[Name, ...]
    fixed: tuple[str, ...]
    notes: tuple[str, ...]


def read_outcomes(path: Path, parameters: Path | None = None, comparator: str = "") -> Outcomes:
    """Read the results of any simulator.

    Args:
        path: a CSV or XLSX file with the columns draw, strategy, cost, effect, one row each.
        parameters: a file with one row a draw, one column a parameter. A column ``draw`` says whose
            a row is; without one, the rows are in the order of the draws.
        comparator: the strategy increments are against; the first in the file if empty.

    Returns:
        The draws in the order of their numbers; in that of the file when they are no numbers.

    Raises:
        InputError: a column or a row is missing, stands twice, or is not a number.
    """
    table = read_table(path, max_rows=MAX_ROWS)
    _check_long(table)
    diagnostics = Diagnostics()
    cells: dict[tuple[Name, str], tuple[float, float]] = {}
    for index, row in enumerate(table.rows):
        values = dict(zip(table.header, row, strict=True))
        with diagnostics.collecting(table.where(index)):
            key = _name(values["draw"]), values["strategy"]
            if not key[1]:
                raise InvalidValue("the row has no strategy", "Name it")
            if names.unprintable(key[1], allowed=""):
                raise InvalidValue(f"{shown(key[1])} is no name", "Write it on one line")
            if key in cells:
                raise InvalidValue(f"draw {key[0]} of {key[1]} stands twice")
            cells[key] = _amount(values["cost"]), _amount(values["effect"])
    diagnostics.raise_if_any()
    found = tuple(dict.fromkeys(draw for draw, _ in cells))
    draws = _in_order(found)
    strategies = tuple(dict.fromkeys(strategy for _, strategy in cells))
    if len(cells) < len(draws) * len(strategies):
        lacking = next((d, s) for d in draws for s in strategies if (d, s) not in cells)
        what = f"draw {lacking[0]} has no row for {lacking[1]}"
        raise InputError(Problem(table.name, what, "Give every strategy a row in every draw"))
    cube = np.array([[cells[draw, strategy] for strategy in strategies] for draw in draws])
    outcomes = Outcomes(
        strategies,
        cube[:, :, 0],
        cube[:, :, 1],
        parameters=_beside(parameters, draws, table.name, found == draws) if parameters else {},
        labels={name: name for name in strategies},
        comparator=comparator,
        draw_names=draws,
    )
    outcomes.index(outcomes.reference)
    return outcomes


def read_draws(path: Path, model: Model) -> GivenDraws:
    """Read parameter values to run a model at, each row once, in the order of the file.

    Costs and effects that heecon wrote beside the draws (``psa_draws.csv``) are left aside.

    Args:
        path: a CSV or XLSX file with one row a draw and one column a parameter, called by its key;
            a column ``draw`` says what the draws are called.
        model: whose parameters they are.

    Raises:
        InputError: a column is no parameter's, a draw stands twice, or a cell is not a number, or
            not one the parameter can be.
    """
    table = read_table(path)
    known = {row.key for row in model.parameters}
    results = {f"{kind}_{name}" for kind in ("cost", "effect") for name in model.strategies}
    diagnostics = Diagnostics()
    for column in table.header:
        if column not in known | results | {"draw"}:
            what = f"'{column}' is no parameter of {model.name}"
            diagnostics.error(table.where_header(column), what, names.did_you_mean(column, known))
    aside = {"draw", *(results - known)}
    values = _columns(table, aside, diagnostics)
    called = _names(table, diagnostics)
    if not values:
        diagnostics.error(table.name, "there is no column of a parameter", "Name one by its key")
    diagnostics.raise_if_any()
    return given_draws(model, values, called, table.where)


def given_draws(
    model: Model,
    values: Mapping[str, Floats],
    called: tuple[Name, ...] = (),
    where: Callable[[int, str], str] = lambda row, key: f"draw {row} ({key})",
) -> GivenDraws:
    """Values by parameter key as draws of a model.

    Values beyond what a parameter can be are told of when its own distribution has such values
    too, of which the model warns; else they are refused.

    Args:
        model: whose parameters they are.
        values: by key.
        called: what the draws are called.
        where: the place of a value, by row and key.

    Raises:
        InputError: with every impossible value.
    """
    varying = {row.key for row in uncertain(model)}
    fixed = tuple(row.key for row in uncertain(model) if row.key not in values)
    diagnostics = Diagnostics()
    notes = []
    if fixed:
        named = ", ".join(fixed[:5]) + (", ..." if len(fixed) > 5 else "")
        notes.append(f"Not among the draws given, and so kept at the base value: {named}.")
    for row in model.parameters:
        column = np.asarray(values.get(row.key, ()), dtype=float)
        beyond = _outside(column, bounds(row.unit, row.tags))
        drawn = support(row) if row.key in varying else bounds(row.unit, row.tags)
        for place in np.flatnonzero(beyond & _outside(column, drawn)):
            hint = "Correct it, or the unit of the parameter"
            what = complaint(row, float(column[place]))
            diagnostics.error(where(int(place), row.key), what, hint)
        if beyond.any():
            first = complaint(row, float(column[beyond][0]))
            notes.append(f"In {beyond.sum():,} of the draws given {first}.")
    diagnostics.raise_if_any()
    return GivenDraws(values, called, fixed, tuple(notes))


def _outside(values: Floats, limits: Limits) -> NDArray[np.bool_]:
    return np.asarray((values < limits[0]) | (values > limits[1]))


def _check_long(table: TableFile) -> None:
    """Refuse a table without the columns of results, or without rows."""
    missing = [name for name in COLUMNS if name not in table.header]
    if missing:
        what = f"there is no column {', '.join(missing)}"
        hint = "The columns are draw, strategy, cost, effect"
        if any(name.lower().startswith(("cost", "effect", "qaly")) for name in table.header):
            hint += ": write a row for each strategy of a draw, not a column for each strategy"
        raise InputError(Problem(table.name, what, hint))
    if not table.rows:
        raise InputError(Problem(table.name, "there are no rows", "Give one a draw and strategy"))


def _beside(path: Path, draws: Sequence[Name], results: str, in_order: bool) -> dict[str, Floats]:
    """Parameters of another program's draws, in the order of the draws."""
    table = read_table(path)
    diagnostics = Diagnostics()
    values = _columns(table, {"draw"}, diagnostics)
    called = _names(table, diagnostics)
    diagnostics.raise_if_any()
    if called:
        _check_same(called, draws, table.name, results)
        place = {name: i for i, name in enumerate(called)}
        order = [place[name] for name in draws]
        return {key: column[order] for key, column in values.items()}
    if len(table.rows) != len(draws):
        what = f"{len(table.rows)} rows of parameters for {len(draws)} draws"
        raise InputError(Problem(table.name, what, "Give one row a draw, and a column draw"))
    if not in_order:
        what = f"no column 'draw' says whose the rows are, and {results} is not sorted by draw"
        raise InputError(Problem(table.name, what, "Add the column, with the numbers used there"))
    return values


def _check_same(called: Sequence[Name], draws: Sequence[Name], here: str, results: str) -> None:
    """Refuse parameters of other draws than the results'."""
    extra, missing = set(called) - set(draws), set(draws) - set(called)
    if not (extra or missing):
        return
    what = f"the draws are {_range(called)} here and {_range(draws)} in {results}"
    hint = "Give every draw one row in both files, under one number"
    if len(called) == len(draws) and all(isinstance(name, int) for name in (*called, *draws)):
        hint = "Count the draws of both files from 0, or of both from 1"
    raise InputError(Problem(here, what, hint))


def _range(draws: Sequence[Name]) -> str:
    ordered = _in_order(draws)
    return f"{ordered[0]} to {ordered[-1]} ({len(ordered):,})" if ordered else "none"


def _in_order(draws: Sequence[Name]) -> tuple[Name, ...]:
    """Draws by their numbers, if they are numbers."""
    whole = [draw for draw in draws if isinstance(draw, int)]
    return tuple(sorted(whole)) if len(whole) == len(draws) else tuple(draws)


def _columns(
    table: TableFile, aside: Collection[str], diagnostics: Diagnostics
) -> dict[str, Floats]:
    """The columns of numbers, but for some."""
    found = {}
    for place, column in enumerate(table.header):
        if column not in aside:
            values = np.zeros(len(table.rows))
            for row, cells in enumerate(table.rows):
                with diagnostics.collecting(table.where(row, column)):
                    values[row] = _amount(cells[place])
            found[column] = values
    return found


def _names(table: TableFile, diagnostics: Diagnostics) -> tuple[Name, ...]:
    """What the draws are called; empty without a column ``draw``."""
    if "draw" not in table.header:
        return ()
    place = table.header.index("draw")
    found: dict[Name, None] = {}
    for row, cells in enumerate(table.rows):
        with diagnostics.collecting(table.where(row, "draw")):
            name = _name(cells[place])
            if name in found:
                raise InvalidValue(f"draw {name} stands twice", "Give each draw one row")
            found[name] = None
    return tuple(found)


def _name(cell: str) -> Name:
    """A draw's number, however it is written, or its name."""
    if not cell:
        raise InvalidValue("the row does not say which draw it is", "Number the draws")
    try:
        value = number(cell)
    except InvalidValue:
        return cell
    return int(value) if value.is_integer() and abs(value) < MAX_AMOUNT else cell


def _amount(cell: str) -> float:
    if not cell:
        raise InvalidValue("the cell is empty", "Type a number")
    value = number(cell)
    if abs(value) > MAX_AMOUNT:
        what = f"{value:g} is larger than any amount that means something"
        raise InvalidValue(what, f"Use a unit in which it is below {MAX_AMOUNT:g}")
    return value
