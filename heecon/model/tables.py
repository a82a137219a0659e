"""Look-up tables and joint-distribution matrices of a model folder, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics, InputError, Problem
from heecon.files import names
from heecon.files.table_file import TableFile, numbers_of
from heecon.language import Table


def lookup_table(name: str, file: TableFile, diagnostics: Diagnostics) -> Table:
    """Make a look-up table: keys in the first column, ascending; values in the others.

    A table with errors holds zeros under the same column names, so that the formulas that read it
    do not look wrong as well.
    """
    before = diagnostics.found
    values = numbers_of(file, diagnostics)
    if len(file.header) < 2 or not file.rows:
        what = "a look-up table needs a key column, a value column and a row"
        diagnostics.error(file.name, what, "Add what is missing")
    for column in file.header[1:]:
        complaint = names.complaint(column)
        if complaint:
            diagnostics.error(file.where_header(column), complaint, "Rename the column")
    if diagnostics.found == before:
        keys = values[:, 0]
        for row in np.flatnonzero(np.diff(keys) <= 0):
            where = file.where(int(row) + 1, file.header[0])
            what = f"the key {keys[row + 1]:g} does not come after {keys[row]:g}"
            diagnostics.error(where, what, "Sort the rows by the first column, each key once")
    if diagnostics.found > before:
        named = [c for c in file.header[1:] if not names.complaint(c)] or ["value"]
        return Table(name, np.zeros(1), {column: np.zeros(1) for column in named})
    columns = {column: values[:, i] for i, column in enumerate(file.header) if i > 0}
    return Table(name, values[:, 0], columns)


def joint_matrix(file: TableFile) -> tuple[tuple[str, ...], Floats]:
    """The header and numbers of a file in joint/.

    Raises:
        InputError: a cell is not a finite number.
    """
    diagnostics = Diagnostics()
    values = numbers_of(file, diagnostics)
    diagnostics.raise_if_any()
    return file.header, values


def table_of_columns(name: str, columns: Mapping[str, Sequence[float]]) -> TableFile:
    """Columns given in code, as the table file they would be.

    Args:
        name: how messages call it.
        columns: numbers by name.

    Raises:
        InputError: they differ in length.
    """
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
