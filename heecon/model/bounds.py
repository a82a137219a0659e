"""What the value of a parameter can be at all, by its unit and its tags.

A share lies in 0 to 1, a utility is at most 1, costs, rates, ratios and times are not negative.
A value outside is an error; an interval or draws that leave the bounds are a warning.
The tag ``unbounded`` declares an exception, whose reason stands in the note.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from numbers import Real

import numpy as np

from heecon.errors import Diagnostics
from heecon.model.distribution import Distribution
from heecon.model.joint import Block
from heecon.model.parameter import Parameter

Limits = tuple[float, float]

UNBOUNDED = "unbounded"
"""The tag of a parameter that may have any value."""

ANY = (-math.inf, math.inf)
SHARE = (0.0, 1.0)
POSITIVE = (0.0, math.inf)
UTILITY = (-2.0, 1.0)
"""No published value set goes further below death (0) than that."""
LOSS = (-2.0, 2.0)
"""A gain or loss between two utilities; its sign is the model's convention."""

UNITS: Sequence[tuple[str, Limits]] = (
    (r".*\b(log|ln|logit|difference|change|slope|coefficient)\b", ANY),
    (r".*\bratio\b|odds\b", POSITIVE),
    (r"(proportion|probability|share|fraction|risk)s?\b", SHARE),
    (r"(percent|%)", (0.0, 100.0)),
    (r"(utility|utilities)\b", UTILITY),
    (r"per\b|(rate|hazard|event|episode|dose)s?\b", POSITIVE),
    (r"(hour|day|week|month|year|cycle)s?\b", POSITIVE),
    (r"(?-i:[A-Z]{3}\b)|[$£€¥]|(pound|euro|dollar)s?\b", POSITIVE),
)
"""What a unit begins with, and the bounds of its values; the first that fits decides."""

TAGS: Mapping[str, Limits] = {
    "disutility": LOSS,
    "utility": UTILITY,
    "price": POSITIVE,
    "unit_cost": POSITIVE,
    "treatment_duration": POSITIVE,
}
"""What decides where the unit does not."""

FEW = 1e-4
"""A smaller share of draws outside is not worth a word."""


def bounds(unit: str, tags: Collection[str]) -> Limits:
    """The least and the largest value a parameter can have."""
    return _bounds(unit, tags)[0]


def _bounds(unit: str, tags: Collection[str]) -> tuple[Limits, str]:
    """The bounds, and what they follow from."""
    if UNBOUNDED in tags:
        return ANY, ""
    found = next((limits for start, limits in UNITS if re.match(start, unit, re.I)), None)
    if found == UTILITY and "disutility" in tags:
        found = LOSS
    if found is not None:
        return found, f"unit '{unit}'"
    tag = next((tag for tag in TAGS if tag in tags), "")
    return TAGS.get(tag, ANY), f"tag '{tag}'"


def range_words(limits: Limits) -> str:
    """Limits as messages say them."""
    low, high = limits
    if math.isinf(high):
        return f"{low:g} or more"
    return f"{high:g} or less" if math.isinf(low) else f"{low:g} to {high:g}"


def reach(row: Parameter) -> Limits:
    """How far a parameter can go: its bounds, as far as its distribution has values there."""
    ends = [bounds(row.unit, row.tags), support(row)]
    return max(low for low, _ in ends), min(high for _, high in ends)


def support(row: Parameter) -> Limits:
    """Where a parameter's distribution, if it has one, has values."""
    if row.distribution is not None:
        return row.distribution.support()
    univariate = row.joint_family.removeprefix("multivariate_")
    return {"dirichlet": SHARE, "logit_normal": SHARE, "lognormal": POSITIVE}.get(univariate, ANY)


def complaint(row: Parameter, value: float) -> str:
    """What is wrong with a value of a parameter, or an empty string."""
    limits, reason = _bounds(row.unit, row.tags)
    if not (value < limits[0] or value > limits[1]):
        return ""
    return f"'{row.key}' cannot be {value:g}: by its {reason} it is {range_words(limits)}"


def check_bounds(rows: Sequence[Parameter], diagnostics: Diagnostics) -> None:
    """Refuse impossible base values, and warn of intervals that go beyond what is possible."""
    for row in rows:
        if not all(isinstance(number, Real | None) for number in (row.value, row.low, row.high)):
            continue  # made in code, and refused already
        if UNBOUNDED in row.tags and not (row.note or row.source):
            what = f"'{row.key}' is tagged '{UNBOUNDED}', but nothing says why"
            diagnostics.warn(row.place, what, "Write it in the note")
        wrong = complaint(row, row.value)
        if wrong:
            hint = f"Correct it or its unit; or add the tag '{UNBOUNDED}' and say why in the note"
            diagnostics.error(row.place, wrong, hint)
        low, high = reach(row)
        ends = [end for end in (row.low, row.high) if end is not None and not low <= end <= high]
        if ends and not wrong:
            given = " and ".join(f"{end:g}" for end in ends)
            what = f"'{row.key}' is {range_words((low, high))}, but its interval goes to {given}"
            diagnostics.warn(row.place, what, "Sensitivity analyses stop at what is possible")


def warn_of_draws(
    rows: Sequence[Parameter], blocks: Mapping[str, Block], diagnostics: Diagnostics
) -> None:
    """Warn of distributions that draw impossible values, with the share of draws outside."""
    for row in rows:
        limits, reason = _bounds(row.unit, row.tags)
        share = _share_outside(row, blocks, limits)
        if share > FEW:
            what = (
                f"'{row.key}' is {range_words(limits)} by its {reason}, "
                f"but {100 * share:.2g}% of its draws lie outside"
            )
            hint = "Choose a distribution that stays inside, such as beta, gamma or lognormal"
            diagnostics.warn(row.place, what, hint)


def _share_outside(row: Parameter, blocks: Mapping[str, Block], limits: Limits) -> float:
    shape = row.distribution
    if row.joint_family == "empirical":
        block = blocks[row.correlation_group]
        draws = block.matrix[:, block.names.index(row.key)]
        return float(np.mean((draws < limits[0]) | (draws > limits[1])))
    if row.joint_family in {"multivariate_normal", "multivariate_lognormal"}:
        block = blocks[row.correlation_group]
        place = block.names.index(row.key)
        sd = math.sqrt(block.matrix[place, place])
        if sd == 0:
            return 0.0
        log = row.joint_family == "multivariate_lognormal"
        mean = math.log(row.value) if log else row.value
        shape = Distribution("lognormal" if log else "normal", (mean, sd))
    if shape is None or shape.family == "fixed":
        return 0.0
    low, high = shape.support()
    below = shape.cdf(limits[0]) if low < limits[0] else 0.0
    return below + (1.0 - shape.cdf(limits[1]) if high > limits[1] else 0.0)
