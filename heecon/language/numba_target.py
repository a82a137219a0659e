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

    ``and``, ``or`` and conditionals evaluate only what they need.
    """
    match tree:
        case Number(value=value):
            return repr(float(value)) if value >= 0 else f"({float(value)!r})"
        case Name(name=name):
            return variable(name)
        case Negate(operand=operand):
            return f"(-{expression_source(operand, tables)})"
        case Not(operand=operand):
            return f"(not {expression_source(operand, tables)})"
        case Binary(operator="**", left=left, right=right):
            # np.power and not **, which gives a complex number for some negative bases
            sides = expression_source(left, tables), expression_source(right, tables)
            return f"np.power({sides[0]}, {sides[1]})"
        case Binary(operator=operator) | Compare(operator=operator):
            return _joined(tree.left, operator, tree.right, tables)
        case And(left=left, right=right):
            return _joined(left, "and", right, tables)
        case Or(left=left, right=right):
            return _joined(left, "or", right, tables)
        case Conditional():
            condition = expression_source(tree.condition, tables)
            if_true = expression_source(tree.if_true, tables)
            return f"({if_true} if {condition} else {expression_source(tree.if_false, tables)})"
        case Call():
            return _call(tree, tables)


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


def _joined(left: Tree, operator: str, right: Tree, tables: Mapping[str, Table]) -> str:
    return f"({expression_source(left, tables)} {operator} {expression_source(right, tables)})"


def _table_names(table: Table, column: str) -> tuple[str, str]:
    keys = f"t_{_safe(table.name)}"
    return keys, f"{keys}__{_safe(column)}"


def _safe(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name in generated source")
    return name
