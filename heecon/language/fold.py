"""Replaces what does not vary by its value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from heecon.language.numpy_target import evaluate
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
)


def fold(tree: Tree, known: Mapping[str, float] | None = None) -> Tree:
    """The same expression with constant parts computed.

    Only constants are folded, and conditionals whose condition is constant: ``x * 0`` stays,
    because it is NaN where x is. What would not be a finite number stays as it is written.

    Args:
        tree: a checked expression.
        known: names to treat as constants.
    """
    return _fold(tree, known or {})


def _fold(tree: Tree, known: Mapping[str, float]) -> Tree:  # noqa: PLR0911  (one return a kind)
    match tree:
        case Number():
            return tree
        case Name(name=name):
            return _number(known[name], tree) if math.isfinite(known.get(name, math.nan)) else tree
        case Negate(operand=operand):
            return replace(tree, operand=_fold(operand, known))
        case Not(operand=operand):
            return replace(tree, operand=_fold(operand, known))
        case Binary(left=left, right=right):
            return _computed(replace(tree, left=_fold(left, known), right=_fold(right, known)))
        case (
            Compare(left=left, right=right)
            | And(left=left, right=right)
            | Or(left=left, right=right)
        ):
            return replace(tree, left=_fold(left, known), right=_fold(right, known))
        case Conditional():
            return _chosen(tree, known)
        case Call(function=function, arguments=arguments):
            if function in LOOKUPS:
                return replace(tree, arguments=(*arguments[:-1], _fold(arguments[-1], known)))
            return _computed(
                replace(tree, arguments=tuple(_fold(part, known) for part in arguments))
            )


def _chosen(tree: Conditional, known: Mapping[str, float]) -> Tree:
    condition = _fold(tree.condition, known)
    truth = _truth(condition)
    if truth is not None:
        return _fold(tree.if_true if truth else tree.if_false, known)
    return replace(
        tree,
        condition=condition,
        if_true=_fold(tree.if_true, known),
        if_false=_fold(tree.if_false, known),
    )


def _computed(tree: Binary | Call) -> Tree:
    parts = tree.arguments if isinstance(tree, Call) else (tree.left, tree.right)
    if not all(_is_constant(part) for part in parts):
        return tree
    value = float(evaluate(tree, {}, {}))
    return _number(value, tree) if math.isfinite(value) else tree


def _number(value: float, origin: Tree) -> Tree:
    """A constant at the place of what it replaces; a sign is a node, as the parser has it."""
    size = Number(abs(value), start=origin.start, end=origin.end)
    negative = math.copysign(1.0, value) < 0.0
    return Negate(size, start=origin.start, end=origin.end) if negative else size


def _is_constant(tree: Tree) -> bool:
    return isinstance(tree, Number) or (
        isinstance(tree, Negate) and isinstance(tree.operand, Number)
    )


def _truth(tree: Tree) -> bool | None:
    """Whether a folded condition is always true (or false); None if that depends."""
    match tree:
        case Compare(left=left, right=right):
            if not (_is_constant(left) and _is_constant(right)):
                return None
            chosen = Conditional(tree, Number(1.0), Number(0.0))
            return bool(evaluate(chosen, {}, {}) == 1.0)
        case Not(operand=operand):
            inside = _truth(operand)
            return None if inside is None else not inside
        case And(left=left, right=right):
            sides = _truth(left), _truth(right)
            return False if False in sides else None if None in sides else True
        case Or(left=left, right=right):
            sides = _truth(left), _truth(right)
            return True if True in sides else None if None in sides else False
    return None
