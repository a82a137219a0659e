"""From one estimand to another: each conversion with the assumption that makes it true.

The functions are plain arithmetic. ``CONVERSIONS`` lists those a parameter may declare in its
``conversion`` cell; the assumption goes with the number wherever it is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heecon.errors import InvalidValue, shown
from heecon.evidence.interval import interval_from_se
from heecon.evidence.registry import Evidence, Registry
from heecon.files import names
from heecon.files.table_file import number

DAYS_PER_YEAR = 365.25
YEARS = {"years": 1.0, "months": 1 / 12, "weeks": 7 / DAYS_PER_YEAR, "days": 1 / DAYS_PER_YEAR}
"""Length of a unit of time in years."""

MAX_FRAILTY = 100.0
"""The largest variance of a frailty: beyond, hardly anybody would have any event."""


def risk_ratio_to_hazard_ratio(risk_ratio: float, control_risk: float) -> float:
    """Hazard ratio by the complementary log-log rule: ln(1 - r p) / ln(1 - p).

    Assumes proportional hazards and a follow-up common to both groups at the end of which the
    control risk is p.
    """
    return math.log1p(-_treated_risk(risk_ratio, control_risk)) / math.log1p(-control_risk)


def _treated_risk(risk_ratio: float, control_risk: float) -> float:
    treated = _positive("risk ratio", risk_ratio) * control_risk
    if not (0 < control_risk < 1 and treated < 1):
        what = f"a risk ratio of {risk_ratio:g} at a control risk of {control_risk:g} is impossible"
        raise InvalidValue(what, "Both risks must lie between 0 and 1")
    return treated


def odds_ratio_to_risk_ratio(odds_ratio: float, control_risk: float) -> float:
    """Risk ratio of two groups, the control's risk p: r / (1 - p + p r)."""
    if not 0 < control_risk < 1:
        what = f"the control risk {control_risk:g} is not between 0 and 1"
        raise InvalidValue(what, "Correct it")
    return _positive("odds ratio", odds_ratio) / (1 - control_risk + control_risk * odds_ratio)


def odds_ratio_to_hazard_ratio(odds_ratio: float, control_risk: float) -> float:
    """Hazard ratio by way of the risk ratio, see ``risk_ratio_to_hazard_ratio``."""
    risk_ratio = odds_ratio_to_risk_ratio(odds_ratio, control_risk)
    return risk_ratio_to_hazard_ratio(risk_ratio, control_risk)


def mean_events(risk: float, frailty: float) -> float:
    """Mean number of events of a group in which a share ``risk`` had at least one: (S^-v - 1) / v.

    Assumes a mixed Poisson process: every patient has events at a constant rate of her own, gamma
    distributed with mean 1 and variance v = ``frailty``, so that S = (1 + v m)^(-1/v) have none. A
    variance of 0 is a common rate: -ln S.

    Args:
        risk: share with an event by the end of follow-up, strictly between 0 and 1.
        frailty: variance of the frailty, 0 or more.
    """
    if not 0 < risk < 1:
        raise InvalidValue(f"a risk of {risk:g} is impossible here", "It lies between 0 and 1")
    if not 0 <= frailty <= MAX_FRAILTY:
        what = f"the variance {frailty:g} of a frailty is not between 0 and {MAX_FRAILTY:g}"
        raise InvalidValue(what, "Correct it")
    hazard = -math.log1p(-risk)
    return math.expm1(frailty * hazard) / frailty if frailty > 0 else hazard


def risk_ratio_to_rate_ratio(risk_ratio: float, control_risk: float, frailty: float) -> float:
    """Ratio of the mean numbers of events that belong to two risks, see ``mean_events``."""
    treated = _treated_risk(risk_ratio, control_risk)
    return mean_events(treated, frailty) / mean_events(control_risk, frailty)


def hazard_ratio_to_rate_ratio(hazard_ratio: float, control_risk: float, frailty: float) -> float:
    """Ratio of the mean numbers of events that belong to a first-event hazard ratio.

    Under a frailty the hazards of first events converge, so the printed ratio is one of cumulative
    hazards, ln S1 / ln S0, by the end of a follow-up at which the control risk is 1 - S0.
    """
    control = mean_events(control_risk, frailty)
    survival = (1 - control_risk) ** _positive("hazard ratio", hazard_ratio)
    return mean_events(1 - survival, frailty) / control


def odds_ratio_to_rate_ratio(odds_ratio: float, control_risk: float, frailty: float) -> float:
    """Rate ratio by way of the risk ratio, see ``risk_ratio_to_rate_ratio``."""
    risk_ratio = odds_ratio_to_risk_ratio(odds_ratio, control_risk)
    return risk_ratio_to_rate_ratio(risk_ratio, control_risk, frailty)


def median_to_rate(median: float) -> float:
    """Rate of an exponential time with a median. Assumes a constant rate."""
    return math.log(2) / _positive("median", median)


def mean_to_rate(mean: float) -> float:
    """Rate of an exponential time with a mean. Assumes a constant rate."""
    return 1 / _positive("mean", mean)


def _positive(name: str, value: float) -> float:
    if value <= 0:
        raise InvalidValue(f"the {name} {value:g} is not positive", "Correct it")
    return value


@dataclass(frozen=True)
class Conversion:
    """A conversion a parameter may declare.

    Attributes:
        takes: estimands it can be applied to.
        gives: quantity of the result: an estimand that is a ratio, or a unit; empty for the same.
        convert: from the value, a time's in years, and what stands in the brackets.
        assumes: what must hold, for the parameter's note.
        arguments: what stands in the brackets, in words.
        keeps_se: the standard error stays what it was, as that of a logarithm does on inversion.
    """

    takes: tuple[str, ...]
    gives: str
    convert: Callable[..., float]
    assumes: str
    arguments: tuple[str, ...] = ()
    keeps_se: bool = False


COMMON_FOLLOW_UP = "proportional hazards and a common follow-up (complementary log-log rule)"
MIXED_POISSON = (
    "events of a patient follow a Poisson process at a rate of her own (gamma frailty), and a "
    "common follow-up"
)
ODDS_HOLD = "the odds ratio holds at this control risk"
RISK = ("control risk",)
FRAILTY = (*RISK, "variance of the frailty")

CONVERSIONS: Mapping[str, Conversion] = {
    "inverse": Conversion(
        ("risk ratio", "hazard ratio", "rate ratio", "odds ratio"),
        "",
        lambda value: 1 / value,
        "the comparison read the other way round",
        keeps_se=True,
    ),
    "rate_ratio_as_hazard_ratio": Conversion(
        ("rate ratio",),
        "hazard ratio",
        lambda value: value,
        "events of a patient follow one process with a constant ratio of rates",
        keeps_se=True,
    ),
    "hazard_ratio_as_rate_ratio": Conversion(
        ("hazard ratio",),
        "rate ratio",
        lambda value: value,
        "first and later events have the same ratio of hazards",
        keeps_se=True,
    ),
    "risk_ratio_to_hazard_ratio": Conversion(
        ("risk ratio",), "hazard ratio", risk_ratio_to_hazard_ratio, COMMON_FOLLOW_UP, RISK
    ),
    "risk_ratio_to_rate_ratio": Conversion(
        ("risk ratio",), "rate ratio", risk_ratio_to_rate_ratio, MIXED_POISSON, FRAILTY
    ),
    "hazard_ratio_to_rate_ratio": Conversion(
        ("hazard ratio",), "rate ratio", hazard_ratio_to_rate_ratio, MIXED_POISSON, FRAILTY
    ),
    "odds_ratio_to_risk_ratio": Conversion(
        ("odds ratio",), "risk ratio", odds_ratio_to_risk_ratio, ODDS_HOLD, RISK
    ),
    "odds_ratio_to_hazard_ratio": Conversion(
        ("odds ratio",),
        "hazard ratio",
        odds_ratio_to_hazard_ratio,
        f"{ODDS_HOLD}; {COMMON_FOLLOW_UP}",
        RISK,
    ),
    "odds_ratio_to_rate_ratio": Conversion(
        ("odds ratio",),
        "rate ratio",
        odds_ratio_to_rate_ratio,
        f"{ODDS_HOLD}; {MIXED_POISSON}",
        FRAILTY,
    ),
    "median_to_rate": Conversion(("median",), "per year", median_to_rate, "a constant hazard"),
    "mean_to_rate": Conversion(("mean",), "per year", mean_to_rate, "a constant hazard"),
}
"""What a parameter may declare; adding one is adding one entry here."""

_DECLARED = re.compile(r"([a-z_]+)(?:\(([A-Za-z0-9_.+, -]+)\))?")


@dataclass(frozen=True)
class Converted:
    """A figure after a conversion.

    Attributes:
        value, low, high, se: on the new scale; None where the evidence has none.
        quantity: what a parameter must have as its unit.
        assumes: the assumption made; empty without a conversion.
    """

    value: float | None
    low: float | None
    high: float | None
    se: float | None
    quantity: str
    assumes: str = ""


def converted(row: Evidence, declared: str, registry: Registry) -> Converted:
    """Apply a declared conversion to a row of evidence.

    Args:
        row: the evidence.
        declared: empty, the name of a conversion, or a name with its argument in brackets: a number
            or the id of evidence, ``risk_ratio_to_hazard_ratio(cochrane_2017_control_risk)``.
        registry: where such an id is looked up.

    Raises:
        InvalidValue: there is no such conversion, or it does not suit the evidence.
    """
    if not declared:
        return Converted(row.value, row.low, row.high, row.se, row.quantity)
    name, arguments = declaration(declared, registry)
    if name not in CONVERSIONS:
        raise InvalidValue(
            f"unknown conversion {shown(name)}", names.did_you_mean(name, CONVERSIONS)
        )
    entry = CONVERSIONS[name]
    if row.estimand not in entry.takes:
        what = f"'{name}' does not apply to a {row.estimand}, which '{row.id}' is"
        raise InvalidValue(what, f"It takes a {' or a '.join(entry.takes)}")
    check_arguments(name, arguments, entry.arguments)
    if entry.gives == "per year" and row.unit not in YEARS:
        raise InvalidValue(
            f"{shown(row.unit)} is no unit of time", f"'{name}' knows {', '.join(YEARS)}"
        )
    scale = YEARS[row.unit] if entry.gives == "per year" else 1.0

    def convert(figure: float | None) -> float | None:
        return None if figure is None else entry.convert(figure * scale, *arguments)

    printed = row.low, row.high
    if None in printed and row.se and row.value and row.kind.ratio and not entry.keeps_se:
        printed = interval_from_se(row.value, row.se, log=True)
    ends = sorted(end for end in map(convert, printed) if end is not None)
    low, high = ends if len(ends) == 2 else (None, None)
    se = row.se if entry.keeps_se else None
    quantity = entry.gives or row.quantity
    return Converted(convert(row.value), low, high, se, quantity, entry.assumes)


def declaration(declared: str, registry: Registry) -> tuple[str, tuple[float, ...]]:
    """The name of a conversion and what stands in its brackets: numbers, or ids of evidence."""
    found = _DECLARED.fullmatch(declared)
    if found is None:
        return declared, ()
    arguments = found[2].split(",") if found[2] else []
    return found[1], tuple(_argument(text.strip(), registry) for text in arguments)


def check_arguments(name: str, given: tuple[float, ...], needed: tuple[str, ...]) -> None:
    """Refuse a conversion with too much or too little in its brackets."""
    if len(given) != len(needed):
        needs = f"needs a {' and a '.join(needed)}" if needed else "takes nothing in brackets"
        example = f"({', '.join(('0.64', '0.7')[: len(needed)])})" if needed else ""
        raise InvalidValue(f"'{name}' {needs}", f"Write {name}{example}")


def _argument(text: str, registry: Registry) -> float:
    if text[:1].isalpha():
        value = registry.cite(text).value
        if value is None:
            raise InvalidValue(f"the evidence '{text}' has no value", "Cite another one")
        return value
    return number(text)
