"""Standard errors of comparisons that were printed without one, by rules a network names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from heecon.errors import InvalidValue, shown
from heecon.evidence.interval import se_from_interval, se_from_p
from heecon.evidence.registry import Evidence, Registry

MAX_MEMBERS = 500
"""Agents of a class that share its information."""


def reconstructed(
    rule: Any, value: float, figures: list[Evidence], conversion: str, registry: Registry
) -> tuple[float, str]:
    """The standard error of the logarithm of a ratio by a rule, and how it was found in words.

    Args:
        rule: ``"p_value"``, ``{like, n}`` or ``{class, members}``, as in a network's file.
        value: the ratio, converted.
        figures: one figure that is a ratio, or one an arm.
        conversion: as declared; empty without one.
        registry: where figures named by the rule are.

    Raises:
        InvalidValue: there is no such rule, or its figures do not have what it needs.
    """
    kinds: dict[frozenset[str], Callable[[Mapping[str, Any], float, Registry], tuple[float, str]]]
    kinds = {frozenset({"like", "n"}): _like, frozenset({"class", "members"}): _member}
    if rule == "p_value":
        # A conversion leaves the p value as it is: the standard error is stretched like the effect.
        p, words = _p_value(figures[0])
        return se_from_p(value, p, log=True), words
    if isinstance(rule, Mapping) and frozenset(rule) in kinds:
        se, words = kinds[frozenset(rule)](rule, value, registry)
        printed = figures[0].value if len(figures) == 1 else None
        if conversion and printed and printed != 1:
            se *= abs(math.log(value) / math.log(printed))  # as far as the effect was stretched
        return se, words
    what = f"{shown(rule)} is no rule for a standard error"
    raise InvalidValue(
        what, 'Write "p_value", { like = ID, n = ID } or { class = ID, members = 2 }'
    )


def _like(rule: Mapping[str, Any], _value: float, registry: Registry) -> tuple[float, str]:
    """As precise per patient as another figure."""
    other, patients = registry.cite(str(rule["like"])), registry.cite(str(rule["n"]))
    if other.n is None or patients.n is None:
        raise InvalidValue(
            f"'{rule['like']}' or '{rule['n']}' has no n", "Cite figures that have one"
        )
    se = _own_se(other) * math.sqrt(other.n / patients.n)
    return se, f"as precise per patient as {other.id}, with {patients.n:g} patients"


def _member(rule: Mapping[str, Any], _value: float, registry: Registry) -> tuple[float, str]:
    """The class's information shared evenly among its members."""
    other, members = registry.cite(str(rule["class"])), rule["members"]
    if type(members) is not int or not 1 <= members <= MAX_MEMBERS:
        raise InvalidValue(f"{shown(members)} is no number of members", "Write a whole number")
    se = _own_se(other) * math.sqrt(members)
    return se, f"an even share of the information of {other.id} among {members} agents"


def _own_se(figure: Evidence) -> float:
    if figure.low is not None and figure.high is not None:
        return se_from_interval(figure.low, figure.high, log=True)
    if figure.value is None:
        raise InvalidValue(f"'{figure.id}' has no value", "Cite another figure")
    return se_from_p(figure.value, _p_value(figure)[0], log=True)


def _p_value(figure: Evidence) -> tuple[float, str]:
    """A p value and what to call a standard error made of it."""
    if not figure.p_value:
        raise InvalidValue(f"'{figure.id}' has no p value", "Choose another rule")
    if figure.p_value.startswith("<"):
        return float(figure.p_value[1:]), f"its p value, below {figure.p_value[1:]}: at most this"
    return float(figure.p_value), "its p value"
