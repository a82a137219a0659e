"""Tree to the Python source of a scalar expression that numba compiles.

The source is made from the checked tree alone. Of the user's text only names reach it, each matched
against a pattern and prefixed (``v_`` variables, ``t_`` tables), so that none can mean anything
else.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from types import FunctionType
from typing import Any

import numpy as np

from heecon.language import numba_runtime
from heecon.language.functions import FUNCTIONS, Definition, Lookup, Primitive
from heecon.language.numpy_target import Array, lookup_parts
from heecon.language.tables import Table
from heecon.language.tree import (
    LOOKUPS,
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
    walk,
)

_COMPARISON = {
    "<": "is_less",
    "<=": "is_at_most",
    ">": "is_more",
    ">=": "is_at_least",
    "==": "is_equal",
    "!=": "is_other",
}
"""Functions of the runtime: 1 true, 0 false, NaN if a side is NaN."""

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def variable(name: str) -> str:
    """How generated source calls a parameter or variable.

    Raises:
        ValueError: not a name of the language.
    """
    return f"v_{_safe(name)}"


def table_arguments(tree: Tree, tables: Mapping[str, Table]) -> dict[str, Array]:
    """The array arguments an expression needs, in the order a function should take them.

    The keys of table ``life`` are ``t_life`` and its column ``qx`` is ``t_life__qx``: names hold no
    ``__``, so no two of these can be the same.
    """
    found: dict[str, Array] = {}
    for node in walk(tree):
        if isinstance(node, Call) and node.function in LOOKUPS:
            table, column, _ = lookup_parts(node, tables)
            keys, values = _table_names(table, column)
            found[keys] = table.keys
            found[values] = table.column(column)
    return found


def expression_source(  # noqa: PLR0911  (one return a kind)
    tree: Tree, tables: Mapping[str, Table]
) -> str:
    """The expression as Python source over ``v_...`` scalars and ``t_...`` arrays.

    Of the branches of a conditional only the one wanted is evaluated, in most cases.
    """
    match tree:
        case Number(value=value):
            return repr(float(value)) if value >= 0 else f"({float(value)!r})"
        case Name(name=name):
            return variable(name)
        case Negate(operand=operand):
            return f"(-{expression_source(operand, tables)})"
        case Binary(operator="**", left=left, right=right):
            # np.power and not **, which gives a complex number for some negative bases
            sides = expression_source(left, tables), expression_source(right, tables)
            return f"np.power({sides[0]}, {sides[1]})"
        case Binary(operator=operator, left=left, right=right):
            sides = expression_source(left, tables), expression_source(right, tables)
            return f"({sides[0]} {operator} {sides[1]})"
        case Conditional():
            condition = _condition_source(tree.condition, tables)
            if_true = expression_source(tree.if_true, tables)
            if_false = expression_source(tree.if_false, tables)
            if any(isinstance(node, Conditional) for node in walk(tree.condition)):
                # Stated twice, conditions within conditions would double at every level.
                return f"choose({condition}, {if_true}, {if_false})"
            second = f"{if_false} if {condition} == 0.0 else np.nan"
            return f"({if_true} if {condition} == 1.0 else {second})"
        case Call():
            return _call(tree, tables)
    raise TypeError(f"a condition where a number is needed: {type(tree).__name__}")


def _condition_source(tree: Tree, tables: Mapping[str, Table]) -> str:
    """A condition as source of a number: 1 true, 0 false, NaN neither."""
    match tree:
        case Compare(operator=operator, left=left, right=right):
            sides = expression_source(left, tables), expression_source(right, tables)
            return f"{_COMPARISON[operator]}({sides[0]}, {sides[1]})"
        case And(left=left, right=right) | Or(left=left, right=right):
            both = "both" if isinstance(tree, And) else "either"
            return f"{both}({_condition_source(left, tables)}, {_condition_source(right, tables)})"
        case Not(operand=operand):
            return f"(1.0 - {_condition_source(operand, tables)})"
    raise TypeError(f"a number where a condition is needed: {type(tree).__name__}")


@functools.cache
def namespace() -> Mapping[str, Any]:
    """What generated source may refer to, made known to numba; do not change it.

    For callers that compile their own functions around :func:`expression_source`.
    """
    from numba.extending import register_jitable  # noqa: PLC0415  (lazy)

    register = register_jitable(error_model="numpy")
    for helper in _plain_namespace().values():
        if isinstance(helper, FunctionType):
            register(helper)
    return _plain_namespace()


@functools.cache
def _plain_namespace() -> dict[str, Any]:
    """Numpy, the runtime's functions, and one function ``f_...`` for each definition."""
    space: dict[str, Any] = {"__builtins__": {}, "np": np}
    for name, helper in vars(numba_runtime).items():
        if isinstance(helper, FunctionType):
            space[name] = helper
    for function in FUNCTIONS.values():
        if isinstance(function, Definition):
            name = f"f_{function.name}"
            listed = ", ".join(variable(argument) for argument in function.arguments)
            source = f"def {name}({listed}):\n    return {expression_source(function.body, {})}\n"
            # The source holds only what this module wrote; there are no built-ins to reach.
            exec(compile(source, f"<heecon {name}>", "exec"), space)  # noqa: S102
    return space


def _call(call: Call, tables: Mapping[str, Table]) -> str:
    match FUNCTIONS[call.function]:
        case Lookup(scalar=scalar):
            table, column, place = lookup_parts(call, tables)
            keys, values = _table_names(table, column)
            return f"{scalar}({keys}, {values}, {expression_source(place, tables)})"
        case Primitive(scalar=scalar):
            return f"{scalar}({_listed(call, tables)})"
        case Definition(name=name):
            return f"f_{name}({_listed(call, tables)})"
    raise TypeError(f"no scalar form of {call.function}")


def _listed(call: Call, tables: Mapping[str, Table]) -> str:
    return ", ".join(expression_source(part, tables) for part in call.arguments)


def _table_names(table: Table, column: str) -> tuple[str, str]:
    keys = f"t_{_safe(table.name)}"
    return keys, f"{keys}__{_safe(column)}"


def _safe(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name in generated source")
    return name
