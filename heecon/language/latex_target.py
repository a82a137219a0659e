"""Tree to LaTeX, for the model's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heecon.language.functions import FUNCTIONS
from heecon.language.text_target import number_text
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

_IF, _OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY, _UNARY, _POWER, _ATOM = range(10)
_SIGN = {"*": r" \cdot ", "+": " + ", "-": " - "}
_LEVEL = {"+": _ADD, "-": _ADD, "*": _MULTIPLY}
_COMPARISON = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne"}


def to_latex(tree: Tree, symbols: Mapping[str, str] | None = None) -> str:
    r"""The expression in LaTeX's mathematics mode (``cases`` needs the amsmath package).

    Args:
        tree: a checked expression.
        symbols: how to set some names, such as ``{"hr_sre": r"\mathrm{HR}"}``; the others are set
            upright as they are spelt.
    """
    return _Writer(symbols or {}).write(tree, _IF)


@dataclass(frozen=True)
class _Writer:
    symbols: Mapping[str, str]

    def write(self, tree: Tree, least: int) -> str:
        """The text of a node, in brackets if it binds less tightly than ``least``."""
        text, level = self.piece(tree)
        return text if level >= least else rf"\left({text}\right)"

    def piece(self, tree: Tree) -> tuple[str, int]:  # noqa: PLR0911  (one return a kind)
        match tree:
            case Number(value=value):
                return _number(value)
            case Name(name=name):
                return self.symbols.get(name, _upright("mathrm", name)), _ATOM
            case Negate(operand=operand):
                return f"-{self.write(operand, _UNARY)}", _UNARY
            case Binary():
                return self.arithmetic(tree)
            case Compare(operator=operator, left=left, right=right):
                sign = _COMPARISON[operator]
                return f"{self.write(left, _ADD)} {sign} {self.write(right, _ADD)}", _COMPARE
            case Not(operand=operand):
                return rf"\lnot {self.write(operand, _ATOM)}", _NOT
            case And(left=left, right=right):
                return rf"{self.write(left, _AND)} \land {self.write(right, _NOT)}", _AND
            case Or(left=left, right=right):
                return rf"{self.write(left, _OR)} \lor {self.write(right, _AND)}", _OR
            case Conditional():
                return self.cases(tree), _ATOM
            case Call():
                return self.call(tree), _ATOM

    def arithmetic(self, tree: Binary) -> tuple[str, int]:
        if tree.operator == "/":
            return rf"\frac{{{self.write(tree.left, _IF)}}}{{{self.write(tree.right, _IF)}}}", _ATOM
        if tree.operator == "**":
            # A fraction or function needs brackets as a base, so only names and numbers go bare.
            bare = isinstance(tree.left, Name | Number)
            base = self.write(tree.left, _ATOM if bare else _ATOM + 1)
            return f"{base}^{{{self.write(tree.right, _IF)}}}", _POWER
        level = _LEVEL[tree.operator]
        right = self.write(tree.right, level + 1)
        return f"{self.write(tree.left, level)}{_SIGN[tree.operator]}{right}", level

    def cases(self, tree: Conditional) -> str:
        """A chain of ``else if`` as one ``cases`` block."""
        rows: list[str] = []
        rest: Tree = tree
        while isinstance(rest, Conditional):
            condition = self.write(rest.condition, _IF)
            rows.append(rf"{self.write(rest.if_true, _IF)} & \text{{if }} {condition}")
            rest = rest.if_false
        rows.append(rf"{self.write(rest, _IF)} & \text{{otherwise}}")
        body = r" \\ ".join(rows)
        return rf"\begin{{cases}} {body} \end{{cases}}"

    def call(self, call: Call) -> str:
        if call.function in LOOKUPS:
            *named, place = call.arguments
            labels = [_upright("mathit", part.name) for part in named if isinstance(part, Name)]
            table = labels[0] if len(labels) == 1 else f"{labels[0]}_{{{labels[1]}}}"
            return rf"{table}\left({self.write(place, _IF)}\right)"
        parts = [self.write(part, _IF) for part in call.arguments]
        listed = r",\,".join(parts)
        template = FUNCTIONS[call.function].latex
        if template:
            return template.format(*parts, all=listed)
        name = _upright("operatorname", call.function)
        return rf"{name}\left({listed}\right)"


def _number(value: float) -> tuple[str, int]:
    """Powers of ten are set as such."""
    digits, exponent, power = number_text(value).partition("e")
    signed = _UNARY if digits.startswith("-") else _ATOM
    if not exponent:
        return digits, signed
    return rf"{digits} \cdot 10^{{{int(power)}}}", _MULTIPLY


def _upright(command: str, name: str) -> str:
    escaped = name.replace("_", r"\_")
    return rf"\{command}{{{escaped}}}"
