"""An expression as a function of numbers, made of the source that the microsimulation compiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numba

from heecon.language import (
    Table,
    Tree,
    expression_source,
    namespace,
    table_arguments,
    variable,
)


def scalar_function(
    tree: Tree, names: Iterable[str], tables: Mapping[str, Table] | None = None
) -> Callable[..., float]:
    """A Python function of ``names`` in order, then of the expression's ``table_arguments``.

    Unlike the compiled one it raises ZeroDivisionError where a plain Python float is divided by 0.
    """
    tables = tables or {}
    listed = [*(variable(name) for name in names), *table_arguments(tree, tables)]
    space: dict[str, Any] = dict(namespace())
    source = f"def value({', '.join(listed)}):\n    return {expression_source(tree, tables)}\n"
    exec(source, space)
    function: Callable[..., float] = space["value"]
    return function


def compiled_function(tree: Tree, names: Iterable[str]) -> Callable[..., float]:
    """The same, compiled by numba on its first call."""
    compiled: Callable[..., float] = numba.njit(error_model="numpy")(scalar_function(tree, names))
    return compiled
