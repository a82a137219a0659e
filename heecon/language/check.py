"""Checks a tree against the names, tables and functions there are; finds everything at once.

The language has two types, numbers and truths, and never turns one into the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from heecon.errors import nearest
from heecon.language.errors import ExpressionProblem
from heecon.language.functions import FUNCTIONS, Lookup
from heecon.language.tables import Table
from heecon.language.text_target import to_text
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

_OTHERS_SAY = {
    "ln": "log",
    "pow": "^",
    "power": "^",
    "pnorm": "normal_cdf",
    "norm_dist": "normal_cdf",
}
"""What other programs call functions of the language."""

_SHORT = 40  # a longer condition is not repeated inside a hint


def check(
    tree: Tree, names: Collection[str], tables: Mapping[str, Table]
) -> list[ExpressionProblem]:
    """What is wrong with an expression that has to give a number.

    Args:
        tree: a parsed expression.
        names: the parameters and variables it may read.
        tables: the tables it may look into.

    Returns:
        The problems in the order of the text; empty if the expression can be used. One that occurs
        several times is reported once, where it occurs first.
    """
    checker = _Checker(names, tables)
    checker.number(tree)
    first_of_each: dict[str, ExpressionProblem] = {}
    for problem in sorted(checker.problems, key=lambda problem: problem.start):
        first_of_each.setdefault(problem.what, problem)
    return list(first_of_each.values())


class _Checker:
    """Walks the tree knowing, at every node, whether a number or a truth is wanted."""

    def __init__(self, names: Collection[str], tables: Mapping[str, Table]) -> None:
        self.names = names
        self.tables = tables
        self.problems: list[ExpressionProblem] = []

    def report(self, node: Tree, what: str, hint: str = "") -> None:
        self.problems.append(ExpressionProblem("", what, hint, start=node.start, end=node.end))

    def number(self, node: Tree) -> None:
        match node:
            case Number():
                pass
            case Name():
                self.name(node)
            case Negate(operand=operand):
                self.number(operand)
            case Binary(left=left, right=right):
                self.number(left)
                self.number(right)
            case Conditional():
                self.number(node.if_true)
                self.truth(node.condition)
                self.number(node.if_false)
            case Call():
                self.call(node)
            case Compare() | And() | Or() | Not():
                kind = "a comparison" if isinstance(node, Compare) else "a condition"
                hint = f"write (1 if {_shown(node, 'x > y')} else 0)"
                self.report(node, f"{kind} is not a number here", hint)
                self.truth(node)

    def truth(self, node: Tree) -> None:
        match node:
            case Compare(left=left, right=right):
                self.number(left)
                self.number(right)
            case And(left=left, right=right) | Or(left=left, right=right):
                self.truth(left)
                self.truth(right)
            case Not(operand=operand):
                self.truth(operand)
            case _:
                hint = f"write {_shown(node, 'x', simple=True)} > 0"
                self.report(node, "a condition must be a comparison", hint)
                self.number(node)

    def name(self, node: Name) -> None:
        name = node.name
        if name in self.names:
            return
        if name in FUNCTIONS:
            self.report(node, f"'{name}' is a function", f"write {name}(...)")
        elif name in self.tables:
            self.report(node, f"'{name}' is a table", f"write lookup({name}, ...)")
        else:
            self.report(node, f"unknown name '{name}'", _did_you_mean(name, self.names))

    def call(self, node: Call) -> None:
        function = FUNCTIONS.get(node.function)
        if function is None:
            known = node.function in self.names
            message = (
                f"'{node.function}' is not a function"
                if known
                else (f"unknown function '{node.function}'")
            )
            hint = "write * to multiply" if known else _did_you_mean(node.function, FUNCTIONS)
            self.report(node, message, hint)
        elif not function.takes(len(node.arguments)):
            listed = ", ".join(function.arguments)
            message = f"{node.function} does not take {_counted(len(node.arguments), 'argument')}"
            self.report(node, message, f"write {node.function}({listed})")
        if isinstance(function, Lookup):
            self.lookup(node)
        else:
            for argument in node.arguments:
                self.number(argument)

    def lookup(self, node: Call) -> None:
        """The first argument names a table, the middle one of three a column of it."""
        if not function_takes(node):
            return
        self.number(node.arguments[-1])
        first = node.arguments[0]
        if not isinstance(first, Name):
            self.report(first, f"the first argument of {node.function} must be a table's name")
            return
        table = self.tables.get(first.name)
        if table is None:
            hint = _did_you_mean(first.name, self.tables)
            self.report(first, f"unknown table '{first.name}'", hint)
            return
        self.column(node, table)

    def column(self, node: Call, table: Table) -> None:
        listed = ", ".join(table.columns)
        if len(node.arguments) == 2:
            if len(table.columns) > 1:
                hint = f"write {node.function}({table.name}, column, x) with one of: {listed}"
                self.report(node, f"table '{table.name}' has several columns", hint)
            return
        middle = node.arguments[1]
        if not isinstance(middle, Name):
            message = f"the second of three arguments of {node.function} must be a column's name"
            self.report(middle, message, f"the columns are: {listed}")
        elif middle.name not in table.columns:
            hint = _did_you_mean(middle.name, table.columns) or f"the columns are: {listed}"
            self.report(middle, f"table '{table.name}' has no column '{middle.name}'", hint)


def _did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` for the known name nearest to a wrong one; empty if none is near."""
    near = _OTHERS_SAY.get(wrong.lower()) or nearest(wrong, known)
    return f"did you mean '{near}'?" if near else ""


def function_takes(node: Call) -> bool:
    """Whether a call of a registered function has a possible number of arguments."""
    return FUNCTIONS[node.function].takes(len(node.arguments))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shown(node: Tree, otherwise: str, *, simple: bool = False) -> str:
    """The node as text if that is short (and, on demand, needs no brackets)."""
    text = to_text(node)
    fits = len(text) <= _SHORT and (not simple or isinstance(node, Name | Call))
    return text if fits else otherwise
