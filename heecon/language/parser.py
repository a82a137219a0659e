"""Text to tree, through a strict white list.

Python's own ``ast`` reads the text (it is only ever parsed, never compiled or run); everything it
returns is then converted node by node, and what is not listed here is refused. Characters that no
expression needs are refused before Python sees them.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import unicodedata
import warnings
from typing import NoReturn

from heecon.language.errors import ExpressionError, ExpressionProblem
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
    walk,
)

MAX_LENGTH = 2_000
MAX_DEPTH = 60

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SINGLE_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
_PLAIN = re.compile(r"[A-Za-z0-9_ \t\r\n+\-*/().,<>=!]*")

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_OUR_WORDS = frozenset({"and", "or", "not", "if", "else"})

# character -> what to do instead
_REFUSED = {
    "^": "use ** for powers",
    "%": "use mod(a, b) for a remainder; write 5% as 0.05",
    "&": "use 'and'",
    "|": "use 'or'",
    "~": "use 'not'",
    "[": "there is no indexing: use lookup(table, x)",
    "]": "there is no indexing: use lookup(table, x)",
    "'": "there are no strings",
    '"': "there are no strings",
    ":": "there are no definitions inside an expression: define a variable",
    "#": "put the comment outside the expression",
    "×": "use *",
    "·": "use *",
    "÷": "use /",
    "−": "use the plain minus sign -",
    "–": "use the plain minus sign -",
    "≤": "use <=",
    "≥": "use >=",
    "≠": "use !=",
    "²": "use **2",
    "\u00a0": "use a plain space",
}


def parse(text: str) -> Tree:
    """The tree of an expression.

    Args:
        text: at most 2,000 characters; line breaks and tabs count as spaces.

    Raises:
        ExpressionError: the text is not an expression of the language.
    """
    _refuse_length(text)
    _refuse_characters(text)
    _refuse_nesting(text)
    return _Converter(text).convert(_python_tree(text), depth=1)


def name_problem(name: str) -> str:
    """Why ``name`` cannot name a parameter, variable, table or column; empty if it can."""
    if keyword.iskeyword(name):
        return f"'{name}' is a reserved word"
    if "__" in name or name.startswith("_") or name.endswith("_"):
        return f"'{name}' is reserved: '_' stands singly and between letters or digits"
    if not _NAME.fullmatch(name):
        return f"'{name}' is not a name: use letters a-z, digits and '_', a letter first"
    return ""


def _fail(text: str, message: str, start: int, end: int, hint: str = "") -> NoReturn:
    problem = ExpressionProblem("", message, hint, start=start, end=end)
    raise ExpressionError(text, [problem]) from None


def _refuse_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        message = f"the expression has {len(text):,} characters; the limit is {MAX_LENGTH:,}"
        _fail(text, message, MAX_LENGTH, len(text), "split it into named variables")
    if not text.strip():
        _fail(text, "the expression is empty", 0, len(text), "write a number or a formula")


def _refuse_characters(text: str) -> None:
    plain = _PLAIN.match(text)
    place = plain.end() if plain else 0
    if place == len(text):
        return
    character = text[place]
    shown = f"'{character}'" if character.isprintable() else "a control character"
    if not character.isascii():
        label = unicodedata.name(character, "no name")
        shown = f"{shown} (U+{ord(character):04X}, {label})"
    hint = _REFUSED.get(character, "use plain letters, digits and + - * / ( ) , . < > = !")
    _fail(text, f"{shown} is not part of the language", place, place + 1, hint)


def _refuse_nesting(text: str) -> None:
    """Counts brackets first, because Python's parser takes long over thousands of them."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > MAX_DEPTH:
            _fail_depth(text, place, place + 1)


def _fail_depth(text: str, start: int, end: int) -> NoReturn:
    message = f"the expression is nested more than {MAX_DEPTH} deep"
    _fail(text, message, start, end, "split it into named variables")


def _python_tree(text: str) -> ast.expr:
    """What Python's parser makes of the text; offsets in it are those of ``text``."""
    spaced = re.sub(r"[\t\r\n]", " ", text)
    bare = spaced.lstrip()
    shift = len(spaced) - len(bare)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(bare, mode="eval").body
    except SyntaxError as error:
        _fail_syntax(text, error, shift)
    except (RecursionError, MemoryError, ValueError):
        _fail_depth(text, 0, len(text))
    for node in ast.walk(body):
        if isinstance(node, ast.expr | ast.keyword):
            node.col_offset += shift
            node.end_col_offset = (node.end_col_offset or 0) + shift
    return body


def _fail_syntax(text: str, error: SyntaxError, shift: int) -> NoReturn:
    """Says what Python's parser stumbled over, the likeliest slip first."""
    for word in _WORD.finditer(text):
        if keyword.iskeyword(word.group()) and word.group() not in _OUR_WORDS:
            message = f"'{word.group()}' is a reserved word"
            _fail(text, message, word.start(), word.end(), "rename it")
    single = _SINGLE_EQUALS.search(text)
    if single:
        hint = "write == to compare; an expression assigns nothing"
        _fail(text, "a single '=' has no meaning here", single.start(), single.end(), hint)
    start = min(max((error.offset or 1) - 1, 0) + shift, len(text))
    end = max((error.end_offset or 0) - 1 + shift, start + 1)
    # What follows a ';' in Python's message is advice for Python, not for this language.
    message = (error.msg or "invalid syntax").split(";")[0]
    _fail(text, f"cannot read this: {message}", start, end)


class _Converter:
    """Turns Python's nodes into ours, refusing every kind that is not listed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, node: ast.expr | ast.keyword, message: str, hint: str = "") -> NoReturn:
        _fail(self.text, message, node.col_offset, node.end_col_offset or 0, hint)

    def convert(self, node: ast.expr, depth: int) -> Tree:  # noqa: PLR0911  (one return a kind)
        start, end = node.col_offset, node.end_col_offset or 0
        if depth > MAX_DEPTH:
            _fail_depth(self.text, start, end)
        inner = depth + 1
        match node:
            case ast.Constant():
                return self.number(node)
            case ast.Name():
                return Name(self.checked_name(node), start=start, end=end)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.convert(operand, inner)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Negate(self.convert(operand, inner), start=start, end=end)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.convert(operand, inner), start=start, end=end)
            case ast.BinOp():
                return self.binary(node, inner)
            case ast.BoolOp():
                return self.logical(node, depth)
            case ast.Compare():
                return self.comparison(node, depth)
            case ast.IfExp():
                return Conditional(
                    self.convert(node.test, inner),
                    self.convert(node.body, inner),
                    self.convert(node.orelse, inner),
                    start=start,
                    end=end,
                )
            case ast.Call():
                return self.call(node, inner)
        return self.refuse(node)

    def refuse(self, node: ast.expr) -> NoReturn:
        match node:
            case ast.Attribute():
                self.fail(node, "a dot between names is not part of the language")
            case ast.Tuple():
                hint = "write decimals with a point, 1.5; commas only part function arguments"
                self.fail(node, "a comma has no meaning here", hint)
            case _:
                self.fail(node, "this is not part of the language")

    def number(self, node: ast.Constant) -> Number:
        start, end = node.col_offset, node.end_col_offset or 0
        written = self.text[start:end]
        if not _DECIMAL.fullmatch(written):
            self.fail(node, f"'{written}' is not a number here", "write a plain decimal number")
        value = float(written)
        if not math.isfinite(value):
            self.fail(node, "this number is too large", "the largest is about 1.8e308")
        return Number(value, start=start, end=end)

    def checked_name(self, node: ast.Name) -> str:
        problem = name_problem(node.id)
        if problem:
            self.fail(node, problem, "rename it")
        return node.id

    def binary(self, node: ast.BinOp, inner: int) -> Tree:
        operator = _BINARY.get(type(node.op))
        if operator is None:
            hint = "write floor(a / b)" if isinstance(node.op, ast.FloorDiv) else ""
            self.fail(node, "this operator is not part of the language", hint)
        left, right = self.convert(node.left, inner), self.convert(node.right, inner)
        return Binary(operator, left, right, start=node.col_offset, end=node.end_col_offset or 0)

    def logical(self, node: ast.BoolOp, depth: int) -> Tree:
        """Folds ``a and b and c`` to the left, as it is read."""
        kind = And if isinstance(node.op, ast.And) else Or
        deepest = depth + len(node.values) - 1
        result = self.convert(node.values[0], deepest)
        for value in node.values[1:]:
            right = self.convert(value, depth + 1)
            result = kind(result, right, start=node.col_offset, end=right.end)
        return result

    def comparison(self, node: ast.Compare, depth: int) -> Tree:
        """Writes ``a < b <= c`` as ``a < b and b <= c``."""
        deepest = depth + len(node.ops)
        sides = [self.convert(side, deepest) for side in (node.left, *node.comparators)]
        self.refuse_hidden_chain(node, sides)
        result: Tree | None = None
        for operation, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True):
            operator = _COMPARE.get(type(operation))
            if operator is None:
                self.fail(node, "'is' and 'in' are not part of the language", "use == or !=")
            link = Compare(operator, left, right, start=left.start, end=right.end)
            result = And(result, link, start=result.start, end=link.end) if result else link
        assert result is not None  # noqa: S101  (a comparison has at least one operator)
        return result

    def refuse_hidden_chain(self, node: ast.Compare, sides: list[Tree]) -> None:
        """A middle side is written twice: chains inside chains would double at every level."""
        for side, written in zip(sides[1:-1], node.comparators, strict=False):
            if any(isinstance(part, Compare) for part in walk(side)):
                message = "the middle of a chained comparison holds another comparison"
                self.fail(written, message, "write a < b and b < c, with b a named variable")

    def call(self, node: ast.Call, inner: int) -> Tree:
        if not isinstance(node.func, ast.Name):
            self.fail(node.func, "only a function's name can be called")
        for named in node.keywords:
            self.fail(named, "arguments go by position here", "leave out 'name='")
        arguments = tuple(self.convert(argument, inner) for argument in node.args)
        function = self.checked_name(node.func)
        return Call(function, arguments, start=node.col_offset, end=node.end_col_offset or 0)
