"""Look-up tables: boundaries, ends, interpolation, bad tables; numpy and compiled source alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heecon.errors import InputError
from heecon.language import (
    Table,
    evaluate,
    expression_source,
    numba_runtime,
    parse,
    table_arguments,
    to_excel,
)
from heecon.language.tables import linear_value, step_value

from .scalar import scalar_function
from .spreadsheet import Spreadsheet

KEYS = np.array([50.0, 51.0, 53.0])
VALUES = np.array([0.1, 0.2, 0.6])
LIFE = Table("life", KEYS, {"qx": VALUES})

STEPS = {
    49.0: math.nan,
    49.99999: math.nan,
    49.9999999999: 0.1,
    50.0: 0.1,
    50.5: 0.1,
    50.99999: 0.1,
    50.9999999999: 0.2,
    51.0: 0.2,
    52.999: 0.2,
    53.0: 0.6,
    99.0: 0.6,
    math.inf: 0.6,
    -math.inf: math.nan,
    math.nan: math.nan,
}
LINES = {
    49.0: math.nan,
    49.9999999999: 0.1,
    50.0: 0.1,
    50.5: 0.15,
    51.0: 0.2,
    52.0: 0.4,
    52.5: 0.5,
    53.0: 0.6,
    99.0: 0.6,
    math.inf: 0.6,
    math.nan: math.nan,
}


@pytest.mark.parametrize(("x", "expected"), STEPS.items())
def test_lookup(x: float, expected: float) -> None:
    np.testing.assert_equal(float(step_value(KEYS, VALUES, x)), expected)
    np.testing.assert_equal(numba_runtime.lookup(KEYS, VALUES, x), expected)


@pytest.mark.parametrize(("x", "expected"), LINES.items())
def test_interpolate(x: float, expected: float) -> None:
    np.testing.assert_allclose(linear_value(KEYS, VALUES, x), expected, rtol=1e-14)
    np.testing.assert_allclose(numba_runtime.interpolate(KEYS, VALUES, x), expected, rtol=1e-14)


@pytest.mark.parametrize("function", ["lookup", "interpolate"])
def test_excel_has_the_same_ends(function: str) -> None:
    places = {f"x{i}": x for i, x in enumerate(LINES) if math.isfinite(x)}
    sheet = Spreadsheet(places, {"life": LIFE})
    trees = [parse(f"{function}(life, {name})") for name in places]
    expected = [float(evaluate(tree, places, {"life": LIFE})) for tree in trees]
    formulas = [to_excel(tree, sheet.references, sheet.tables) for tree in trees]
    np.testing.assert_allclose(sheet.calculate(formulas), expected, rtol=1e-14)


def test_birthdays_reached_by_adding_cycles() -> None:
    """Thirteen cycles of 28 days a year: after n years of additions the age is n years on."""
    keys = np.arange(50.0, 101.0)
    age, step = 50.0, 28 / 364
    for cycle in range(1, 13 * 50):
        age += step
        if cycle % 13 == 0:
            whole = 50.0 + cycle // 13
            assert step_value(keys, keys, age) == whole
            assert numba_runtime.lookup(keys, keys, age) == whole


@pytest.mark.parametrize("function", ["lookup", "interpolate"])
def test_one_row_holds_from_its_key_on(function: str) -> None:
    table = Table("one", np.array([3.0]), {"v": np.array([7.0])})
    tree = parse(f"{function}(one, x)")
    values = evaluate(tree, {"x": [2.0, 3.0, 4.0]}, {"one": table})
    np.testing.assert_array_equal(values, [math.nan, 7.0, 7.0])
    source = scalar_function(tree, ["x"], {"one": table})
    arrays = table_arguments(tree, {"one": table}).values()
    np.testing.assert_equal([source(x, *arrays) for x in (2.0, 3.0, 4.0)], [math.nan, 7.0, 7.0])


def test_interpolation_ends_exactly_at_the_last_value() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        keys, values = np.sort(rng.random(3)), rng.random(3)
        assert linear_value(keys, values, keys[-1]) == values[-1]
        assert numba_runtime.interpolate(keys, values, keys[-1]) == values[-1]


def test_rows() -> None:
    rows = [numba_runtime.last_row(KEYS, x) for x in (49.0, 50.0, 50.5, 51.0, 53.0, 54.0)]
    assert rows == [-1, 0, 0, 1, 2, 2]


def test_arrays_keep_their_shape() -> None:
    x = np.linspace(50, 54, 12).reshape(3, 4)
    for text in ("lookup(life, x)", "interpolate(life, x)"):
        value = evaluate(parse(text), {"x": x}, {"life": LIFE})
        assert value.shape == (3, 4)


def test_columns() -> None:
    table = Table("two", KEYS, {"a": VALUES, "b": VALUES * 2})
    np.testing.assert_array_equal(table.column("b"), VALUES * 2)
    np.testing.assert_array_equal(LIFE.column(), VALUES)
    np.testing.assert_array_equal(LIFE.column("qx"), VALUES)
    for wrong in (None, "c"):
        with pytest.raises(KeyError):
            table.column(wrong)


def test_a_table_cannot_be_changed() -> None:
    keys = KEYS.copy()
    table = Table("life", keys, {"qx": VALUES})
    keys[0] = 99.0
    assert table.keys[0] == 50.0
    with pytest.raises(ValueError, match="read-only"):
        table.keys[0] = 99.0
    with pytest.raises(ValueError, match="read-only"):
        table.column()[0] = 99.0


@pytest.mark.parametrize(
    ("name", "keys", "columns", "what"),
    [
        ("t", [1.0, 1.0], {"v": [1.0, 2.0]}, "has keys that do not ascend strictly"),
        ("t", [2.0, 1.0], {"v": [1.0, 2.0]}, "has keys that do not ascend strictly"),
        ("t", [1.0, math.nan], {"v": [1.0, 2.0]}, "has keys that do not ascend strictly"),
        ("t", [1.0, math.inf], {"v": [1.0, 2.0]}, "has keys that do not ascend strictly"),
        ("t", [], {"v": []}, "has no rows"),
        ("t", [[1.0]], {"v": [[1.0]]}, "has no rows"),
        ("t", [1.0], {}, "has no value column"),
        ("t", [1.0, 2.0], {"v": [1.0]}, "has 1 values in 'v' for 2 keys"),
        ("t__u", [1.0], {"v": [1.0]}, "'t__u' is reserved"),
        ("t", [1.0], {"a b": [1.0]}, "'a b' is not a name"),
    ],
)
def test_bad_tables(name: str, keys: list[float], columns: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=f"^table {name}: .*{what}"):
        Table(name, keys, columns)  # type: ignore[arg-type]


def test_source_names_of_tables_cannot_clash() -> None:
    """a + b_c and a_b + c, and a column called like the keys, all get names of their own."""
    tables = {
        "a": Table("a", KEYS, {"b_c": VALUES, "keys": VALUES * 2}),
        "a_b": Table("a_b", KEYS, {"c": VALUES * 3}),
    }
    tree = parse("lookup(a, b_c, x) + 10 * lookup(a, keys, x) + 100 * lookup(a_b, c, x)")
    assert list(table_arguments(tree, tables)) == [
        "t_a",
        "t_a__b_c",
        "t_a__keys",
        "t_a_b",
        "t_a_b__c",
    ]
    assert expression_source(parse("lookup(a_b, x)"), tables) == "lookup(t_a_b, t_a_b__c, v_x)"
    function = scalar_function(tree, ["x"], tables)
    value = function(50.0, *table_arguments(tree, tables).values())
    assert value == pytest.approx(0.1 + 10 * 0.2 + 100 * 0.3)
