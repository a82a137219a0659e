"""The closed expression language: one text, one checked tree, many targets.

``parse`` a text, ``check`` the tree, then hand it to a target: numpy (``evaluate``), numba
(``expression_source``), Excel (``to_excel``) or plain text (``to_text``).
"""

from heecon.language.check import check
from heecon.language.errors import ExpressionError, ExpressionProblem
from heecon.language.excel_target import ExcelLimitError, ExcelTable, to_excel
from heecon.language.functions import FUNCTIONS, Definition, Function, Lookup, Primitive
from heecon.language.numba_target import (
    expression_source,
    namespace,
    table_arguments,
    variable,
)
from heecon.language.numpy_target import evaluate
from heecon.language.order import CircularDefinition, dependency_order
from heecon.language.parser import MAX_DEPTH, MAX_LENGTH, name_problem, parse
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
    names,
    table_columns,
    table_names,
    walk,
)

__all__ = [
    "FUNCTIONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "And",
    "Binary",
    "Call",
    "CircularDefinition",
    "Compare",
    "Conditional",
    "Definition",
    "ExcelLimitError",
    "ExcelTable",
    "ExpressionError",
    "ExpressionProblem",
    "Function",
    "Lookup",
    "Name",
    "Negate",
    "Not",
    "Number",
    "Or",
    "Primitive",
    "Table",
    "Tree",
    "check",
    "dependency_order",
    "evaluate",
    "expression_source",
    "name_problem",
    "names",
    "namespace",
    "parse",
    "table_arguments",
    "table_columns",
    "table_names",
    "to_excel",
    "to_text",
    "variable",
    "walk",
]
