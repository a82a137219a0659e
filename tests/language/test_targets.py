"""Every expression of the list through every target: all have to agree."""

from __future__ import annotations

import inspect
import string
from functools import cache

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from heecon.language import (
    FUNCTIONS,
    Call,
    check,
    evaluate,
    expression_source,
    names,
    namespace,
    parse,
    table_arguments,
    to_excel,
    to_text,
    variable,
    walk,
)

from .expressions import CASES, TABLES, VALUES, Case
from .scalar import scalar_function
from .spreadsheet import Spreadsheet

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)

every_numbered_case = pytest.mark.parametrize(
    ("place", "case"), list(enumerate(CASES)), ids=[case.text for case in CASES]
)


def close(value: float, case: Case) -> bool:
    return bool(np.isclose(value, case.expected, rtol=case.tolerance, atol=1e-300))


@cache
def compiled_values() -> NDArray[np.float64]:
    """All expressions in one function: numba's start-up costs more than its work."""
    trees = [parse(case.text) for case in CASES]
    arrays: dict[str, NDArray[np.float64]] = {}
    for tree in trees:
        arrays |= table_arguments(tree, TABLES)
    listed = [*(variable(name) for name in VALUES), *arrays, "out"]
    lines = [f"    out[{i}] = {expression_source(tree, TABLES)}" for i, tree in enumerate(trees)]
    space = dict(namespace())
    exec(f"def every({', '.join(listed)}):\n" + "\n".join(lines), space)
    out = np.full(len(CASES), -999.0)
    numba.njit(error_model="numpy")(space["every"])(*VALUES.values(), *arrays.values(), out)
    return out


@cache
def excel_values() -> list[float]:
    sheet = Spreadsheet(VALUES, TABLES)
    trees = [parse(case.text) for case in CASES]
    return sheet.calculate([to_excel(tree, sheet.references, sheet.tables) for tree in trees])


def test_there_are_enough_and_each_function_occurs() -> None:
    trees = [parse(case.text) for case in CASES]
    called = {node.function for tree in trees for node in walk(tree) if isinstance(node, Call)}
    assert len(CASES) >= 60
    assert called == set(FUNCTIONS)


@every_case
def test_check_finds_nothing(case: Case) -> None:
    assert check(parse(case.text), VALUES, TABLES) == []


@every_case
def test_numpy(case: Case) -> None:
    value = evaluate(parse(case.text), VALUES, TABLES)
    assert value.dtype == np.float64
    assert value.shape == ()
    assert close(float(value), case)


@every_case
def test_numpy_arrays(case: Case) -> None:
    """A column of draws against a row of cycles gives each combination."""
    shapes = {name: (3, 1) if i % 2 else (1, 4) for i, name in enumerate(VALUES)}
    arrays = {name: np.full(shapes[name], value) for name, value in VALUES.items()}
    tree = parse(case.text)
    value = evaluate(tree, arrays, TABLES)
    read = [shapes[name] for name in names(tree)]
    assert value.shape == np.broadcast_shapes(*read)
    assert close(float(value.min()), case)
    assert close(float(value.max()), case)


@every_case
def test_plain_source(case: Case) -> None:
    tree = parse(case.text)
    function = scalar_function(tree, VALUES, TABLES)
    arrays = table_arguments(tree, TABLES)
    numbers = [np.float64(value) for value in VALUES.values()]
    with np.errstate(all="ignore"):
        assert close(function(*numbers, *arrays.values()), case)


@every_case
def test_source_holds_nothing_foreign(case: Case) -> None:
    source = expression_source(parse(case.text), TABLES)
    assert set(source) <= set(string.ascii_letters + string.digits + "_().,+-*/<>=! ")


@every_numbered_case
def test_compiled(place: int, case: Case) -> None:
    assert close(compiled_values()[place], case)


@every_numbered_case
def test_excel(place: int, case: Case) -> None:
    assert close(excel_values()[place], case)


@every_case
def test_text_reads_back(case: Case) -> None:
    tree = parse(case.text)
    assert parse(to_text(tree)) == tree
    assert to_text(parse(to_text(tree))) == to_text(tree)


def test_every_helper_of_the_source_is_known() -> None:
    """The namespace has no built-ins: what generated source calls has to be in it."""
    space = namespace()
    assert space["__builtins__"] == {}
    for name, helper in space.items():
        if inspect.isfunction(helper):
            assert helper.__name__ == name
