"""Positions in TOML text point at the value, and the scanner ends on any valid document."""

import tomllib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from heecon.errors import InputError
from heecon.files.toml_file import KeyPath, parse_toml

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
quoted = \"\"\"ends in ""\"\"\" # not "
last = '''''it's'''''
end = 6
[table.sub]
x = -1e3
[[rows]]
v = 1
[[rows]]
v = 2
[rows.below]
w = 3
[[rows.deep]]
z = 4
[[rows.deep]]
z = 5
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
    (("table", "quoted"), "14:10"),
    (("table", "last"), "15:8"),
    (("table", "end"), "16:7"),
    (("table", "sub", "x"), "18:5"),
    (("rows", 0, "v"), "20:5"),
    (("rows", 1, "v"), "22:5"),
    (("rows", 1, "below", "w"), "24:5"),
    (("rows", 1, "deep", 1, "z"), "28:5"),
]


@pytest.mark.parametrize(("path", "place"), PLACES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_place_is_that_of_the_value(path: KeyPath, place: str, newline: str) -> None:
    file = parse_toml(DOCUMENT.replace("\n", newline), "x.toml")
    assert file.where(path) == f"x.toml:{place}"


def test_a_missing_key_has_its_parents_place() -> None:
    file = parse_toml(DOCUMENT, "x.toml")
    assert file.where(("table", "sub", "y", "z")) == "x.toml:17:1"
    assert file.where(("nothing",)) == "x.toml"


def test_what_is_not_toml() -> None:
    with pytest.raises(InputError, match=r"x.toml: this is not valid TOML: Invalid value \(at end"):
        parse_toml("a = ", "x.toml")
    with pytest.raises(InputError, match=r"x.toml:2:5: this is not valid TOML: Invalid value\."):
        parse_toml("a = 1\nb = ?\n", "x.toml")
    with pytest.raises(InputError, match="nested too deeply"):
        parse_toml("a = " + "[" * 100_000, "x.toml")


keys = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Cn")), max_size=8
)
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


# --- whole documents, with headers, comments and every kind of string -----------------------------

BARE = st.text("ab1_-", min_size=1, max_size=3)
WORDS = st.text("a\\\"'#[]{}=,.\n é\u2028", max_size=6)


def basic(text: str) -> str:
    return written(text).replace("\n", "\\n")


@st.composite
def key_texts(draw: st.DrawFn) -> tuple[str, str]:
    """A key and how it is written: bare, in quotes or in apostrophes."""
    key = draw(BARE)
    return key, draw(st.sampled_from([key, f'"{key}"', f"'{key}'", basic(key)]))


@st.composite
def value_texts(draw: st.DrawFn, depth: int = 2) -> tuple[str, list[tuple[KeyPath, str]]]:
    """A value as written, and the texts of all values inside it by path."""
    kind = draw(st.sampled_from(["plain", "basic", "literal", "long", "list", "table"]))
    if kind == "list" and depth:
        inside = draw(st.lists(value_texts(depth - 1), max_size=3))
        between = draw(st.sampled_from([", ", ",\n  # and [ more\n", " ,"]))
        text = (
            "[" + draw(st.sampled_from(["", " ", "\n"])) + between.join(t for t, _ in inside) + "]"
        )
        parts = [((i, *path), t) for i, (_, found) in enumerate(inside) for path, t in found]
    elif kind == "table" and depth:
        keyed = draw(st.lists(st.tuples(key_texts(), value_texts(depth - 1)), max_size=3))
        text = "{ " + ", ".join(f"{k} = {t}" for (_, k), (t, _) in keyed) + " }"
        parts = [((key, *path), t) for (key, _), (_, found) in keyed for path, t in found]
    else:
        word = draw(WORDS)
        plain = draw(
            st.sampled_from(["1", "-1.5e3", "true", "inf", "1979-05-27 07:32:00Z", "0xff"])
        )
        plain_word = "".join(c for c in word if c not in "'\n")
        text, parts = (
            {
                "basic": basic(word),
                "literal": f"'{plain_word}'",
                "long": draw(st.sampled_from([f"'''\n{plain_word}'''", '"""\\"' + '"x"""'])),
            }.get(kind, plain),
            [],
        )
    return text, [((), text), *parts]


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[tuple[KeyPath, str]]]:
    """A document, perhaps invalid, and the text of every value by path."""
    lines: list[str] = []
    expected: list[tuple[KeyPath, str]] = []
    repeated: dict[str, int] = {}
    for section in range(draw(st.integers(1, 4))):
        prefix: KeyPath = ()
        if section:
            name, text = draw(key_texts())
            again = draw(st.booleans())
            lines.append(f"[[ {text} ]] # [x]" if again else f"[{text}]")
            prefix = (name,)
            if again:
                repeated[name] = repeated.get(name, -1) + 1
                prefix = (name, repeated[name])
        for _ in range(draw(st.integers(0, 3))):
            keys_ = draw(st.lists(key_texts(), min_size=1, max_size=2))
            text, found = draw(value_texts())
            equals = draw(st.sampled_from(["=", " = ", "\t=  "]))
            lines.append(
                " . ".join(k for _, k in keys_)
                + equals
                + text
                + draw(st.sampled_from(["", "  # c = 1", "\n"]))
            )
            path = (*prefix, *(key for key, _ in keys_))
            expected += [((*path, *inner), t) for inner, t in found]
    return "\n".join(lines), expected


@given(documents(), st.sampled_from(["\n", "\r\n"]))
def test_every_value_of_a_whole_document_is_found(
    document: tuple[str, list[tuple[KeyPath, str]]], newline: str
) -> None:
    text, expected = document
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    file = parse_toml(text.replace("\n", newline), "x.toml")
    lines = text.split("\n")
    for path, value in expected:
        row, column = file.places[path]
        below = "\n".join([lines[row - 1][column - 1 :], *lines[row:]])
        assert below.startswith(value)
    for path in file.places:
        found: Any = file.data
        for part in path:
            found = found[part]


@given(st.text("a=[]{}\"'\n\r#.,\\ 1-", max_size=30))
def test_any_text_is_toml_or_a_problem(text: str) -> None:
    try:
        parse_toml(text, "x.toml")
    except InputError:
        return
    assert tomllib.loads(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "9" * 5000,
        "a." * 600 + "b = 1",
        "a = " + "[" * 490 + "]" * 490,
        "a = " + "{a=" * 300 + "1" + "}" * 300,
        "\ufeffa = 1",
        "a = '\ud800'",
    ],
)
def test_extremes_are_read_or_refused(text: str) -> None:
    try:
        file = parse_toml(text, "x.toml")
    except InputError:
        return
    assert file.where(("a",)) == "x.toml:1:5"


def test_large_files_take_no_time() -> None:
    text = "\n".join(f"k{number} = {number}" for number in range(20_000))
    assert parse_toml(text, "x.toml").where(("k19999",)) == "x.toml:20000:10"


def test_many_keys_of_many_parts_are_refused_at_once() -> None:
    text = "\n".join("a." * 499 + f"b{i} = 1" for i in range(950))
    with pytest.raises(InputError, match=r"x.toml:81: .*too many before it have hundreds"):
        parse_toml(text, "x.toml")
