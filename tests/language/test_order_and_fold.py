"""Dependency order and constant folding."""

from __future__ import annotations

import math

import pytest

from heecon.errors import InputError
from heecon.language import CircularDefinition, Number, dependency_order, fold, parse, to_text


def order(**texts: str) -> list[str]:
    return dependency_order({name: parse(text) for name, text in texts.items()})


def test_an_order_that_works_is_kept() -> None:
    assert order(z="1", y="z + parameter", x="1", w="y * x") == ["z", "y", "x", "w"]


def test_what_is_read_comes_first() -> None:
    assert order(a="b + c", b="c", c="1", d="2") == ["c", "b", "a", "d"]
    assert order(a="lookup(b, c)", b="a", c="1") == ["c", "a", "b"]


def test_a_long_chain() -> None:
    trees = {f"v{i}": parse(f"v{i + 1}") for i in range(3_000)}
    assert dependency_order(trees) == [f"v{i}" for i in reversed(range(3_000))]


@pytest.mark.parametrize(
    ("texts", "loop"),
    [
        ({"a": "b", "b": "a"}, ("a", "b", "a")),
        ({"a": "a + 1"}, ("a", "a")),
        ({"free": "1", "x": "c", "a": "b", "b": "c + free", "c": "a"}, ("a", "b", "c", "a")),
    ],
)
def test_circles(texts: dict[str, str], loop: tuple[str, ...]) -> None:
    with pytest.raises(CircularDefinition, match=" -> ".join(loop)) as caught:
        order(**texts)
    assert caught.value.loop == loop
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("1 + 2 * 3", "7"),
        ("1 - 3", "-2"),
        ("2 * a", "6"),
        ("x * 0", "x * 0"),
        ("0 * x + 1 * 2", "0 * x + 2"),
        ("x + (1 + 2)", "x + 3"),
        ("x + 1 + 2", "x + 1 + 2"),
        ("exp(0) * x", "1 * x"),
        ("expit(0)", "0.5"),
        ("-(1 + 1)", "-2"),
        ("1 / 0", "1 / 0"),
        ("log(-1)", "log(-1)"),
        ("exp(1e6)", "exp(1000000)"),
        ("missing + a", "missing + 3"),
        ("lookup(life, a + 1)", "lookup(life, 4)"),
        ("x if a > 1 else y", "x"),
        ("x if a < 1 else y + a", "y + 3"),
        ("x if x > 1 and a < 1 else y", "y"),
        ("x if x > 1 or a > 1 else y", "x"),
        ("x if x > 1 or a < 1 else y", "x if x > 1 or 3 < 1 else y"),
        ("x if not a > 1 else y", "y"),
        ("x if x > a - 1 else y", "x if x > 2 else y"),
        ("x if log(-1) > 0 else y", "x if log(-1) > 0 else y"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    known = {"a": 3.0, "missing": math.nan}
    tree = fold(parse(text), known)
    assert to_text(tree) == folded
    assert tree == parse(folded)


def test_fold_keeps_positions() -> None:
    (number,) = [fold(parse("  1 + 2"))]
    assert isinstance(number, Number)
    assert (number.start, number.end) == (2, 7)
