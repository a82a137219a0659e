"""Generated source: what it looks like, and that nothing but checked names reaches it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import special

from heecon.language import (
    Call,
    Name,
    compile_function,
    evaluate,
    function_source,
    parse,
    plain_function,
    variable,
)


def test_source() -> None:
    tree = parse("max(a, 0.1) ** -2 if not a < b and b > 0 else expit(exp(b))")
    assert function_source("h_death", ["a", "b"], tree, {}) == (
        "def h_death(v_a, v_b):\n"
        "    return (np.power(maximum(v_a, 0.1), (-2.0)) if ((not (v_a < v_b)) and (v_b > 0.0)) "
        "else f_expit(np.exp(v_b)))\n"
    )


def test_compiles() -> None:
    text = "survival_gengamma(t, 1.2, 0.8, q) + 1 / zero if t > 99 else survival_gamma(t, 2, q)"
    tree = parse(text)
    names = ["t", "q", "zero"]
    function = compile_function(function_source("value", names, tree, {}), "value")
    values = {"t": 2.5, "q": 0.4, "zero": 0.0}
    assert function(*values.values()) == pytest.approx(
        float(evaluate(tree, values, {})), rel=1e-13, abs=0
    )
    assert function(100.0, 0.4, 0.0) == np.inf
    assert np.isnan(function(np.nan, 0.4, 0.0))


def test_compiled_gamma_in_all_its_regions() -> None:
    tree = parse("gamma_cdf(x, shape, 2)")
    function = compile_function(function_source("value", ["x", "shape"], tree, {}), "value")
    for shape in (0.5, 3.0, 50.0, 1e3, 2e4, 1e8):
        for x in shape + np.sqrt(shape) * np.array([-0.6, -0.1, 0.0, 1.5, 3.0]):
            value = function(2 * float(x), shape)
            assert value == pytest.approx(special.gammainc(shape, x), rel=1e-13, abs=0)


@pytest.mark.parametrize("name", ["a b", "a;b", "", "a\n", "1a", "é", "a)", "__import__"])
def test_names_are_matched_against_a_pattern(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        variable(name)
    with pytest.raises(ValueError, match="cannot be a name"):
        function_source("value", [name], Name(name), {})
    with pytest.raises(ValueError, match="cannot be a name"):
        function_source(name, [], parse("1"), {})


@pytest.mark.parametrize("name", ["np", "gamma_cdf", "f_expit", "v_a", "t_life"])
def test_names_of_the_source_itself_are_taken(name: str) -> None:
    with pytest.raises(ValueError, match="uses the name"):
        function_source(name, ["a"], parse("a"), {})


def test_a_name_that_is_no_argument() -> None:
    with pytest.raises(ValueError, match="'b'"):
        function_source("value", ["a"], parse("a + b"), {})


def test_an_unknown_function_goes_nowhere() -> None:
    with pytest.raises(KeyError):
        function_source("value", [], Call("eval", ()), {})


def test_there_are_no_built_ins() -> None:
    with pytest.raises(NameError):
        plain_function("def value():\n    return open('x')\n", "value")()


def test_import_costs_only_numpy() -> None:
    """A fresh interpreter: neither scipy nor numba nor pandas comes along."""
    heavy = "{'numba', 'scipy', 'pandas'}"
    code = f"import sys, heecon.language; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
