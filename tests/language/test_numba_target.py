"""Generated source: what it looks like, and that nothing but checked names reaches it."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import special

from heecon.language import (
    Call,
    Name,
    evaluate,
    expression_source,
    namespace,
    parse,
    variable,
)

from .scalar import compiled_function


def test_source() -> None:
    tree = parse("max(a, 0.1) ** -2 if not a < b and b > 0 else expit(exp(b))")
    assert expression_source(tree, {}) == (
        "(np.power(maximum(v_a, 0.1), (-2.0)) "
        "if both((1.0 - is_less(v_a, v_b)), is_more(v_b, 0.0)) == 1.0 else f_expit(np.exp(v_b)) "
        "if both((1.0 - is_less(v_a, v_b)), is_more(v_b, 0.0)) == 0.0 else np.nan)"
    )


def test_compiles() -> None:
    text = "survival_gengamma(t, 1.2, 0.8, q) + 1 / zero if t > 99 else survival_gamma(t, 2, q)"
    tree = parse(text)
    names = ["t", "q", "zero"]
    function = compiled_function(tree, names)
    values = {"t": 2.5, "q": 0.4, "zero": 0.0}
    assert function(*values.values()) == pytest.approx(
        float(evaluate(tree, values, {})), rel=1e-13, abs=0
    )
    assert function(100.0, 0.4, 0.0) == np.inf
    assert np.isnan(function(np.nan, 0.4, 0.0))


NAN, INF = math.nan, math.inf
UNKNOWN = [
    ("1 if a < 1 else 2", NAN, 0.0, NAN),
    ("1 if not a < 1 else 2", NAN, 0.0, NAN),
    ("1 if a != a else 2", NAN, 0.0, NAN),
    ("1 if a >= 1 else 2", INF, 0.0, 1.0),
    ("1 if a - b == 0 else 2", INF, INF, NAN),
    ("1 if mod(1, a) < 0.5 else 2", 0.0, 0.0, NAN),
    # As in a spreadsheet, what the left side settles is settled.
    ("1 if b > 0 and a < 1 else 2", NAN, 0.0, 2.0),
    ("1 if b > 0 and a < 1 else 2", NAN, 1.0, NAN),
    ("1 if a < 1 and b > 0 else 2", NAN, 0.0, NAN),
    ("1 if b > 0 or a < 1 else 2", NAN, 1.0, 1.0),
    ("1 if b > 0 or a < 1 else 2", NAN, 0.0, NAN),
    ("1 if not (b > 0 or a <= 1) else 2", NAN, 0.0, NAN),
    # The branch not taken may have no value; the one taken may not.
    ("1 if b > 0 else a", NAN, 1.0, 1.0),
    ("1 if b > 0 else (2 if a == 1 else 3)", NAN, 1.0, 1.0),
    ("1 if (2 if a == 1 else 3) > 2 else 4", NAN, 1.0, NAN),
    ("(1 if b > 0 else 2) + (1 if a > 0 else 2) * 10", 3.0, 0.0, 12.0),
    ("(1 if (1 if a > 2 else 0) > 0 and b < 1 else 2) if not b > 0 else 5", 3.0, 0.0, 1.0),
]


@pytest.mark.parametrize(("text", "a", "b", "expected"), UNKNOWN)
def test_what_has_no_value_decides_nothing(text: str, a: float, b: float, expected: float) -> None:
    tree = parse(text)
    found = float(evaluate(tree, {"a": a, "b": b}, {}))
    both = {"a": np.array([[a, 0.5]]), "b": np.array([[b, 0.5]])}
    several = evaluate(tree, both, {})
    compiled = compiled_function(tree, ["a", "b"])(a, b)
    assert np.array_equal([found, several[0, 0], compiled], [expected] * 3, equal_nan=True)
    assert np.isfinite(several[0, 1])


def test_compiled_gamma_in_all_its_regions() -> None:
    tree = parse("gamma_cdf(x, shape, 2)")
    function = compiled_function(tree, ["x", "shape"])
    for shape in (0.5, 3.0, 50.0, 1e3, 2e4, 1e8):
        for x in shape + np.sqrt(shape) * np.array([-0.6, -0.1, 0.0, 1.5, 3.0]):
            value = function(2 * float(x), shape)
            assert value == pytest.approx(special.gammainc(shape, x), rel=1e-13, abs=0)


@pytest.mark.parametrize("name", ["a b", "a;b", "", "a\n", "1a", "é", "a)", "__import__"])
def test_names_are_matched_against_a_pattern(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        variable(name)
    with pytest.raises(ValueError, match="cannot be a name"):
        expression_source(Name(name), {})


def test_an_unknown_function_goes_nowhere() -> None:
    with pytest.raises(KeyError):
        expression_source(Call("eval", ()), {})


def test_there_are_no_built_ins() -> None:
    with pytest.raises(NameError):
        exec("open('x')", dict(namespace()))


def test_import_costs_only_numpy() -> None:
    """A fresh interpreter: neither scipy nor numba nor pandas comes along."""
    heavy = "{'numba', 'scipy', 'pandas'}"
    code = f"import sys, heecon.language; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
