"""The tree an expression becomes: ten kinds of frozen node, shared by every target.

Positions (``start``, ``end``) are character offsets into the text; they take no part in
comparison, so two trees are equal when they mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

# The functions whose first arguments name a table (and a column) instead of a value.
LOOKUPS = frozenset({"lookup", "interpolate"})


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """Where in the text a node stands."""

    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Number(_Placed):
    """A finite number; the parser makes non-negative ones only (``-2`` is ``Negate``)."""

    value: float


@dataclass(frozen=True)
class Name(_Placed):
    """A parameter or variable; inside a look-up, a table or a column."""

    name: str


@dataclass(frozen=True)
class Negate(_Placed):
    """``-operand``."""

    operand: Tree


@dataclass(frozen=True)
class Binary(_Placed):
    """Arithmetic; ``operator`` is one of ``+ - * / **``."""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Compare(_Placed):
    """A comparison; ``operator`` is one of ``< <= > >= == !=``."""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class And(_Placed):
    """True when both sides are."""

    left: Tree
    right: Tree


@dataclass(frozen=True)
class Or(_Placed):
    """True when at least one side is."""

    left: Tree
    right: Tree


@dataclass(frozen=True)
class Not(_Placed):
    """True when the operand is not."""

    operand: Tree


@dataclass(frozen=True)
class Conditional(_Placed):
    """``if_true if condition else if_false``."""

    condition: Tree
    if_true: Tree
    if_false: Tree


@dataclass(frozen=True)
class Call(_Placed):
    """A registered function applied to its arguments."""

    function: str
    arguments: tuple[Tree, ...]


Tree: TypeAlias = Number | Name | Negate | Binary | Compare | And | Or | Not | Conditional | Call


def children(tree: Tree) -> tuple[Tree, ...]:
    """The value-bearing parts of a node, left to right; a look-up's table and column are not."""
    match tree:
        case Number() | Name():
            return ()
        case Negate(operand=operand) | Not(operand=operand):
            return (operand,)
        case Conditional():
            return (tree.if_true, tree.condition, tree.if_false)
        case Call(function=function, arguments=arguments):
            if function in LOOKUPS:
                return arguments[-1:] if len(arguments) > 1 else ()
            return arguments
        case _:
            return (tree.left, tree.right)


def rebuilt(tree: Tree, change: Callable[[Tree], Tree]) -> Tree:
    """The node with each part that bears a value replaced by what ``change`` makes of it."""
    match tree:
        case Number() | Name():
            return tree
        case Negate() | Not():
            return replace(tree, operand=change(tree.operand))
        case Conditional():
            condition, yes, no = map(change, (tree.condition, tree.if_true, tree.if_false))
            return replace(tree, condition=condition, if_true=yes, if_false=no)
        case Call(function=function, arguments=arguments):
            kept = arguments[:-1] if function in LOOKUPS else ()
            changed = tuple(change(part) for part in arguments[len(kept) :])
            return replace(tree, arguments=(*kept, *changed))
        case _:
            return replace(tree, left=change(tree.left), right=change(tree.right))


def walk(tree: Tree) -> Iterator[Tree]:
    """Every node that bears a value, parents first, left to right."""
    yield tree
    for child in children(tree):
        yield from walk(child)


def names(tree: Tree) -> frozenset[str]:
    """The parameters and variables an expression reads (no functions, tables or columns)."""
    return frozenset(node.name for node in walk(tree) if isinstance(node, Name))


def table_columns(tree: Tree) -> frozenset[tuple[str, str]]:
    """The tables an expression reads, each with the column; it is empty for the only one."""
    return frozenset(
        (read[0], read[1] if len(read) > 1 else "")
        for node in walk(tree)
        if isinstance(node, Call) and node.function in LOOKUPS
        if (read := [part.name for part in node.arguments[:-1] if isinstance(part, Name)])
    )


def table_names(tree: Tree) -> frozenset[str]:
    """The tables an expression reads."""
    return frozenset(table for table, _ in table_columns(tree))
