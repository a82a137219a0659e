"""Random trees: numpy, generated source and Excel agree wherever everything in them is finite."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heecon.language import (
    And,
    Binary,
    Call,
    Compare,
    Name,
    Not,
    Number,
    Or,
    Tree,
    check,
    evaluate,
    parse,
    to_excel,
    to_text,
    walk,
)

from .scalar import scalar_function
from .spreadsheet import Spreadsheet
from .trees import NAMES, numbers

_BATCH = 25
_VALUES = st.lists(
    st.one_of(st.sampled_from([0.0, 1.0, -2.0]), st.floats(-20.0, 20.0, allow_subnormal=False)),
    min_size=len(NAMES),
    max_size=len(NAMES),
)
repeatable = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def is_tame(tree: Tree, values: dict[str, float]) -> bool:
    """Whether all parts are finite and no last-digit difference can grow into a visible one."""

    def at(part: Tree) -> float:
        return float(evaluate(part, values, {}))

    parts = [part for part in walk(tree) if not isinstance(part, Compare | And | Or | Not)]
    if not all(abs(at(part)) < 1e4 for part in parts):
        return False
    return all(_is_steady(node, at) for node in walk(tree))


def _is_steady(node: Tree, at: Callable[[Tree], float]) -> bool:
    match node:
        case Compare(left=left, right=right):
            gap = abs(at(left) - at(right))
            return gap == 0.0 or gap > 1e-9 * max(abs(at(left)), abs(at(right)))
        case Binary(operator="+" | "-", left=left, right=right):
            return at(node) == 0.0 or abs(at(node)) > 1e-4 * max(abs(at(left)), abs(at(right)))
        case Call(function="floor" | "ceil", arguments=(inside,)):
            return _is_off_whole(at(inside)) or isinstance(inside, Name | Number)
        case Call(function="mod", arguments=(left, right)):
            return _is_off_whole(at(left) / at(right))
        case Call(function="logit" | "odds", arguments=(inside,)):
            return abs(1.0 - at(inside)) > 1e-4
        case _:
            return True


def _is_off_whole(value: float) -> bool:
    return abs(value - round(value)) > 1e-9


@repeatable
@given(trees=st.lists(numbers(4), min_size=_BATCH, max_size=_BATCH), numbers_of=_VALUES)
def test_targets_agree(trees: list[Tree], numbers_of: list[float]) -> None:
    values = dict(zip(NAMES, numbers_of, strict=True))
    tame = [tree for tree in trees if is_tame(tree, values)]
    expected = [float(evaluate(tree, values, {})) for tree in tame]
    sheet = Spreadsheet(values, {})
    formulas = [to_excel(tree, sheet.references, {}) for tree in tame]
    np.testing.assert_allclose(sheet.calculate(formulas), expected, rtol=1e-10, atol=1e-10)
    inputs = [np.float64(number) for number in numbers_of]
    for tree, value in zip(tame, expected, strict=True):
        function = scalar_function(tree, NAMES)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(function(*inputs), value, rtol=1e-10, atol=1e-10)


@repeatable
@given(tree=numbers(6))
def test_text_reads_back(tree: Tree) -> None:
    assert parse(to_text(tree)) == tree
    assert check(tree, NAMES, {}) == []
