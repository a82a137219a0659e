"""Cut a long formula into parts that fit: agencies ask for short formulas, and so does Excel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heecon.language import ExcelLimitError, Tree
from heecon.language.tree import (
    LOOKUPS,
    And,
    Call,
    Conditional,
    Name,
    Negate,
    Not,
    Number,
    Or,
    rebuilt,
)

LIMIT = 600
"""Characters a formula of the model may have; what is wrapped around it fits below 1,000."""

STAND_IN = Number(0.0)
"""Is written where the cell of a part will be."""

MAX_LENGTH = 1_000
"""Characters any formula of the workbook may have."""


@dataclass(frozen=True)
class Part:
    """A piece of a long formula that gets a column of its own.

    Attributes:
        short: the piece, in which longer pieces of it are names of other parts.
        whole: the same piece written out.
    """

    short: Tree
    whole: Tree


def shortened(
    tree: Tree, write: Callable[[Tree], str], prefix: str
) -> tuple[Tree, dict[str, Part]]:
    """The expression with pieces of it replaced by names, until its formula is short enough.

    Args:
        tree: a checked expression.
        write: gives the formula of an expression.
        prefix: how the names of parts begin.

    Returns:
        The expression, and the parts by name, in an order in which they can be computed.
    """
    parts: dict[str, Part] = {}

    def length(piece: Tree) -> int:
        try:
            return len(write(_without(piece, parts)))
        except ExcelLimitError:
            return MAX_LENGTH * 10

    def cut(piece: Tree) -> Tree:
        while length(piece) > LIMIT:
            inner = [part for part in _values(piece) if not isinstance(part, Name | Number)]
            if not inner:
                return piece
            longest = max(inner, key=length)
            short = cut(longest)
            name = f"{prefix}{len(parts)}"
            parts[name] = Part(short, _written_out(short, parts))
            piece = _swapped(piece, longest, Name(name))
        return piece

    return cut(tree), parts


def _written_out(tree: Tree, parts: Mapping[str, Part]) -> Tree:
    """The expression with the parts it names written out."""
    return _renamed(tree, {name: part.whole for name, part in parts.items()})


def _without(tree: Tree, parts: Mapping[str, Part]) -> Tree:
    """The expression with the names of parts read as numbers, so that it can be written."""
    return _renamed(tree, dict.fromkeys(parts, STAND_IN))


def _renamed(tree: Tree, trees: Mapping[str, Tree]) -> Tree:
    """The expression with some names replaced by expressions."""
    if isinstance(tree, Name):
        return trees.get(tree.name, tree)
    return rebuilt(tree, lambda part: _renamed(part, trees))


def _values(tree: Tree) -> tuple[Tree, ...]:  # noqa: PLR0911  (one return a kind)
    """The parts of a node that are numbers; conditions are cut at the numbers they compare."""
    match tree:
        case Name() | Number():
            return ()
        case Negate(operand=operand):
            return (operand,)
        case Not(operand=operand):
            return _values(operand)
        case Conditional():
            return (*_values(tree.condition), tree.if_true, tree.if_false)
        case And(left=left, right=right) | Or(left=left, right=right):
            return (*_values(left), *_values(right))
        case Call(function=function, arguments=arguments):
            return arguments[-1:] if function in LOOKUPS else arguments
        case _:
            return (tree.left, tree.right)


def _swapped(tree: Tree, old: Tree, new: Tree) -> Tree:
    """The expression with one part of it replaced."""
    return new if tree is old else rebuilt(tree, lambda part: _swapped(part, old, new))
