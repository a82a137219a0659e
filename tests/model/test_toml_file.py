"""Positions in TOML text point at the value, and the scanner ends on any valid document."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heecon.errors import InputError
from heecon.model.toml_file import KeyPath, parse_toml

DOCUMENT = """\
# a comment with "quotes" and [brackets]
title = "x # not a comment"   # a comment
"quoted key" = 1
a.b."c.d" = 'literal \\ text'

[table]   # after a header
list = [1, [2, 3], { deep = "y" }, # inside
        4]
inline = { one = 1, "two" = { three = 3 } }
text = \"\"\"
several = "lines"
[not.a.table]\"\"\"
after = 5
[table.sub]
x = -1e3
[[rows]]
v = 1
[[rows]]
v = 2
"""

PLACES: list[tuple[KeyPath, str]] = [
    (("title",), "2:9"),
    (("quoted key",), "3:16"),
    (("a", "b", "c.d"), "4:13"),
    (("table", "list"), "7:8"),
    (("table", "list", 1, 1), "7:16"),
    (("table", "list", 2, "deep"), "7:29"),
    (("table", "list", 3), "8:9"),
    (("table", "inline", "two", "three"), "9:39"),
    (("table", "text"), "10:8"),
    (("table", "after"), "13:9"),
    (("table", "sub", "x"), "15:5"),
    (("rows", 0, "v"), "17:5"),
    (("rows", 1, "v"), "19:5"),
]


@pytest.mark.parametrize(("path", "place"), PLACES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_place_is_that_of_the_value(path: KeyPath, place: str, newline: str) -> None:
    file = parse_toml(DOCUMENT.replace("\n", newline), "x.toml")
    assert file.where(path) == f"x.toml:{place}"


def test_a_missing_key_has_its_parents_place() -> None:
    file = parse_toml(DOCUMENT, "x.toml")
    assert file.where(("table", "sub", "y", "z")) == "x.toml:14:1"
    assert file.where(("nothing",)) == "x.toml"


def test_what_is_not_toml() -> None:
    with pytest.raises(InputError, match=r"x.toml: this is not valid TOML: Invalid value \(at end"):
        parse_toml("a = ", "x.toml")
    with pytest.raises(InputError, match=r"x.toml:2:5: this is not valid TOML: Invalid value\."):
        parse_toml("a = 1\nb = ?\n", "x.toml")
    with pytest.raises(InputError, match="nested too deeply"):
        parse_toml("a = " + "[" * 100_000, "x.toml")


keys = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs")), max_size=8)
scalars = st.one_of(st.integers(-1000, 1000), st.booleans(), st.floats(-1e6, 1e6), keys)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[ " + ", ".join(map(written, value)) + " ]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{written(k)} = {written(v)}" for k, v in value.items()) + " }"
    return repr(value)


def paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    below = [found for key, item in inside for found in paths(item, (*path, key))]
    return ([path] if path else []) + below


@given(st.dictionaries(keys, values, max_size=4))
def test_every_value_of_any_document_is_found(document: dict[str, Any]) -> None:
    text = "\n".join(f"{written(key)} = {written(value)}" for key, value in document.items())
    assert tomllib.loads(text) == document
    file = parse_toml(text, "x.toml")
    assert sorted(map(repr, file.places)) == sorted(map(repr, paths(document)))
    lines = text.split("\n")
    for path, (row, column) in file.places.items():
        value: Any = document
        for part in path:
            value = value[part]
        assert lines[row - 1][column - 1 :].startswith(written(value))
