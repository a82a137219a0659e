"""Random well-typed trees for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from heecon.language import (
    And,
    Binary,
    Call,
    Compare,
    Conditional,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Tree,
)

NAMES = ("a", "b", "c", "d")
_NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 10.0]), st.floats(0.001, 100.0, allow_subnormal=False)
).map(Number)
_LEAVES: st.SearchStrategy[Tree] = st.one_of(st.sampled_from(NAMES).map(Name), _NUMBERS)
_ONE = ("exp", "log", "sqrt", "abs", "floor", "ceil", "normal_cdf", "expit", "logit", "odds")
_TWO = ("min", "max", "mod", "rate_to_prob", "apply_hazard_ratio")
_SIGNS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def numbers(depth: int) -> st.SearchStrategy[Tree]:
    """Trees that give a number, at most ``depth`` levels above their leaves."""
    if depth == 0:
        return _LEAVES
    below = numbers(depth - 1)
    return st.one_of(
        _LEAVES,
        st.builds(Negate, below),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "**"]), below, below),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "**"]), below, below),
        st.builds(Conditional, truths(depth - 1), below, below),
        st.builds(Call, st.sampled_from(_ONE), st.tuples(below)),
        st.builds(Call, st.sampled_from(_TWO), st.tuples(below, below)),
        st.builds(Call, st.sampled_from(["min", "max"]), st.tuples(below, below, below)),
    )


def truths(depth: int) -> st.SearchStrategy[Tree]:
    """Trees that give a truth."""
    side = numbers(max(depth - 1, 0))
    compare = st.builds(Compare, _SIGNS, side, side)
    if depth <= 0:
        return compare
    below = truths(depth - 1)
    return st.one_of(
        compare, st.builds(And, below, below), st.builds(Or, below, below), st.builds(Not, below)
    )
