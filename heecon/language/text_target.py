"""Tree to canonical text: the fewest brackets, one space around operators.

``parse(to_text(tree)) == tree`` for every tree the parser can make.
"""

from __future__ import annotations

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

# How tightly each construct binds; an operand that binds less tightly needs brackets.
_IF, _OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY, _UNARY, _POWER, _ATOM = range(10)
_LEVEL = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY}


def to_text(tree: Tree) -> str:
    """The expression as a user would type it."""
    return _write(tree, _IF)


def number_text(value: float) -> str:
    """The shortest decimal that reads back as the same double; whole numbers without ``.0``."""
    return repr(float(value)).removesuffix(".0")


def _write(tree: Tree, least: int) -> str:
    """The text of a node, in brackets if it binds less tightly than ``least``."""
    text, level = _piece(tree)
    return text if level >= least else f"({text})"


def _piece(tree: Tree) -> tuple[str, int]:  # noqa: PLR0911  (one return a kind)
    match tree:
        case Number(value=value):
            text = number_text(value)
            return text, _UNARY if text.startswith("-") else _ATOM
        case Name(name=name):
            return name, _ATOM
        case Call(function=function, arguments=arguments):
            listed = ", ".join(_write(argument, _IF) for argument in arguments)
            return f"{function}({listed})", _ATOM
        case Negate(operand=operand):
            return f"-{_write(operand, _UNARY)}", _UNARY
        case Binary(operator="**", left=left, right=right):
            # The exponent may carry a sign, and powers group to the right.
            return f"{_write(left, _ATOM)} ** {_write(right, _UNARY)}", _POWER
        case Binary(operator=operator, left=left, right=right):
            level = _LEVEL[operator]
            return f"{_write(left, level)} {operator} {_write(right, level + 1)}", level
        case Compare(operator=operator, left=left, right=right):
            return f"{_write(left, _ADD)} {operator} {_write(right, _ADD)}", _COMPARE
        case Not(operand=operand):
            return f"not {_write(operand, _NOT)}", _NOT
        case And(left=left, right=right):
            return f"{_write(left, _AND)} and {_write(right, _NOT)}", _AND
        case Or(left=left, right=right):
            return f"{_write(left, _OR)} or {_write(right, _AND)}", _OR
        case Conditional(condition=condition, if_true=if_true, if_false=if_false):
            head = f"{_write(if_true, _OR)} if {_write(condition, _OR)}"
            return f"{head} else {_write(if_false, _IF)}", _IF
