"""Evaluates a tree over numpy arrays: draws, cycles, anything that broadcasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heecon.language.functions import FUNCTIONS, Definition, Lookup, Primitive
from heecon.language.tables import Table
from heecon.language.tree import (
    And,
    Binary,
    Call,
    Compare,
    Conditional,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Tree,
)

Array: TypeAlias = NDArray[np.float64]
Truth: TypeAlias = NDArray[np.bool_]

_ARITHMETIC = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
}
_COMPARISON = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def evaluate(tree: Tree, values: Mapping[str, ArrayLike], tables: Mapping[str, Table]) -> Array:
    """The value of a checked expression.

    Both branches of a conditional are computed and the wanted one chosen element by element, so a
    NaN in the other is harmless. What has no value (``log(-1)``, ``0 / 0``) is NaN, what is too
    large is infinite; neither warns. A comparison with NaN is neither true nor false: what it
    decides is NaN.

    Args:
        tree: passed by :func:`heecon.language.check`.
        values: for each name read, a number or an array; all must broadcast.
        tables: the tables looked into.

    Returns:
        float64 of the broadcast shape of the names read; shape () for a constant.

    Raises:
        KeyError: a name or table is missing, which ``check`` would have found.
    """
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    with np.errstate(all="ignore"):
        return np.asarray(_number(tree, arrays, tables), dtype=np.float64)


def _number(tree: Tree, values: Mapping[str, Array], tables: Mapping[str, Table]) -> Array:
    match tree:
        case Number(value=value):
            return np.asarray(value, dtype=np.float64)
        case Name(name=name):
            return values[name]
        case Negate(operand=operand):
            return np.negative(_number(operand, values, tables))
        case Binary(operator=operator, left=left, right=right):
            sides = _number(left, values, tables), _number(right, values, tables)
            return np.asarray(_ARITHMETIC[operator](*sides))
        case Conditional(condition=condition, if_true=if_true, if_false=if_false):
            truth, unknown = _truth(condition, values, tables)
            chosen = np.where(
                truth, _number(if_true, values, tables), _number(if_false, values, tables)
            )
            return np.where(unknown, np.nan, chosen) if np.any(unknown) else chosen
        case Call():
            return _call(tree, values, tables)
    raise TypeError(f"a condition where a number is needed: {type(tree).__name__}")


def _truth(
    tree: Tree, values: Mapping[str, Array], tables: Mapping[str, Table]
) -> tuple[Truth, Truth]:
    """Where a condition is true, and where it is neither true nor false.

    As in a spreadsheet, the right side of ``and`` and ``or`` counts only where the left leaves it
    open.
    """
    match tree:
        case Compare(operator=operator, left=left, right=right):
            sides = _number(left, values, tables), _number(right, values, tables)
            unknown = np.isnan(sides[0]) | np.isnan(sides[1])
            return np.asarray(_COMPARISON[operator](*sides)), np.asarray(unknown)
        case And(left=left, right=right) | Or(left=left, right=right):
            first, doubt = _truth(left, values, tables)
            second, more = _truth(right, values, tables)
            if isinstance(tree, And):
                return first & second, doubt | (first & more)
            return first | second, doubt | (~first & more)
        case Not(operand=operand):
            truth, unknown = _truth(operand, values, tables)
            return ~truth, unknown
    raise TypeError(f"a number where a condition is needed: {type(tree).__name__}")


def _call(call: Call, values: Mapping[str, Array], tables: Mapping[str, Table]) -> Array:
    match FUNCTIONS[call.function]:
        case Lookup(numpy=function):
            table, column, place = lookup_parts(call, tables)
            return function(table.keys, table.column(column), _number(place, values, tables))
        case Primitive(numpy=function):
            return function(*(_number(part, values, tables) for part in call.arguments))
        case Definition(arguments=names, body=body):
            parts = [_number(part, values, tables) for part in call.arguments]
            return _number(body, dict(zip(names, parts, strict=True)), {})
    raise TypeError(f"no numpy form of {call.function}")


def lookup_parts(call: Call, tables: Mapping[str, Table]) -> tuple[Table, str, Tree]:
    """The table, the column and the place of a look-up."""
    named = [part.name for part in call.arguments[:-1] if isinstance(part, Name)]
    table = tables[named[0]]
    return table, table.column_name(named[1] if len(named) > 1 else None), call.arguments[-1]
