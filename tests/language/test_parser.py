"""What the parser takes, what it refuses, and what its messages look like."""

from __future__ import annotations

import time

import pytest

from heecon.errors import InputError
from heecon.language import (
    And,
    Binary,
    Call,
    Compare,
    Conditional,
    ExpressionError,
    ExpressionProblem,
    Name,
    Negate,
    Number,
    Tree,
    name_problem,
    names,
    parse,
    table_names,
    walk,
)

A, B, C = Name("a"), Name("b"), Name("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-a ** 2", Negate(Binary("**", A, Number(2)))),
        ("a ** b ** c", Binary("**", A, Binary("**", B, C))),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("+a", A),
        ("a < b <= c", Name("x")),
        ("f(a, 1)", Call("f", (A, Number(1)))),
        ("a if a < b else c", Conditional(Compare("<", A, B), A, C)),
        ("  a\n\t+ b\r\n", Binary("+", A, B)),
        ("1E3", Number(1000)),
    ],
)
def test_reads(text: str, tree: Tree) -> None:
    if "<=" in text:
        tree = And(Compare("<", A, B), Compare("<=", B, C))
    assert parse(text) == tree


def test_three_conditions_group_to_the_left() -> None:
    sides = [Compare(">", side, Number(0)) for side in (A, B, C)]
    assert parse("a > 0 and b > 0 and c > 0") == And(And(sides[0], sides[1]), sides[2])


def test_positions_count_from_the_start_of_the_text() -> None:
    text = "\n  a + max(b, 10)"
    places = {text[node.start : node.end] for node in walk(parse(text))}
    assert places == {"a + max(b, 10)", "a", "max(b, 10)", "b", "10"}


def test_positions_do_not_matter_to_equality() -> None:
    assert parse("a+b") == parse(" a  +  b ")
    assert hash(parse("a+b")) == hash(parse(" a  +  b "))


def test_names_and_tables() -> None:
    tree = parse("lookup(life, qx, age + x) * max(a, interpolate(waning, t)) if a > b else c")
    assert names(tree) == {"age", "x", "a", "t", "b", "c"}
    assert table_names(tree) == {"life", "waning"}


# text -> the part under the caret
REFUSED = {
    "": "",
    "   ": "   ",
    "__import__('os')": "'",
    "__import__(1)": "__import__",
    "__builtins__": "__builtins__",
    "_x + 1": "_x",
    "x_ + 1": "x_",
    "a__b": "a__b",
    "a.b": "a.b",
    "a.__class__.__base__": "a.__class__.__base__",
    "exp.__globals__": "exp.__globals__",
    "(1).real": "(1).real",
    "lambda: 1": ":",
    "lambda x: x": ":",
    "[x for x in y]": "[",
    "sum(x for x in y)": "(x for x in y)",
    "{1, 2}": "{",
    "f'{x}'": "'",
    "'text'": "'",
    '"text"': '"',
    "a := 1": ":",
    "(a := 1)": ":",
    "a = 1": "=",
    "a[0]": "[",
    "a[1:2]": "[",
    "max(*a)": "*a",
    "max(a, b=1)": "b=1",
    "max(**a)": "**a",
    "max(a)(b)": "max(a)",
    "a, b": "a, b",
    "1,5": "1,5",
    "True": "True",
    "None": "None",
    "False + 1": "False",
    "...": "...",
    "1j": "1j",
    "1e999": "1e999",
    "-1e999": "1e999",
    "9" * 400: "9" * 50,
    "0x1F": "0x1F",
    "0b1": "0b1",
    "1_000": "1_000",
    "007": "0",
    "a ^ b": "^",
    "a % b": "%",
    "5%": "%",
    "a // b": "a // b",
    "a @ b": "@",
    "a << 2": "a << 2",
    "a >> 2": "a >> 2",
    "a & b": "&",
    "a | b": "|",
    "~a": "~",
    "a is b": "a is b",
    "a in b": "a in b",
    "a not in b": "a not in b",
    "a b": None,
    "a +": None,
    "(a": "(",
    "a)": ")",
    "a if b": None,
    "a; b": ";",
    "a # comment": "#",
    "import os": "import",
    "class + 1": "class",
    "await x": "await x",
    "yield x": "yield",
    "a\0b": "\0",
    "a\x0cb": "\x0c",
    "\\\n a": "\\",
    "\ud800": "\ud800",
    "\u0430 + 1": "\u0430",  # a Cyrillic letter that looks like a
    "\uff45xp(1)": "\uff45",  # a full-width letter Python would read as e
    "caf\u00e9": "\u00e9",
    "a \u2212 b": "\u2212",
    "a \u2264 b": "\u2264",
    "a\u00b2": "\u00b2",
    "1 < (1 if a < b else 2) < 3": "1 if a < b else 2",
    "1 < a < b if 1 else __x__": "__x__",
    "(" * 10_000 + "1" + ")" * 10_000: None,
    "(" * 900 + "1" + ")" * 900: "(",
    "(" * 61 + "1" + ")" * 61: "(",
    "-" * 1_900 + "1": None,
    "not " * 400 + "a": None,
    "1 + " * 400 + "1": None,
    "**".join("a" * 100): None,
    " and ".join("a" * 100): None,
    " < ".join("a" * 100): None,
    "a if a > 0 else " * 100 + "a": None,
    "abs(" * 61 + "a" + ")" * 61: "(",
    "a" * 100_000: "a" * 50,
    "a + " * 25_000 + "a": None,
    "\n" * 3_000 + "a": None,
}


@pytest.mark.parametrize(("text", "under"), REFUSED.items(), ids=lambda text: repr(text)[:30])
def test_refuses_quickly_with_a_caret(text: str, under: str | None) -> None:
    began = time.perf_counter()
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert time.perf_counter() - began < 10  # none of them may hang; usually milliseconds
    (finding,) = caught.value.problems
    assert 0 <= finding.start <= len(text)
    assert finding.start <= finding.end <= len(text) + 1
    if under is not None:
        assert text[finding.start : finding.end].startswith(under)
    message = str(caught.value)
    assert len(message) < 500
    shown, carets = message.splitlines()[1:3]
    assert set(carets.strip()) == {"^"}
    assert len(carets) <= len(shown) + 1
    assert message.isprintable() or message.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a ^ b", "use ** for powers"),
        ("a % b", "use mod(a, b) for a remainder; write 5% as 0.05"),
        ("a = b", "write == to compare; an expression assigns nothing"),
        ("a // b", "write floor(a / b)"),
        ("1,5", "write decimals with a point, 1.5; commas only part function arguments"),
        ("a \u00d7 b", "use *"),
        ("1_000", "write a plain decimal number"),
    ],
)
def test_says_what_to_write_instead(text: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.problems[0].hint == hint


@pytest.mark.parametrize("depth", [1, 30, 59])
def test_accepts_what_is_just_deep_enough(depth: int) -> None:
    parse("abs(" * depth + "a" + ")" * depth)
    parse("-" * depth + "a")
    parse("a + " * depth + "a")
    parse("a if a > 0 else " * (depth - 1) + "a")


def test_limits_are_exact() -> None:
    assert len(list(walk(parse("1+" * 59 + "1")))) == 119
    parse("a" * 2_000)
    with pytest.raises(ExpressionError):
        parse("a" * 2_001)


def test_message() -> None:
    text = "max(h_deth, 0.1)"
    where, what = "model.toml:31:14", "unknown name 'h_deth'"
    assert str(ExpressionProblem(where, what, "did you mean 'h_death'?", text, 4, 10)) == (
        "model.toml:31:14: unknown name 'h_deth'\n"
        "    max(h_deth, 0.1)\n"
        "        ^^^^^^\n"
        "  did you mean 'h_death'?"
    )


def test_message_of_a_long_text_shows_the_neighbourhood() -> None:
    text = "a + " * 30 + "b.c" + " + a" * 10
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    shown, carets = str(caught.value).splitlines()[1:3]
    assert shown.startswith("    ...")
    assert len(shown) < 110
    start = carets.index("^")
    assert shown[start : start + len(carets.strip())] == "b.c"


def test_error_is_an_input_error_with_problems_of_a_place() -> None:
    with pytest.raises(InputError) as caught:
        parse("a ^ b")
    error = caught.value
    assert isinstance(error, ExpressionError)
    assert error.text == "a ^ b"
    (problem,) = error.problems_at("parameters.csv:12:3 (value)")
    assert problem.where == "parameters.csv:12:3 (value)"
    assert problem.what == "'^' is not part of the language"
    assert problem.hint == "use ** for powers"
    assert str(problem).endswith("language\n    a ^ b\n      ^\n  use ** for powers")


@pytest.mark.parametrize("name", ["a", "h_death", "R2", "x1_y2"])
def test_good_names(name: str) -> None:
    assert name_problem(name) == ""
    assert parse(name) == Name(name)


@pytest.mark.parametrize(
    "name", ["", "_a", "a_", "a__b", "1a", "a b", "a-b", "é", "if", "class", "a\n"]
)
def test_bad_names(name: str) -> None:
    assert name_problem(name) != ""
