"""Rows of parameters that cite evidence: the registry's figures take the place of empty cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from heecon.errors import Diagnostics, InvalidValue, shown
from heecon.evidence.conversion import Converted, converted
from heecon.evidence.registry import STATUSES, Evidence, Registry
from heecon.evidence.synthesis import Synthesis
from heecon.files import names
from heecon.files.shape import STAND_IN
from heecon.files.table_file import number

SPREAD = ("low", "high", "se", "distribution", "arg1", "arg2", "arg3")
"""Cells that say how uncertain a value is: a row that fills one says all of it itself."""

Row = Mapping[str, str | float]
"""The filled cells of a row by column: texts of a file, numbers of a scenario or the registry."""

JOINT = "multivariate_lognormal"
"""Effects of one network are drawn together: they share comparators."""


class Sources(Protocol):
    """Where cited figures come from; nothing is read before it is cited."""

    def registry(self) -> Registry:
        """The registry of evidence."""

    def network(self, name: str) -> Synthesis:
        """The network of a name, combined."""


def filled(
    row: Row, places: Mapping[str, str], diagnostics: Diagnostics, sources: Sources | None
) -> Row:
    """A row with the figures of the evidence it cites in its empty cells.

    Value, interval, distribution, status, source and price year come from the registry. A value
    may stand in the row as well, if it is the same. A row may call itself weaker than its evidence
    (an assumption that a published figure applies here), never stronger. ``NETWORK/TREATMENT``
    cites the effect of a treatment against the reference of a network.

    Args:
        row: the filled cells by column.
        places: the address of every column's cell; key "" is the row's.
        diagnostics: takes what is wrong with the citation.
        sources: the evidence; None if there is none.

    Returns:
        The row. After a wrong citation a value stands in, so that formulas that read the
        parameter do not look wrong as well.
    """
    if "evidence" not in row:
        if "conversion" in row:
            what = "there is a conversion but no evidence to convert"
            diagnostics.error(places.get("conversion", places[""]), what, "Cite the evidence")
        return row
    with diagnostics.collecting(places.get("evidence", places[""])):
        if sources is None:
            raise InvalidValue("there is no registry of evidence here", "Give a value instead")
        cited = str(row["evidence"])
        if "/" in cited:
            return _from_network(row, sources)
        known = sources.registry()
        evidence = known.cite(cited)
        figures = converted(evidence, str(row.get("conversion", "")), known)
        _check_use(row, evidence, figures)
        cells = _from_registry(row, evidence, figures)
        events, others = evidence.events, (evidence.denominator or 0) - (evidence.events or 0)
        if "distribution" not in cells and events is not None and 0 in {events, others}:
            people = f"{'nobody' if events == 0 else 'everybody'} of {events + others:g}"
            hint = "Add half a patient to either side: distribution beta with arg1 and arg2"
            diagnostics.warn(
                places.get("evidence", places[""]),
                f"'{cited}' does not vary: {people} has the event",
                f"{hint} {events + 0.5:g} and {others + 0.5:g}",
            )
        return cells
    # What is said of the spread of a stand-in would be wrong as well.
    kept = {column: cell for column, cell in row.items() if column not in SPREAD}
    return {"value": STAND_IN, **kept}


def _from_network(row: Row, sources: Sources) -> Row:
    """The cells of a row that cites an effect of a network."""
    name, treatment = str(row["evidence"]).split("/", 1)
    network = sources.network(name)
    treatments = network.network.treatments
    if treatment not in treatments:
        what = f"the network '{name}' has no treatment {shown(treatment)}"
        raise InvalidValue(what, names.did_you_mean(treatment, treatments))
    if row.get("unit", "") != network.estimand:
        what = f"'{row.get('name', '')}' needs a figure in '{row.get('unit', '')}'"
        hint = "Cite another one, or correct the unit"
        raise InvalidValue(f"{what}, '{name}' gives a '{network.estimand}'", hint)
    typed = [column for column in ("value", "conversion", *SPREAD) if column in row]
    if typed:
        what = f"the effects of a network are drawn together, but the row has its own {typed[0]}"
        raise InvalidValue(what, "Leave the cell empty")
    value, low, high = network.ratio(treatment)
    cells = {**row, "value": value, "status": "derived", "source": network.source}
    if treatment == network.network.reference:
        return cells
    return cells | {"low": low, "high": high, "distribution": JOINT, "correlation_group": name}


def network_covariance(
    cited: Mapping[str, str], network: Synthesis
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The covariance of the logarithms of effects, as a file in joint/ would give it.

    Args:
        cited: the treatment by key of parameter.
        network: the network all of them cite.

    Returns:
        The keys and the matrix.
    """
    others = network.network.treatments[1:]
    rows = [others.index(treatment) for treatment in cited.values()]
    return tuple(cited), network.network.covariance[np.ix_(rows, rows)]


def _check_use(row: Row, evidence: Evidence, figures: Converted) -> None:
    """Refuse figures that are not what the parameter needs."""
    name = row.get("name", "")
    if figures.value is None:
        raise InvalidValue(f"the evidence '{evidence.id}' has no value", "Cite another one")
    unit = row.get("unit", "")
    if not unit:
        what = f"'{name}' cites evidence but does not say what it needs"
        raise InvalidValue(what, f"Fill its unit; '{evidence.id}' is in {figures.quantity}")
    if unit != figures.quantity:
        what = f"'{name}' needs a figure in '{unit}', '{evidence.id}' gives '{figures.quantity}'"
        raise InvalidValue(what, "Cite another one, or declare a conversion")
    for column, figure in (("value", figures.value), ("low", figures.low), ("high", figures.high)):
        if column in row and figure is not None and _differs(row[column], figure):
            what = f"{column} {row[column]} differs from {figure!r} of '{evidence.id}'"
            raise InvalidValue(what, "Leave the cell empty")
    year = str(row.get("price_year", ""))
    if year and evidence.price_year and year != evidence.price_year:
        what = f"the price year {year} differs from {evidence.price_year} of '{evidence.id}'"
        raise InvalidValue(what, "Leave the cell empty")
    status = str(row.get("status", ""))
    if status in STATUSES and STATUSES.index(status) < _strength(evidence, figures):
        what = f"'{name}' calls itself {shown(status)}, its evidence is weaker"
        raise InvalidValue(what, f"Write '{_status(evidence, figures)}', or leave the cell empty")


def _differs(cell: str | float, figure: float) -> bool:
    try:
        return (number(cell) if isinstance(cell, str) else cell) != figure
    except InvalidValue:  # reported with the cell
        return False


def _from_registry(row: Row, evidence: Evidence, found: Converted) -> Row:
    """The cells of a row that cites a figure of the registry."""
    words = {
        "status": _status(evidence, found),
        "source": evidence.source,
        "price_year": evidence.price_year,
        "note": "; ".join(part for part in (evidence.note, found.assumes) if part),
    }
    spread = {} if any(column in row for column in SPREAD) else _spread(evidence, found)
    value = {} if found.value is None else {"value": found.value}
    return {**value, **{column: word for column, word in words.items() if word}, **spread, **row}


def _spread(evidence: Evidence, found: Converted) -> dict[str, str | float]:
    """How uncertain the figure is: a distribution and the cells it is built from."""
    family = evidence.kind.family
    if family == "fixed":
        return {}
    ends = {"low": found.low, "high": found.high}
    known = {column: end for column, end in ends.items() if end is not None}
    if len(known) == 2:
        return {"distribution": family, **known}
    if found.se is not None:
        if evidence.kind.scale != "log":
            return {"distribution": family, "se": found.se}
        centre = math.log(found.value or 1)
        return {"distribution": "lognormal", "arg1": centre, "arg2": found.se}
    if evidence.events is not None and evidence.denominator is not None and not found.assumes:
        others = evidence.denominator - evidence.events
        if evidence.events > 0 and others > 0:
            return {"distribution": "beta", "arg1": evidence.events, "arg2": others}
    return {}


def _strength(evidence: Evidence, figures: Converted) -> int:
    """Place in ``STATUSES`` of the strongest thing a citing row may call itself."""
    own = STATUSES.index(evidence.status)
    # A trial's figure is a published one, too.
    return max(own, STATUSES.index("derived")) if figures.assumes else (own if own > 1 else 0)


def _status(evidence: Evidence, figures: Converted) -> str:
    return STATUSES[max(_strength(evidence, figures), STATUSES.index(evidence.status))]
