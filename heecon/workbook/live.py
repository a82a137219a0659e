"""A formula that knows its value: every formula of the workbook is written once, as a ``Live``.

A ``Live`` is the text of an Excel expression and the value it has at export. Operators and the
functions of this module act on both at once, so that a formula and the value cached beside it
cannot drift apart. What the language of the models knows already (``exp``, ``abs``, ...) is taken
from its registry of functions.

Values are numbers, texts or truths, or arrays of them. Of a column that is one formula all the way
down the value is an array over its rows; of an area (several cells read at once) the last axis of
the value runs over its cells. As in a spreadsheet an empty cell is 0; an error value is NaN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from heecon.arrays import Floats
from heecon.language.functions import FUNCTIONS, Primitive

Operand: TypeAlias = "Live | float | str"
"""What operators take: a ``Live``, the numbers 0 and 1, or a text."""

DRIFT = 1e-9
"""How far the value of a formula may be from the engine's, relative to the value or to 1."""

LOOSE, _JOIN, _ADD, _MULTIPLY, _POWER, _ATOM = range(6)
"""How tightly a text binds. A sign has the level of ``&``: Excel reads -2^2 as 4."""


class FormulaDriftError(Exception):
    """A formula of the workbook does not give the engine's value: a mistake in heecon."""


@dataclass(frozen=True)
class Live:
    """An Excel expression and its value.

    Attributes:
        text: the expression; in columns ``{r}`` stands for the row, ``{p}`` for the one before
            and ``{n}`` for the one after. References carry the name of their sheet.
        value: what it gives at export.
        area: whether it is several cells at once: then the value's last axis runs over them.
        level: how tightly the text binds.
    """

    text: str
    value: Any
    area: bool = False
    level: int = _ATOM

    def __str__(self) -> str:
        return self.text

    def at(self, level: int) -> str:
        """The text, in brackets if it binds less tightly."""
        return self.text if self.level >= level else f"({self.text})"

    @property
    def relative(self) -> Live:
        """The same cell by a row that moves when the formula is copied: ``$B$9`` to ``$B9``."""
        return replace(self, text=re.sub(r"\$([0-9]+)$", r"\1", self.text))

    @property
    def across(self) -> Live:
        """The same cell by a column that moves when the formula is copied: ``$B$9`` to ``B$9``."""
        return replace(self, text=re.sub(r"\$([A-Z]+\$[0-9]+)$", r"\1", self.text))

    def with_value(self, value: Any) -> Live:
        """The same expression with a value that was found with more digits, or elsewhere."""
        return replace(self, value=value)

    def __add__(self, other: Operand) -> Live:
        return _arithmetic("+", np.add, self, other)

    def __radd__(self, other: Operand) -> Live:
        return _arithmetic("+", np.add, other, self)

    def __sub__(self, other: Operand) -> Live:
        return _arithmetic("-", np.subtract, self, other)

    def __rsub__(self, other: Operand) -> Live:
        return _arithmetic("-", np.subtract, other, self)

    def __mul__(self, other: Operand) -> Live:
        return _arithmetic("*", np.multiply, self, other)

    def __rmul__(self, other: Operand) -> Live:
        return _arithmetic("*", np.multiply, other, self)

    def __truediv__(self, other: Operand) -> Live:
        return _arithmetic("/", np.divide, self, other)

    def __pow__(self, other: Operand) -> Live:
        return _arithmetic("^", np.power, self, other)

    def __neg__(self) -> Live:
        return Live(f"-{self.at(_ATOM)}", np.negative(numbers(self.value)), self.area, _JOIN)

    def __lt__(self, other: Operand) -> Live:
        return _comparison("<", np.less, self, other)

    def __le__(self, other: Operand) -> Live:
        return _comparison("<=", np.less_equal, self, other)

    def __gt__(self, other: Operand) -> Live:
        return _comparison(">", np.greater, self, other)

    def __ge__(self, other: Operand) -> Live:
        return _comparison(">=", np.greater_equal, self, other)

    def equals(self, other: Operand) -> Live:
        """``=``, of numbers and of texts."""
        return _comparison("=", _same, self, other)

    def differs(self, other: Operand) -> Live:
        """``<>``."""
        return _comparison("<>", lambda a, b: ~_same(a, b), self, other)


def live(operand: Operand) -> Live:
    """An operand as a ``Live``: a text in quotes; of numbers formulas hold 0 and 1 only."""
    if isinstance(operand, Live):
        return operand
    if isinstance(operand, str):
        return Live(f'"{operand}"', str(operand))
    if operand not in (0, 1):
        raise ValueError(f"formulas hold no numbers but 0 and 1: {operand} wants a constant")
    return Live(str(int(operand)), float(operand))


def numbers(value: Any) -> Floats:
    """A value as numbers; a text is none."""
    array = np.asarray(value)
    if array.dtype.kind in "OU":
        items = [math.nan if isinstance(v, str) else float(v or 0.0) for v in array.flat]
        array = np.array(items).reshape(array.shape)
    return array.astype(float)


def _arithmetic(sign: str, function: Any, left: Operand, right: Operand) -> Live:
    a, b = live(left), live(right)
    level = _POWER if sign == "^" else _ADD if sign in "+-" else _MULTIPLY
    first = a.at(_ATOM if sign == "^" else level)
    # Sums and products may be nested to the right without brackets; differences may not.
    second = b.at(_ATOM if sign == "^" else level + (sign in "-/" or b.level != level))
    with np.errstate(all="ignore"):
        value = function(numbers(a.value), numbers(b.value))
    return Live(f"{first}{sign}{second}", value, a.area or b.area, level)


def _comparison(sign: str, function: Any, left: Operand, right: Operand) -> Live:
    a, b = live(left), live(right)
    sides = (a.value, b.value) if sign in ("=", "<>") else (numbers(a.value), numbers(b.value))
    text = f"{a.at(_JOIN)}{sign}{b.at(_JOIN)}"
    return Live(text, function(*sides), a.area or b.area, LOOSE)


def _same(a: Any, b: Any) -> Any:
    """Whether values are equal; a text and a number never are."""
    left, right = np.asarray(a), np.asarray(b)
    if {left.dtype.kind, right.dtype.kind} & {"O", "U"}:
        left, right = left.astype(object), right.astype(object)
    return np.asarray(left == right, dtype=bool)


def _call(name: str, parts: Sequence[Operand], value: Any, *, area: bool = False) -> Live:
    """A function of Excel of some arguments."""
    return Live(f"{name}({','.join(live(part).text for part in parts)})", value, area)


def joined(*parts: Operand) -> Live:
    """Texts one after the other."""
    found = [live(part) for part in parts]
    words = "".join(p.value if isinstance(p.value, str) else f"{p.value:g}" for p in found)
    if all(part.text == f'"{part.value}"' for part in found):
        return live(words)
    return Live("&".join(part.at(_JOIN) for part in found), words, level=_JOIN)


def sum_of(parts: Sequence[Operand]) -> Live:
    """Terms added up; 0 without any."""
    return reduce(lambda a, b: a + b, [live(part) for part in parts or [0]])


def product_of(parts: Sequence[Operand]) -> Live:
    """Factors multiplied."""
    return reduce(lambda a, b: a * b, [live(part) for part in parts])


# --- functions of numbers ------------------------------------------------------------------------


def _registered(name: str) -> Callable[[Operand], Live]:
    """A function of one number of the language, in its Excel and its numpy form."""
    entry = FUNCTIONS[name]
    assert isinstance(entry, Primitive)  # noqa: S101  (those named below are)

    def call(operand: Operand) -> Live:
        part = live(operand)
        with np.errstate(all="ignore"):
            return Live(entry.excel.format(part.text), entry.numpy(numbers(part.value)), part.area)

    return call


exp, absolute, floor = _registered("exp"), _registered("abs"), _registered("floor")


def one_minus_exp(x: Live, constant: Callable[[float], Live]) -> Live:
    """1 - exp(-x); by its series where x is tiny and the difference would lose its digits."""
    series = x * (1 - x / constant(2.0) * (1 - x / constant(3.0)))
    formula = where(x < constant(1e-5), series, 1 - exp(-x))
    return formula.with_value(-np.expm1(-numbers(x.value)))


def log10(x: Live) -> Live:
    """Decimal logarithm."""
    with np.errstate(all="ignore"):
        return _call("LOG10", (x,), np.log10(numbers(x.value)))


def rounded(x: Live, digits: Live) -> Live:
    """One number rounded to some decimals."""
    known = math.isfinite(digits.value)
    value = round(float(x.value), int(digits.value)) if known else math.nan
    return _call("ROUND", (x, digits), value)


def remainder(x: Live, divisor: Live) -> Live:
    """Remainder of a division."""
    return _call("MOD", (x, divisor), np.mod(numbers(x.value), numbers(divisor.value)))


# --- conditions ----------------------------------------------------------------------------------


def where(condition: Live, yes: Operand, no: Operand) -> Live:
    """One of two values."""
    a, b = live(yes), live(no)
    truth = np.asarray(condition.value)
    if truth.ndim == 0:
        value = a.value if truth else b.value
    else:
        value = np.where(truth != 0, a.value, b.value)
    return _call("IF", (condition, a, b), value)


def all_of(*conditions: Live) -> Live:
    """Whether every condition holds."""
    return _call("AND", conditions, reduce(np.logical_and, [c.value for c in conditions]))


def any_of(*conditions: Live) -> Live:
    """Whether some condition holds."""
    return _call("OR", conditions, reduce(np.logical_or, [c.value for c in conditions]))


def negated(condition: Live) -> Live:
    """Whether a condition does not hold."""
    return _call("NOT", (condition,), np.logical_not(condition.value))


def as_number(condition: Live) -> Live:
    """1 where a condition holds, and 0 elsewhere."""
    return Live(f"--({condition})", numbers(condition.value), condition.area, _JOIN)


def is_number(x: Live) -> Live:
    """Whether a value is a number: neither a text nor an error."""
    return _call("ISNUMBER", (x,), np.isfinite(numbers(x.value)))


def if_error(x: Live, other: Operand) -> Live:
    """A value, or another where it is an error."""
    failed = isinstance(x.value, float) and math.isnan(x.value)
    return _call("IFERROR", (x, other), live(other).value if failed else x.value)


NOT_AVAILABLE = Live("NA()", math.nan)
"""An error value."""


# --- areas ---------------------------------------------------------------------------------------


def area(cells: Sequence[Live]) -> Live:
    """Cells beside or below each other, from the first to the last."""
    first, last = cells[0].text, cells[-1].text.rpartition("!")[2]
    text = first if len(cells) == 1 else f"{first}:{last}"
    values = [cell.value for cell in cells]
    kind = object if any(isinstance(value, str) for value in values) else None
    return Live(text, np.stack([np.asarray(value, dtype=kind) for value in values], axis=-1), True)


def table(lines: Sequence[Sequence[Live]]) -> Live:
    """A rectangle of cells, row by row."""
    corners = area([lines[0][0], lines[-1][-1]]) if len(lines) + len(lines[0]) > 2 else lines[0][0]
    values = np.array([[cell.value for cell in line] for line in lines], dtype=object)
    return Live(corners.text, values, True)


def _reduced(name: str, combine: Any, empty: float, default: float = 0.0) -> Callable[..., Live]:
    """A function that takes numbers and areas, in which it skips texts."""

    def call(*parts: Operand) -> Live:
        found = [live(part) for part in parts]
        values: list[Any] = []
        for part in found:
            value = numbers(part.value)
            if part.area:
                if np.asarray(part.value).dtype.kind in "OU":
                    skipped = np.vectorize(lambda item: isinstance(item, str))(part.value)
                    value = np.where(skipped, empty, value)
                value = combine.reduce(value, axis=-1)
            values.append(value)
        total = reduce(combine, values)
        if math.isinf(empty):
            total = np.where(np.isinf(total) & (np.sign(total) == np.sign(empty)), default, total)
        return _call(name, found, total)

    return call


total, largest, smallest = (
    _reduced("SUM", np.add, 0.0),
    _reduced("MAX", np.maximum, -math.inf),
    _reduced("MIN", np.minimum, math.inf),
)


def count(cells: Live) -> Live:
    """How many cells hold numbers."""
    return _call("COUNT", (cells,), np.isfinite(numbers(cells.value)).sum(axis=-1))


def count_if(cells: Live, word: str) -> Live:
    """How many cells hold a word."""
    return _call("COUNTIF", (cells, word), float(np.sum(_same(cells.value, word))))


def filled(cells: Live) -> Live:
    """How many cells of a column show something; all engines count so, and not by ``"?*"``."""
    blank = float(np.sum(_same(cells.value, "")))
    return rows(cells) - _call("COUNTBLANK", (cells,), blank)


def rows(cells: Live) -> Live:
    """How many cells a column has."""
    return _call("ROWS", (cells,), np.asarray(cells.value).shape[0])


def mean(cells: Live) -> Live:
    """Average."""
    return _call("AVERAGE", (cells,), numbers(cells.value).mean(axis=-1))


def percentile(cells: Live, share: Live) -> Live:
    """The value that a share of the cells lies below."""
    return _call("PERCENTILE", (cells, share), np.quantile(numbers(cells.value), share.value))


def sum_product(*areas: Live) -> Live:
    """The products of the cells of areas, added up."""
    value = reduce(np.multiply, [numbers(part.value) for part in areas]).sum(axis=-1)
    return _call("SUMPRODUCT", areas, value)


def sum_if(kinds: Live, kind: str, cells: Live) -> Live:
    """The sum of the cells beside those that hold a word."""
    value = numbers(cells.value)[np.asarray(kinds.value) == kind].sum()
    return _call("SUMIF", (kinds, kind, cells), value)


def match(x: Operand, cells: Live) -> Live:
    """Number of the first cell that holds a value; an error if none does."""
    found = np.flatnonzero(_same(cells.value, live(x).value))
    return _call("MATCH", (x, cells, 0), float(found[0] + 1) if found.size else math.nan)


def index(cells: Live, *places: Operand) -> Live:
    """The cell of an area with a number, or of a table by row and column; row 0 is a whole column.

    An error where there is no such cell.
    """
    found = [numbers(live(place).value) for place in places]
    values = np.asarray(cells.value)
    whole = len(found) == 2 and float(found[0]) == 0.0
    if len(found) == 1 and found[0].ndim:
        inside = (found[0] >= 1) & (found[0] <= len(values))
        value: Any = np.where(inside, values[np.where(inside, found[0] - 1, 0).astype(int)], np.nan)
    elif any(not 1 <= place <= size for place, size in _sides(found, values, whole=whole)):
        value = math.nan
    else:
        value = values[(..., *(slice(None) if p == 0 else int(p) - 1 for p in found))]
    return _call("INDEX", (cells, *places), value, area=whole)


def _sides(places: Sequence[Floats], values: Any, *, whole: bool) -> list[tuple[float, int]]:
    """Each number, and how many cells there are to count."""
    sides = values.shape[-len(places) :]
    return [(float(p), n) for p, n in zip(places, sides, strict=True)][whole:]


# --- the formula's own value and the engine's ----------------------------------------------------


def compare(formula: Live, value: Any, place: str) -> None:
    """See that a formula gives the engine's value.

    Args:
        formula: with its own value.
        value: the engine's.
        place: the cell, for the message.

    Raises:
        FormulaDriftError: it does not.
    """
    own = formula.value
    if isinstance(value, str) or isinstance(own, str):
        far = np.asarray(own != value)
    else:
        own, value = np.broadcast_arrays(numbers(own), numbers(value))
        with np.errstate(invalid="ignore"):
            near = np.abs(own - value) <= DRIFT * np.maximum(1.0, np.abs(value))
        far = np.where(np.isfinite(value), ~near, np.isfinite(own))
    if np.any(far):
        first = tuple(np.argwhere(far)[0])
        row = f", number {first[0] + 1} of {far.size}" if first else ""
        a, b = (np.asarray(side)[first] for side in (own, value))
        what = f"={formula.text[:200]} gives {a}, and the engine {b}"
        raise FormulaDriftError(f"{place}{row}: {what}. This is a mistake in heecon: report it")
