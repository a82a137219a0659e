"""The scalar functions that generated source calls.

Plain Python, so that they can be read, tested and stepped through; ``numba_target`` registers them
with numba, which compiles them as they stand. They use nothing but ``math`` and ``numpy``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heecon.language.tables import TOLERANCE

_ENOUGH = 1e-17  # terms smaller than this no longer change a sum
LARGE_SHAPE = 1e4  # beyond this shape the gamma distribution takes Temme's expansion

# Coefficients of Temme's expansion of the incomplete gamma function in powers of eta
# (DiDonato and Morris 1986, ACM TOMS 12(4), appendix F).
_TEMME_0 = (
    -1.0 / 3.0,
    1.0 / 12.0,
    -2.0 / 135.0,
    1.0 / 864.0,
    1.0 / 2835.0,
    -139.0 / 777600.0,
)
_TEMME_1 = (
    -1.0 / 540.0,
    -1.0 / 288.0,
    1.0 / 378.0,
)
_TEMME_2 = 25.0 / 6048.0


def minimum(
    a: float,
    b: float,
    c: float = math.inf,
    d: float = math.inf,
    e: float = math.inf,
    f: float = math.inf,
    g: float = math.inf,
    h: float = math.inf,
) -> float:
    """Smallest of two to eight numbers; NaN if one is."""
    first = np.minimum(np.minimum(a, b), np.minimum(c, d))
    second = np.minimum(np.minimum(e, f), np.minimum(g, h))
    return float(np.minimum(first, second))


def maximum(
    a: float,
    b: float,
    c: float = -math.inf,
    d: float = -math.inf,
    e: float = -math.inf,
    f: float = -math.inf,
    g: float = -math.inf,
    h: float = -math.inf,
) -> float:
    """Largest of two to eight numbers; NaN if one is."""
    first = np.maximum(np.maximum(a, b), np.maximum(c, d))
    second = np.maximum(np.maximum(e, f), np.maximum(g, h))
    return float(np.maximum(first, second))


def is_less(a: float, b: float) -> float:
    """Whether a < b: 1 or 0; NaN if a side is NaN."""
    return math.nan if math.isnan(a) or math.isnan(b) else 1.0 if a < b else 0.0


def is_at_most(a: float, b: float) -> float:
    """Whether a <= b: 1 or 0; NaN if a side is NaN."""
    return math.nan if math.isnan(a) or math.isnan(b) else 1.0 if a <= b else 0.0


def is_more(a: float, b: float) -> float:
    """Whether a > b: 1 or 0; NaN if a side is NaN."""
    return math.nan if math.isnan(a) or math.isnan(b) else 1.0 if a > b else 0.0


def is_at_least(a: float, b: float) -> float:
    """Whether a >= b: 1 or 0; NaN if a side is NaN."""
    return math.nan if math.isnan(a) or math.isnan(b) else 1.0 if a >= b else 0.0


def is_equal(a: float, b: float) -> float:
    """Whether a == b: 1 or 0; NaN if a side is NaN."""
    return math.nan if math.isnan(a) or math.isnan(b) else 1.0 if a == b else 0.0


def is_other(a: float, b: float) -> float:
    """Whether a != b: 1 or 0; NaN if a side is NaN."""
    return math.nan if math.isnan(a) or math.isnan(b) else 1.0 if a != b else 0.0


def both(first: float, second: float) -> float:
    """``and`` of such truths: the second counts only where the first is 1."""
    return second if first == 1.0 else first


def either(first: float, second: float) -> float:
    """``or``: the second counts only where the first is 0."""
    return second if first == 0.0 else first


def choose(truth: float, if_true: float, if_false: float) -> float:
    """A conditional; NaN where its condition is neither true nor false."""
    return if_true if truth == 1.0 else if_false if truth == 0.0 else math.nan


def last_row(keys: NDArray[np.float64], x: float) -> int:
    """Index of the last key that is at most ``x``; -1 if there is none."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low - 1


def lookup(keys: NDArray[np.float64], values: NDArray[np.float64], x: float) -> float:
    """See ``tables.step_value``."""
    row = last_row(keys, x + TOLERANCE)
    return math.nan if row < 0 else float(values[row])


def interpolate(keys: NDArray[np.float64], values: NDArray[np.float64], x: float) -> float:
    """See ``tables.linear_value``."""
    if not x + TOLERANCE >= keys[0]:
        return math.nan
    if x >= keys[-1]:
        return float(values[-1])
    inside = max(x, keys[0])
    row = last_row(keys, inside)
    if row + 1 == len(keys):
        return float(values[row])
    rise = (values[row + 1] - values[row]) / (keys[row + 1] - keys[row])
    return float(values[row] + (inside - keys[row]) * rise)


def normal_cdf(x: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-x * 0.7071067811865476)


def normal_quantile(p: float) -> float:
    """Wichura's algorithm AS 241 (PPND16); about 16 digits."""
    if not 0.0 < p < 1.0:
        return -math.inf if p == 0.0 else math.inf if p == 1.0 else math.nan
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _quantile_centre(r)
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    size = _quantile_middle(r - 1.6) if r <= 5.0 else _quantile_tail(r - 5.0)
    return -size if q < 0.0 else size


def _quantile_centre(r: float) -> float:
    top = 2.5090809287301226727e3
    top = top * r + 3.3430575583588128105e4
    top = top * r + 6.7265770927008700853e4
    top = top * r + 4.5921953931549871457e4
    top = top * r + 1.3731693765509461125e4
    top = top * r + 1.9715909503065514427e3
    top = top * r + 1.3314166789178437745e2
    top = top * r + 3.3871328727963666080e0
    base = 5.2264952788528545610e3
    base = base * r + 2.8729085735721942674e4
    base = base * r + 3.9307895800092710610e4
    base = base * r + 2.1213794301586595867e4
    base = base * r + 5.3941960214247511077e3
    base = base * r + 6.8718700749205790830e2
    base = base * r + 4.2313330701600911252e1
    return top / (base * r + 1.0)


def _quantile_middle(r: float) -> float:
    top = 7.74545014278341407640e-4
    top = top * r + 2.27238449892691845833e-2
    top = top * r + 2.41780725177450611770e-1
    top = top * r + 1.27045825245236838258e0
    top = top * r + 3.64784832476320460504e0
    top = top * r + 5.76949722146069140550e0
    top = top * r + 4.63033784615654529590e0
    top = top * r + 1.42343711074968357734e0
    base = 1.05075007164441684324e-9
    base = base * r + 5.47593808499534494600e-4
    base = base * r + 1.51986665636164571966e-2
    base = base * r + 1.48103976427480074590e-1
    base = base * r + 6.89767334985100004550e-1
    base = base * r + 1.67638483018380384940e0
    base = base * r + 2.05319162663775882187e0
    return top / (base * r + 1.0)


def _quantile_tail(r: float) -> float:
    top = 2.01033439929228813265e-7
    top = top * r + 2.71155556874348757815e-5
    top = top * r + 1.24266094738807843860e-3
    top = top * r + 2.65321895265761230930e-2
    top = top * r + 2.96560571828504891230e-1
    top = top * r + 1.78482653991729133580e0
    top = top * r + 5.46378491116411436990e0
    top = top * r + 6.65790464350110377720e0
    base = 2.04426310338993978564e-15
    base = base * r + 1.42151175831644588870e-7
    base = base * r + 1.84631831751005468180e-5
    base = base * r + 7.86869131145613259100e-4
    base = base * r + 1.48753612908506148525e-2
    base = base * r + 1.36929880922735805310e-1
    base = base * r + 5.99832206555887937690e-1
    return top / (base * r + 1.0)


def gamma_cdf(x: float, shape: float, scale: float) -> float:
    """Gamma distribution function; 0 for ``x`` below 0, NaN unless shape and scale are positive."""
    if not (shape > 0.0 and scale > 0.0) or math.isnan(x):
        return math.nan
    place = max(x, 0.0) / scale
    if place == 0.0:
        return 0.0
    if place == math.inf:
        return 1.0
    if shape > LARGE_SHAPE:
        return _gamma_large_shape(place, shape)
    if place < shape + 1.0:
        return _gamma_front(place, shape) * _gamma_series(place, shape)
    return 1.0 - _gamma_front(place, shape) * shape * _gamma_fraction(place, shape)


def _gamma_series(x: float, shape: float) -> float:
    """1 + x/(a+1) + x^2/((a+1)(a+2)) + ...; converges quickly for x < a + 1."""
    term, total, below = 1.0, 1.0, shape
    while term > _ENOUGH * total:
        below += 1.0
        term *= x / below
        total += term
    return total


def _gamma_fraction(x: float, shape: float) -> float:
    """The continued fraction of the upper tail (modified Lentz), for x >= a + 1."""
    b = x + 1.0 - shape
    c = 1e300
    d = 1.0 / b
    result = d
    for i in range(1, 100_000):
        step = -i * (i - shape)
        b += 2.0
        d = 1.0 / (step * d + b)
        c = b + step / c
        result *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return result


def _gamma_front(x: float, shape: float) -> float:
    """x^a exp(-x) / Gamma(a + 1) without cancellation (Loader's saddle-point form)."""
    if shape < 10.0:
        return math.exp(shape * math.log(x) - x - math.lgamma(shape + 1.0))
    exponent = -shape * _excess(x, shape) - _stirling_error(shape)
    return math.exp(exponent) / math.sqrt(2.0 * math.pi * shape)


def _stirling_error(a: float) -> float:
    """log(Gamma(a + 1)) minus Stirling's formula, for a >= 10."""
    r = 1.0 / (a * a)
    total = 1.0 / 1188.0 - r * (691.0 / 360360.0 - r / 156.0)
    total = 1.0 / 1260.0 - r * (1.0 / 1680.0 - r * total)
    return (1.0 / 12.0 - r * (1.0 / 360.0 - r * total)) / a


def _excess(x: float, shape: float) -> float:
    """``m - log(1 + m)`` with ``m = x / shape - 1``, to full relative precision also near 0."""
    m = (x - shape) / shape
    if abs(m) > 0.1:
        return m - math.log(x / shape)
    # log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 + ...) with r = m / (2 + m)
    r = m / (2.0 + m)
    square = r * r
    term, total, odd = 2.0 * r * square, 0.0, 3.0
    while abs(term) > _ENOUGH * m * m:
        total += term / odd
        term *= square
        odd += 2.0
    return r * m - total


def _gamma_large_shape(x: float, shape: float) -> float:
    """Temme's uniform expansion, for shapes so large that three of its orders suffice."""
    m = (x - shape) / shape
    if abs(m) > 0.5:
        return 0.0 if m < 0.0 else 1.0
    excess = _excess(x, shape)
    e = math.copysign(math.sqrt(2.0 * excess), m)
    first = 0.0
    for coefficient in _TEMME_0[::-1]:
        first = first * e + coefficient
    second = 0.0
    for coefficient in _TEMME_1[::-1]:
        second = second * e + coefficient
    correction = first + (second + _TEMME_2 / shape) / shape
    body = 0.5 * math.erfc(-e * math.sqrt(0.5 * shape))
    return body - math.exp(-shape * excess) / math.sqrt(2.0 * math.pi * shape) * correction
