"""Look-up tables and joint-distribution matrices of a model folder, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from heecon.errors import InputError, InvalidValue, Problem
from heecon.files import names
from heecon.files.table_file import TableFile, number
from heecon.language import Table

Floats = NDArray[np.float64]


def lookup_table(name: str, file: TableFile) -> tuple[Table, list[Problem]]:
    """Make a look-up table: keys in the first column, ascending; values in the others.

    Returns:
        The table and what is wrong with it. A table with problems holds zeros under the same column
        names, so that the formulas that read it do not look wrong as well.
    """
    values, problems = _numbers(file)
    if len(file.header) < 2 or not file.rows:
        what = "a look-up table needs a key column, a value column and a row"
        problems.append(Problem(file.name, what, "Add what is missing"))
    for column in file.header[1:]:
        complaint = names.complaint(column)
        if complaint:
            problems.append(Problem(file.where_header(column), complaint, "Rename the column"))
    if not problems:
        problems += _unsorted(file, values[:, 0])
    if problems:
        named = [c for c in file.header[1:] if not names.complaint(c)] or ["value"]
        return Table(name, np.zeros(1), {column: np.zeros(1) for column in named}), problems
    columns = {column: values[:, i] for i, column in enumerate(file.header) if i > 0}
    return Table(name, values[:, 0], columns), []


def _unsorted(file: TableFile, keys: Floats) -> list[Problem]:
    remedy = "Sort the rows by the first column, each key once"
    return [
        Problem(
            file.where(int(row) + 1, file.header[0]),
            f"the key {keys[row + 1]:g} does not come after {keys[row]:g}",
            remedy,
        )
        for row in np.flatnonzero(np.diff(keys) <= 0)
    ]


def joint_matrix(file: TableFile) -> tuple[tuple[str, ...], Floats]:
    """The header and numbers of a file in joint/.

    Raises:
        InputError: a cell is not a finite number.
    """
    values, problems = _numbers(file)
    if problems:
        raise InputError(problems)
    return file.header, values


def table_from_columns(name: str, columns: Mapping[str, Sequence[float]]) -> Table:
    """Make a look-up table from columns given in code, the keys first.

    Raises:
        InputError: as for a file.
    """
    table, problems = lookup_table(name, _file_of(f"table '{name}'", columns))
    if problems:
        raise InputError(problems)
    return table


def joint_from_columns(
    group: str, columns: Mapping[str, Sequence[float]]
) -> tuple[tuple[str, ...], Floats]:
    """The header and numbers of a joint distribution given in code.

    Raises:
        InputError: as for a file.
    """
    return joint_matrix(_file_of(f"joint '{group}'", columns))


def _file_of(name: str, columns: Mapping[str, Sequence[float]]) -> TableFile:
    header = tuple(columns)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        what = f"its columns have the lengths {sorted(lengths)}"
        raise InputError(Problem(name, what, "Give every column one value a row"))
    rows = tuple(tuple(map(_cell_text, row)) for row in zip(*columns.values(), strict=True))
    return TableFile(name, header, rows, tuple(range(1, len(rows) + 1)))


def _cell_text(cell: object) -> str:
    # numpy's numbers write themselves as np.float64(1.0)
    return repr(float(cell)) if isinstance(cell, Real) else str(cell)


def _numbers(file: TableFile) -> tuple[Floats, list[Problem]]:
    problems: list[Problem] = []
    values = np.zeros((len(file.rows), len(file.header)))
    for row, cells in enumerate(file.rows):
        for column, cell in enumerate(cells):
            try:
                values[row, column] = number(cell)
            except InvalidValue as complaint:
                found = complaint if cell else InvalidValue("the cell is empty", "Type a number")
                problems.append(found.at(file.where(row, file.header[column])))
    return values, problems
