"""The function registry: one entry is everything there is to know about one function.

To add a function, add one entry to ``_ENTRIES``. If the language can say it, make it a
``Definition`` and every target follows. Otherwise make it a ``Primitive`` and give its numpy,
compiled and Excel forms. Excel forms use Excel 2010 names without the ``_xlfn.`` prefix.

Templates are filled by ``str.format``: ``{0}``, ``{1}`` are the arguments, ``{all}`` all of them
with commas between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from heecon.language.numba_runtime import LARGE_SHAPE, gamma_cdf
from heecon.language.parser import parse
from heecon.language.tables import linear_value, step_value
from heecon.language.tree import Tree

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Function:
    """What all functions have.

    Attributes:
        name: how expressions call it.
        arguments: the names of the arguments, in order.
        summary: one sentence for the documentation.
        most: the largest number of arguments, where more than those named are taken; else 0.
    """

    name: str
    arguments: tuple[str, ...]
    summary: str
    most: int = 0

    def takes(self, count: int) -> bool:
        """Whether ``count`` arguments can be given."""
        return len(self.arguments) <= count <= max(self.most, len(self.arguments))


@dataclass(frozen=True, kw_only=True)
class Primitive(Function):
    """A function each target has its own form of.

    Attributes:
        numpy: works on arrays that broadcast.
        scalar: a function in the namespace of ``numba_runtime``, for generated source.
        excel: template of an Excel formula that needs no brackets around it. ``{numbers}`` is
            ``{all}`` with cell references made numbers.
    """

    numpy: Callable[..., Array]
    scalar: str
    excel: str


@dataclass(frozen=True, kw_only=True)
class Definition(Function):
    """A function the language itself defines, in terms of its arguments.

    Attributes:
        body: the parsed definition.
    """

    body: Tree


@dataclass(frozen=True, kw_only=True)
class Lookup(Function):
    """A function of a table, one of its columns, and a place in it.

    Attributes:
        numpy: takes keys, values and places.
        scalar: a function in the namespace of ``numba_runtime`` taking the same.
        excel: template with ``{keys}``, ``{values}``, ``{x}`` and ``{tolerance}``.
    """

    numpy: Callable[[Array, Array, Array], Array]
    scalar: str
    excel: str

    def takes(self, count: int) -> bool:
        """Table and place, with the column between them or not."""
        return count in (2, 3)


def _minimum(*values: Array) -> Array:
    return reduce(np.minimum, values)


def _maximum(*values: Array) -> Array:
    return reduce(np.maximum, values)


# scipy is imported inside, so that ``import heecon`` stays quick.
def _normal_cdf(x: Array) -> Array:
    from scipy.special import ndtr  # noqa: PLC0415  (lazy)

    return np.asarray(ndtr(x))


def _normal_quantile(p: Array) -> Array:
    from scipy.special import ndtri  # noqa: PLC0415  (lazy)

    return np.asarray(ndtri(p))


def _gamma_cdf(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammainc  # noqa: PLC0415  (lazy)

    places, shapes, scales = np.broadcast_arrays(x, shape, scale)
    inside = np.asarray(gammainc(shapes, np.maximum(places, 0.0) / scales))
    result = np.where((shapes > 0.0) & (scales > 0.0), inside, np.nan)
    # Far from the mean scipy loses digits as the shape grows (1e-11 at 1e6, 1e-7 at 1e8);
    # such shapes come from generalised gamma survival with q near 0.
    large = shapes > LARGE_SHAPE
    if np.any(large):
        result[large] = [
            gamma_cdf(float(place), float(a), float(b))
            for place, a, b in zip(places[large], shapes[large], scales[large], strict=True)
        ]
    return result


def _defined(name: str, arguments: str, text: str, summary: str) -> Definition:
    return Definition(name, tuple(arguments.split()), summary, body=parse(text))


_PLACE = "MAX({x}+0,MIN({keys}))"
_ROW = "MATCH(" + _PLACE + ",{keys},1)"
_INTERPOLATE = (
    "IF({x}+{tolerance}<MIN({keys}),NA(),"
    "IF({x}>=MAX({keys}),INDEX({values},COUNT({keys})),"
    "INDEX({values}," + _ROW + ")+(" + _PLACE + "-INDEX({keys}," + _ROW + "))"
    "*((INDEX({values}," + _ROW + "+1)-INDEX({values}," + _ROW + "))"
    "/(INDEX({keys}," + _ROW + "+1)-INDEX({keys}," + _ROW + ")))))"
)

_ENTRIES: tuple[Function, ...] = (
    Primitive(
        "exp",
        ("x",),
        "e to the power x.",
        numpy=np.exp,
        scalar="np.exp",
        excel="EXP({0})",
    ),
    Primitive(
        "log",
        ("x",),
        "Natural logarithm; NaN below 0.",
        numpy=np.log,
        scalar="np.log",
        excel="LN({0})",
    ),
    Primitive(
        "sqrt",
        ("x",),
        "Square root; NaN below 0.",
        numpy=np.sqrt,
        scalar="np.sqrt",
        excel="SQRT({0})",
    ),
    Primitive(
        "abs",
        ("x",),
        "Absolute value.",
        numpy=np.abs,
        scalar="np.abs",
        excel="ABS({0})",
    ),
    # Excel's FLOOR and CEILING round towards zero for some signs; INT always rounds down.
    Primitive(
        "floor",
        ("x",),
        "Largest whole number not above x.",
        numpy=np.floor,
        scalar="np.floor",
        excel="INT({0})",
    ),
    Primitive(
        "ceil",
        ("x",),
        "Smallest whole number not below x.",
        numpy=np.ceil,
        scalar="np.ceil",
        excel="(-INT(-({0})))",
    ),
    Primitive(
        "min",
        ("x", "y"),
        "Smallest of two to eight numbers.",
        8,
        numpy=_minimum,
        scalar="minimum",
        excel="MIN({numbers})",
    ),
    Primitive(
        "max",
        ("x", "y"),
        "Largest of two to eight numbers.",
        8,
        numpy=_maximum,
        scalar="maximum",
        excel="MAX({numbers})",
    ),
    Primitive(
        "normal_cdf",
        ("x",),
        "Standard normal distribution function.",
        numpy=_normal_cdf,
        scalar="normal_cdf",
        excel="NORMSDIST({0})",
    ),
    Primitive(
        "normal_quantile",
        ("p",),
        "Inverse of the standard normal distribution function.",
        numpy=_normal_quantile,
        scalar="normal_quantile",
        excel="NORMSINV({0})",
    ),
    Primitive(
        "gamma_cdf",
        ("x", "shape", "scale"),
        "Gamma distribution function; 0 for x below 0, NaN unless shape and scale are positive.",
        numpy=_gamma_cdf,
        scalar="gamma_cdf",
        excel="GAMMADIST(MAX(0,{0}+0),{1},{2},TRUE)",
    ),
    Lookup(
        "lookup",
        ("table", "column", "x"),
        "Value of the last row whose key is at most x (within 1e-9); NaN below the first key; "
        "the last row beyond the last key. The column may be left out if there is only one.",
        numpy=step_value,
        scalar="lookup",
        excel="INDEX({values},MATCH({x}+{tolerance},{keys},1))",
    ),
    Lookup(
        "interpolate",
        ("table", "column", "x"),
        "Straight line between the neighbouring rows; NaN below the first key; "
        "the last value beyond the last key. The column may be left out if there is only one.",
        numpy=linear_value,
        scalar="interpolate",
        excel=_INTERPOLATE,
    ),
    _defined(
        "mod",
        "a b",
        "a - b * floor(a / b)",
        "Remainder of a / b, with the sign of b; NaN if b is 0.",
    ),
    _defined(
        "rate_to_prob",
        "rate time",
        "1 - exp(-rate * time)",
        "Probability of an event within a time, from a constant rate.",
    ),
    _defined(
        "prob_to_rate",
        "prob time",
        "-log(1 - prob) / time",
        "Constant rate that gives a probability within a time.",
    ),
    _defined("odds", "p", "p / (1 - p)", "Odds of a probability."),
    _defined("odds_to_prob", "o", "o / (1 + o)", "Probability of given odds."),
    _defined("logit", "p", "log(p / (1 - p))", "Log odds of a probability."),
    # Both exponents are at most 0: Excel's EXP fails beyond 709 where 1/(1+exp(-x)) is just 0.
    _defined(
        "expit",
        "x",
        "exp(min(x, 0)) / (1 + exp(-abs(x)))",
        "Probability of given log odds.",
    ),
    _defined(
        "apply_hazard_ratio",
        "prob hazard_ratio",
        "1 - (1 - prob) ** hazard_ratio",
        "Probability after its hazard is multiplied by a ratio.",
    ),
    _defined(
        "apply_odds_ratio",
        "prob odds_ratio",
        "prob * odds_ratio / (1 - prob + prob * odds_ratio)",
        "Probability after its odds are multiplied by a ratio.",
    ),
    _defined(
        "survival_exponential",
        "t rate",
        "exp(-rate * t)",
        "Share surviving t under a constant rate.",
    ),
    _defined(
        "survival_weibull",
        "t shape scale",
        "exp(-(t / scale) ** shape)",
        "Weibull survival at t >= 0 (accelerated failure time form, as R's pweibull).",
    ),
    # Near shape 0 the difference exp(shape t) - 1 would lose its digits: use its series there.
    # The exponent is capped because Excel fails where the others reach survival 0.
    _defined(
        "survival_gompertz",
        "t shape rate",
        "exp(-rate * t * (1 + shape * t / 2 * (1 + shape * t / 3 * (1 + shape * t / 4))))"
        " if abs(shape * t) < 0.001 else"
        " exp(-rate / shape * (exp(min(shape * t, 700)) - 1))",
        "Gompertz survival at t >= 0 (as flexsurv); shape 0 is the exponential.",
    ),
    _defined(
        "survival_lognormal",
        "t meanlog sdlog",
        "1 if t <= 0 else normal_cdf((meanlog - log(t)) / sdlog)",
        "Lognormal survival at t >= 0.",
    ),
    _defined(
        "survival_loglogistic",
        "t shape scale",
        "1 / (1 + (t / scale) ** shape)",
        "Loglogistic survival at t >= 0 (as flexsurv).",
    ),
    _defined(
        "survival_gamma",
        "t shape rate",
        "1 - gamma_cdf(t, shape, 1 / rate)",
        "Gamma survival at t >= 0.",
    ),
    # Closer to q = 0 than 1e-8 the gamma form has fewer digits than its lognormal limit.
    _defined(
        "survival_gengamma",
        "t mu sigma q",
        "1 if t <= 0 else"
        " survival_lognormal(t, mu, sigma) if abs(q) < 1e-8 else"
        " 1 - gamma_cdf(exp(min(q * (log(t) - mu) / sigma, 700)), q ** -2, q ** 2) if q > 0 else"
        " gamma_cdf(exp(min(q * (log(t) - mu) / sigma, 700)), q ** -2, q ** 2)",
        "Generalised gamma survival at t >= 0 (Prentice form, as flexsurv); q 0 is lognormal.",
    ),
)

FUNCTIONS: dict[str, Function] = {entry.name: entry for entry in _ENTRIES}
