"""Lengths of time as people write them ("28 days", "3 months"), in years."""

from __future__ import annotations

import math
import re

from heecon.errors import InvalidValue, shown
from heecon.files import names

DAYS_PER_YEAR = 365.25

_YEARS_PER_UNIT = {
    "days": 1 / DAYS_PER_YEAR,
    "weeks": 7 / DAYS_PER_YEAR,
    "months": 1 / 12,
    "years": 1.0,
}
_AMOUNT_AND_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Za-z]+)\s*")


def years(text: str) -> float:
    """Turn an amount and a unit into years of 365.25 days.

    Args:
        text: for example ``"28 days"``, ``"1 month"`` (a twelfth of a year), ``"1 year"``.

    Returns:
        The length in years, positive and finite.

    Raises:
        InvalidValue: the text is not an amount and a known unit, or the amount is not positive.
    """
    amount, unit = split(text)
    if unit not in _YEARS_PER_UNIT:
        hint = names.did_you_mean(unit, _YEARS_PER_UNIT)
        raise InvalidValue(f"{shown(text)} has no known unit of time", hint)
    return amount * _YEARS_PER_UNIT[unit]


def split(text: str) -> tuple[float, str]:
    """Split ``"10 years"`` or ``"10 year"`` into ``(10.0, "years")``.

    Raises:
        InvalidValue: there is no positive amount followed by a unit.
    """
    match = _AMOUNT_AND_UNIT.fullmatch(text)
    if match is None:
        hint = "Write a positive amount and a unit, such as '28 days' or '10 years'"
        raise InvalidValue(f"{shown(text)} is not a length of time", hint)
    amount = float(match[1])
    if amount <= 0 or not math.isfinite(amount):
        hint = "Write a positive amount and a unit, such as '28 days' or '10 years'"
        raise InvalidValue(f"{shown(text)} is not a positive length of time", hint)
    return amount, match[2].lower().removesuffix("s") + "s"
