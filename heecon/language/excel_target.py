"""Tree to an Excel formula.

Excel differs from the language in ways that give wrong numbers silently; the formulas are written
so that none of these can matter:

- ``-2^2`` is 4 and ``2^3^2`` is 64 in Excel: every sign and every operand of a power is bracketed.
- ``0^0`` is an error in Excel and 1 here: a power whose exponent could be 0 is guarded.
- AND() and OR() evaluate all their arguments: nested IFs evaluate what is needed.
- FLOOR() and CEILING() treat negative numbers differently: INT() is used.
- MIN() and MAX() skip cells that are empty or hold text: cells go in as ``cell+0``.

Three differences stay. What is NaN or infinite here is an error value there. Excel's comparisons
see 15 digits, so ``0.1 + 0.2 == 0.3`` holds there and not here. And GAMMADIST of a shape beyond
about 1e4 (``survival_gengamma`` with q nearer to 0 than 0.01, but not 0) is as good as the
spreadsheet program makes it: formualizer 0.13 gives 0.107 for 0.159 at shape 1e5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heecon.errors import InputError, Problem
from heecon.language.functions import FUNCTIONS, Definition, Lookup, Primitive
from heecon.language.text_target import number_text
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

MAX_LENGTH = 8_000  # Excel takes 8,192 characters
MAX_NESTING = 60  # Excel takes 64 levels of functions; brackets are counted too

_TRUTH, _COMPARE, _ADD, _MULTIPLY, _POWER, _ATOM = range(6)
_LEVEL = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY}
_COMPARISON = {"==": "=", "!=": "<>"}


@dataclass(frozen=True)
class ExcelTable:
    """Where a table stands in the workbook.

    Attributes:
        keys: the range of its keys, such as ``Tables!$A$2:$A$102``.
        columns: column name -> range of its values.
    """

    keys: str
    columns: Mapping[str, str]


class ExcelLimitError(InputError):
    """An expression is too long or too deep for one Excel formula."""


def to_excel(
    tree: Tree,
    references: Mapping[str, str],
    tables: Mapping[str, ExcelTable],
    tolerance: str = "0.000000001",
    constant: Callable[[float], str] | None = None,
) -> str:
    """The formula of a checked expression, without the leading ``=``.

    Args:
        tree: passed by :func:`heecon.language.check`.
        references: for each name read, a cell reference or defined name.
        tables: for each table looked into, its ranges.
        tolerance: how close below a key counts as reached: a number or a reference.
        constant: gives the cell that holds a number, for formulas without numbers in them; 0 and 1
            stay, as they count what is left (1 - p) or switch a function. None writes numbers out.

    Raises:
        ExcelLimitError: the formula would not fit into a cell.
        KeyError: a name or table is missing.
    """
    text = _Writer(references, tables, tolerance, constant).write(tree, _TRUTH)
    if _nesting(text) > MAX_NESTING:
        what = f"the formula is nested more than {MAX_NESTING} deep"
        raise ExcelLimitError(Problem("Excel formula", what, "split it into named variables"))
    return text


@dataclass(frozen=True)
class _Writer:
    references: Mapping[str, str]
    tables: Mapping[str, ExcelTable]
    tolerance: str
    constant: Callable[[float], str] | None

    def write(self, tree: Tree, least: int) -> str:
        """The text of a node, in brackets if it binds less tightly than ``least``."""
        text, level = self.piece(tree)
        # Checked at every node: definitions repeat their arguments, so nested ones could
        # otherwise grow beyond memory before anyone counts.
        if len(text) > MAX_LENGTH:
            what = f"the formula is longer than {MAX_LENGTH:,} characters"
            raise ExcelLimitError(Problem("Excel formula", what, "split it into named variables"))
        return text if level >= least else f"({text})"

    def piece(self, tree: Tree) -> tuple[str, int]:  # noqa: PLR0911  (one return a kind)
        match tree:
            case Number(value=value):
                if self.constant is not None and value not in {0.0, 1.0}:
                    return self.constant(value), _ATOM
                text = number_text(value).upper()
                return (f"({text})" if text.startswith("-") else text), _ATOM
            case Name(name=name):
                return self.references[name], _ATOM
            case Negate(operand=operand):
                return f"(-{self.write(operand, _ATOM)})", _ATOM
            case Binary(operator="**", left=left, right=right):
                return self.power(left, right)
            case Binary(operator=operator, left=left, right=right):
                level = _LEVEL[operator]
                return f"{self.write(left, level)}{operator}{self.write(right, level + 1)}", level
            case Compare(operator=operator, left=left, right=right):
                sign = _COMPARISON.get(operator, operator)
                return f"{self.write(left, _ADD)}{sign}{self.write(right, _ADD)}", _COMPARE
            case Not(operand=operand):
                return f"NOT({self.write(operand, _TRUTH)})", _ATOM
            case And(left=left, right=right):
                return f"IF({self.write(left, _TRUTH)},{self.write(right, _TRUTH)},FALSE)", _ATOM
            case Or(left=left, right=right):
                return f"IF({self.write(left, _TRUTH)},TRUE,{self.write(right, _TRUTH)})", _ATOM
            case Conditional():
                parts = (tree.condition, tree.if_true, tree.if_false)
                return f"IF({','.join(self.write(part, _TRUTH) for part in parts)})", _ATOM
            case Call():
                return self.call(tree)

    def power(self, base: Tree, exponent: Tree) -> tuple[str, int]:
        text = f"{self.write(base, _ATOM)}^{self.write(exponent, _ATOM)}"
        if _is_nonzero(base) or _is_nonzero(exponent):
            return text, _POWER
        return f"IF({self.write(exponent, _ADD)}=0,1,{text})", _ATOM

    def call(self, call: Call) -> tuple[str, int]:
        match FUNCTIONS[call.function]:
            case Lookup(excel=template):
                return self.lookup(call, template), _ATOM
            case Primitive(excel=template):
                parts = [self.write(part, _ADD) for part in call.arguments]
                numbers = [
                    f"{text}+0" if isinstance(part, Name) else text
                    for part, text in zip(call.arguments, parts, strict=True)
                ]
                return template.format(*parts, numbers=",".join(numbers)), _ATOM
            case Definition(arguments=names, body=body):
                parts = [self.write(part, _ATOM) for part in call.arguments]
                inside = dict(zip(names, parts, strict=True))
                return _Writer(inside, {}, self.tolerance, self.constant).piece(body)
        raise TypeError(f"no Excel form of {call.function}")

    def lookup(self, call: Call, template: str) -> str:
        named = [part.name for part in call.arguments[:-1] if isinstance(part, Name)]
        table = self.tables[named[0]]
        values = table.columns[named[1] if len(named) > 1 else next(iter(table.columns))]
        place = self.write(call.arguments[-1], _ADD)
        return template.format(x=place, keys=table.keys, values=values, tolerance=self.tolerance)


def _is_nonzero(tree: Tree) -> bool:
    """Whether a node is a number other than 0, with or without a sign."""
    inside = tree.operand if isinstance(tree, Negate) else tree
    return isinstance(inside, Number) and inside.value != 0.0


def _nesting(text: str) -> int:
    """How deep the brackets go."""
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest
