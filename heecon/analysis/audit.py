"""What an assessor asks of a model's evidence: what is assumed, unsupported, outdated or mixed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from heecon.evidence.interval import asymmetry
from heecon.evidence.registry import UNRESOLVED, Registry
from heecon.evidence.synthesis import Synthesis
from heecon.model.definition import Model
from heecon.model.parameter import Parameter, is_assumption
from heecon.table import Column, Table

ODD = 0.02
"""An interval of a ratio further than this from symmetric is looked at."""


Finding = tuple[str, str, str]
"""A thing to look at: its kind, the parameter or figure it is about, and words."""


@dataclass(frozen=True)
class Use:
    """A place where a figure of the registry is used.

    Attributes:
        user: a scenario, a model, or a network.
        subject: the parameter or comparison.
        how: "cited", or the role it has in a conversion or reconstruction.
    """

    user: str
    subject: str
    how: str


def audit(model: Model, registry: Registry) -> Table:
    """Everything in a model and its registry that somebody should look at.

    Args:
        model: with its scenario.
        registry: the evidence it may cite.

    Returns:
        The kind ("assumption", "no source", "no evidence", "price years", "superseded",
        "interval"), the parameter or figure, and what there is to see.
    """
    rows = model.inputs
    findings: list[Finding] = [
        ("assumption", row.key, row.source or "no reason is given")
        for row in rows
        if is_assumption(row) and row.status == "assumption"
    ]
    findings += [
        ("no source", row.key, f"is '{row.status}' but names no source")
        for row in rows
        if row.status != "assumption" and not row.source
    ]
    findings += [
        ("no evidence", row.key, f"is '{row.status}' ({row.source}) but cites no evidence")
        for row in rows
        if row.status != "assumption" and row.source and not row.evidence
    ]
    findings += _price_years(model, rows)
    findings += [
        (
            "superseded",
            row.id,
            "nothing replaces it so far: " + row.note
            if row.superseded_by == UNRESOLVED
            else f"use {row.superseded_by}" + (f": {row.note}" if row.note else ""),
        )
        for row in registry.rows.values()
        if row.superseded_by
    ]
    findings += _odd_intervals(registry)
    kinds, subjects, words = zip(*findings, strict=True) if findings else ((), (), ())
    columns = [
        Column("kind", "Kind", kinds),
        Column("subject", "What", subjects),
        Column("what", "", words),
    ]
    return Table("audit", "What to look at", columns)


def _price_years(model: Model, rows: Iterable[Parameter]) -> list[Finding]:
    years: dict[int, list[str]] = {}
    undated = []
    for row in rows:
        if row.price_year:
            years.setdefault(row.price_year, []).append(row.key)
        elif row.unit == model.settings.currency and row.value:
            undated.append(row.key)
    found = [
        ("price years", f"{len(keys)} prices of {year}", ", ".join(keys))
        for year, keys in sorted(years.items())
        if len(years) > 1
    ]
    if undated:
        found.append(("price years", "prices without a year", ", ".join(undated)))
    return found


def _odd_intervals(registry: Registry) -> list[Finding]:
    """Intervals of ratios that are not symmetric on the logarithmic scale: misprints stand out."""
    found = []
    for row in registry.rows.values():
        if not row.kind.ratio or row.value is None or row.low is None or row.high is None:
            continue
        off = asymmetry(row.value, row.low, row.high)
        if abs(off) > ODD:
            what = f"{row.value:g} ({row.low:g} to {row.high:g}) is {100 * abs(off):.0f}% off"
            found.append(("interval", row.id, f"{what} the middle of its interval"))
    return found


def uses_in_model(identifier: str, model: Model, name: str) -> list[Use]:
    """Where a model uses a figure: cited, or named in a conversion."""
    word = re.compile(rf"\b{re.escape(identifier)}\b")
    found = [Use(name, row.key, "cited") for row in model.parameters if row.evidence == identifier]
    return found + [
        Use(name, row.key, f"in its conversion {row.conversion}")
        for row in model.parameters
        if word.search(row.conversion)
    ]


def uses_in_network(identifier: str, network: Synthesis) -> list[Use]:
    """Where a network uses a figure: combined, or to find a standard error."""
    word = re.compile(rf"\b{re.escape(identifier)}\b")
    found = []
    for row in network.comparisons:
        subject = f"{row.contrast.treatment} v {row.contrast.comparator}"
        if identifier in row.evidence:
            found.append(Use(f"network {network.name}", subject, "combined"))
        elif word.search(row.spread) or word.search(row.conversion):
            found.append(
                Use(f"network {network.name}", subject, "in its standard error or control")
            )
    return found


def without_repeats(uses: Sequence[Use], base: Mapping[str, str]) -> list[Use]:
    """Uses of scenarios that merely inherit them from their model are left out.

    Args:
        uses: in models and in their scenarios.
        base: the model of a scenario, by the scenario's name.
    """
    own = {(use.user, use.subject, use.how) for use in uses}
    return [use for use in uses if (base.get(use.user, ""), use.subject, use.how) not in own]
