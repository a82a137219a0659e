"""Dependency order."""

from __future__ import annotations

import pytest

from heecon.errors import InputError
from heecon.language import CircularDefinition, dependency_order, parse


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
