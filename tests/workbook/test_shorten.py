"""Long formulas in parts: each short, and together what the whole was."""

import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heecon.language import Binary, Call, ExcelLimitError, Name, Tree, to_excel
from heecon.language.numpy_target import evaluate
from heecon.language.tree import Conditional
from heecon.workbook.address import is_safe_name, letters, quoted, sheet_names
from heecon.workbook.shorten import LIMIT, MAX_LENGTH, Part, _written_out, shortened
from tests.language.trees import NAMES, numbers

REFERENCES = {name: f"Values!$C${number}" for number, name in enumerate(NAMES, start=100)}
DRAWS = {name: np.linspace(0.3, 4.0, 5) ** (i - 1.5) for i, name in enumerate(NAMES)}


def write(tree: Tree, parts: dict[str, Part] | None = None) -> str:
    names = REFERENCES | dict.fromkeys(parts or {}, "$ABC{r}")
    return to_excel(tree, names, {}, "tolerance", lambda value: f"_k{abs(hash(value)) % 1000}")


def length(tree: Tree) -> int:
    try:
        return len(write(tree))
    except ExcelLimitError:
        return 8_000


def sums(trees: list[Tree]) -> Tree:
    """A tree whose both sides are long, as random ones seldom are."""
    while len(trees) > 1:
        pairs = zip(trees[::2], trees[1::2], strict=False)
        trees = [Binary("+", left, right) for left, right in pairs] + (
            [trees[-1]] if len(trees) % 2 else []
        )
    return trees[0]


def recombined(short: Tree, parts: dict[str, Part]) -> np.ndarray:
    """The value through the parts, each computed from those before it, as cells are."""
    values = dict(DRAWS)
    for name, part in parts.items():
        values[name] = evaluate(part.short, values, {})
    return np.asarray(evaluate(short, values, {}))


def check(tree: Tree) -> None:
    short, parts = shortened(tree, write, "part_")
    for name, part in parts.items():
        assert name.startswith("part_")
        assert len(write(part.short, parts)) <= MAX_LENGTH
        assert part.whole == _written_out(part.short, parts)
    assert len(write(short, parts)) <= MAX_LENGTH
    assert _written_out(short, parts) == tree  # nothing was lost, moved or changed
    assert bool(parts) == (length(tree) > LIMIT)
    with np.errstate(all="ignore"):
        expected = np.asarray(evaluate(tree, DRAWS, {}))
        np.testing.assert_array_equal(recombined(short, parts), expected)
        for part in parts.values():
            np.testing.assert_array_equal(
                evaluate(part.whole, DRAWS, {}), recombined(part.short, parts)
            )


@settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.lists(numbers(3), min_size=1, max_size=24))
def test_random_trees(trees: list[Tree]) -> None:
    check(sums(trees))


@pytest.mark.parametrize("count", [1, 10, 60, 300])
def test_both_sides_are_long(count: int) -> None:
    product = Binary("*", Name("a"), Call("exp", (Binary("/", Name("b"), Name("c")),)))
    tree = sums([product] * count)
    check(tree)


def test_one_side_is_long() -> None:
    terms: list[Tree] = [
        Call("max", (Name("a"), Binary("-", Name("b"), Name("d")))) for _ in range(60)
    ]
    check(functools.reduce(lambda left, right: Binary("-", left, right), terms))


def test_conditions_are_cut_at_the_numbers_they_compare() -> None:
    from heecon.language import And, Compare, Not  # noqa: PLC0415

    long = sums([Binary("*", Name("a"), Name("b"))] * 40)
    other = sums([Binary("/", Name("c"), Name("d"))] * 40)
    truth = And(Compare("<", long, other), Not(Compare(">=", other, long)))
    check(Conditional(truth, long, other))


# --- names and addresses -------------------------------------------------------------------------


@given(st.lists(st.from_regex(r"[a-zA-Z_]{0,4}x{0,40}[a-z0-9_]{0,4}", fullmatch=True), unique=True))
def test_sheet_names_differ(names: list[str]) -> None:
    found = list(sheet_names("Trace_", names).values())
    assert len({name.lower() for name in found}) == len(names)
    assert all(len(name) <= 31 and name.startswith("Trace_") for name in found)


def test_a_cut_name_avoids_the_names_others_have() -> None:
    long = "x" * 40
    names = [long, f"{'x' * 20}_3", long + "y"]
    assert len(set(sheet_names("Trace_", names).values())) == 3


@pytest.mark.parametrize(
    "name",
    ["A1", "XFD1048576", "r", "C", "RC", "r1c1", "R2", "c7", "abc123", "", "1a", "a b", "a-b"],
)
def test_names_that_read_as_addresses(name: str) -> None:
    assert not is_safe_name(name)


@pytest.mark.parametrize("name", ["set_horizon", "abcd1", "r_ill", "x", "part_1", "A1_"])
def test_safe_names(name: str) -> None:
    assert is_safe_name(name)


def test_letters_and_quotes() -> None:
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    assert [letters(n) for n in range(1, 16_385)] == [
        get_column_letter(n) for n in range(1, 16_385)
    ]
    assert [quoted(name) for name in ("Inputs", "A1", "it's", "R1C1")] == [
        "Inputs", "'A1'", "'it''s'", "'R1C1'",
    ]  # fmt: skip
