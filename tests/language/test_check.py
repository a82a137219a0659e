"""The checker finds everything at once, each with its place and a hint."""

from __future__ import annotations

import numpy as np
import pytest

from heecon.language import Table, check, parse

NAMES = ["h_death", "age", "cost", "x", "y"]
KEYS = np.array([0.0, 1.0])
TABLES = {
    "life": Table("life", KEYS, {"qx": KEYS}),
    "waning": Table("waning", KEYS, {"low": KEYS, "high": KEYS}),
}


@pytest.mark.parametrize(
    ("text", "under", "message", "hint"),
    [
        ("max(h_deth, 0.1)", "h_deth", "unknown name 'h_deth'", "did you mean 'h_death'?"),
        ("Age + 1", "Age", "unknown name 'Age'", "did you mean 'age'?"),
        ("qqqq", "qqqq", "unknown name 'qqqq'", ""),
        ("epx(x)", "epx(x)", "unknown function 'epx'", "did you mean 'exp'?"),
        ("ln(x)", "ln(x)", "unknown function 'ln'", "did you mean 'log'?"),
        ("LN(x)", "LN(x)", "unknown function 'LN'", "did you mean 'log'?"),
        ("eval(x)", "eval(x)", "unknown function 'eval'", None),
        ("cost(x)", "cost(x)", "'cost' is not a function", "write * to multiply"),
        ("exp + 1", "exp", "'exp' is a function", "write exp(...)"),
        ("life + 1", "life", "'life' is a table", "write lookup(life, ...)"),
        ("exp(x, y)", "exp(x, y)", "exp does not take 2 arguments", "write exp(x)"),
        ("exp()", "exp()", "exp does not take 0 arguments", "write exp(x)"),
        ("min(x)", "min(x)", "min does not take 1 argument", "write min(x, y)"),
        ("max(1,2,3,4,5,6,7,8,9)", None, "max does not take 9 arguments", "write max(x, y)"),
        ("odds(x, y)", "odds(x, y)", "odds does not take 2 arguments", "write odds(p)"),
        ("x > y", "x > y", "a comparison is not a number here", "write (1 if x > y else 0)"),
        ("1 + (x > y)", "x > y", "a comparison is not a number here", None),
        ("exp(x > y)", "x > y", "a comparison is not a number here", None),
        ("-(x > y)", "x > y", "a comparison is not a number here", None),
        ("1 if (x > y) < 2 else 3", "x > y", "a comparison is not a number here", None),
        ("(x > y) if x > 0 else 1", "x > y", "a comparison is not a number here", None),
        ("not x > y", "not x > y", "a condition is not a number here", None),
        ("lookup(life, x > y)", "x > y", "a comparison is not a number here", None),
        ("1 if x else 2", "x", "a condition must be a comparison", "write x > 0"),
        ("1 if x + y else 2", "x + y", "a condition must be a comparison", "write x > 0"),
        ("1 if not x else 2", "x", "a condition must be a comparison", "write x > 0"),
        ("1 if x > 0 and y else 2", "y", "a condition must be a comparison", "write y > 0"),
        ("1 if x or y > 0 else 2", "x", "a condition must be a comparison", "write x > 0"),
        ("1 if 1 else 2", "1", "a condition must be a comparison", "write x > 0"),
        ("lookup(lief, age)", "lief", "unknown table 'lief'", "did you mean 'life'?"),
        ("lookup(age, age)", "age", "unknown table 'age'", None),
        ("lookup(1, age)", "1", "the first argument of lookup must be a table's name", ""),
        ("lookup(life)", "lookup(life)", "lookup does not take 1 argument", None),
        ("lookup(life, qx, x, y)", None, "lookup does not take 4 arguments", None),
        ("lookup(life, qxx, age)", "qxx", "table 'life' has no column 'qxx'", "did you mean 'qx'?"),
        (
            "interpolate(waning, age)",
            "interpolate(waning, age)",
            "table 'waning' has several columns",
            "write interpolate(waning, column, x) with one of: low, high",
        ),
        (
            "lookup(waning, 1, age)",
            "1",
            "the second of three arguments of lookup must be a column's name",
            "the columns are: low, high",
        ),
    ],
)
def test_finding(text: str, under: str | None, message: str, hint: str | None) -> None:
    (finding,) = check(parse(text), NAMES, TABLES)
    assert finding.what == message
    if under is not None:
        assert text[finding.start : finding.end] == under
    if hint is not None:
        assert finding.hint == hint


def test_all_at_once_in_the_order_of_the_text() -> None:
    text = "nope + exp(1, 2) + (x > 1) + (1 if y else foo(bar)) + nope + lookup(none, neither)"
    found = [finding.what for finding in check(parse(text), NAMES, TABLES)]
    assert found == [
        "unknown name 'nope'",
        "exp does not take 2 arguments",
        "a comparison is not a number here",
        "a condition must be a comparison",
        "unknown function 'foo'",
        "unknown name 'bar'",
        "unknown table 'none'",
        "unknown name 'neither'",
    ]


def test_a_table_may_be_called_like_a_parameter() -> None:
    tables = {"age": Table("age", KEYS, {"cost": KEYS})}
    assert check(parse("lookup(age, cost, age) + cost"), NAMES, tables) == []
